//! Every bound of a board, and how the bounds relate.

/// Time between two samples of each reading, milliseconds.
pub const PERIOD_MS: u32 = 1_000;

/// Length of what a panic said, as far as it is kept.
pub const PANIC_MESSAGE_LEN: usize = 120;
/// The memory that keeps it: with a check sum of two bytes and a length of one.
pub const PANIC_MESSAGE_MEMORY_LEN: usize = 3 + PANIC_MESSAGE_LEN;

/// The memory of the count of failed boots: the count, and three bytes that show that it is one.
pub const BOOT_COUNT_MEMORY_LEN: usize = 4;
/// A boot has not failed if the device is up for so long, milliseconds. A watchdog would have bitten by then, and each
/// sensor was sampled or has failed.
pub const STAY_UP_MS: u64 = 60_000;

/// For how long the button must be held, milliseconds: nobody does that by mistake.
pub const BUTTON_HOLD_MS: u64 = 5_000;
/// How often it is looked at, milliseconds. Contacts bounce for less.
pub const BUTTON_POLL_MS: u64 = 100;

/// The chip starts anew when its watchdog was not fed for so long, milliseconds.
pub const WATCHDOG_MS: u64 = 10_000;
/// How often the server is looked at, and the watchdog fed if it is there, milliseconds.
pub const WATCHDOG_LOOK_MS: u64 = 1_000;

/// For how long a call of the radio's driver may keep everything else from running, milliseconds. Computing a WPA2 key of
/// a passphrase takes 110 million instructions, 0.9 s on an ESP32-C3 (measured in an emulator).
pub const RADIO_CALL_MS: u64 = 1_000;

/// The heap of a chip in memory that its bootloader leaves, bytes.
pub const HEAP_RECLAIMED: usize = 64 * 1024;
/// The rest of the heap, in the chip's static memory, bytes.
pub const HEAP_STATIC: usize = 68 * 1024;
/// The most of the heap that the radio took as access point and station at once, before a client came, bytes. The
/// figure was measured in an emulator of the ESP32-C3 with open networks and a receive queue of 5 frames.
pub const RADIO_HEAP: usize = 51_560;
/// The most memory of a frame in a driver's queue, bytes (esp-radio: "approximately 1.6KB").
pub const RADIO_FRAME: usize = 1_600;
/// The least of the heap that is free under as many clients as there are slots, bytes.
pub const HEAP_FREE_MIN: usize = 40 * 1024;

const _: () = {
    // Both interfaces' receive queues and transmit queues (3 frames, the driver's own) full at the same time.
    let queues = 2 * (sockeye_wifi::limits::RX_QUEUE_LEN + 3) * RADIO_FRAME;
    assert!(RADIO_HEAP + queues + HEAP_FREE_MIN <= HEAP_RECLAIMED + HEAP_STATIC);
};
const _: () = assert!(WATCHDOG_MS >= 5 * WATCHDOG_LOOK_MS);
const _: () = assert!(2 * RADIO_CALL_MS + WATCHDOG_LOOK_MS < WATCHDOG_MS, "two keys at once don't restart the chip");
const _: () = assert!(STAY_UP_MS > 2 * WATCHDOG_MS);
const _: () = assert!(PANIC_MESSAGE_LEN <= u8::MAX as usize);
const _: () = assert!(BUTTON_HOLD_MS >= 10 * BUTTON_POLL_MS);
