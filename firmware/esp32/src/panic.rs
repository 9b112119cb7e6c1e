//! The panic handler: the message is printed and kept for INFO, the device's also in the log, and the chip starts anew.
//! Other data that outlives a restart is here too.

use core::cell::Cell;
use core::panic::PanicInfo;

use critical_section::Mutex;
use esp_hal::ram;
use esp_println::println;
use portable_atomic::AtomicU8;
use sockeye_board::boot_count;
use sockeye_board::kept_lines::keep_panic;
use sockeye_board::limits::{BOOT_COUNT_MEMORY_LEN, PANIC_MESSAGE_MEMORY_LEN};
use sockeye_board::panic_message::{self, PanicMemory, Text};
use sockeye_device::LogRing;

use crate::console::uptime_us;

/// A restart leaves it as it is.
#[ram(unstable(rtc_fast, persistent))]
static PANIC_MESSAGE: PanicMemory = [const { AtomicU8::new(0) }; PANIC_MESSAGE_MEMORY_LEN];

/// How many boots have failed in a row. A restart leaves it as it is.
#[ram(unstable(rtc_fast, persistent))]
pub static BOOT_COUNT: boot_count::BootCountMemory = [const { AtomicU8::new(0) }; BOOT_COUNT_MEMORY_LEN];

/// The message of the panic that made the chip start; None if no panic did. To be called once.
pub fn panic_message() -> Option<Text> {
    panic_message::take(&PANIC_MESSAGE)
}

/// The log that the next panic goes into; None in a program without one, and once a panic has taken it.
static PANIC_LOG: Mutex<Cell<Option<&'static LogRing<'static>>>> = Mutex::new(Cell::new(None));

/// Has panics in this log.
pub fn log_to(log: &'static LogRing<'static>) {
    critical_section::with(|cs| PANIC_LOG.borrow(cs).set(Some(log)));
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("\n{info}");
    if let Some(log) = critical_section::with(|cs| PANIC_LOG.borrow(cs).take()) {
        keep_panic(log, info, uptime_us());
    }
    panic_message::keep(&PANIC_MESSAGE, info);
    esp_hal::system::software_reset()
}
