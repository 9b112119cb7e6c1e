//! The device's settings that Wi-Fi depends on.

use core::net::Ipv4Addr;

use minicbor::{Decode, Encode};

use crate::credentials::{Network, Secret};
use crate::radio::RadioConfig;

/// The access point, as far as it is configured. Is stored as a CBOR map (RFC 8949).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ApSettings {
    /// Its passphrase; empty for the one that the device came with.
    #[cbor(n(0), default)]
    pub passphrase: Secret,
    /// Anyone near may join.
    #[cbor(n(1), default)]
    pub is_open: bool,
    /// The access point stays on the air beside the station.
    #[cbor(n(2), default)]
    pub is_always_on: bool,
    /// The device's address there.
    #[cbor(n(3), default)]
    pub address: ApAddress,
}

impl ApSettings {
    /// No settings, and not the defaults: all of them are zero, so that memory for them takes no flash.
    pub const ZERO: Self = Self {
        passphrase: Secret::EMPTY,
        is_open: false,
        is_always_on: false,
        address: ApAddress { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0 },
    };
}

/// The device's address in its access point's network; by default 192.168.1.1/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ApAddress {
    /// The address.
    #[n(0)]
    pub address: Ipv4Addr,
    /// Length of the network's prefix.
    #[n(1)]
    pub prefix_len: u8,
}

impl Default for ApAddress {
    fn default() -> Self {
        Self { address: Ipv4Addr::new(192, 168, 1, 1), prefix_len: 24 }
    }
}

/// The settings of the state machine, borrowed from their owner.
#[derive(Debug, Clone, Copy)]
pub struct WifiSettings<'a> {
    /// The device's name, which is the access point's and the host name.
    pub name: &'a str,
    /// The networks that the device joins, at most [`NETWORKS_MAX`](crate::limits::NETWORKS_MAX).
    pub networks: &'a [Network],
    /// The access point.
    pub ap: &'a ApSettings,
    /// The radio's settings that are the same for all actions.
    pub radio: RadioConfig,
}
