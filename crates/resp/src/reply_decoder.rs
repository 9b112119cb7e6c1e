//! Replies as a client reads them.

use crate::reply_scan::{Body, Head, ReplyError, integer, scan};

/// A reply, in the receive buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply<'a> {
    /// A status, such as `OK`.
    Simple(&'a [u8]),
    /// An error, such as `ERR unknown command`.
    Error(&'a [u8]),
    /// A whole number.
    Integer(i64),
    /// Any bytes.
    Bulk(&'a [u8]),
    /// No value: the nulls of RESP2, or RESP3's.
    Null,
    /// A number as it is written, checked to be one: `str::parse::<f64>` reads
    /// all of them, and costs a chip some kilobytes if it is used.
    Double(&'a str),
    /// A yes or a no.
    Boolean(bool),
    /// A whole number of any length, in decimal, with or without a sign.
    BigNumber(&'a [u8]),
    /// A text for people.
    Verbatim {
        /// `txt` or `mkd`.
        format: [u8; 3],
        /// The text itself.
        text: &'a [u8],
    },
    /// Values in order.
    Array(Elements<'a>),
    /// Keys, each followed by its value.
    Map(Elements<'a>),
    /// Values in no order.
    Set(Elements<'a>),
    /// Not a reply to a request: a message, such as a published reading.
    Push(Elements<'a>),
}

/// Reads the reply that `rx` starts with, and gives it and its length; `None`
/// if it isn't complete.
///
/// `rx` is the filled part of a receive buffer of `rx_len_max` bytes. A reply
/// that will not fit is refused when that is known. Attributes, which no server
/// sends unasked, are passed over, and are counted into the length.
///
/// ```
/// use sockeye_resp::{Reply, decode_reply};
///
/// let rx = b"%1\r\n$4\r\nlm35\r\n,23.5\r\n+OK\r\n";
/// assert_eq!(decode_reply(&rx[..20], 64), Ok(None));
///
/// let (reply, len) = decode_reply(rx, 64)?.expect("it is complete");
/// let Reply::Map(elements) = reply else { panic!("{reply:?}") };
/// assert!(elements.iter().eq([Reply::Bulk(b"lm35"), Reply::Double("23.5")]));
/// assert_eq!(decode_reply(&rx[len..], 64)?, Some((Reply::Simple(b"OK"), 5)));
/// # Ok::<(), sockeye_resp::ReplyError>(())
/// ```
///
/// # Errors
///
/// The bytes aren't a reply, or one that is too long or nested too deep.
pub fn decode_reply(rx: &[u8], rx_len_max: usize) -> Result<Option<(Reply<'_>, usize)>, ReplyError> {
    let mut start = 0;
    loop {
        let rest = rx.get(start..).unwrap_or_default();
        let Some(len) = scan(rest, rx_len_max.saturating_sub(start))? else {
            return Ok(None);
        };
        start += len;
        if rest.first() != Some(&b'|') {
            let reply = Reply::from_scanned(rest.get(..len).ok_or(ReplyError::Malformed)?)?;
            return Ok(Some((reply, start)));
        }
    }
}

/// The values that have come of the aggregate that `rx` starts with, whose end
/// may be missing. Nothing if `rx` starts with something else.
pub fn decode_start(rx: &[u8]) -> impl Iterator<Item = Reply<'_>> {
    let head = Head::decode(rx).ok().flatten();
    let elements = head.and_then(|head| match head.body {
        Body::Elements(len) => Some(Elements { len, bytes: rx.get(head.len..)? }.iter()),
        _ => None,
    });
    elements.into_iter().flatten()
}

impl<'a> Reply<'a> {
    /// Reads exactly one reply, whose end [`scan`] has found.
    fn from_scanned(bytes: &'a [u8]) -> Result<Self, ReplyError> {
        let head = Head::decode(bytes)?.ok_or(ReplyError::Malformed)?;
        let body = bytes.get(head.len..).ok_or(ReplyError::Malformed)?;
        match head.body {
            Body::None => Self::from_line(&head),
            Body::Bytes(len) => Self::from_bytes(head.kind, body.get(..len).ok_or(ReplyError::Malformed)?),
            Body::Elements(len) => {
                let elements = Elements { len, bytes: body };
                Ok(match head.kind {
                    b'%' => Self::Map(elements),
                    b'~' => Self::Set(elements),
                    b'>' => Self::Push(elements),
                    _ => Self::Array(elements),
                })
            }
        }
    }

    fn from_line(head: &Head<'a>) -> Result<Self, ReplyError> {
        Ok(match head.kind {
            b'+' => Self::Simple(head.line),
            b'-' => Self::Error(head.line),
            b':' => Self::Integer(integer(head.line).ok_or(ReplyError::Malformed)?),
            b'#' => Self::Boolean(head.line == b"t"),
            b',' => Self::Double(str::from_utf8(head.line).map_err(|_| ReplyError::Malformed)?),
            b'(' => Self::BigNumber(head.line),
            _ => Self::Null,
        })
    }

    fn from_bytes(kind: u8, bytes: &'a [u8]) -> Result<Self, ReplyError> {
        Ok(match (kind, bytes) {
            (b'!', error) => Self::Error(error),
            (b'=', &[a, b, c, _, ref text @ ..]) => Self::Verbatim { format: [a, b, c], text },
            (_, bytes) => Self::Bulk(bytes),
        })
    }
}

/// The values in an aggregate, checked to be complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elements<'a> {
    len: usize,
    bytes: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Number of values; a map's keys count as well.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values in order.
    pub fn iter(&self) -> ElementsIter<'a> {
        ElementsIter { rest: *self }
    }
}

impl<'a> IntoIterator for Elements<'a> {
    type Item = Reply<'a>;
    type IntoIter = ElementsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Gives the values in an aggregate one by one.
///
/// A step costs as much as the value is long, all that it contains included.
#[derive(Clone, Debug)]
pub struct ElementsIter<'a> {
    rest: Elements<'a>,
}

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Reply<'a>;

    fn next(&mut self) -> Option<Reply<'a>> {
        self.rest.len = self.rest.len.checked_sub(1)?;
        // The whole aggregate was scanned, so there is always a next value.
        let (reply, len) = decode_reply(self.rest.bytes, usize::MAX).ok()??;
        self.rest.bytes = self.rest.bytes.get(len..)?;
        Some(reply)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len, Some(self.rest.len))
    }
}

impl ExactSizeIterator for ElementsIter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::REPLY_DEPTH_MAX;
    use ReplyError::{Malformed, TooDeep, TooLong, UnknownType};

    const RX_LEN_MAX: usize = 64;

    /// `wire` is exactly one reply, and each part of it is not yet one.
    fn check(wire: &str, expected: Reply<'_>) {
        let bytes = wire.as_bytes();
        assert_eq!(decode_reply(bytes, RX_LEN_MAX), Ok(Some((expected, bytes.len()))), "{wire:?}");
        for len in 0..bytes.len() {
            assert_eq!(decode_reply(&bytes[..len], RX_LEN_MAX), Ok(None), "{len} bytes of {wire:?}");
        }
    }

    fn check_error(wire: &str, expected: ReplyError) {
        assert_eq!(decode_reply(wire.as_bytes(), RX_LEN_MAX), Err(expected), "{wire:?}");
    }

    #[test]
    fn values() {
        check("+OK\r\n", Reply::Simple(b"OK"));
        check("+\r\n", Reply::Simple(b""));
        check("+a\rb\nc\r\n", Reply::Simple(b"a\rb\nc"));
        check("-ERR no\r\n", Reply::Error(b"ERR no"));
        check("!6\r\nERR no\r\n", Reply::Error(b"ERR no"));
        check(":-42\r\n", Reply::Integer(-42));
        check(":+42\r\n", Reply::Integer(42));
        check("$0\r\n\r\n", Reply::Bulk(b""));
        check("$4\r\na\r\nb\r\n", Reply::Bulk(b"a\r\nb"));
        check("$-1\r\n", Reply::Null);
        check("*-1\r\n", Reply::Null);
        check("_\r\n", Reply::Null);
        check("#t\r\n", Reply::Boolean(true));
        check("#f\r\n", Reply::Boolean(false));
        check("(-12345678901234567890123\r\n", Reply::BigNumber(b"-12345678901234567890123"));
        check("=6\r\ntxt:hi\r\n", Reply::Verbatim { format: *b"txt", text: b"hi" });
        for double in ["0", "-1.5", "+1.5e-10", "1E5", "inf", "-inf", "nan"] {
            check(&format!(",{double}\r\n"), Reply::Double(double));
        }
    }

    #[test]
    fn aggregates() {
        let check = |wire: &str, expected: &[Reply<'_>]| {
            let (reply, len) = decode_reply(wire.as_bytes(), RX_LEN_MAX).unwrap().unwrap();
            assert_eq!(len, wire.len());
            let (Reply::Array(elements) | Reply::Map(elements) | Reply::Set(elements) | Reply::Push(elements)) = reply
            else {
                panic!("{reply:?}");
            };
            assert_eq!(elements.iter().len(), expected.len());
            assert!(elements.iter().eq(expected.iter().copied()), "{wire:?}");
            let kind = matches!(
                (wire.as_bytes()[0], reply),
                (b'*', Reply::Array(_)) | (b'%', Reply::Map(_)) | (b'~', Reply::Set(_)) | (b'>', Reply::Push(_))
            );
            assert!(kind, "{wire:?}");
        };
        check("*0\r\n", &[]);
        check("%0\r\n", &[]);
        check("*2\r\n:1\r\n$1\r\na\r\n", &[Reply::Integer(1), Reply::Bulk(b"a")]);
        check("%1\r\n+a\r\n_\r\n", &[Reply::Simple(b"a"), Reply::Null]);
        check("~1\r\n#t\r\n", &[Reply::Boolean(true)]);
        check(">1\r\n:7\r\n", &[Reply::Integer(7)]);
        let inner = Reply::Array(Elements { len: 1, bytes: b":1\r\n" });
        check("*2\r\n*1\r\n:1\r\n:2\r\n", &[inner, Reply::Integer(2)]);
        check("*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", &[Reply::Integer(1), Reply::Integer(2)]);
    }

    #[test]
    fn attributes_are_passed_over() {
        check("|1\r\n+ttl\r\n:3600\r\n:7\r\n", Reply::Integer(7));
        check("|0\r\n|1\r\n*1\r\n+a\r\n+b\r\n:7\r\n", Reply::Integer(7));
    }

    #[test]
    fn the_start_of_an_aggregate_has_the_values_that_have_come() {
        let start = |wire: &'static str| decode_start(wire.as_bytes()).collect::<Vec<_>>();
        assert_eq!(
            start("%3\r\n+a\r\n:1\r\n+b\r\n$900\r\nxyz"),
            [Reply::Simple(b"a"), Reply::Integer(1), Reply::Simple(b"b")]
        );
        assert_eq!(start("*1\r\n:1\r\n:2\r\n"), [Reply::Integer(1)]);
        for wire in ["", "*", "*2\r\n", "$3\r\nabc\r\n", "nothing"] {
            assert_eq!(start(wire), [], "{wire:?}");
        }
    }

    #[test]
    fn malformed() {
        for wire in [
            ":\r\n",
            ":1.5\r\n",
            ":9223372036854775808\r\n",
            "#\r\n",
            "#x\r\n",
            "_x\r\n",
            ",\r\n",
            ",.5\r\n",
            ",1.\r\n",
            ",1e\r\n",
            ",infinity\r\n",
            ",1.2.3\r\n",
            "(\r\n",
            "(1a\r\n",
            "$-2\r\n",
            "$01\r\n",
            "$a\r\n",
            "$1\r\nabc",
            "*-2\r\n",
            "%-1\r\n",
            "=3\r\ntxt\r\n",
            "=4\r\ntext\r\n",
            "=5\r\nt:t:x\r\n",
            "$?\r\n",
            "*?\r\n",
            "*1\r\n:x\r\n",
        ] {
            check_error(wire, Malformed);
        }
        check_error("OK\r\n", UnknownType(b'O'));
        check_error("*1\r\n.\r\n", UnknownType(b'.'));
    }

    #[test]
    fn what_will_not_fit_is_refused_when_it_is_announced() {
        check_error("$58\r\n", TooLong);
        assert_eq!(decode_reply(b"$57\r\n", RX_LEN_MAX), Ok(None));
        check_error("*20\r\n", TooLong);
        assert_eq!(decode_reply(b"*19\r\n", RX_LEN_MAX), Ok(None));
        check_error("%2147483647\r\n", TooLong);
        check_error("*1\r\n*1\r\n$2147483647\r\n", TooLong);
        check_error(&format!("+{}", "x".repeat(63)), TooLong);
        check_error(&"|0\r\n".repeat(16), TooLong);
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth| "*1\r\n".repeat(depth) + ":1\r\n";
        assert!(matches!(decode_reply(nested(REPLY_DEPTH_MAX).as_bytes(), RX_LEN_MAX), Ok(Some(_))));
        check_error(&nested(REPLY_DEPTH_MAX + 1), TooDeep);
    }
}
