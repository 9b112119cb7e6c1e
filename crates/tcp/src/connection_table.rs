//! The connections of a listener, who waits for them, and the SYNs that wait for room.

use core::cell::RefCell;
use core::task::Waker;

use embassy_time::{Duration, Instant};
use heapless::Vec;
use smoltcp::socket::tcp::State;
use smoltcp::wire::Ipv4Cidr;

use crate::driver_port::{Sent, Transmit, send};
use crate::frame::{Peer, Segment};
use crate::limits::{
    GIVE_WAY_KEEP_MS, HALF_OPEN_KEEP_MS, INTERFACES_MAX, PORTS_MAX, SYN_BACKLOG, SYN_LEN_MAX, SYN_WAIT_MS, TICK_MS,
};
use crate::tcp_connection::{AcceptState, Connection};

/// How late a timer may fire.
pub(crate) const TICK: Duration = Duration::from_millis(TICK_MS);

/// What a listener and its handles share. Borrowed for the length of one call, never across an await.
pub(crate) type Shared = RefCell<Table>;

/// What the table knows of a network interface.
pub(crate) struct InterfaceState {
    pub(crate) address: Option<Ipv4Cidr>,
    /// The address has changed since the runner looked.
    pub(crate) changed: bool,
    /// Connections that have something to send, one bit each.
    pub(crate) dirty: u64,
    /// The earliest timer of a connection.
    pub(crate) next: Instant,
    /// When the runner will be woken for it. An alarm once set stays.
    pub(crate) alarm: Instant,
    /// One tick after the last poll of the runner. An alarm no later than this needs no extra wake-up.
    pub(crate) soon: Instant,
    /// The runner's; none before it runs.
    waker: Option<Waker>,
    pub(crate) port: Option<&'static RefCell<dyn Transmit>>,
}

impl InterfaceState {
    pub(crate) const fn new() -> Self {
        Self {
            address: None,
            changed: false,
            dirty: 0,
            next: Instant::MAX,
            alarm: Instant::MAX,
            soon: Instant::MIN,
            waker: None,
            port: None,
        }
    }

    /// Registers the runner's waker.
    #[inline]
    pub(crate) fn register(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// A connection has a timer at `due`. True if the alarm is later than that.
    #[inline]
    pub(crate) fn expect(&mut self, due: Instant) -> bool {
        self.next = self.next.min(due);
        due < self.alarm
    }
}

/// A SYN that came while no slot was free.
pub(crate) struct WaitingSyn {
    pub(crate) interface: usize,
    pub(crate) peer: Peer,
    at: Instant,
    pub(crate) frame: Vec<u8, SYN_LEN_MAX>,
}

/// The state of a listener, without its drivers.
pub(crate) struct Table<R: ?Sized = [Connection]> {
    /// The ports that are listened on: 0 before, and the first one again where there is no second.
    pub(crate) ports: [u16; PORTS_MAX],
    pub(crate) handshake: Duration,
    pub(crate) interfaces: [InterfaceState; INTERFACES_MAX],
    /// How many of them are attached.
    pub(crate) interfaces_len: usize,
    syns: Vec<WaitingSyn, SYN_BACKLOG>,
    /// Accepts that wait, one bit each, and how many they are.
    pending_accepts: u64,
    pending_accepts_len: u32,
    /// Connections that are half open or ready.
    unaccepted: u32,
    pub(crate) connections: R,
}

impl<R> Table<R> {
    pub(crate) const fn new(connections: R, handshake: Duration) -> Self {
        Self {
            ports: [0; PORTS_MAX],
            handshake,
            interfaces: [const { InterfaceState::new() }; INTERFACES_MAX],
            interfaces_len: 0,
            syns: Vec::new(),
            pending_accepts: 0,
            pending_accepts_len: 0,
            unaccepted: 0,
            connections,
        }
    }
}

impl Table {
    /// Listens on one more port, and tells the runners. False if there are [`PORTS_MAX`] already.
    pub(crate) fn listen(&mut self, port: u16) -> bool {
        match self.ports {
            ports if ports.contains(&port) => return true,
            [0, _] => self.ports = [port; PORTS_MAX],
            [first, second] if first == second => self.ports = [first, port],
            _ => return false,
        }
        for interface in &mut self.interfaces {
            interface.changed = true;
            interface.wake();
        }
        true
    }

    /// The connection with `peer` on this interface, which may be in TIME-WAIT. Two networks may have the same addresses,
    /// and what comes in from one is nothing to the other's clients.
    #[inline]
    pub(crate) fn find(&self, interface: usize, peer: Peer) -> Option<usize> {
        self.connections
            .iter()
            .position(|connection| connection.peer == Some(peer) && connection.interface == interface)
    }

    /// Marks a connection that has something to send, and wakes its runner.
    pub(crate) fn mark(&mut self, index: usize) {
        let interface = &mut self.interfaces[self.connections[index].interface];
        interface.dirty |= 1 << index;
        interface.wake();
    }

    /// Marks a connection that has something to send and whose owner will call [`transmit`](Self::transmit) soon. If the
    /// owner does not, the next tick sends it.
    #[inline]
    pub(crate) fn schedule_tx(&mut self, index: usize) {
        let interface = &mut self.interfaces[self.connections[index].interface];
        interface.dirty |= 1 << index;
        if interface.alarm > interface.soon {
            interface.wake();
        }
    }

    /// Sends what a marked connection has to send, here and now.
    #[inline]
    pub(crate) fn transmit(&mut self, index: usize) {
        let interface = &mut self.interfaces[self.connections[index].interface];
        if interface.dirty & 1 << index != 0 {
            self.transmit_marked(index);
        }
    }

    fn transmit_marked(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let interface = &mut self.interfaces[connection.interface];
        let (Some(port), Some(waker)) = (interface.port, &interface.waker) else { return };
        // It is borrowed only while embassy's executor polls the runner, which is not now; else the runner sends.
        let Ok(mut port) = port.try_borrow_mut() else { return };
        let now = Instant::now();
        if send(&mut *port, connection, waker, now) == Sent::All {
            interface.dirty &= !(1 << index);
            connection.unacked = 0;
            let due = now + TICK;
            if connection.due > due {
                connection.due = due;
                if interface.expect(due) {
                    interface.wake();
                }
            }
        }
    }

    // ---- connections that begin

    /// A connection for a new client, if an accept waits for one more and there is room.
    pub(crate) fn admit(&mut self, interface: usize, segment: &Segment, now: Instant) -> Option<usize> {
        let index = self.room_for_syn(now)?;
        let connection = &mut self.connections[index];
        connection.forget();
        connection.socket().listen(segment.port).ok()?;
        connection.peer = Some(segment.peer);
        connection.interface = interface;
        connection.accept_state = AcceptState::HalfOpen;
        connection.since = now;
        connection.unacked = 0;
        connection.gives_way = false;
        self.unaccepted += 1;
        Some(index)
    }

    /// A free connection: one that is closed, or else the one that has been in TIME-WAIT for the longest.
    fn room(&self) -> Option<usize> {
        let mut oldest: Option<(usize, Instant)> = None;
        for (index, connection) in self.connections.iter().enumerate() {
            if connection.accept_state != AcceptState::Free {
                continue;
            }
            if connection.peer.is_none() {
                return Some(index);
            }
            if oldest.is_none_or(|(_, since)| connection.since < since) {
                oldest = Some((index, connection.since));
            }
        }
        oldest.map(|(index, _)| index)
    }

    /// Ends the oldest half-open connection if it had its time, so that SYNs without a client behind them can't keep
    /// clients out.
    fn evict_half_open(&mut self, now: Instant) -> bool {
        let half_open = self
            .connections
            .iter()
            .enumerate()
            .filter(|(_, connection)| connection.accept_state == AcceptState::HalfOpen);
        let oldest = half_open.min_by_key(|(_, connection)| connection.since);
        match oldest.filter(|(_, connection)| connection.since + Duration::from_millis(HALF_OPEN_KEEP_MS) <= now) {
            Some((index, _)) => {
                self.forget(index);
                true
            }
            None => false,
        }
    }

    /// Brings a connection's accept state in line with its socket's TCP state, after anything that may have changed it.
    pub(crate) fn sync_state(&mut self, index: usize) {
        let state = self.connections[index].socket().state();
        self.sync_known_state(index, state);
    }

    /// [`sync_state`](Self::sync_state) where the socket's TCP state is known.
    #[inline]
    pub(crate) fn sync_known_state(&mut self, index: usize, state: State) {
        let connection = &mut self.connections[index];
        match (connection.accept_state, state) {
            (AcceptState::Owned, State::Established) => {}
            (AcceptState::HalfOpen, State::Established | State::CloseWait) => {
                connection.accept_state = AcceptState::Ready;
                self.wake_accept();
            }
            (AcceptState::Orphan, State::TimeWait) => {
                connection.accept_state = AcceptState::Free;
                self.wake_for_syn();
            }
            // A RST in SYN-RECEIVED makes smoltcp listen again.
            (_, State::Closed | State::Listen) => self.sync_closed(index),
            _ => {}
        }
    }

    fn sync_closed(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if connection.socket().remote_endpoint().is_some() {
            // Its RST has not left yet.
            return;
        }
        if connection.accept_state == AcceptState::Owned {
            // The owner may still ask how the connection ended.
            (connection.peer, connection.due) = (None, Instant::MAX);
        } else {
            self.forget(index);
        }
    }

    /// Ends a connection without a word to the client; an owner sees it closed.
    pub(crate) fn forget(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let accept_state = connection.accept_state;
        connection.forget();
        match accept_state {
            AcceptState::HalfOpen | AcceptState::Ready => self.unaccepted -= 1,
            AcceptState::Orphan => {}
            AcceptState::Owned | AcceptState::Free => return,
        }
        self.wake_for_syn();
    }

    /// Ends handshakes that took too long.
    pub(crate) fn expire_half_open(&mut self, index: usize, now: Instant) {
        let connection = &self.connections[index];
        if connection.accept_state == AcceptState::HalfOpen && connection.since + self.handshake <= now {
            self.forget(index);
        }
    }

    // ---- accepts that wait

    /// Announces an accept. None if more accepts wait than there are connections.
    pub(crate) fn begin_accept(&mut self) -> Option<usize> {
        let pending_accept = (!self.pending_accepts).trailing_zeros() as usize;
        if pending_accept >= self.connections.len() {
            return None;
        }
        self.pending_accepts |= 1 << pending_accept;
        self.pending_accepts_len += 1;
        self.wake_for_syn();
        Some(pending_accept)
    }

    /// An accept waits no longer, served or not.
    pub(crate) fn end_accept(&mut self, pending_accept: usize) {
        self.pending_accepts &= !(1 << pending_accept);
        self.pending_accepts_len -= 1;
        // What this accept may have been woken for, another must not miss.
        if self.unaccepted > 0
            && self.connections.iter().any(|connection| connection.accept_state == AcceptState::Ready)
        {
            self.wake_accept();
        }
    }

    /// The longest established connection that nobody has accepted, now owned by the caller.
    pub(crate) fn take_ready(&mut self, pending_accept: usize, waker: &core::task::Waker) -> Option<usize> {
        let Some(index) = self.longest_ready() else {
            self.connections[pending_accept].accept_waker.register(waker);
            return None;
        };
        self.connections[index].accept_state = AcceptState::Owned;
        self.unaccepted -= 1;
        Some(index)
    }

    fn longest_ready(&self) -> Option<usize> {
        if self.unaccepted == 0 {
            return None;
        }
        let ready =
            self.connections.iter().enumerate().filter(|(_, connection)| connection.accept_state == AcceptState::Ready);
        ready.min_by_key(|(_, connection)| connection.since).map(|(index, _)| index)
    }

    fn wake_accept(&mut self) {
        let pending_accept = self.pending_accepts.trailing_zeros() as usize;
        if let Some(connection) = self.connections.get_mut(pending_accept) {
            connection.accept_waker.wake();
        }
    }

    /// A socket closes both directions: its connection ends when a newcomer needs it.
    pub(crate) fn give_way(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        (connection.gives_way, connection.since) = (true, Instant::now());
        self.wake_for_syn();
    }

    /// Ends the connection that has given way for the longest, without a word to its client. Its client has acknowledged
    /// all data, or has had [`GIVE_WAY_KEEP_MS`] for that. The socket sees the end, and its slot accepts again.
    fn reclaim(&mut self, now: Instant) {
        let mut oldest: Option<(usize, Instant)> = None;
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if connection.gives_way
                && connection.peer.is_some()
                && (connection.socket().send_queue() == 0
                    || connection.since + Duration::from_millis(GIVE_WAY_KEEP_MS) <= now)
                && oldest.is_none_or(|(_, since)| connection.since < since)
            {
                oldest = Some((index, connection.since));
            }
        }
        if let Some((index, _)) = oldest {
            self.forget(index);
        }
    }

    /// A socket was dropped: what is not closed in order is reset.
    pub(crate) fn release(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.accept_state = AcceptState::Orphan;
        connection.since = Instant::now();
        if !matches!(connection.socket().state(), State::Closed | State::TimeWait) {
            connection.socket().abort();
        }
        self.sync_state(index);
        if self.connections[index].accept_state == AcceptState::Orphan {
            self.mark(index);
        }
    }

    // ---- SYNs that wait

    /// Keeps a SYN until a slot is free. A repeated one takes the place of the first; when all places are taken, the
    /// oldest goes: its client sends it again.
    pub(crate) fn queue_syn(&mut self, interface: usize, peer: Peer, frame: &[u8], now: Instant) {
        let Ok(frame) = Vec::from_slice(frame) else { return };
        self.drop_syns(|syn| syn.peer == peer && syn.interface == interface);
        if self.syns.is_full() {
            self.syns.remove(0);
        }
        let _ = self.syns.push(WaitingSyn { interface, peer, at: now, frame });
    }

    /// Whether any SYN waits.
    #[inline]
    pub(crate) fn has_syns(&self) -> bool {
        !self.syns.is_empty()
    }

    /// The oldest SYN that waits on `interface` and can now be admitted.
    pub(crate) fn next_syn(&mut self, interface: usize, now: Instant) -> Option<WaitingSyn> {
        self.drop_syns(|syn| syn.at + Duration::from_millis(SYN_WAIT_MS) <= now);
        let ready = |syn: &WaitingSyn| syn.interface == interface && !self.is_connected(interface, syn.peer);
        let index = self.syns.iter().position(ready)?;
        if self.room_for_syn(now).is_none() {
            self.reclaim(now);
            // Connections become old enough to be ended without anything that would wake the runner.
            self.interfaces[interface].expect(now + TICK);
            return None;
        }
        Some(self.syns.remove(index))
    }

    fn is_connected(&self, interface: usize, peer: Peer) -> bool {
        self.find(interface, peer).is_some_and(|index| self.connections[index].accept_state != AcceptState::Free)
    }

    /// A connection for one more handshake, if an accept waits for it.
    fn room_for_syn(&mut self, now: Instant) -> Option<usize> {
        if self.unaccepted < self.pending_accepts_len || self.evict_half_open(now) { self.room() } else { None }
    }

    pub(crate) fn drop_syns(&mut self, drop: impl Fn(&WaitingSyn) -> bool) {
        self.syns.retain(|syn| !drop(syn));
    }

    fn wake_for_syn(&mut self) {
        for syn in &self.syns {
            self.interfaces[syn.interface].wake();
        }
    }
}
