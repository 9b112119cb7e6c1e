//! One seed: two hosts, a link between them, and an application on each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use crate::capture::Capture;
use crate::engine_host::Engine;
use crate::host::{Config, Host, State};
use crate::plan::{Application, Ending, HEAVY_LOSS, Plan};
use crate::smoltcp_host::Smoltcp;
use crate::watch::{Cause, Fault, Kind, Watch};
use crate::wire::{self, RST, Side};
use crate::{Micros, SECOND};

/// When a run begins. Not 0, so that times before it exist.
const START: Micros = 100 * SECOND;
/// The longest a connection may take, of simulated time: a slow reader and a bad link included.
const LIMIT: Micros = 1_800 * SECOND;
/// The most packets of a connection: twenty times what the longest transfer needs.
const PACKETS_MAX: u64 = 50_000;
/// Timers are looked at so often, as the listener does.
const TICK: Micros = 50_000;
/// Most bytes of one read and one write, plus one.
const READ: usize = 700;
const WRITE: usize = 900;
/// A host gives up after 25 s without a sign of its peer. Giving up is excused if the link has lost three packets in
/// twice that time: retransmissions that have backed off are then too few.
const EXCUSED_WITHIN: Micros = 50 * SECOND;
const EXCUSES: usize = 3;
/// The longest pause of a reader.
const PAUSE: Micros = 3 * SECOND;

/// A TCP implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// Sockeye's own.
    Own,
    Smoltcp,
}

impl Stack {
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Smoltcp => "smoltcp",
        }
    }

    /// A host of this kind.
    pub fn host(self, config: &Config) -> Box<dyn Host> {
        match self {
            Self::Own => Box::new(Engine::new(config)),
            Self::Smoltcp => Box::new(Smoltcp::new(config)),
        }
    }
}

/// The client's stack and the server's.
pub type Pair = [Stack; 2];

/// Whether a fault is ours: smoltcp's are counted, and fail nothing.
pub fn is_ours(fault: &Fault, pair: Pair) -> bool {
    match fault.side {
        Some(side) => pair[side.index()] == Stack::Own,
        None => pair.contains(&Stack::Own),
    }
}

/// The results of a run that broke no rule.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    pub packets: u64,
    pub micros: Micros,
    /// The run ended before all bytes had arrived, as its plan allows.
    pub gave_up: bool,
}

/// The output and the capture of a run.
#[derive(Default)]
pub struct Record {
    pub log: bool,
    pub capture: Option<Capture>,
}

/// Runs a seed. A panic of a host is a fault like any other.
///
/// # Errors
/// The first rule that was broken.
pub fn run(seed: u64, pair: Pair, record: &mut Record) -> Result<Outcome, Fault> {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::new(&mut rng);
        World::new(plan, pair, rng, record).run()
    }));
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let detail = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
        Err(Fault { kind: Kind::Panic, side: None, detail })
    })
}

/// One side of the link.
struct End {
    host: Box<dyn Host>,
    application: Application,
    written: usize,
    got: Vec<u8>,
    has_closed: bool,
    /// The application does not read before.
    reads_at: Micros,
    /// The host is polled then, at the latest.
    polled_at: Micros,
    /// The host has lost power.
    vanished: bool,
}

impl End {
    fn is_done(&self) -> bool {
        let has_ended = matches!(self.host.state(), State::Closed | State::TimeWait);
        self.vanished || has_ended && self.host.unread() == 0
    }

    /// Reads, writes and closes as far as it can now. True if it did anything.
    fn act(&mut self, now: Micros, rng: &mut Rng) -> bool {
        let mut acted = false;
        if now >= self.reads_at {
            let got = self.host.read(rng.usize(1..READ));
            acted |= !got.is_empty();
            self.got.extend_from_slice(&got);
            if rng.u8(..100) < self.application.pauses {
                self.reads_at = now + rng.u64(..PAUSE);
            }
        }
        if !self.host.may_write() {
            return acted;
        }
        let left = &self.application.data[self.written..];
        if left.is_empty() {
            acted |= !self.has_closed;
            if !self.has_closed {
                self.host.close();
                self.has_closed = true;
            }
        } else {
            let len = self.host.write(&left[..rng.usize(1..WRITE).min(left.len())]);
            self.written += len;
            acted |= len > 0;
        }
        acted
    }
}

/// A packet on the link: when it arrives, its place among those that arrive then, where, how long its chain is.
type Flying = Reverse<(Micros, u64, usize, u32, Vec<u8>)>;

struct World<'a> {
    plan: Plan,
    now: Micros,
    rng: Rng,
    ends: [End; 2],
    link: BinaryHeap<Flying>,
    watch: Watch,
    packets: u64,
    /// Counts what was put on the link: packets that arrive together keep their order.
    flown: u64,
    /// When packets were lost or damaged, and when the first host was closed.
    losses: Vec<Micros>,
    first_end: Option<Micros>,
    /// The host that has given its peer up although the peer was heard. None if neither has.
    gives_up_early: Option<Side>,
    record: &'a mut Record,
    out: Vec<Vec<u8>>,
}

impl<'a> World<'a> {
    fn new(plan: Plan, pair: Pair, rng: Rng, record: &'a mut Record) -> Self {
        let ends = Side::BOTH.map(|side| {
            let application = plan.applications[side.index()].clone();
            let config = Config {
                side,
                opens: side == Side::Client || plan.simultaneous,
                rx_len: application.rx_len,
                tx_len: application.tx_len,
                mtu: plan.mtu,
                seed: plan.seeds[side.index()],
                now: START,
            };
            End {
                host: pair[side.index()].host(&config),
                application,
                written: 0,
                got: Vec::new(),
                has_closed: false,
                reads_at: START,
                polled_at: START,
                vanished: false,
            }
        });
        if record.log {
            let [client, server] = [0, 1].map(|side| {
                let Application { rx_len, tx_len, data, pauses } = &plan.applications[side];
                format!("rx {rx_len} tx {tx_len} writes {} pauses {pauses} %", data.len())
            });
            let Plan { link, mtu, simultaneous, ending, .. } = &plan;
            println!("{link:?} mtu {mtu} simultaneous {simultaneous} {ending:?}\nclient {client}\nserver {server}");
        }
        let (link, watch) = (BinaryHeap::new(), Watch::default());
        Self {
            plan,
            now: START,
            rng,
            ends,
            link,
            watch,
            packets: 0,
            flown: 0,
            losses: Vec::new(),
            first_end: None,
            gives_up_early: None,
            record,
            out: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Outcome, Fault> {
        while !self.is_done() {
            let arrives = self.link.peek().map_or(Micros::MAX, |Reverse((at, ..))| *at);
            let side = if self.ends[0].polled_at <= self.ends[1].polled_at { Side::Client } else { Side::Server };
            let polled = self.ends[side.index()].polled_at;
            let next = arrives.min(polled);
            if next > START + LIMIT || self.packets > PACKETS_MAX {
                return Err(self.fault(Kind::NoEnd, format!("{} packets", self.packets)));
            }
            self.now = next.max(self.now);
            self.disturb();
            if arrives <= polled {
                self.deliver()?;
            } else {
                self.poll(side)?;
            }
            if self.first_end.is_none() && self.ends.iter().any(|end| end.host.state() == State::Closed) {
                self.first_end = Some(self.now);
            }
        }
        self.check_bytes()
    }

    fn fault(&self, kind: Kind, detail: String) -> Fault {
        let side = |side: usize| {
            let end = &self.ends[side];
            let wrote = self.ends[1 - side].application.data.len();
            format!("{:?}, has {} of {wrote}", end.host.state(), end.got.len())
        };
        Fault { kind, side: None, detail: format!("{detail}; client {}, server {}", side(0), side(1)) }
    }

    /// Whether both hosts have ended, or the client has and the server never received its SYN.
    fn is_done(&self) -> bool {
        let [client, server] = &self.ends;
        client.is_done() && (server.is_done() || server.host.state() == State::Listen)
    }

    /// Ends the connection early, if the plan has it so.
    fn disturb(&mut self) {
        let (side, at, vanishes) = match self.plan.ending {
            Ending::Close => return,
            Ending::Abort(side, at) => (side, at, false),
            Ending::Vanish(side, at) => (side, at, true),
        };
        let end = &mut self.ends[side.index()];
        if self.now < START + at || end.vanished || end.has_closed {
            return;
        }
        (end.has_closed, end.vanished) = (true, vanishes);
        if vanishes {
            end.polled_at = Micros::MAX;
        } else {
            end.host.abort();
            end.polled_at = self.now;
        }
    }

    fn deliver(&mut self) -> Result<(), Fault> {
        let Some(Reverse((_, _, index, chain, packet))) = self.link.pop() else { return Ok(()) };
        let side = Side::BOTH[index];
        if self.ends[index].vanished {
            return Ok(());
        }
        let mut cause = Cause { chain, occupies: false };
        if wire::tcp_part(side.other(), &packet).is_some() {
            let segment = wire::read(&packet);
            self.watch.arrived(side, &segment, self.now);
            cause.occupies = !segment.is_empty();
        }
        self.ends[index].host.receive(&packet, self.now, &mut self.out);
        self.check_fin(side)?;
        self.send(side, cause)?;
        self.act(side)
    }

    /// A FIN counts only when all that was written before it is there.
    fn check_fin(&self, side: Side) -> Result<(), Fault> {
        let end = &self.ends[side.index()];
        let states = [State::CloseWait, State::Closing, State::LastAck, State::TimeWait];
        let wrote = self.ends[side.other().index()].application.data.len();
        if states.contains(&end.host.state()) && end.got.len() + end.host.unread() < wrote {
            return Err(Fault { side: Some(side), ..self.fault(Kind::EarlyEnd, String::new()) });
        }
        Ok(())
    }

    fn poll(&mut self, side: Side) -> Result<(), Fault> {
        let now = self.now;
        self.ends[side.index()].polled_at = Micros::MAX;
        self.act(side)?;
        self.ends[side.index()].host.poll(now, &mut self.out);
        // A RST that answers no packet: the host gives up.
        if self.out.iter().any(|packet| wire::read(packet).has(RST)) && self.watch.hears(side, now) {
            self.gives_up_early = Some(side);
        }
        self.send(side, Cause::default())?;
        let end = &mut self.ends[side.index()];
        let is_busy = end.host.unread() > 0 || end.written < end.application.data.len() || !end.has_closed;
        let due = end.host.due(now);
        let next = if is_busy { now + TICK } else { due.max(now + TICK) };
        if !end.is_done() || due < Micros::MAX {
            end.polled_at = end.polled_at.min(next);
        }
        Ok(())
    }

    /// The application's turn; what it wrote is sent at once.
    fn act(&mut self, side: Side) -> Result<(), Fault> {
        let end = &mut self.ends[side.index()];
        if end.act(self.now, &mut self.rng) {
            self.watch.wrote(side, end.written);
            end.host.poll(self.now, &mut self.out);
            self.send(side, Cause::default())?;
        }
        Ok(())
    }

    /// Puts what a host has sent on the link.
    fn send(&mut self, side: Side, cause: Cause) -> Result<(), Fault> {
        let mut out = core::mem::take(&mut self.out);
        for packet in out.drain(..) {
            self.packets += 1;
            let segment = wire::read(&packet);
            if let Some(capture) = &mut self.record.capture {
                capture.add(&packet, self.now);
            }
            let copies = self.copies();
            if self.record.log {
                let lost = if copies == 0 { " LOST" } else { "" };
                println!("{:>12} {} {}{lost}", self.now - START, side.name(), segment.line());
            }
            let congestion = self.ends[side.index()].host.congestion();
            let chain = self.watch.sent(side, &segment, congestion, cause, self.now)?;
            for _ in 0..copies {
                self.fly(side.other(), chain, packet.clone());
            }
        }
        self.out = out;
        let end = &mut self.ends[side.index()];
        end.polled_at = end.polled_at.min(self.now + TICK);
        Ok(())
    }

    fn copies(&mut self) -> u32 {
        if self.rng.u8(..100) < self.plan.link.loss {
            self.losses.push(self.now);
            0
        } else if self.rng.u8(..100) < self.plan.link.double {
            2
        } else {
            1
        }
    }

    fn fly(&mut self, to: Side, chain: u32, mut packet: Vec<u8>) {
        let link = self.plan.link;
        let jitter = if link.jitter > 0 { self.rng.u64(..link.jitter) } else { 0 };
        if link.damage > 0 && self.rng.u8(..100) < link.damage {
            self.losses.push(self.now);
            let bit = self.rng.usize(..packet.len() * 8);
            packet[bit / 8] ^= 1 << (bit % 8);
        }
        self.flown += 1;
        self.link.push(Reverse((self.now + link.delay + jitter, self.flown, to.index(), chain, packet)));
    }

    fn check_bytes(&self) -> Result<Outcome, Fault> {
        let mut gave_up = false;
        for side in Side::BOTH {
            let wrote = &self.ends[side.other().index()].application.data;
            let got = &self.ends[side.index()].got;
            if !wrote.starts_with(got) {
                let at = wrote.iter().zip(got).position(|(a, b)| a != b);
                return Err(self.fault(Kind::WrongBytes, format!("{} got byte {at:?} wrong", side.name())));
            }
            if got.len() < wrote.len() {
                gave_up = true;
                self.check_short(side.other())?;
            }
        }
        Ok(Outcome { packets: self.packets, micros: self.now - START, gave_up })
    }

    /// Not all that `writer` wrote has arrived: by plan, or because the link was too bad.
    fn check_short(&self, writer: Side) -> Result<(), Fault> {
        let end = self.first_end.unwrap_or(self.now);
        let lost = self.losses.iter().filter(|at| **at + EXCUSED_WITHIN > end && **at <= end).count();
        if self.plan.ending != Ending::Close {
            return Ok(());
        }
        let detail = format!("{lost} packets lost before");
        let reader = writer.other();
        if self.watch.acknowledged(reader) as usize > self.ends[reader.index()].got.len() + 1 {
            return Err(Fault { side: Some(reader), ..self.fault(Kind::Undelivered, detail) });
        }
        if self.gives_up_early.is_some() {
            return Err(Fault { side: self.gives_up_early, ..self.fault(Kind::GivenUpEarly, detail) });
        }
        if self.plan.link.loss >= HEAVY_LOSS {
            return Ok(());
        }
        if self.watch.is_stuck(writer, end) {
            return Err(Fault { side: Some(writer), ..self.fault(Kind::NoRetransmission, detail) });
        }
        if lost < EXCUSES { Err(self.fault(Kind::Short, detail)) } else { Ok(()) }
    }
}
