//! Millivolts of an analog converter without calibration data.

use sockeye_wiring::hardware::Range;

/// The typical line of a chip's converters. A single converter can differ from it by a tenth, and by tens of millivolts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nominal {
    /// The code at 0 mV.
    pub zero: u16,
    /// Steps for each volt in the low range, which is one of 2.5 dB.
    pub steps_per_volt: u16,
}

/// How many low ranges the full one is, in hundredths: 2.5 dB and 12 dB are 9.5 dB apart.
const FULL_PERCENT: u64 = 299;

impl Nominal {
    /// Millivolts of a code, rounded; below the converter's zero there are none.
    pub fn millivolts(self, code: u16, range: Range) -> u16 {
        let percent = if range == Range::Full { FULL_PERCENT } else { 100 };
        let steps = u64::from(code.saturating_sub(self.zero));
        let divisor = 100 * u64::from(self.steps_per_volt);
        let millivolts = (steps * 1_000 * percent + divisor / 2).checked_div(divisor).unwrap_or(0);
        u16::try_from(millivolts).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_count_from_the_converters_zero() {
        let nominal = Nominal { zero: 1_500, steps_per_volt: 3_600 };
        // 900 steps of 3,600 for a volt are 250 mV.
        let codes = [0, 1_500, 1_572, 2_399, 2_400, 4_095];
        assert_eq!(codes.map(|code| nominal.millivolts(code, Range::Low)), [0, 0, 20, 250, 250, 721]);
        assert_eq!(codes.map(|code| nominal.millivolts(code, Range::Full)), [0, 0, 60, 747, 748, 2_155]);
        let nothing = Nominal { zero: 0, steps_per_volt: 0 };
        assert_eq!(nothing.millivolts(2_400, Range::Low), 0);
        let steep = Nominal { zero: 0, steps_per_volt: 1 };
        assert_eq!(steep.millivolts(u16::MAX, Range::Full), u16::MAX);
    }
}
