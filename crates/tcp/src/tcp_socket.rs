//! edge-nal's traits over the listener's connections.

use core::fmt;
use core::future::{Future, poll_fn};
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::task::{Context, Poll};

use edge_nal::{Close, Readable, TcpAccept, TcpBind, TcpConnect, TcpShutdown, TcpSplit};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use sockeye_tcp_engine::{Ended, State};

use crate::connection_table::{Shared, at, at_mut};
use crate::listener::{Interface, Tcp};
use crate::tcp_connection::Connection;

/// Why binding, accepting, connecting, reading or writing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpError {
    /// The address to listen on is not `0.0.0.0`, or its port is 0: a listener listens on all its interfaces. The
    /// address to connect to is not that of a single other host, or its port is 0.
    Unaddressable,
    /// The listener has [`PORTS_MAX`](crate::limits::PORTS_MAX) other ports already.
    AddrInUse,
    /// More accepts are under way than there are connections, or no connection is left to be opened.
    NoConnections,
    /// The interface has no network, or no router to the host's.
    NetworkUnreachable,
    /// Nobody listens there.
    ConnectionRefused,
    /// The peer has not answered a SYN for [`SILENCE_MS`](crate::limits::SILENCE_MS).
    TimedOut,
    /// The connection is gone: reset by the client, silent for too long, or its address is no longer the device's.
    ConnectionReset,
}

impl fmt::Display for TcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unaddressable => "address can't be listened on",
            Self::AddrInUse => "other ports are listened on",
            Self::NoConnections => "no connection is left",
            Self::NetworkUnreachable => "no way leads there",
            Self::ConnectionRefused => "connection refused",
            Self::TimedOut => "no answer",
            Self::ConnectionReset => "connection reset",
        })
    }
}

impl core::error::Error for TcpError {}

impl embedded_io_async::Error for TcpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unaddressable => ErrorKind::AddrNotAvailable,
            Self::AddrInUse => ErrorKind::AddrInUse,
            Self::NoConnections => ErrorKind::OutOfMemory,
            Self::NetworkUnreachable => ErrorKind::AddrNotAvailable,
            Self::ConnectionRefused => ErrorKind::ConnectionRefused,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::ConnectionReset => ErrorKind::ConnectionReset,
        }
    }
}

impl TcpBind for Tcp {
    type Error = TcpError;
    type Accept<'a> = Acceptor;

    /// Listens on the port of `local`, whose address must be `0.0.0.0`: as the only one, or beside another, up to
    /// [`PORTS_MAX`](crate::limits::PORTS_MAX). All acceptors are the same: each takes the clients of all ports.
    async fn bind(&self, local: SocketAddr) -> Result<Acceptor, TcpError> {
        if !local.ip().is_unspecified() || local.port() == 0 {
            return Err(TcpError::Unaddressable);
        }
        if !self.shared.borrow_mut().listen(local.port()) {
            return Err(TcpError::AddrInUse);
        }
        Ok(Acceptor { shared: self.shared })
    }
}

const UNKNOWN: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

/// Accepts the listener's connections. A SYN is answered when an accept waits; until then it waits too, for
/// [`SYN_WAIT_MS`](crate::limits::SYN_WAIT_MS).
#[derive(Clone, Copy)]
pub struct Acceptor {
    shared: &'static Shared,
}

/// Says that an accept waits, for as long as it does.
struct PendingAccept {
    shared: &'static Shared,
    number: usize,
}

impl Drop for PendingAccept {
    fn drop(&mut self) {
        self.shared.borrow_mut().end_accept(self.number);
    }
}

impl TcpAccept for Acceptor {
    type Error = TcpError;
    type Socket<'a> = TcpSocket;

    /// Waits for a client whose handshake is complete. Dropping the wait loses no client.
    async fn accept(&self) -> Result<(SocketAddr, TcpSocket), TcpError> {
        let number = self.shared.borrow_mut().begin_accept().ok_or(TcpError::NoConnections)?;
        let pending_accept = PendingAccept { shared: self.shared, number };
        poll_fn(|cx| {
            let mut table = self.shared.borrow_mut();
            let Some(index) = table.take_ready(pending_accept.number, cx.waker()) else { return Poll::Pending };
            // A ready connection has a peer.
            let peer = at(&table.connections, index).peer.map_or(UNKNOWN, SocketAddrV4::from);
            Poll::Ready(Ok((peer.into(), TcpSocket { shared: self.shared, index })))
        })
        .await
    }
}

impl TcpConnect for Interface {
    type Error = TcpError;
    type Socket<'a> = TcpSocket;

    /// Opens a connection by way of this interface. Without an answer it fails after
    /// [`SILENCE_MS`](crate::limits::SILENCE_MS); dropping the wait ends it sooner.
    async fn connect(&self, remote: SocketAddr) -> Result<TcpSocket, TcpError> {
        let SocketAddr::V4(remote) = remote else { return Err(TcpError::Unaddressable) };
        let index = self.shared.borrow_mut().connect(self.index, remote)?;
        let socket = TcpSocket { shared: self.shared, index };
        poll_fn(|cx| socket.poll_connected(cx)).await?;
        Ok(socket)
    }
}

/// One connection, accepted or opened. Dropping it resets the connection unless it is closed.
pub struct TcpSocket {
    pub(crate) shared: &'static Shared,
    pub(crate) index: usize,
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        self.shared.borrow_mut().release(self.index);
    }
}

impl TcpSocket {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Connection) -> R) -> R {
        f(at_mut(&mut self.shared.borrow_mut().connections, self.index))
    }

    fn transmit(&self) {
        self.shared.borrow_mut().transmit(self.index);
    }

    fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<Result<(), TcpError>> {
        self.with(|connection| match (connection.tcp.state(), connection.tcp.ended()) {
            (State::SynSent | State::SynReceived, _) => {
                connection.wait_tx(cx.waker());
                Poll::Pending
            }
            (_, Some(Ended::Refused)) => Poll::Ready(Err(TcpError::ConnectionRefused)),
            (_, Some(Ended::TimedOut)) => Poll::Ready(Err(TcpError::TimedOut)),
            (_, Some(_)) => Poll::Ready(Err(TcpError::ConnectionReset)),
            _ => Poll::Ready(Ok(())),
        })
    }

    // A future of one closure: an `async fn` around it would be a state more to look at, and a move.
    #[inline]
    fn read(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, TcpError>> {
        poll_fn(move |cx| {
            let len = self.shared.borrow_mut().read(self.index, buf);
            len.map_or_else(|| self.poll_input(cx), |len| Poll::Ready(Ok(len)))
        })
    }

    // Out of line: with it a read would save registers that it does not use.
    #[inline(never)]
    fn poll_input(&self, cx: &mut Context<'_>) -> Poll<Result<usize, TcpError>> {
        self.shared.borrow_mut().wait_input(self.index, cx.waker())
    }

    #[inline]
    fn write(&self, data: &[u8]) -> impl Future<Output = Result<usize, TcpError>> {
        poll_fn(move |cx| {
            let mut table = self.shared.borrow_mut();
            let len = table.write(self.index, data);
            if len > 0 || data.is_empty() {
                return Poll::Ready(Ok(len));
            }
            table.wait_room(self.index, cx.waker()).map_ok(|()| 0)
        })
    }

    fn readable(&self) -> impl Future<Output = Result<(), TcpError>> {
        poll_fn(move |cx| {
            let mut table = self.shared.borrow_mut();
            let connection = at(&table.connections, self.index);
            if connection.tcp.received() > 0 || !connection.tcp.may_receive() {
                return Poll::Ready(Ok(()));
            }
            table.wait_input(self.index, cx.waker()).map_ok(|_| ())
        })
    }

    /// Sends FIN after all that is written, and waits until the peer has acknowledged it.
    fn close_write(&self) -> impl Future<Output = Result<(), TcpError>> {
        self.shared.borrow_mut().close(self.index);
        poll_fn(|cx| {
            self.with(|connection| match connection.tcp.state() {
                State::FinWait1 | State::Closing | State::LastAck => {
                    connection.wait_tx(cx.waker());
                    Poll::Pending
                }
                _ => Poll::Ready(Ok(())),
            })
        })
    }

    /// Reads until the client closes.
    async fn close_read(&self) -> Result<(), TcpError> {
        let mut sink = [0; 64];
        while self.read(&mut sink).await? > 0 {}
        Ok(())
    }
}

impl ErrorType for TcpSocket {
    type Error = TcpError;
}

impl Read for TcpSocket {
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = Result<usize, TcpError>> {
        TcpSocket::read(self, buf)
    }
}

impl Write for TcpSocket {
    fn write(&mut self, data: &[u8]) -> impl Future<Output = Result<usize, TcpError>> {
        TcpSocket::write(self, data)
    }

    /// Sends what is written, and does not wait for the client's acknowledgement, which comes late on purpose. Waiting
    /// for input and closing send it too, so that a reply of several writes leaves as one segment.
    fn flush(&mut self) -> impl Future<Output = Result<(), TcpError>> {
        poll_fn(|_| {
            self.transmit();
            Poll::Ready(Ok(()))
        })
    }
}

impl Readable for TcpSocket {
    fn readable(&mut self) -> impl Future<Output = Result<(), TcpError>> {
        TcpSocket::readable(self)
    }
}

impl TcpShutdown for TcpSocket {
    /// As in edge-nal. Each way of closing waits for the client, so bound the wait. [`Close::Both`] also ends when a
    /// newcomer needs the connection.
    async fn close(&mut self, what: Close) -> Result<(), TcpError> {
        match what {
            Close::Write => self.close_write().await,
            Close::Read => self.close_read().await,
            Close::Both => {
                self.shared.borrow_mut().give_way(self.index);
                self.close_write().await?;
                // Whether the client closed, reset or gave way: the connection is over.
                self.close_read().await.or(Ok(()))
            }
        }
    }

    /// Resets the connection. Returns at once: the RST leaves when the driver has room for it.
    async fn abort(&mut self) -> Result<(), TcpError> {
        self.shared.borrow_mut().abort(self.index);
        Ok(())
    }
}

/// One half of a connection; both halves can do both.
pub struct Half<'a>(&'a TcpSocket);

impl ErrorType for Half<'_> {
    type Error = TcpError;
}

impl Read for Half<'_> {
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = Result<usize, TcpError>> {
        self.0.read(buf)
    }
}

impl Write for Half<'_> {
    fn write(&mut self, data: &[u8]) -> impl Future<Output = Result<usize, TcpError>> {
        self.0.write(data)
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), TcpError>> {
        poll_fn(|_| {
            self.0.transmit();
            Poll::Ready(Ok(()))
        })
    }
}

impl Readable for Half<'_> {
    fn readable(&mut self) -> impl Future<Output = Result<(), TcpError>> {
        self.0.readable()
    }
}

impl TcpSplit for TcpSocket {
    type Read<'a> = Half<'a>;
    type Write<'a> = Half<'a>;

    fn split(&mut self) -> (Half<'_>, Half<'_>) {
        (Half(self), Half(self))
    }
}
