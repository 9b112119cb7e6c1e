//! A button that is held: back to the state in which the device left the factory.

use embassy_time::{Duration, Ticker};

use crate::limits::{BUTTON_HOLD_MS, BUTTON_POLL_MS};

/// A button that is looked at every [`BUTTON_POLL_MS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Button {
    /// For how many looks the button has been down; None before it was seen up. A button that is down since the boot is
    /// stuck, or was held to load another firmware.
    looks: Option<u32>,
}

impl Button {
    /// How many looks a button must be down for.
    const LOOKS: u32 = (BUTTON_HOLD_MS / BUTTON_POLL_MS) as u32;

    /// Not looked at yet.
    pub const fn new() -> Self {
        Self { looks: None }
    }

    /// Takes one look. True if the button has been held for long enough just now.
    pub fn look(&mut self, is_down: bool) -> bool {
        self.looks = match (is_down, self.looks) {
            (false, _) => Some(0),
            (true, Some(looks)) => Some(looks.saturating_add(1)),
            (true, None) => None,
        };
        self.looks == Some(Self::LOOKS)
    }
}

/// Looks until the button is held, and returns then.
pub async fn held(mut is_down: impl FnMut() -> bool) {
    let mut button = Button::new();
    let mut ticker = Ticker::every(Duration::from_millis(BUTTON_POLL_MS));
    while !button.look(is_down()) {
        ticker.next().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which looks of this sequence the button was held for long enough.
    fn held(looks: impl IntoIterator<Item = bool>) -> std::vec::Vec<usize> {
        let mut button = Button::new();
        looks.into_iter().enumerate().filter(|(_, is_down)| button.look(*is_down)).map(|(index, _)| index).collect()
    }

    const LOOKS: usize = Button::LOOKS as usize;

    #[test]
    fn only_a_button_that_is_held_counts_and_only_once() {
        let sequence = |down: usize| core::iter::once(false).chain(core::iter::repeat_n(true, down));
        assert_eq!(held(sequence(LOOKS - 1)), []);
        assert_eq!(held(sequence(LOOKS)), [LOOKS]);
        assert_eq!(held(sequence(10 * LOOKS)), [LOOKS]);
    }

    #[test]
    fn letting_go_begins_anew() {
        let press = core::iter::repeat_n(true, LOOKS - 1).chain([false]);
        assert_eq!(held([false].into_iter().chain(press.cycle().take(20 * LOOKS))), []);
    }

    #[test]
    fn a_button_that_is_down_since_boot_does_not_count() {
        assert_eq!(held(core::iter::repeat_n(true, 10 * LOOKS)), []);
        let later = core::iter::repeat_n(true, LOOKS).chain([false]).chain(core::iter::repeat_n(true, LOOKS));
        assert_eq!(held(later), [2 * LOOKS]);
    }
}
