//! A lean TCP listener on smoltcp, between a network driver and embassy-net.
//!
//! embassy-net visits every socket for every frame, refuses a client when no socket happens to listen, and lets
//! half-open handshakes take the sockets that do. This listener takes the frames for its own port before embassy-net
//! sees them, gives each to the one connection that it belongs to, and answers a SYN only when a slot of the server
//! waits for a client. Everything else (ARP, ICMP, DHCP, UDP, outgoing connections) stays embassy-net's. TCP itself,
//! RFC 9293, is smoltcp's: each connection is a smoltcp socket in a set of its own.
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
//! - **a restarted client that uses its old port**: it is asked for a sign of life, answers with a RST, and its next
//!   SYN gets through.
//! - **a client that is gone**: keep-alive ends the connection after [`KEEPALIVE_TIMEOUT_MS`](limits::KEEPALIVE_TIMEOUT_MS).
//! - **another address by DHCP**: connections to the old one end; see [`Interface::set_address`].
//! - **IP fragments**: embassy-net drops them. **Other ports**: embassy-net answers with a RST.
//!
//! # A server in twenty lines
//! With embassy, for any driver:
//! ```
//! use edge_nal::TcpBind;
//! use embassy_futures::join::join4;
//! use embassy_net::driver::Driver;
//! use embassy_net::{Config, StackResources, StaticConfigV4};
//! use sockeye_tcp::{Acceptor, SocketBuffers, TcpError, Frames, Options, DriverPort, Resources, Tcp};
//!
//! /// What a firmware keeps in statics.
//! struct Memory<D> {
//!     buffers: SocketBuffers<9, 1024, 1024>,
//!     resources: Resources<9>,
//!     frames: Frames<1, 1>,
//!     port: DriverPort<D>,
//!     net: StackResources<2>,
//! }
//!
//! async fn serve<D: Driver>(
//!     memory: &'static mut Memory<D>,
//!     config: StaticConfigV4,
//!     server: impl AsyncFnOnce(Acceptor),
//! ) -> Result<(), TcpError> {
//!     let options = Options { handshake: embassy_time::Duration::from_secs(3) };
//!     let tcp = Tcp::new(&mut memory.buffers, &mut memory.resources, options);
//!     let (interface, mut runner, device) = tcp.attach(&mut memory.frames, &memory.port);
//!     let (stack, mut net) = embassy_net::new(device, Config::ipv4_static(config), &mut memory.net, 4);
//!     let acceptor = tcp.bind(([0, 0, 0, 0], 3000).into()).await?;
//!     join4(runner.run(), net.run(), interface.follow(stack, |_| ()), server(acceptor)).await;
//!     Ok(())
//! }
//! ```
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
mod phy;
mod runner;
mod tcp_connection;
mod tcp_socket;

pub use driver_port::DriverPort;
pub use listener::{Frames, Interface, Options, Resources, SocketBuffers, Tcp};
pub use net_driver::NetDriver;
pub use runner::Runner;
pub use smoltcp::wire::Ipv4Cidr;
pub use tcp_socket::{Acceptor, Half, TcpError, TcpSocket};
