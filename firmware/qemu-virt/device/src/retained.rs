//! RAM that a restart leaves as it was: the log, the message of a panic, the count of failed boots, and why the machine
//! restarts. The machine is switched on with zeros in it.

use core::panic::PanicInfo;

use embassy_time::Instant;
use portable_atomic::{AtomicU8, Ordering};
use sockeye_board::kept_lines::{keep, keep_panic};
use sockeye_board::limits::{BOOT_COUNT_MEMORY_LEN, PANIC_MESSAGE_MEMORY_LEN};
use sockeye_board::panic_message::{self, PanicMemory, Text};
use sockeye_board::{boot_count, reset};
use sockeye_boot::Line;
use sockeye_device::limits::LOG_MEMORY_LEN;
use sockeye_device::{LogMemory, LogRing};
use sockeye_qemu_virt::{console, restart};

#[unsafe(link_section = ".uninit.log")]
static LOG_MEMORY: LogMemory = [const { AtomicU8::new(0) }; LOG_MEMORY_LEN];
#[unsafe(link_section = ".uninit.panic_message")]
static PANIC_MESSAGE: PanicMemory = [const { AtomicU8::new(0) }; PANIC_MESSAGE_MEMORY_LEN];
/// Why the machine restarts, as a chip's ROM would have it; 0 when the machine is switched on.
#[unsafe(link_section = ".uninit.cause")]
static CAUSE: AtomicU8 = AtomicU8::new(0);
/// How many boots have failed in a row.
#[unsafe(link_section = ".uninit.boot_count")]
pub static BOOT_COUNT: boot_count::BootCountMemory = [const { AtomicU8::new(0) }; BOOT_COUNT_MEMORY_LEN];

/// The log.
pub static LOG: LogRing<'static> = LogRing::new(&LOG_MEMORY);

/// The causes of a restart, as the ROM of a chip numbers them.
#[derive(Clone, Copy)]
pub enum Cause {
    /// The machine was switched on.
    PowerOn = 0x01,
    /// Somebody meant it, or a panic.
    Software = 0x03,
    /// Nobody did.
    Watchdog = 0x09,
}

/// Prints a line of the device's console, and keeps it in the log.
pub fn print(line: Line<'_>) {
    console::print_line(line);
    keep(&LOG, line, Instant::now().as_micros());
}

/// Restarts the machine.
pub fn restart(cause: Cause) -> ! {
    CAUSE.store(cause as u8, Ordering::Relaxed);
    restart::restart()
}

/// Why the machine has booted, and the message of the panic that made it boot. To be called once.
pub fn boot() -> (&'static str, Option<Text>) {
    console::on_panic(panicked);
    // Only a watchdog restarts the machine without a word.
    let cause = match CAUSE.swap(Cause::Watchdog as u8, Ordering::Relaxed) {
        0 => Cause::PowerOn as u8,
        cause => cause,
    };
    (reset::reason(cause.into()), panic_message::take(&PANIC_MESSAGE))
}

/// Keeps what a panic says, before the machine restarts or ends.
fn panicked(info: &PanicInfo<'_>) {
    keep_panic(&LOG, info, Instant::now().as_micros());
    panic_message::keep(&PANIC_MESSAGE, info);
    CAUSE.store(Cause::Software as u8, Ordering::Relaxed);
}
