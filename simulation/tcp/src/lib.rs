//! Two TCP hosts on a link that loses, doubles, delays, reorders and damages packets, in simulated time.
//!
//! Each run is made from a seed: buffer sizes, MTU, link, how much each side writes, how slowly it reads, and how the
//! connection ends. [`watch`] holds the rules that every packet must obey, whatever the hosts are.
//!
//! # Layout
//! - [`wire`]: IPv4 packets that carry TCP segments, built and read.
//! - [`host`]: what a TCP under test must offer; [`engine_host`] and
//!   [`smoltcp_host`]: Sockeye's own engine and smoltcp 0.13 as such hosts.
//! - [`plan`]: what a seed decides. [`run`]: one seed. [`watch`]: the rules.
//! - [`rfc`]: the table of RFC 9293 section 3.10.7 as data; [`cells`]: each of its cells put to a host.
//! - [`generator`]: smoltcp's generator of random numbers, and how three of them give the rest.
//! - [`capture`]: a seed's packets as a file for Wireshark.
#![deny(unsafe_code)]

pub mod capture;
pub mod cells;
pub mod engine_host;
pub mod generator;
pub mod host;
pub mod plan;
pub mod rfc;
pub mod run;
pub mod smoltcp_host;
pub mod watch;
pub mod wire;

/// Microseconds of simulated time.
pub type Micros = u64;

/// One second.
pub const SECOND: Micros = 1_000_000;
