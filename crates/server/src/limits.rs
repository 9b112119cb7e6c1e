//! Every bound of the server, and how the bounds relate.

use embassy_time::Duration;

/// How long a connection may stay silent between requests, milliseconds.
pub const IDLE_TIMEOUT_MS: u64 = 10_000;
/// How long one request may take from its first byte to its last, milliseconds. This limit ends a client that keeps a
/// connection alive with one byte now and then.
pub const REQUEST_TIMEOUT_MS: u64 = 20_000;
/// How long one write may wait for room, milliseconds. This limit ends a client that never reads.
pub const WRITE_TIMEOUT_MS: u64 = 5_000;
/// How long a connection that the server closed waits for the client to close too, milliseconds.
pub const LINGER_TIMEOUT_MS: u64 = 2_000;
/// [`LINGER_TIMEOUT_MS`] for a rejected or displaced client, milliseconds. A stack may end the wait sooner, when
/// another client needs the connection.
pub const REJECT_TIMEOUT_MS: u64 = 500;
/// How long a newcomer waits for a client that leaves by itself, milliseconds. The newcomer waits as long again for a
/// displaced client to leave, and is rejected after that.
pub const REJECT_AFTER_MS: u64 = 20;

/// A client that has sent nothing since it connected may be displaced after this time, milliseconds. Browsers open
/// connections in advance.
pub const SILENT_KEEP_MS: u64 = 2_000;
/// A client whose request is incomplete may be displaced after this time since the request began, milliseconds.
pub const HALF_REQUEST_KEEP_MS: u64 = 5_000;
/// A client that waits between two requests may be displaced after this time, milliseconds. Clients with pools open
/// another connection then.
pub const IDLE_KEEP_MS: u64 = 10_000;
/// How long a handshake may take from SYN to the client's ACK, milliseconds.
pub const HANDSHAKE_TIMEOUT_MS: u64 = 3_000;
/// How long an abort may take until the stack has let go of the connection, milliseconds.
pub const ABORT_TIMEOUT_MS: u64 = 1_000;

/// Pause after a failed accept, milliseconds: the cause (no free descriptor, no buffer) needs time to go away. No pause
/// follows where the client is the cause.
pub const ACCEPT_RETRY_MS: u64 = 100;
/// Period of the watch's ticks, milliseconds; a time-out comes up to this much late.
pub const WATCH_TICK_MS: u64 = 250;
/// Bytes that are read and dropped at a time while a connection lingers; each slot has a buffer of that size.
pub const DRAIN_LEN: usize = 32;

const _: () = assert!(WATCH_TICK_MS <= REJECT_TIMEOUT_MS, "a time-out must not be shorter than its resolution");
const _: () = assert!(REJECT_TIMEOUT_MS <= LINGER_TIMEOUT_MS);
const _: () = assert!(LINGER_TIMEOUT_MS < IDLE_TIMEOUT_MS, "closing must not cost more than being idle");
const _: () = assert!(IDLE_TIMEOUT_MS <= REQUEST_TIMEOUT_MS);
const _: () = assert!(SILENT_KEEP_MS < HALF_REQUEST_KEEP_MS && HALF_REQUEST_KEEP_MS < REQUEST_TIMEOUT_MS);
const _: () = assert!(REJECT_AFTER_MS < SILENT_KEEP_MS, "a burst of clients must not displace itself");

/// How long each phase of a connection may last, named per phase. [`Default`] gives the constants of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Silence between requests ([`IDLE_TIMEOUT_MS`]).
    pub idle: Duration,
    /// One request, from its first byte to its last ([`REQUEST_TIMEOUT_MS`]).
    pub request: Duration,
    /// One write that waits for room ([`WRITE_TIMEOUT_MS`]).
    pub write: Duration,
    /// From the server's close to the client's ([`LINGER_TIMEOUT_MS`]).
    pub linger: Duration,
    /// Telling a client that it is rejected, and ending a rejected or displaced connection ([`REJECT_TIMEOUT_MS`]).
    pub reject: Duration,
    /// From SYN to the client's ACK ([`HANDSHAKE_TIMEOUT_MS`]). The stack below the server applies it.
    pub handshake: Duration,
}

impl Timeouts {
    /// The defaults, usable in constants.
    pub const DEFAULT: Self = Self {
        idle: Duration::from_millis(IDLE_TIMEOUT_MS),
        request: Duration::from_millis(REQUEST_TIMEOUT_MS),
        write: Duration::from_millis(WRITE_TIMEOUT_MS),
        linger: Duration::from_millis(LINGER_TIMEOUT_MS),
        reject: Duration::from_millis(REJECT_TIMEOUT_MS),
        handshake: Duration::from_millis(HANDSHAKE_TIMEOUT_MS),
    };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Ticks a slot may take to run after its time-out before the watchdog counts it as hung. Other tasks run before it.
pub const LATE_TICKS_MAX: u16 = 20;

/// A limit of a wait: a number of the watch's ticks, and whether the client may be displaced meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticks(u16);

impl Ticks {
    /// No end, or no wait at all.
    pub(crate) const NEVER: Self = Self(0x7fff);
    /// Set in a limit of a wait for a request.
    const DISPLACEABLE: u16 = 0x8000;

    /// Ticks that last at least as long as `duration`, at most 8191 seconds: the first tick may be about to end.
    pub(crate) const fn at_least(duration: Duration) -> Self {
        let ticks = duration.as_ticks().div_ceil(Duration::from_millis(WATCH_TICK_MS).as_ticks()) + 1;
        let ticks_max = Self::NEVER.0 - 1;
        Self(if ticks > ticks_max as u64 { ticks_max } else { ticks as u16 })
    }

    /// The same for a wait during which the client may be displaced.
    pub(crate) const fn displaceable(duration: Duration) -> Self {
        Self(Self::at_least(duration).0 | Self::DISPLACEABLE)
    }

    /// How many ticks.
    pub(crate) const fn len(self) -> u16 {
        self.0 & !Self::DISPLACEABLE
    }

    pub(crate) const fn is_displaceable(self) -> bool {
        self.0 & Self::DISPLACEABLE != 0
    }
}

/// The [`Timeouts`] that the server itself applies, in ticks: divided once, not at each wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeoutTicks {
    pub(crate) idle: Ticks,
    pub(crate) request: Ticks,
    pub(crate) write: Ticks,
    pub(crate) linger: Ticks,
    pub(crate) reject: Ticks,
    pub(crate) abort: Ticks,
}

impl TimeoutTicks {
    pub(crate) const fn new(timeouts: &Timeouts) -> Self {
        Self {
            idle: Ticks::displaceable(timeouts.idle),
            request: Ticks::at_least(timeouts.request),
            write: Ticks::at_least(timeouts.write),
            linger: Ticks::at_least(timeouts.linger),
            reject: Ticks::at_least(timeouts.reject),
            abort: Ticks::at_least(Duration::from_millis(ABORT_TIMEOUT_MS)),
        }
    }

    /// Those of a rejected client, which can't be displaced.
    pub(crate) const fn rejecting(timeouts: &Timeouts) -> Self {
        let refuse = Ticks::at_least(timeouts.reject);
        Self { idle: refuse, request: refuse, write: refuse, linger: refuse, ..Self::new(timeouts) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_never_too_few() {
        const LONG: u64 = u32::MAX as u64;
        for (ms, expected) in [(0, 1), (1, 2), (WATCH_TICK_MS, 2), (WATCH_TICK_MS + 1, 3), (LONG, 0x7ffe)] {
            let (plain, displaceable) =
                (Ticks::at_least(Duration::from_millis(ms)), Ticks::displaceable(Duration::from_millis(ms)));
            assert_eq!((plain.len(), plain.is_displaceable()), (expected, false), "{ms} ms");
            assert_eq!((displaceable.len(), displaceable.is_displaceable()), (expected, true), "{ms} ms");
        }
    }
}
