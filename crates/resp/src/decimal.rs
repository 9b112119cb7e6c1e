//! Decimal numbers of headers, in both directions.

use crate::limits::{COUNT_LEN_MAX, DIGITS_MAX};

/// A header's number has more than [`COUNT_LEN_MAX`] characters, isn't a number, is out of range, or its CR has no LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidCount;

/// A header's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) value: i32,
    /// Bytes of the number and its line end.
    pub(crate) len: usize,
}

/// Reads the number that follows a header's type byte; `None` if its line
/// isn't complete.
pub(crate) fn decode_count(bytes: &[u8]) -> Result<Option<Count>, InvalidCount> {
    let window = &bytes[..bytes.len().min(COUNT_LEN_MAX + 1)];
    let Some(cr) = window.iter().position(|&byte| byte == b'\r') else {
        return if bytes.len() > COUNT_LEN_MAX { Err(InvalidCount) } else { Ok(None) };
    };
    match bytes.get(cr + 1) {
        None => Ok(None),
        Some(b'\n') => {
            let value = parse(&bytes[..cr]).ok_or(InvalidCount)?;
            Ok(Some(Count { value, len: cr + 2 }))
        }
        Some(_) => Err(InvalidCount),
    }
}

/// Accepts what Redis's `string2ll` accepts: one spelling for each number, so
/// no `+`, no leading zeros and no `-0`.
fn parse(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        b"0" => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    let value = digits.iter().try_fold(0i32, |value, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add_unsigned(digit)
    })?;
    Some(if negative { -value } else { value })
}

/// A decimal number in memory of its own.
pub(crate) struct Digits {
    bytes: [u8; DIGITS_MAX],
    start: usize,
}

impl Digits {
    // By hand, because that is smaller: on rv32imc at opt-level `s` 1,290 bytes, against 2,880 through core::fmt. In a
    // program that has core::fmt anyway, it is 1,370 bytes against 1,500. Most of either is the 64-bit division.
    pub(crate) fn new(mut value: u64) -> Self {
        let mut bytes = [0; DIGITS_MAX];
        let mut free = bytes.iter_mut().rev();
        // 64-bit division is a library call on 32-bit chips.
        while value > u64::from(u32::MAX) {
            if let Some(byte) = free.next() {
                *byte = b'0' + (value % 10) as u8;
            }
            value /= 10;
        }
        let mut value = value as u32;
        for byte in free.by_ref() {
            *byte = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        let start = free.len();
        Self { bytes, start }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let check = |text: &str, expected: Result<Option<i32>, InvalidCount>| {
            let count = decode_count(text.as_bytes());
            assert_eq!(count.map(|count| count.map(|c| c.value)), expected, "{text:?}");
        };
        check("0\r\n", Ok(Some(0)));
        check("7\r\nrest", Ok(Some(7)));
        check("-1\r\n", Ok(Some(-1)));
        check("2147483647\r\n", Ok(Some(i32::MAX)));
        check("-2147483647\r\n", Ok(Some(-i32::MAX)));
        check("", Ok(None));
        check("12", Ok(None));
        check("12\r", Ok(None));
        check("12345678901", Ok(None));
        check("123456789012", Err(InvalidCount));
        check("123456789012\r\n", Err(InvalidCount));
        for text in ["", "-", "+1", "01", "00", "-0", " 1", "1 ", "a", "2147483648", "?"] {
            check(&format!("{text}\r\n"), Err(InvalidCount));
        }
        check("1\rx", Err(InvalidCount));
        check("1\n2\r\n", Err(InvalidCount));
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let mut values = vec![0, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX];
        values.extend((0..20).map(|power| 10u64.pow(power)));
        values.extend((0..20).map(|power| 10u64.pow(power) - 1));
        for value in values {
            assert_eq!(Digits::new(value).as_bytes(), value.to_string().as_bytes());
        }
    }
}
