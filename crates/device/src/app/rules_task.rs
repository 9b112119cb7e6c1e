//! The task that looks at the rules when no sample comes.

use embassy_time::{Duration, Timer};

use crate::app::App;
use crate::limits::RULES_LOOK_MS;
use crate::rules::engine;

impl App<'_> {
    /// Looks at the rules every [`RULES_LOOK_MS`], for ever: a condition may become true, and another device silent, without
    /// a sample. Must run beside the connections, once.
    pub async fn keep_rules(&self) -> ! {
        loop {
            engine::step(&mut self.state(), self.platform, self.platform.now());
            Timer::after(Duration::from_millis(RULES_LOOK_MS)).await;
        }
    }
}
