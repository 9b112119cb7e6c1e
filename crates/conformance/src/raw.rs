//! A TCP peer made by hand, for what the machine's own stack would never send.

mod peer;
mod raw_connection;
mod raw_link;

pub mod handshake;
pub mod packets;
pub mod segments;

pub use peer::{Peer, RawFlags, RawSegmentOut};
pub use raw_connection::RawConnection;
