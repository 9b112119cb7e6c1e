//! Exponential back-off with jitter: the pause between two attempts doubles with each failure, up to a longest pause.
//!
//! The crate has neither a clock nor random numbers: the caller waits, and gives the random number.
#![no_std]
#![deny(unsafe_code)]

/// Which pauses a [`Backoff`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// The pause after a first failure, milliseconds, at least 1.
    pub first_ms: u32,
    /// The longest pause, milliseconds; at least `first_ms`.
    pub longest_ms: u32,
    /// Jitter takes off up to this part of a pause: 4 is a quarter. 0 is no jitter.
    ///
    /// Jitter spreads devices that lost the same peer or router at the same time.
    pub jitter_part: u32,
}

impl Pauses {
    /// Panics, at compile time in a constant, if the pauses are not in order.
    pub const fn new(first_ms: u32, longest_ms: u32, jitter_part: u32) -> Self {
        assert!(first_ms >= 1 && first_ms <= longest_ms, "the first pause is the shortest");
        Self { first_ms, longest_ms, jitter_part }
    }

    /// The shortest that the longest pause may be, milliseconds: all jitter is taken off.
    pub const fn longest_with_jitter_ms(&self) -> u32 {
        self.longest_ms - self.jitter_max(self.longest_ms)
    }

    /// The most that jitter takes off a pause, milliseconds.
    const fn jitter_max(&self, pause_ms: u32) -> u32 {
        match pause_ms.checked_div(self.jitter_part) {
            Some(jitter_ms) => jitter_ms,
            None => 0,
        }
    }
}

/// How many attempts in a row have failed. A new `Backoff` is all zero bytes, so that a static of it takes no flash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u8,
}

impl Backoff {
    /// No attempt has failed.
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// An attempt succeeded: the next pause is the shortest again.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// How many attempts in a row have failed; 255 stands for more, too.
    pub const fn failures(&self) -> u8 {
        self.failures
    }

    /// An attempt failed. Returns how long to wait until the next, milliseconds. `random` is any number, and unused if
    /// there is no jitter.
    pub fn next_ms(&mut self, pauses: &Pauses, random: u32) -> u32 {
        // A pause that is shifted by 32 bits is longer than the longest pause, and has room in a u64.
        let pause_ms = u64::from(pauses.first_ms) << self.failures.min(u32::BITS as u8);
        let pause_ms = u32::try_from(pause_ms).unwrap_or(u32::MAX).min(pauses.longest_ms);
        self.failures = self.failures.saturating_add(1);
        let jitter_ms = (u64::from(pauses.jitter_max(pause_ms)) * u64::from(random)) >> 32;
        pause_ms.saturating_sub(jitter_ms as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Pauses = Pauses::new(1_000, 128_000, 4);

    /// The pauses after failures in a row, with the same random number each time.
    fn check(pauses: &Pauses, random: u32, expected_ms: &[u32]) {
        let mut backoff = Backoff::new();
        for (failure, &expected_ms) in expected_ms.iter().enumerate() {
            assert_eq!(backoff.next_ms(pauses, random), expected_ms, "{pauses:?} with {random}, failure {failure}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let expected = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 128_000, 128_000];
        check(&QUARTER, 0, &expected);
    }

    #[test]
    fn jitter_takes_off_up_to_its_part() {
        check(&QUARTER, u32::MAX, &[751, 1_501, 3_001]);
        check(&QUARTER, 1 << 31, &[875, 1_750, 3_500]);
        check(&Pauses::new(500, 60_000, 2), u32::MAX, &[251, 501, 1_001]);
        assert_eq!(QUARTER.longest_with_jitter_ms(), 96_000);
    }

    #[test]
    fn without_jitter_the_random_number_has_no_effect() {
        let pauses = Pauses::new(1_000, 30_000, 0);
        for random in [0, 1, u32::MAX] {
            check(&pauses, random, &[1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        }
        assert_eq!(pauses.longest_with_jitter_ms(), 30_000);
    }

    #[test]
    fn failures_without_end_keep_the_longest_pause() {
        for pauses in [QUARTER, Pauses::new(1, u32::MAX, 0), Pauses::new(u32::MAX, u32::MAX, 1)] {
            let mut backoff = Backoff::new();
            for _ in 0..300 {
                assert!(backoff.next_ms(&pauses, 0) <= pauses.longest_ms);
            }
            assert_eq!(backoff.next_ms(&pauses, 0), pauses.longest_ms);
        }
    }

    #[test]
    fn a_success_makes_the_next_pause_short_again() {
        let mut backoff = Backoff::new();
        backoff.next_ms(&QUARTER, 0);
        backoff.next_ms(&QUARTER, 0);
        backoff.reset();
        assert_eq!(backoff.next_ms(&QUARTER, 0), 1_000);
    }
}
