//! Connecting, and how long to wait.

use core::net::SocketAddr;

use edge_nal::TcpConnect;
use embassy_time::{Duration, with_timeout};

use crate::client_error::ClientError;
use crate::limits::{CONNECT_TIMEOUT_MS, IO_TIMEOUT_MS};

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the peer to take a request, and then to send all of its reply.
    pub io: Duration,
}

impl ClientTimeouts {
    /// [`CONNECT_TIMEOUT_MS`] and [`IO_TIMEOUT_MS`].
    pub const DEFAULT: Self =
        Self { connect: Duration::from_millis(CONNECT_TIMEOUT_MS), io: Duration::from_millis(IO_TIMEOUT_MS) };
}

/// Connects to a peer. The returned socket goes into [`Client::new`](crate::Client::new).
///
/// # Errors
/// [`ClientError::Io`] of the stack: nobody listens there, no way leads there. [`ClientError::TimedOut`] if there is no answer.
pub async fn connect<S: TcpConnect>(
    stack: &S,
    peer: SocketAddr,
    timeout: Duration,
) -> Result<S::Socket<'_>, ClientError<S::Error>> {
    with_timeout(timeout, stack.connect(peer)).await.map_err(|_| ClientError::TimedOut)?.map_err(ClientError::Io)
}
