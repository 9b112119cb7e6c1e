//! Another wiring in force: what changes with it.

use sockeye_wiring::plan::{self, Room};
use sockeye_wiring::{Rejected, Wiring};

use crate::keys::catalog::LOG;
use crate::limits::{FAILED_BOOTS_MAX, OUTPUTS_MAX, READINGS_MAX};
use crate::platform::{Platform, WiringSetup};
use crate::state::State;
use crate::value::Value;

/// The wiring from the factory.
pub(crate) fn factory(platform: &dyn Platform) -> Option<Wiring> {
    let mut wiring = Wiring::new();
    for (name, spec) in platform.pins()?.factory {
        // A board's few things have room.
        let _ = wiring.set(name, spec);
    }
    Some(wiring)
}

/// Checks a whole wiring against the pins that it is for. With `is_new`, none of its keys may be the log's; a wiring that
/// was stored before there was a log keeps such a key.
pub(crate) fn check<'w>(
    wiring: &'w Wiring,
    pins: &WiringSetup,
    platform: &dyn Platform,
    is_new: bool,
) -> Result<(), Rejected<'w>> {
    let (readings, outputs) = (platform.readings(), platform.outputs());
    let room = Room { readings: READINGS_MAX - readings.len(), outputs: OUTPUTS_MAX - outputs.len() };
    plan::check(wiring, pins.board, room, |key| {
        let names = readings.iter().map(|info| info.name).chain(outputs.iter().map(|info| info.name));
        names.chain(is_new.then_some(LOG)).any(|name| key.is(name.as_bytes()))
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
    let is_possible =
        state.settings.wiring.as_ref().is_some_and(|wiring| check(wiring, &pins, platform, false).is_ok());
    state.wired.is_set_aside = !is_possible || platform.failed_boots() >= FAILED_BOOTS_MAX;
    rewire(state, platform, &Wiring::new());
}

/// Puts the settings' wiring in force in the place of another. With `is_named` the request has set it, and a wiring that was
/// set aside is used again even if it is the same.
pub(crate) fn changed(state: &mut State, platform: &dyn Platform, before: Option<&Wiring>, is_named: bool) {
    if platform.pins().is_none() {
        return;
    }
    if state.settings.wiring.is_none() {
        state.settings.wiring = factory(platform);
    }
    if state.settings.wiring.as_ref() == before && !(is_named && state.wired.is_set_aside) {
        return;
    }
    match before.filter(|_| !core::mem::take(&mut state.wired.is_set_aside)) {
        Some(before) => rewire(state, platform, before),
        None => rewire(state, platform, &Wiring::new()),
    }
}

fn rewire(state: &mut State, platform: &dyn Platform, before: &Wiring) {
    let now_ms = platform.now().uptime_ms();
    let own = (platform.readings().len(), platform.outputs().len());
    let State { wired, settings, outputs, .. } = state;
    let after = wired.used(settings);
    wired.rewire(before, after, own, now_ms);
    for (index, output) in outputs.iter_mut().enumerate() {
        if let Some(thing) = wired.thing(index) {
            *output = Value(wired.sampler.output(thing));
        }
    }
}
