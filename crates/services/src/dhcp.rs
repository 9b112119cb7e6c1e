//! Addresses for the access point's clients (RFC 2131; options of RFC 2132 and RFC 8910).
//!
//! The server and its messages are written by hand, because edge-dhcp 0.8 has these faults:
//!
//! - Addresses are lent within a /24 only, and its own address may be lent.
//! - Declined addresses are not kept, a NAK has a lease time, and INFORM is not answered.
//! - The broadcast flag is read from the wrong bit, and a message whose host name is not UTF-8 is dropped.

mod dhcp_server;
mod message;
mod pool;

use core::net::Ipv4Addr;

use edge_nal::UdpBind;

use crate::Buffers;
use crate::limits::{DHCP_MESSAGE_LEN_MAX, DHCP_REPLY_LEN_MAX, QUEUED};
use crate::service::{Place, serve as serve_messages};

use dhcp_server::Server;
pub use pool::Pool;

/// The memory of the server's socket.
pub type DhcpBuffers = Buffers<{ QUEUED * DHCP_MESSAGE_LEN_MAX }, { QUEUED * DHCP_REPLY_LEN_MAX }, QUEUED>;

/// The server's port and the clients'.
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// Finds out whether an address is in use before it is lent (RFC 2131 section 3.1).
pub trait Probe {
    /// Asks who has the address. Nothing is waited for.
    fn ask(&self, address: Ipv4Addr);

    /// The MAC address of who has answered the last [`ask`](Self::ask) for it; None if nobody has.
    fn answered(&self, address: Ipv4Addr) -> Option<[u8; 6]>;
}

/// An `ask` and an `answered`.
impl<A: Fn(Ipv4Addr), B: Fn(Ipv4Addr) -> Option<[u8; 6]>> Probe for (A, B) {
    fn ask(&self, address: Ipv4Addr) {
        self.0(address);
    }

    fn answered(&self, address: Ipv4Addr) -> Option<[u8; 6]> {
        self.1(address)
    }
}

/// Finds nobody.
impl Probe for () {
    fn ask(&self, _address: Ipv4Addr) {}

    fn answered(&self, _address: Ipv4Addr) -> Option<[u8; 6]> {
        None
    }
}

/// Lends the addresses of [`Pool`] in the network of `prefix_len` bits in which the device is `address`. The answers
/// name the device as router and name server, because some phones leave a network that has neither. The answers also
/// have the URL of the page, on `port` (RFC 8910).
///
/// Takes one socket of `udp`, on port 67, and about 2 KB.
pub async fn serve<U: UdpBind>(udp: &U, (address, prefix_len): (Ipv4Addr, u8), port: u16, probe: &impl Probe) -> ! {
    let mut server = Server::new(address, prefix_len, port, probe);
    let (mut rx, mut tx) = ([0; DHCP_MESSAGE_LEN_MAX], [0; DHCP_REPLY_LEN_MAX]);
    let place = Place { name: "DHCP", port: SERVER_PORT, group: None };
    serve_messages(udp, &place, &mut rx, &mut tx, &mut server).await
}
