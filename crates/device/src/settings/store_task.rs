//! One task that stores for all connections.

use core::cell::Cell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_sync::signal::Signal;

use super::{Settings, Store, StoreError};

/// A [`Store`] for connections, whose work one task does with another store.
///
/// Storing in flash takes some hundred bytes of state, for which each connection's future would need room. A store
/// should never be dropped half done, but a connection may end at any time. Here a connection only waits for the task.
pub struct StoreTask {
    /// The settings to store; locked while they are being stored.
    job: Mutex<NoopRawMutex, Job>,
    given: Signal<NoopRawMutex, ()>,
    done: Signal<NoopRawMutex, (u32, Result<(), StoreError>)>,
    /// Number of the last job; it may wrap.
    number: Cell<u32>,
}

struct Job {
    number: u32,
    settings: Settings,
    is_reset: bool,
}

impl StoreTask {
    /// A store whose task doesn't run yet. All of it is zero, so that a static of it takes no flash.
    pub const fn new() -> Self {
        let job = Job { number: 0, settings: Settings::ZERO, is_reset: false };
        Self { job: Mutex::new(job), given: Signal::new(), done: Signal::new(), number: Cell::new(0) }
    }

    /// Stores in `store` whatever comes. Must run beside the connections, on the same executor, and once; until then
    /// they wait.
    pub async fn run(&self, store: &impl Store) -> ! {
        loop {
            self.given.wait().await;
            let job = self.job.lock().await;
            let Job { number, settings, is_reset } = &*job;
            let result = if *is_reset { store.reset(settings).await } else { store.save(settings).await };
            self.done.signal((*number, result));
        }
    }

    async fn give(&self, settings: &Settings, is_reset: bool) -> Result<(), StoreError> {
        let number = self.number.get().wrapping_add(1);
        self.number.set(number);
        {
            let mut job = self.job.lock().await;
            (job.number, job.is_reset) = (number, is_reset);
            job.settings.assign(settings);
        }
        self.given.signal(());
        loop {
            // A job whose connection ended may be done first.
            let (done, result) = self.done.wait().await;
            if done == number {
                return result;
            }
        }
    }
}

impl Default for StoreTask {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for StoreTask {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        self.give(settings, false).await
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        self.give(defaults, true).await
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use std::vec::Vec;

    use embassy_futures::select::{Either, select};
    use embassy_futures::{block_on, yield_now};

    use super::*;

    /// Notes what is stored, and takes its time.
    #[derive(Default)]
    struct Notes(RefCell<Vec<(std::string::String, bool)>>);

    impl Notes {
        async fn note(&self, settings: &Settings, is_reset: bool) -> Result<(), StoreError> {
            yield_now().await;
            self.0.borrow_mut().push((settings.name.as_str().into(), is_reset));
            if settings.name == "full" { Err(StoreError::Full) } else { Ok(()) }
        }
    }

    impl Store for Notes {
        async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
            self.note(settings, false).await
        }

        async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
            self.note(defaults, true).await
        }
    }

    fn named(name: &str) -> Settings {
        Settings { name: name.try_into().unwrap(), ..Settings::default() }
    }

    #[test]
    fn what_a_connection_gives_up_is_stored_whole_and_not_taken_for_the_next() {
        let (task, notes) = (StoreTask::new(), Notes::default());
        let client = async {
            // Given up while it is being stored.
            let given_up = named("full");
            let given_up = select(task.save(&given_up), yield_now());
            assert!(matches!(given_up.await, Either::Second(())));
            assert_eq!(task.save(&named("kitchen")).await, Ok(()));
            assert_eq!(task.save(&named("full")).await, Err(StoreError::Full));
            assert_eq!(task.reset(&named("")).await, Ok(()));
        };
        block_on(select(client, task.run(&notes)));
        let expected = [("full", false), ("kitchen", false), ("full", false), ("", true)];
        let expected = expected.map(|(name, is_reset)| (name.into(), is_reset));
        assert_eq!(notes.0.into_inner(), expected);
    }

    #[test]
    fn a_connection_keeps_no_room_for_the_store_behind() {
        let task = StoreTask::new();
        assert!(size_of_val(&task.save(&Settings::default())) <= 2 * 64);
    }
}
