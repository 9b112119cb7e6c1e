//! The console: lines on UART0.

use core::fmt::Arguments;

use sockeye_hello::boot::Boot;

/// What prints the lines of boot and network.
pub type Console = Boot<fn(Arguments<'_>)>;

/// Prints one line.
pub fn print(line: Arguments<'_>) {
    esp_println::println!("{line}");
}
