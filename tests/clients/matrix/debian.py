"""Clients out of Debian's packages. They are unpacked, not installed: nothing of them starts a service, and what is
installed on this machine stays as it is."""

import os
from pathlib import Path

from .process import Failed, call, download

#: The packages of each client: itself, and what of its dependencies a small system may lack.
PACKAGES = {
    "python3-redis": [
        "python3-redis",
        "python3-async-timeout",
        "python3-deprecated",
        "python3-packaging",
        "python3-wrapt",
    ],
    "lua-redis": ["lua-redis", "lua-socket", "lua5.1", "liblua5.1-0"],
    "hiredis": ["libhiredis-dev", "libhiredis0.14"],
    "predis": [
        "php-predis",
        "php8.2-cli",
        "php8.2-common",
        "libargon2-1",
        "libedit2",
        "libmagic1",
        "libsodium23",
        "libxml2",
    ],
    "zabbix-agent2": ["zabbix-agent2", "libpcre2-8-0", "libsqlite3-0"],
    "collectd": ["collectd-core", "libhiredis0.14"],
    "plink": ["putty-tools"],
    "prometheus-redis-exporter": ["prometheus-redis-exporter"],
}


def unpack(client: str, into: Path) -> None:
    """Downloads a client's packages and unpacks them into the folder. The lists are brought up to date where a package
    is not found."""
    packages = PACKAGES[client]
    fetch = ["apt-get", "download", "--quiet", *packages]
    try:
        call(fetch, cwd=into)
    except Failed:
        root = [] if os.getuid() == 0 else ["sudo"]
        download([*root, "apt-get", "update", "--quiet"])
        download(fetch, cwd=into)
    for package in into.glob("*.deb"):
        call(["dpkg-deb", "--extract", package, into])
        package.unlink()


def libraries(home: Path) -> str:
    """The folder of a client's shared libraries; there is one for the machine's architecture."""
    found = sorted(home.glob("usr/lib/*-linux-gnu*"))
    return str(found[0] if found else home / "usr/lib")
