//! Finding where a reply ends, and whether it is one.

use core::fmt;

use crate::decimal::{InvalidCount, decode_count};
use crate::limits::{ELEMENT_LEN_MIN, REPLY_DEPTH_MAX};

/// Why bytes aren't a reply. The connection is of no more use: where its next
/// reply starts is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// No type of RESP2 or RESP3 starts with this byte. The streamed types of
    /// RESP3, which no server sends, aren't known either.
    UnknownType(u8),
    /// A length or a value is invalid for its type.
    Malformed,
    /// Aggregates nest deeper than [`REPLY_DEPTH_MAX`].
    TooDeep,
    /// The reply is longer than the receiver can hold.
    TooLong,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(byte) => write!(f, "unknown reply type {byte:#04x}"),
            Self::Malformed => f.write_str("malformed reply"),
            Self::TooDeep => f.write_str("reply nested too deep"),
            Self::TooLong => f.write_str("reply too long"),
        }
    }
}

impl core::error::Error for ReplyError {}

impl From<InvalidCount> for ReplyError {
    fn from(_: InvalidCount) -> Self {
        Self::Malformed
    }
}

/// The content after a reply's first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    /// So many bytes and a line end.
    Bytes(usize),
    /// So many values; a map's keys count as well.
    Elements(usize),
}

/// A reply's first line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) kind: u8,
    /// The bytes between the type byte and the line end.
    pub(crate) line: &'a [u8],
    /// Bytes of the whole line.
    pub(crate) len: usize,
    pub(crate) body: Body,
}

impl<'a> Head<'a> {
    /// Reads and checks a first line; `None` if it isn't complete.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Option<Self>, ReplyError> {
        let Some((&kind, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        match kind {
            b'$' | b'*' | b'!' | b'=' | b'%' | b'~' | b'>' | b'|' => Self::counted(kind, rest),
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Self::simple(kind, rest),
            other => Err(ReplyError::UnknownType(other)),
        }
    }

    fn counted(kind: u8, rest: &'a [u8]) -> Result<Option<Self>, ReplyError> {
        let Some(count) = decode_count(rest)? else {
            return Ok(None);
        };
        let body = match (kind, usize::try_from(count.value)) {
            (b'$' | b'*', Err(_)) if count.value == -1 => Body::None,
            (_, Err(_)) => return Err(ReplyError::Malformed),
            (b'=', Ok(len)) if len < 4 => return Err(ReplyError::Malformed),
            (b'$' | b'!' | b'=', Ok(len)) => Body::Bytes(len),
            (b'%' | b'|', Ok(pairs)) => Body::Elements(pairs.checked_mul(2).ok_or(ReplyError::TooLong)?),
            (_, Ok(len)) => Body::Elements(len),
        };
        let line = count.len.checked_sub(2).and_then(|len| rest.get(..len)).ok_or(ReplyError::Malformed)?;
        Ok(Some(Self { kind, line, len: 1 + count.len, body }))
    }

    fn simple(kind: u8, rest: &'a [u8]) -> Result<Option<Self>, ReplyError> {
        let Some(line_len) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return Ok(None);
        };
        let line = rest.get(..line_len).ok_or(ReplyError::Malformed)?;
        let is_valid = match kind {
            b':' => integer(line).is_some(),
            b'_' => line.is_empty(),
            b'#' => matches!(line, b"t" | b"f"),
            b',' => is_double(line),
            b'(' => is_digits(unsigned(line)),
            _ => true,
        };
        if !is_valid {
            return Err(ReplyError::Malformed);
        }
        Ok(Some(Self { kind, line, len: 1 + line_len + 2, body: Body::None }))
    }
}

/// The length of the reply that `bytes` starts with, all its elements included;
/// `None` if it isn't complete.
///
/// Elements are counted on a stack of fixed depth rather than by recursion. An
/// attribute is given like a reply here; inside an aggregate it doesn't count
/// as an element.
pub(crate) fn scan(bytes: &[u8], len_max: usize) -> Result<Option<usize>, ReplyError> {
    let mut missing = [0; REPLY_DEPTH_MAX + 1];
    missing[0] = 1;
    let mut depth = 0;
    let mut next = 0;
    loop {
        let missing_here = loop {
            match missing.get_mut(depth) {
                Some(0) if depth == 0 => return Ok(Some(next)),
                Some(0) => depth -= 1,
                Some(missing) => break missing,
                None => return Err(ReplyError::TooDeep),
            }
        };
        let Some(head) = Head::decode(bytes.get(next..).unwrap_or_default())? else {
            return incomplete(bytes, len_max);
        };
        next += head.len;
        if head.kind != b'|' || depth == 0 {
            *missing_here -= 1;
        }
        let room = len_max.saturating_sub(next);
        match head.body {
            Body::None => (),
            Body::Bytes(len) => {
                if len + 2 > room {
                    return Err(ReplyError::TooLong);
                }
                let Some(body) = bytes.get(next..next + len + 2) else {
                    return incomplete(bytes, len_max);
                };
                check_body(head.kind, body)?;
                next += body.len();
            }
            Body::Elements(0) => (),
            Body::Elements(len) => {
                if len > room / ELEMENT_LEN_MIN {
                    return Err(ReplyError::TooLong);
                }
                depth += 1;
                *missing.get_mut(depth).ok_or(ReplyError::TooDeep)? = len;
            }
        }
    }
}

/// More bytes are needed, unless there can't be more.
fn incomplete<T>(bytes: &[u8], len_max: usize) -> Result<Option<T>, ReplyError> {
    if bytes.len() < len_max { Ok(None) } else { Err(ReplyError::TooLong) }
}

fn check_body(kind: u8, body: &[u8]) -> Result<(), ReplyError> {
    let format_len = || body.iter().position(|&byte| byte == b':');
    let is_valid = body.ends_with(b"\r\n") && (kind != b'=' || format_len() == Some(3));
    is_valid.then_some(()).ok_or(ReplyError::Malformed)
}

/// The value of an integer's line.
pub(crate) fn integer(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.parse().ok()
}

/// `[+-]digits[.digits][e[+-]digits]`, `inf`, `-inf` or `nan`.
fn is_double(line: &[u8]) -> bool {
    if matches!(line, b"inf" | b"-inf" | b"nan") {
        return true;
    }
    let is_e = |byte: &u8| matches!(byte, b'e' | b'E');
    let mut parts = line.splitn(2, is_e);
    let mantissa = unsigned(parts.next().unwrap_or_default());
    let exponent = parts.next().map(unsigned);
    mantissa.splitn(2, |&byte| byte == b'.').all(is_digits) && exponent.is_none_or(is_digits)
}

fn unsigned(number: &[u8]) -> &[u8] {
    match number {
        [b'+' | b'-', digits @ ..] => digits,
        digits => digits,
    }
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}
