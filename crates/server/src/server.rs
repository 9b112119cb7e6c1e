//! The slots of a server and what runs in them.

use core::cell::{Cell, RefCell};
use core::cmp::Reverse;
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::task::Poll;

use edge_nal::TcpAccept;
use embassy_futures::join::{join_array, join3};
use embassy_futures::select::select;
use embassy_futures::yield_now;
use embassy_sync::waitqueue::{MultiWakerRegistration, WakerRegistration};
use embassy_time::{Duration, Timer};
use embedded_io_async::{Error as _, ErrorKind, ErrorType};

use crate::connection::{Connection, ConnectionError, Served, Socket, TimeoutPhase};
use crate::limits::{ACCEPT_RETRY_MS, REJECT_AFTER_MS, TimeoutTicks, Timeouts, WATCH_TICK_MS};
use crate::slot::{Rank, Slot, SlotInfo, SlotState};

/// Serves or rejects the connections of a server. `S` is the stack's socket.
///
/// A handler that reads and writes implements the trait for all sockets: `impl<S: Socket> Handler<S> for Echo`. A
/// handler that works in the socket's own buffers needs a socket with buffers:
/// `impl<S: BufferedSocket> Handler<S> for ..`.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Handler<S: Socket> {
    /// Serves one client until there is nothing more to do. The server then closes the connection in order; after an
    /// error it closes or resets it, whichever the error leaves possible.
    ///
    /// # Errors
    /// An error of reading or writing, which the server counts.
    async fn serve(&self, connection: &mut Connection<'_, S>) -> Result<(), ConnectionError<<S as ErrorType>::Error>>;

    /// Tells a client that all slots are taken. The server then closes the connection in order. Without an
    /// implementation the client sees an orderly close and no word.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    async fn reject(&self, connection: &mut Connection<'_, S>) -> Result<(), ConnectionError<<S as ErrorType>::Error>> {
        let _ = connection;
        Ok(())
    }
}

/// Figures since start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerStats {
    /// Connections that got a slot.
    pub accepted: u32,
    /// Connections that were rejected because all slots were taken.
    pub rejected: u32,
    /// Connections that ended because a newcomer took their place.
    pub displaced: u32,
    /// Connections that ended because the client took too long, in any phase.
    pub timed_out: u32,
    /// Connections that ended by a reset or another error of the stack.
    pub reset: u32,
    /// Accepts that failed. The server tries again at once where the client is the cause, and else after
    /// [`ACCEPT_RETRY_MS`].
    pub accept_errors: u32,
    /// Bytes received, open connections included.
    pub bytes_in: u64,
    /// Bytes sent, open connections included.
    pub bytes_out: u64,
}

/// A server of `N` clients at once, in `N + 1` slots: the additional slot accepts while the others serve or close. No slot
/// is special.
///
/// A newcomer that finds all `N` taken waits [`REJECT_AFTER_MS`] for a client that leaves. Then it displaces the client
/// that is missed least:
/// 1. one that has sent nothing since it connected, after [`SILENT_KEEP_MS`](crate::limits::SILENT_KEEP_MS);
/// 2. one whose request is incomplete, after [`HALF_REQUEST_KEEP_MS`](crate::limits::HALF_REQUEST_KEEP_MS);
/// 3. one that waits between two requests, after [`IDLE_KEEP_MS`](crate::limits::IDLE_KEEP_MS).
///
/// Of several, the one that has waited longest goes. A client is never displaced while its reply is being written, nor
/// while its handler waits without a limit ([`Connection::set_idle`] with `None`). If no client may be displaced, the
/// newcomer is rejected.
///
/// The free slots are the backlog: each has an accept of its own under way. [`run`](Self::run) is the whole server as
/// one future, on any executor. [`run_slot`](Self::run_slot) for each slot and [`watch`](Self::watch) are the same in
/// parts, for one task each. The server holds no buffers, and takes about 100 bytes a slot beside the futures.
pub struct Server<const N: usize> {
    timeouts: TimeoutTicks,
    rejecting: TimeoutTicks,
    slots: [Slot; N],
    /// The additional slot.
    last: Slot,
    /// How many clients are served at once.
    active: usize,
    /// How many are served now.
    serving: Cell<usize>,
    /// The newcomers that wait while all clients are served.
    queue: Queue,
    /// Slots that are not free.
    open: Cell<usize>,
    /// Ticks of the watch since start.
    pub(crate) ticks: Cell<u32>,
    /// Wakes the watch when the first slot opens.
    watcher: RefCell<WakerRegistration>,
    stats: RefCell<ServerStats>,
    next_id: Cell<u32>,
}

/// The newcomers that wait for room, in the order in which they came.
struct Queue {
    /// The number of the first of them.
    first: Cell<u16>,
    /// The number that the next one gets.
    next: Cell<u16>,
    /// Wakes them when there may be room. There are mostly no two: a newcomer has a slot already, which is the one more.
    wakers: RefCell<MultiWakerRegistration<2>>,
}

impl Queue {
    const fn new() -> Self {
        let wakers = RefCell::new(MultiWakerRegistration::new());
        Self { first: Cell::new(0), next: Cell::new(0), wakers }
    }

    fn len(&self) -> usize {
        usize::from(self.next.get().wrapping_sub(self.first.get()))
    }

    fn enter(&self) -> Waiting<'_> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        Waiting { queue: self, number }
    }

    fn wake(&self) {
        self.wakers.borrow_mut().wake();
    }
}

/// A newcomer's place in the queue.
struct Waiting<'a> {
    queue: &'a Queue,
    number: u16,
}

impl Waiting<'_> {
    fn is_first(&self) -> bool {
        self.number.wrapping_sub(self.queue.first.get()) as i16 <= 0
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.first.set(self.number.wrapping_add(1));
        self.queue.wake();
    }
}

/// Whether an accept failed because its client has gone, so that the next accept may succeed at once.
fn is_of_client(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut)
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
            rejecting: TimeoutTicks::rejecting(&timeouts),
            slots: [const { Slot::new() }; N],
            active,
            last: Slot::new(),
            serving: Cell::new(0),
            queue: Queue::new(),
            open: Cell::new(0),
            ticks: Cell::new(0),
            watcher: RefCell::new(WakerRegistration::new()),
            stats: RefCell::new(ServerStats {
                accepted: 0,
                rejected: 0,
                displaced: 0,
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

    /// The state of each slot; one more than [`slots_max`](Self::slots_max).
    pub fn slots(&self) -> impl Iterator<Item = SlotInfo> + '_ {
        self.all().map(Slot::info)
    }

    /// Figures since start.
    pub fn stats(&self) -> ServerStats {
        let mut stats = *self.stats.borrow();
        for slot in self.all().filter(|slot| slot.state.get() != SlotState::Free) {
            stats.bytes_in += u64::from(slot.bytes_in.get());
            stats.bytes_out += u64::from(slot.bytes_out.get());
        }
        stats
    }

    /// Runs the whole server as one future. The future never returns: accept errors are transient.
    ///
    /// Each wake polls every slot, so with many slots on a small chip prefer one task for each.
    pub async fn run<A, H>(&self, acceptor: &A, handler: &H) -> !
    where
        A: TcpAccept,
        for<'a> A::Socket<'a>: Socket,
        for<'a> H: Handler<A::Socket<'a>>,
    {
        let slots = core::array::from_fn::<_, N, _>(async |index| match index < self.active {
            true => self.run_slot(index, acceptor, handler).await,
            false => core::future::pending().await,
        });
        join3(join_array(slots), self.run_slot(self.active, acceptor, handler), self.watch()).await.2
    }

    /// Runs slot `index`, from 0 to [`slots_max`](Self::slots_max) inclusive: accepts, serves and closes one connection
    /// after the other. Meant for a task of its own, beside one that runs [`watch`](Self::watch).
    ///
    /// # Panics
    /// If `index` is above [`slots_max`](Self::slots_max).
    pub async fn run_slot<A, H>(&self, index: usize, acceptor: &A, handler: &H) -> !
    where
        A: TcpAccept,
        for<'a> A::Socket<'a>: Socket,
        for<'a> H: Handler<A::Socket<'a>>,
    {
        let slot = self.slot(index);
        loop {
            // A `match` ends before the client is served: the future would keep what the `match` is about.
            let (peer, socket) = match acceptor.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.pause_after(error.kind()).await;
                    continue;
                }
            };
            self.attend(slot, peer, socket, handler).await;
        }
    }

    fn slot(&self, index: usize) -> &Slot {
        assert!(index <= self.active, "there is no slot {index}");
        if index == self.active { &self.last } else { &self.slots[index] }
    }

    /// An accept has failed.
    async fn pause_after(&self, error: ErrorKind) {
        self.count(|stats| stats.accept_errors = stats.accept_errors.wrapping_add(1));
        match is_of_client(error) {
            true => yield_now().await,
            false => Timer::after(Duration::from_millis(ACCEPT_RETRY_MS)).await,
        }
    }

    /// One connection, from its accept to its end.
    // The connection is made outside of the future, which has it once: an `async fn` keeps what it is given, and its copy.
    fn attend<'a, S: Socket + 'a, H: Handler<S>>(
        &'a self,
        slot: &'a Slot,
        peer: SocketAddr,
        socket: S,
        handler: &'a H,
    ) -> impl Future<Output = ()> {
        self.open(slot, peer);
        let mut connection = Connection::new(socket, slot, &self.timeouts);
        async move {
            let result = if self.find_room().await {
                self.count(|stats| stats.accepted += 1);
                connection.is_served_by(self);
                handler.serve(&mut connection).await
            } else {
                self.count(|stats| stats.rejected += 1);
                connection.is_rejected(&self.rejecting);
                match handler.reject(&mut connection).await {
                    Ok(()) => connection.give_way().await,
                    error => error,
                }
            };
            self.end(&mut connection, result).await;
            drop(connection);
            self.free(slot);
        }
    }

    /// Takes room for one more client. False if there is none. If all is taken at first, it is worth a moment's wait: often another is just leaving. Else
    /// the client that is missed least is displaced.
    async fn find_room(&self) -> bool {
        // A newcomer that waits already comes first.
        if self.serving.get() + self.queue.len() >= self.active {
            let waiting = self.queue.enter();
            let has_room = self.room_in_time(&waiting).await || (self.displace() && self.room_in_time(&waiting).await);
            if !has_room {
                return false;
            }
            self.serving.set(self.serving.get() + 1);
            return true;
        }
        self.serving.set(self.serving.get() + 1);
        true
    }

    /// Waits for room. False if there is none after [`REJECT_AFTER_MS`].
    async fn room_in_time(&self, waiting: &Waiting<'_>) -> bool {
        let has_room = || self.serving.get() < self.active && waiting.is_first();
        let room = poll_fn(|cx| {
            if has_room() {
                return Poll::Ready(());
            }
            self.queue.wakers.borrow_mut().register(cx.waker());
            Poll::Pending
        });
        select(room, Timer::after(Duration::from_millis(REJECT_AFTER_MS))).await;
        has_room()
    }

    /// Displaces the client that is missed least. False if none may be displaced.
    fn displace(&self) -> bool {
        // A loop, because the adapters of iterators would have the rank's steps in the image three times.
        let mut first: Option<((Rank, Reverse<u32>), &Slot)> = None;
        for slot in self.all() {
            if let Some(rank) = slot.rank(self.timeouts.request) {
                let rank = (rank, Reverse(slot.id.get()));
                if first.is_none_or(|(before, _)| before < rank) {
                    first = Some((rank, slot));
                }
            }
        }
        if let Some((_, slot)) = first {
            slot.displace();
        }
        first.is_some()
    }

    /// Slots that are not free.
    pub(crate) fn open_len(&self) -> usize {
        self.open.get()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().take(self.active).chain([&self.last])
    }

    /// Counts all time-outs down, every [`WATCH_TICK_MS`], and sleeps while no connection is open. Needed once beside the
    /// slots: without it no time is ever over.
    pub async fn watch(&self) -> ! {
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
            self.ticks.set(self.ticks.get().wrapping_add(1));
            self.all().for_each(Slot::tick);
        }
    }

    pub(crate) fn open(&self, slot: &Slot, peer: SocketAddr) {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1).max(1));
        slot.open(id, peer);
        self.open.set(self.open.get() + 1);
        self.watcher.borrow_mut().wake();
    }

    /// Closes the connection as its end demands, and counts how it ended.
    async fn end<S: Socket>(
        &self,
        connection: &mut Connection<'_, S>,
        mut result: Result<(), ConnectionError<S::Error>>,
    ) {
        if matches!(result, Err(ConnectionError::Displaced(_))) {
            self.count(|stats| stats.displaced += 1);
            result = connection.give_way().await;
        }
        let silent = matches!(result, Err(ConnectionError::Timeout(TimeoutPhase::Idle | TimeoutPhase::Request)));
        if silent {
            self.count(|stats| stats.timed_out += 1);
            result = Ok(());
        }
        if result.is_ok() && !connection.is_closing() {
            result = connection.finish().await.map(|_| ());
        }
        if let Err(error) = result {
            self.count(|stats| match error {
                ConnectionError::Timeout(_) if silent => {}
                ConnectionError::Timeout(_) | ConnectionError::Displaced(_) => stats.timed_out += 1,
                ConnectionError::Io(_) => stats.reset += 1,
            });
            connection.abort().await;
        }
    }

    fn free(&self, slot: &Slot) {
        self.count(|stats| {
            stats.bytes_in += u64::from(slot.bytes_in.get());
            stats.bytes_out += u64::from(slot.bytes_out.get());
        });
        slot.state.set(SlotState::Free);
        self.open.set(self.open.get() - 1);
    }

    fn count(&self, change: impl FnOnce(&mut ServerStats)) {
        change(&mut self.stats.borrow_mut());
    }
}

impl<const N: usize> Served for Server<N> {
    fn client_served(&self) {
        self.serving.set(self.serving.get() - 1);
        self.queue.wake();
    }
}
