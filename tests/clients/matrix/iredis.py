"""iredis: commands on a terminal, on standard input, and typed with its completion."""

import re
from collections.abc import Callable

from .device import META, Device
from .install import folder, program
from .process import Deadline, Failed, Terminal, run

NUMBER = r"-?\d+(?:\.\d+)?"
#: What moves the cursor, switches modes or colours.
CONTROL = r"\x1b\[[\d;?]*[A-Za-z]"


def start(release: str) -> list[str]:
    """The program. Its own script has the folder in it in which it was installed, and is moved afterwards."""
    python = program(folder("iredis", release) / "bin" / "python")
    return [python, "-c", "from iredis.entry import main; main()"]


def command(release: str, device: Device, *arguments: str) -> list[str]:
    return [*start(release), "--iredisrc", "/dev/null", "-h", device.host, "-p", str(device.port), *arguments]


def one_shot(release: str, device: Device, deadline: Deadline) -> str:
    """A process for each command, on a terminal: without one iredis reads commands from standard input."""

    def ask(*words: str) -> str:
        with Terminal(command(release, device, *words), deadline) as terminal:
            status = terminal.wait()
            text = re.sub(CONTROL, "", terminal.text)
        if status != 0:
            raise Failed(f"{' '.join(words)}: status {status}: {text[-300:]!r}")
        return text

    def expect(pattern: str, *words: str) -> None:
        answer = ask(*words)
        if not re.search(pattern, answer):
            raise Failed(f"{' '.join(words)}: {answer[-300:]!r}")

    expect(r"PONG", "PING")
    expect(rf'"?{NUMBER}"?', "GET", device.sampled)
    fields = ask("HGETALL", f"meta:{device.sampled}")
    missing = [name for name in META if f'"{name}"' not in fields]
    if missing:
        raise Failed(f"HGETALL has no {', '.join(missing)}: {fields[-300:]!r}")
    expect(r"\d+-\d+", "XRANGE", f"history:{device.sampled}", "-", "+", "COUNT", "2")
    expect(r"ERROR|ERR", "NOSUCH")
    return "PING, GET, HGETALL, XRANGE, error"


def script(release: str, device: Device, deadline: Deadline) -> str:
    """Commands on standard input, one a line."""
    lines = ["PING", f"GET {device.sampled}", f"SET {device.outputs[0]} 1", f"GET {device.outputs[0]}", "NOSUCH"]
    output = run(command(release, device), deadline, "".join(f"{line}\n" for line in lines).encode())
    # iredis writes the ends of its lines to standard error.
    expected = r"\s*".join(["PONG", NUMBER, "OK", "1", "ERROR unknown command.*"])
    if output.status != 0 or not re.fullmatch(expected, output.stdout, re.DOTALL):
        raise Failed(output.tail())
    return f"{len(lines)} lines"


def interactive(release: str, device: Device, deadline: Deadline) -> str:
    """Typed at the prompt: what iredis asks at its start must be answered, and each reply be shown."""
    prompt = re.escape(f"{device.host}:{device.port}>")
    typed = [
        ("PING", r"PONG"),
        (f"GET {device.sampled}", rf'"{NUMBER}"'),
        ("INFO server", r"redis_version"),
        (f"TYPE history:{device.sampled}", r"stream"),
        ("CLIENT LIST", r"laddr"),
        ("NOSUCH", r"unknown command"),
    ]
    with Terminal(command(release, device), deadline) as terminal:
        # It shows the version that INFO tells.
        terminal.wait_for(r"redis-server\s+\d+\.\d+")
        for line, pattern in typed:
            terminal.wait_for(prompt)
            terminal.type(line + "\r")
            terminal.wait_for(pattern)
        terminal.wait_for(prompt)
        terminal.type("exit\r")
        status = terminal.wait()
    if status != 0:
        raise Failed(f"it ended with status {status}")
    return ", ".join(line for line, _ in typed)


#: The ways in which it is used.
MODES: dict[str, Callable[[str, Device, Deadline], str]] = {
    "one-shot": one_shot,
    "standard input": script,
    "interactive": interactive,
}


def version(release: str) -> str:
    """As iredis tells it."""
    output = run([*start(release), "--version"], Deadline(10))
    return output.stdout.split()[-1]
