//! Inline requests: a line of words, as a person types it.

use crate::request::Span;

/// Why a line can't be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SplitError {
    /// A quote isn't closed, or something other than a blank follows it.
    UnbalancedQuotes,
    /// There are more words than `args` has room for.
    TooManyArgs,
}

/// Splits a line into words by the rules of Redis's `sdssplitargs`, and gives
/// how many there are.
///
/// A word's quotes and escapes are resolved in place: what a word becomes is
/// never longer than what was typed. The spans count from the line's start.
pub(crate) fn split(line: &mut [u8], args: &mut [Span]) -> Result<usize, SplitError> {
    let mut args_len = 0;
    let mut read = 0;
    loop {
        while line.get(read).is_some_and(|&byte| is_space(byte)) {
            read += 1;
        }
        if read == line.len() {
            return Ok(args_len);
        }
        let arg = args.get_mut(args_len).ok_or(SplitError::TooManyArgs)?;
        let mut word = Word { line, start: read, read, write: read };
        word.resolve()?;
        read = word.read;
        *arg = Span::new(word.start, word.write);
        args_len += 1;
    }
}

enum Quote {
    None,
    Single,
    Double,
}

struct Word<'a> {
    line: &'a mut [u8],
    start: usize,
    /// The next byte as typed.
    read: usize,
    /// Where the next byte of the result goes; never beyond `read`.
    write: usize,
}

impl Word<'_> {
    fn resolve(&mut self) -> Result<(), SplitError> {
        let mut quote = Quote::None;
        loop {
            let rest = self.line.get(self.read..).unwrap_or_default();
            match (&quote, rest) {
                // Unlike is_space: a vertical tab or form feed is part of a
                // word, though it is skipped between words.
                (Quote::None, [] | [b' ' | b'\n' | b'\r' | b'\t', ..]) => return Ok(()),
                (Quote::None, [b'"', ..]) => {
                    quote = Quote::Double;
                    self.read += 1;
                }
                (Quote::None, [b'\'', ..]) => {
                    quote = Quote::Single;
                    self.read += 1;
                }
                (_, []) => return Err(SplitError::UnbalancedQuotes),
                (Quote::Double, [b'"', after @ ..]) | (Quote::Single, [b'\'', after @ ..]) => {
                    if after.first().is_some_and(|&byte| !is_space(byte)) {
                        return Err(SplitError::UnbalancedQuotes);
                    }
                    self.read += 1;
                    return Ok(());
                }
                (Quote::Double, [b'\\', ..]) => {
                    let (byte, len) = unescape(rest);
                    self.push(byte, len);
                }
                (Quote::Single, [b'\\', b'\'', ..]) => self.push(b'\'', 2),
                (_, &[byte, ..]) => self.push(byte, 1),
            }
        }
    }

    /// Takes `len` typed bytes, which stand for `byte`.
    fn push(&mut self, byte: u8, len: usize) {
        if let Some(to) = self.line.get_mut(self.write) {
            *to = byte;
        }
        self.write += 1;
        self.read += len;
    }
}

/// The byte that an escape stands for, and the escape's length.
fn unescape(escape: &[u8]) -> (u8, usize) {
    if let [_, b'x', high, low, ..] = *escape
        && let (Some(high), Some(low)) = (hex(high), hex(low))
    {
        return (high << 4 | low, 4);
    }
    match *escape {
        [_, b'n', ..] => (b'\n', 2),
        [_, b'r', ..] => (b'\r', 2),
        [_, b't', ..] => (b'\t', 2),
        [_, b'b', ..] => (0x08, 2),
        [_, b'a', ..] => (0x07, 2),
        [_, other, ..] => (other, 2),
        // The line ends here, inside the quotes, which the caller will refuse.
        _ => (b'\\', 1),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use SplitError::{TooManyArgs, UnbalancedQuotes};

    fn check(line: &str, expected: Result<&[&[u8]], SplitError>) {
        let mut bytes = line.as_bytes().to_vec();
        let mut spans = [Span::EMPTY; 4];
        let args_len = split(&mut bytes, &mut spans);
        let words: Result<Vec<&[u8]>, _> = args_len.map(|len| spans[..len].iter().map(|s| s.of(&bytes)).collect());
        assert_eq!(words, expected.map(<[_]>::to_vec), "{line:?}");
    }

    #[test]
    fn words() {
        check("", Ok(&[]));
        check(" \t\x0b\x0c\r ", Ok(&[]));
        check("PING", Ok(&[b"PING"]));
        check("  GET\tlm35  ", Ok(&[b"GET", b"lm35"]));
        check("GET\x0blm35", Ok(&[b"GET\x0blm35"]));
        check("a b c d", Ok(&[b"a", b"b", b"c", b"d"]));
        check("a b c d e", Err(TooManyArgs));
    }

    #[test]
    fn quotes() {
        check(r#"SET a "hello world""#, Ok(&[b"SET", b"a", b"hello world"]));
        check(r#"'hello world' """#, Ok(&[b"hello world", b""]));
        check(r#"pre"fix" pre'fix'"#, Ok(&[b"prefix", b"prefix"]));
        check(r#""it's" '"'"#, Ok(&[b"it's", b"\""]));
        check("\"a\"\x0bb", Ok(&[b"a", b"b"]));
    }

    #[test]
    fn escapes() {
        check(r#""\n\r\t\b\a\\\"\q""#, Ok(&[b"\n\r\t\x08\x07\\\"q"]));
        check(r#""\x00\xfF\x7""#, Ok(&[b"\x00\xffx7"]));
        check(r#""\xg1" '\x41' \x41"#, Ok(&[b"xg1", br"\x41", br"\x41"]));
        check(r#"'\'' '\n' '\\q'"#, Ok(&[b"'", br"\n", br"\\q"]));
    }

    #[test]
    fn unbalanced() {
        for line in [r#"""#, "'", r#""a"#, r#""a"b"#, "'a'b", r#""a""b""#, r#""a\"#, r#"'a\'"#] {
            check(line, Err(UnbalancedQuotes));
        }
    }
}
