//! The bytes that a client got, and how its connection ended.

use std::fmt;
use std::io;

use anyhow::{Result, ensure};

/// The answer to everything that is no HTTP request.
pub const HELLO: &[u8] = b"Hello World";
/// The reply to a client when all slots are busy.
pub const TOO_MANY: &[u8] = b"ERR max number of clients reached\r\n";

/// How a connection ended, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed its side (FIN).
    Eof,
    /// The connection was reset (RST).
    Reset,
    /// Nothing ended it in time.
    TimedOut,
    /// More came than any reply may have.
    TooLong,
    Error(io::ErrorKind),
}

impl From<io::ErrorKind> for End {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Reset,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => End::TimedOut,
            other => End::Error(other),
        }
    }
}

/// All bytes that a client got, and the end after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub bytes: Vec<u8>,
    pub end: End,
}

impl Answer {
    /// Whether these bytes came whole, with an orderly end.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes && self.end == End::Eof
    }

    pub fn expect(&self, bytes: &[u8]) -> Result<()> {
        ensure!(self.is(bytes), "wanted \"{}\" then Eof, got {self}", bytes.escape_ascii());
        Ok(())
    }

    pub fn expect_hello(&self) -> Result<()> {
        self.expect(HELLO)
    }

    /// To a client that asked nothing and closed, both are right: the plain answer and none.
    pub fn expect_hello_or_nothing(&self) -> Result<()> {
        self.expect(b"").or_else(|_| self.expect_hello())
    }

    pub fn expect_too_many(&self) -> Result<()> {
        self.expect(TOO_MANY)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_LEN_MAX: usize = 80;
        let shown = &self.bytes[..self.bytes.len().min(SHOWN_LEN_MAX)];
        write!(f, "\"{}\"", shown.escape_ascii())?;
        if shown.len() < self.bytes.len() {
            write!(f, " and {} bytes more", self.bytes.len() - shown.len())?;
        }
        write!(f, " then {:?}", self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &[u8], end: End) -> Answer {
        Answer { bytes: bytes.to_vec(), end }
    }

    #[test]
    fn only_whole_replies_with_an_orderly_end_count() {
        assert!(reply(HELLO, End::Eof).expect_hello().is_ok());
        for wrong in [
            reply(b"", End::Eof),
            reply(b"Hello Worl", End::Eof),
            reply(b"Hello World\nHello World\n", End::Eof),
            reply(HELLO, End::Reset),
            reply(HELLO, End::TimedOut),
        ] {
            assert!(wrong.expect_hello().is_err(), "{wrong}");
        }
    }

    #[test]
    fn long_replies_are_cut_and_escaped() {
        let shown = reply(&[0x1b; 100], End::Eof).to_string();
        assert!(shown.starts_with("\"\\x1b\\x1b"), "{shown}");
        assert!(shown.ends_with("\" and 20 bytes more then Eof"), "{shown}");
    }
}
