//! A TCP peer made by hand, for what the machine's own stack would never send.

mod connection;
mod link;
mod peer;

pub mod handshake;
pub mod packets;
pub mod segments;

pub use connection::Connection;
pub use peer::{Flags, Peer, SegmentOut};
