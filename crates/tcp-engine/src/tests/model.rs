//! Two connections and a network that loses, doubles and reorders, searched exhaustively: opening, one byte each way,
//! closing, and aborting at any time.
//!
//! Time is left out: a timer goes off when nothing is on its way any more, and a few times too early.
//! From every state that can be reached there must be a way to the end. A model checker's "eventually" looks at single
//! paths and not at whether a way is left, so the search is by hand.

use std::collections::{HashMap, VecDeque};

use super::*;
use crate::Ended;
use crate::tcb::Control;
use crate::timing::Rtt;

/// The faults that may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Faults {
    losses: u8,
    doubles: u8,
    early_timers: u8,
}

/// The actions of the two users.
#[derive(Clone, Copy)]
struct Script {
    simultaneous: bool,
    /// Which of them writes a byte before it closes.
    writes: [bool; 2],
    /// One of them may abort.
    aborts: bool,
    faults: Faults,
}

#[derive(Clone)]
struct Side {
    c: Tcb<[u8; 4]>,
    listens: bool,
    has_written: bool,
    has_closed: bool,
    got: Vec<u8>,
}

/// A segment on its way: to which side, and what it is.
type Flying = (usize, Sent);

#[derive(Clone)]
struct World {
    sides: [Side; 2],
    network: Vec<Flying>,
    faults: Faults,
    may_abort: bool,
    writes: [bool; 2],
}

/// A byte for each direction, so that the two can't be mixed up.
const BYTES: [u8; 2] = [b'a', b'b'];

impl Side {
    fn new(listens: bool) -> Self {
        Self { c: Tcb::new([0; 4], [0; 4]), listens, has_written: false, has_closed: false, got: Vec::new() }
    }

    fn drain(&mut self, to: usize, network: &mut Vec<Flying>) {
        while let Some(segment) = self.c.next_segment(NOW) {
            let mut payload = vec![0; segment.len];
            self.c.fill(&segment, &mut payload);
            self.c.on_sent(&segment, NOW);
            let OutgoingSegment { seq, ack, window, flags, mss, .. } = segment;
            network.push((to, Sent { seq, ack, window, flags, mss, payload }));
        }
        let mut buf = [0; 4];
        let len = self.c.peek(&mut buf);
        self.c.consume(len);
        self.got.extend_from_slice(&buf[..len]);
        self.forget_time();
    }

    /// The next timer of this side goes off. False if it has none.
    fn fire(&mut self) -> bool {
        let due = self.c.due();
        if due == Instant::MAX {
            return false;
        }
        self.c.on_timer(due.max(NOW));
        self.c.challenge_at = Instant::MIN;
        true
    }

    /// Takes the time out of a state: every timer that runs is due at its usual length from now.
    fn forget_time(&mut self) {
        let c = &mut self.c;
        (c.heard, c.asked) = (NOW, NOW);
        c.rtt = Rtt::new();
        // With a byte each way neither is of consequence.
        (c.congestion.cwnd, c.duplicates, c.recover, c.resent) = (1_000, 0, ISS, ISS);
        if c.challenge_at > NOW {
            c.challenge_at = Instant::MAX;
        }
        if c.timer.at != Instant::MAX {
            c.timer.at = NOW + Duration::from_secs(1);
        }
        c.ack_at = NOW;
    }

    fn is_over(&self) -> bool {
        self.c.state() == State::Closed && self.c.control.is_none() && !self.listens
    }

    fn key(&self, key: &mut Vec<u64>) {
        let c = &self.c;
        let numbers = [c.snd_una, c.snd_nxt, c.snd_max, c.snd_wl1, c.rcv_nxt, c.rcv_adv];
        key.extend(numbers.map(|number| u64::from(number.number())));
        let flags = [
            c.is_passive,
            c.fin_queued,
            c.syn_repeated,
            c.fin_received,
            c.is_overridden,
            c.acks_at_edge,
            self.listens,
            self.has_written,
            self.has_closed,
        ];
        key.extend(flags.map(u64::from));
        key.extend([c.state as u64, c.ended as u64, c.ack_due as u64, c.timer.kind as u64]);
        key.extend([u64::from(c.challenge_at > NOW), u64::from(c.timer.at == Instant::MAX)]);
        key.push(c.snd_wnd.into());
        key.extend(c.early.map_or([0; 2], |(first, last)| [first, last].map(|number| u64::from(number.number()))));
        key.push(match c.control {
            None => 0,
            Some(Control::Reset(seq)) => 1 << 40 | u64::from(seq.number()),
            Some(Control::Probe) => 1,
            Some(Control::KeepAlive) => 2,
            Some(Control::FastRetransmit) => 3,
        });
        key.extend([c.tx.len() as u64, self.got.len() as u64]);
    }
}

impl World {
    fn new(script: Script) -> Self {
        let mut it = Self {
            sides: [Side::new(false), Side::new(!script.simultaneous)],
            network: Vec::new(),
            faults: script.faults,
            may_abort: script.aborts,
            writes: script.writes,
        };
        it.sides[0].c.connect(ISS, MTU, NOW);
        if script.simultaneous {
            it.sides[1].c.connect(IRS, MTU, NOW);
        }
        it.drain(0);
        it.drain(1);
        it
    }

    fn drain(&mut self, side: usize) {
        self.sides[side].drain(1 - side, &mut self.network);
        // The order of segments on their way means nothing.
        self.network.sort_unstable_by_key(|(to, sent)| (*to, sent.seq.number(), sent.ack.number(), sent.flags.bits()));
        assert!(self.network.len() < 24, "it sends without end");
    }

    fn deliver(&mut self, (to, sent): &Flying) {
        let side = &mut self.sides[*to];
        let options: &[u8] = if sent.mss.is_some() { &[2, 4, 0, 48] } else { &[] };
        let Sent { seq, ack, window, flags, payload, .. } = sent;
        let segment = Segment { seq: *seq, ack: *ack, window: *window, flags: *flags, options, payload };
        let answer = if side.c.state() != State::Closed {
            match side.c.on_segment(&segment, NOW) {
                Reaction::Reset(seq) => Some(OutgoingSegment::reset(seq)),
                _ => None,
            }
        } else if side.listens && segment.is_opening() {
            side.listens = false;
            side.c.accept(&segment, IRS, MTU, NOW);
            None
        } else if side.listens && !segment.has(ACK) {
            None
        } else {
            OutgoingSegment::refusal(&segment)
        };
        if let Some(OutgoingSegment { seq, ack, window, flags, mss, .. }) = answer {
            self.network.push((1 - to, Sent { seq, ack, window, flags, mss, payload: Vec::new() }));
        }
        self.drain(*to);
    }

    /// Every state that can come next.
    fn nexts(&self) -> Vec<Self> {
        let mut nexts = Vec::new();
        for index in 0..self.network.len() {
            if index > 0 && self.network[index] == self.network[index - 1] {
                continue;
            }
            let mut next = self.clone();
            let flying = next.network.remove(index);
            if self.faults.losses > 0 {
                let mut lost = next.clone();
                lost.faults.losses -= 1;
                nexts.push(lost);
            }
            if self.faults.doubles > 0 {
                let mut doubled = self.clone();
                doubled.faults.doubles -= 1;
                doubled.deliver(&flying);
                nexts.push(doubled);
            }
            next.deliver(&flying);
            nexts.push(next);
        }
        for side in 0..2 {
            self.user_acts(side, &mut nexts);
            if self.network.is_empty() || self.faults.early_timers > 0 {
                let mut next = self.clone();
                next.faults.early_timers -= u8::from(!self.network.is_empty());
                if next.sides[side].fire() {
                    next.drain(side);
                    nexts.push(next);
                }
            }
        }
        nexts
    }

    fn user_acts(&self, side: usize, nexts: &mut Vec<Self>) {
        let Side { c, has_written, has_closed, .. } = &self.sides[side];
        if self.writes[side] && !has_written && c.may_write() {
            let mut next = self.clone();
            next.sides[side].c.write(&BYTES[side..=side]);
            next.sides[side].has_written = true;
            next.drain(side);
            nexts.push(next);
        }
        if !has_closed && (*has_written || !self.writes[side] && c.may_write()) {
            let mut next = self.clone();
            next.sides[side].c.close();
            next.sides[side].has_closed = true;
            next.drain(side);
            nexts.push(next);
        }
        if self.may_abort && !c.state().eq(&State::Closed) {
            let mut next = self.clone();
            next.may_abort = false;
            next.sides[side].c.abort();
            next.drain(side);
            nexts.push(next);
        }
    }

    fn key(&self) -> Vec<u64> {
        let mut key = vec![
            self.faults.losses.into(),
            self.faults.doubles.into(),
            self.faults.early_timers.into(),
            self.may_abort.into(),
        ];
        for side in &self.sides {
            side.key(&mut key);
        }
        for (to, Sent { seq, ack, window, flags, payload, .. }) in &self.network {
            key.push((*to as u64) << 40 | u64::from(flags.bits()) << 32 | u64::from(seq.number()));
            key.push((payload.len() as u64) << 48 | u64::from(*window) << 32 | u64::from(ack.number()));
        }
        key
    }

    fn check(&self) {
        for (side, byte) in [(0, BYTES[1]), (1, BYTES[0])] {
            let got = &self.sides[side].got;
            assert!(got.is_empty() || got == &[byte], "side {side} got {got:?}");
        }
    }

    /// Nothing is left to happen but that a listener which nobody has reached goes on to listen.
    fn is_end(&self, script: Script) -> bool {
        let [first, second] = &self.sides;
        let is_over = first.is_over() && (second.is_over() || second.listens);
        let is_orderly = [0, 1].into_iter().all(|side| {
            let all = usize::from(script.writes[1 - side]);
            self.sides[side].c.ended() == Some(Ended::Closed) && self.sides[side].got.len() == all
        });
        is_over && (is_orderly || script.aborts && !self.may_abort)
    }
}

/// Searches all states, and from each a way to the end. Returns how many they are.
fn search(script: Script) -> usize {
    let start = World::new(script);
    let mut known = HashMap::from([(start.key(), 0usize)]);
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut ends = Vec::new();
    let mut queue = VecDeque::from([(0, start)]);
    while let Some((index, world)) = queue.pop_front() {
        world.check();
        if world.is_end(script) {
            ends.push(index);
        }
        for next in world.nexts() {
            let number = known.len();
            let other = *known.entry(next.key()).or_insert(number);
            if other == number {
                before.push(Vec::new());
                queue.push_back((number, next));
            }
            before[other].push(index);
        }
        assert!(known.len() < 1_000_000, "too many states to search");
    }
    let mut has_way = vec![false; known.len()];
    while let Some(index) = ends.pop() {
        if !core::mem::replace(&mut has_way[index], true) {
            ends.extend(&before[index]);
        }
    }
    let stuck = has_way.iter().filter(|has_way| !**has_way).count();
    assert_eq!(stuck, 0, "of {} states have no way to the end", known.len());
    known.len()
}

fn faults(losses: u8, doubles: u8, early_timers: u8) -> Faults {
    Faults { losses, doubles, early_timers }
}

/// Searches both openings: by a client and a listener, and by two clients at once.
fn search_all(writes: [bool; 2], aborts: bool, faults: Faults) {
    for simultaneous in [false, true] {
        let states = search(Script { simultaneous, aborts, writes, faults });
        assert!(states > 500, "{states}");
    }
}

#[test]
fn every_state_of_an_open_and_a_close_has_a_way_to_the_end() {
    for faults in [faults(1, 0, 0), faults(0, 1, 0)] {
        search_all([false, false], false, faults);
    }
}

#[test]
fn every_state_with_text_has_a_way_to_the_end() {
    search_all([true, false], false, faults(0, 0, 0));
}

#[test]
fn every_state_with_an_abort_has_a_way_to_the_end() {
    search_all([false, false], true, faults(0, 0, 0));
}

/// More at once: too many states for a debug build. `cargo xtask tcp` runs it in a release build.
#[test]
#[ignore = "for a release build"]
fn every_state_with_more_faults_has_a_way_to_the_end() {
    for (writes, aborts, faults) in [
        ([false, false], false, faults(0, 0, 1)),
        ([false, false], true, faults(1, 0, 0)),
        ([false, false], true, faults(0, 1, 0)),
        ([true, false], false, faults(1, 0, 0)),
        ([true, false], false, faults(0, 1, 0)),
        ([true, true], false, faults(0, 0, 0)),
    ] {
        search_all(writes, aborts, faults);
    }
}
