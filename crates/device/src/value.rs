//! Values of readings and outputs: whole numbers with a fixed decimal point.

use core::fmt;

use sockeye_resp::ReplyWriter;
use sockeye_resp::limits::SHORT_BULK_LEN_MAX;

use crate::limits::{DECIMAL_LEN_MAX, DECIMALS_MAX};

/// A value in units of the last decimal of its reading or output: with one decimal, 235 is 23.5.
///
/// How many decimals there are is said once, in [`ReadingInfo`](crate::ReadingInfo) or
/// [`OutputInfo`](crate::OutputInfo). No value is ever a float, so what a sensor measured is what a client reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(pub i32);

/// A [`Value`] as it is written: `23.5`, `-0.05`, `7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    value: Value,
    decimals: u8,
}

impl Value {
    /// How this value is written with so many decimals; beyond [`DECIMALS_MAX`] there are none.
    pub const fn with_decimals(self, decimals: u8) -> Decimal {
        Decimal { value: self, decimals: if decimals > DECIMALS_MAX { DECIMALS_MAX } else { decimals } }
    }

    /// Reads a value of so many decimals: digits, after a `-` perhaps, with at most so many decimals after a point.
    ///
    /// None for everything else: blanks, `+`, exponents, no digit before or after the point, more decimals than the
    /// value has, or a number out of range.
    ///
    /// ```
    /// use sockeye_device::Value;
    ///
    /// assert_eq!(Value::parse(b"23.5", 2), Some(Value(2350)));
    /// assert_eq!(Value::parse(b"23.555", 2), None);
    /// assert_eq!(Value(2350).with_decimals(2).to_string(), "23.50");
    /// ```
    pub fn parse(text: &[u8], decimals: u8) -> Option<Self> {
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let mut parts = digits.splitn(2, |&byte| byte == b'.');
        let whole = parts.next().filter(|whole| !whole.is_empty())?;
        let fraction = match parts.next() {
            Some([]) => return None,
            Some(fraction) => fraction,
            None => &[],
        };
        let missing = usize::from(decimals).checked_sub(fraction.len())?;
        let zeros = core::iter::repeat_n(&b'0', missing);
        let value = whole.iter().chain(fraction).chain(zeros).try_fold(0i32, |value, &byte| {
            let digit = char::from(byte).to_digit(10)?;
            // Counting downwards, because the smallest number has no positive twin.
            value.checked_mul(10)?.checked_sub_unsigned(digit)
        })?;
        if negative { Some(Self(value)) } else { value.checked_neg().map(Self) }
    }

    /// The same value with `to` decimals in the place of `from`, rounded to the nearest. None if it is out of range then.
    pub(crate) fn rescaled(self, from: u8, to: u8) -> Option<Self> {
        i32::try_from(rescale(self.0.into(), from, to)?).ok().map(Self)
    }
}

/// A number in units of decimal `from` in units of decimal `to`, rounded to the nearest, and halves away from zero. None
/// if it is out of range then.
pub(crate) fn rescale(number: i64, from: u8, to: u8) -> Option<i64> {
    let factor = 10i64.checked_pow(from.abs_diff(to).into())?;
    if to >= from {
        return number.checked_mul(factor);
    }
    let half = if number < 0 { -(factor / 2) } else { factor / 2 };
    number.saturating_add(half).checked_div(factor)
}

/// The latest sample of a reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latest {
    pub(crate) value: Value,
    /// When it came, milliseconds since boot.
    pub(crate) uptime_ms: u64,
}

impl Decimal {
    /// The value, and its decimals.
    pub(crate) const fn parts(self) -> (Value, u8) {
        (self.value, self.decimals)
    }

    /// How many characters it has as a client reads it, at most [`DECIMAL_LEN_MAX`].
    pub(crate) fn len(self) -> usize {
        const POWERS: [u32; 9] = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
        let magnitude = self.value.0.unsigned_abs();
        let digits = 1 + POWERS.iter().take_while(|power| magnitude >= **power).count();
        let sign = usize::from(self.value.0 < 0);
        match usize::from(self.decimals) {
            0 => digits + sign,
            // A digit is before the point.
            decimals => digits.max(decimals + 1) + 1 + sign,
        }
    }

    /// Writes it as a client reads it into `text`, which is [as long](Self::len).
    ///
    /// By hand, because every reply with a value in it comes through here: a tenth of what `core::fmt` takes.
    fn write(self, text: &mut [u8]) {
        let mut magnitude = self.value.0.unsigned_abs();
        let digits = match text {
            [sign, digits @ ..] if self.value.0 < 0 => {
                *sign = b'-';
                digits
            }
            digits => digits,
        };
        let fraction_at = digits.len().saturating_sub(self.decimals.into());
        let (mut whole, fraction) = digits.split_at_mut_checked(fraction_at).unwrap_or_default();
        if self.decimals > 0
            && let [before @ .., point] = whole
        {
            *point = b'.';
            whole = before;
        }
        for part in [fraction, whole] {
            for byte in part.iter_mut().rev() {
                *byte = b'0' + (magnitude % 10) as u8;
                magnitude /= 10;
            }
        }
    }

    /// As a client reads it, at the start of `buffer`.
    pub(crate) fn encode(self, buffer: &mut [u8; DECIMAL_LEN_MAX]) -> &[u8] {
        let text = buffer.get_mut(..self.len()).unwrap_or_default();
        self.write(text);
        text
    }

    /// Writes it as a bulk.
    pub(crate) fn reply(self, reply: &mut ReplyWriter<'_>) {
        match self.len() {
            len @ 0..=SHORT_BULK_LEN_MAX => reply.short_bulk(len, |text| self.write(text)),
            _ => self.reply_long(reply),
        }
    }

    #[cold]
    #[inline(never)]
    fn reply_long(self, reply: &mut ReplyWriter<'_>) {
        reply.bulk(self.encode(&mut [0; DECIMAL_LEN_MAX]));
    }

    /// As a client reads it, at the start of `buffer`.
    pub(crate) fn text(self, buffer: &mut [u8; DECIMAL_LEN_MAX]) -> &str {
        // The text is ASCII.
        core::str::from_utf8(self.encode(buffer)).unwrap_or_default()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; DECIMAL_LEN_MAX]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_decimals() {
        let check = |value, decimals, text: &str| {
            let decimal = Value(value).with_decimals(decimals);
            assert_eq!((decimal.to_string().as_str(), decimal.len()), (text, text.len()));
            let mut tx = [0; 80];
            let mut reply = ReplyWriter::new(&mut tx, sockeye_resp::Protocol::Resp2);
            decimal.reply(&mut reply);
            assert_eq!(reply.as_bytes(), format!("${}\r\n{text}\r\n", text.len()).as_bytes());
            assert_eq!(Value::parse(text.as_bytes(), decimals), Some(Value(value)), "{text}");
        };
        check(235, 1, "23.5");
        check(-5, 2, "-0.05");
        check(0, 0, "0");
        check(7, 0, "7");
        check(-10, 1, "-1.0");
        check(99, 2, "0.99");
        check(100, 2, "1.00");
        check(999_999_999, 0, "999999999");
        check(1_000_000_000, 0, "1000000000");
        check(i32::MAX, 6, "2147.483647");
        check(i32::MIN, 3, "-2147483.648");
        check(i32::MIN, 0, "-2147483648");
    }

    #[test]
    fn other_decimals_round_to_the_nearest_value() {
        let check = |value, from, to, expected: Option<i32>| {
            assert_eq!(Value(value).rescaled(from, to), expected.map(Value), "{value} {from} {to}");
        };
        check(235, 1, 1, Some(235));
        check(235, 1, 3, Some(23_500));
        check(235, 1, 0, Some(24));
        check(-235, 1, 0, Some(-24));
        check(-234, 1, 0, Some(-23));
        check(4, 1, 0, Some(0));
        check(-4, 1, 0, Some(0));
        check(i32::MAX, 0, 1, None);
        check(i32::MAX, 6, 0, Some(2_147));
        check(i32::MIN, 6, 5, Some(-214_748_365));
    }

    #[test]
    fn only_plain_numbers_are_read() {
        for text in
            ["", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1e3", "1,5", "0x1", "1.2.3", "--1", "nan", "2147483648"]
        {
            assert_eq!(Value::parse(text.as_bytes(), 1), None, "{text:?}");
        }
        assert_eq!(Value::parse(b"1.25", 1), None);
        assert_eq!(Value::parse(b"1.0", 0), None);
        assert_eq!(Value::parse(b"214748364.8", 1), None);
        assert_eq!(Value::parse(b"-214748364.8", 1), Some(Value(i32::MIN)));
        assert_eq!(Value::parse(b"007", 1), Some(Value(70)));
    }
}
