//! The task that looks at the rules when no sample comes.

use embassy_time::{Duration, Timer};

use crate::app::App;
use crate::limits::{RULES_IDLE_MS, RULES_LOOK_MS};
use crate::rules::engine;

impl App<'_> {
    /// Looks at the rules every [`RULES_LOOK_MS`], for ever: a condition may become true, and another device silent, without
    /// a sample. Must run beside the connections, once.
    pub async fn keep_rules(&self) -> ! {
        loop {
            let look_ms = {
                let state = &mut *self.state();
                engine::step(state, self.platform, self.platform.now());
                if state.settings.rules.is_empty() { RULES_IDLE_MS } else { RULES_LOOK_MS }
            };
            Timer::after(Duration::from_millis(look_ms)).await;
        }
    }
}
