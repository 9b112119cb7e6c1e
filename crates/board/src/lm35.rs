//! From a converter's codes to a temperature.
//!
//! An LM35 gives 10 mV for each degree Celsius, so a millivolt is a tenth of a degree.

use sockeye_device::Value;

use crate::limits::{CONVERSIONS, LM35_MAX, LM35_MIN};

/// The meaning of a converter's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Millivolts: the chip knows its converter, because it was measured in the factory.
    Millivolts,
    /// Steps of a converter that nobody has measured: what they mean is taken from others of its kind, and can be wrong
    /// by many degrees.
    Nominal {
        /// The code at 0 mV.
        zero: u16,
        /// Steps for each volt.
        steps_per_volt: u16,
    },
}

impl Scale {
    /// Millivolts of a mean code, rounded; below the converter's zero there are none.
    fn millivolts(self, sum: u32, count: u32) -> u32 {
        match self {
            Self::Millivolts => rounded(sum, count),
            Self::Nominal { zero, steps_per_volt } => {
                let steps = u64::from(sum.saturating_sub(u32::from(zero) * count));
                let divisor = u64::from(count) * u64::from(steps_per_volt);
                let millivolts = (steps * 1_000 + divisor / 2).checked_div(divisor).unwrap_or(0);
                u32::try_from(millivolts).unwrap_or(u32::MAX)
            }
        }
    }
}

fn rounded(sum: u32, count: u32) -> u32 {
    (sum + count / 2).checked_div(count).unwrap_or(0)
}

/// The temperature that [`CONVERSIONS`] codes mean, in tenths of a degree Celsius.
///
/// None if a conversion is missing, or if the mean is out of an LM35's range. A pin that is tied to ground or to the
/// supply is out of range. A pin that is not connected can be at any voltage, and is not recognised.
///
/// ```
/// use sockeye_board::lm35::{Scale, temperature};
/// use sockeye_device::Value;
///
/// // 235 mV are 23.5 degrees.
/// assert_eq!(temperature([Some(235); 16], Scale::Millivolts), Some(Value(235)));
/// ```
pub fn temperature(codes: impl IntoIterator<Item = Option<u16>>, scale: Scale) -> Option<Value> {
    let (mut sum, mut count) = (0, 0);
    for code in codes.into_iter().take(CONVERSIONS as usize) {
        sum += u32::from(code?);
        count += 1;
    }
    let tenths = i32::try_from(scale.millivolts(sum, count)).ok()?;
    (count == CONVERSIONS && (LM35_MIN..=LM35_MAX).contains(&tenths)).then_some(Value(tenths))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOMINAL: Scale = Scale::Nominal { zero: 1_500, steps_per_volt: 3_600 };

    fn check(code: u16, scale: Scale, expected: Option<i32>) {
        assert_eq!(temperature([Some(code); CONVERSIONS as usize], scale), expected.map(Value), "{code} {scale:?}");
    }

    #[test]
    fn a_millivolt_is_a_tenth_of_a_degree() {
        check(235, Scale::Millivolts, Some(235));
        check(20, Scale::Millivolts, Some(20));
        check(1_000, Scale::Millivolts, Some(1_000));
    }

    #[test]
    fn what_no_lm35_tells_is_no_temperature() {
        for code in [0, 19, 1_001, 4_095, u16::MAX] {
            check(code, Scale::Millivolts, None);
        }
        for code in [0, 1_500, 1_569, 5_200, u16::MAX] {
            check(code, NOMINAL, None);
        }
    }

    #[test]
    fn codes_of_a_converter_that_nobody_measured_count_from_its_zero() {
        // 900 steps of 3,600 for a volt are 250 mV.
        check(2_400, NOMINAL, Some(250));
        check(1_572, NOMINAL, Some(20));
        check(2_400, Scale::Nominal { zero: 0, steps_per_volt: 0 }, None);
    }

    #[test]
    fn a_sample_is_the_rounded_mean() {
        let codes = |codes: [u16; 2]| (0..CONVERSIONS as usize).map(move |index| Some(codes[index % 2]));
        assert_eq!(temperature(codes([230, 241]), Scale::Millivolts), Some(Value(236)));
        assert_eq!(temperature(codes([230, 240]), Scale::Millivolts), Some(Value(235)));
        assert_eq!(temperature(codes([2_399, 2_401]), NOMINAL), Some(Value(250)));
    }

    #[test]
    fn a_conversion_that_fails_costs_the_sample() {
        let codes = (0..CONVERSIONS).map(|index| (index != 7).then_some(235));
        assert_eq!(temperature(codes, Scale::Millivolts), None);
        assert_eq!(temperature([Some(235); CONVERSIONS as usize - 1], Scale::Millivolts), None);
        assert_eq!(temperature([], NOMINAL), None);
    }
}
