//! Every bound of the wiring, and how the bounds relate.

use sockeye_backoff::Pauses;

/// Things that are wired at once.
pub const THINGS_MAX: usize = 8;
/// Length of a key that a thing makes, bytes: its name, a point and a reading's name.
pub const KEY_LEN_MAX: usize = 24;
/// Length of one spec, bytes.
pub const SPEC_LEN_MAX: usize = 96;
/// Length of all names and specs together, bytes, with two more for each thing.
pub const TEXT_LEN_MAX: usize = 320;
/// Words of one driver, beside `period` and `strapping`.
pub const WORDS_MAX: usize = 6;
/// Readings of one thing.
pub const READINGS_MAX: usize = 4;
/// Length of a unit, bytes of UTF-8.
pub const UNIT_LEN_MAX: usize = 8;
/// Length of all that a pin can do, in words.
pub const PINS_TEXT_LEN_MAX: usize = 64;
/// Decimals of a reading.
pub const DECIMALS_MAX: u8 = 6;

/// The shortest time between two samples, milliseconds.
pub const PERIOD_MS_MIN: u32 = 100;
/// The longest time between two samples, milliseconds: a day.
pub const PERIOD_MS_MAX: u32 = 86_400_000;
/// The longest that one step of a driver may take, milliseconds. A sensor that hangs holds the others up for so long.
pub const STEP_MS: u64 = 100;
/// The longest that a scan may take, milliseconds. Nothing is sampled meanwhile.
pub const SCAN_MS: u64 = 2_000;
/// The longest that a driver may ask to wait between two steps, milliseconds.
pub const WAIT_MS_MAX: u32 = 10_000;
/// Steps of one sample; one more is a fault.
pub const STEPS_MAX: u8 = 16;
/// Pauses after samples that failed, whatever the period: a sensor that is plugged in again has a value 30 s later at
/// most.
pub const SAMPLE_PAUSES: Pauses = Pauses::new(1_000, 30_000, 0);
/// How often inputs are looked at, milliseconds.
pub const INPUT_POLL_MS: u64 = 10;
/// How often it is looked whether there are inputs, milliseconds.
pub const INPUT_IDLE_MS: u64 = 500;
/// RAM of what is kept of all things beside their specs.
pub const SAMPLER_SIZE_MAX: usize = 48 + 36 * THINGS_MAX;
/// How long an input must be still, milliseconds, at most.
pub const DEBOUNCE_MS_MAX: u32 = 1_000;

/// Conversions that one analog sample is the mean of: the converters' noise is several steps.
pub const CONVERSIONS: u32 = 16;
/// Pulses that a line is heard for at once: a DHT22's are 43.
pub const PULSES_MAX: usize = 48;
/// ROM codes that one scan of a 1-Wire bus finds.
pub const ROMS_MAX: usize = 8;
/// Pixels of a strip of WS2812.
pub const PIXELS_MAX: u16 = 256;

const _: () = assert!(THINGS_MAX < u8::MAX as usize);
const _: () = assert!(SAMPLE_PAUSES.longest_ms <= PERIOD_MS_MAX);
const _: () = assert!(PERIOD_MS_MIN as u64 >= STEP_MS);
const _: () = assert!(TEXT_LEN_MAX >= SPEC_LEN_MAX + KEY_LEN_MAX + 2, "the longest thing has room");
const _: () = assert!(CONVERSIONS <= 1 << 16, "a sum of 16-bit millivolts fits");
const _: () = assert!(size_of::<crate::Sampler>() <= SAMPLER_SIZE_MAX);
