#!/usr/bin/env python3
"""Compares the simulated device with a redis-server on this machine, and prints what it measured as JSON.

Both run at the same time on loopback and are measured in turn, so that whatever else the machine does meets both.
Needs Debian's redis-server and redis-tools, and `cargo build --release`.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matrix import install, redis_benchmark
from matrix.device import device
from matrix.process import Deadline, Failed, environment, run

HOST = "127.0.0.1"
RUNS = 3
CLIENTS = 8
#: The longest for a server to start, for one run, and for a server to stop.
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 10, 60, 10
REPOSITORY = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        return free.getsockname()[1]


def answers(port: int) -> bool:
    """Whether somebody answers a PING."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


@contextmanager
def server(command: list[str], port: int, folder: str) -> Iterator[int]:
    """Runs a server in a folder of its own until the `with` block ends."""
    log = Path(folder, "log")
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        deadline = Deadline(START_SECONDS)
        while not answers(port):
            if process.poll() is not None:
                raise Failed(f"{command[0]} ended with status {process.returncode}: {log.read_text()[-600:]}")
            deadline.left(f"the start of {command[0]}")
            time.sleep(0.05)
        yield port
        if process.poll() is not None:
            raise Failed(f"{command[0]} ended with status {process.returncode}: {log.read_text()[-600:]}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def redis_command(port: int) -> list[str]:
    """A redis-server that stores nothing, as a device doesn't either."""
    options = ["--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no", "--daemonize", "no"]
    return [install.debian_program("redis-server"), *options]


def redis_version() -> str:
    printed = run([install.debian_program("redis-server"), "--version"], Deadline(5)).stdout
    version = re.search(r"v=([\d.]+)", printed)[1]
    (pinned,) = install.versions()["redis-tools"]
    if not version.startswith(pinned["version"] + "."):
        raise Failed(f"redis-server is version {version}, not {pinned['version']}")
    return version


def measure(port: int, requests: int, reading: str) -> dict[str, float]:
    """One run: PING both ways, GET of a key that isn't there, and GET of a reading."""
    common = ["-c", str(CLIENTS), "-P", "1", "-n", str(requests)]
    rows = redis_benchmark.measure(HOST, port, Deadline(RUN_SECONDS), *common, "-t", "ping,get")
    return rows | redis_benchmark.measure(HOST, port, Deadline(RUN_SECONDS), *common, "GET", reading)


def compare(sockeye: Path, requests: int) -> dict:
    """Rates of both by test, medians, and the ratio of each run."""
    version = redis_version()
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder, name) for name in ("redis", "sockeye")]
        for home in homes:
            home.mkdir()
        ports = [free_port(), free_port()]
        simulator = [str(sockeye), "sim", "--listen", f"{HOST}:{ports[1]}"]
        with server(redis_command(ports[0]), ports[0], homes[0]), server(simulator, ports[1], homes[1]):
            reading = device("sim", HOST, ports[1]).sampled
            same_value(*ports, reading)
            runs = [[measure(port, requests, reading) for port in ports] for _ in range(RUNS)]
    return summary(runs, version, requests)


def same_value(redis: int, simulator: int, reading: str) -> None:
    """Gives the redis-server a reading, as the device has it."""
    cli = [install.debian_program("redis-cli"), "-e", "-h", HOST, "-p"]
    value = run([*cli, str(simulator), "GET", reading], Deadline(5))
    stored = run([*cli, str(redis), "SET", reading, value.stdout.strip()], Deadline(5))
    if value.status != 0 or stored.stdout != "OK\n":
        raise Failed(f"GET {reading}: {value.tail()}; SET: {stored.tail()}")


def summary(runs: list[list[dict[str, float]]], version: str, requests: int) -> dict:
    tests = []
    for test in runs[0][0]:
        redis, sockeye = ([pair[side][test] for pair in runs] for side in (0, 1))
        tests.append({
            "test": test,
            "redis_per_s": round(statistics.median(redis)),
            "sockeye_per_s": round(statistics.median(sockeye)),
            "ratios_percent": [round(100 * b / a) for a, b in zip(redis, sockeye)],
        })
    return {"redis_version": version, "clients": CLIENTS, "requests": requests, "tests": tests}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    default = target / "release" / "sockeye"
    parser.add_argument("--sockeye", type=Path, default=default, help="the program (default: what cargo built)")
    parser.add_argument(
        "--requests", metavar="N", type=int, default=100_000, help="of each test (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        print(json.dumps(compare(arguments.sockeye.resolve(), arguments.requests)))
    except (Failed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
