//! The driver's events, as esp-radio publishes them: to those who are subscribed at that moment, and to nobody while one
//! of them has no room.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use sockeye_wifi::adapter::DriverEvent;
use sockeye_wifi::limits::DRIVER_EVENTS_MAX;

#[derive(Default)]
struct Queue {
    events: VecDeque<DriverEvent>,
    waker: Option<Waker>,
}

/// Reads events from the moment on at which it was made.
pub struct Subscription(Rc<RefCell<Queue>>);

impl Subscription {
    /// Waits for the next event. A wait that is dropped loses no event.
    pub async fn next_event(&self) -> DriverEvent {
        poll_fn(|cx| {
            let queue = &mut *self.0.borrow_mut();
            queue.events.pop_front().map_or_else(
                || {
                    queue.waker = Some(cx.waker().clone());
                    Poll::Pending
                },
                Poll::Ready,
            )
        })
        .await
    }
}

/// The subscriptions.
#[derive(Default)]
pub(crate) struct EventChannel(RefCell<Vec<Weak<RefCell<Queue>>>>);

impl EventChannel {
    pub(crate) fn subscribe(&self) -> Subscription {
        let queue = Rc::default();
        self.0.borrow_mut().push(Rc::downgrade(&queue));
        Subscription(queue)
    }

    /// False if the event is lost, because a subscriber has no room.
    pub(crate) fn publish(&self, event: DriverEvent) -> bool {
        let mut subscribers = self.0.borrow_mut();
        subscribers.retain(|queue| queue.strong_count() > 0);
        let queues: Vec<_> = subscribers.iter().filter_map(Weak::upgrade).collect();
        if queues.iter().any(|queue| queue.borrow().events.len() == DRIVER_EVENTS_MAX) {
            return false;
        }
        for queue in queues {
            let queue = &mut *queue.borrow_mut();
            queue.events.push_back(event);
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
        true
    }
}
