//! Moves frames between a network driver, the server's connections and embassy-net.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};

use embassy_net_driver::{Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant, Timer};
use smoltcp::iface::{Config, Interface, PollResult};
use smoltcp::socket::tcp::State;
use smoltcp::wire::IpCidr;

use crate::frame::{Local, Segment};
use crate::limits::{ACK_EVERY, FRAME_LEN_MAX, RX_BURST, SEGMENT_LEN_SURE, TICK_MS, TX_BURST};
use crate::phy::{Discard, Egress, Ingress, Macs};
use crate::table::{Phase, Shared, Table};

const TICK: Duration = Duration::from_millis(TICK_MS);

fn smoltcp_time(instant: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(instant.as_micros() as i64)
}

fn embassy_time(instant: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(instant.total_micros() as u64)
}

/// Whose a frame was.
enum Verdict {
    /// A connection's, or nobody's.
    Done,
    /// To be handed to embassy-net.
    Other,
}

/// Runs one network interface. See [`run`](Self::run).
pub struct Runner<D: Driver> {
    driver: D,
    shared: &'static Shared,
    index: usize,
    /// embassy-net's end is a driver of its own, with a frame or two each way.
    net: channel::Runner<'static, FRAME_LEN_MAX>,
    /// smoltcp's interface for the server's connections only.
    fast: Interface,
    mac: [u8; 6],
    link: LinkState,
    /// Whether embassy-net had room for one more frame.
    net_has_room: bool,
    /// The earliest timer of a connection, and when the alarm is set for.
    next: Instant,
    alarm: Instant,
}

impl<D: Driver> Runner<D> {
    pub(crate) fn new(
        driver: D,
        shared: &'static Shared,
        index: usize,
        net: channel::Runner<'static, FRAME_LEN_MAX>,
        seed: u64,
    ) -> Self {
        let HardwareAddress::Ethernet(mac) = driver.hardware_address() else {
            panic!("the listener needs an Ethernet driver")
        };
        let mut device = Ingress::<Discard> { packet: &[], token: None, macs: [0; 12] };
        let mut config = Config::new(smoltcp::wire::HardwareAddress::Ip);
        config.random_seed = seed;
        Self {
            driver,
            shared,
            index,
            net,
            fast: Interface::new(config, &mut device, smoltcp_time(Instant::now())),
            mac,
            link: LinkState::Down,
            net_has_room: true,
            next: Instant::MAX,
            alarm: Instant::MAX,
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
        let shared = self.shared;
        let mut table = shared.borrow_mut();
        let table = &mut *table;
        let now = Instant::now();
        table.interfaces[self.index].waker.register(cx.waker());
        self.follow_link(cx);
        if core::mem::take(&mut table.interfaces[self.index].changed) {
            self.change_address(table);
        }
        self.ingress(table, cx, now);
        while let Some(syn) = table.next_syn(self.index, now) {
            self.replay(table, &syn.frame, now);
        }
        let tick = self.next <= now;
        if tick {
            self.mark_due(table, now);
        }
        self.egress(table, cx, now, tick);
        self.forward(cx);
        self.set_alarm(cx, now);
    }

    fn follow_link(&mut self, cx: &mut Context<'_>) {
        let link = self.driver.link_state(cx);
        if link != self.link {
            self.link = link;
            self.net.set_link_state(link);
            let address = self.driver.hardware_address();
            if let HardwareAddress::Ethernet(mac) = address {
                self.mac = mac;
                self.net.set_hardware_address(address);
            }
        }
    }

    /// Connections of an address that is no longer the device's end without a word: a RST from there would be wrong.
    fn change_address(&mut self, table: &mut Table) {
        let address = table.interfaces[self.index].address;
        self.fast.update_ip_addrs(|addresses| {
            addresses.clear();
            if let Some(address) = address {
                let _ = addresses.push(IpCidr::Ipv4(address));
            }
        });
        table.drop_syns(|syn| syn.interface == self.index);
        for index in 0..table.records.len() {
            let record = &mut table.records[index];
            if record.interface == self.index && record.peer.is_some() {
                let kept = address.map(|address| address.address().into());
                if record.socket().local_endpoint().map(|local| local.addr) != kept {
                    table.forget(index);
                }
            }
        }
    }

    /// What is the server's: nothing before there is an address and a port.
    fn local(&self, table: &Table) -> Option<Local> {
        let address = table.interfaces[self.index].address?;
        (table.port != 0).then(|| Local { mac: self.mac, address: address.address(), port: table.port })
    }

    fn ingress(&mut self, table: &mut Table, cx: &mut Context<'_>, now: Instant) {
        let local = self.local(table);
        for _ in 0..RX_BURST {
            // A frame's kind is known only once it has been taken, so there must be room for it on either way.
            if !self.net_has_room {
                self.net_has_room = self.net.poll_rx_buf(cx).is_ready();
                if !self.net_has_room {
                    return;
                }
            }
            let Some((rx, tx)) = self.driver.receive(cx) else { return };
            let mut port = Port { fast: &mut self.fast, index: self.index, next: &mut self.next, mac: self.mac, now };
            let net = &mut self.net;
            self.net_has_room = rx.consume(|frame| {
                let segment = local.as_ref().and_then(|local| local.classify(frame));
                match segment.map_or(Verdict::Other, |segment| port.frame(table, frame, &segment, tx)) {
                    Verdict::Done => true,
                    Verdict::Other => {
                        hand_over(net, frame);
                        false
                    }
                }
            });
        }
        cx.waker().wake_by_ref();
    }

    fn replay(&mut self, table: &mut Table, frame: &[u8], now: Instant) {
        let Some(local) = self.local(table) else { return };
        let mut port = Port { fast: &mut self.fast, index: self.index, next: &mut self.next, mac: self.mac, now };
        if let Some(segment) = local.classify(frame) {
            port.frame(table, frame, &segment, Discard);
        }
    }

    /// Lets all connections whose timers are due have a look at them.
    fn mark_due(&mut self, table: &mut Table, now: Instant) {
        self.next = Instant::MAX;
        for index in 0..table.records.len() {
            let record = &mut table.records[index];
            if record.interface != self.index || record.due == Instant::MAX {
                continue;
            }
            if record.due <= now {
                table.expire_half_open(index, now);
                table.interfaces[self.index].dirty |= 1 << index;
            } else {
                self.next = self.next.min(record.due);
            }
        }
    }

    fn egress(&mut self, table: &mut Table, cx: &mut Context<'_>, now: Instant, tick: bool) {
        let mut dirty = core::mem::take(&mut table.interfaces[self.index].dirty);
        while dirty != 0 {
            let index = dirty.trailing_zeros() as usize;
            dirty &= dirty - 1;
            if !self.send(table, index, cx, now) {
                // The driver wakes the runner when it has room again.
                table.interfaces[self.index].dirty |= dirty | 1 << index;
                return;
            }
            table.settle(index);
            let record = &mut table.records[index];
            record.unacked = 0;
            if record.peer.is_none() {
                continue;
            }
            if tick && record.due <= now {
                let due = self.fast.poll_at(smoltcp_time(now), &record.set);
                record.due = due.map_or(Instant::MAX, |due| embassy_time(due).max(now + TICK));
                if record.phase == Phase::HalfOpen {
                    record.due = record.due.min(record.since + table.handshake);
                }
            } else {
                record.due = record.due.min(now + TICK);
            }
            self.next = self.next.min(record.due);
        }
    }

    /// Sends what one connection has to send. False if the driver had no room.
    fn send(&mut self, table: &mut Table, index: usize, cx: &mut Context<'_>, now: Instant) -> bool {
        let record = &mut table.records[index];
        let burst = if record.socket().send_queue() > SEGMENT_LEN_SURE { TX_BURST } else { 1 };
        let macs = record.macs;
        let mut device = Egress { driver: &mut self.driver, cx, macs, exhausted: false };
        for _ in 0..burst {
            match self.fast.poll_egress(smoltcp_time(now), &mut device, &mut record.set) {
                PollResult::SocketStateChanged => {}
                PollResult::None => return !device.exhausted,
            }
        }
        if burst > 1 {
            table.mark(index);
        }
        true
    }

    /// Sends embassy-net's frames.
    fn forward(&mut self, cx: &mut Context<'_>) {
        for _ in 0..TX_BURST {
            let Poll::Ready(frame) = self.net.poll_tx_buf(cx) else { return };
            let Some(token) = self.driver.transmit(cx) else { return };
            token.consume(frame.len(), |buf| buf.copy_from_slice(frame));
            self.net.tx_done();
        }
        cx.waker().wake_by_ref();
    }

    /// An alarm once set stays, so it is set anew only for an earlier time or after it has gone off.
    fn set_alarm(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self.next != Instant::MAX && (self.next < self.alarm || self.alarm <= now) {
            self.alarm = self.next.max(now + Duration::from_ticks(1));
            let _ = pin!(Timer::at(self.alarm)).as_mut().poll(cx);
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

/// What it takes to give a segment to its connection.
struct Port<'a> {
    fast: &'a mut Interface,
    index: usize,
    next: &'a mut Instant,
    mac: [u8; 6],
    now: Instant,
}

impl Port<'_> {
    fn frame<T: TxToken>(&mut self, table: &mut Table, frame: &[u8], segment: &Segment, tx: T) -> Verdict {
        if !segment.verify(frame) {
            return Verdict::Done;
        }
        let known = match table.find(segment.peer) {
            Some(index) if segment.is_syn() => self.syn_on_known(table, index),
            Some(index) => Known::Connection(index),
            None => Known::Nobody,
        };
        let index = match known {
            Known::Connection(index) => index,
            Known::Challenged => return Verdict::Done,
            // embassy-net has no socket for it either, and answers with a RST.
            Known::Nobody if !segment.is_syn() => return Verdict::Other,
            Known::Nobody => match table.admit(self.index, segment, self.now) {
                Some(index) => index,
                None => {
                    table.hold_syn(self.index, segment.peer, frame, self.now);
                    return Verdict::Done;
                }
            },
        };
        self.segment(table, index, frame, segment, tx);
        Verdict::Done
    }

    /// A SYN from a client that has a connection already.
    fn syn_on_known(&mut self, table: &mut Table, index: usize) -> Known {
        let record = &mut table.records[index];
        match record.socket().state() {
            State::SynReceived | State::Listen => Known::Connection(index),
            // TIME-WAIT gives way to a new connection (RFC 9293 section 3.6.1).
            State::TimeWait | State::Closed if record.phase == Phase::Free => {
                table.forget(index);
                Known::Nobody
            }
            State::TimeWait | State::Closed => {
                // Its socket is about to be dropped. Until then the SYN waits like any other.
                record.peer = None;
                Known::Nobody
            }
            _ => {
                record.challenge();
                table.mark(index);
                Known::Challenged
            }
        }
    }

    fn segment<T: TxToken>(&mut self, table: &mut Table, index: usize, frame: &[u8], segment: &Segment, tx: T) {
        let record = &mut table.records[index];
        if record.macs[..6] != segment.peer_mac {
            record.macs = macs(segment.peer_mac, self.mac);
        }
        let packet = segment.packet(frame);
        let mut device = Ingress { packet, token: Some(tx), macs: record.macs };
        self.fast.poll_ingress_single(smoltcp_time(self.now), &mut device, &mut record.set);
        record.unacked = record.unacked.saturating_add(u8::from(segment.payload_len > 0));
        // While all is answered, the reply of the handler carries the ACK; if none comes, the tick sends it.
        let owes = record.unacked >= ACK_EVERY || record.socket().send_queue() > 0;
        let quiet = matches!(record.socket().state(), State::Established | State::CloseWait);
        let due = self.now + TICK;
        record.due = record.due.min(due);
        *self.next = (*self.next).min(due);
        if owes || !quiet {
            table.interfaces[self.index].dirty |= 1 << index;
        }
        table.settle(index);
    }
}

/// What a segment's sender is to the table.
enum Known {
    Connection(usize),
    Challenged,
    Nobody,
}

fn macs(destination: [u8; 6], source: [u8; 6]) -> Macs {
    let mut macs = [0; 12];
    macs[..6].copy_from_slice(&destination);
    macs[6..].copy_from_slice(&source);
    macs
}
