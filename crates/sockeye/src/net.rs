//! Listening on the host's TCP.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use async_io::Async;
use edge_nal::{Close, Readable, TcpAccept, TcpShutdown, TcpSplit};
use edge_nal_std::TcpSocket;
use embedded_io_async::{ErrorType, Read, Write};
use futures_lite::future;
use socket2::{SockRef, TcpKeepalive};

use crate::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_RETRIES};

/// The host's acceptor.
pub struct HostAcceptor(Async<TcpListener>);

impl TcpAccept for HostAcceptor {
    type Error = io::Error;
    type Socket<'a> = HostSocket<'a>;

    async fn accept(&self) -> io::Result<(SocketAddr, HostSocket<'_>)> {
        let (stream, peer) = self.0.accept().await?;
        set_options(&SockRef::from(&stream));
        Ok((peer, HostSocket { socket: TcpSocket::new(stream), listener: &self.0 }))
    }
}

/// Turns Nagle's algorithm off, because replies are small and must not wait for one another. Turns keep-alive on (RFC
/// 9293 section 3.8.4), so that a client that has vanished is noticed.
pub fn set_options(socket: &SockRef<'_>) {
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_RETRIES);
    // Some systems refuse options of a connection that its client has reset. The first read gives the reason then.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// One connection of the host.
pub struct HostSocket<'a> {
    socket: TcpSocket,
    listener: &'a Async<TcpListener>,
}

impl ErrorType for HostSocket<'_> {
    type Error = io::Error;
}

impl Read for HostSocket<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buf).await
    }
}

impl Write for HostSocket<'_> {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.write(buf).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().await
    }
}

impl Readable for HostSocket<'_> {
    async fn readable(&mut self) -> io::Result<()> {
        Readable::readable(&mut self.socket).await
    }
}

impl TcpSplit for HostSocket<'_> {
    type Read<'a>
        = &'a TcpSocket
    where
        Self: 'a;
    type Write<'a>
        = &'a TcpSocket
    where
        Self: 'a;

    fn split(&mut self) -> (&TcpSocket, &TcpSocket) {
        self.socket.split()
    }
}

impl TcpShutdown for HostSocket<'_> {
    /// As in edge-nal. [`Close::Both`] also ends when another client waits to be accepted.
    async fn close(&mut self, what: Close) -> io::Result<()> {
        if what != Close::Both {
            return self.socket.close(what).await;
        }
        self.socket.close(Close::Write).await?;
        let (socket, listener) = (&mut self.socket, self.listener);
        // A socket that is dropped with unread input is reset, and the reset may overtake what was written.
        let drained = async {
            while socket.read(&mut [0; 512]).await? > 0 {}
            Ok(())
        };
        future::or(drained, listener.readable()).await
    }

    async fn abort(&mut self) -> io::Result<()> {
        self.socket.abort().await
    }
}

/// Listens on `address`.
///
/// # Errors
/// The system's, with the address: in use, not of this machine, not permitted.
pub async fn listen(address: SocketAddr) -> anyhow::Result<HostAcceptor> {
    let listener = Async::<TcpListener>::bind(address).with_context(|| format!("can't listen on {address}"))?;
    Ok(HostAcceptor(listener))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    /// The acceptor, and a client that has connected.
    fn connected() -> (HostAcceptor, TcpStream) {
        let acceptor = async_io::block_on(listen((Ipv4Addr::LOCALHOST, 0).into())).unwrap();
        let client = TcpStream::connect(acceptor.0.get_ref().local_addr().unwrap()).unwrap();
        (acceptor, client)
    }

    #[test]
    fn field_25_a_client_that_vanishes_is_noticed_by_keep_alive() {
        let (acceptor, _client) = connected();
        let (_, socket) = async_io::block_on(acceptor.accept()).unwrap();
        let options = SockRef::from(&*socket.socket);
        assert!(options.keepalive().unwrap());
        assert_eq!(options.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
        assert_eq!(options.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(options.tcp_keepalive_retries().unwrap(), KEEPALIVE_RETRIES);
    }

    #[test]
    fn field_24_a_client_that_resets_before_it_is_accepted_fails_no_accept() {
        let (acceptor, client) = connected();
        SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(client);
        assert!(async_io::block_on(acceptor.accept()).is_ok());
    }

    #[test]
    fn field_23_a_client_that_does_not_close_gives_way_to_the_next() {
        let (acceptor, _stays) = connected();
        let address = acceptor.0.get_ref().local_addr().unwrap();
        async_io::block_on(async {
            let (_, mut socket) = acceptor.accept().await.unwrap();
            let waits = async { Some(socket.close(Close::Both).await.is_ok()) };
            assert_eq!(future::or(waits, future::ready(None)).await, None, "it does not close");
            let _next = TcpStream::connect(address).unwrap();
            assert!(socket.close(Close::Both).await.is_ok());
        });
    }
}
