//! Moves frames between a network driver, the server's connections and embassy-net.

use core::cell::RefCell;
use core::future::poll_fn;
use core::net::Ipv4Addr;
use core::pin::pin;
use core::task::{Context, Poll};

use embassy_net_driver::{Driver, LinkState, TxToken};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant, Timer};
use smoltcp::socket::tcp::State;

use crate::connection_table::{Shared, TICK, Table};
use crate::driver_port::{PortState, Sent, Stack, send};
use crate::frame::{Local, Segment};
use crate::igmp::{self, Reports};
use crate::limits::{ACK_EVERY, FRAME_LEN_MAX, PORTS_MAX, RX_BURST, SEGMENT_LEN_SURE, TX_BURST};
use crate::neighbours::{Incoming, Route};
use crate::net_driver::LinkHosts;
use crate::tcp_connection::AcceptState;

/// Runs one network interface. See [`run`](Self::run).
pub struct Runner<D: Driver + 'static> {
    port: &'static RefCell<PortState<D>>,
    shared: &'static Shared,
    index: usize,
    embassy: EmbassyNet,
    /// What is the server's: nothing before there is an address and a port.
    local: Option<Local>,
    link: LinkState,
    /// Whether embassy-net had room for one more frame.
    net_has_room: bool,
    /// Whether embassy-net wakes the runner when it has a frame to send.
    net_wakes: bool,
}

impl<D: Driver + 'static> Runner<D> {
    pub(crate) fn new(
        port: &'static RefCell<PortState<D>>,
        shared: &'static Shared,
        index: usize,
        net: channel::Runner<'static, FRAME_LEN_MAX>,
        link: &'static LinkHosts,
    ) -> Self {
        link.neighbours.borrow_mut().set_mac(port.borrow().mac().into());
        Self {
            port,
            shared,
            index,
            embassy: EmbassyNet { net, link, reports: Reports::NONE },
            local: None,
            link: LinkState::Down,
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
        let interface = &mut table.interfaces[self.index];
        interface.register(cx.waker());
        interface.soon = now + TICK;
        if core::mem::take(&mut interface.changed) {
            self.change_address(table, port);
        }
        let received = self.ingress(table, port, cx, now);
        let interface = &table.interfaces[self.index];
        if !received && interface.dirty == 0 {
            // What else could have woken the runner? Every frame is followed by a tick, where this is asked again.
            self.follow_link(port, cx);
        }
        let tick = interface.next <= now;
        if tick {
            self.mark_due(table, now);
        }
        if table.has_syns() {
            self.replay(table, port, cx, now);
        }
        if table.interfaces[self.index].dirty != 0 {
            self.egress(table, port, cx, now, tick);
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
        let address = table.interfaces[self.index].address.filter(|_| table.ports != [0; PORTS_MAX]);
        self.local = address.map(|address| Local::new(port.mac(), address.address(), table.ports));
        let cidr = table.interfaces[self.index].address;
        self.embassy.link.neighbours.borrow_mut().set_local(cidr);
        let local = cidr.map_or(Ipv4Addr::UNSPECIFIED, |cidr| cidr.address());
        let mut stand_ins = self.embassy.link.stand_ins.borrow_mut();
        stand_ins.set_local(port.mac().into(), local);
        // embassy-net has this address already, but is woken by frames only: a report of membership would wait for one.
        stand_ins.wake();
        drop(stand_ins);
        table.drop_syns(|syn| syn.interface == self.index);
        for index in 0..table.connections.len() {
            let connection = &mut table.connections[index];
            if connection.interface == self.index && connection.peer.is_some() {
                let kept = address.map(|address| address.address().into());
                if connection.socket().local_endpoint().map(|local| local.addr) != kept {
                    table.forget(index);
                }
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
            let others = port.receive(cx, |stack, frame, tx| {
                let Some(segment) = local.as_ref().and_then(|local| local.classify(frame)) else {
                    return embassy.take(frame, tx, now);
                };
                let is_others = SegmentInput { table, stack, index, now }.frame(frame, &segment, tx) == Verdict::Others;
                if is_others {
                    embassy.pass(frame, now);
                }
                is_others
            });
            match others {
                Some(others) => {
                    if others {
                        self.net_has_room = false;
                        // The frame may have been a query of IGMP.
                        table.interfaces[self.index].expect(self.embassy.reports.next);
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
        let (local, index) = (&self.local, self.index);
        let mut next = || {
            port.transmit(cx, |stack, tx| {
                let Some(syn) = table.next_syn(index, now) else { return false };
                if let Some(segment) = local.as_ref().and_then(|local| local.classify(&syn.frame)) {
                    SegmentInput { table, stack, index, now }.frame(&syn.frame, &segment, tx);
                }
                true
            })
        };
        while next() == Some(true) {}
    }

    /// Marks the connections whose timers are due, and wakes embassy-net for a report that is due.
    #[cold]
    #[inline(never)]
    fn mark_due(&mut self, table: &mut Table, now: Instant) {
        if self.embassy.reports.is_due(now) {
            self.embassy.link.stand_ins.borrow_mut().wake();
        }
        let mut next = self.embassy.reports.next;
        for index in 0..table.connections.len() {
            let connection = &table.connections[index];
            if connection.interface != self.index || connection.due == Instant::MAX {
                continue;
            }
            if connection.due <= now {
                table.expire_half_open(index, now);
                table.interfaces[self.index].dirty |= 1 << index;
            } else {
                next = next.min(connection.due);
            }
        }
        table.interfaces[self.index].next = next;
    }

    #[inline(never)]
    fn egress(&mut self, table: &mut Table, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant, tick: bool) {
        let mut dirty = core::mem::take(&mut table.interfaces[self.index].dirty);
        while dirty != 0 {
            let index = dirty.trailing_zeros() as usize;
            match send(port, &mut table.connections[index], cx.waker(), now) {
                Sent::All => {}
                Sent::More => table.mark(index),
                Sent::NoRoom => {
                    table.interfaces[self.index].dirty |= dirty;
                    // A link that is down has no room either.
                    self.follow_link(port, cx);
                    return;
                }
            }
            dirty &= dirty - 1;
            table.sync_state(index);
            let connection = &mut table.connections[index];
            connection.unacked = 0;
            if connection.peer.is_none() {
                continue;
            }
            if tick && connection.due <= now {
                connection.due = port.due(connection, now).max(now + TICK);
                if connection.accept_state == AcceptState::HalfOpen {
                    connection.due = connection.due.min(connection.since + table.handshake);
                }
            } else {
                connection.due = connection.due.min(now + TICK);
            }
            table.interfaces[self.index].expect(connection.due);
        }
    }

    /// Sends embassy-net's frames, and the frames that waited for ARP. Mostly there are none.
    fn forward(&mut self, port: &mut PortState<D>, cx: &mut Context<'_>, now: Instant) {
        if !self.net_wakes && self.embassy.net.poll_tx_buf(cx).is_pending() {
            self.net_wakes = true;
        }
        if self.embassy.net.try_tx_buf().is_some() || self.embassy.link.neighbours.borrow().has_work() {
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
            if neighbours.route(frame, now) == Route::Send && !port.forward(frame, cx) {
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
        let interface = &mut table.interfaces[self.index];
        if interface.alarm <= now {
            interface.alarm = Instant::MAX;
        }
        if interface.next < interface.alarm {
            interface.alarm = interface.next.max(now + Duration::from_ticks(1));
            let _ = pin!(Timer::at(interface.alarm)).as_mut().poll(cx);
        }
    }
}

/// Gives a frame to embassy-net. One that is too long for it is dropped.
fn hand_over(net: &mut channel::Runner<'static, FRAME_LEN_MAX>, frame: &[u8]) {
    if let Some(buf) = net.try_rx_buf()
        && let Some(buf) = buf.get_mut(..frame.len())
    {
        buf.copy_from_slice(frame);
        net.rx_done(frame.len());
    }
}

/// embassy-net's side of the interface: the frames that are no connection's.
struct EmbassyNet {
    /// The other end is embassy-net's driver, with a frame or two each way.
    net: channel::Runner<'static, FRAME_LEN_MAX>,
    /// The hosts of the link, and the stand-ins for them by which embassy-net addresses them.
    link: &'static LinkHosts,
    reports: Reports,
}

impl EmbassyNet {
    /// Answers ARP, and gives all else to embassy-net. True if there was a frame for it. `tx` is room for a reply.
    #[inline(never)]
    fn take<T: TxToken>(&mut self, frame: &[u8], tx: T, now: Instant) -> bool {
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
            hand_over(&mut self.net, frame);
        }
        incoming
    }
}

/// Whose a frame was.
#[derive(PartialEq, Eq)]
enum Verdict {
    /// A connection's, or nobody's.
    Done,
    /// To be handed to embassy-net.
    Others,
}

/// What a segment's sender is to the table.
enum Known {
    Connection(usize),
    /// The client of this connection seems to have forgotten it.
    Restarted(usize),
    Nobody,
}

/// Where segments come in.
struct SegmentInput<'a, 'b> {
    table: &'a mut Table,
    stack: &'a mut Stack<'b>,
    index: usize,
    now: Instant,
}

impl SegmentInput<'_, '_> {
    fn frame<T: TxToken>(&mut self, frame: &[u8], segment: &Segment, tx: T) -> Verdict {
        if !segment.verify(frame) {
            return Verdict::Done;
        }
        let known = match self.table.find(self.index, segment.peer) {
            Some(index) if segment.is_syn() => self.syn_on_known(index),
            Some(index) => Known::Connection(index),
            None => Known::Nobody,
        };
        let index = match known {
            Known::Connection(index) => index,
            // embassy-net has no socket for it either, and answers with a RST.
            Known::Nobody if !segment.is_syn() => return Verdict::Others,
            Known::Nobody => match self.table.admit(self.index, segment, self.now) {
                Some(index) => index,
                None => return self.queue_syn(frame, segment),
            },
            Known::Restarted(index) => {
                self.stack.challenge(&mut self.table.connections[index], frame, segment, tx, self.now);
                return self.queue_syn(frame, segment);
            }
        };
        self.segment(index, frame, segment, tx);
        Verdict::Done
    }

    /// Lets a SYN wait for room.
    #[cold]
    fn queue_syn(&mut self, frame: &[u8], segment: &Segment) -> Verdict {
        self.table.queue_syn(self.index, segment.peer, frame, self.now);
        Verdict::Done
    }

    /// A SYN from a client that has a connection already.
    #[cold]
    fn syn_on_known(&mut self, index: usize) -> Known {
        let connection = &mut self.table.connections[index];
        match connection.socket().state() {
            State::SynReceived | State::Listen => Known::Connection(index),
            // TIME-WAIT gives way to a new connection (RFC 9293 section 3.6.1).
            State::TimeWait | State::Closed if connection.accept_state == AcceptState::Free => {
                self.table.forget(index);
                Known::Nobody
            }
            State::TimeWait | State::Closed => {
                // Its socket is about to be dropped. Until then the SYN waits like any other.
                connection.peer = None;
                Known::Nobody
            }
            _ => Known::Restarted(index),
        }
    }

    fn segment<T: TxToken>(&mut self, index: usize, frame: &[u8], segment: &Segment, tx: T) {
        let connection = &mut self.table.connections[index];
        self.stack.segment(connection, frame, segment, tx, self.now);
        connection.unacked = connection.unacked.saturating_add(u8::from(segment.payload_len > 0));
        let unacked = connection.unacked;
        let due = self.now + TICK;
        if connection.due > due {
            connection.due = due;
            self.table.interfaces[self.index].expect(due);
        }
        let connection = &mut self.table.connections[index];
        let socket = connection.socket();
        let (state, unsent) = (socket.state(), socket.send_queue());
        connection.bulk = unsent > SEGMENT_LEN_SURE;
        // While all is answered, the reply of the handler carries the ACK; if none comes, the tick sends it.
        let quiet = matches!(state, State::Established | State::CloseWait);
        if unacked >= ACK_EVERY || unsent > 0 || !quiet {
            self.table.interfaces[self.index].dirty |= 1 << index;
        }
        self.table.sync_known_state(index, state);
    }
}
