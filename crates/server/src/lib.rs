//! A TCP server of a fixed number of slots, for chips and for hosts.
//!
//! Each slot accepts, serves and closes one connection after the other. No client can hold a slot for longer than
//! the [`Timeouts`](limits::Timeouts) allow, and no error ends the server. When all slots are taken, a newcomer displaces a
//! client that is silent or idle, or is rejected with a reply; see [`Server`].
//! The library knows no protocol and no network stack: the stack comes in through the traits of [`edge_nal`], the
//! protocol through a [`Handler`].
//!
//! # Layout
//! - [`Server`]: the slots, the watch over deadlines, what becomes of newcomers, the figures.
//! - [`Connection`]: what a handler reads from and writes to; each operation is bounded in time.
//! - [`BufferedSocket`]: sockets whose buffers a handler works in; [`BufferedAcceptor`] makes others so.
//! - [`Handler`]: what is served, and what a rejected client is told.
//! - [`Liveness`]: whether the server still serves, for a watchdog.
//! - [`limits`]: every bound, in one place.
//!
//! # A server in twenty lines
//! On a host, with `edge-nal-std` and any executor:
//! ```no_run
//! use edge_nal::TcpBind;
//! use embedded_io_async::{Read, Write};
//! use sockeye_server::{Connection, ConnectionError, Handler, Server, Socket, limits::Timeouts};
//!
//! struct Echo;
//!
//! impl<S: Socket> Handler<S> for Echo {
//!     async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
//!         let mut buf = [0; 256];
//!         loop {
//!             match client.read(&mut buf).await? {
//!                 0 => return Ok(()),
//!                 len => client.write_all(&buf[..len]).await?,
//!             }
//!         }
//!     }
//! }
//!
//! async fn serve() -> std::io::Result<()> {
//!     let acceptor = edge_nal_std::Stack::new().bind(([127, 0, 0, 1], 3000).into()).await?;
//!     Server::<8>::new(Timeouts::DEFAULT).run(&acceptor, &Echo).await
//! }
//! ```
//! With embassy the same handler runs on the acceptor of `sockeye-tcp`; its documentation shows it.
//!
//! # From the classic calls
//! | classic | here |
//! |---|---|
//! | `socket`, `bind` | `TcpBind::bind` of the stack |
//! | `listen` with a backlog | [`Server::new`]: the `N` slots are the backlog |
//! | `accept` | inside [`Server::run`]; the handler's `serve` begins where it returns |
//! | `read`, `recv` | [`Connection::read`](embedded_io_async::Read::read) |
//! | `write`, `send` | [`Connection::write_all`](embedded_io_async::Write::write_all) |
//! | `select`, `poll` | [`Connection::readable`](edge_nal::Readable::readable), beside other futures |
//! | `setsockopt(SO_RCVTIMEO, ..)` | [`limits::Timeouts`] |
//! | `shutdown` and reading until 0 | [`Connection::finish`] |
//! | `close` | returning from `serve` |
#![no_std]
#![deny(unsafe_code)]

mod buffered_acceptor;
mod connection;
pub mod limits;
mod liveness;
mod server;
mod slot;

pub use buffered_acceptor::{Buffered, BufferedAcceptor};
pub use connection::{BufferedSocket, Connection, ConnectionError, Socket, TimeoutPhase};
pub use liveness::Liveness;
pub use server::{Handler, Server, ServerStats};
pub use slot::{SlotInfo, SlotState};
