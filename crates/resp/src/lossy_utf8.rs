//! Bytes of a client shown as text.

use core::fmt::{self, Write};

use crate::limits::LOSSY_UTF8_LEN_MAX;

/// Shows bytes that a client sent as text. Valid UTF-8 is shown as it is, and each invalid sequence as U+FFFD. At most
/// the first [`LOSSY_UTF8_LEN_MAX`] bytes are shown.
///
/// Line ends are left in; [`ReplyWriter`](crate::ReplyWriter) replaces them in a reply's line.
#[derive(Clone, Copy, Debug)]
pub struct LossyUtf8<'a>(pub &'a [u8]);

impl fmt::Display for LossyUtf8<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(LOSSY_UTF8_LEN_MAX)];
        for chunk in shown.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lossy_utf8_is_bounded() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(LossyUtf8(bytes).to_string(), expected);
        };
        check("Gerät".as_bytes(), "Gerät");
        check(b"a\xffb\xc3", "a\u{fffd}b\u{fffd}");
        check(&[b'x'; 1000], &"x".repeat(LOSSY_UTF8_LEN_MAX));
    }
}
