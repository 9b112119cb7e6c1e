#![doc = include_str!("../README.md")]
//!
//! # Documents
//! - RFC 9293, TCP: section 3.5 (SYN-RECEIVED and half-open connections), 3.6 (closing), 3.6.1 (TIME-WAIT gives way), 3.7.1
//!   (segment size), 3.8.4 (keep-alive), 3.10.7.4 (a SYN on a connection that exists). smoltcp has the rest.
//! - RFC 5961 section 4: the challenge ACK. RFC 1122 section 4.2.3.2: delayed ACKs. RFC 1071: the Internet checksum.
//! - RFC 791, IPv4: fragments are not the listener's. RFC 894: IPv4 over Ethernet.
//!
//! # Layout
//! - [`Tcp`], [`DriverPort`], [`Interface`]: what is made at start; [`SocketBuffers`], [`Resources`], [`Frames`]: its memory.
//! - [`Runner`]: moves the frames; one task for each interface.
//! - [`Acceptor`], [`TcpSocket`]: edge-nal's traits, for `sockeye-server` or anything else that speaks them.
//! - [`limits`]: every bound.
//!
//! # What happens to
//! - **a SYN while a slot is closing**: it waits, and is answered when an accept begins, not a second later when it
//!   would come again.
//! - **half-open handshakes**: they end after [`Options::handshake`], and sooner when a client needs the room.
//! - **a client in TIME-WAIT here**: a new connection from it, or from anybody, takes the place.
//! - **a restarted client that uses its old port**: its SYN gets a challenge ACK, the client answers with a RST, and its
//!   next SYN gets through.
//! - **a connection whose socket closes both directions** ([`Close::Both`](edge_nal::Close::Both)): it gives way to the next
//!   client once its last bytes are acknowledged, or after [`GIVE_WAY_KEEP_MS`](limits::GIVE_WAY_KEEP_MS).
//! - **a client that is gone**: keep-alive ends the connection after [`KEEPALIVE_TIMEOUT_MS`](limits::KEEPALIVE_TIMEOUT_MS).
//! - **another address by DHCP**: connections to the old one end; see [`Interface::set_address`].
//! - **IP fragments**: embassy-net drops them. **Other ports**: embassy-net answers with a RST.
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

mod buffered_socket;
mod checksum;
mod connection_table;
mod driver_port;
mod follow;
mod frame;
mod igmp;
pub mod limits;
mod listener;
mod neighbours;
mod net_driver;
mod route;
mod runner;
mod tcp_connection;
mod tcp_socket;

pub use driver_port::DriverPort;
pub use embassy_net::Ipv4Cidr;
pub use listener::{Frames, Interface, Options, Resources, SocketBuffers, Tcp};
pub use net_driver::NetDriver;
pub use runner::Runner;
pub use sockeye_tcp_engine::IsnKey;
pub use tcp_socket::{Acceptor, Half, TcpError, TcpSocket};
