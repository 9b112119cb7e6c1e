//! The message of a panic, kept over the restart that follows.
//!
//! A restart leaves the memory as it was, but after a power cut it may hold anything. The memory is made of atomic
//! bytes, because a panic can interrupt a reader.

use core::fmt::{self, Display, Write};
use heapless::String;
use portable_atomic::{AtomicU8, Ordering};

use crate::limits::{PANIC_MESSAGE_LEN, PANIC_MESSAGE_MEMORY_LEN};

/// The memory: a check sum, a length, the text.
pub type PanicMemory = [AtomicU8; PANIC_MESSAGE_MEMORY_LEN];
/// The message of a panic, on one line.
pub type Text = String<PANIC_MESSAGE_LEN, u8>;

const HEADER: usize = PANIC_MESSAGE_MEMORY_LEN - PANIC_MESSAGE_LEN;

/// Keeps what is to be said; what is too long is cut.
pub fn keep(memory: &PanicMemory, words: &dyn Display) {
    let mut text = Line(Text::new());
    // The write fails where the text is full.
    let _ = write!(text, "{words}");
    let bytes = text.0.as_bytes();
    for (to, byte) in memory[HEADER..].iter().zip(bytes) {
        to.store(*byte, Ordering::Relaxed);
    }
    // The text is at most as long as a byte can say.
    let len = bytes.len() as u8;
    memory[2].store(len, Ordering::Relaxed);
    let [low, high] = check_sum(len, bytes.iter().copied()).to_le_bytes();
    memory[0].store(low, Ordering::Relaxed);
    memory[1].store(high, Ordering::Relaxed);
}

/// Takes what was kept, once. None if nothing was, or if what is there is not what was kept.
pub fn take(memory: &PanicMemory) -> Option<Text> {
    let byte = |index: usize| memory[index].load(Ordering::Relaxed);
    let (sum, len) = (u16::from_le_bytes([byte(0), byte(1)]), byte(2));
    let text = memory[HEADER..].get(..usize::from(len))?;
    let bytes = || text.iter().map(|byte| byte.load(Ordering::Relaxed));
    let is_kept = len > 0 && check_sum(len, bytes()) == sum;
    memory[2].store(0, Ordering::Relaxed);
    let is_text = |byte: u8| (b' '..=b'~').contains(&byte);
    (is_kept && bytes().all(is_text)).then(|| bytes().map(char::from).collect())
}

/// Fletcher's check sum (RFC 1146), begun so that memory which is all zero or all one is not right.
fn check_sum(len: u8, bytes: impl Iterator<Item = u8>) -> u16 {
    let (mut low, mut high) = (u16::from(len), 0x5a);
    for byte in bytes {
        low = (low + u16::from(byte)) % 255;
        high = (high + low) % 255;
    }
    low | high << 8
}

/// A text on one line, of printable ASCII.
struct Line(Text);

impl Write for Line {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for char in part.chars() {
            let char = match char {
                ' '..='~' => char,
                '\n' | '\t' => ' ',
                _ => '?',
            };
            self.0.push(char).map_err(|_| fmt::Error)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use super::*;

    fn memory(byte: u8) -> PanicMemory {
        [const { AtomicU8::new(0) }; PANIC_MESSAGE_MEMORY_LEN].map(|_| AtomicU8::new(byte))
    }

    fn kept(words: &str) -> Option<String> {
        let memory = memory(0xa5);
        keep(&memory, &words);
        let taken = take(&memory).map(|text| text.to_string());
        assert_eq!(take(&memory), None, "taken once");
        taken
    }

    #[test]
    fn words_outlive_a_restart_on_one_line() {
        let said = "panicked at src/radio.rs:12:5:\nthe radio starts: NoMemory";
        assert_eq!(kept(said).unwrap(), "panicked at src/radio.rs:12:5: the radio starts: NoMemory");
        assert_eq!(kept("caf\u{e9}\r").unwrap(), "caf??");
        assert_eq!(kept(""), None);
    }

    #[test]
    fn words_that_are_too_long_are_cut() {
        let long = "x".repeat(10 * PANIC_MESSAGE_LEN);
        assert_eq!(kept(&long).unwrap(), long[..PANIC_MESSAGE_LEN]);
    }

    #[test]
    fn memory_that_nobody_wrote_says_nothing() {
        for byte in 0..=u8::MAX {
            assert_eq!(take(&memory(byte)), None, "{byte:#x}");
        }
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let words = "index out of bounds";
        for index in 0..HEADER + words.len() {
            let memory = memory(0);
            keep(&memory, &words);
            memory[index].fetch_xor(0x04, Ordering::Relaxed);
            assert_eq!(take(&memory), None, "byte {index}");
        }
    }
}
