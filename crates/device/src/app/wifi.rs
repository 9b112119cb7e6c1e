//! The application's side of the Wi-Fi: what the loop in [`sockeye_wifi::run()`] and the commands do to the state machine.

use core::future::poll_fn;
use core::task::Poll;

use sockeye_wifi::{Action, Controller, Event, MachineInput, Wifi};

use crate::app::{App, State};
use crate::commands::config;
use crate::platform::{Now, Platform};
use crate::sessions::session::{Cursor, Session};

impl State {
    /// Something happens to the Wi-Fi; whoever waits for it looks.
    pub(crate) fn wifi(&mut self, now: Now, random: u32, happen: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let settings = self.settings.wifi(&self.settings.name);
        let env = MachineInput { now_ms: now.uptime_ms(), random, settings };
        happen(&mut self.wifi, &env);
        let waiting = self.sessions.iter_mut().filter(|session| matches!(session.cursor, Cursor::Wifi(_)));
        waiting.for_each(Session::go_on);
    }

    /// The same, because a command wants it.
    pub(crate) fn want_wifi(&mut self, now: Now, random: u32, want: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        self.wifi(now, random, want);
        self.is_wifi_wanted = true;
        self.wifi_waker.wake();
    }
}

impl App<'_> {
    /// Something happens to the Wi-Fi; whoever waits for it looks.
    fn wifi(&self, happen: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let (now, random) = (self.platform.now(), self.random());
        self.state.borrow_mut().wifi(now, random, happen);
    }

    pub(super) fn random(&self) -> u32 {
        random(self.platform)
    }
}

/// A random number.
pub(crate) fn random(platform: &dyn Platform) -> u32 {
    let mut bytes = [0; 4];
    platform.random(&mut bytes);
    u32::from_le_bytes(bytes)
}

impl Controller for App<'_> {
    fn start(&self, restarts_ap: bool) {
        self.wifi(|wifi, env| wifi.start(restarts_ap, env));
    }

    fn on_event(&self, event: Event) {
        self.wifi(|wifi, env| wifi.event(event, env));
    }

    fn on_timer(&self) {
        self.wifi(|wifi, env| wifi.tick(env));
    }

    fn next_action(&self) -> Option<Action> {
        let (now_ms, random) = (self.platform.now().uptime_ms(), self.random());
        let state = &mut *self.state.borrow_mut();
        let settings = state.settings.wifi(config::name_of(&state.settings, self.platform));
        state.wifi.next_action(&MachineInput { now_ms, random, settings })
    }

    fn next_ms(&self) -> Option<u64> {
        let now_ms = self.platform.now().uptime_ms();
        let state = self.state.borrow();
        let settings = state.settings.wifi(&state.settings.name);
        let next_ms = state.wifi.next_ms(&MachineInput { now_ms, random: 0, settings });
        next_ms.map(|next_ms| next_ms.saturating_sub(now_ms))
    }

    async fn changed(&self) {
        poll_fn(|cx| {
            let state = &mut *self.state.borrow_mut();
            if core::mem::take(&mut state.is_wifi_wanted) {
                return Poll::Ready(());
            }
            state.wifi_waker.register(cx.waker());
            Poll::Pending
        })
        .await;
    }
}
