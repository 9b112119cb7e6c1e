//! How long things may take, and how large buffers have to be.

use sockeye_resp::limits::TX_LEN_MIN;

/// How long connecting may take, milliseconds: three SYNs, one and three seconds apart.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// How long the peer may take to take a request, and then to send all of its reply, milliseconds.
pub const IO_TIMEOUT_MS: u64 = 5_000;

/// A receive buffer that the replies of all typed calls fit into. Of the reply to XINFO STREAM only the start is needed,
/// which has the last ID.
pub const RX_LEN: usize = 512;
/// A transmit buffer for a few requests.
pub const TX_LEN: usize = 512;
/// Arguments of the longest typed call: a SUBSCRIBE to as many channels as a device has for a connection.
pub(crate) const ARGS_MAX: usize = 9;
/// Channels of one [`subscribe`](crate::Client::subscribe).
pub const CHANNELS_MAX: usize = ARGS_MAX - 1;

const _: () = assert!(IO_TIMEOUT_MS <= CONNECT_TIMEOUT_MS);
const _: () = assert!(RX_LEN >= TX_LEN_MIN, "the shortest error that a device sends must fit");
