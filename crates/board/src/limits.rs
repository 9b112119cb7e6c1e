//! Every bound of a board, and how the bounds relate.

/// Time between two samples of each reading, milliseconds.
pub const PERIOD_MS: u32 = 1_000;
/// Conversions that one sample of the LM35 is the mean of: the converters' noise is several steps.
pub const CONVERSIONS: u32 = 16;

/// The coldest that an LM35 on one supply can tell, tenths of a degree Celsius (its data sheet, figure 1).
pub const LM35_MIN: i32 = 20;
/// The hottest that it is asked for here, tenths of a degree Celsius. The converters of all chips measure up to 1,050 mV
/// at least with the attenuation that is used, and the end of the range is not accurate.
pub const LM35_MAX: i32 = 1_000;

const _: () = assert!(LM35_MIN < LM35_MAX);
const _: () = assert!(CONVERSIONS <= 1 << 16, "a sum of 16-bit codes fits");
