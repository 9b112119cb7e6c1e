//! Requests that have arrived whole, in the form that clients send: read in one pass, without the decoder's states.

use core::num::NonZeroUsize;

use crate::http::{is_http, may_be_http};
use crate::limits::Limits;
use crate::request::{Request, Span};
use crate::telnet::IAC;

/// A request at the start of a receive buffer.
// Two words, of which one is never 0: a return value in registers.
pub(crate) struct WholeRequest {
    /// Number of arguments, at most [`ARGS_MAX`](crate::limits::ARGS_MAX).
    pub(crate) args_len: NonZeroUsize,
    /// Bytes of the request with its last line end, at most [`REQUEST_LEN_MAX`](crate::limits::REQUEST_LEN_MAX).
    pub(crate) len: usize,
}

/// Finds the arguments of the request that `rx` starts with; None if the request is incomplete or refused.
///
/// None also for what only the decoder's states know: an empty line, quotes, Telnet commands, a byte order mark, a length
/// of three digits.
#[inline]
pub(crate) fn find(rx: &[u8], args: &mut [Span], limits: &Limits) -> Option<WholeRequest> {
    if let Some(b'*') = rx.first() { find_array(rx, args, limits) } else { find_line(rx, args, limits) }
}

// Two functions: each saves only the registers that it needs.
#[inline(never)]
fn find_line(rx: &[u8], args: &mut [Span], limits: &Limits) -> Option<WholeRequest> {
    // The first character after those that have a meaning beside a blank: quotes are before it in ASCII.
    const FIRST_PLAIN: u8 = b'\'' + 1;
    let args = args.get_mut(..limits.args_max)?;
    let line = rx.get(..=limits.inline_len_max).unwrap_or(rx);
    let (mut args_len, mut word, mut at) = (0, 0, 0);
    while let Some(&byte) = line.get(at) {
        if (FIRST_PLAIN..IAC).contains(&byte) {
            at += 1;
            continue;
        }
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return None;
        }
        if at > word {
            *args.get_mut(args_len)? = Span::new(word, at);
            args_len += 1;
        }
        at += 1;
        word = at;
        if byte == b'\n' {
            let args = args.get(..args_len)?;
            let whole = WholeRequest { args_len: NonZeroUsize::new(args_len)?, len: at };
            if !rx.first()?.is_ascii() {
                // Perhaps a byte order mark.
                return None;
            }
            return if may_be_http(&Request { bytes: rx, spans: args }) {
                unless_http(rx, args, at)
            } else {
                Some(whole)
            };
        }
    }
    None
}

/// The request of `len` bytes, unless it is HTTP.
#[cold]
#[inline(never)]
fn unless_http(bytes: &[u8], spans: &[Span], len: usize) -> Option<WholeRequest> {
    let args_len = NonZeroUsize::new(spans.len())?;
    (!is_http(&Request { bytes, spans })).then_some(WholeRequest { args_len, len })
}

#[inline(never)]
fn find_array(rx: &[u8], args: &mut [Span], limits: &Limits) -> Option<WholeRequest> {
    let (args_len, mut next) = header(rx, 0, b'*')?;
    let args_len = NonZeroUsize::new(args_len).filter(|args_len| args_len.get() <= limits.args_max)?;
    for arg in args.get_mut(..args_len.get())? {
        let (len, start) = header(rx, next, b'$')?;
        let end = start + len;
        if len > limits.bulk_len_max || rx.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        *arg = Span::new(start, end);
        next = end + 2;
    }
    (next <= limits.request_len_max).then_some(WholeRequest { args_len, len: next })
}

/// The number of one or two digits in the header at `at`, and where the bytes after the header are.
fn header(rx: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let value = |digit: u8| usize::from(digit - b'0');
    match *rx.get(at..)? {
        [first, digit @ b'0'..=b'9', b'\r', b'\n', ..] if first == kind => Some((value(digit), at + 4)),
        [first, tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] if first == kind => {
            Some((value(tens) * 10 + value(ones), at + 5))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ARGS_MAX;

    fn args_of(rx: &[u8]) -> Option<Vec<&[u8]>> {
        let mut spans = [Span::EMPTY; ARGS_MAX];
        let whole = find(rx, &mut spans, &Limits::AUTHENTICATED)?;
        assert!(whole.len <= rx.len());
        Some(spans[..whole.args_len.get()].iter().map(|span| span.of(rx)).collect())
    }

    #[test]
    fn ordinary_requests_are_found() {
        let args: &[&[u8]] = &[b"GET", b"lm35"];
        for rx in ["GET lm35\n", "GET lm35\r\n", "\tGET  lm35 \r\nPING\r\n", "*2\r\n$3\r\nGET\r\n$4\r\nlm35\r\n*1\r\n"]
        {
            assert_eq!(args_of(rx.as_bytes()).as_deref(), Some(args), "{rx:?}");
        }
        assert_eq!(args_of(b"*1\r\n$10\r\n0123456789\r\n").as_deref(), Some(&[&b"0123456789"[..]][..]));
    }

    #[test]
    fn the_rest_is_left_to_the_states() {
        let rest: [&[u8]; 18] = [
            b"",
            b"GET lm35",
            b"\r\n",
            b"GET 'lm35'\r\n",
            b"GET \xfflm35\r\n",
            b"\xef\xbb\xbfPING\r\n",
            b"Host: a\r\n",
            b"POST / HTTP/1.1\r\n",
            b"*\r\n",
            b"*0\r\n",
            b"*01\r\n$1\r\na\r\n",
            b"*33\r\n$1\r\na\r\n",
            b"*1\r\n$1\r\na",
            b"*1\r\n$1\r\nab\r\n",
            b"*1\r\n$03\r\nGET\r\n",
            b"*1\r\n:1\r\n",
            b"*1\r\n$-1\r\n",
            b"*1\n$1\na\n",
        ];
        for rx in rest {
            assert_eq!(args_of(rx), None, "{}", rx.escape_ascii());
        }
    }
}
