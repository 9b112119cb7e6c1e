//! Moves frames between a network driver, the server's connections and embassy-net.

use core::future::poll_fn;
use core::net::{Ipv4Addr, SocketAddrV4};
use core::pin::pin;
use core::task::{Context, Poll};

use embassy_net_driver::{Driver, LinkState, TxToken};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant, Timer};
use sockeye_tcp_engine::{Flags, OutgoingSegment, Reaction, Seq, State};

use crate::connection_table::{Shared, Table, a_tick_after, at, at_mut};
use crate::dhcp_filter::DhcpFilter;
use crate::driver_port::{PortState, Sent, Transmit, send};
use crate::frame::{Local, Packet, is_host, is_tcp};
use crate::igmp::{self, Reports};
use crate::limits::{FRAME_LEN_MAX, RX_BURST, SYN_BACKLOG, TX_BURST};
use crate::neighbours::{Incoming, Verdict};
use crate::net_driver::LinkHosts;
use crate::route::Route;
use crate::small_ref_cell::SmallRefCell;
use crate::tcp_connection::AcceptState;

/// Runs one network interface. See [`run`](Self::run).
pub struct Runner<D: Driver + 'static> {
    port: &'static SmallRefCell<PortState<D>>,
    shared: &'static Shared,
    index: usize,
    embassy: EmbassyNet,
    /// The device's addresses; None before there is an IPv4 address.
    local: Option<Local>,
    link: LinkState,
    /// The connection that sends first: the one for which the driver had no room last.
    first_out: usize,
    /// embassy-net sends before the connections: last time these were first, and the driver had no room for one of them.
    is_net_first: bool,
    /// Whether embassy-net had room for one more frame.
    net_has_room: bool,
    /// Whether embassy-net wakes the runner when it has a frame to send.
    net_wakes: bool,
}

impl<D: Driver + 'static> Runner<D> {
    pub(crate) fn new(
        port: &'static SmallRefCell<PortState<D>>,
        (shared, index): (&'static Shared, usize),
        net: channel::Runner<'static, FRAME_LEN_MAX>,
        link: &'static LinkHosts,
        dhcp: DhcpFilter,
    ) -> Self {
        link.neighbours.borrow_mut().set_mac(port.borrow().mac().into());
        Self {
            port,
            shared,
            index,
            embassy: EmbassyNet { net, link, reports: Reports::NONE, dhcp },
            local: None,
            link: LinkState::Down,
            first_out: 0,
            is_net_first: false,
            net_has_room: true,
            net_wakes: false,
        }
    }

    /// Runs the interface for ever. Give it a task of its own; embassy-net's runner needs another.
    pub async fn run(&mut self) -> ! {
        poll_fn(|cx| {
            self.poll(cx);
            Poll::<()>::Pending
        })
        .await;
        unreachable!("the poll function never returns Ready")
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        let (shared, port) = (self.shared, self.port);
        let (mut table, mut port) = (shared.borrow_mut(), port.borrow_mut());
        let (table, port) = (&mut *table, &mut *port);
        let now = Instant::now();
        let interface = at_mut(&mut table.interfaces, self.index);
        interface.register(cx.waker());
        interface.soon = a_tick_after(now);
        if core::mem::take(&mut interface.changed) {
            self.change_address(table, port);
        }
        let received = self.ingress(table, port, cx, now);
        let interface = at(&table.interfaces, self.index);
        if !received && interface.marked_len == 0 {
            // What else could have woken the runner? Every frame is followed by a tick, where this is asked again.
            self.follow_link(port, cx);
        }
        if interface.next <= now {
            self.look(table, now);
        }
        if table.has_syns() {
            self.replay(table, port, cx, now);
        }
        if at(&table.interfaces, self.index).marked_len > 0 {
            self.egress(table, port, cx, now);
        }
        self.forward(port, cx, now);
        self.set_alarm(table, cx, now);
    }

    #[cold]
    #[inline(never)]
    fn follow_link(&mut self, port: &mut PortState<D>, cx: &mut Context<'_>) {
        let link = port.driver.link_state(cx);
        if link != self.link {
            self.link = link;
            self.embassy.dhcp.begin_anew();
            self.embassy.net.set_link_state(link);
            self.embassy.net.set_hardware_address(port.refresh_mac());
            self.embassy.link.neighbours.borrow_mut().set_mac(port.mac().into());
            if let Some(local) = &mut self.local {
                local.mac = port.mac();
            }
        }
    }

    /// Connections of an address that is no longer the device's end without a word: a RST from there would be wrong.
    #[cold]
    #[inline(never)]
    fn change_address(&mut self, table: &mut Table, port: &PortState<D>) {
        let cidr = at(&table.interfaces, self.index).address;
        self.local = cidr.map(|cidr| Local::new(port.mac(), cidr));
        self.embassy.link.neighbours.borrow_mut().set_local(cidr);
        let local = cidr.map_or(Ipv4Addr::UNSPECIFIED, |cidr| cidr.address());
        let mut stand_ins = self.embassy.link.stand_ins.borrow_mut();
        stand_ins.set_local(port.mac().into(), local);
        // embassy-net has this address already, but is woken by frames only: a report of membership would wait for one.
        stand_ins.wake();
        drop(stand_ins);
        table.drop_syns(|syn| syn.interface == self.index);
        for index in 0..table.connections.len() {
            let connection = at_mut(&mut table.connections, index);
            let is_here = connection.interface == self.index && connection.peer.is_some();
            if is_here && Some(connection.route.local()) != self.local.as_ref().map(|local| local.address) {
                table.forget(index);
            }
        }
    }

    /// Takes frames from the driver. True if there were any.
    fn ingress(&mut self, table: &mut Table, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut taken = 0;
        while taken < RX_BURST {
            // A frame's kind is known only once it has been taken, so there must be room for it on either way.
            if !self.net_has_room {
                self.net_has_room = self.embassy.net.poll_rx_buf(cx).is_ready();
                if !self.net_has_room {
                    return taken > 0;
                }
            }
            let (local, index, embassy) = (&self.local, self.index, &mut self.embassy);
            let mtu = port.mtu();
            let others = port.receive(cx, |frame, tx| {
                let Some(local) = local else { return embassy.take(frame, tx, now) };
                let Some(packet) = local.classify(frame) else { return embassy.take(frame, tx, now) };
                SegmentInput { table, local, mtu, index, now }.packet(&packet, frame, tx);
                false
            });
            match others {
                Some(others) => {
                    if others {
                        self.net_has_room = false;
                        // The frame may have been a query of IGMP.
                        at_mut(&mut table.interfaces, self.index).expect(self.embassy.reports.next);
                    }
                    taken += 1;
                }
                None => return taken > 0,
            }
        }
        cx.waker().wake_by_ref();
        true
    }

    /// Takes the SYNs that have waited and now have room as if they came just now.
    #[cold]
    #[inline(never)]
    fn replay(&mut self, table: &mut Table, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant) {
        let Some(local) = &self.local else { return };
        let (index, mtu) = (self.index, port.mtu());
        let mut next = || {
            port.transmit(cx, |tx| {
                let Some(syn) = table.next_syn(index, now) else { return false };
                SegmentInput { table, local, mtu, index, now }.replayed(&syn.frame, tx);
                true
            })
        };
        for _ in 0..SYN_BACKLOG {
            if next() != Some(true) {
                return;
            }
        }
    }

    /// Looks at the timers of connections, and wakes embassy-net for a report that is due.
    #[cold]
    #[inline(never)]
    fn look(&mut self, table: &mut Table, now: Instant) {
        if self.embassy.reports.is_due(now) {
            self.embassy.link.stand_ins.borrow_mut().wake();
        }
        let mut next = self.embassy.reports.next;
        for index in 0..table.connections.len() {
            let connection = at(&table.connections, index);
            if connection.interface != self.index || connection.due == Instant::MAX {
                continue;
            }
            if connection.due <= now {
                table.expire(index, now);
                at_mut(&mut table.connections, index).on_timer(now);
                table.sync_state(index);
                let handshake = table.handshake;
                let connection = at_mut(&mut table.connections, index);
                connection.due = connection.next_due(now, handshake);
                if connection.tcp.has_urgent_segment() {
                    table.set_mark(index);
                }
            }
            next = next.min(at(&table.connections, index).due);
        }
        at_mut(&mut table.interfaces, self.index).next = next;
    }

    #[inline(never)]
    fn egress(&mut self, table: &mut Table, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant) {
        let was_net_first = core::mem::take(&mut self.is_net_first);
        if was_net_first {
            self.forward(port, cx, now);
        }
        let mut left = at(&table.interfaces, self.index).marked_len;
        let mut next = self.first_out;
        for _ in 0..table.connections.len() {
            if left == 0 {
                return;
            }
            let index = next;
            next = if index + 1 < table.connections.len() { index + 1 } else { 0 };
            if at(&table.connections, index).interface != self.index || !table.take_mark(index) {
                continue;
            }
            left -= 1;
            match send(port, at_mut(&mut table.connections, index), cx.waker(), now) {
                Sent::All => {}
                Sent::More => table.mark(index),
                Sent::NoRoom => {
                    table.set_mark(index);
                    (self.first_out, self.is_net_first) = (index, !was_net_first);
                    // A link that is down has no room either.
                    self.follow_link(port, cx);
                    return;
                }
            }
            table.sync_state(index);
            let connection = at_mut(&mut table.connections, index);
            if connection.peer.is_some() {
                connection.due = connection.due.min(a_tick_after(now));
                at_mut(&mut table.interfaces, self.index).expect(connection.due);
            }
        }
    }

    /// Sends embassy-net's frames, and the frames that waited for ARP. Mostly there are none.
    fn forward(&mut self, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant) {
        let may_have_frames = !self.net_wakes || self.embassy.net.try_tx_buf().is_some();
        if may_have_frames || self.embassy.link.neighbours.borrow().has_work() {
            self.forward_frames(port, cx, now);
        }
    }

    #[cold]
    #[inline(never)]
    fn forward_frames(&mut self, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant) {
        let mut neighbours = self.embassy.link.neighbours.borrow_mut();
        if neighbours.has_work() {
            neighbours.flush(now, &mut |frame| port.forward(frame, cx));
        }
        for _ in 0..TX_BURST {
            // The wake-up, once asked for, stays until there is a frame; asking again for each of ours would cost more
            // than looking.
            if !self.net_wakes && self.embassy.net.poll_tx_buf(cx).is_pending() {
                self.net_wakes = true;
            }
            let Some(frame) = self.embassy.net.try_tx_buf() else { return };
            self.net_wakes = false;
            let leaves = self.embassy.dhcp.outgoing(frame, now) && neighbours.route(frame, now) == Verdict::Send;
            if leaves && !port.forward(frame, cx) {
                return;
            }
            self.embassy.net.tx_done();
            if neighbours.has_work() {
                neighbours.flush(now, &mut |frame| port.forward(frame, cx));
            }
        }
        cx.waker().wake_by_ref();
    }

    /// An alarm once set stays, so it is set anew only for an earlier time or after it has gone off.
    fn set_alarm(&mut self, table: &mut Table, cx: &mut Context<'_>, now: Instant) {
        let interface = at_mut(&mut table.interfaces, self.index);
        if interface.alarm <= now {
            interface.alarm = Instant::MAX;
        }
        if interface.next < interface.alarm {
            interface.alarm = interface.next.max(now + Duration::from_ticks(1));
            let _ = pin!(Timer::at(interface.alarm)).as_mut().poll(cx);
        }
    }
}

/// embassy-net's side of the interface: the frames that are no connection's.
struct EmbassyNet {
    /// The other end is embassy-net's driver, with a frame or two each way.
    net: channel::Runner<'static, FRAME_LEN_MAX>,
    /// The hosts of the link, and the stand-ins for them by which embassy-net addresses them.
    link: &'static LinkHosts,
    reports: Reports,
    dhcp: DhcpFilter,
}

impl EmbassyNet {
    /// Answers ARP, and gives all else to embassy-net but TCP, which is not for this device or cut off. True if there was
    /// a frame for it. `tx` is room for a reply.
    #[inline(never)]
    fn take<T: TxToken>(&mut self, frame: &[u8], tx: T, now: Instant) -> bool {
        if is_tcp(frame) {
            return false;
        }
        match self.pass(frame, now) {
            Incoming::Pass(_) => true,
            Incoming::Done => false,
            Incoming::Reply(reply) => {
                tx.consume(reply.len(), |buf| buf.copy_from_slice(&reply));
                false
            }
        }
    }

    /// Learns from a frame, and gives it to embassy-net unless it is ARP.
    #[inline(never)]
    fn pass(&mut self, frame: &[u8], now: Instant) -> Incoming {
        let mut neighbours = self.link.neighbours.borrow_mut();
        let incoming = neighbours.receive(frame, now);
        if let Incoming::Pass(neighbour) = incoming {
            if let Some(neighbour) = neighbour
                && self.link.stand_ins.borrow_mut().tell(neighbour)
            {
                neighbours.mark_told(neighbour, now);
            }
            if let Some(response) = igmp::max_response(frame) {
                self.reports.expect(now, response);
            }
            // A frame that is too long for it is dropped.
            if let Some(buf) = self.net.try_rx_buf()
                && let Some(buf) = buf.get_mut(..frame.len())
            {
                buf.copy_from_slice(frame);
                if self.dhcp.incoming(buf) {
                    self.net.rx_done(frame.len());
                }
            }
        }
        incoming
    }
}

/// Where segments come in.
struct SegmentInput<'a> {
    table: &'a mut Table,
    local: &'a Local,
    mtu: usize,
    index: usize,
    now: Instant,
}

impl SegmentInput<'_> {
    /// Takes a segment. `frame` is what it came in, and `tx` is room for a RST.
    #[inline(always)]
    fn packet<T: TxToken>(&mut self, packet: &Packet<'_>, frame: &[u8], tx: T) {
        // Long text is summed while it is copied, to where only its connection knows.
        if packet.is_long() || packet.verify() {
            self.verified(packet, frame, tx);
        }
    }

    /// Takes a segment whose checksums are right, or which is long and will be summed.
    #[inline(always)]
    fn verified<T: TxToken>(&mut self, packet: &Packet<'_>, frame: &[u8], tx: T) {
        match self.table.find(self.index, packet.peer) {
            Some(index) if !packet.segment.has(Flags::SYN) => self.segment(index, packet, tx),
            known => self.syn_or_unknown(known, packet, frame, tx),
        }
    }

    /// A SYN, or a segment of no connection.
    #[cold]
    #[inline(never)]
    fn syn_or_unknown<T: TxToken>(&mut self, known: Option<usize>, packet: &Packet<'_>, frame: &[u8], tx: T) {
        if packet.is_long() && !packet.verify_rare() {
            return;
        }
        match known {
            Some(index) => self.syn_on_known(index, packet, frame, tx),
            None => self.unknown(packet, frame, tx),
        }
    }

    /// Takes a segment that has waited. Its checksums were right when it came.
    #[cold]
    #[inline(never)]
    fn replayed<T: TxToken>(&mut self, frame: &[u8], tx: T) {
        if let Some(packet) = self.local.classify(frame) {
            self.verified(&packet, frame, tx);
        }
    }

    /// A segment of no connection (RFC 9293 section 3.10.7.1 and 3.10.7.2): a SYN for a listener, or to be refused.
    #[cold]
    #[inline(never)]
    fn unknown<T: TxToken>(&mut self, packet: &Packet<'_>, frame: &[u8], tx: T) {
        let Packet { peer, segment, .. } = packet;
        if !is_host(self.local.cidr, *SocketAddrV4::from(*peer).ip()) {
            return;
        }
        if segment.is_opening() && self.table.is_listening(*peer) {
            if let Some(index) = self.table.admit(self.index, packet, self.local, self.mtu, self.now) {
                self.settle(index);
            } else if let Some(cookie) = self.table.cookie(self.index, packet, self.local, self.mtu, self.now) {
                self.answer(packet, &cookie, tx);
            } else {
                self.queue_syn(packet, frame);
            }
        } else if let Some(index) = self.table.admit_by_cookie(self.index, packet, self.local, self.mtu, self.now) {
            self.handshake_segment(index, packet, tx);
        } else if let Some(refusal) = OutgoingSegment::refusal(segment) {
            self.answer(packet, &refusal, tx);
        }
    }

    /// Sends a segment without text to where this one came from.
    #[cold]
    fn answer<T: TxToken>(&self, packet: &Packet<'_>, answer: &OutgoingSegment, tx: T) {
        let route = Route::new(packet.peer_mac, self.local.mac, self.local.address, packet.peer);
        tx.consume(Route::frame_len(answer), |frame| route.write_rare(answer, frame));
    }

    /// Lets a SYN wait for room.
    #[cold]
    fn queue_syn(&mut self, packet: &Packet<'_>, frame: &[u8]) {
        self.table.queue_syn(self.index, packet.peer, frame, self.now);
    }

    /// A SYN from a peer that has a connection already.
    #[cold]
    #[inline(never)]
    fn syn_on_known<T: TxToken>(&mut self, index: usize, packet: &Packet<'_>, frame: &[u8], tx: T) {
        let connection = at_mut(&mut self.table.connections, index);
        let gives_way = matches!(connection.tcp.state(), State::Closed | State::TimeWait);
        if !packet.segment.is_opening() || !gives_way {
            let is_open = !matches!(connection.tcp.state(), State::SynSent | State::SynReceived);
            self.handshake_segment(index, packet, tx);
            if is_open && packet.segment.is_opening() {
                // The connection challenges it (RFC 5961 section 4). A peer that has restarted answers with a RST, and
                // then its SYN has waited.
                self.queue_syn(packet, frame);
            }
            return;
        }
        // TIME-WAIT gives way to a new connection (RFC 9293 section 3.6.1), whatever its number is: it gives way to any
        // other client too.
        if connection.accept_state == AcceptState::Free {
            self.table.forget(index);
        } else {
            // Its socket is about to be dropped. Until then the SYN waits like any other.
            connection.leave_peer();
        }
        self.unknown(packet, frame, tx);
    }

    /// [`segment`](Self::segment) where it is rare.
    #[cold]
    #[inline(never)]
    fn handshake_segment<T: TxToken>(&mut self, index: usize, packet: &Packet<'_>, tx: T) {
        self.segment(index, packet, tx);
    }

    #[inline]
    fn segment<T: TxToken>(&mut self, index: usize, packet: &Packet<'_>, tx: T) {
        let connection = at_mut(&mut self.table.connections, index);
        match connection.on_packet(packet, self.now) {
            // A segment that only guesses the ports moves nothing.
            Reaction::Accepted => connection.route.set_destination(packet.peer_mac),
            Reaction::Ignored => {}
            Reaction::Reset(seq) => {
                self.answer_reset(index, packet, seq, tx);
                return self.settle(index);
            }
        }
        // Nearly all segments leave nothing else to do.
        if !connection.is_settled(a_tick_after(self.now)) {
            self.settle(index);
        }
    }

    /// Answers an ACK of what the connection has not sent.
    #[cold]
    #[inline(never)]
    fn answer_reset<T: TxToken>(&mut self, index: usize, packet: &Packet<'_>, seq: Seq, tx: T) {
        if self.table.begin_by_cookie(index, packet, self.local, self.mtu, self.now) {
            self.handshake_segment(index, packet, tx);
        } else {
            self.answer(packet, &OutgoingSegment::reset(seq), tx);
        }
    }

    /// After a segment of a connection: its timers, and what is to be sent.
    #[inline(never)]
    fn settle(&mut self, index: usize) {
        let due = a_tick_after(self.now);
        let connection = at_mut(&mut self.table.connections, index);
        let (state, is_urgent) = (connection.tcp.state(), connection.tcp.has_urgent_segment());
        if connection.due > due {
            connection.due = due;
            at_mut(&mut self.table.interfaces, self.index).expect(due);
        }
        // While all is answered, the reply of the handler carries the ACK; if none comes, the tick sends it.
        if is_urgent {
            self.table.set_mark(index);
        }
        self.table.sync_known_state(index, state);
    }
}

#[cfg(test)]
mod tests;
