//! What the server keeps for each slot: its state, its figures and its deadline.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::Poll;

use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::Instant;

use crate::limits::Ticks;

/// What a slot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Waiting for a client.
    Free,
    /// Its handler runs.
    Serving,
    /// The reply is on its way out and the client's close is awaited, for a bounded time.
    Closing,
}

/// A slot as the application sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotInfo {
    /// What the slot is doing.
    pub state: SlotState,
    /// Number of the connection, counted from 1 since start; 0 before the first.
    pub id: u32,
    /// The client; the last one while the slot is free.
    pub peer: Option<SocketAddr>,
    /// When this connection was accepted.
    pub since: Instant,
    /// Bytes received on this connection.
    pub bytes_in: u32,
    /// Bytes sent on this connection.
    pub bytes_out: u32,
}

/// The deadline of a wait has passed.
pub(crate) struct Expired;

pub(crate) struct Slot {
    pub(crate) state: Cell<SlotState>,
    pub(crate) id: Cell<u32>,
    pub(crate) peer: Cell<Option<SocketAddr>>,
    pub(crate) since: Cell<Instant>,
    pub(crate) bytes_in: Cell<u32>,
    pub(crate) bytes_out: Cell<u32>,
    /// Ticks of the watch until the wait under way gives up, and until the request under way does; 0 when there is none.
    wait_left: Cell<u16>,
    request_left: Cell<u16>,
    /// Set by the watch when either has run out.
    wait_over: Cell<bool>,
    request_over: Cell<bool>,
    /// Ticks since the watch woke the slot for either, and the slot has not run.
    late: Cell<u16>,
    waker: RefCell<WakerRegistration>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            state: Cell::new(SlotState::Free),
            id: Cell::new(0),
            peer: Cell::new(None),
            since: Cell::new(Instant::from_ticks(0)),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            wait_left: Cell::new(0),
            request_left: Cell::new(0),
            wait_over: Cell::new(false),
            request_over: Cell::new(false),
            late: Cell::new(0),
            waker: RefCell::new(WakerRegistration::new()),
        }
    }

    pub(crate) fn open(&self, id: u32, peer: SocketAddr) {
        self.state.set(SlotState::Serving);
        self.id.set(id);
        self.peer.set(Some(peer));
        self.since.set(Instant::now());
        self.bytes_in.set(0);
        self.bytes_out.set(0);
        self.end_request();
    }

    pub(crate) fn info(&self) -> SlotInfo {
        SlotInfo {
            state: self.state.get(),
            id: self.id.get(),
            peer: self.peer.get(),
            since: self.since.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
        }
    }

    /// A request begins or goes on; it must be over within `limit` of its beginning.
    pub(crate) fn begin_request(&self, limit: Ticks) {
        if self.request_left.get() == 0 && !self.request_over.get() {
            self.request_left.set(limit.0);
        }
    }

    pub(crate) fn end_request(&self) {
        self.request_left.set(0);
        self.request_over.set(false);
    }

    pub(crate) fn in_request(&self) -> bool {
        self.request_left.get() > 0 || self.request_over.get()
    }

    /// Awaits `future` for at most `limit`, and never beyond the time of a request under way.
    ///
    /// A timer for each wait would cost more than the request that it guards, and even asking the clock costs. So a
    /// wait only says how many ticks it has, and the watch counts all of them down together. A wait lasts as long as
    /// `limit` says, and up to a tick longer.
    pub(crate) async fn with_deadline<F: Future>(
        &self,
        limit: Ticks,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Expired> {
        let mut waiting = false;
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                self.wait_left.set(0);
                self.late.set(0);
                return Poll::Ready(Ok(output));
            }
            if !waiting {
                waiting = true;
                self.wait_over.set(false);
                self.wait_left.set(limit.0);
            }
            if self.wait_over.get() || self.request_over.get() {
                self.late.set(0);
                return Poll::Ready(Err(Expired));
            }
            self.waker.borrow_mut().register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Ticks for which the slot has not run though its time was over; 0 while all is well.
    pub(crate) fn late(&self) -> u16 {
        self.late.get()
    }

    /// Counts down, and wakes the slot when its time is over.
    pub(crate) fn tick(&self) {
        if self.late.get() > 0 {
            self.late.set(self.late.get().saturating_add(1));
        }
        for (left, over) in [(&self.wait_left, &self.wait_over), (&self.request_left, &self.request_over)] {
            if left.get() > 0 {
                left.set(left.get() - 1);
                if left.get() == 0 {
                    over.set(true);
                    self.late.set(self.late.get().max(1));
                    self.waker.borrow_mut().wake();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;
    use core::pin::pin;
    use core::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_slot_is_late_until_it_runs() {
        let slot = Slot::new();
        let never = pin!(pending::<()>());
        let mut wait = pin!(slot.with_deadline(Ticks(2), never));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(cx).is_pending());
        let late = |ticks| (0..ticks).map(|_| (slot.tick(), slot.late()).1).last();
        assert_eq!(late(1), Some(0));
        assert_eq!(late(1), Some(1));
        assert_eq!(late(3), Some(4));
        assert!(wait.as_mut().poll(cx).is_ready());
        assert_eq!(late(3), Some(0));
    }
}
