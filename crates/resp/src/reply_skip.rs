//! Passing over a reply that its receiver has no room for.

use crate::limits::REPLY_DEPTH_MAX;
use crate::reply_scan::{Body, Head, ReplyError};

/// How far a reply is passed over. The reply may be of any length, and its bytes may come in any pieces.
///
/// The values in the reply are not checked, only counted.
///
/// ```
/// use sockeye_resp::ReplySkip;
///
/// let mut skip = ReplySkip::new();
/// assert_eq!(skip.pass(b"*2\r\n$5\r\nab"), Ok((10, false)));
/// // The first line of a value waits for its end.
/// assert_eq!(skip.pass(b"cde\r\n$1"), Ok((5, false)));
/// assert_eq!(skip.pass(b"$1\r\nx\r\n+OK\r\n"), Ok((7, true)));
/// ```
#[derive(Clone, Debug)]
pub struct ReplySkip {
    /// Values that are yet to come: of the reply itself, and of each aggregate that has begun.
    missing: [usize; REPLY_DEPTH_MAX + 1],
    depth: usize,
    /// Bytes that are yet to come of the value that has begun, with its line end.
    body_len: usize,
}

impl ReplySkip {
    /// A reply of which nothing is passed over.
    pub const fn new() -> Self {
        let mut missing = [0; REPLY_DEPTH_MAX + 1];
        missing[0] = 1;
        Self { missing, depth: 0, body_len: 0 }
    }

    /// Passes over the bytes that come next. Gives how many of `bytes` those are, and whether the reply is over. The
    /// bytes that are left are the start of a line: they have to come again, with more behind them.
    ///
    /// # Errors
    /// The bytes aren't a reply, or one that is nested too deep.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<(usize, bool), ReplyError> {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            let len = self.body_len.min(rest.len());
            (passed, self.body_len) = (passed + len, self.body_len - len);
            if self.body_len > 0 {
                return Ok((passed, false));
            }
            let missing = loop {
                match self.missing.get_mut(self.depth) {
                    Some(0) if self.depth == 0 => return Ok((passed, true)),
                    Some(0) => self.depth -= 1,
                    Some(missing) => break missing,
                    None => return Err(ReplyError::TooDeep),
                }
            };
            let Some(head) = Head::decode(rest.get(len..).unwrap_or_default())? else {
                return Ok((passed, false));
            };
            passed += head.len;
            // An attribute is no value of what it is in.
            if head.kind != b'|' {
                *missing -= 1;
            }
            match head.body {
                Body::None | Body::Elements(0) => (),
                Body::Bytes(len) => self.body_len = len.saturating_add(2),
                Body::Elements(len) => {
                    self.depth += 1;
                    *self.missing.get_mut(self.depth).ok_or(ReplyError::TooDeep)? = len;
                }
            }
        }
    }
}

impl Default for ReplySkip {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_reply;

    /// Passes over the reply that `wire` starts with, given in pieces of `len` bytes. Gives the reply's length.
    fn skip(wire: &[u8], len: usize) -> Result<usize, ReplyError> {
        let (mut skip, mut passed, mut came) = (ReplySkip::new(), 0, 0);
        loop {
            came = wire.len().min(came + len);
            let (more, is_over) = skip.pass(&wire[passed..came])?;
            passed += more;
            if is_over {
                return Ok(passed);
            }
            assert!(came < wire.len(), "the reply doesn't end");
        }
    }

    #[test]
    fn a_reply_ends_where_the_decoder_has_its_end() {
        for wire in [
            "+OK\r\n",
            "$-1\r\n",
            "$0\r\n\r\n",
            "$4\r\na\r\nb\r\n",
            "*0\r\n",
            "*2\r\n*1\r\n:1\r\n:2\r\n",
            "%1\r\n+a\r\n~2\r\n_\r\n,1.5\r\n",
            "|1\r\n+ttl\r\n:3600\r\n:7\r\n",
            "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n",
            "=6\r\ntxt:hi\r\n",
            ">1\r\n$3\r\nabc\r\n",
        ] {
            let (_, end) = decode_reply(wire.as_bytes(), usize::MAX).unwrap().unwrap();
            let wire = format!("{wire}+PONG\r\n");
            for len in 1..=wire.len() {
                assert_eq!(skip(wire.as_bytes(), len), Ok(end), "{wire:?} in pieces of {len}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for len in 1..9 {
            assert_eq!(skip(b"*2\r\n:1\r\nHTTP", len), Err(ReplyError::UnknownType(b'H')));
            assert_eq!(skip(b"$-2\r\n", len), Err(ReplyError::Malformed));
            assert_eq!(skip("*1\r\n".repeat(REPLY_DEPTH_MAX + 1).as_bytes(), len), Err(ReplyError::TooDeep));
        }
        // The greatest length is one that never comes.
        let mut skip = ReplySkip::new();
        assert_eq!(skip.pass(b"$2147483647\r\nx"), Ok((14, false)));
        assert_eq!(skip.pass(&[b'x'; 64]), Ok((64, false)));
    }
}
