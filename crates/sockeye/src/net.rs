//! Listening on the host's TCP.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use edge_nal::{TcpAccept, TcpBind};
use edge_nal_std::{Stack, TcpAcceptor, TcpSocket};

/// The host's acceptor, with Nagle's algorithm off: replies are small and must not wait for one another.
pub struct Acceptor(TcpAcceptor);

impl TcpAccept for Acceptor {
    type Error = io::Error;
    type Socket<'a> = TcpSocket;

    async fn accept(&self) -> io::Result<(SocketAddr, TcpSocket)> {
        let (peer, socket) = self.0.accept().await?;
        socket.get_ref().set_nodelay(true)?;
        Ok((peer, socket))
    }
}

/// Listens on `address`.
///
/// # Errors
/// The system's, with the address: in use, not of this machine, not permitted.
pub async fn listen(address: SocketAddr) -> anyhow::Result<Acceptor> {
    let acceptor = Stack::new().bind(address).await.with_context(|| format!("can't listen on {address}"))?;
    Ok(Acceptor(acceptor))
}
