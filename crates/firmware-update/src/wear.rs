//! How often a client may have flash erased. Flash wears out after some 100,000 erases of a sector, and a client that may
//! update or configure could ask for one again and again.
//!
//! A step is what has a sector erased that was erased for the client before. Each step is spent, and one is given back in
//! [`STEP_MS`]. The steps that are spent are counted in flash too, so that a restart gives none back.

use crate::limits::STEP_MS;

/// The steps that are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wear {
    spent: u8,
    /// Since when the next step is on its way back, milliseconds since boot.
    since_ms: u64,
}

impl Wear {
    /// So many steps were spent before the boot. `new(0)` is all zero bytes.
    pub const fn new(spent: u8) -> Self {
        Self { spent, since_ms: 0 }
    }

    /// How many are spent.
    pub const fn spent(&self) -> u8 {
        self.spent
    }

    /// Spends steps, if fewer than `steps_max` are spent. A change that counts as several may go beyond.
    ///
    /// # Errors
    /// No step is left, and one is after so many seconds.
    pub fn spend(&mut self, steps: u8, steps_max: u8, now_ms: u64) -> Result<(), u16> {
        while self.spent > 0 && now_ms.saturating_sub(self.since_ms) >= STEP_MS {
            (self.spent, self.since_ms) = (self.spent - 1, self.since_ms + STEP_MS);
        }
        if self.spent == 0 {
            self.since_ms = now_ms;
        }
        if let Some(beyond) = self.spent.checked_sub(steps_max) {
            let until_ms = self.since_ms + STEP_MS * (u64::from(beyond) + 1);
            // At most 256 minutes.
            return Err(until_ms.saturating_sub(now_ms).div_ceil(1_000) as u16);
        }
        self.spent = self.spent.saturating_add(steps);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::STEPS_MAX;

    #[test]
    fn steps_come_back_one_by_one() {
        let mut wear = Wear::new(0);
        let start = 1_000_000;
        for _ in 0..STEPS_MAX {
            assert_eq!(wear.spend(1, STEPS_MAX, start), Ok(()));
        }
        assert_eq!(wear.spend(1, STEPS_MAX, start), Err((STEP_MS / 1_000) as u16));
        assert_eq!(wear.spend(1, STEPS_MAX, start + STEP_MS - 1), Err(1));
        assert_eq!(wear.spend(1, STEPS_MAX, start + STEP_MS), Ok(()));
        assert_eq!(wear.spend(1, STEPS_MAX, start + STEP_MS), Err((STEP_MS / 1_000) as u16));
        // All of them come back, and no more.
        let later = start + 1_000 * STEP_MS;
        let spent = (0..100).take_while(|_| wear.spend(1, STEPS_MAX, later).is_ok()).count();
        assert_eq!(spent, STEPS_MAX.into());
        // The steps from before a boot count from the boot on.
        let mut wear = Wear::new(STEPS_MAX);
        assert_eq!(wear.spend(1, STEPS_MAX, STEP_MS - 1), Err(1));
        assert_eq!(wear.spend(1, STEPS_MAX, STEP_MS), Ok(()));
    }

    #[test]
    fn a_change_that_counts_as_several_goes_beyond_once() {
        let mut wear = Wear::new(0);
        assert_eq!((wear.spend(3, 4, 0), wear.spend(3, 4, 0), wear.spent()), (Ok(()), Ok(()), 6));
        // Six are spent, and fewer than four are after three of them have come back.
        assert_eq!(wear.spend(1, 4, 0), Err((3 * STEP_MS / 1_000) as u16));
        assert_eq!(wear.spend(1, 4, 3 * STEP_MS - 1), Err(1));
        assert_eq!(wear.spend(1, 4, 3 * STEP_MS), Ok(()));
        let mut worst = Wear::new(u8::MAX);
        assert_eq!(worst.spend(u8::MAX, 0, 0), Err((256 * STEP_MS / 1_000) as u16));
    }
}
