//! One connection: its TCP, its peer, and who answers for it.

use core::task::Waker;

use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, Instant};
use sockeye_tcp_engine::{self as engine, OutgoingSegment, Reaction, State};

use crate::checksum;
use crate::frame::{Packet, Peer};
use crate::limits::{LONG_TEXT_LEN, RESET_KEEP_MS, TICK_MS};
use crate::route::Route;

/// The owner of a connection, from its SYN to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptState {
    /// No owner: the connection can be used. A connection in TIME-WAIT gives way to a new one.
    Free,
    /// The handshake is under way.
    HalfOpen,
    /// Established, not yet accepted.
    Ready,
    /// A socket has it.
    Owned,
    /// Its socket was dropped, and its RST has not left yet. [`RESET_KEEP_MS`] bounds that.
    Orphan,
}

/// The waker of a task that waits again and again. The waker is kept between two waits: a flag costs less than a clone
/// for each wait.
struct KeptWaker {
    waker: Option<Waker>,
    /// The task waits now.
    is_waiting: bool,
}

impl KeptWaker {
    const fn new() -> Self {
        Self { waker: None, is_waiting: false }
    }

    /// A task waits. Another one that waits is woken, as [`WakerRegistration`] does.
    #[inline]
    fn register(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.replace(waker);
        }
        self.is_waiting = true;
    }

    #[cold]
    fn replace(&mut self, waker: &Waker) {
        self.wake();
        self.waker = Some(waker.clone());
    }

    /// Wakes the task that waits. The wait is over then.
    #[inline]
    fn wake(&mut self) {
        if core::mem::take(&mut self.is_waiting)
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
    }
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) tcp: engine::Tcb<&'static mut [u8]>,
    pub(crate) peer: Option<Peer>,
    pub(crate) route: Route,
    pub(crate) interface: usize,
    /// Something is to be sent. Its interface counts the marks.
    pub(crate) is_marked: bool,
    pub(crate) accept_state: AcceptState,
    /// When its SYN came, and later when it was let go or began to give way.
    pub(crate) since: Instant,
    /// When its timers are to be looked at.
    pub(crate) due: Instant,
    /// Its socket is closing both directions: it ends when a newcomer needs the connection.
    pub(crate) gives_way: bool,
    /// Wakes the accept that holds the pending_accept of this number; it need not get this connection.
    pub(crate) accept_waker: WakerRegistration,
    /// The wakers of those that wait for input, and for room, the handshake or the peer's ACK of a FIN.
    rx_waker: KeptWaker,
    tx_waker: WakerRegistration,
}

impl Connection {
    pub(crate) fn new(rx: &'static mut [u8], tx: &'static mut [u8]) -> Self {
        Self {
            tcp: engine::Tcb::new(rx, tx),
            peer: None,
            route: Route::default(),
            interface: 0,
            is_marked: false,
            accept_state: AcceptState::Free,
            since: Instant::MIN,
            due: Instant::MAX,
            gives_way: false,
            accept_waker: WakerRegistration::new(),
            rx_waker: KeptWaker::new(),
            tx_waker: WakerRegistration::new(),
        }
    }

    /// Begins anew for a peer of an interface. Segments are sent to `route`.
    pub(crate) fn begin(
        &mut self,
        peer: Peer,
        route: Route,
        interface: usize,
        accept_state: AcceptState,
        now: Instant,
    ) {
        self.peer = Some(peer);
        self.route = route;
        self.interface = interface;
        self.accept_state = accept_state;
        self.since = now;
        self.gives_way = false;
    }

    /// Ends the connection without a word to the peer.
    pub(crate) fn forget(&mut self) {
        self.tcp.forget();
        self.wake();
        self.leave_peer();
        if self.accept_state != AcceptState::Owned {
            self.accept_state = AcceptState::Free;
        }
    }

    /// The connection is its peer's no more: the peer may open another one. No timer is looked at from now on.
    pub(crate) fn leave_peer(&mut self) {
        (self.peer, self.due) = (None, Instant::MAX);
    }

    /// When the connection is forgotten whatever its TCP does. [`Instant::MAX`] for never. `handshake` is how long one
    /// may take.
    pub(crate) fn expires_at(&self, handshake: Duration) -> Instant {
        match self.accept_state {
            AcceptState::HalfOpen => self.since + handshake,
            AcceptState::Orphan => self.since + Duration::from_millis(RESET_KEEP_MS),
            AcceptState::Free | AcceptState::Ready | AcceptState::Owned => Instant::MAX,
        }
    }

    /// Ends the connection with a RST.
    pub(crate) fn abort(&mut self) {
        self.tcp.abort();
        self.wake();
    }

    /// Whether reading `len` bytes of input, or all, opens the window enough for a window update. False where a segment is
    /// to be sent anyway: the segment has the new window.
    #[inline]
    pub(crate) fn opens_window(&self, len: usize) -> bool {
        let received = self.tcp.received();
        let is_filled = received >= self.tcp.receive_capacity() / 4;
        is_filled && !self.is_marked && self.tcp.will_have_window_update(received.saturating_sub(len))
    }

    // ---- waiting

    /// Wakes `waker` when there is more input, or an end to it.
    #[inline]
    pub(crate) fn wait_rx(&mut self, waker: &Waker) {
        self.rx_waker.register(waker);
    }

    /// Wakes `waker` when there is more room, or the state has changed.
    #[inline]
    pub(crate) fn wait_tx(&mut self, waker: &Waker) {
        self.tx_waker.register(waker);
    }

    #[cold]
    fn wake(&mut self) {
        self.rx_waker.wake();
        self.tx_waker.wake();
    }

    /// Takes the segment of a packet, whose checksums are verified unless its text is long. Wakes whoever waits for what the
    /// segment has brought.
    #[inline]
    pub(crate) fn on_packet(&mut self, packet: &Packet<'_>, now: Instant) -> Reaction {
        let before = (self.tcp.received(), self.tcp.unacknowledged(), self.tcp.state());
        let check = |room: Option<&mut [u8]>| packet.check(room);
        let reaction = self.tcp.on_unverified_segment(&packet.segment, now, packet.is_long(), check);
        let (received, unacknowledged, state) = before;
        if self.tcp.state() != state {
            self.wake();
            return reaction;
        }
        if self.tcp.received() != received {
            self.rx_waker.wake();
        }
        if self.tcp.unacknowledged() != unacknowledged {
            self.tx_waker.wake();
        }
        reaction
    }

    /// Whether a segment has left nothing else to do. Nothing is to be sent at once, the timers are looked at by `due`, and
    /// the connection is open and owned.
    #[inline]
    pub(crate) fn is_settled(&self, due: Instant) -> bool {
        self.accept_state == AcceptState::Owned
            && self.tcp.state() == State::Established
            && self.due <= due
            && !self.tcp.has_urgent_segment()
    }

    /// Does what the time asks for.
    pub(crate) fn on_timer(&mut self, now: Instant) {
        let state = self.tcp.state();
        self.tcp.on_timer(now);
        if self.tcp.state() != state {
            self.wake();
        }
    }

    /// When its timers are to be looked at, after they have been: at least one tick later, since each look visits all.
    /// `handshake` is how long one may take. [`Instant::MAX`] without a peer.
    pub(crate) fn next_due(&self, now: Instant, handshake: Duration) -> Instant {
        if self.peer.is_none() {
            return Instant::MAX;
        }
        let due = self.tcp.due().min(self.expires_at(handshake));
        due.max(now + Duration::from_millis(TICK_MS))
    }

    /// Writes the frame of a segment that [`next_segment`](engine::Tcb::next_segment) has returned.
    #[inline]
    pub(crate) fn write(&self, segment: &OutgoingSegment, frame: &mut [u8]) {
        self.route.write(segment, frame, |payload| self.fill(segment, payload));
    }

    /// The same out of line for a segment without payload: a RST, or a SYN whose way ARP has to find.
    pub(crate) fn write_rare(&self, segment: &OutgoingSegment, frame: &mut [u8]) {
        self.route.write_rare(segment, frame);
    }

    /// Copies the payload of a segment, and returns its sum.
    #[inline]
    fn fill(&self, segment: &OutgoingSegment, payload: &mut [u8]) -> u32 {
        if segment.len >= LONG_TEXT_LEN
            && let Some(text) = self.tcp.text(segment)
        {
            return checksum::copy_and_sum(payload, text);
        }
        self.tcp.fill(segment, payload);
        checksum::sum(payload)
    }

    /// Whether the peer is done with the connection, or it with the peer, so that it takes up no room any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.tcp.state() == State::Closed && !self.tcp.has_urgent_segment()
    }
}
