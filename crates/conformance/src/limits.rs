//! Every time limit and count of the suite. The server's own limits are what its documentation promises.

use std::time::Duration;

/// A connection may take this long: a SYN that waits for a slot is sent again after 1, 3, 7, 15 and 31 s.
pub const CONNECT_MAX: Duration = Duration::from_secs(40);
/// In a burst far beyond the slots, the last client is let in by its retransmission after 15 or 31 s.
pub const BURST_CONNECT_MAX: Duration = Duration::from_secs(60);
/// A reply, and the end of the connection after it, may take this long, on a machine that stalls too.
pub const REPLY_MAX: Duration = Duration::from_secs(30);
/// A reply that needs no retransmission and no time-out on the server's side.
pub const AT_ONCE_MAX: Duration = Duration::from_millis(800);
/// The server drains what a client still sends for this long before it lets go.
pub const LINGER: Duration = Duration::from_secs(2);
/// Runs of a case that is too slow, before it counts as failed.
pub const SLOW_RUNS: usize = 5;
/// A cycle that takes longer shows that the machine stalled.
pub const CYCLE_AT_ONCE_MAX: Duration = Duration::from_millis(100);
/// While all slots are taken, a client that has sent nothing is displaced after this time by a newcomer.
pub const SILENT_KEEP: Duration = Duration::from_secs(2);
/// The longest that [`SILENT_KEEP`] takes.
pub const SILENT_KEEP_OVER: Duration = Duration::from_millis(2_600);
/// Connections that were just opened get this long to be noticed, or to be told that they are too many.
pub const SETTLE: Duration = Duration::from_millis(100);
/// After a fault that the server could see, all slots are usable within this time.
pub const RECOVER_MAX: Duration = Duration::from_secs(5);
/// After peers that vanished without a sign, all slots are usable within this time.
pub const VANISHED_RECOVER_MAX: Duration = Duration::from_secs(40);
/// Between two cases: what the one before left open has to be gone after this time.
pub const BETWEEN_CASES_MAX: Duration = Duration::from_secs(15);
/// The same, once a case has found the slots taken for longer than that.
pub const SETTLE_AGAIN_MAX: Duration = Duration::from_secs(1);
/// No case runs longer; cycles add [`CYCLE_MAX`] each.
pub const CASE_MAX: Duration = Duration::from_secs(150);
/// The time that one cycle may add to [`CASE_MAX`].
pub const CYCLE_MAX: Duration = Duration::from_millis(50);

/// How early and how late the idle time-out may come.
pub const IDLE_EARLY_MAX: Duration = Duration::from_secs(1);
/// See [`IDLE_EARLY_MAX`].
pub const IDLE_LATE_MAX: Duration = Duration::from_secs(2);

/// Bytes of a request that is longer than any buffer of the server.
pub const LONG_REQUEST_LEN: usize = 100 * 1024;
/// No reply is longer than this.
pub const REPLY_LEN_MAX: usize = 64 * 1024;

const _: () = assert!(LONG_REQUEST_LEN > REPLY_LEN_MAX);
const _: () = assert!(LINGER.as_millis() < REPLY_MAX.as_millis());
const _: () = assert!(AT_ONCE_MAX.as_millis() < 1_000, "below the first retransmission");
const _: () = assert!(VANISHED_RECOVER_MAX.as_millis() < CASE_MAX.as_millis());
