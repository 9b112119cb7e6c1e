//! The errors between a client and its server.

use core::fmt;

use sockeye_resp::{EncodeError, ReplyError};

/// Why a call gave nothing.
///
/// After [`Refused`](Self::Refused), [`Unexpected`](Self::Unexpected) and [`Request`](Self::Request) the connection is
/// as good as before. A reply that was too long and is passed over does no harm either. After all others the connection is
/// of no more use, and the next call says [`Closed`](Self::Closed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError<E> {
    /// The transport's own.
    Io(E),
    /// The peer has closed, or an earlier call was given up in the middle of a request.
    Closed,
    /// Nothing came or went for too long.
    TimedOut,
    /// The request can't be sent.
    Request(EncodeError),
    /// The received bytes are no reply.
    Reply(ReplyError),
    /// The server replied with an error: [`refusal`](crate::Client::refusal) is its text.
    Refused,
    /// The reply isn't of a type that this call has.
    Unexpected,
}

impl<E: fmt::Display> fmt::Display for ClientError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("connection closed"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Request(error) => error.fmt(f),
            Self::Reply(error) => error.fmt(f),
            Self::Refused => f.write_str("refused by the server"),
            Self::Unexpected => f.write_str("reply of an unexpected type"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for ClientError<E> {}

impl<E> From<EncodeError> for ClientError<E> {
    fn from(error: EncodeError) -> Self {
        Self::Request(error)
    }
}

impl<E> From<ReplyError> for ClientError<E> {
    fn from(error: ReplyError) -> Self {
        Self::Reply(error)
    }
}
