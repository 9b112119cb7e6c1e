//! Small network services beside a device's server, by which the device is found, over the UDP of [`edge_nal`].
//!
//! Each is a future that never ends: an error costs one message and a pause, never the service. Every send is bounded,
//! and a socket that takes too long or is silent for long is bound anew. None answers anything but its own protocol, and
//! none knows the device.
//!
//! | module | what it does |
//! |---|---|
//! | [`Address`] | the device's address, which the others follow |
//! | [`dhcp`] | lends addresses to the access point's clients (RFC 2131), and tells them of its page (RFC 8910) |
//! | [`captive`] | answers every name with the device's address, so that a phone finds the page by itself |
//! | [`mdns`] | `NAME.local` and `_sockeye._tcp` (RFC 6762, RFC 6763) |
//! | [`sntp`] | the time of day (RFC 4330) |
//! | [`Resolver`] | looks up names (RFC 1035), with IDs and ports that nobody can guess (RFC 5452) |
//! | [`Udp`] | embassy-net's UDP for them |
//! | [`limits`] | every bound |

#![no_std]
#![deny(unsafe_code)]
#![deny(missing_docs)]

#[cfg(test)]
extern crate std;

mod address;
pub mod captive;
mod client_port;
pub mod dhcp;
mod dns;
pub mod limits;
pub mod mdns;
mod resolver;
mod service;
pub mod sntp;
mod udp;

pub use address::{Address, Cidr};
pub use resolver::{ResolveError, Resolver, ResolverBuffers};
pub use udp::{BoundUdpSocket, Buffers, Udp, UdpError};
