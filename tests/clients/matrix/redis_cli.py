"""redis-cli in each of its modes."""

import re
from collections.abc import Callable

from .device import META, Device
from .install import debian_program
from .process import Deadline, Failed, Output, Terminal, run

#: What a person sees of a value, and its text.
NUMBER = r"-?\d+(?:\.\d+)?"
QUOTED = f'"({NUMBER})"'
ID = r"\d+-\d+"
#: What switches a terminal's colour.
COLOUR = r"\x1b\[[\d;]*m"


def version() -> str:
    """As redis-cli tells it."""
    return run([debian_program("redis-cli"), "--version"], Deadline(60)).stdout.split()[1]


def command(device: Device, *arguments: str) -> list[str]:
    return [debian_program("redis-cli"), "-h", device.host, "-p", str(device.port), *arguments]


def expect(truth: object, output: Output | str) -> None:
    if not truth:
        raise Failed(repr(output.tail() if isinstance(output, Output) else output))


def ask(device: Device, deadline: Deadline, *arguments: str) -> Output:
    """A command that the device must answer without an error: `-e` turns one into a status."""
    output = run(command(device, "-e", *arguments), deadline)
    if output.status != 0 or output.stderr:
        raise Failed(f"{' '.join(arguments)}: {output.tail()!r}")
    return output


def one_shot(device: Device, deadline: Deadline) -> str:
    """A process for each command, as in a shell script."""
    ping = ask(device, deadline, "PING")
    expect(ping.stdout == "PONG\n", ping)
    info = ask(device, deadline, "INFO")
    expect(re.search(r"^redis_version:\d", info.stdout, re.M), info)
    expect(re.search(r"^uptime_in_seconds:\d+\r?$", info.stdout, re.M), info)
    value = ask(device, deadline, "GET", device.sampled)
    expect(re.fullmatch(NUMBER, value.stdout.strip()), value)
    values = ask(device, deadline, "MGET", *device.readings, "no.such.reading")
    expect(len(values.lines()) == len(device.readings) + 1 and values.lines()[-1] == "", values)
    expect(all(re.fullmatch(NUMBER, line) for line in values.lines()[:-1]), values)
    meta = ask(device, deadline, "HGETALL", f"meta:{device.sampled}").lines()
    expect(set(meta[::2]).issuperset(META), str(meta))
    entries = ask(device, deadline, "XRANGE", f"history:{device.sampled}", "-", "+", "COUNT", "3")
    expect(re.fullmatch(f"({ID}\nvalue\n{NUMBER}\n){{1,3}}", entries.stdout), entries)
    for output in device.outputs:
        for state in ("1", "0"):
            expect(ask(device, deadline, "SET", output, state).stdout == "OK\n", f"{output} is not set")
            expect(ask(device, deadline, "GET", output).stdout == f"{state}\n", f"{output} is not {state}")
    error = run(command(device, "-e", "NOSUCH", "a"), deadline)
    expect(error.status == 1 and error.tail().startswith("ERR unknown command 'NOSUCH'"), error)
    return "PING, INFO, GET, MGET, HGETALL, XRANGE, SET, error"


def script(device: Device, deadline: Deadline) -> str:
    """Commands on standard input, one a line."""
    lines = ["PING", f"GET {device.sampled}", 'ECHO "two words"', "NOSUCH", "PING"]
    output = run(command(device), deadline, "".join(f"{line}\n" for line in lines).encode())
    answers = [line for line in output.lines() if line]
    expect(output.status == 0 and len(answers) == len(lines), output)
    expect(answers[0] == answers[4] == "PONG" and re.fullmatch(NUMBER, answers[1]), output)
    expect(answers[2] == "two words" and answers[3].startswith("ERR unknown command 'NOSUCH'"), output)
    return f"{len(lines)} lines"


def pipe(device: Device, deadline: Deadline) -> str:
    """Mass insertion: redis-cli sends what it gets as it is, and counts the replies."""
    name = device.sampled
    requests = b"*1\r\n$4\r\nPING\r\n" * 50 + b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(name), name.encode()) * 50
    output = run(command(device, "--pipe"), deadline, requests)
    expect(output.status == 0 and "errors: 0, replies: 100" in output.stdout, output)
    return "100 replies"


def interactive(device: Device, deadline: Deadline) -> str:
    """A person at a terminal, with hints, completion and help out of COMMAND DOCS."""
    summary = ask(device, deadline, "--json", "COMMAND", "DOCS", "GET")
    described = re.search(r'"summary":"([^"]+)"', summary.stdout)
    expect(described, summary)
    with Terminal(command(device), deadline) as terminal:

        def at_prompt(keys: str) -> None:
            # Keys that come before redis-cli asks for them complete nothing.
            terminal.wait_for(re.escape(f"{device.host}:{device.port}> "))
            terminal.type(keys)

        at_prompt("GET ")
        # The hint stands in grey behind what is typed.
        hint = terminal.wait_for(r"GET \x1b\[0;90;49m ?([^\x1b]+)\x1b\[0m")[1]
        terminal.type(f"{device.sampled}\r")
        terminal.wait_for(f"\n{QUOTED}\r\n")
        at_prompt("HGETA\t")
        terminal.wait_for("HGETALL")
        terminal.type(f" meta:{device.sampled}\r")
        terminal.wait_for(r'\n *\d+\) "unit"\r\n')
        at_prompt("HELP GET\r")
        terminal.wait_for(rf"summary:{COLOUR} {re.escape(described[1])}\r")
        # What the documentation lacks, redis-cli prints as `(null)`.
        terminal.wait_for(rf"since:{COLOUR} [^\s(]+\s+{COLOUR}group:{COLOUR} [^\s(]+\s")
        at_prompt("NOSUCH a\r")
        terminal.wait_for(r"\n\(error\) ERR unknown command 'NOSUCH'")
        at_prompt("PING\r")
        terminal.wait_for(r"\nPONG\r\n")
        at_prompt("QUIT\r")
        status = terminal.wait()
    expect(status == 0, f"it ended with status {status}")
    return f"hint {hint!r}, completion, help"


def subscribe(device: Device, deadline: Deadline, *options: str) -> str:
    """A person watches a reading."""
    with Terminal(command(device, *options, "SUBSCRIBE", device.sampled), deadline) as terminal:
        name = re.escape(device.sampled)
        terminal.wait_for(rf'1\) "subscribe"\r\n2\) "{name}"\r\n3\) \(integer\) 1\r\n')
        message = rf'1\) "message"\r\n2\) "{name}"\r\n3\) {QUOTED}\r\n'
        samples = [terminal.wait_for(message)[1] for _ in range(2)]
        terminal.type("\x03")
        terminal.wait()
    return f"samples {', '.join(samples)}"


def resp3(device: Device, deadline: Deadline) -> str:
    """As one_shot, with `-3`: a map shows as one."""
    formatted = ("-3", "--no-raw")
    expect(ask(device, deadline, *formatted, "PING").stdout == "PONG\n", "no PONG")
    hello = ask(device, deadline, *formatted, "HELLO")
    expect(re.search(r'^\d+# "proto" => \(integer\) 3$', hello.stdout, re.M), hello)
    meta = ask(device, deadline, *formatted, "HGETALL", f"meta:{device.sampled}")
    expect(re.search(r'^\d+# "unit" => "', meta.stdout, re.M), meta)
    nothing = ask(device, deadline, *formatted, "GET", "no.such.reading")
    expect(nothing.stdout == "(nil)\n", nothing)
    error = run(command(device, "-e", *formatted, "NOSUCH"), deadline)
    expect(error.status == 1 and "ERR unknown command 'NOSUCH'" in error.tail(), error)
    return "HELLO, HGETALL, " + subscribe(device, deadline, "-3")


def scan(device: Device, deadline: Deadline) -> str:
    names = ask(device, deadline, "--scan").lines()
    expect(set(names).issuperset(device.readings + device.outputs), str(names))
    start = device.sampled[:2]
    matched = ask(device, deadline, "--scan", "--pattern", f"{start}*").lines()
    expect(device.sampled in matched and all(name.startswith(start) for name in matched), str(matched))
    return f"{len(names)} names"


def stat(device: Device, deadline: Deadline) -> str:
    """Lines of figures out of INFO, until Ctrl-C."""
    with Terminal(command(device, "--stat", "-i", "0.2"), deadline) as terminal:
        terminal.wait_for(r"keys +mem +clients +blocked +requests +connections")
        line = r"\n(\d+) +([\d.]+[BKMG]) +(\d+) +(\d+) +(\d+) \(\+\d+\) +(\d+)"
        figures = [terminal.wait_for(line) for _ in range(3)]
        terminal.type("\x03")
        terminal.wait()
    expect(int(figures[0][5]) < int(figures[2][5]), "the requests don't grow")
    keys, memory, clients = figures[2].groups()[:3]
    expect(int(clients) >= 1 and memory != "0B", "no client or no memory")
    return f"{keys} keys, {memory}, {clients} clients"


def latency(device: Device, deadline: Deadline) -> str:
    """Pings for a second, then one line as there is no terminal. A second in which the machine stalls has few pings, and
    is followed by another."""
    samples = 0
    while samples <= 10:
        output = run(command(device, "--latency", "-i", "1"), deadline)
        figures = re.fullmatch(r"(\d+) (\d+) ([\d.]+) (\d+)\s*", output.stdout)
        expect(output.status == 0 and figures, output)
        samples = int(figures[4])
    return f"{figures[3]} ms on average, {figures[2]} at most, {figures[4]} samples"


def bigkeys(device: Device, deadline: Deadline) -> str:
    """A summary, or a refusal that says so; not a crash and not for ever."""
    output = run(command(device, "--bigkeys"), deadline)
    if output.status == 0:
        expect("-------- summary -------" in output.stdout, output)
        return re.search(r"Sampled \d+ keys", output.stdout)[0].lower()
    refusal = re.search(r"(ERR|NOPERM) .+", output.stdout + output.stderr)
    expect(output.status == 1 and refusal, output)
    return f"refused: {refusal[0]}"


#: Each mode with what it does.
MODES: dict[str, Callable[[Device, Deadline], str]] = {
    "one-shot": one_shot,
    "standard input": script,
    "--pipe": pipe,
    "interactive": interactive,
    "SUBSCRIBE": subscribe,
    "-3": resp3,
    "--scan": scan,
    "--stat": stat,
    "--latency": latency,
    "--bigkeys": bigkeys,
}
