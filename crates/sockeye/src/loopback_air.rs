//! Networks in the air of the simulated device, for a person to play with.
//!
//! The machine's loopback addresses stand for networks: `127.0.0.x` is the device's access point, and `127.0.N.x` the
//! Nth of the others. While the device is in a network, it listens on its address there. When it leaves, its
//! connections there are cut off, and new ones are refused.
//!
//! # Layout
//! - `links.rs`: addresses that come and go, as one acceptor.
//! - `loopback_socket.rs`: connections that end with them.
//! - `loopback_radio.rs`: what is around the simulated radio.

mod links;
mod loopback_radio;
mod loopback_socket;

use std::net::{Ipv4Addr, SocketAddr};

use embassy_time::Duration;
use sockeye_device::ClientOrigin;

pub use links::Links;
pub use loopback_radio::Demo;

/// A network of somebody else.
pub struct DemoNetwork {
    /// Its name.
    pub ssid: &'static str,
    /// Its password; none if it is open.
    pub password: Option<&'static str>,
    /// Its signal, dBm.
    pub rssi_dbm: i8,
    /// The network's flaw.
    pub flaw: Flaw,
}

/// A flaw of a network.
pub enum Flaw {
    /// Nothing.
    None,
    /// Its router gives out no addresses.
    NoAddress,
    /// Its router restarts some time after the device has joined, once.
    Restart {
        /// How long after.
        after: Duration,
        /// How long it is away.
        away: Duration,
    },
}

/// The networks of `--air demo`.
pub const DEMO: [DemoNetwork; 3] = [
    DemoNetwork { ssid: "home", password: Some("correct horse"), rssi_dbm: -48, flaw: Flaw::None },
    DemoNetwork {
        ssid: "attic",
        password: Some("battery staple"),
        rssi_dbm: -71,
        flaw: Flaw::Restart { after: Duration::from_secs(60), away: Duration::from_secs(45) },
    },
    DemoNetwork { ssid: "cafe", password: None, rssi_dbm: -83, flaw: Flaw::NoAddress },
];

/// The device's address in its access point's network, on this machine.
pub const AP_ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The device's address in the network with this index, on this machine.
fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, index as u8 + 1, 77)
}

/// On which side of the device a client is, by the network that it came through.
pub fn side(peer: SocketAddr) -> ClientOrigin {
    match peer {
        SocketAddr::V4(peer) if peer.ip().octets()[2] == 0 => ClientOrigin::AccessPoint,
        _ => ClientOrigin::Station,
    }
}
