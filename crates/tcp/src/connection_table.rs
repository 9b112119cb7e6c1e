//! The connections of a listener, who waits for them, and the SYNs that wait for room.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::ops::Range;
use core::task::Waker;

use embassy_net::Ipv4Cidr;
use embassy_time::{Duration, Instant};
use heapless::Vec;
use sockeye_tcp_engine::{IsnKey, State};

use crate::driver_port::Transmit;
use crate::frame::{Local, Packet, Peer, is_host};
use crate::limits::{
    GIVE_WAY_KEEP_MS, HALF_OPEN_KEEP_MS, INTERFACES_MAX, PORTS_MAX, SYN_BACKLOG, SYN_LEN_MAX, SYN_WAIT_MS, TICK_MS,
};
use crate::route::Route;
use crate::small_ref_cell::SmallRefCell;
use crate::syn_cookies::Flood;
use crate::tcp_connection::{AcceptState, Connection};
use crate::tcp_socket::TcpError;

mod transfer;

/// How late a timer may fire.
pub(crate) const TICK: Duration = Duration::from_millis(TICK_MS);

/// So many milliseconds after `now`, which is a time and not [`Instant::MAX`].
#[inline]
pub(crate) fn after(now: Instant, ms: u64) -> Instant {
    Instant::from_ticks(now.as_ticks().wrapping_add(Duration::from_millis(ms).as_ticks()))
}

/// One tick after `now`.
#[inline]
pub(crate) fn a_tick_after(now: Instant) -> Instant {
    after(now, TICK_MS)
}

/// The table that a listener and its handles share. Borrowed for the length of one call, never across an await.
pub(crate) type Shared = SmallRefCell<Table>;

/// The item at an index of the table. No list of the table shrinks, so an index stays good.
#[inline]
pub(crate) fn at<T>(items: &[T], index: usize) -> &T {
    match items.get(index) {
        Some(item) => item,
        None => no_such_item(),
    }
}

/// The same item, to be changed.
#[inline]
pub(crate) fn at_mut<T>(items: &mut [T], index: usize) -> &mut T {
    match items.get_mut(index) {
        Some(item) => item,
        None => no_such_item(),
    }
}

/// One function: each call of core's own takes three instructions more, for index and place.
#[cold]
#[inline(never)]
fn no_such_item() -> ! {
    panic!("an index of no connection, interface or accept")
}

/// The table's data about a network interface.
pub(crate) struct InterfaceState {
    pub(crate) address: Option<Ipv4Cidr>,
    /// The router to other networks; None if there is no way there.
    pub(crate) gateway: Option<Ipv4Addr>,
    /// The address has changed since the runner looked.
    pub(crate) changed: bool,
    /// How many of its connections are marked: they have something to send.
    pub(crate) marked_len: usize,
    /// The earliest timer of a connection.
    pub(crate) next: Instant,
    /// When the runner will be woken for it. An alarm once set stays.
    pub(crate) alarm: Instant,
    /// One tick after the last poll of the runner. An alarm no later than this needs no extra wake-up.
    pub(crate) soon: Instant,
    /// The runner's; none before it runs.
    waker: Option<Waker>,
    pub(crate) port: Option<&'static SmallRefCell<dyn Transmit>>,
}

impl InterfaceState {
    pub(crate) const fn new() -> Self {
        Self {
            address: None,
            gateway: None,
            changed: false,
            marked_len: 0,
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
pub(crate) struct Table {
    /// The ports that are listened on: 0 before, and the first one again where there is no second.
    pub(crate) ports: [u16; PORTS_MAX],
    pub(crate) handshake: Duration,
    pub(crate) isn_key: IsnKey,
    /// How many connections are for clients: the first ones. The others are for [`connect`](Self::connect).
    accepting_len: usize,
    /// How many were opened by [`connect`](Self::connect), modulo 2^16: RFC 6056's counter.
    opened: u16,
    pub(crate) interfaces: [InterfaceState; INTERFACES_MAX],
    /// How many of them are attached.
    pub(crate) interfaces_len: usize,
    syns: Vec<WaitingSyn, SYN_BACKLOG>,
    pub(crate) flood: Flood,
    /// Accepts that wait, one bit each, and how many they are.
    pending_accepts: u64,
    pending_accepts_len: u32,
    /// Connections that are half open or ready.
    unaccepted: u32,
    pub(crate) connections: &'static mut [Connection],
}

impl Table {
    /// Of the connections, the first `accepting_len` are for clients.
    pub(crate) const fn new(
        connections: &'static mut [Connection],
        accepting_len: usize,
        handshake: Duration,
        isn_key: IsnKey,
    ) -> Self {
        Self {
            ports: [0; PORTS_MAX],
            handshake,
            isn_key,
            accepting_len,
            opened: 0,
            interfaces: [const { InterfaceState::new() }; INTERFACES_MAX],
            interfaces_len: 0,
            syns: Vec::new(),
            flood: Flood::NONE,
            pending_accepts: 0,
            pending_accepts_len: 0,
            unaccepted: 0,
            connections,
        }
    }

    /// Listens on one more port. False if there are [`PORTS_MAX`] already.
    pub(crate) fn listen(&mut self, port: u16) -> bool {
        match self.ports {
            ports if ports.contains(&port) => {}
            [0, _] => self.ports = [port; PORTS_MAX],
            [first, second] if first == second => self.ports = [first, port],
            _ => return false,
        }
        true
    }

    /// Whether there is a listener on the port that a segment is for.
    pub(crate) fn is_listening(&self, peer: Peer) -> bool {
        peer.local_port() != 0 && self.ports.contains(&peer.local_port())
    }

    /// The connection with `peer` on this interface, which may be in TIME-WAIT. Two networks may have the same addresses,
    /// and what comes in from one is nothing to the other's clients.
    #[inline]
    pub(crate) fn find(&self, interface: usize, peer: Peer) -> Option<usize> {
        let is_it = |connection: &Connection| {
            // By far the most are told apart by their ports.
            connection.peer.map_or(0, |known| known.ports.get()) == peer.ports.get()
                && connection.peer == Some(peer)
                && connection.interface == interface
        };
        self.connections.iter().position(is_it)
    }

    // ---- connections that begin

    /// A connection for a new client, if an accept waits for one more and there is room. `mtu` is the length of the
    /// longest IPv4 packet.
    pub(crate) fn admit(
        &mut self,
        interface: usize,
        packet: &Packet<'_>,
        local: &Local,
        mtu: usize,
        now: Instant,
    ) -> Option<usize> {
        let index = self.room_for_syn(now)?;
        let peer = packet.peer;
        let isn = self.isn_key.isn(local.socket(peer), peer.into(), now);
        self.occupy(index, interface, packet, local, now).tcp.accept(&packet.segment, isn, mtu, now);
        Some(index)
    }

    /// Gives a free connection to the sender of a packet. Its TCP has yet to begin.
    pub(crate) fn occupy(
        &mut self,
        index: usize,
        interface: usize,
        packet: &Packet<'_>,
        local: &Local,
        now: Instant,
    ) -> &mut Connection {
        self.take_mark(index);
        self.unaccepted += 1;
        let connection = at_mut(&mut self.connections, index);
        connection.forget();
        let route = Route::new(packet.peer_mac, local.mac, local.address, packet.peer);
        connection.begin(packet.peer, route, interface, AcceptState::HalfOpen, now);
        connection
    }

    /// Opens a connection to `remote`, which belongs to the caller (RFC 9293 section 3.10.1, active open).
    pub(crate) fn connect(&mut self, interface: usize, remote: SocketAddrV4) -> Result<usize, TcpError> {
        let state = at(&self.interfaces, interface);
        let cidr = state.address.ok_or(TcpError::NetworkUnreachable)?;
        if remote.port() == 0 || !is_host(cidr, *remote.ip()) {
            return Err(TcpError::Unaddressable);
        }
        // RFC 1122 section 3.3.1.1: to the host itself where it is on the link, and else to the router.
        let next_hop = if cidr.contains_addr(remote.ip()) { Some(*remote.ip()) } else { state.gateway };
        let next_hop = next_hop.ok_or(TcpError::NetworkUnreachable)?;
        // The port is borrowed only while embassy's executor polls the runner, which is not now.
        let port = state.port.and_then(|port| port.try_borrow()).ok_or(TcpError::NetworkUnreachable)?;
        let (mac, mtu) = (port.mac(), port.mtu());
        drop(port);
        let index = self.room(self.accepting_len..self.connections.len()).ok_or(TcpError::NoConnections)?;
        let local = Local::new(mac, cidr);
        let peer = self.free_port(interface, &local, remote).ok_or(TcpError::NoConnections)?;
        let now = Instant::now();
        let isn = self.isn_key.isn(local.socket(peer), remote, now);
        self.take_mark(index);
        let connection = at_mut(&mut self.connections, index);
        connection.forget();
        connection.tcp.connect(isn, mtu, now);
        let route = Route::by(next_hop, mac, local.address, peer);
        connection.begin(peer, route, interface, AcceptState::Owned, now);
        self.mark_until(index, a_tick_after(now));
        Ok(index)
    }

    /// An ephemeral port for a connection to `remote` (RFC 6056 section 3.3.3): one on which nobody listens and which
    /// has no connection to it. There is one among so many attempts as there are others.
    fn free_port(&mut self, interface: usize, local: &Local, remote: SocketAddrV4) -> Option<Peer> {
        let others = self.connections.len() + PORTS_MAX;
        (0..=others).find_map(|_| {
            self.opened = self.opened.wrapping_add(1);
            let port = self.isn_key.port(local.socket(Peer::new(remote, 0)?), remote, self.opened);
            let peer = Peer::new(remote, port)?;
            (!self.is_listening(peer) && self.find(interface, peer).is_none()).then_some(peer)
        })
    }

    /// A free connection of these: one that is closed, or else the one that has been in TIME-WAIT for the longest.
    fn room(&self, range: Range<usize>) -> Option<usize> {
        // Instant::MAX is no time, so that any is before it.
        let (mut oldest, mut since) = (None, Instant::MAX);
        for (connection, index) in self.connections.get(range.clone())?.iter().zip(range) {
            if connection.accept_state != AcceptState::Free {
                continue;
            }
            if connection.peer.is_none() {
                return Some(index);
            }
            if connection.since < since {
                (oldest, since) = (Some(index), connection.since);
            }
        }
        oldest
    }

    /// The half-open connection whose SYN came first.
    #[inline(never)]
    pub(crate) fn oldest_half_open(&self) -> Option<usize> {
        let half_open = self
            .connections
            .iter()
            .enumerate()
            .filter(|(_, connection)| connection.accept_state == AcceptState::HalfOpen);
        half_open.min_by_key(|(_, connection)| connection.since).map(|(index, _)| index)
    }

    /// Ends the oldest half-open connection if it had its time, so that SYNs without a client behind them can't keep
    /// clients out.
    fn evict_half_open(&mut self, now: Instant) -> bool {
        let had_its_time =
            |index: &usize| at(&self.connections, *index).since + Duration::from_millis(HALF_OPEN_KEEP_MS) <= now;
        match self.oldest_half_open().filter(had_its_time) {
            Some(index) => {
                self.forget(index);
                true
            }
            None => false,
        }
    }

    /// Brings a connection's accept state in line with its TCP state, after anything that may have changed it.
    pub(crate) fn sync_state(&mut self, index: usize) {
        let state = at(&self.connections, index).tcp.state();
        self.sync_known_state(index, state);
    }

    /// [`sync_state`](Self::sync_state) where the TCP state is known.
    #[inline]
    pub(crate) fn sync_known_state(&mut self, index: usize, state: State) {
        if (at(&self.connections, index).accept_state, state) != (AcceptState::Owned, State::Established) {
            self.sync_rare_state(index, state);
        }
    }

    /// The same for all states that a request does not meet.
    #[inline(never)]
    fn sync_rare_state(&mut self, index: usize, state: State) {
        let connection = at_mut(&mut self.connections, index);
        match (connection.accept_state, state) {
            (AcceptState::HalfOpen, State::Established | State::CloseWait) => {
                connection.accept_state = AcceptState::Ready;
                self.wake_accept();
            }
            (AcceptState::Orphan, State::TimeWait) => {
                connection.accept_state = AcceptState::Free;
                self.wake_for_syn();
            }
            (_, State::Closed) => self.sync_closed(index),
            _ => {}
        }
    }

    fn sync_closed(&mut self, index: usize) {
        let connection = at_mut(&mut self.connections, index);
        if !connection.has_ended() {
            // Its RST has not left yet.
            return;
        }
        if connection.accept_state == AcceptState::Owned {
            // The owner may still ask how the connection ended.
            connection.leave_peer();
        } else {
            self.forget(index);
        }
    }

    /// Ends a connection without a word to the client; an owner sees it closed.
    pub(crate) fn forget(&mut self, index: usize) {
        let connection = at_mut(&mut self.connections, index);
        let accept_state = connection.accept_state;
        connection.forget();
        match accept_state {
            AcceptState::HalfOpen | AcceptState::Ready => self.unaccepted -= 1,
            AcceptState::Orphan => {}
            AcceptState::Owned | AcceptState::Free => return,
        }
        self.wake_for_syn();
    }

    /// Ends handshakes that took too long, and connections whose RST has had no room for too long.
    pub(crate) fn expire(&mut self, index: usize, now: Instant) {
        if at(&self.connections, index).expires_at(self.handshake) <= now {
            self.forget(index);
        }
    }

    // ---- accepts that wait

    /// Announces an accept. None if more accepts wait than there are connections.
    pub(crate) fn begin_accept(&mut self) -> Option<usize> {
        let pending_accept = (!self.pending_accepts).trailing_zeros() as usize;
        if pending_accept >= self.accepting_len {
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
        // This accept may have been woken for a connection, which another accept must not miss.
        if self.unaccepted > 0
            && self.connections.iter().any(|connection| connection.accept_state == AcceptState::Ready)
        {
            self.wake_accept();
        }
    }

    /// The longest established connection that nobody has accepted, now owned by the caller.
    pub(crate) fn take_ready(&mut self, pending_accept: usize, waker: &core::task::Waker) -> Option<usize> {
        let Some(index) = self.longest_ready() else {
            at_mut(&mut self.connections, pending_accept).accept_waker.register(waker);
            return None;
        };
        at_mut(&mut self.connections, index).accept_state = AcceptState::Owned;
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
        let connection = at_mut(&mut self.connections, index);
        (connection.gives_way, connection.since) = (true, Instant::now());
        self.wake_for_syn();
    }

    /// Ends the connection that has given way for the longest, without a word to its client. Its client has acknowledged
    /// all data, or has had [`GIVE_WAY_KEEP_MS`] for that. The socket sees the end, and its slot accepts again.
    fn reclaim(&mut self, now: Instant) {
        let mut oldest: Option<(usize, Instant)> = None;
        for (index, connection) in self.connections.iter().enumerate() {
            if connection.gives_way
                && connection.peer.is_some()
                && (connection.tcp.unacknowledged() == 0
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
        let connection = at_mut(&mut self.connections, index);
        connection.accept_state = AcceptState::Orphan;
        connection.since = Instant::now();
        if connection.tcp.state() != State::TimeWait {
            connection.abort();
        }
        self.sync_state(index);
        let handshake = self.handshake;
        let connection = at_mut(&mut self.connections, index);
        if connection.accept_state == AcceptState::Orphan {
            let due = connection.expires_at(handshake);
            self.mark_until(index, due);
        }
    }

    // ---- SYNs that wait

    /// Keeps a SYN until a slot is free. A repeated one takes the place of the first; when all places are taken, the
    /// oldest goes: its client sends it again.
    pub(crate) fn queue_syn(&mut self, interface: usize, peer: Peer, frame: &[u8], now: Instant) {
        let Ok(frame) = Vec::from_slice(frame) else { return };
        self.drop_syn(interface, peer);
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
            at_mut(&mut self.interfaces, interface).expect(now + TICK);
            return None;
        }
        Some(self.syns.remove(index))
    }

    fn is_connected(&self, interface: usize, peer: Peer) -> bool {
        self.find(interface, peer).is_some_and(|index| at(&self.connections, index).accept_state != AcceptState::Free)
    }

    /// A connection for one more handshake, if an accept waits for it.
    fn room_for_syn(&mut self, now: Instant) -> Option<usize> {
        if self.unaccepted < self.pending_accepts_len || self.evict_half_open(now) {
            self.room(0..self.accepting_len)
        } else {
            None
        }
    }

    /// A connection for a client whose handshake is complete. A half-open connection makes way for the client.
    pub(crate) fn room_for_cookie(&mut self) -> Option<usize> {
        if self.unaccepted >= self.pending_accepts_len {
            let index = self.oldest_half_open()?;
            self.forget(index);
        }
        self.room(0..self.accepting_len)
    }

    /// Whether all places are taken where SYNs wait.
    pub(crate) fn is_backlog_full(&self) -> bool {
        self.syns.is_full()
    }

    /// The SYN of this peer waits no longer, if there is one.
    #[inline(never)]
    pub(crate) fn drop_syn(&mut self, interface: usize, peer: Peer) {
        self.drop_syns(|syn| syn.peer == peer && syn.interface == interface);
    }

    pub(crate) fn drop_syns(&mut self, drop: impl Fn(&WaitingSyn) -> bool) {
        self.syns.retain(|syn| !drop(syn));
    }

    fn wake_for_syn(&mut self) {
        for syn in &self.syns {
            at(&self.interfaces, syn.interface).wake();
        }
    }
}
