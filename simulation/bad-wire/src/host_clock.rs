//! embassy-time's driver: the host's time, in a clock of each thread that passes 2^32 microseconds in each transfer.
//!
//! An engine that keeps times in 32 bits would break there. A device meets that moment after 72 minutes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::task::Waker;
use std::time::{Duration, Instant};

use embassy_time_driver::Driver;

/// The clock's time at the start of a transfer, microseconds: 2^32 is two seconds later.
pub const START_US: u64 = (1 << 32) - 2_000_000;

struct Clock;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

struct State {
    start: Instant,
    /// When somebody is to be woken. A thread has one task, so whose timers they are does not matter.
    alarms: BTreeSet<u64>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State { start: Instant::now(), alarms: BTreeSet::new() });
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        STATE.with_borrow(|state| START_US + state.start.elapsed().as_micros() as u64)
    }

    fn schedule_wake(&self, at: u64, _: &Waker) {
        STATE.with_borrow_mut(|state| state.alarms.insert(at));
    }
}

/// Whether an alarm has gone off since this was asked last.
pub fn has_gone_off() -> bool {
    let now = CLOCK.now();
    STATE.with_borrow_mut(|state| {
        let later = state.alarms.split_off(&(now + 1));
        !std::mem::replace(&mut state.alarms, later).is_empty()
    })
}

/// How long it is to the next alarm. None without one.
pub fn until_next() -> Option<Duration> {
    let next = STATE.with_borrow(|state| state.alarms.first().copied());
    next.map(|next| Duration::from_micros(next.saturating_sub(CLOCK.now())))
}
