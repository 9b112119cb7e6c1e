//! A slot's data in the server: its state, its figures and its deadline.

use core::cell::{Cell, RefCell};
use core::net::SocketAddr;
use core::task::{Context, Poll};

use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, Instant};

use crate::limits::{HALF_REQUEST_KEEP_MS, IDLE_KEEP_MS, SILENT_KEEP_MS, Ticks};

/// More ticks than any wait may last.
const DISPLACED: u16 = u16::MAX;

/// The state of a slot.
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
    /// The slot's state.
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

/// The order in which clients are displaced: the greatest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Between two requests, for so many ticks.
    Idle(u16),
    /// In a request that began so many ticks ago.
    HalfRequest(u16),
    /// The client has sent nothing since it connected so many ticks ago.
    Silent(u16),
}

pub(crate) struct Slot {
    pub(crate) state: Cell<SlotState>,
    pub(crate) id: Cell<u32>,
    pub(crate) peer: Cell<Option<SocketAddr>>,
    pub(crate) since: Cell<Instant>,
    pub(crate) bytes_in: Cell<u32>,
    pub(crate) bytes_out: Cell<u32>,
    /// The limit of the wait under way, and the ticks of the watch that it has lasted. [`Ticks::NEVER`] while there is
    /// none. [`DISPLACED`] ticks once a newcomer takes the client's place.
    wait: Cell<(Ticks, u16)>,
    /// Ticks of the watch until the request under way must be complete; 0 when there is none.
    request_left: Cell<u16>,
    /// Set by the watch when they have run out.
    request_over: Cell<bool>,
    /// Ticks since the slot was woken because either is over, and has not run.
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
            wait: Cell::new((Ticks::NEVER, 0)),
            request_left: Cell::new(0),
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
            self.request_left.set(limit.len());
        }
    }

    pub(crate) fn end_request(&self) {
        self.request_left.set(0);
        self.request_over.set(false);
    }

    pub(crate) fn in_request(&self) -> bool {
        self.request_left.get() > 0 || self.request_over.get()
    }

    /// Begins a wait of at most `limit`.
    ///
    /// A timer for each wait would cost more than the request that it guards, and even asking the clock costs. So the
    /// slot only keeps the limit, and the watch counts the ticks of all slots together. A wait lasts as long as
    /// `limit`, and up to a tick longer.
    #[inline]
    pub(crate) fn begin_wait(&self, limit: Ticks) {
        self.wait.set((limit, 0));
    }

    /// Ends the wait: what it waited for has come.
    #[inline]
    pub(crate) fn end_wait(&self) {
        self.wait.set((Ticks::NEVER, 0));
        self.late.set(0);
    }

    /// Ends the wait when its limit or the time of the request under way is over.
    #[inline]
    pub(crate) fn poll_deadline(&self, cx: &Context<'_>) -> Poll<()> {
        let (limit, waited) = self.wait.get();
        if waited >= limit.len() || self.request_over.get() {
            self.late.set(0);
            return Poll::Ready(());
        }
        self.waker.borrow_mut().register(cx.waker());
        Poll::Pending
    }

    /// Ticks since the slot was woken by a time-out and has not run; 0 when no time-out is over.
    pub(crate) fn late(&self) -> u16 {
        self.late.get()
    }

    /// Counts down, and wakes the slot when its time is over.
    pub(crate) fn tick(&self) {
        if self.late.get() > 0 {
            self.late.set(self.late.get().saturating_add(1));
        }
        let (limit, waited) = self.wait.get();
        if limit != Ticks::NEVER && waited < limit.len() {
            self.wait.set((limit, waited + 1));
            if waited + 1 == limit.len() {
                self.wake_late();
            }
        }
        if self.request_left.get() > 0 {
            self.request_left.set(self.request_left.get() - 1);
            if self.request_left.get() == 0 {
                self.request_over.set(true);
                self.wake_late();
            }
        }
    }

    fn wake_late(&self) {
        self.late.set(self.late.get().max(1));
        self.waker.borrow_mut().wake();
    }

    /// The client's rank for displacement; None if the client may not be displaced now. `request_limit` is the limit of
    /// a request.
    ///
    /// Only a client for whose input the server waits may be displaced. So no reply is being written or awaited. A wait
    /// without a limit, as that of a subscriber, is not displaceable.
    pub(crate) fn rank(&self, request_limit: Ticks) -> Option<Rank> {
        const SILENT_KEEP: u16 = Ticks::at_least(Duration::from_millis(SILENT_KEEP_MS)).len();
        const HALF_REQUEST_KEEP: u16 = Ticks::at_least(Duration::from_millis(HALF_REQUEST_KEEP_MS)).len();
        const IDLE_KEEP: u16 = Ticks::at_least(Duration::from_millis(IDLE_KEEP_MS)).len();
        let (limit, waited) = self.wait.get();
        if self.state.get() != SlotState::Serving || !limit.is_displaceable() || waited >= limit.len() {
            return None;
        }
        let begun = request_limit.len().saturating_sub(self.request_left.get());
        match (self.in_request(), self.bytes_in.get()) {
            (true, _) => (begun >= HALF_REQUEST_KEEP).then_some(Rank::HalfRequest(begun)),
            (false, 0) => (waited >= SILENT_KEEP).then_some(Rank::Silent(waited)),
            (false, _) => (waited >= IDLE_KEEP).then_some(Rank::Idle(waited)),
        }
    }

    /// Whether the wait that was over last has ended because a newcomer takes the client's place, and not because its time
    /// was over.
    pub(crate) fn is_displaced(&self) -> bool {
        self.wait.get().1 == DISPLACED
    }

    /// Ends the wait under way because a newcomer takes the client's place, unless what it waits for comes first.
    pub(crate) fn displace(&self) {
        let (limit, _) = self.wait.get();
        self.wait.set((limit, DISPLACED));
        self.wake_late();
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;

    use super::*;

    #[test]
    fn a_slot_is_late_until_it_runs() {
        let slot = Slot::new();
        let cx = &Context::from_waker(Waker::noop());
        slot.begin_wait(Ticks::at_least(Duration::from_millis(1)));
        assert!(slot.poll_deadline(cx).is_pending());
        let late = |ticks| (0..ticks).map(|_| (slot.tick(), slot.late()).1).last();
        assert_eq!(late(1), Some(0));
        assert_eq!(late(1), Some(1));
        assert_eq!(late(3), Some(4));
        assert!(slot.poll_deadline(cx).is_ready());
        assert_eq!(late(3), Some(0));
    }
}
