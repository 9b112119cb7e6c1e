//! How many boots have failed in a row.
//!
//! A boot has failed if the device did not stay up: it panicked, its watchdog restarted it, or its supply was too weak. A
//! reset from outside, over USB for instance, says nothing about the boot before it. The count is in memory that a restart
//! leaves as it was and a power cut doesn't, so what is in it may be anything.

use embassy_time::{Duration, Timer};
use portable_atomic::{AtomicU8, Ordering};

use crate::limits::{BOOT_COUNT_MEMORY_LEN, STAY_UP_MS};
use crate::reset;

/// The memory: the count, and three bytes that follow from it.
pub type BootCountMemory = [AtomicU8; BOOT_COUNT_MEMORY_LEN];

/// The bytes that stand for a count.
const fn bytes(count: u8) -> [u8; BOOT_COUNT_MEMORY_LEN] {
    [count, !count, count ^ 0x5a, count ^ 0xb0]
}

fn store(memory: &BootCountMemory, count: u8) {
    memory.iter().zip(bytes(count)).for_each(|(to, byte)| to.store(byte, Ordering::Relaxed));
}

/// Counts this boot as one that fails, and gives how many before it have failed in a row. `reason` is why the device has
/// booted, as [`reset::reason`] names it. The count is 0 after a power cut and after a reset from outside.
pub fn begin(memory: &BootCountMemory, reason: &str) -> u8 {
    let found = core::array::from_fn(|index| memory[index].load(Ordering::Relaxed));
    let count = if found == bytes(found[0]) && reset::is_failure(reason) { found[0] } else { 0 };
    store(memory, count.saturating_add(1));
    count
}

/// This boot has not failed, nor have those before it. To be called before a restart that is meant, too.
pub fn succeed(memory: &BootCountMemory) {
    store(memory, 0);
}

/// Waits for as long as a device must stay up, and [succeeds](succeed) then.
pub async fn stay_up(memory: &BootCountMemory) {
    Timer::after(Duration::from_millis(STAY_UP_MS)).await;
    succeed(memory);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(byte: u8) -> BootCountMemory {
        [const { AtomicU8::new(0) }; BOOT_COUNT_MEMORY_LEN].map(|_| AtomicU8::new(byte))
    }

    #[test]
    fn boots_that_fail_are_counted_until_one_stays_up() {
        let memory = memory(0xa5);
        assert_eq!(["power_on", "software", "watchdog", "brownout"].map(|reason| begin(&memory, reason)), [0, 1, 2, 3]);
        succeed(&memory);
        assert_eq!([0; 2].map(|_| begin(&memory, "software")), [0, 1]);
        assert_eq!((0..300).map(|_| begin(&memory, "watchdog")).last(), Some(u8::MAX), "it does not begin anew");
    }

    #[test]
    fn a_reset_from_outside_fails_no_boot() {
        // A person who flashes a chip and opens its console resets it over USB several times in a minute.
        let memory = memory(0);
        assert_eq!(["power_on", "usb", "usb", "usb"].map(|reason| begin(&memory, reason)), [0; 4]);
        // Boots that failed before are no longer in a row.
        assert_eq!(["software", "usb", "software"].map(|reason| begin(&memory, reason)), [1, 0, 1]);
    }

    #[test]
    fn memory_that_nobody_wrote_counts_nothing() {
        for byte in 0..=u8::MAX {
            assert_eq!(begin(&memory(byte), "software"), 0, "{byte:#x}");
        }
    }
}
