//! embassy-time's driver: a clock that stands still until the simulation moves it.
//!
//! embassy-time's own mock driver is one clock for the whole process, and doesn't show when its next timer is due. This
//! driver has a clock for each thread, so that tests run beside one another. The clock can jump from timer to timer, so
//! that a simulated hour costs only what happens in it.

use std::cell::RefCell;
use std::task::Waker;

use embassy_time::{Duration, Instant};
use embassy_time_driver::Driver;

struct Clock;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

#[derive(Default)]
struct State {
    now: u64,
    /// In the order in which they were set first, which is the order in which those of the same time go off.
    timers: Vec<(u64, Waker)>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        STATE.with_borrow(|state| state.now)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        STATE.with_borrow_mut(|state| {
            if at <= state.now {
                waker.wake_by_ref();
                return;
            }
            // A woken task looks at all that it waits for, so one timer for each task is enough.
            match state.timers.iter_mut().find(|(_, known)| known.will_wake(waker)) {
                Some((due, _)) => *due = at.min(*due),
                None => state.timers.push((at, waker.clone())),
            }
        });
    }
}

/// Sets the time to zero, and forgets all timers.
pub fn reset() {
    STATE.take();
}

/// When the next timer is due.
pub fn next() -> Option<Instant> {
    STATE.with_borrow(|state| state.timers.iter().map(|(at, _)| *at).min()).map(Instant::from_ticks)
}

/// Moves the clock to `instant`, never back, and wakes all whose time has come.
pub fn set(instant: Instant) {
    let due = STATE.with_borrow_mut(|state| {
        state.now = state.now.max(instant.as_ticks());
        let now = state.now;
        state.timers.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>()
    });
    due.into_iter().for_each(|(_, waker)| waker.wake());
}

/// Lets time pass.
pub fn advance(duration: Duration) {
    set(Instant::now() + duration);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn timers_go_off_once_and_in_time() {
        reset();
        let (one, two) = (Arc::new(Count(0.into())), Arc::new(Count(0.into())));
        let count = || (one.0.load(Ordering::Relaxed), two.0.load(Ordering::Relaxed));
        let set_timer = |ms, who: &Arc<Count>| {
            CLOCK.schedule_wake(Instant::from_millis(ms).as_ticks(), &Waker::from(who.clone()));
        };
        set_timer(0, &one);
        assert_eq!(count(), (1, 0), "what is due is not waited for");
        set_timer(20, &one);
        set_timer(10, &two);
        set_timer(15, &one);
        assert_eq!(next(), Some(Instant::from_millis(10)));
        advance(Duration::from_millis(12));
        assert_eq!((count(), next()), ((1, 1), Some(Instant::from_millis(15))));
        advance(Duration::from_millis(100));
        assert_eq!((count(), next()), ((2, 1), None));
    }
}
