//! Text in replies.

use core::fmt::{self, Write};

use crate::limits::PRINTABLE_LEN_MAX;
use crate::reply::ReplyWriter;

/// Appends to the text that a reply consists of.
///
/// An error means that the reply doesn't fit, and was taken back.
pub struct Text<'w, 'a> {
    reply: &'w mut ReplyWriter<'a>,
}

impl<'w, 'a> Text<'w, 'a> {
    pub(crate) fn new(reply: &'w mut ReplyWriter<'a>) -> Self {
        Self { reply }
    }
}

impl Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.reply.put(text.as_bytes());
        if self.reply.is_overflowed() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Shows bytes that a client sent in a text: what is UTF-8 as it is, the rest
/// as U+FFFD, and of many bytes the first
/// [`PRINTABLE_LEN_MAX`].
///
/// Line ends are left in: [`ReplyWriter`] takes them out of lines itself.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(PRINTABLE_LEN_MAX)];
        for chunk in shown.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

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

    #[test]
    fn printable_is_bounded() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(Printable(bytes).to_string(), expected);
        };
        check("Gerät".as_bytes(), "Gerät");
        check(b"a\xffb\xc3", "a\u{fffd}b\u{fffd}");
        check(&[b'x'; 1000], &"x".repeat(PRINTABLE_LEN_MAX));
    }
}
