//! Every bound of a connection, and how the bounds relate.

/// First retransmission time-out, milliseconds (RFC 6298 section 2.1).
pub const RTO_FIRST_MS: u64 = 1_000;
/// Retransmission time-out where the SYN had to be repeated, milliseconds (RFC 6298 section 5.7).
pub const RTO_AFTER_SYN_LOSS_MS: u64 = 3_000;
/// Shortest retransmission time-out, milliseconds. Hosts delay an ACK by less: Linux and Windows by 200 ms at most, lwIP
/// by 250 ms. RFC 6298 section 2.4 recommends a second, and lets research change it; Linux has 200 ms,
/// Windows 300 ms. A window of one or two segments has little but the time-out to recover with.
pub const RTO_MIN_MS: u64 = 300;
/// Longest retransmission time-out, milliseconds (RFC 6298 section 2.5).
pub const RTO_MAX_MS: u64 = 60_000;

/// An ACK of text waits at least this long for a reply that carries it, milliseconds (RFC 9293 section 3.8.6.3, MUST-40).
/// How much longer depends on how often the caller looks at timers.
pub const ACK_DELAY_MS: u64 = 10;
/// The sender holds a small segment back this long, milliseconds (RFC 9293 section 3.8.6.2.1).
pub const OVERRIDE_MS: u64 = 500;
/// Time between two challenge ACKs of one connection, milliseconds (RFC 5961 section 7).
pub const CHALLENGE_MS: u64 = 500;
/// A silent peer is asked for a sign of life this often, milliseconds (RFC 9293 section 3.8.4).
pub const KEEP_ALIVE_MS: u64 = 10_000;
/// A connection ends when its peer has not been heard for so long, milliseconds (R2 of RFC 9293 section 3.8.3).
pub const SILENCE_MS: u64 = 25_000;
/// Length of TIME-WAIT, milliseconds. RFC 9293 section 3.6.1 asks for two maximum segment lifetimes.
pub const TIME_WAIT_MS: u64 = 10_000;

/// Send MSS where the peer names none, bytes (RFC 9293 section 3.7.1).
pub const MSS_DEFAULT: u16 = 536;
/// Smallest send MSS that a peer can ask for, bytes: a smaller one would multiply segments (CVE-2019-11479).
pub const MSS_MIN: u16 = 48;
/// Largest buffer, bytes: a window without scaling.
pub const BUFFER_LEN_MAX: usize = 65_535;
/// IPv4 header and TCP header without options, bytes (RFC 6691 section 2).
pub const HEADERS_LEN: usize = 40;

/// Duplicate ACKs that mean a loss (RFC 5681 section 3.2).
pub const DUPLICATE_ACKS: u8 = 3;

const _: () = assert!(SILENCE_MS > 2 * KEEP_ALIVE_MS, "one lost keep-alive must not end a connection");
const _: () = assert!(ACK_DELAY_MS < 500, "RFC 9293 section 3.8.6.3");
const _: () = assert!(ACK_DELAY_MS < RTO_MIN_MS, "a delayed ACK must not cause a retransmission");
const _: () = assert!(RTO_MAX_MS >= 60_000, "RFC 6298 section 2.5");
// Round trips are measured in 32 bits.
const _: () = assert!(embassy_time::TICK_HZ * SILENCE_MS / 1_000 < u32::MAX as u64);
// Smoothed round trips are kept eightfold in 32 bits.
const _: () = assert!(embassy_time::TICK_HZ * RTO_MAX_MS / 1_000 * 4 <= u32::MAX as u64);
