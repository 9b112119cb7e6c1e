"""redis-py against a device."""

import os
import re
import sys
import time
from itertools import islice

import redis

READINGS = os.environ["DEVICE_READINGS"].split()
META = os.environ["DEVICE_META"].split()
OUTPUTS = os.environ["DEVICE_OUTPUTS"].split()
SAMPLED = os.environ["DEVICE_SAMPLED"]
PROTOCOL = int(os.environ["CLIENT_PROTOCOL"])
VERSION = os.environ["CLIENT_VERSION"]
HISTORY = f"history:{SAMPLED}"
TIMEOUT_S = 30


def step(name):
    print(f"step {name}", flush=True)


def expect(truth, what):
    if not truth:
        raise AssertionError(repr(what))


def fails(words, call, *arguments):
    """The call is answered by an error in these words."""
    try:
        reply = call(*arguments)
    except redis.ResponseError as error:
        expect(re.search(words, str(error), re.IGNORECASE), str(error))
    else:
        raise AssertionError(f"no error but {reply!r}")


def connect():
    # Debian chooses the last number of its own.
    expect(f"{redis.__version__}.".startswith(f"{VERSION}."), redis.__version__)
    # Nothing is said where the client's own choice is the protocol to test.
    chosen = {} if os.environ["CLIENT_OWN_PROTOCOL"] == str(PROTOCOL) else {"protocol": PROTOCOL}
    return redis.Redis(
        host=os.environ["DEVICE_HOST"],
        port=int(os.environ["DEVICE_PORT"]),
        decode_responses=True,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        **chosen,
    )


def protocol(client):
    """The protocol that the device believes to speak."""
    reply = client.execute_command("HELLO")
    fields = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))
    return {str(name): value for name, value in fields.items()}["proto"]


def read(client):
    step("GET")
    float(client.get(SAMPLED))
    expect(client.get("no.such.reading") is None, client.get("no.such.reading"))
    step("MGET")
    *values, nothing = client.mget(*READINGS, "no.such.reading")
    expect(len(values) == len(READINGS) and nothing is None, (values, nothing))
    for value in values:
        float(value)
    step("SCAN")
    found = set(islice(client.scan_iter(count=2), 1000))
    expect(found.issuperset(READINGS + OUTPUTS), found)
    matched = set(islice(client.scan_iter(match=f"{SAMPLED[:2]}*"), 1000))
    expect(SAMPLED in matched and all(name.startswith(SAMPLED[:2]) for name in matched), matched)
    step("HGETALL")
    meta = client.hgetall(f"meta:{SAMPLED}")
    expect(meta.keys() >= set(META), meta)


def switch(client):
    for output in OUTPUTS:
        step(f"SET {output}")
        for state in ("1", "0"):
            expect(client.set(output, state) is True, state)
            expect(client.get(output) == state, client.get(output))


def pipeline(client):
    step("pipeline")
    pipe = client.pipeline(transaction=False)
    for number in range(100):
        pipe.echo(str(number)) if number % 2 else pipe.get(SAMPLED)
    replies = pipe.execute()
    expect(len(replies) == 100, len(replies))
    expect(replies[1::2] == [str(number) for number in range(1, 100, 2)], replies)
    for value in replies[::2]:
        float(value)


def history(client):
    step("XRANGE")
    entries = client.xrange(HISTORY, "-", "+", count=3)
    expect(1 <= len(entries) <= 3, entries)
    for identifier, fields in entries:
        expect(re.fullmatch(r"\d+-\d+", identifier) and fields.keys() == {"value"}, entries)
        float(fields["value"])
    expect(client.xlen(HISTORY) >= len(entries), client.xlen(HISTORY))
    step("XREAD BLOCK")
    newest = client.xrevrange(HISTORY, count=1)[0][0]
    reply = client.xread({HISTORY: newest}, block=3000)
    read_entries = dict(reply)[HISTORY]
    # As RESP3 has the entries one level deeper, redis-py 5 and 8 hand them on so.
    while isinstance(read_entries[0], list):
        read_entries = read_entries[0]
    expect(order(read_entries[0][0]) > order(newest), (newest, read_entries))


def time_series(client):
    series = client.ts()
    step("TS.GET")
    stamp, value = series.get(SAMPLED)
    expect(stamp > 0, stamp)
    float(value)
    step("TS.RANGE")
    points = series.range(SAMPLED, "-", "+")
    stamps = [stamp for stamp, _ in points]
    expect(stamps and stamps == sorted(set(stamps)), stamps)
    expect(all(isinstance(value, float) for _, value in points), points)
    newest = series.revrange(SAMPLED, "-", "+", count=1)
    expect(len(newest) == 1 and newest[0][0] >= stamps[-1], newest)
    spans = series.range(SAMPLED, "-", "+", aggregation_type="max", bucket_size_msec=60000, align=0)
    expect(spans and all(stamp % 60000 == 0 for stamp, _ in spans), spans)
    step("TS.MRANGE")
    spans = series.mrange("-", "+", ["kind=gauge"], aggregation_type="avg", bucket_size_msec=60000, with_labels=True)
    # A list of maps, or a map, of arrays.
    spans = spans if isinstance(spans, dict) else {key: value for entry in spans for key, value in entry.items()}
    labels, *_, points = spans[SAMPLED]
    expect(labels["name"] == SAMPLED and labels["kind"] == "gauge" and labels["node"], labels)
    expect(all(len(point) == 2 for point in points), points)
    step("TS.MGET")
    newest = series.mget([f"name={SAMPLED}"], with_labels=True)
    newest = newest[SAMPLED] if isinstance(newest, dict) else newest[0][SAMPLED]
    expect(newest[0]["name"] == SAMPLED, newest)
    step("TS.QUERYINDEX")
    expect(SAMPLED in series.queryindex(["kind=gauge"]), series.queryindex(["kind=gauge"]))
    step("TS.INFO")
    info = series.info(SAMPLED)
    # redis-py 5 hands on what RESP3 has.
    total, labels = (info["totalSamples"], info["labels"]) if isinstance(info, dict) else (info.total_samples, info.labels)
    expect(total > 0 and labels["name"] == SAMPLED, (total, labels))
    fails("TSDB: the key does not exist", series.get, "no.such.reading")


def order(identifier):
    return tuple(map(int, identifier.split("-")))


def subscribe(client):
    step("SUBSCRIBE")
    subscriber = client.pubsub()
    subscriber.subscribe(SAMPLED)
    messages, end = [], time.monotonic() + 2 * TIMEOUT_S
    while len(messages) < 2 and time.monotonic() < end:
        message = subscriber.get_message(ignore_subscribe_messages=True, timeout=TIMEOUT_S)
        if message:
            messages.append(message)
    expect(len(messages) == 2, messages)
    for message in messages:
        expect(message["type"] == "message" and message["channel"] == SAMPLED, message)
        float(message["data"])
    step("UNSUBSCRIBE")
    subscriber.unsubscribe(SAMPLED)
    end = time.monotonic() + TIMEOUT_S
    while subscriber.subscribed and time.monotonic() < end:
        subscriber.get_message(timeout=1)
    expect(not subscriber.subscribed, "still subscribed")
    subscriber.close()


def main():
    step("connect")
    client = connect()
    step("PING")
    expect(client.ping() is True, "no PONG")
    step("HELLO")
    expect(protocol(client) == PROTOCOL, protocol(client))
    step("INFO")
    info = client.info()
    expect(info["redis_version"] and info["uptime_in_seconds"] >= 0, info)
    read(client)
    switch(client)
    pipeline(client)
    history(client)
    time_series(client)
    subscribe(client)
    step("error")
    fails("^unknown command 'NOSUCH'", client.execute_command, "NOSUCH", "a")
    fails("^wrong number of arguments for 'get' command", client.execute_command, "GET")
    expect(client.ping() is True, "no PONG after an error")
    step("QUIT")
    expect(client.quit() is True, "no OK")
    client.close()
    print("done")


try:
    main()
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
