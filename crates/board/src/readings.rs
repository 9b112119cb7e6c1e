//! Names, units and ranges: the same thing has the same name on every board.

use sockeye_device::{ReadingInfo, Value, ValueKind};

use crate::limits::PERIOD_MS;

const fn gauge(
    name: &'static str,
    unit: &'static str,
    decimals: u8,
    minimum: i32,
    maximum: i32,
) -> ReadingInfo<'static> {
    let (minimum, maximum) = (Value(minimum), Value(maximum));
    ReadingInfo { name, unit, kind: ValueKind::Gauge, decimals, minimum, maximum, period_ms: PERIOD_MS }
}

/// The temperature at an LM35 on one supply (its data sheet, figure 1).
pub const LM35: ReadingInfo<'static> = gauge("lm35", "°C", 1, 20, 1_000);
/// The temperature inside of the chip, several degrees above that around it.
pub const CHIP_TEMPERATURE: ReadingInfo<'static> = gauge("chip.temperature", "°C", 1, -400, 1_250);
/// Signal strength of the network that the station has joined.
pub const WIFI_RSSI: ReadingInfo<'static> = gauge("wifi.rssi", "dBm", 0, -127, 0);
/// Bytes of heap that are free.
pub const HEAP_FREE: ReadingInfo<'static> = gauge("heap.free", "B", 0, 0, i32::MAX);
/// Time since boot.
pub const UPTIME: ReadingInfo<'static> = counter("uptime", "s");

/// A counter that begins at 0.
pub const fn counter(name: &'static str, unit: &'static str) -> ReadingInfo<'static> {
    ReadingInfo { kind: ValueKind::Counter, ..gauge(name, unit, 0, 0, i32::MAX) }
}

/// A count as a value; one that is too large stays at the largest.
pub fn count(count: u64) -> Value {
    Value(i32::try_from(count).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_never_turns_negative() {
        assert_eq!(count(7), Value(7));
        assert_eq!(count(1 << 31), Value(i32::MAX));
        assert_eq!(count(u64::MAX), Value(i32::MAX));
    }
}
