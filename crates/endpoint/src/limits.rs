//! How long a device's clients may be silent, and what sending samples takes.

use embassy_time::Duration;
use sockeye_backoff::Pauses;
use sockeye_device::limits::{DEVICE_NAME_LEN_MAX, NAME_LEN_MAX, OUTBOX_SIZE_MAX, PUSH_TOKEN_LEN_MAX};
use sockeye_server::limits::Timeouts;

/// How long a client may wait before its first request, milliseconds: time for a person to type it.
pub const FIRST_REQUEST_TIMEOUT_MS: u64 = 30_000;
/// How long a client may be silent between requests, milliseconds. Clients keep connections in pools and open them again
/// when they were closed. A client that listens (to readings, or for a sample) may be silent for ever.
pub const SESSION_IDLE_TIMEOUT_MS: u64 = 300_000;

/// The server's time-outs where it serves a device.
pub const TIMEOUTS: Timeouts = Timeouts { idle: Duration::from_millis(FIRST_REQUEST_TIMEOUT_MS), ..Timeouts::DEFAULT };

const _: () = assert!(FIRST_REQUEST_TIMEOUT_MS <= SESSION_IDLE_TIMEOUT_MS);

/// The receive buffer of a connection to a peer: Redis's reply to XINFO STREAM, the longest, has some 400 bytes.
pub const PUSH_RX_LEN: usize = 512;
/// The transmit buffer of a connection to a peer: the longest sample, or the longest token.
pub const PUSH_TX_LEN: usize = 256;
/// The size of a stack's buffers for a connection to a peer, each way, bytes.
pub const PUSH_SOCKET_BUFFER_LEN: usize = 256;
/// RAM of the future of [`push`](crate::push()) on a 32-bit chip, with a stack whose own futures are small.
pub const PUSH_FUTURE_SIZE_MAX: usize = 800;
/// RAM of all that sending samples takes on a 32-bit chip, but for the connection's buffers in the stack.
pub const PUSH_SIZE_MAX: usize = OUTBOX_SIZE_MAX + PUSH_RX_LEN + PUSH_TX_LEN + PUSH_FUTURE_SIZE_MAX;
/// The longest key that a sample goes to.
pub(crate) const PUSH_KEY_LEN_MAX: usize = "history:".len() + DEVICE_NAME_LEN_MAX + ".".len() + NAME_LEN_MAX;
/// The longest ID of a sample: 48 bits, a dash, 16 bits.
pub(crate) const STREAM_ID_LEN_MAX: usize = 15 + 1 + 5;
/// The longest value: 32 bits, a sign and a point.
pub(crate) const NUMBER_TEXT_LEN_MAX: usize = 12;
/// Pauses after failures to reach a peer: half a second, and each further one twice as long, less half at most. A
/// hundred devices whose peer comes back must not all connect at once.
pub(crate) const PUSH_PAUSES: Pauses = Pauses::new(500, 60_000, 2);
/// How long the end of a connection may take, milliseconds.
pub(crate) const ABORT_TIMEOUT_MS: u64 = 500;

/// `*5 $4 XADD $.. key $.. id $5 value $.. number`, each with its line ends.
const XADD_LEN_MAX: usize =
    4 + 10 + (5 + PUSH_KEY_LEN_MAX + 2) + (5 + STREAM_ID_LEN_MAX + 2) + 11 + (5 + NUMBER_TEXT_LEN_MAX + 2);
const _: () = assert!(PUSH_SIZE_MAX + 2 * PUSH_SOCKET_BUFFER_LEN <= 4 * 1024);
const _: () = assert!(XADD_LEN_MAX <= PUSH_TX_LEN);
// `*2 $4 AUTH $.. token`
const _: () = assert!(4 + 10 + 6 + PUSH_TOKEN_LEN_MAX + 2 <= PUSH_TX_LEN);
