//! The server under test.

use std::net::SocketAddr;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// The facts about the server under test that the cases need.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    /// Connections that the server serves at once.
    pub slots: usize,
    /// How long the server waits for a client that sends nothing.
    pub idle: Duration,
    /// Connections of the endurance case.
    pub cycles: usize,
    /// The interface towards the server, where raw frames and vanishing are possible.
    pub tap: Option<String>,
}

impl Target {
    /// All slots but one.
    pub fn slots_but_one(&self) -> usize {
        self.slots.saturating_sub(1)
    }
}

/// Whether nothing can be reached from this network namespace but what is behind `tap`.
///
/// The cases with raw frames send what no network deserves, and take an address away. So they only run where
/// loopback and the tap are the only interfaces that are up.
pub fn is_alone_with(tap: &str) -> nix::Result<bool> {
    Ok(getifaddrs()?
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter(|interface| !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK))
        .all(|interface| interface.interface_name == tap))
}
