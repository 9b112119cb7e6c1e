//! The application's side of the wiring: what the loops in [`sockeye_wiring::run`] and the commands do to it.

use core::future::poll_fn;
use core::task::Poll;

use heapless::String;
use sockeye_wiring::driver::Fault;
use sockeye_wiring::plan::{self, Room};
use sockeye_wiring::run::Desk;
use sockeye_wiring::scan::{Found, Request};
use sockeye_wiring::{Rejected, Sampler, Wiring};

use crate::app::{App, State};
use crate::keys::catalog::own;
use crate::keys::wired::NOTHING;
use crate::limits::{FAILED_BOOTS_MAX, NAME_LEN_MAX, OUTPUTS_MAX, READINGS_MAX};
use crate::outbox::ReadingNames;
use crate::platform::{Pins, Platform};
use crate::sessions::session::{Cursor, Session};
use crate::value::Value;

/// What is wired from the factory.
pub(crate) fn factory(platform: &dyn Platform) -> Option<Wiring> {
    let mut wiring = Wiring::new();
    for (name, spec) in platform.pins()?.factory {
        // A board's few things have room.
        let _ = wiring.set(name, spec);
    }
    Some(wiring)
}

/// Checks a whole wiring against the pins that it is for.
pub(crate) fn check<'w>(wiring: &'w Wiring, pins: &Pins, platform: &dyn Platform) -> Result<(), Rejected<'w>> {
    let (readings, outputs) = (platform.readings(), platform.outputs());
    let room = Room { readings: READINGS_MAX - readings.len(), outputs: OUTPUTS_MAX - outputs.len() };
    plan::check(wiring, pins.board, room, |key| {
        let names = readings.iter().map(|info| info.name).chain(outputs.iter().map(|info| info.name));
        names.into_iter().any(|name| key.is(name.as_bytes()))
    })
}

/// Puts the settings' wiring in force when the device boots.
pub(crate) fn boot(state: &mut State, platform: &dyn Platform) {
    let Some(pins) = platform.pins() else {
        state.wired.is_set_aside = true;
        return;
    };
    if state.settings.wiring.is_none() {
        state.settings.wiring = factory(platform);
    }
    let is_possible = state.settings.wiring.as_ref().is_some_and(|wiring| check(wiring, &pins, platform).is_ok());
    state.wired.is_set_aside = !is_possible || platform.failed_boots() >= FAILED_BOOTS_MAX;
    rewire(state, platform, &Wiring::new());
}

/// Puts the settings' wiring in force in the place of another.
pub(crate) fn changed(state: &mut State, platform: &dyn Platform, before: Option<Wiring>) {
    if platform.pins().is_none() {
        return;
    }
    if state.settings.wiring.is_none() {
        state.settings.wiring = factory(platform);
    }
    if state.settings.wiring == before {
        return;
    }
    let before = before.filter(|_| !core::mem::take(&mut state.wired.is_set_aside)).unwrap_or_default();
    rewire(state, platform, &before);
}

fn rewire(state: &mut State, platform: &dyn Platform, before: &Wiring) {
    let now_ms = platform.now().uptime_ms();
    let own = (platform.readings().len(), platform.outputs().len());
    let State { wired, settings, outputs, .. } = state;
    let after = settings.wiring.as_ref().filter(|_| !wired.is_set_aside).unwrap_or(&NOTHING);
    wired.rewire(before, after, own, now_ms);
    for (index, output) in outputs.iter_mut().enumerate() {
        if let Some(thing) = wired.thing(index) {
            *output = Value(wired.sampler.output(thing));
        }
    }
}

impl App<'_> {
    /// Forgets the samples of readings that are no more.
    pub(crate) fn forget_readings(&self, state: &mut State) {
        let left = core::mem::take(&mut state.wired.left);
        let mut histories = self.histories.borrow_mut();
        for index in (0..READINGS_MAX).filter(|index| left >> index & 1 == 1) {
            if let (Some(history), Some(latest)) = (histories.get_mut(index), state.latest.get_mut(index)) {
                history.clear();
                *latest = None;
            }
            state.sessions.iter_mut().for_each(|session| session.subscriber.forget(index as u8));
        }
        if let Some(outbox) = self.outbox.filter(|_| state.wired.take_rewired()) {
            outbox.rewire(left);
        }
    }
}

impl ReadingNames for App<'_> {
    fn reading(&self, index: usize) -> Option<(String<NAME_LEN_MAX, u8>, u8)> {
        let state = self.state.borrow();
        let is_own = index < own(self.platform);
        let (label, decimals) = state.catalog(self.platform).reading(index).filter(|_| is_own)?;
        Some((String::try_from(label.text().as_str()).ok()?, decimals))
    }
}

impl Desk for App<'_> {
    fn now_ms(&self) -> u64 {
        self.platform.now().uptime_ms()
    }

    fn with<R>(&self, work: impl FnOnce(&Wiring, &mut Sampler) -> R) -> R {
        let State { wired, settings, .. } = &mut *self.state.borrow_mut();
        let wiring = settings.wiring.as_ref().filter(|_| !wired.is_set_aside).unwrap_or(&NOTHING);
        work(wiring, &mut wired.sampler)
    }

    fn sample(&self, thing: u8, reading: usize, value: i32) {
        let index = self.state.borrow().wired.number(thing, reading);
        if let Some(index) = index {
            self.sample_wired(index, Value(value));
        }
    }

    fn lose(&self, thing: u8) {
        let State { wired, latest, .. } = &mut *self.state.borrow_mut();
        for index in wired.numbers(thing) {
            if let Some(latest) = latest.get_mut(index) {
                *latest = None;
            }
        }
    }

    async fn changed(&self) {
        poll_fn(
            |cx| {
                if self.state.borrow_mut().wired.take_change(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
            },
        )
        .await;
    }

    fn scan(&self) -> Option<Request> {
        self.state.borrow_mut().wired.scan.request.take()
    }

    fn scanned(&self, result: Result<Found, Fault>) {
        let state = &mut *self.state.borrow_mut();
        state.wired.scan.found = Some(result);
        state.wired.scan.count = state.wired.scan.count.wrapping_add(1);
        let waiting = state.sessions.iter_mut().filter(|session| matches!(session.cursor, Cursor::Scan(_)));
        waiting.for_each(Session::go_on);
    }
}
