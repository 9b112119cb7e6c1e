//! Texts that are cut where there is no room for more.

use core::fmt::{self, Write};

use heapless::String;

const DOTS: &str = "...";

/// Writes `words` at the end of `text`. Of words that are too long there are only the start, and dots.
///
/// By itself a bounded string takes a part of the words whole, or nothing of it.
pub(crate) fn write_start<const LEN: usize>(text: &mut String<LEN, u8>, words: fmt::Arguments<'_>) {
    if Cut(text).write_fmt(words).is_err() {
        while text.len() + DOTS.len() > LEN && text.pop().is_some() {}
        // There is room now.
        let _ = text.push_str(DOTS);
    }
}

/// Takes as much of each part as there is room for.
struct Cut<'a, const LEN: usize>(&'a mut String<LEN, u8>);

impl<const LEN: usize> Write for Cut<'_, LEN> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = part.floor_char_boundary(LEN.saturating_sub(self.0.len()));
        self.0.push_str(part.get(..end).unwrap_or_default()).map_err(|_| fmt::Error)?;
        if end < part.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_too_long_are_cut_at_a_character() {
        let check = |words: [&str; 2], expected: &str| {
            let mut text = String::<8, u8>::new();
            write_start(&mut text, format_args!("{}{}", words[0], words[1]));
            assert_eq!(text, expected);
        };
        check(["", ""], "");
        check(["abcd", "efgh"], "abcdefgh");
        check(["abcd", "efghi"], "abcde...");
        check(["", "abcdefghij"], "abcde...");
        check(["abcdefg", "\u{e9}"], "abcde...");
        check(["abcd\u{e9}\u{e9}", "x"], "abcd...");
    }
}
