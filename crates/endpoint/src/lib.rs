//! The device on the network: a [`Handler`] that serves an [`App`] to Redis clients, and a loop that sends its samples to
//! a peer.
//!
//! The server knows no protocol, and the device no server and no client; this is where each platform joins them.
//!
//! # Layout
//! - [`Endpoint`]: the handler; [`Sides`]: on which side of the device its clients are.
//! - [`server_health`]: the server's figures as the device tells them.
//! - [`push()`]: sending samples.
//! - [`limits`]: how long a device's clients may be silent, and what sending samples takes.
#![no_std]
#![deny(unsafe_code)]

pub mod limits;
mod push_loop;

use core::net::SocketAddr;

use embassy_time::Duration;
use embedded_io_async::Write;
use sockeye_device::{App, Client, INCOMPLETE, REFUSAL, ServerHealth, Side, Store, serve};
use sockeye_server::{BufferedSocket, Connection, ConnectionError, Handler, Server, TimeoutPhase};

pub use crate::push_loop::{PushBuffers, push};

use crate::limits::SESSION_IDLE_TIMEOUT_MS;

/// Tells on which side of the device a client is: what it may do depends on it.
pub trait Sides {
    /// The side of a client that has a connection.
    fn side(&self, peer: SocketAddr) -> Side;
}

impl<F: Fn(SocketAddr) -> Side> Sides for F {
    fn side(&self, peer: SocketAddr) -> Side {
        self(peer)
    }
}

/// Serves the device to each client, in RESP: in the socket's own buffers, of which that for what comes in has
/// [`RX_LEN`](sockeye_device::limits::RX_LEN) bytes at least, and that for what goes out
/// [`TX_LEN`](sockeye_device::limits::TX_LEN).
pub struct Endpoint<'a, S> {
    app: &'a App<'a>,
    store: &'a S,
    sides: &'a dyn Sides,
}

impl<'a, S: Store> Endpoint<'a, S> {
    /// Serves `app`, whose settings go to `store`; `sides` tells on which side a client is.
    pub const fn new(app: &'a App<'a>, store: &'a S, sides: &'a dyn Sides) -> Self {
        Self { app, store, sides }
    }
}

impl<S: BufferedSocket, D: Store> Handler<S> for Endpoint<'_, D> {
    async fn serve(&self, connection: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        let peer = connection.peer();
        let result = serve(&mut Requests(connection), self.app, self.store, peer, self.sides.side(peer)).await;
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

/// The server's figures as the device tells them.
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

/// A connection as the device's loop wants it.
struct Requests<'a, 'b, S>(&'a mut Connection<'b, S>);

impl<S: BufferedSocket> Client for Requests<'_, '_, S> {
    type Error = ConnectionError<S::Error>;

    fn peek(&mut self, buf: &mut [u8]) -> usize {
        self.0.peek(buf)
    }

    fn consume(&mut self, len: usize) {
        self.0.consume(len);
    }

    async fn wait_input(&mut self, len: usize) -> Result<usize, Self::Error> {
        self.0.wait_input(len).await
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

    async fn wait_room(&mut self, len: usize) -> Result<(), Self::Error> {
        self.0.wait_room(len).await
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
