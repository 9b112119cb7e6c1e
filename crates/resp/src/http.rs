//! Telling a browser from a client.
//!
//! Any web page can make the browser of someone on the same network send
//! `POST / HTTP/1.1` to a device, with a body of its choice. If the device
//! took the body's lines as inline requests, the page would control the
//! device. So a connection that opens like HTTP never gets to run a command:
//!
//! - [`http_method`] looks at a connection's first bytes, before the decoder
//!   does, and decides within [`METHOD_LEN_MAX`] bytes. It knows the methods
//!   that a page can send without asking first (GET, HEAD, POST), OPTIONS,
//!   with which a browser asks, and the other methods of HTTP/1.1 and HTTP/2.
//! - The decoder refuses inline requests that are lines of HTTP, wherever they
//!   come, with [`ProtocolError::Http`](crate::ProtocolError::Http). A request
//!   line and a header are refused, so a method nobody heard of helps nothing.
//!
//! TLS doesn't open a way either: the handshake has a NUL before any byte that
//! a page can choose, and the decoder refuses NULs in inline requests.

use crate::limits::METHOD_LEN_MAX;
use crate::request::Request;

/// What a connection's first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// RESP, or anything else the decoder can judge.
    NotHttp,
    /// The start of an HTTP method, so far; more bytes are needed.
    Maybe,
    /// `GET /`: someone has entered the device's address in a browser.
    Get,
    /// HTTP that nobody types by chance: close without reading on.
    Other,
}

/// The header that each request has.
const HOST: &[u8] = b"HOST:";

/// Methods that no command is named after, and the header that Redis takes as
/// a sign of an attack.
const OTHER_METHODS: [&[u8]; 10] =
    [b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE", b"PRI", HOST];

/// The letters that [`OTHER_METHODS`] begin with, a bit for each, so that most names need no further look.
const OTHER_LETTERS: u32 = {
    let (mut letters, mut i) = (0, 0);
    while i < OTHER_METHODS.len() {
        letters |= 1 << (OTHER_METHODS[i][0] - b'A');
        i += 1;
    }
    letters
};

const _: () = assert!(METHOD_LEN_MAX == longest(&OTHER_METHODS) + 1);

const fn longest(methods: &[&[u8]]) -> usize {
    let (mut len_max, mut i) = (0, 0);
    while i < methods.len() {
        if methods[i].len() > len_max {
            len_max = methods[i].len();
        }
        i += 1;
    }
    len_max
}

/// Judges the first bytes of a connection.
///
/// Case doesn't matter, as it doesn't in Redis. A target that begins with `/`
/// makes the difference between HTTP's GET, of any version, and the command.
///
/// ```
/// use sockeye_resp::{Http, http_method};
///
/// assert_eq!(http_method(b"GET / HTTP/1.1\r\n"), Http::Get);
/// assert_eq!(http_method(b"GET lm35\r\n"), Http::NotHttp);
/// assert_eq!(http_method(b"POST / HTTP/1.1\r\n"), Http::Other);
/// assert_eq!(http_method(b"P"), Http::Maybe); // POST, or PING?
/// ```
pub fn http_method(first: &[u8]) -> Http {
    let mut verdict = match is_prefix(first, b"GET /") {
        Some(true) => return Http::Get,
        Some(false) => Http::Maybe,
        None => Http::NotHttp,
    };
    for method in OTHER_METHODS {
        match (is_prefix(first, method), first.get(method.len())) {
            (Some(true), _) if method.ends_with(b":") => return Http::Other,
            (Some(true), Some(b' ' | b'\t' | b'\r' | b'\n')) => return Http::Other,
            (Some(true), None) | (Some(false), _) => verdict = Http::Maybe,
            _ => (),
        }
    }
    verdict
}

/// Whether `first` starts with `method`; `Some(false)` if it may once it is
/// longer.
fn is_prefix(first: &[u8], method: &[u8]) -> Option<bool> {
    let len = first.len().min(method.len());
    let (first, start) = (&first[..len], &method[..len]);
    let same = first.eq_ignore_ascii_case(start);
    same.then_some(len == method.len())
}

/// Whether an inline request is a line of HTTP: a method of HTTP, a request
/// line with its version, or a header.
///
/// A header's name ends with the colon, as browsers send it (RFC 9112 section
/// 5). A word with a colon inside is a key that was typed without a command.
pub(crate) fn is_http(request: &Request<'_>) -> bool {
    let name = request.name();
    name.ends_with(b":")
        || (name.first().is_some_and(begins_other)
            && (is_prefix(name, HOST) == Some(true)
                || OTHER_METHODS.iter().any(|known| name.eq_ignore_ascii_case(known))))
        || (request.len() == 3 && request.arg(2).is_some_and(is_version))
}

fn begins_other(first: &u8) -> bool {
    let letter = first.to_ascii_uppercase().wrapping_sub(b'A');
    letter < 26 && OTHER_LETTERS & 1 << letter != 0
}

/// `HTTP/` and a digit, RFC 9112 section 2.3.
fn is_version(word: &[u8]) -> bool {
    let (name, digit) = word.split_at(word.len().min(5));
    name.eq_ignore_ascii_case(b"HTTP/") && digit.first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict stays the same when more bytes come, and is there within
    /// METHOD_LEN_MAX bytes.
    fn check(first: &str, expected: Http) {
        let bytes = first.as_bytes();
        assert_eq!(http_method(bytes), expected, "{first:?}");
        let decided =
            (0..=bytes.len()).map(|len| http_method(&bytes[..len])).skip_while(|verdict| *verdict == Http::Maybe);
        for verdict in decided {
            assert_eq!(verdict, expected, "{first:?}");
        }
        if bytes.len() >= METHOD_LEN_MAX {
            assert_ne!(http_method(&bytes[..METHOD_LEN_MAX]), Http::Maybe, "{first:?}");
        }
    }

    #[test]
    fn pages_are_served_to_get_only() {
        check("GET / HTTP/1.1\r\nHost: 192.168.1.1:3000\r\n", Http::Get);
        check("GET /index.html\r\n", Http::Get);
        check("get / HTTP/1.0\r\n", Http::Get);
    }

    #[test]
    fn commands_are_not_http() {
        for line in [
            "GET lm35\r\n",
            "get lm35\n",
            "GETEX lm35\r\n",
            "PING\r\n",
            "PUBLISH a b\r\n",
            "DEL lm35\r\n",
            "HELLO 3\r\n",
            "OPTION \r\n",
            "POSTS \r\n",
            "HOST name\r\n",
            "TIME\r\n",
            "CONFIG GET *\r\n",
            "*1\r\n$4\r\nPOST\r\n",
            "\r\n",
            "\0",
        ] {
            check(line, Http::NotHttp);
        }
    }

    #[test]
    fn other_methods_are_never_read_on() {
        let methods = "POST PUT HEAD DELETE OPTIONS PATCH CONNECT TRACE PRI post Options";
        for method in methods.split(' ') {
            for end in [" / HTTP/1.1\r\n", " lm35\r\n", "\t/\r\n", "\r\n", "\n"] {
                check(&format!("{method}{end}"), Http::Other);
            }
        }
        check("Host: 192.168.1.1\r\n", Http::Other);
        check("host:192.168.1.1\r\n", Http::Other);
    }

    #[test]
    fn more_bytes_are_asked_for_only_while_they_can_matter() {
        for start in ["", "G", "GET", "GET ", "P", "PO", "POST", "D", "DELETE", "hos"] {
            check(start, Http::Maybe);
        }
        for start in ["GET l", "PI", "DEL ", "*", "S", "GETS"] {
            check(start, Http::NotHttp);
        }
    }
}
