#!/usr/bin/env python3
"""Runs Redis clients against a device that speaks RESP, and reports a line for each.

With --setup, first installs the clients that are missing; without HOST and PORT it does nothing else.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matrix import exporter, install, iredis, libraries, monitors, plink, redis_benchmark, redis_cli
from matrix.device import KINDS, Device, device
from matrix.process import Deadline, Failed

#: The longest that one client may take: it ends a client that would wait for ever, and none on a machine that stalls.
CASE_SECONDS = 90
#: How much of a client's complaint the report shows.
MESSAGE_LEN = 1000
LIBRARIES = ["redis-py", "python3-redis", "node-redis", "ioredis", "redis-rs", "lua-redis", "hiredis", "predis"]


@dataclass
class Case:
    """A client in one version and one of its ways."""

    client: str
    #: The version; of Debian's packages only the start is pinned.
    pinned: str
    way: str
    #: Does it, and returns what is worth a word in the report.
    check: Callable[[Device, Deadline], str]
    #: Asks the program for its version; a library's program holds its own against the pinned one.
    version: Callable[[], str] | None = None

    @property
    def name(self) -> str:
        return f"{self.client} {self.pinned} {self.way}"

    def run(self, target: Device) -> tuple[str, str]:
        """The whole version, and what was done."""
        version = self.version() if self.version else self.pinned
        if version != self.pinned and not version.startswith(self.pinned + "."):
            raise Failed(f"this is version {version}")
        return version, self.check(target, Deadline(CASE_SECONDS))


def cases() -> list[Case]:
    """All of them: what versions.toml has, in each way."""
    versions = install.versions()
    found = []
    for client in LIBRARIES:
        for release in versions.get(client, []):
            for protocol in release["protocols"]:
                found.append(library(client, release, protocol))
    newest = versions["redis-py"][-1]
    found.append(library(libraries.POOL, newest, newest["protocols"][-1]))
    (tools,) = versions["redis-tools"]
    for way, check in redis_cli.MODES.items():
        found.append(Case("redis-cli", tools["version"], way, check, redis_cli.version))
    benchmark, version = redis_benchmark.check, redis_benchmark.version
    found.append(Case("redis-benchmark", tools["version"], "-c 4 -t ping,get", benchmark, version))
    (release,) = versions[install.EXPORTER]
    pinned = release["version"]
    scrape = partial(exporter.check, pinned)
    found.append(Case("redis_exporter", pinned, "scrape", scrape, partial(exporter.version, pinned)))
    for client, check in (("zabbix-agent2", monitors.zabbix), ("collectd", monitors.collectd)):
        (release,) = versions[client]
        found.append(Case(client, release["version"], "one reading", partial(check, release["version"])))
    (release,) = versions["iredis"]
    pinned = release["version"]
    for way, check in iredis.MODES.items():
        found.append(Case("iredis", pinned, way, partial(check, pinned), partial(iredis.version, pinned)))
    (release,) = versions["plink"]
    for mode in ("-telnet", "-raw"):
        told = partial(plink.version, release["version"])
        found.append(Case("plink", release["version"], mode, partial(plink.check, mode, release["version"]), told))
    return found


def library(client: str, release: dict, protocol: int) -> Case:
    check = partial(libraries.check, client, release, protocol)
    return Case(client, release["version"], f"RESP{protocol}", check)


def report(case: Case, target: Device) -> bool:
    """Runs a case and prints its line."""
    start = time.monotonic()
    try:
        version, detail = case.run(target)
        verdict = "ok  "
    except Failed as error:
        version, detail, verdict = case.pinned, short(str(error)), "FAIL"
    seconds = time.monotonic() - start
    print(f"{verdict} {case.client:<15} {version:<8} {case.way:<16} {seconds:4.1f} s  {detail}", flush=True)
    return verdict != "FAIL"


def short(text: str) -> str:
    """The start of a message, with its further lines indented."""
    if len(text) > MESSAGE_LEN:
        text = f"{text[:MESSAGE_LEN]} ..."
    return text.replace("\n", "\n     ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host", nargs="?", metavar="HOST", help="the device's address")
    parser.add_argument("port", nargs="?", metavar="PORT", type=int, help="the device's port")
    parser.add_argument("--kind", choices=KINDS, default="sim", help="what the device has (default: %(default)s)")
    parser.add_argument("--only", metavar="NAME", default="", help="only clients whose name contains this")
    parser.add_argument("--setup", action="store_true", help="install the clients that are missing")
    arguments = parser.parse_args()
    if (arguments.host is None) != (arguments.port is None) or not (arguments.setup or arguments.host):
        parser.error("HOST and PORT are needed")

    if arguments.setup:
        try:
            install.all_clients()
        except Failed as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if arguments.host is None:
        return 0

    chosen = [case for case in cases() if arguments.only.lower() in case.name.lower()]
    if not chosen:
        parser.error(f"no client has {arguments.only} in its name")
    target = device(arguments.kind, arguments.host, arguments.port)
    passed = sum([report(case, target) for case in chosen])
    print(f"{passed} passed, {len(chosen) - passed} failed")
    return 0 if passed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
