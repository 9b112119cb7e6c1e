//! The device on the network: a [`Handler`] that serves an [`App`] to Redis clients, and a loop that sends its samples to
//! a peer.
//!
//! The server has no protocol, and the device imports neither server nor client. This crate joins them for each
//! platform.
//!
//! # Layout
//! - [`Endpoint`]: the handler; [`ClientOrigins`]: over which network its clients have connected.
//! - [`server_health`]: the server's figures as the device's INFO has them.
//! - [`push()`]: sending samples.
//! - [`limits`]: how long a device's clients may be silent, and what sending samples takes.
#![no_std]
#![deny(unsafe_code)]

pub mod limits;
mod push_loop;

use core::net::{Ipv4Addr, SocketAddr};

use embassy_time::Duration;
use embedded_io_async::Write;
use sockeye_device::{
    App, ClientAddress, ClientConnection, ClientOrigin, INCOMPLETE, REFUSAL, ServerHealth, Store, serve,
};
use sockeye_server::{BufferedSocket, Connection, ConnectionError, Handler, Server, TimeoutPhase};

pub use crate::push_loop::{PushBuffers, push};

use crate::limits::SESSION_IDLE_TIMEOUT_MS;

/// Over which network clients have connected: what they may do depends on it.
pub trait ClientOrigins {
    /// The network of the client with this address.
    fn origin(&self, peer: SocketAddr) -> ClientOrigin;
}

impl<F: Fn(SocketAddr) -> ClientOrigin> ClientOrigins for F {
    fn origin(&self, peer: SocketAddr) -> ClientOrigin {
        self(peer)
    }
}

/// Serves the device to each client in RESP, in the socket's own buffers. The receive buffer must have
/// [`RX_LEN`](sockeye_device::limits::RX_LEN) bytes at least, the transmit buffer
/// [`TX_LEN`](sockeye_device::limits::TX_LEN).
pub struct Endpoint<'a, S> {
    app: &'a App<'a>,
    store: &'a S,
    origins: &'a dyn ClientOrigins,
}

impl<'a, S: Store> Endpoint<'a, S> {
    /// Serves `app`, whose settings go to `store`; `origins` gives the network that a client comes from.
    pub const fn new(app: &'a App<'a>, store: &'a S, origins: &'a dyn ClientOrigins) -> Self {
        Self { app, store, origins }
    }
}

impl<S: BufferedSocket, D: Store> Handler<S> for Endpoint<'_, D> {
    async fn serve(&self, connection: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        let peer = connection.peer();
        let local = Ipv4Addr::UNSPECIFIED.into();
        let address = ClientAddress { peer, local, origin: self.origins.origin(peer) };
        let result = serve(&mut Requests(connection), self.app, self.store, address).await;
        if let Err(ConnectionError::Timeout(TimeoutPhase::Request) | ConnectionError::Displaced(TimeoutPhase::Request)) =
            result
            && connection.room() >= INCOMPLETE.len()
        {
            connection.put(INCOMPLETE);
        }
        result
    }

    async fn reject(&self, connection: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        connection.write_all(REFUSAL).await
    }
}

/// The server's figures as the device's INFO has them.
pub fn server_health<const N: usize>(server: &Server<N>) -> ServerHealth {
    let stats = server.stats();
    ServerHealth {
        slots: u32::try_from(server.slots_max()).unwrap_or(u32::MAX),
        accepted: stats.accepted,
        refused: stats.rejected,
        displaced: stats.displaced,
        timed_out: stats.timed_out,
        reset: stats.reset,
        accept_errors: stats.accept_errors,
        idle_timeout_s: (SESSION_IDLE_TIMEOUT_MS / 1_000) as u32,
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
    }
}

/// A connection, with the interface of the device's request loop.
struct Requests<'a, 'b, S>(&'a mut Connection<'b, S>);

impl<S: BufferedSocket> ClientConnection for Requests<'_, '_, S> {
    type Error = ConnectionError<S::Error>;

    fn peek(&mut self, buf: &mut [u8]) -> usize {
        self.0.peek(buf)
    }

    fn peek_and_room(&mut self, buf: &mut [u8]) -> (usize, usize) {
        self.0.peek_and_room(buf)
    }

    fn consume(&mut self, len: usize) {
        self.0.consume(len);
    }

    fn wait_input(&mut self, len: usize) -> impl Future<Output = Result<usize, Self::Error>> {
        self.0.wait_input(len)
    }

    fn room(&mut self) -> usize {
        self.0.room()
    }

    fn room_max(&mut self) -> usize {
        self.0.room_max()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.put(bytes);
    }

    fn put_and_consume(&mut self, bytes: &[u8], len: usize) {
        self.0.put_and_consume(bytes, len);
    }

    fn wait_room(&mut self, len: usize) -> impl Future<Output = Result<(), Self::Error>> {
        self.0.wait_room(len)
    }

    fn begin_request(&mut self) {
        self.0.begin_request();
    }

    fn end_request(&mut self) {
        self.0.end_request();
    }

    fn set_listening(&mut self, is_listening: bool) {
        self.0.set_idle((!is_listening).then_some(Duration::from_millis(SESSION_IDLE_TIMEOUT_MS)));
    }
}
