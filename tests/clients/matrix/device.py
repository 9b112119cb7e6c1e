"""What the devices have, by the names that clients use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """A device that speaks RESP. Each reading NAME also has `meta:NAME` and `history:NAME`."""

    host: str
    port: int
    readings: tuple[str, ...]
    outputs: tuple[str, ...]
    #: The reading that gets a new sample each second.
    sampled: str


#: The fields of a reading's `meta:NAME`.
META = ("unit", "kind", "minimum", "maximum", "period_ms", "age_ms")

#: Readings and outputs of each kind of device. The sampled reading is the first.
KINDS = {
    "sim": (("lm35", "chip.temperature", "wifi.rssi", "heap.free", "uptime"), ("led", "relay")),
    "qemu": (("lm35", "uptime", "instructions"), ("led", "relay")),
}


def device(kind: str, host: str, port: int) -> Device:
    """The device of this kind at this address."""
    readings, outputs = KINDS[kind]
    return Device(host, port, readings, outputs, readings[0])
