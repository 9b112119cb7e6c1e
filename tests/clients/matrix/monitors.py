"""Monitoring agents that ask a Redis for its figures: each reads the device once."""

import csv
import re
import subprocess
import tempfile
import time
from pathlib import Path

from .debian import libraries
from .device import Device
from .install import folder, program
from .process import Deadline, Failed, environment, run

#: What Zabbix's templates for Redis ask for first.
ZABBIX_KEYS = ["redis.ping", "redis.info", "redis.slowlog.count", "redis.config"]
#: Fields of INFO that the template reads out of the JSON, each in its section.
ZABBIX_FIELDS = [("Server", "uptime_in_seconds"), ("Clients", "connected_clients"), ("Memory", "used_memory")]
#: What collectd's plugin reads out of INFO, as the files of its CSV plugin are called.
COLLECTD_FILES = ["uptime", "current_connections-clients", "memory", "total_operations"]
POLL_SECONDS = 0.1


def zabbix(release: str, device: Device, deadline: Deadline) -> str:
    """Zabbix's agent, which tests one key at a time."""
    home = folder("zabbix-agent2", release)
    with tempfile.TemporaryDirectory() as folder_name:
        config = Path(folder_name) / "agent.conf"
        config.write_text(
            f"Server=127.0.0.1\nHostname=test\nLogType=console\nTimeout=30\nControlSocket={folder_name}/agent.sock\n"
        )
        for key in ZABBIX_KEYS:
            answer = ask_zabbix(home, config, f"{key}[tcp://{device.host}:{device.port}]", deadline)
            if key == "redis.ping" and answer != "[s|1]":
                raise Failed(f"{key} is {answer}")
            if key == "redis.info":
                missing = [name for _, name in ZABBIX_FIELDS if f'"{name}":' not in answer]
                if missing:
                    raise Failed(f"{key} has no {', '.join(missing)}: {answer[:300]}")
    return ", ".join(ZABBIX_KEYS)


def ask_zabbix(home: Path, config: Path, key: str, deadline: Deadline) -> str:
    """The type and value that the agent prints for a key."""
    command = [program(home / "usr" / "sbin" / "zabbix_agent2"), "-c", str(config), "-t", key]
    output = run(command, deadline, env=environment(LD_LIBRARY_PATH=libraries(home)))
    found = re.search(r"\[[a-z]\|.*\]", output.stdout, re.DOTALL)
    if not found or "ZBX_NOTSUPPORTED" in output.stdout:
        raise Failed(f"{key}: {output.tail()}")
    return found[0]


def collectd(release: str, device: Device, deadline: Deadline) -> str:
    """collectd, which writes what it reads into files: INFO's figures, and a reading by a query of its own."""
    home = folder("collectd", release)
    daemon = program(home / "usr" / "sbin" / "collectd")
    with tempfile.TemporaryDirectory() as folder_name:
        config, data = Path(folder_name) / "collectd.conf", Path(folder_name) / "data"
        config.write_text(collectd_config(home, Path(folder_name), device))
        process = subprocess.Popen(
            [daemon, "-f", "-C", config],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(LD_LIBRARY_PATH=libraries(home)),
            text=True,
        )
        try:
            found = wait_for_files(data, deadline)
        except Failed as error:
            process.kill()
            raise Failed(f"{error}: {process.communicate()[0][-600:]}") from None
        finally:
            process.kill()
            process.wait()
    return f"{len(found)} files"


def collectd_config(home: Path, work: Path, device: Device) -> str:
    return f"""
BaseDir "{work}"
PIDFile "{work}/pid"
PluginDir "{home}/usr/lib/collectd"
TypesDB "{home}/usr/share/collectd/types.db"
Interval 1
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File STDOUT
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "{work}/data"
</Plugin>
LoadPlugin redis
<Plugin redis>
  <Node "device">
    Host "{device.host}"
    Port "{device.port}"
    Timeout 2000
    <Query "GET {device.sampled}">
      Type "gauge"
      Instance "{device.sampled}"
    </Query>
  </Node>
</Plugin>
"""


def wait_for_files(data: Path, deadline: Deadline) -> set[str]:
    """Waits until there is a file for each figure, and a number for the reading."""
    while True:
        files = {path.name: path for path in data.rglob("*") if path.is_file()}
        sampled = [path for name, path in files.items() if name.startswith("gauge-")]
        missing = [start for start in COLLECTD_FILES if not any(name.startswith(start) for name in files)]
        if sampled and not missing:
            # The last line may be written by half.
            rows = list(csv.reader(sampled[0].read_text().rpartition("\n")[0].splitlines()))
            if len(rows) > 1 and float(rows[1][1]) == float(rows[1][1]):
                return set(files)
        left = deadline.left(f"waiting for {', '.join(missing) or 'a sample'} among {sorted(files)}")
        time.sleep(min(POLL_SECONDS, left))
