"""PuTTY's plink: as a person with PuTTY types in Telnet mode, and in raw mode."""

import re

from .device import Device
from .install import folder, program
from .process import Deadline, Failed, Terminal, run

NUMBER = r"-?\d+(?:\.\d+)?"


def check(mode: str, release: str, device: Device, deadline: Deadline) -> str:
    """Types commands on a terminal and reads the answers. In Telnet mode plink negotiates first, and ends a line with
    CR NUL or CR LF."""
    command = [program(folder("plink", release) / "usr" / "bin" / "plink"), mode, "-batch", "-P", str(device.port)]
    with Terminal([*command, device.host], deadline) as terminal:
        terminal.type("PING\r")
        terminal.wait_for(r"\+PONG\r*\n")
        terminal.type(f"GET {device.sampled}\r")
        terminal.wait_for(rf"\$\d+\r*\n{NUMBER}\r*\n")
        terminal.type("NOSUCH\r")
        terminal.wait_for(r"-ERR unknown command")
        terminal.type("QUIT\r")
        terminal.wait_for(r"\+OK\r*\n")
        if mode == "-raw":
            # The device has closed its side, and plink keeps the other one open until the input ends.
            terminal.type("\x04")
        status = terminal.wait()
    if status != 0:
        raise Failed(f"it ended with status {status}")
    return "PING, GET, error, QUIT"


def version(release: str) -> str:
    """As plink tells it."""
    output = run([program(folder("plink", release) / "usr" / "bin" / "plink"), "-V"], Deadline(60))
    return re.search(r"Release (\d+\.\d+)", output.stdout)[1]
