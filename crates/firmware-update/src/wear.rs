//! How often a client may have sectors erased. Flash wears out after some 100,000 erases of a sector, and a client that
//! may update could ask for one again and again.
//!
//! A step is what has a sector erased that was erased for the client before. Each step is spent, and one is given back in
//! [`STEP_MS`]. The steps that are spent are counted in flash too, so that a restart gives none back.

use crate::limits::{STEP_MS, STEPS_MAX};
use crate::update_error::UpdateError;

/// The steps that are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wear {
    spent: u8,
    /// Since when the next step is on its way back, milliseconds since boot.
    since_ms: u64,
}

impl Wear {
    /// So many steps were spent before the boot.
    pub(crate) const fn new(spent: u8) -> Self {
        Self { spent, since_ms: 0 }
    }

    /// How many are spent.
    pub(crate) const fn spent(&self) -> u8 {
        self.spent
    }

    /// Spends a step.
    ///
    /// # Errors
    /// [`UpdateError::Wear`] if none is left.
    pub(crate) fn spend(&mut self, now_ms: u64) -> Result<(), UpdateError> {
        while self.spent > 0 && now_ms.saturating_sub(self.since_ms) >= STEP_MS {
            (self.spent, self.since_ms) = (self.spent - 1, self.since_ms + STEP_MS);
        }
        if self.spent == 0 {
            self.since_ms = now_ms;
        }
        if self.spent >= STEPS_MAX {
            let left_ms = (self.since_ms + STEP_MS).saturating_sub(now_ms);
            return Err(UpdateError::Wear(left_ms.div_ceil(1_000) as u16));
        }
        self.spent += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_back_one_by_one() {
        let mut wear = Wear::new(0);
        let start = 1_000_000;
        for _ in 0..STEPS_MAX {
            assert_eq!(wear.spend(start), Ok(()));
        }
        assert_eq!(wear.spend(start), Err(UpdateError::Wear((STEP_MS / 1_000) as u16)));
        assert_eq!(wear.spend(start + STEP_MS - 1), Err(UpdateError::Wear(1)));
        assert_eq!(wear.spend(start + STEP_MS), Ok(()));
        assert_eq!(wear.spend(start + STEP_MS), Err(UpdateError::Wear((STEP_MS / 1_000) as u16)));
        // All of them come back, and no more.
        let later = start + 1_000 * STEP_MS;
        let spent = (0..100).take_while(|_| wear.spend(later).is_ok()).count();
        assert_eq!(spent, STEPS_MAX.into());
        // The steps from before a boot count from the boot on.
        let mut wear = Wear::new(STEPS_MAX);
        assert_eq!(wear.spend(STEP_MS - 1), Err(UpdateError::Wear(1)));
        assert_eq!(wear.spend(STEP_MS), Ok(()));
    }
}
