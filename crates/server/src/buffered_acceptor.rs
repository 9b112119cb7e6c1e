//! Buffers for the sockets of stacks whose own buffers are out of reach.

use core::future::pending;
use core::net::SocketAddr;

use edge_nal::{Close, Readable, TcpAccept, TcpShutdown, TcpSplit};
use embedded_io_async::{ErrorType, Read, Write};

use crate::connection::{BufferedSocket, Socket};

/// An acceptor that adds a receive buffer of `RX` bytes and a transmit buffer of `TX` bytes to each socket.
///
/// The buffers cost a copy each way. A stack that implements [`BufferedSocket`] itself, such as `sockeye-tcp`, needs no
/// `BufferedAcceptor`.
pub struct BufferedAcceptor<A, const RX: usize, const TX: usize>(A);

impl<A, const RX: usize, const TX: usize> BufferedAcceptor<A, RX, TX> {
    /// The sockets of `acceptor`, with buffers.
    pub const fn new(acceptor: A) -> Self {
        const { assert!(RX > 0 && TX > 0) }
        Self(acceptor)
    }

    /// The acceptor that was given to [`new`](Self::new).
    pub const fn get_ref(&self) -> &A {
        &self.0
    }
}

impl<A, const RX: usize, const TX: usize> TcpAccept for BufferedAcceptor<A, RX, TX>
where
    A: TcpAccept,
    for<'a> A::Socket<'a>: Socket,
{
    type Error = A::Error;
    type Socket<'a>
        = Buffered<A::Socket<'a>, RX, TX>
    where
        A: 'a;

    async fn accept(&self) -> Result<(SocketAddr, Self::Socket<'_>), Self::Error> {
        let (peer, socket) = self.0.accept().await?;
        Ok((peer, Buffered { socket, rx: [0; RX], rx_len: 0, tx: [0; TX], sent: 0, tx_len: 0 }))
    }
}

/// A socket with buffers.
pub struct Buffered<S, const RX: usize, const TX: usize> {
    socket: S,
    rx: [u8; RX],
    rx_len: usize,
    tx: [u8; TX],
    /// Bytes at the start of `tx` that the socket has taken.
    sent: usize,
    tx_len: usize,
}

async fn send<W: Write>(socket: &mut W, tx: &[u8], sent: &mut usize) -> Result<(), W::Error> {
    while let Some(unsent @ [_, ..]) = tx.get(*sent..) {
        *sent += socket.write(unsent).await?;
    }
    Ok(())
}

/// Takes from the start of what is there.
fn take(rx: &mut [u8], rx_len: &mut usize, buf: &mut [u8]) -> usize {
    let len = buf.len().min(*rx_len);
    buf[..len].copy_from_slice(&rx[..len]);
    rx.copy_within(len..*rx_len, 0);
    *rx_len -= len;
    len
}

impl<S: Socket, const RX: usize, const TX: usize> Buffered<S, RX, TX> {
    /// Writes all bytes that were put to the socket. Bytes that the socket has taken before this future is dropped
    /// aren't sent again.
    async fn send(&mut self) -> Result<(), S::Error> {
        send(&mut self.socket, &self.tx[..self.tx_len], &mut self.sent).await?;
        (self.sent, self.tx_len) = (0, 0);
        Ok(())
    }
}

impl<S: Socket, const RX: usize, const TX: usize> BufferedSocket for Buffered<S, RX, TX> {
    fn peek(&mut self, buf: &mut [u8]) -> usize {
        let len = self.rx_len.min(buf.len());
        buf[..len].copy_from_slice(&self.rx[..len]);
        len
    }

    fn consume(&mut self, len: usize) {
        let len = len.min(self.rx_len);
        self.rx.copy_within(len..self.rx_len, 0);
        self.rx_len -= len;
    }

    async fn wait_input(&mut self, len: usize) -> Result<usize, S::Error> {
        self.send().await?;
        while self.rx_len <= len {
            let Some(room @ [_, ..]) = self.rx.get_mut(self.rx_len..) else {
                // Nothing more is seen of the client until there is room.
                return pending().await;
            };
            match self.socket.read(room).await? {
                0 => return Ok(0),
                more => self.rx_len += more,
            }
        }
        Ok(self.rx_len)
    }

    fn room(&mut self) -> usize {
        TX - self.tx_len
    }

    fn room_max(&mut self) -> usize {
        TX
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let len = bytes.len().min(TX - self.tx_len);
        self.tx[self.tx_len..][..len].copy_from_slice(&bytes[..len]);
        self.tx_len += len;
        len
    }

    async fn wait_room(&mut self, len: usize) -> Result<(), S::Error> {
        if TX - self.tx_len <= len { self.send().await } else { Ok(()) }
    }
}

impl<S: ErrorType, const RX: usize, const TX: usize> ErrorType for Buffered<S, RX, TX> {
    type Error = S::Error;
}

impl<S: Socket, const RX: usize, const TX: usize> Read for Buffered<S, RX, TX> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, S::Error> {
        self.send().await?;
        match self.rx_len {
            0 => self.socket.read(buf).await,
            _ => Ok(take(&mut self.rx, &mut self.rx_len, buf)),
        }
    }
}

impl<S: Socket, const RX: usize, const TX: usize> Write for Buffered<S, RX, TX> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, S::Error> {
        self.send().await?;
        self.socket.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.send().await?;
        self.socket.flush().await
    }
}

impl<S: Socket, const RX: usize, const TX: usize> Readable for Buffered<S, RX, TX> {
    async fn readable(&mut self) -> Result<(), S::Error> {
        self.send().await?;
        if self.rx_len > 0 { Ok(()) } else { self.socket.readable().await }
    }
}

impl<S: Socket, const RX: usize, const TX: usize> TcpShutdown for Buffered<S, RX, TX> {
    async fn close(&mut self, what: Close) -> Result<(), S::Error> {
        self.send().await?;
        self.socket.close(what).await
    }

    async fn abort(&mut self) -> Result<(), S::Error> {
        self.socket.abort().await
    }
}

/// The half of a socket that reads.
pub struct BufferedRead<'a, R> {
    socket: R,
    rx: &'a mut [u8],
    rx_len: &'a mut usize,
}

impl<R: ErrorType> ErrorType for BufferedRead<'_, R> {
    type Error = R::Error;
}

impl<R: Read> Read for BufferedRead<'_, R> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, R::Error> {
        match *self.rx_len {
            0 => self.socket.read(buf).await,
            _ => Ok(take(self.rx, self.rx_len, buf)),
        }
    }
}

impl<R: Readable> Readable for BufferedRead<'_, R> {
    async fn readable(&mut self) -> Result<(), R::Error> {
        if *self.rx_len > 0 { Ok(()) } else { self.socket.readable().await }
    }
}

/// The half of a socket that writes.
pub struct BufferedWrite<'a, W> {
    socket: W,
    tx: &'a [u8],
    sent: &'a mut usize,
}

impl<W: ErrorType> ErrorType for BufferedWrite<'_, W> {
    type Error = W::Error;
}

impl<W: Write> Write for BufferedWrite<'_, W> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, W::Error> {
        send(&mut self.socket, self.tx, self.sent).await?;
        self.socket.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), W::Error> {
        send(&mut self.socket, self.tx, self.sent).await?;
        self.socket.flush().await
    }
}

impl<S: Socket + TcpSplit, const RX: usize, const TX: usize> TcpSplit for Buffered<S, RX, TX> {
    type Read<'a>
        = BufferedRead<'a, S::Read<'a>>
    where
        Self: 'a;
    type Write<'a>
        = BufferedWrite<'a, S::Write<'a>>
    where
        Self: 'a;

    fn split(&mut self) -> (Self::Read<'_>, Self::Write<'_>) {
        let (read, write) = self.socket.split();
        (
            BufferedRead { socket: read, rx: &mut self.rx, rx_len: &mut self.rx_len },
            BufferedWrite { socket: write, tx: &self.tx[..self.tx_len], sent: &mut self.sent },
        )
    }
}

#[cfg(test)]
mod tests;
