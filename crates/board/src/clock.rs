//! The time of day of a board that has only a timer.

use core::cell::Cell;

use sockeye_device::Now;

/// The time of day minus the time since boot, once the time of day was set.
#[derive(Debug, Default)]
pub struct WallClock {
    boot_unix_us: Cell<Option<u64>>,
}

impl WallClock {
    /// A clock without the time of day.
    pub const fn new() -> Self {
        Self { boot_unix_us: Cell::new(None) }
    }

    /// Sets the time of day: now is `unix_us` microseconds after the beginning of 1970, and `uptime_us` microseconds
    /// after boot.
    pub fn set(&self, unix_us: u64, uptime_us: u64) {
        self.boot_unix_us.set(unix_us.checked_sub(uptime_us));
    }

    /// The time, `uptime_us` microseconds after boot.
    pub fn now(&self, uptime_us: u64) -> Now {
        Now { uptime_us, unix_us: self.boot_unix_us.get().map(|boot| boot.saturating_add(uptime_us)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_goes_on_from_what_was_told() {
        let clock = WallClock::new();
        assert_eq!(clock.now(5), Now { uptime_us: 5, unix_us: None });
        clock.set(1_000, 10);
        assert_eq!(clock.now(17).unix_us, Some(1_007));
        clock.set(990, 20);
        assert_eq!(clock.now(20).unix_us, Some(990), "it may step back");
        clock.set(1, 2);
        assert_eq!(clock.now(3).unix_us, None, "nobody is told a time before the device was on");
    }
}
