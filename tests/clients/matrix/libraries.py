"""The client libraries: one program for each, in its own language, with the same steps."""

import re
import sys
from pathlib import Path

from .debian import libraries
from .device import META, Device
from .install import HERE, folder, program
from .process import Deadline, Failed, environment, run

PROGRAMS = HERE / "programs"
#: The client whose connection pool is put under pressure: redis-py.
POOL = "redis-py pool"


def arguments(client: str, version: str) -> tuple[list[str], dict[str, str]]:
    """The command line of a client's program, and what its environment must have beside the device."""
    home = folder(client, version)
    if client == "redis-py":
        return [program(home / "bin" / "python"), str(PROGRAMS / "redis_py.py")], {}
    if client == POOL:
        return [program(folder("redis-py", version) / "bin" / "python"), str(PROGRAMS / "redis_py_pool.py")], {}
    if client == "python3-redis":
        folder_of_modules = home / "usr" / "lib" / "python3" / "dist-packages"
        return [sys.executable, str(PROGRAMS / "redis_py.py")], {"PYTHONPATH": str(folder_of_modules)}
    if client == "lua-redis":
        modules, shared = home / "usr" / "share" / "lua" / "5.1", libraries(home)
        paths = {"LUA_PATH": f"{modules}/?.lua;{modules}/?/init.lua", "LUA_CPATH": f"{shared}/lua/5.1/?.so"}
        return [program(home / "usr" / "bin" / "lua5.1"), str(PROGRAMS / "redis.lua")], paths | load(home)
    if client == "hiredis":
        return [program(home / "client")], load(home)
    if client == "predis":
        # Without the machine's own configuration.
        php = [program(home / "usr" / "bin" / "php8.2"), "-n", "-d", f"include_path={home}/usr/share/php"]
        return [*php, str(PROGRAMS / "predis.php")], load(home)
    if client == "redis-rs":
        return [program(home / "release" / "sockeye-redis-rs-client")], {}
    package = {"node-redis": "redis", "ioredis": "ioredis"}[client]
    program(home / "node_modules" / package / "package.json")
    return ["node", str(PROGRAMS / f"{client}.js")], {"NODE_PATH": str(home / "node_modules")}


def load(home: Path) -> dict[str, str]:
    """Where a client of Debian's finds its shared libraries."""
    return {"LD_LIBRARY_PATH": libraries(home)}


def check(client: str, release: dict, protocol: int, device: Device, deadline: Deadline) -> str:
    """Runs a client's program against the device. Returns what it did, for the report."""
    version = release["version"]
    command, more = arguments(client, version)
    env = environment(
        CLIENT_OWN_PROTOCOL=str(release["own_protocol"]),
        CLIENT_PROTOCOL=str(protocol),
        CLIENT_VERSION=version,
        DEVICE_HOST=device.host,
        DEVICE_PORT=str(device.port),
        DEVICE_READINGS=" ".join(device.readings),
        DEVICE_META=" ".join(META),
        DEVICE_OUTPUTS=" ".join(device.outputs),
        DEVICE_SAMPLED=device.sampled,
        PYTHONDONTWRITEBYTECODE="1",
        **more,
    )
    try:
        output = run(command, deadline, env=env)
    except FileNotFoundError:
        raise Failed(f"there is no {command[0]}") from None
    # A program names each step before it takes it, and says `done` after the last.
    steps = re.findall(r"^step (.+)$", output.stdout, re.MULTILINE)
    if output.status != 0 or not output.stdout.endswith("done\n"):
        at = steps[-1] if steps else "the start"
        raise Failed(f"at {at} (status {output.status}): {output.stderr.strip() or 'no word on standard error'}")
    return f"{len(steps)} steps"
