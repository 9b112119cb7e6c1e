//! When the station tries again.

use crate::limits::{JOIN_BACKOFF_MAX_MS, JOIN_BACKOFF_MIN_MS, JOIN_JITTER_PART, STEADY_MS};

/// Exponential back-off with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// The next pause before jitter.
    next_ms: u64,
}

impl Backoff {
    /// Memory for one, all zero.
    pub(crate) const ZERO: Self = Self { next_ms: 0 };

    /// Nothing has failed yet.
    pub const fn new() -> Self {
        Self { next_ms: JOIN_BACKOFF_MIN_MS }
    }

    /// How long to wait after `stay_ms` in the network, 0 if joining failed. `random` is any number.
    pub fn pause_ms(&mut self, stay_ms: u64, random: u32) -> u64 {
        if stay_ms >= STEADY_MS {
            *self = Self::new();
        }
        let jitter_ms = (self.next_ms / JOIN_JITTER_PART * u64::from(random)) >> 32;
        let pause_ms = self.next_ms - jitter_ms;
        self.next_ms = (2 * self.next_ms).min(JOIN_BACKOFF_MAX_MS);
        pause_ms
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::STALE_MS;

    /// The pauses after stays of these lengths, with the same random number each time.
    fn check(stays_ms: &[u64], random: u32, expected_ms: &[u64]) {
        let mut backoff = Backoff::new();
        let pauses = stays_ms.iter().map(|&stay_ms| backoff.pause_ms(stay_ms, random));
        assert!(pauses.eq(expected_ms.iter().copied()), "{stays_ms:?} with {random}");
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
    fn the_longest_pause_outlasts_a_router_that_believes_the_station_is_there() {
        let mut backoff = Backoff { next_ms: JOIN_BACKOFF_MAX_MS };
        assert!(backoff.pause_ms(0, u32::MAX) > STALE_MS);
    }

    #[test]
    fn only_a_steady_stay_makes_pauses_short_again() {
        check(&[0, 0, STEADY_MS - 1, STEADY_MS, 0], 0, &[1_000, 2_000, 4_000, 1_000, 2_000]);
    }
}
