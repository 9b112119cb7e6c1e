//! Tasks that run when they are woken, in the order in which they were; while none is, time jumps to the next timer.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use embassy_time::Instant;

use crate::clock;

/// Polls without any time between: more than that is a task that wakes itself, which would drain a battery.
const POLLS_AT_ONCE: u32 = 100_000;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Tasks that end together, such as all of a device when its power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(pub u32);

struct Entry {
    group: Group,
    /// None while it is polled.
    task: Option<Task>,
    waker: Waker,
}

/// The tasks that were woken, in order.
type Ready = Arc<Mutex<VecDeque<u64>>>;

struct Wakeup {
    id: u64,
    is_queued: AtomicBool,
    ready: Ready,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.id);
        }
    }
}

#[derive(Default)]
struct State {
    tasks: RefCell<BTreeMap<u64, (Entry, Arc<Wakeup>)>>,
    ready: Ready,
    next_id: Cell<u64>,
}

/// Runs tasks. Clones are the same executor.
#[derive(Clone, Default)]
pub struct Executor(Rc<State>);

impl Executor {
    /// Adds a task, which first runs after those that are ready.
    pub fn spawn(&self, group: Group, task: impl Future<Output = ()> + 'static) {
        let id = self.0.next_id.get();
        self.0.next_id.set(id + 1);
        let wakeup = Arc::new(Wakeup { id, is_queued: AtomicBool::new(false), ready: self.0.ready.clone() });
        let entry = Entry { group, task: Some(Box::pin(task)), waker: wakeup.clone().into() };
        self.0.tasks.borrow_mut().insert(id, (entry, wakeup.clone()));
        wakeup.wake();
    }

    /// Ends all tasks of a group where they are.
    pub fn kill(&self, group: Group) {
        let dead = self.0.tasks.borrow_mut().extract_if(.., |_, (entry, _)| entry.group == group).collect::<Vec<_>>();
        // Not under the borrow: a task that is dropped may wake others.
        drop(dead);
    }

    /// Runs until `end`, and gives up the time until then.
    pub fn run_until(&self, end: Instant) {
        loop {
            self.run_ready();
            match clock::next() {
                Some(due) if due <= end => clock::set(due),
                _ => break,
            }
        }
        clock::set(end);
        self.run_ready();
    }

    fn run_ready(&self) {
        for _ in 0..POLLS_AT_ONCE {
            let next = self.0.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(id) = next else { return };
            self.poll(id);
        }
        panic!("a task wakes itself without end");
    }

    fn poll(&self, id: u64) {
        let taken = self.0.tasks.borrow_mut().get_mut(&id).and_then(|(entry, wakeup)| {
            wakeup.is_queued.store(false, Ordering::Relaxed);
            Some((entry.task.take()?, entry.waker.clone()))
        });
        let Some((mut task, waker)) = taken else { return };
        let is_done = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut tasks = self.0.tasks.borrow_mut();
        if is_done {
            tasks.remove(&id);
        } else if let Some((entry, _)) = tasks.get_mut(&id) {
            entry.task = Some(task);
            return;
        }
        drop(tasks);
        drop(task);
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // Tasks hold the executor to spawn others, so the last one outside ends them.
        if Rc::strong_count(&self.0) == 1 {
            self.0.tasks.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use embassy_time::{Duration, Timer};

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn tasks_run_in_time_and_in_order() {
        clock::reset();
        let executor = Executor::default();
        let log = Rc::new(RefCell::new(Vec::new()));
        for (name, pause_ms) in [("slow", 30), ("quick", 20)] {
            let log = log.clone();
            executor.spawn(Group(0), async move {
                for _ in 0..3 {
                    Timer::after(Duration::from_millis(pause_ms)).await;
                    log.borrow_mut().push((name, Instant::now().as_millis()));
                }
            });
        }
        executor.run_until(at(55));
        assert_eq!(*log.borrow(), [("quick", 20), ("slow", 30), ("quick", 40)]);
        executor.run_until(at(60));
        assert_eq!(log.borrow()[3..], [("slow", 60), ("quick", 60)], "in the order in which they were set");
        assert_eq!(Instant::now(), at(60));
    }

    #[test]
    fn a_group_ends_where_it_is() {
        clock::reset();
        let executor = Executor::default();
        let count = Rc::new(Cell::new(0));
        for group in [Group(1), Group(2)] {
            let count = count.clone();
            executor.spawn(group, async move {
                loop {
                    Timer::after(Duration::from_millis(10)).await;
                    count.set(count.get() + 1);
                }
            });
        }
        executor.run_until(at(15));
        executor.kill(Group(1));
        executor.run_until(at(35));
        assert_eq!((count.get(), Rc::strong_count(&count)), (4, 2));
    }

    #[test]
    #[should_panic(expected = "wakes itself")]
    fn a_task_that_never_rests_is_found() {
        let executor = Executor::default();
        executor.spawn(
            Group(0),
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            }),
        );
        executor.run_until(at(1));
    }
}
