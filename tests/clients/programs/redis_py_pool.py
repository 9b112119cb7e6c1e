"""redis-py's connection pool against a device whose slots others take: it must get over it by itself."""

import os
import socket
import time

import redis

HOST, PORT = os.environ["DEVICE_HOST"], int(os.environ["DEVICE_PORT"])
READINGS = os.environ["DEVICE_READINGS"].split()
VERSION = os.environ["CLIENT_VERSION"]
TIMEOUT_S = 30
#: Clients that a device serves at once, and the connections that a dashboard's data source keeps of them.
SLOTS, POOL = 8, 5
#: While all slots are taken, a silent client is displaced after 2 s, and an idle one after 10 s; a tick later each, and
#: still later where the device has to wait for a processor.
SILENT_S, IDLE_S = 2.6, 10.6
#: Before a newcomer that is told that all slots are taken tries again.
RETRY_S = 0.5


def step(name):
    print(f"step {name}", flush=True)


def expect(truth, what):
    if not truth:
        raise AssertionError(repr(what))


def raw():
    return socket.create_connection((HOST, PORT), TIMEOUT_S)


def answered(connection):
    """Whether a PING on a connection of its own is answered by a PONG."""
    connection.sendall(b"PING\r\n")
    return connection.recv(64) == b"+PONG\r\n"


def newcomer():
    """A connection on which a PING is answered, as soon as another client makes way for it."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        connection = raw()
        try:
            if answered(connection):
                return connection
        except ConnectionError:
            # The device was full, and said so before it had read the PING.
            pass
        connection.close()
        time.sleep(RETRY_S)
    raise AssertionError("nobody makes way for a newcomer")


def closed(connection):
    """Whether the device has closed the connection, without a word."""
    connection.settimeout(TIMEOUT_S)
    return connection.recv(64) == b""


def ask_all(pool):
    """Opens all connections of the pool, and uses each of them at the same time."""
    connections = [pool.get_connection() for _ in range(POOL)]
    for connection in connections:
        connection.send_command("GET", READINGS[0])
    for connection in connections:
        expect(float(connection.read_response()) > 0, "a value")
    for connection in connections:
        pool.release(connection)


def evicted(client):
    return client.info("stats")["evicted_clients"]


def main():
    expect(redis.__version__ == VERSION, redis.__version__)
    timeouts = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    pool = redis.ConnectionPool(host=HOST, port=PORT, max_connections=POOL, **timeouts)
    client = redis.Redis(connection_pool=pool)
    step("pool")
    ask_all(pool)
    before = evicted(client)

    step("silent")
    silent = [raw() for _ in range(SLOTS - POOL)]
    time.sleep(SILENT_S)
    newcomers = [newcomer() for _ in silent]
    for connection in silent:
        expect(closed(connection), "a silent connection makes way")
    ask_all(pool)
    expect(evicted(client) == before + len(silent), evicted(client))

    step("idle")
    time.sleep(IDLE_S)
    # These have been idle for as long as the pool. The pool's own are older.
    for connection in newcomers:
        expect(answered(connection), "a newcomer is still there")
    dashboards = [newcomer() for _ in range(POOL)]

    step("again")
    for connection in newcomers + dashboards:
        connection.close()
    ask_all(pool)
    expect(evicted(client) == before + len(silent) + POOL, evicted(client))
    client.close()
    print("done")


main()
