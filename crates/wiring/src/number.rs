//! Numbers and durations of a spec.

use core::fmt;

/// Powers of ten up to the decimals that a number can have.
pub(crate) const TENS: [i64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Units of time, in milliseconds; the longer name of two that begin alike comes first.
pub(crate) const UNITS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a number in units of its last decimal: `23.5` with two decimals is 2350.
///
/// None for everything but digits, after a `-` perhaps, with at most so many decimals after a point; and for a number
/// out of range.
pub fn decimal(text: &str, decimals: u8) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    if whole.is_empty() {
        return None;
    }
    let missing = usize::from(decimals).checked_sub(fraction.len())?;
    let digits = whole.bytes().chain(fraction.bytes()).chain(core::iter::repeat_n(b'0', missing));
    let value = digits.into_iter().try_fold(0_i64, |value, byte| {
        let digit = char::from(byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })?;
    Some(sign * value)
}

/// Reads a duration: a whole number and its unit, as `500ms`, `10s`, `5m`, `2h` or `1d`. In milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    let (number, scale) = UNITS.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    if number.starts_with('-') {
        return None;
    }
    decimal(number, 0)?.checked_mul(*scale)
}

/// Reads hexadecimal digits, at most sixteen.
pub fn hexadecimal(text: &str) -> Option<u64> {
    let is_hexadecimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal { u64::from_str_radix(text, 16).ok() } else { None }
}

/// Divides and rounds to the nearest, halves away from zero. 0 if the divisor is 0 or the quotient is out of range.
pub(crate) fn rounded(dividend: i64, divisor: i64) -> i64 {
    let half = (divisor / 2).saturating_abs();
    let dividend = if dividend < 0 { dividend.saturating_sub(half) } else { dividend.saturating_add(half) };
    dividend.checked_div(divisor).unwrap_or(0)
}

/// A value in 32 bits; one out of range becomes the nearest.
pub(crate) fn narrow(value: i64) -> i32 {
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// A number in units of its last decimal, of which it has so many. `Display` leaves out zeros at its end.
pub(crate) struct Fixed(pub(crate) i64, pub(crate) u8);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, decimals) = *self;
        let ten = TENS.get(usize::from(decimals)).copied().unwrap_or(1).unsigned_abs();
        let (mut rest, mut place) = (value.unsigned_abs() % ten, ten / 10);
        write!(f, "{}{}", if value < 0 { "-" } else { "" }, value.unsigned_abs() / ten)?;
        if rest > 0 {
            f.write_str(".")?;
        }
        while rest > 0 && place > 0 {
            write!(f, "{}", rest / place)?;
            (rest, place) = (rest % place, place / 10);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_fixed_point() {
        let check = |text, decimals, value| assert_eq!(decimal(text, decimals), value, "{text:?}");
        check("23.5", 2, Some(2_350));
        check("-20", 6, Some(-20_000_000));
        check("0.05", 6, Some(50_000));
        check("7", 0, Some(7));
        check("-0.5", 1, Some(-5));
        for text in ["", "-", ".", ".5", "5.", "1.5.5", "+1", "1e3", " 1", "1 ", "0x1", "--1"] {
            check(text, 2, None);
        }
        check("1.0", 0, None);
        check("1.234", 2, None);
        check("99999999999999999999", 0, None);
    }

    #[test]
    fn numbers_are_written_without_zeros_at_their_end() {
        let check = |value, decimals, text: &str| assert_eq!(Fixed(value, decimals).to_string(), text);
        check(-2_147_483_648, 6, "-2147.483648");
        check(50_000, 6, "0.05");
        check(-5, 1, "-0.5");
        check(100, 1, "10");
        check(40_000, 0, "40000");
    }

    #[test]
    fn durations_have_a_unit() {
        let check = |text, value| assert_eq!(duration_ms(text), value, "{text:?}");
        check("500ms", Some(500));
        check("10s", Some(10_000));
        check("5m", Some(300_000));
        check("2h", Some(7_200_000));
        check("1d", Some(86_400_000));
        for text in ["", "s", "10", "-1s", "1.5s", "10 s", "10w", "99999999999999999999d", "9223372036854775807d"] {
            check(text, None);
        }
    }

    #[test]
    fn quotients_are_rounded_away_from_zero() {
        assert_eq!([15, 14, -15, -14, 0].map(|dividend| rounded(dividend, 10)), [2, 1, -2, -1, 0]);
        assert_eq!(rounded(7, 0), 0);
        assert_eq!(rounded(i64::MIN, -1), 0);
    }
}
