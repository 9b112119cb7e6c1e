"""The client libraries: one program for each, in its own language, with the same steps."""

import re

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
    if client == "redis-rs":
        return [program(home / "release" / "sockeye-redis-rs-client")], {}
    package = {"node-redis": "redis", "ioredis": "ioredis"}[client]
    program(home / "node_modules" / package / "package.json")
    return ["node", str(PROGRAMS / f"{client}.js")], {"NODE_PATH": str(home / "node_modules")}


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
