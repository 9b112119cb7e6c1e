//! What becomes of a panic: it is printed, kept for INFO, and the chip starts anew.

use core::panic::PanicInfo;

use esp_hal::ram;
use esp_println::println;
use portable_atomic::AtomicU8;
use sockeye_board::last_words::{self, Memory, Text};
use sockeye_board::limits::LAST_WORDS_MEMORY_LEN;

/// A restart leaves it as it is.
#[ram(unstable(rtc_fast, persistent))]
static LAST_WORDS: Memory = [const { AtomicU8::new(0) }; LAST_WORDS_MEMORY_LEN];

/// What the panic said that made the chip start; none if it was no panic. To be asked once.
pub fn last_words() -> Option<Text> {
    last_words::take(&LAST_WORDS)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("\n{info}");
    last_words::keep(&LAST_WORDS, info);
    esp_hal::system::software_reset()
}
