//! How long to wait before a peer is tried again.

use crate::limits::{PUSH_BACKOFF_MAX_MS, PUSH_BACKOFF_MIN_MS};

/// Waits that double with each failure, and differ from device to device: a hundred of them whose peer comes back must
/// not all come at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u8,
}

impl Backoff {
    /// No failure yet.
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// It succeeded: the next wait is the shortest again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait now, milliseconds, at random between half of the longest and the longest.
    pub fn next_ms(&mut self, random: u32) -> u64 {
        let longest = (2 * PUSH_BACKOFF_MIN_MS) << self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        let longest = longest.min(PUSH_BACKOFF_MAX_MS);
        let half = longest / 2;
        half + u64::from(random) * (longest - half) / u64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        for (random, expected) in [(0, [250, 500, 1_000, 2_000]), (u32::MAX, [500, 1_000, 2_000, 4_000])] {
            let mut backoff = Backoff::new();
            assert_eq!([(); 4].map(|()| backoff.next_ms(random)), expected);
            for _ in 0..300 {
                let wait_ms = backoff.next_ms(random);
                assert!((PUSH_BACKOFF_MIN_MS..=PUSH_BACKOFF_MAX_MS).contains(&wait_ms));
            }
            assert_eq!(backoff.next_ms(u32::MAX), PUSH_BACKOFF_MAX_MS);
            backoff.reset();
            assert_eq!(backoff.next_ms(random), expected[0]);
        }
    }
}
