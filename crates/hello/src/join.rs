//! When a station tries again to join its network.

use embassy_time::Duration;

/// Pause after a first failure, milliseconds.
pub const PAUSE_MIN_MS: u64 = 1_000;
/// Longest pause, milliseconds.
pub const PAUSE_MAX_MS: u64 = 128_000;
/// Jitter takes up to this part off a pause: devices that lost their router together don't come back together.
pub const JITTER_PART: u64 = 4;
/// After so long in the network the next pause is short again, milliseconds. A network that lets the device in and
/// drops it at once does not count as joined.
pub const STEADY_MS: u64 = 30_000;
/// A router may believe for so long that a station is still there, and turn it away, milliseconds. Each try may start
/// that time anew, so there must be pauses that are longer.
pub const STALE_MS: u64 = 90_000;

const _: () = assert!(PAUSE_MIN_MS >= 1 && PAUSE_MIN_MS < PAUSE_MAX_MS);
const _: () = assert!(PAUSE_MAX_MS - PAUSE_MAX_MS / JITTER_PART > STALE_MS);

/// Exponential back-off with jitter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackOff {
    /// The next pause before jitter, milliseconds.
    next_ms: u64,
}

impl BackOff {
    /// Nothing has failed yet.
    pub const fn new() -> Self {
        Self { next_ms: PAUSE_MIN_MS }
    }

    /// How long to wait after a stay in the network of length `joined`, zero if joining failed. `random` is any number.
    pub fn pause(&mut self, joined: Duration, random: u32) -> Duration {
        if joined >= Duration::from_millis(STEADY_MS) {
            *self = Self::new();
        }
        let jitter_ms = (self.next_ms / JITTER_PART * u64::from(random)) >> 32;
        let pause = Duration::from_millis(self.next_ms - jitter_ms);
        self.next_ms = (2 * self.next_ms).min(PAUSE_MAX_MS);
        pause
    }
}

impl Default for BackOff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after stays of these lengths, milliseconds, with the same random number each time.
    fn check(joined_ms: &[u64], random: u32, expected_ms: &[u64]) {
        let mut back_off = BackOff::new();
        let pauses = joined_ms.iter().map(|&ms| back_off.pause(Duration::from_millis(ms), random).as_millis());
        assert!(pauses.eq(expected_ms.iter().copied()), "{joined_ms:?} with {random}");
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let expected = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 128_000, 128_000];
        check(&[0; 10], 0, &expected);
    }

    #[test]
    fn jitter_takes_off_up_to_a_quarter() {
        check(&[0; 3], u32::MAX, &[751, 1_501, 3_001]);
        check(&[0; 3], 1 << 31, &[875, 1_750, 3_500]);
    }

    #[test]
    fn longest_pause_outlasts_a_router_that_believes_the_station_is_there() {
        let mut back_off = BackOff { next_ms: PAUSE_MAX_MS };
        assert!(back_off.pause(Duration::from_ticks(0), u32::MAX).as_millis() > STALE_MS);
    }

    #[test]
    fn only_a_steady_stay_makes_pauses_short_again() {
        check(&[0, 0, STEADY_MS - 1, STEADY_MS, 0], 0, &[1_000, 2_000, 4_000, 1_000, 2_000]);
    }
}
