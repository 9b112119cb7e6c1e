//! Telling a browser from a client, and reading what a browser asks for.
//!
//! Any web page can make a browser on the same network send `POST / HTTP/1.1` to a device, with a body that the page
//! chooses. If the device took the body's lines as inline requests, the page would control the device. So a connection
//! that opens like HTTP never gets to run a command:
//!
//! - [`opens_http`] looks at a connection's first bytes, before the decoder does, and decides within
//!   [`HTTP_START_LEN_MAX`] bytes. [`opens_http`] finds the methods that a page can send without a preflight (GET,
//!   HEAD, POST), and the preflight's OPTIONS. The other methods of HTTP/1.1 and HTTP/2 are found too.
//! - The decoder refuses inline requests that are lines of HTTP, anywhere in a connection, with
//!   [`ProtocolError::Http`](crate::ProtocolError::Http). Both a request line and a header are refused, so a page can't
//!   pass with an unknown method.
//!
//! A page can't run a command over TLS either. The handshake has a NUL before any byte that a page can choose, and the
//! decoder refuses NULs in inline requests.
//!
//! [`HttpRequestLine`] is the one parser of request lines. Everything that
//! serves or refuses HTTP uses it.

use crate::limits::HTTP_START_LEN_MAX;
use crate::request::Request;

/// A method of HTTP (RFC 9110 section 9), as far as it makes a difference. Case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// GET.
    Get,
    /// HEAD: the answer to GET without its body.
    Head,
    /// POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, and PATCH of RFC 5789.
    Known,
    /// No method of these documents.
    Unknown,
}

/// The target of a request line (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpTarget<'a> {
    /// The path of the origin-form, and of the absolute-form without its scheme and host. The path begins with `/` and
    /// has no query.
    Path(&'a [u8]),
    /// `*`, the asterisk-form: the server as a whole.
    Asterisk,
    /// The authority-form of CONNECT, or nothing that there is.
    Other,
}

/// A request line of HTTP/1 (RFC 9112 section 3): three words with one space between them, of which the last is a version.
///
/// ```
/// use sockeye_resp::{HttpMethod, HttpRequestLine, HttpTarget};
///
/// let line = HttpRequestLine::parse(b"GET http://192.168.1.1/?from=phone HTTP/1.1\r").unwrap();
/// assert_eq!((line.method, line.target, line.is_http1), (HttpMethod::Get, HttpTarget::Path(b"/"), true));
/// assert!(HttpRequestLine::parse(b"GET lm35").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpRequestLine<'a> {
    /// The first word.
    pub method: HttpMethod,
    /// The second word.
    pub target: HttpTarget<'a>,
    /// Whether the version is `HTTP/1.` and a digit. False for other versions.
    pub is_http1: bool,
}

impl<'a> HttpRequestLine<'a> {
    /// Reads a line without its line feed. A carriage return at its end is passed over; RFC 9112 section 2.2 allows none
    /// elsewhere. None if it is no request line.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&b'\r') {
            return None;
        }
        let mut words = line.split(|&byte| byte == b' ');
        let words = (words.next()?, words.next()?, words.next()?, words.next());
        let (method, target, version, None) = words else {
            return None;
        };
        Self::of_words(method, target, version)
    }

    /// None if the last word is no version: `HTTP/` in any case and a digit (RFC 9112 section 2.3).
    fn of_words(method: &[u8], target: &'a [u8], version: &[u8]) -> Option<Self> {
        if !is_version(version) || method.is_empty() || target.is_empty() {
            return None;
        }
        let (name, number) = version.split_at_checked(HTTP_NAME.len())?;
        let is_http1 = name == HTTP_NAME && matches!(number, [b'1', b'.', digit] if digit.is_ascii_digit());
        Some(Self { method: HttpMethod::of(method), target: HttpTarget::of(target), is_http1 })
    }
}

/// Whether a word is a version of HTTP: `HTTP/` in any case and a digit.
fn is_version(word: &[u8]) -> bool {
    let parts = word.split_at_checked(HTTP_NAME.len());
    parts.is_some_and(|(name, number)| {
        name.eq_ignore_ascii_case(HTTP_NAME) && number.first().is_some_and(u8::is_ascii_digit)
    })
}

impl HttpMethod {
    fn of(word: &[u8]) -> Self {
        match word {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" | b"PUT" | b"DELETE" | b"CONNECT" | b"OPTIONS" | b"TRACE" | b"PATCH" => Self::Known,
            _ => Self::Unknown,
        }
    }
}

impl<'a> HttpTarget<'a> {
    fn of(word: &'a [u8]) -> Self {
        if word == b"*" {
            return Self::Asterisk;
        }
        let path = if word.starts_with(b"/") { Some(word) } else { after_host(word) };
        let Some(path) = path else {
            return Self::Other;
        };
        let len = path.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(path.len());
        match path.get(..len) {
            // RFC 9110 section 4.2.3: a path that is left out is `/`.
            None | Some(b"") => Self::Path(b"/"),
            Some(path) => Self::Path(path),
        }
    }
}

/// The part of an http or https URI after its host (RFC 9110 section 4.2). None if the URI has another scheme, or no host.
fn after_host(uri: &[u8]) -> Option<&[u8]> {
    let (http, rest) = uri.split_at_checked(HTTP_SCHEME.len())?;
    let rest = rest.strip_prefix(b"s").or_else(|| rest.strip_prefix(b"S")).unwrap_or(rest).strip_prefix(b"://")?;
    let host_len = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    (http.eq_ignore_ascii_case(HTTP_SCHEME) && host_len > 0).then(|| rest.get(host_len..)).flatten()
}

/// The name of the protocol in a version.
const HTTP_NAME: &[u8] = b"HTTP/";

/// The scheme of http URIs, and how that of https URIs begins.
const HTTP_SCHEME: &[u8] = b"http";

/// How requests for a page begin. `GET lm35` is a command.
const PAGE_STARTS: [&[u8]; 4] = [b"GET /", b"GET http://", b"GET https://", b"HEAD "];

/// The header that each request has.
const HOST: &[u8] = b"HOST:";

/// Methods that no command is named after, and the header that Redis takes as
/// a sign of an attack.
const OTHER_METHODS: [&[u8]; 10] =
    [b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE", b"PRI", HOST];

/// The letters that [`OTHER_METHODS`] begin with, a bit for each, so that most names need no further look. A bit's number
/// is the lower five bits of the letter, which are the same in upper and lower case.
const OTHER_LETTERS: u32 = {
    let (mut letters, mut i) = (0, 0);
    while i < OTHER_METHODS.len() {
        letters |= 1 << (OTHER_METHODS[i][0] % 32);
        i += 1;
    }
    letters
};

const _: () = assert!(HTTP_START_LEN_MAX == longest(&PAGE_STARTS) && HTTP_START_LEN_MAX > longest(&OTHER_METHODS));

const fn longest(words: &[&[u8]]) -> usize {
    let (mut len_max, mut i) = (0, 0);
    while i < words.len() {
        if words[i].len() > len_max {
            len_max = words[i].len();
        }
        i += 1;
    }
    len_max
}

/// Whether the first bytes of a connection begin a GET or a HEAD for a page. None while more bytes are needed.
///
/// Case matters in a method, as it does in HTTP. For a server that has its own answer to every request that is not for
/// a page.
pub fn asks_for_page(first: &[u8]) -> Option<bool> {
    starts_with_any(first, &PAGE_STARTS, |first, start| {
        let is_method = |byte: &&u8| **byte != b' ';
        first.eq_ignore_ascii_case(start)
            && first.iter().take_while(is_method).eq(start.iter().take(first.len()).take_while(is_method))
    })
}

/// Whether the first bytes of a connection are HTTP, which never runs as a command. None while more bytes are needed.
///
/// Case doesn't matter, as it doesn't in Redis. A target that begins with `/` or with a scheme makes the difference
/// between HTTP's GET, of any version, and the command.
///
/// ```
/// use sockeye_resp::opens_http;
///
/// assert_eq!(opens_http(b"GET / HTTP/1.1\r\n"), Some(true));
/// assert_eq!(opens_http(b"GET lm35\r\n"), Some(false));
/// assert_eq!(opens_http(b"POST / HTTP/1.1\r\n"), Some(true));
/// assert_eq!(opens_http(b"P"), None); // POST, or PING?
/// ```
pub fn opens_http(first: &[u8]) -> Option<bool> {
    let mut verdict = starts_with_any(first, &PAGE_STARTS, <[u8]>::eq_ignore_ascii_case);
    for method in OTHER_METHODS {
        if verdict == Some(true) {
            break;
        }
        match (is_prefix(first, method), first.get(method.len())) {
            (Some(true), _) if method.ends_with(b":") => return Some(true),
            (Some(true), Some(b' ' | b'\t' | b'\r' | b'\n')) => return Some(true),
            (Some(true), None) | (Some(false), _) => verdict = None,
            _ => (),
        }
    }
    verdict
}

/// Whether `first` starts with one of `starts`. None if it may once it is longer.
fn starts_with_any(first: &[u8], starts: &[&[u8]], is_same: impl Fn(&[u8], &[u8]) -> bool) -> Option<bool> {
    let mut verdict = Some(false);
    for start in starts {
        let len = first.len().min(start.len());
        if is_same(first.get(..len).unwrap_or_default(), start.get(..len).unwrap_or_default()) {
            if len == start.len() {
                return Some(true);
            }
            verdict = None;
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
        || begins_as_other_method(name) && is_other_method(name)
        || request.len() == 3 && request.arg(2).is_some_and(is_version)
}

/// Whether a line has a sign of HTTP. Without one [`is_http`] is false.
#[inline(always)]
pub(crate) fn may_be_http(request: &Request<'_>) -> bool {
    let name = request.name();
    let is_h = |first: &u8| first.eq_ignore_ascii_case(&HTTP_NAME[0]);
    name.ends_with(b":")
        || begins_as_other_method(name)
        || request.len() == 3 && request.arg(2).is_some_and(|version| version.first().is_some_and(is_h))
}

#[inline(always)]
fn begins_as_other_method(name: &[u8]) -> bool {
    name.first().is_some_and(|first| OTHER_LETTERS & 1 << (first % 32) != 0)
}

#[cold]
fn is_other_method(name: &[u8]) -> bool {
    is_prefix(name, HOST) == Some(true) || OTHER_METHODS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict stays the same when more bytes come, and is there within
    /// HTTP_START_LEN_MAX bytes.
    fn check(first: &str, expected: Option<bool>) {
        let bytes = first.as_bytes();
        assert_eq!(opens_http(bytes), expected, "{first:?}");
        let decided = (0..=bytes.len()).map(|len| opens_http(&bytes[..len])).skip_while(Option::is_none);
        for verdict in decided {
            assert_eq!(verdict, expected, "{first:?}");
        }
        if bytes.len() >= HTTP_START_LEN_MAX {
            assert_ne!(opens_http(&bytes[..HTTP_START_LEN_MAX]), None, "{first:?}");
        }
    }

    #[test]
    fn pages_are_asked_for_by_get_and_head() {
        for (start, is_page) in [
            ("GET / HTTP/1.1\r\nHost: 192.168.1.1:3000\r\n", true),
            ("GET /index.html\r\n", true),
            ("GET http://192.168.1.1/ HTTP/1.1\r\n", true),
            ("GET https://sockeye.local HTTP/1.1\r\n", true),
            ("HEAD / HTTP/1.1\r\n", true),
            ("HEAD HTTP://a/ HTTP/1.1\r\n", true),
            ("get / HTTP/1.0\r\n", false),
            ("POST / HTTP/1.1\r\n", false),
            ("head / HTTP/1.1\r\n", false),
        ] {
            check(start, Some(true));
            assert_eq!(asks_for_page(start.as_bytes()), Some(is_page), "{start:?}");
        }
    }

    #[test]
    fn commands_are_not_http() {
        for line in [
            "GET lm35\r\n",
            "get lm35\n",
            "GET http\r\n",
            "GET https:1\r\n",
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
            check(line, Some(false));
        }
    }

    #[test]
    fn other_methods_are_http() {
        let methods = "POST PUT HEAD DELETE OPTIONS PATCH CONNECT TRACE PRI post Options";
        for method in methods.split(' ') {
            for end in [" / HTTP/1.1\r\n", " lm35\r\n", "\t/\r\n", "\r\n", "\n"] {
                check(&format!("{method}{end}"), Some(true));
            }
        }
        check("Host: 192.168.1.1\r\n", Some(true));
        check("host:192.168.1.1\r\n", Some(true));
    }

    #[test]
    fn more_bytes_are_asked_for_only_while_they_can_matter() {
        for start in ["", "G", "GET", "GET ", "GET h", "GET http:", "P", "PO", "POST", "D", "DELETE", "hos"] {
            check(start, None);
        }
        for start in ["GET l", "GET hi", "PI", "DEL ", "*", "S", "GETS"] {
            check(start, Some(false));
        }
        for (start, is_page) in [
            ("", None),
            ("HE", None),
            ("GET http:/", None),
            ("h", Some(false)),
            ("P", Some(false)),
            ("GETS", Some(false)),
        ] {
            assert_eq!(asks_for_page(start.as_bytes()), is_page, "{start:?}");
        }
    }

    #[test]
    fn request_lines() {
        use HttpMethod::{Get, Head, Known, Unknown};
        use HttpTarget::{Asterisk, Other, Path};
        for (line, method, target, is_http1) in [
            ("GET / HTTP/1.1", Get, Path(b"/"), true),
            ("GET / HTTP/1.0\r", Get, Path(b"/"), true),
            ("HEAD /a/b?c=%20d HTTP/1.1", Head, Path(b"/a/b"), true),
            ("GET http://192.168.1.1/ HTTP/1.1", Get, Path(b"/"), true),
            ("GET http://192.168.1.1 HTTP/1.1", Get, Path(b"/"), true),
            ("GET http://a?b HTTP/1.1", Get, Path(b"/"), true),
            ("GET HTTPS://a:3000/x#y HTTP/1.1", Get, Path(b"/x"), true),
            ("GET http:///x HTTP/1.1", Get, Other, true),
            ("GET ftp://a/ HTTP/1.1", Get, Other, true),
            ("GET lm35 HTTP/1.1", Get, Other, true),
            ("OPTIONS * HTTP/1.1", Known, Asterisk, true),
            ("CONNECT a:443 HTTP/1.1", Known, Other, true),
            ("get / HTTP/1.1", Unknown, Path(b"/"), true),
            ("PROPFIND / HTTP/1.1", Unknown, Path(b"/"), true),
            ("PRI * HTTP/2.0", Unknown, Asterisk, false),
            ("GET / HTTP/0.9", Get, Path(b"/"), false),
            ("GET / HTTP/1.1x", Get, Path(b"/"), false),
            ("GET / http/1.1", Get, Path(b"/"), false),
        ] {
            assert_eq!(
                HttpRequestLine::parse(line.as_bytes()),
                Some(HttpRequestLine { method, target, is_http1 }),
                "{line:?}"
            );
        }
        for line in [
            "",
            "GET",
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / HTTP/",
            "GET / HTTP",
            "GET /HTTP/1.1",
            "GET  HTTP/1.1",
            "a b c",
        ] {
            assert_eq!(HttpRequestLine::parse(line.as_bytes()), None, "{line:?}");
        }
    }
}
