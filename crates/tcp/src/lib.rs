#![doc = include_str!("../README.md")]
//!
//! # Documents
//! - RFC 9293, TCP: section 3.5 (half-open connections), 3.6.1 (TIME-WAIT gives way), 3.10.7.1 and 3.10.7.2 (segments of no
//!   connection). [`sockeye_tcp_engine`] has the rest.
//! - RFC 1122 section 3.3.1.1: the next hop. RFC 6056: ephemeral ports. RFC 1071: the Internet checksum.
//! - RFC 2131 section 4.4.1: transaction IDs of DHCP, in the place of those that embassy-net draws.
//! - RFC 791, IPv4: fragments are dropped. RFC 894: IPv4 over Ethernet. RFC 826: ARP.
//!
//! # Layout
//! - [`Tcp`], [`DriverPort`], [`Interface`]: what is made at start; [`SocketBuffers`], [`Resources`], [`Frames`]: its memory.
//! - [`Runner`]: moves the frames; one task for each interface.
//! - [`Acceptor`], [`TcpSocket`]: edge-nal's traits, for `sockeye-server` or anything else that speaks them.
//!   [`Interface`] is its `TcpConnect`.
//! - [`limits`]: every bound.
//!
//! # What happens to
//! - **a SYN while a slot is closing**: it waits, and is answered when an accept begins, not a second later when it
//!   would come again.
//! - **half-open handshakes**: they end after [`Options::handshake`], and sooner when a client needs the room.
//! - **a flood of SYNs**: those without room are answered by SYN cookies (RFC 4987 section 3.6). A client beside them gets
//!   the first slot that is free.
//! - **a client in TIME-WAIT here**: a new connection from it, or from anybody, takes the place.
//! - **a restarted client that uses its old port**: its SYN gets a challenge ACK, and the client answers with a RST.
//!   The client's next SYN gets through.
//! - **a connection whose socket closes both directions** ([`Close::Both`](edge_nal::Close::Both)): it gives way to the next
//!   client once its last bytes are acknowledged, or after [`GIVE_WAY_KEEP_MS`](limits::GIVE_WAY_KEEP_MS).
//! - **a client that is gone**: the connection ends after [`SILENCE_MS`](limits::SILENCE_MS).
//! - **a RST for which the driver has no room**: it is given up after [`RESET_KEEP_MS`](limits::RESET_KEEP_MS). So a link
//!   that is down keeps no connection from the clients of another.
//! - **more to send than the driver has room for**: the connections and embassy-net take turns.
//! - **a segment that is only guessed**: it ends nothing, and moves no connection to another MAC address.
//! - **another address by DHCP**: connections to the old one end; see [`Interface::set_address`].
//! - **IP fragments of TCP**: they are dropped. **Other ports**: a RST answers.
#![no_std]
#![deny(unsafe_code)]
#![allow(
    clippy::needless_borrow,
    reason = "`at` and `at_mut` look the same for the lists that are arrays and for the slice"
)]

#[cfg(test)]
extern crate std;

mod buffered_socket;
mod checksum;
mod connection_table;
mod dhcp_filter;
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
mod small_ref_cell;
mod syn_cookies;
mod tcp_connection;
mod tcp_socket;

pub use driver_port::DriverPort;
pub use embassy_net::Ipv4Cidr;
pub use listener::{Frames, Interface, Options, Resources, SocketBuffers, Tcp};
pub use net_driver::NetDriver;
pub use runner::Runner;
pub use sockeye_tcp_engine::IsnKey;
pub use tcp_socket::{Acceptor, Half, TcpError, TcpSocket};
