//! The application as [`sockeye_wifi::run()`] sees it.

use core::future::poll_fn;
use core::task::Poll;

use sockeye_wifi::{Action, Controller, Event, MachineInput, Wifi};

use crate::app::App;
use crate::platform::{device_name, random_u32};

impl App<'_> {
    /// Runs the state machine, and wakes the sessions that wait for its outcome.
    fn wifi(&self, happen: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let (now, random) = (self.platform.now(), random_u32(self.platform));
        self.state().wifi(now, random, happen);
    }
}

impl Controller for App<'_> {
    fn start(&self, restarts_ap: bool) {
        self.wifi(|wifi, input| wifi.start(restarts_ap, input));
    }

    fn on_event(&self, event: Event) {
        self.wifi(|wifi, input| wifi.event(event, input));
    }

    fn on_timer(&self) {
        self.wifi(|wifi, input| wifi.tick(input));
    }

    fn next_action(&self) -> Option<Action> {
        let (now_ms, random) = (self.platform.now().uptime_ms(), random_u32(self.platform));
        let state = &mut *self.state();
        let settings = state.settings.wifi(device_name(&state.settings, self.platform));
        state.wifi.next_action(&MachineInput { now_ms, random, settings })
    }

    fn next_ms(&self) -> Option<u64> {
        let now_ms = self.platform.now().uptime_ms();
        let state = self.state();
        let settings = state.settings.wifi(&state.settings.name);
        let next_ms = state.wifi.next_ms(&MachineInput { now_ms, random: 0, settings });
        next_ms.map(|next_ms| next_ms.saturating_sub(now_ms))
    }

    async fn changed(&self) {
        poll_fn(|cx| {
            let state = &mut *self.state();
            if core::mem::take(&mut state.is_wifi_wanted) {
                return Poll::Ready(());
            }
            state.wifi_waker.register(cx.waker());
            Poll::Pending
        })
        .await;
    }
}
