#![doc = include_str!("../README.md")]
//!
//! # Documents
//! RFC 9293, TCP: section 3.6 (closing in order) and 3.8.4 (keep-alive, which the stack below has).
//!
//! # Layout
//! - [`Server`]: the slots, the watch over deadlines, the queue of newcomers, the figures.
//! - [`Connection`]: the connection of a handler; each operation is bounded in time.
//! - [`BufferedSocket`]: sockets whose buffers a handler works in; [`BufferedAcceptor`] makes others so.
//! - [`Handler`]: serves a client, or rejects it.
//! - [`Liveness`]: whether the server still serves, for a watchdog.
//! - [`limits`]: every bound, in one place.
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
