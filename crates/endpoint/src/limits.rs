//! How long a device's clients may be silent.

use embassy_time::Duration;
use sockeye_server::limits::Timeouts;

/// How long a client may wait before its first request, milliseconds: time for a person to type it.
pub const FIRST_REQUEST_TIMEOUT_MS: u64 = 30_000;
/// How long a client may be silent between requests, milliseconds. Clients keep connections in pools and open them again
/// when they were closed. A client that listens (to readings, or for a sample) may be silent for ever.
pub const SESSION_IDLE_TIMEOUT_MS: u64 = 300_000;

/// The server's time-outs where it serves a device.
pub const TIMEOUTS: Timeouts = Timeouts { idle: Duration::from_millis(FIRST_REQUEST_TIMEOUT_MS), ..Timeouts::DEFAULT };

const _: () = assert!(FIRST_REQUEST_TIMEOUT_MS <= SESSION_IDLE_TIMEOUT_MS);
