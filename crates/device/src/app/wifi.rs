//! The application's side of the Wi-Fi: what the loop in `wifi::run` and the commands do to the state machine.

use core::future::poll_fn;
use core::task::Poll;

use crate::app::{App, State};
use crate::commands::config;
use crate::platform::{Now, Platform};
use crate::sessions::session::{Cursor, Session};
use crate::wifi::machine::{Env, Wifi};
use crate::wifi::{self, Action, Event, JoinError};

impl State {
    /// Something happens to the Wi-Fi; whoever waits for it looks.
    pub(crate) fn wifi(&mut self, now: Now, random: u32, happen: impl FnOnce(&mut Wifi, &Env<'_>)) {
        let env = Env { now_ms: now.uptime_ms(), random, settings: &self.settings };
        happen(&mut self.wifi, &env);
        let waiting = self.sessions.iter_mut().filter(|session| matches!(session.cursor, Cursor::Wifi(_)));
        waiting.for_each(Session::go_on);
    }

    /// The same, because a command wants it.
    pub(crate) fn want_wifi(&mut self, now: Now, random: u32, want: impl FnOnce(&mut Wifi, &Env<'_>)) {
        self.wifi(now, random, want);
        self.is_wifi_wanted = true;
        self.wifi_waker.wake();
    }
}

impl App<'_> {
    /// Something happens to the Wi-Fi; whoever waits for it looks.
    pub(crate) fn wifi(&self, happen: impl FnOnce(&mut Wifi, &Env<'_>)) {
        let (now, random) = (self.platform.now(), self.random());
        self.state.borrow_mut().wifi(now, random, happen);
    }

    /// What the radio is to do next, if there is something.
    pub(crate) fn next_action(&self) -> Option<Action> {
        let (now, random) = (self.platform.now(), self.random());
        let state = &mut *self.state.borrow_mut();
        while let Some(order) = state.wifi.take_order() {
            match wifi::action(order, &state.wifi, &state.settings, config::name(state, self.platform)) {
                Some(action) => return Some(action),
                // The network has been forgotten since.
                None => state.wifi(now, random, |wifi, env| wifi.event(Event::JoinFailed(JoinError::Other), env)),
            }
        }
        None
    }

    /// After how many milliseconds the Wi-Fi has something to do, if nothing happens before.
    pub(crate) fn wifi_next_ms(&self) -> Option<u64> {
        let now_ms = self.platform.now().uptime_ms();
        let state = self.state.borrow();
        let env = Env { now_ms, random: 0, settings: &state.settings };
        state.wifi.next_ms(&env).map(|next_ms| next_ms.saturating_sub(now_ms))
    }

    /// Waits until a command wants something of the Wi-Fi.
    pub(crate) async fn wifi_command(&self) {
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
