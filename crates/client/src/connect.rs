//! Connecting, and how long to wait.

use core::net::SocketAddr;

use edge_nal::TcpConnect;
use embassy_time::{Duration, with_timeout};

use crate::error::Error;
use crate::limits::{CONNECT_TIMEOUT_MS, IO_TIMEOUT_MS};

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the peer to take some bytes, or to send some.
    pub io: Duration,
}

impl Timeouts {
    /// [`CONNECT_TIMEOUT_MS`] and [`IO_TIMEOUT_MS`].
    pub const DEFAULT: Self =
        Self { connect: Duration::from_millis(CONNECT_TIMEOUT_MS), io: Duration::from_millis(IO_TIMEOUT_MS) };
}

/// Connects to a peer. What comes back goes into [`Client::new`](crate::Client::new).
///
/// # Errors
/// [`Error::Io`] of the stack: nobody listens there, no way leads there. [`Error::TimedOut`] if there is no answer.
pub async fn connect<S: TcpConnect>(
    stack: &S,
    peer: SocketAddr,
    timeout: Duration,
) -> Result<S::Socket<'_>, Error<S::Error>> {
    with_timeout(timeout, stack.connect(peer)).await.map_err(|_| Error::TimedOut)?.map_err(Error::Io)
}
