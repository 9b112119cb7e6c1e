"""The clients, each version in a folder of its own below `.clients`."""

import json
import shutil
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .debian import PACKAGES, libraries, unpack
from .process import Failed, call, download

HERE = Path(__file__).resolve().parent.parent
CLIENTS = HERE / ".clients"
VERSIONS = HERE / "versions.toml"
RUST = HERE / "redis-rs"
EXPORTER = "prometheus-redis-exporter"
#: The names that PyPI has the clients for Python under.
PYPI = {"redis-py": "redis", "iredis": "iredis"}
#: The names that npm has the Node.js clients under.
NPM = {"node-redis": "redis", "ioredis": "ioredis"}


def versions() -> dict[str, list[dict]]:
    """What versions.toml says."""
    return tomllib.loads(VERSIONS.read_text())


def folder(client: str, version: str) -> Path:
    """Where this version of the client is, or would be."""
    return CLIENTS / f"{client}-{version}"


def program(path: Path) -> str:
    """A program that the set-up installs."""
    if not path.is_file():
        raise Failed("not installed: run with --setup")
    return str(path)


def debian_program(name: str) -> str:
    """A program of Debian's redis-tools or redis-server."""
    path = shutil.which(name)
    if not path:
        raise Failed(f"there is no {name}: install Debian's redis-tools or redis-server")
    return path


def all_clients() -> None:
    """Installs what is missing."""
    for client, releases in versions().items():
        for version in (release["version"] for release in releases):
            if client in PYPI:
                once(folder(client, version), partial(python, PYPI[client], version))
            elif client in NPM:
                once(folder(client, version), partial(node, NPM[client], version))
            elif client == "redis-rs":
                rust(version)
            elif client in PACKAGES:
                once(folder(client, version), partial(debian, client))


def once(target: Path, install: Callable[[Path], None]) -> None:
    """Installs into the folder unless it is there. An interrupted installation leaves no folder of that name."""
    if target.is_dir():
        return
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    print(f"setup: {target.name}", flush=True)
    install(partial)
    partial.rename(target)


def python(package: str, version: str, into: Path) -> None:
    call([sys.executable, "-m", "venv", into])
    install = [into / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    download([*install, f"{package}=={version}"])


def node(package: str, version: str, into: Path) -> None:
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel", "error"]
    download(["npm", "install", *quiet, "--prefix", into, f"{package}@{version}"])
    installed = json.loads((into / "node_modules" / package / "package.json").read_text())["version"]
    if installed != version:
        raise Failed(f"npm installed {package} {installed}, not {version}")


def rust(version: str) -> None:
    """Builds the Rust program. Cargo knows what is up to date; its lock file must have the version of versions.toml."""
    packages = tomllib.loads((RUST / "Cargo.lock").read_text())["package"]
    locked = next(package["version"] for package in packages if package["name"] == "redis")
    if locked != version:
        raise Failed(f"redis-rs/Cargo.lock has redis {locked}: run `cargo update redis --precise {version}` there")
    target = folder("redis-rs", version)
    download(["cargo", "fetch", "--quiet", "--locked"], cwd=RUST)
    call(["cargo", "build", "--quiet", "--locked", "--release", "--target-dir", target], cwd=RUST)


def debian(client: str, into: Path) -> None:
    """Unpacks a client's packages, and compiles its program where it is a library for C."""
    unpack(client, into)
    if client == "hiredis":
        flags = ["-O1", "-Wall", "-Werror", f"-I{into}/usr/include", f"-L{libraries(into)}"]
        call(["cc", *flags, HERE / "programs" / "hiredis.c", "-o", into / "client", "-lhiredis"])
