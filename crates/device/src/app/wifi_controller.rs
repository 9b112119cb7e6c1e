//! The application as [`sockeye_wifi::run()`] sees it.

use core::future::poll_fn;
use core::task::Poll;

use heapless::String;
use sockeye_wifi::{Action, Controller, Event, MachineInput, StationState, Wifi};

use crate::app::App;
use crate::limits::DEVICE_NAME_LEN_MAX;
use crate::platform::{device_name, random_u32};

impl App<'_> {
    /// The name to announce in the network that the device has joined. None while the device is about to leave the network
    /// or to restart, so that the announcement is taken back (RFC 6762 section 10.1).
    pub fn announced_name(&self) -> Option<String<DEVICE_NAME_LEN_MAX, u8>> {
        let (is_restarting, station) = {
            let state = self.state();
            (state.is_restart_requested, state.wifi.state)
        };
        let is_leaving = is_restarting || matches!(station, StationState::LeaveDelay | StationState::Leaving);
        (!is_leaving).then(|| self.name())
    }

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
