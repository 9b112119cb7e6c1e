//! The errors of requests.

use core::fmt;

/// The client broke the protocol; where its next request starts is unknown.
///
/// `Display` gives Redis's own words, from `networking.c`, without the `ERR`.
/// The connection answers with that and closes.
///
/// ```
/// use sockeye_resp::ProtocolError;
///
/// assert_eq!(
///     ProtocolError::ExpectedBulk(b':').to_string(),
///     "Protocol error: expected '$', got ':'",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number of arguments isn't a number, or is more than
    /// [`ARGS_MAX`](crate::limits::ARGS_MAX).
    InvalidMultibulkLength,
    /// An argument's length isn't a number, is too much, makes the request too
    /// long, or isn't the length of what follows.
    InvalidBulkLength,
    /// An argument starts with this byte.
    ExpectedBulk(u8),
    /// A quote in an inline request isn't closed, or goes on after its end.
    UnbalancedQuotes,
    /// An inline request has no line end within its limit, or too many
    /// arguments.
    TooBigInlineRequest,
    /// An inline request holds a NUL that no CR comes before.
    NulInInlineRequest,
    /// More arguments than a client may send before it has authenticated.
    UnauthenticatedMultibulkLength,
    /// More bytes than a client may send before it has authenticated.
    UnauthenticatedBulkLength,
    /// A line of HTTP, which is never run. Redis closes the connection without a reply.
    Http,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        f.write_str(match *self {
            Self::InvalidMultibulkLength => "invalid multibulk length",
            Self::InvalidBulkLength => "invalid bulk length",
            Self::ExpectedBulk(got) => {
                // An unprintable byte could end the reply's line, as CR would.
                let printable = got.is_ascii_graphic();
                let got = if printable { char::from(got) } else { ' ' };
                return write!(f, "expected '$', got '{got}'");
            }
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::TooBigInlineRequest => "too big inline request",
            Self::NulInInlineRequest => "NUL in inline request",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::Http => "HTTP is not spoken here",
        })
    }
}

impl core::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_that_was_not_a_bulk_never_breaks_the_line() {
        for (got, shown) in [(b'x', 'x'), (b'\r', ' '), (b'\n', ' '), (0, ' '), (0xff, ' ')] {
            let expected = format!("Protocol error: expected '$', got '{shown}'");
            assert_eq!(ProtocolError::ExpectedBulk(got).to_string(), expected);
        }
    }
}
