"""redis_exporter: one scrape, as Prometheus would."""

import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

from .device import Device
from .install import EXPORTER, folder, program
from .process import Deadline, Failed, environment, run

POLL_SECONDS = 0.1
#: Metrics that a scrape must have, each out of a field of INFO.
METRICS = [
    "redis_uptime_in_seconds",
    "redis_connected_clients",
    "redis_commands_processed_total",
    "redis_memory_used_bytes",
]


def path(release: str) -> str:
    return program(folder(EXPORTER, release) / "usr" / "bin" / EXPORTER)


def version(release: str) -> str:
    """As the exporter tells it."""
    output = run([path(release), "--version"], Deadline(60))
    return re.search(r"v?(\d+\.\d+\.\d+)", output.stdout + output.stderr)[1]


def check(release: str, device: Device, deadline: Deadline) -> str:
    """Runs the exporter for one scrape."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    command = [path(release), f"--redis.addr=redis://{device.host}:{device.port}", f"--web.listen-address={listen}"]
    exporter = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), text=True
    )
    try:
        metrics = scrape(f"http://{listen}/metrics", deadline)
    finally:
        exporter.kill()
        log = exporter.communicate()[1]
    values = dict(re.findall(r"^([a-z_]+)(?:\{[^}]*\})? ([-+.e\d]+)$", metrics, re.M))
    if values.get("redis_up") != "1":
        raise Failed(f"redis_up is {values.get('redis_up')}: {log.strip()[-600:]}")
    missing = [name for name in METRICS if name not in values]
    if missing:
        raise Failed(f"no {', '.join(missing)}")
    return f"{sum(name.startswith('redis_') for name in values)} metrics"


def scrape(url: str, deadline: Deadline) -> str:
    """Asks until the exporter listens."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=deadline.left("the scrape")) as reply:
                return reply.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(min(POLL_SECONDS, deadline.left("the exporter's start")))
