//! Connections that end with the network that they came through.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use edge_nal::{Close, Readable, TcpShutdown, TcpSplit};
use edge_nal_std::TcpSocket;
use embedded_io_async::{ErrorType, Read, Write};

use crate::loopback_air::links::Link;

/// A connection.
pub struct Socket {
    socket: TcpSocket,
    link: Rc<Link>,
}

impl Socket {
    /// A connection that came through `link`.
    pub(super) fn new(socket: TcpSocket, link: Rc<Link>) -> Self {
        link.clients.set(link.clients.get().saturating_add(1));
        link.wakers.wake();
        Self { socket, link }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.link.clients.set(self.link.clients.get().saturating_sub(1));
        self.link.wakers.wake();
    }
}

/// Does something for as long as the network is there.
async fn while_up<T>(link: &Link, doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut doing = pin!(doing);
    poll_fn(|cx| {
        if !link.is_up.get() {
            return Poll::Ready(Err(io::ErrorKind::NetworkDown.into()));
        }
        link.wakers.add(cx.waker());
        doing.as_mut().poll(cx)
    })
    .await
}

impl ErrorType for Socket {
    type Error = io::Error;
}

impl Read for Socket {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while_up(&self.link, self.socket.read(buf)).await
    }
}

impl Write for Socket {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        while_up(&self.link, self.socket.write(buf)).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        while_up(&self.link, self.socket.flush()).await
    }
}

impl Readable for Socket {
    async fn readable(&mut self) -> io::Result<()> {
        while_up(&self.link, self.socket.readable()).await
    }
}

impl TcpShutdown for Socket {
    /// As in edge-nal, which the host's own socket doesn't follow for [`Close::Both`].
    async fn close(&mut self, what: Close) -> io::Result<()> {
        if what != Close::Both {
            return while_up(&self.link, self.socket.close(what)).await;
        }
        while_up(&self.link, self.socket.close(Close::Write)).await?;
        while self.read(&mut [0; 512]).await? > 0 {}
        Ok(())
    }

    async fn abort(&mut self) -> io::Result<()> {
        self.socket.abort().await
    }
}

impl TcpSplit for Socket {
    type Read<'a> = <TcpSocket as TcpSplit>::Read<'a>;
    type Write<'a> = <TcpSocket as TcpSplit>::Write<'a>;

    fn split(&mut self) -> (Self::Read<'_>, Self::Write<'_>) {
        self.socket.split()
    }
}
