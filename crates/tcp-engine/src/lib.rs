//! TCP for small windows: one connection, without IO.
//!
//! - RFC 9293: passive and active open, data, close. Section 3.10.7 is the order of `receive.rs`.
//! - RFC 1982: the order of sequence numbers, which is that of [`Seq`].
//! - RFC 5681: slow start, congestion avoidance, fast retransmit.
//! - RFC 5961: a RST, a SYN or an ACK that is only guessed ends nothing.
//! - RFC 6298: the retransmission time-out. RFC 6528: initial sequence numbers. RFC 6056: ephemeral ports.
//! - RFC 6691: the MSS option.
//!
//! Time, randomness and memory come in as arguments. A driver, a table of connections, wakers and the headers of
//! Ethernet and IPv4 are the caller's. Every number that bounds anything is in [`limits`].
//!
//! # Layout
//! - `tcb.rs`: [`Tcb`], its states, and the user's calls.
//! - `receive.rs`: segments that arrive. `send.rs`: segments to send.
//! - `timing.rs`: the retransmission time-out and the congestion window.
//! - `segment.rs`: [`Segment`], [`OutgoingSegment`], [`Seq`], [`Flags`]. `ring.rs`: the buffers. `isn.rs`: [`IsnKey`].
//!
//! # One segment's way
//! ```
//! use embassy_time::Instant;
//! use sockeye_tcp_engine::{Tcb, Flags, Segment, Seq, State};
//!
//! let now = Instant::from_secs(1);
//! let mut server = Tcb::new([0; 512], [0; 512]);
//! let syn = Segment {
//!     seq: Seq::new(7),
//!     ack: Seq::new(0),
//!     window: 1_000,
//!     flags: Flags::SYN,
//!     options: &[],
//!     payload: &[],
//! };
//! server.accept(&syn, Seq::new(100), 1_500, now);
//! let syn_ack = server.next_segment(now).unwrap();
//! assert_eq!((syn_ack.ack, syn_ack.flags), (Seq::new(8), Flags::SYN | Flags::ACK));
//! server.on_sent(&syn_ack, now);
//!
//! let request = Segment { seq: syn_ack.ack, ack: Seq::new(101), flags: Flags::ACK, payload: b"PING\r\n", ..syn };
//! let _ = server.on_segment(&request, now);
//! assert_eq!((server.state(), server.received()), (State::Established, 6));
//! server.write(b"+PONG\r\n");
//! assert_eq!(server.next_segment(now).unwrap().len, 7);
//! ```
#![no_std]
#![deny(unsafe_code)]

mod isn;
pub mod limits;
mod receive;
mod ring;
mod segment;
mod send;
mod syn_cookie;
mod tcb;
#[cfg(test)]
mod tests;
mod timing;

pub use isn::IsnKey;
pub use receive::{Check, Reaction};
pub use ring::RingMemory;
pub use segment::{Flags, OutgoingSegment, Segment, Seq};
pub use tcb::{Ended, State, Tcb};
