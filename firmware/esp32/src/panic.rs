//! The panic handler: the message is printed and kept for INFO, and the chip starts anew. Other data that outlives a
//! restart is here too.

use core::panic::PanicInfo;

use esp_hal::ram;
use esp_println::println;
use portable_atomic::AtomicU8;
use sockeye_board::boot_count;
use sockeye_board::limits::{BOOT_COUNT_MEMORY_LEN, PANIC_MESSAGE_MEMORY_LEN};
use sockeye_board::panic_message::{self, Memory, Text};

/// A restart leaves it as it is.
#[ram(unstable(rtc_fast, persistent))]
static PANIC_MESSAGE: Memory = [const { AtomicU8::new(0) }; PANIC_MESSAGE_MEMORY_LEN];

/// How many boots have failed in a row. A restart leaves it as it is.
#[ram(unstable(rtc_fast, persistent))]
pub static BOOT_COUNT: boot_count::Memory = [const { AtomicU8::new(0) }; BOOT_COUNT_MEMORY_LEN];

/// The message of the panic that made the chip start; None if no panic did. To be called once.
pub fn panic_message() -> Option<Text> {
    panic_message::take(&PANIC_MESSAGE)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("\n{info}");
    panic_message::keep(&PANIC_MESSAGE, info);
    esp_hal::system::software_reset()
}
