//! What the server keeps for each slot: its state, its figures and its deadline.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::Poll;

use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, Instant};

/// What a slot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
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
    pub state: State,
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
    pub(crate) state: Cell<State>,
    pub(crate) id: Cell<u32>,
    pub(crate) peer: Cell<Option<SocketAddr>>,
    pub(crate) since: Cell<Instant>,
    pub(crate) bytes_in: Cell<u32>,
    pub(crate) bytes_out: Cell<u32>,
    /// When the wait under way gives up; [`Instant::MAX`] when there is none.
    deadline: Cell<Instant>,
    /// Set by the watch when the deadline has passed, so that a waiting slot need not ask the clock at each poll.
    expired: Cell<bool>,
    waker: RefCell<WakerRegistration>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            state: Cell::new(State::Free),
            id: Cell::new(0),
            peer: Cell::new(None),
            since: Cell::new(Instant::from_ticks(0)),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            deadline: Cell::new(Instant::MAX),
            expired: Cell::new(false),
            waker: RefCell::new(WakerRegistration::new()),
        }
    }

    pub(crate) fn open(&self, id: u32, peer: SocketAddr) {
        self.id.set(id);
        self.peer.set(Some(peer));
        self.since.set(Instant::now());
        self.bytes_in.set(0);
        self.bytes_out.set(0);
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

    /// Awaits `future` for at most `limit`, and never beyond `latest`.
    ///
    /// A timer per wait would cost more than the request it guards. The clock is read only when the future has to
    /// wait, and the watch looks at all deadlines together, so the bound is kept to [`WATCH_TICK_MS`].
    ///
    /// [`WATCH_TICK_MS`]: crate::limits::WATCH_TICK_MS
    pub(crate) async fn within<F: Future>(
        &self,
        limit: Duration,
        latest: Instant,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Expired> {
        let mut armed = false;
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                self.deadline.set(Instant::MAX);
                return Poll::Ready(Ok(output));
            }
            if !armed {
                armed = true;
                self.expired.set(false);
                self.deadline.set((Instant::now() + limit).min(latest));
            } else if self.expired.get() {
                return Poll::Ready(Err(Expired));
            }
            self.waker.borrow_mut().register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Wakes the slot when its deadline has passed.
    pub(crate) fn watch(&self, now: Instant) {
        if self.deadline.get() <= now {
            self.deadline.set(Instant::MAX);
            self.expired.set(true);
            self.waker.borrow_mut().wake();
        }
    }
}
