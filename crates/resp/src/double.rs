//! Doubles as RESP3 and Redis write them.

use core::fmt::{self, Write};

/// Doubles from here on have an exponent, as in Redis, and not hundreds of zeros.
const EXPONENT_FROM: f64 = 1e17;
/// Doubles below have an exponent too.
const EXPONENT_BELOW: f64 = 1e-6;

/// Writes the fewest digits that read back as the same double.
pub(crate) fn write_double(out: &mut impl Write, value: f64) -> fmt::Result {
    let size = value.abs();
    if value.is_nan() {
        out.write_str("nan")
    } else if value.is_finite() && (size >= EXPONENT_FROM || (size < EXPONENT_BELOW && size > 0.0)) {
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        let check = |value, expected: &str| {
            let mut text = String::new();
            write_double(&mut text, value).unwrap();
            assert_eq!(text, expected);
        };
        check(0.0, "0");
        check(-0.0, "-0");
        check(3.0, "3");
        check(23.5, "23.5");
        check(0.1 + 0.2, "0.30000000000000004");
        check(0.000001, "0.000001");
        check(0.0000005, "5e-7");
        check(1e16, "10000000000000000");
        check(-1e17, "-1e17");
        check(f64::MAX, "1.7976931348623157e308");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
        check(-f64::NAN, "nan");
    }
}
