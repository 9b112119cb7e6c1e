"""Other programs, bounded in time: with pipes, and on a terminal as a person has them."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from dataclasses import dataclass
from pathlib import Path

#: The terminal's size, so that a program need not ask for it.
ROWS, COLUMNS = 40, 120
#: The longest that one installer may take.
INSTALL_SECONDS = 600
#: The seconds before each further try of an installer.
DOWNLOAD_PAUSES = (5, 20, 60)
#: How much of what a program printed an error shows.
TAIL_LEN = 600


class Failed(Exception):
    """A client did not do what it should; the message says what."""


class Deadline:
    """The time by which everything of one case must be over."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def left(self, doing: str) -> float:
        """The seconds that are left; fails when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise Failed(f"{doing} is not over within {self.seconds:g} s")
        return left


@dataclass
class Output:
    """How a program ended and what it printed."""

    status: int
    stdout: str
    stderr: str

    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    def tail(self) -> str:
        return (self.stdout + self.stderr).strip()[-TAIL_LEN:]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what changes a Redis client's ways, and with `more`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS", "NODE_", "PYTHON"))}
    return clean | {"REDISCLI_HISTFILE": os.devnull, "REDISCLI_RCFILE": os.devnull, "TERM": "xterm"} | more


def run(arguments: list[str], deadline: Deadline, stdin: bytes = b"", env: dict[str, str] | None = None) -> Output:
    """Runs a program to its end. What it started itself ends with it, also when time is up."""
    name = os.path.basename(arguments[0])
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env or environment(),
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout=deadline.left(name))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        output = Output(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
        raise Failed(f"{name} is not over within {deadline.seconds:g} s; it printed: {output.tail()}") from None
    return Output(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def call(arguments: list, cwd: Path | None = None) -> None:
    """Runs an installer, quietly where it succeeds."""
    arguments = [str(argument) for argument in arguments]
    shown = " ".join(arguments)
    try:
        done = subprocess.run(
            arguments, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except FileNotFoundError:
        raise Failed(f"there is no {arguments[0]}") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"`{shown}` took longer than {INSTALL_SECONDS} s") from None
    if done.returncode != 0:
        raise Failed(f"`{shown}` failed ({done.returncode}):\n{(done.stdout + done.stderr).strip()}")


def download(arguments: list, cwd: Path | None = None) -> None:
    """Runs an installer that needs the network, again after a while where a server has failed it."""
    for pause in DOWNLOAD_PAUSES:
        try:
            call(arguments, cwd)
            return
        except Failed as error:
            print(f"setup: again in {pause} s: {error}", flush=True)
            time.sleep(pause)
    call(arguments, cwd)


class Terminal:
    """A program on a terminal of its own. It ends with the `with` block."""

    def __init__(self, arguments: list[str], deadline: Deadline):
        self.arguments, self.deadline = arguments, deadline
        #: What the program printed since the last match.
        self.text = ""

    def __enter__(self) -> "Terminal":
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                # Who was started in the background ignores Ctrl-C, and hands that on.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execvpe(self.arguments[0], self.arguments, environment())
            finally:
                os._exit(127)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        return self

    def __exit__(self, *_) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def type(self, keys: str) -> None:
        """Types these keys."""
        os.write(self.terminal, keys.encode())

    def wait_for(self, pattern: str) -> re.Match:
        """Waits until the program has printed this; what came before it is gone then."""
        while not (match := re.search(pattern, self.text)):
            if not self._read(f"waiting for {pattern!r}"):
                raise Failed(f"ended before it printed {pattern!r}; it printed: {self.text[-TAIL_LEN:]!r}")
        self.text = self.text[match.end() :]
        return match

    def wait(self) -> int:
        """Waits for the program's end, and returns its status: negative for a signal."""
        while self._read("waiting for the end"):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self, doing: str) -> bool:
        try:
            left = self.deadline.left(doing)
        except Failed as error:
            raise Failed(f"{error}; it printed: {self.text[-TAIL_LEN:]!r}") from None
        if select.select([self.terminal], [], [], left)[0]:
            try:
                # A reply may end in the middle of a character; what is looked for is ASCII.
                read = os.read(self.terminal, 4096)
            except OSError:
                # The terminal's way to say that nobody has it open any more.
                return False
            self.text += read.decode(errors="replace")
            return bool(read)
        return True
