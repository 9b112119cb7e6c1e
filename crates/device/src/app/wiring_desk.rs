//! The application as [`sockeye_wiring::run`] sees it.

use core::future::poll_fn;
use core::task::Poll;

use heapless::String;
use sockeye_wiring::driver::Fault;
use sockeye_wiring::run::Desk;
use sockeye_wiring::scan::{Found, ScanRequest};
use sockeye_wiring::{Sampler, Wiring};

use crate::app::{App, Samples};
use crate::limits::{NAME_LEN_MAX, READINGS_MAX};
use crate::outbox::ReadingNames;
use crate::rules::engine;
use crate::sessions::session::{Cursor, Session};
use crate::state::State;
use crate::value::Value;

impl App<'_> {
    /// Forgets the samples of readings that are no more.
    pub(crate) fn forget_readings(&self, state: &mut State) {
        let left = core::mem::take(&mut state.wired.left);
        let mut samples = self.samples.borrow_mut();
        for index in (0..READINGS_MAX).filter(|index| left >> index & 1 == 1) {
            samples.forget(index);
            if let Some(latest) = state.latest.get_mut(index) {
                *latest = None;
            }
            state.sessions.iter_mut().for_each(|session| session.subscriber.forget(index as u8));
        }
        let is_rewired = state.wired.take_rewired();
        if is_rewired {
            self.forget_hidden(state, &mut samples);
        }
        if let Some(outbox) = self.environment.outbox.filter(|_| is_rewired) {
            outbox.rewire(left);
        }
    }

    /// Forgets the readings of other devices whose names are now those of something wired.
    fn forget_hidden(&self, state: &mut State, samples: &mut Samples<'_>) {
        let own = state.wired.own;
        for slot in 0..state.remotes.max() {
            let catalog = state.catalog(self.platform);
            let is_hidden = state.remotes.get(slot).is_some_and(|remote| {
                let name = remote.name().as_bytes();
                catalog.find_reading(name) != Some(own + slot) || catalog.find_output(name).is_some()
            });
            if is_hidden {
                state.remotes.remove(slot);
                samples.forget(own + slot);
                state.sessions.iter_mut().for_each(|session| session.subscriber.forget((own + slot) as u8));
            }
        }
    }
}

impl ReadingNames for App<'_> {
    fn reading(&self, index: usize) -> Option<(String<NAME_LEN_MAX, u8>, u8)> {
        let state = self.state();
        let is_own = index < state.wired.own;
        let (label, decimals) = state.catalog(self.platform).reading(index).filter(|_| is_own)?;
        Some((String::try_from(label.text().as_str()).ok()?, decimals))
    }
}

impl Desk for App<'_> {
    fn now_ms(&self) -> u64 {
        self.platform.now().uptime_ms()
    }

    fn with<R>(&self, work: impl FnOnce(&Wiring, &mut Sampler) -> R) -> R {
        let State { wired, settings, .. } = &mut *self.state();
        let wiring = wired.used(settings);
        work(wiring, &mut wired.sampler)
    }

    fn sample(&self, thing: u8, reading: usize, value: i32) {
        let index = self.state().wired.number(thing, reading);
        if let Some(index) = index {
            self.sample_wired(index, Value(value));
        }
    }

    fn lose(&self, thing: u8) {
        let state = &mut *self.state();
        for index in state.wired.numbers(thing) {
            if let Some(latest) = state.latest.get_mut(index) {
                *latest = None;
            }
        }
        engine::step(state, self.platform, self.platform.now());
    }

    async fn changed(&self) {
        poll_fn(|cx| if self.state().wired.take_change(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn scan(&self) -> Option<ScanRequest> {
        self.state().wired.scan.request.take()
    }

    fn scanned(&self, result: Result<Found, Fault>) {
        let state = &mut *self.state();
        if state.wired.scan.request.is_some() {
            // The client of this scan has gone. Another client waits for a scan that has not begun.
            return;
        }
        state.wired.scan.found = Some(result);
        state.wired.scan.count = state.wired.scan.count.wrapping_add(1);
        let waiting = state.sessions.iter_mut().filter(|session| matches!(session.cursor, Cursor::Scan(_)));
        waiting.for_each(Session::notify);
    }
}
