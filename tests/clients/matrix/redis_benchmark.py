"""redis-benchmark: whether it gets along with a device, and what it measures."""

import csv

from .device import Device
from .install import debian_program
from .process import Deadline, Failed, run


def version() -> str:
    """As redis-benchmark tells it."""
    return run([debian_program("redis-benchmark"), "--version"], Deadline(60)).stdout.split()[1]


def measure(host: str, port: int, deadline: Deadline, *arguments: str) -> dict[str, float]:
    """The requests per second of each test."""
    command = [debian_program("redis-benchmark"), "-h", host, "-p", str(port), "--csv", *arguments]
    output = run(command, deadline)
    rows = {row["test"]: float(row["rps"]) for row in csv.DictReader(output.lines())}
    # It warns where CONFIG GET is refused, and ends with a status where a request is.
    if output.status != 0 or "error" in (output.stdout + output.stderr).lower() or not rows:
        raise Failed(f"status {output.status}: {output.tail()}")
    return rows


def check(device: Device, deadline: Deadline) -> str:
    """The case of the matrix."""
    rows = measure(device.host, device.port, deadline, "-c", "4", "-n", "2000", "-t", "ping,get")
    if list(rows) != ["PING_INLINE", "PING_MBULK", "GET"]:
        raise Failed(f"it measured {list(rows)}")
    return ", ".join(f"{test} {rps:,.0f}/s" for test, rps in rows.items())
