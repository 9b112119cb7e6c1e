//! The console: lines on UART0.

use core::fmt::Arguments;

use sockeye_board::board_platform::log_filter;
use sockeye_board::library_log::LibraryLog;
use sockeye_boot::Boot;
use sockeye_device::LogLevel;

use crate::CHIP;

/// The printer of the lines of boot and network.
pub type Console = Boot<fn(Arguments<'_>)>;

/// Prints the first line of this program.
pub fn start(program: &str) -> Console {
    Boot::new(print, program, CHIP)
}

/// Prints the messages of libraries too, at this level. To be called once.
pub fn start_log(level: LogLevel) {
    static LOG: LibraryLog = LibraryLog(print);
    // SAFETY: nothing has logged before, and no other thread runs yet. Without compare-and-swap there is no other way.
    #[expect(unsafe_code, reason = "the chip's own logger can't leave out what is expected")]
    unsafe {
        log::set_logger_racy(&LOG).expect("it is called once");
        log::set_max_level_racy(log_filter(level));
    }
}

/// Prints one line.
pub fn print(line: Arguments<'_>) {
    esp_println::println!("{line}");
}
