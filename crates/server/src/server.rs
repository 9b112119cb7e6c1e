//! The slots of a server and what runs in them.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;

use edge_nal::TcpAccept;
use embassy_futures::join::{join, join_array};
use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, Timer};
use embedded_io_async::ErrorType;

use crate::connection::{Connection, Error, Phase, Socket};
use crate::limits::{ACCEPT_RETRY_MS, TimeoutTicks, Timeouts, WATCH_TICK_MS};
use crate::slot::{Slot, SlotInfo, State};

/// What a server does with a connection.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Handler {
    /// Serves one client until there is nothing more to do. The server then closes the connection in order; after an
    /// error it closes or resets it, whichever the error leaves possible.
    ///
    /// # Errors
    /// What reading or writing returned; the server counts it.
    async fn serve<S: Socket>(
        &self,
        connection: &mut Connection<'_, S>,
    ) -> Result<(), Error<<S as ErrorType>::Error>>;

    /// Tells a client that all slots are taken. The server then closes the connection in order. Without an
    /// implementation the client sees an orderly close and no word.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    async fn refuse<S: Socket>(
        &self,
        connection: &mut Connection<'_, S>,
    ) -> Result<(), Error<<S as ErrorType>::Error>> {
        let _ = connection;
        Ok(())
    }
}

/// Figures since start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that got a slot.
    pub accepted: u32,
    /// Connections that were told that all slots are taken.
    pub refused: u32,
    /// Connections that ended because the client took too long, in any phase.
    pub timed_out: u32,
    /// Connections that ended by a reset or another error of the stack.
    pub reset: u32,
    /// Accepts that failed; the server tried again after [`ACCEPT_RETRY_MS`].
    pub accept_errors: u32,
    /// Bytes received, open connections included.
    pub bytes_in: u64,
    /// Bytes sent, open connections included.
    pub bytes_out: u64,
}

/// A server of `N` slots, and one spare slot that tells a client too many so.
///
/// The free slots are the backlog: each has an accept of its own under way. It needs no executor: [`run`](Self::run)
/// is all of it as one future, and [`run_slot`](Self::run_slot) with [`supervise`](Self::supervise) are the same in
/// parts, for one task each. It holds no buffers and costs about 100 bytes a slot beside the futures.
pub struct Server<const N: usize> {
    timeouts: TimeoutTicks,
    refusing: TimeoutTicks,
    slots: [Slot; N],
    /// How many of the slots serve.
    active: usize,
    spare: Slot,
    /// Slots in [`State::Serving`].
    serving: Cell<usize>,
    /// Slots, the spare one included, that are not free.
    open: Cell<usize>,
    /// Wakes the spare slot when `serving` reaches or leaves `active`.
    gate: RefCell<WakerRegistration>,
    /// Wakes the watch when the first slot opens.
    watcher: RefCell<WakerRegistration>,
    stats: Cell<Stats>,
    next_id: Cell<u32>,
}

impl<const N: usize> Server<N> {
    /// A server that has not begun. `N` must be at least 1, which is checked when compiling.
    pub const fn new(timeouts: Timeouts) -> Self {
        Self::with_slots(N, timeouts)
    }

    /// The same where only `active` of the slots serve, for a number that is known at run time only.
    ///
    /// # Panics
    /// If `active` is 0 or above `N`.
    pub const fn with_slots(active: usize, timeouts: Timeouts) -> Self {
        const { assert!(N >= 1, "a server needs a slot") }
        assert!(active >= 1 && active <= N);
        Self {
            timeouts: TimeoutTicks::new(&timeouts),
            refusing: TimeoutTicks::refusing(&timeouts),
            slots: [const { Slot::new() }; N],
            active,
            spare: Slot::new(),
            serving: Cell::new(0),
            open: Cell::new(0),
            gate: RefCell::new(WakerRegistration::new()),
            watcher: RefCell::new(WakerRegistration::new()),
            stats: Cell::new(Stats {
                accepted: 0,
                refused: 0,
                timed_out: 0,
                reset: 0,
                accept_errors: 0,
                bytes_in: 0,
                bytes_out: 0,
            }),
            next_id: Cell::new(1),
        }
    }

    /// How many clients are served at once.
    pub fn slots_max(&self) -> usize {
        self.active
    }

    /// The state of each slot.
    pub fn slots(&self) -> impl Iterator<Item = SlotInfo> + '_ {
        self.slots[..self.active].iter().map(Slot::info)
    }

    /// Figures since start.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats.get();
        for slot in self.slots.iter().chain([&self.spare]).filter(|slot| slot.state.get() != State::Free) {
            stats.bytes_in += u64::from(slot.bytes_in.get());
            stats.bytes_out += u64::from(slot.bytes_out.get());
        }
        stats
    }

    /// Runs the whole server as one future. It never returns: accept errors are transient.
    ///
    /// Each wake polls every slot, so with many slots on a small chip prefer one task for each.
    pub async fn run<A, H>(&self, acceptor: &A, handler: &H) -> !
    where
        A: TcpAccept,
        for<'a> A::Socket<'a>: Socket,
        H: Handler,
    {
        let slots = core::array::from_fn::<_, N, _>(async |index| match index < self.active {
            true => self.run_slot(index, acceptor, handler).await,
            false => core::future::pending().await,
        });
        join(join_array(slots), self.supervise(acceptor, handler)).await.1
    }

    /// Runs slot `index`: accepts, serves and closes one connection after the other. Meant for a task of its own.
    ///
    /// # Panics
    /// If `index` is not below [`slots_max`](Self::slots_max).
    pub async fn run_slot<A, H>(&self, index: usize, acceptor: &A, handler: &H) -> !
    where
        A: TcpAccept,
        for<'a> A::Socket<'a>: Socket,
        H: Handler,
    {
        let slot = &self.slots[..self.active][index];
        loop {
            match acceptor.accept().await {
                Ok((peer, socket)) => {
                    self.count(|stats| stats.accepted += 1);
                    self.set_serving(self.serving.get() + 1);
                    let closing = || self.set_serving(self.serving.get() - 1);
                    let mut connection = self.open(slot, peer, socket, &self.timeouts, &closing);
                    let result = handler.serve(&mut connection).await;
                    self.end(connection, result).await;
                    self.free(slot);
                }
                Err(_) => self.accept_failed().await,
            }
        }
    }

    /// Runs what the slots share: the spare slot and the watch over deadlines. Needed once beside the slots.
    pub async fn supervise<A, H>(&self, acceptor: &A, handler: &H) -> !
    where
        A: TcpAccept,
        for<'a> A::Socket<'a>: Socket,
        H: Handler,
    {
        join(self.run_spare(acceptor, handler), self.watch()).await.1
    }

    /// Answers clients that are one too many, one at a time. It accepts only while every slot is serving: while one
    /// is closing, the next client had better wait for it.
    async fn run_spare<A, H>(&self, acceptor: &A, handler: &H) -> !
    where
        A: TcpAccept,
        for<'a> A::Socket<'a>: Socket,
        H: Handler,
    {
        loop {
            poll_fn(|cx| self.poll_full(cx, true)).await;
            let accepted = {
                let mut accept = pin!(acceptor.accept());
                poll_fn(|cx| match self.poll_full(cx, false) {
                    Poll::Ready(()) => Poll::Ready(None),
                    Poll::Pending => accept.as_mut().poll(cx).map(Some),
                })
                .await
            };
            match accepted {
                None => {}
                Some(Ok((peer, socket))) => {
                    self.count(|stats| stats.refused += 1);
                    let mut connection = self.open(&self.spare, peer, socket, &self.refusing, &|| ());
                    let result = handler.refuse(&mut connection).await;
                    self.end(connection, result).await;
                    self.free(&self.spare);
                }
                Some(Err(_)) => self.accept_failed().await,
            }
        }
    }

    /// Ready when "every slot is serving" is `wanted`.
    fn poll_full(&self, cx: &mut core::task::Context<'_>, wanted: bool) -> Poll<()> {
        if (self.serving.get() == self.active) == wanted {
            return Poll::Ready(());
        }
        self.gate.borrow_mut().register(cx.waker());
        Poll::Pending
    }

    /// Looks at all deadlines every [`WATCH_TICK_MS`], and sleeps while no connection is open.
    async fn watch(&self) -> ! {
        loop {
            poll_fn(|cx| {
                if self.open.get() > 0 {
                    return Poll::Ready(());
                }
                self.watcher.borrow_mut().register(cx.waker());
                Poll::Pending
            })
            .await;
            Timer::after(Duration::from_millis(WATCH_TICK_MS)).await;
            self.slots.iter().chain([&self.spare]).for_each(Slot::tick);
        }
    }

    fn open<'a, S: Socket>(
        &self,
        slot: &'a Slot,
        peer: SocketAddr,
        socket: S,
        timeouts: &'a TimeoutTicks,
        on_closing: &'a dyn Fn(),
    ) -> Connection<'a, S> {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1).max(1));
        slot.open(id, peer);
        slot.state.set(State::Serving);
        self.open.set(self.open.get() + 1);
        self.watcher.borrow_mut().wake();
        Connection::new(socket, slot, timeouts, peer, on_closing)
    }

    /// Closes the connection as its end demands, and counts how it ended.
    async fn end<S: Socket>(&self, mut connection: Connection<'_, S>, mut result: Result<(), Error<S::Error>>) {
        let silent = matches!(result, Err(Error::Timeout(Phase::Idle | Phase::Request)));
        if silent {
            self.count(|stats| stats.timed_out += 1);
            result = Ok(());
        }
        if result.is_ok() && !connection.is_closing() {
            result = connection.finish().await.map(|_| ());
        }
        if let Err(error) = result {
            self.count(|stats| match error {
                Error::Timeout(_) if silent => {}
                Error::Timeout(_) => stats.timed_out += 1,
                Error::Io(_) => stats.reset += 1,
            });
            connection.abort().await;
        }
    }

    fn free(&self, slot: &Slot) {
        self.count(|stats| {
            stats.bytes_in += u64::from(slot.bytes_in.get());
            stats.bytes_out += u64::from(slot.bytes_out.get());
        });
        slot.state.set(State::Free);
        self.open.set(self.open.get() - 1);
    }

    fn set_serving(&self, serving: usize) {
        let was_full = self.serving.replace(serving) == self.active;
        if was_full != (serving == self.active) {
            self.gate.borrow_mut().wake();
        }
    }

    fn count(&self, change: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    async fn accept_failed(&self) {
        self.count(|stats| stats.accept_errors = stats.accept_errors.wrapping_add(1));
        Timer::after(Duration::from_millis(ACCEPT_RETRY_MS)).await;
    }
}
