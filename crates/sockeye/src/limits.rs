//! Bounds of the program on a host.

use std::time::Duration;

/// Slots of a server unless the command line gives another number, as on the chips.
pub const SLOTS: usize = 8;
/// Most slots of a server.
pub const SLOTS_MAX: usize = 64;

/// A silent client is probed for the first time after this long (RFC 9293 section 3.8.4). The three bounds together end
/// the connection of a client that has vanished as soon as a chip's listener does: after 25 s.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The time between two probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Probes without an answer that end the connection.
pub const KEEPALIVE_RETRIES: u32 = 3;
