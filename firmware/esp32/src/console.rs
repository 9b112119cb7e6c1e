//! The console: lines on UART0. The device keeps its last lines in the log.

use core::fmt::Arguments;

use esp_hal::ram;
use esp_hal::time::Instant;
use portable_atomic::AtomicU8;
use sockeye_board::board_platform::log_filter;
use sockeye_board::kept_lines::keep;
use sockeye_board::library_log::LibraryLog;
use sockeye_boot::{Boot, Line};
use sockeye_device::limits::LOG_MEMORY_LEN;
use sockeye_device::{LogLevel, LogMemory, LogRing};

use crate::CHIP;

/// The printer of the lines of boot and network.
pub type Console = Boot<fn(Line<'_>)>;

/// RTC memory, which nothing else needs so much of. A restart leaves it as it is.
#[ram(unstable(rtc_fast, persistent))]
static LOG_MEMORY: LogMemory = [const { AtomicU8::new(0) }; LOG_MEMORY_LEN];

/// The device's log; `hello` has none.
pub static LOG: LogRing<'static> = LogRing::new(&LOG_MEMORY);

/// Prints the first line of this program, whose lines go to `print`.
pub fn start(program: &str, print: fn(Line<'_>)) -> Console {
    Boot::new(print, program, CHIP)
}

/// Prints the messages of libraries too, at this level. To be called once.
pub fn start_log(level: LogLevel, log: &'static LibraryLog) {
    // SAFETY: nothing has logged before, and no other thread runs yet. Without compare-and-swap there is no other way.
    #[expect(unsafe_code, reason = "the chip's own logger can't leave out what is expected")]
    unsafe {
        log::set_logger_racy(log).expect("it is called once");
        log::set_max_level_racy(log_filter(level));
    }
}

/// Prints one line.
pub fn print(line: Arguments<'_>) {
    esp_println::println!("{line}");
}

/// Prints one line of the boot.
pub fn print_line(line: Line<'_>) {
    print(format_args!("{line}"));
}

/// Prints one line of the device, and keeps it in the log.
pub fn print_and_keep(line: Line<'_>) {
    print_line(line);
    keep(&LOG, line, uptime_us());
}

/// Since the chip's start, microseconds; readable from anywhere.
pub fn uptime_us() -> u64 {
    Instant::now().duration_since_epoch().as_micros()
}
