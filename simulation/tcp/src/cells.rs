//! The cells of [`rfc`](crate::rfc): every state, put to every class of segment, on a host of any stack.

use std::fmt;

use crate::host::{Config, Host, State};
use crate::rfc::{Answer, Deviation, Facts, Next, Row, TABLE, find};
use crate::run::Stack;
use crate::wire::{self, ACK, FIN, PSH, RST, SYN, Segment, Side, URG, before, later};
use crate::{Micros, SECOND};

const START: Micros = 100 * SECOND;
/// Near the end of the sequence numbers, so that windows go over it.
const IRS: u32 = u32::MAX - 50;
/// The host's receive buffer.
const RX_LEN: usize = 512;
/// The window that the peer offers: MAX.SND.WND of RFC 5961 section 5.
const PEER_WINDOW: u16 = 1_000;
/// The bytes that the host has written, and how many of them the peer has acknowledged.
const WRITTEN: usize = 30;
const ACKED: u32 = 10;
/// An answer must come within this; no retransmission comes that early.
const ANSWER_WITHIN: Micros = 400_000;
const POLL_EVERY: Micros = 50_000;

/// Where SEG.SEQ lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeqClass {
    Before,
    /// RCV.NXT - 1, as keep-alives have it.
    Previous,
    Next,
    Inside,
    Edge,
    After,
}

/// Where SEG.ACK lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckClass {
    Ancient,
    Old,
    Una,
    Inside,
    Nxt,
    Beyond,
}

/// Bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LenClass {
    None,
    One,
    /// Ten more than RCV.WND.
    Over,
}

/// One cell: a state and a class of segment.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub state: State,
    /// RCV.WND = 0.
    pub shut: bool,
    pub seq: SeqClass,
    pub ack: AckClass,
    pub flags: u8,
    pub len: LenClass,
}

const STATES: [State; 11] = [
    State::Closed,
    State::Listen,
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];
const SEQS: [SeqClass; 6] =
    [SeqClass::Before, SeqClass::Previous, SeqClass::Next, SeqClass::Inside, SeqClass::Edge, SeqClass::After];
const ACKS: [AckClass; 6] =
    [AckClass::Ancient, AckClass::Old, AckClass::Una, AckClass::Inside, AckClass::Nxt, AckClass::Beyond];
const LENS: [LenClass; 3] = [LenClass::None, LenClass::One, LenClass::Over];

/// Every cell. A shut window exists only while text may come.
pub fn all() -> impl Iterator<Item = Cell> {
    let states = STATES.into_iter().flat_map(|state| {
        let shuts = matches!(state, State::Established | State::FinWait1 | State::FinWait2);
        [(state, false), (state, true)].into_iter().take(1 + usize::from(shuts))
    });
    states.flat_map(|(state, shut)| {
        SEQS.into_iter().flat_map(move |seq| {
            ACKS.into_iter().flat_map(move |ack| {
                LENS.into_iter().flat_map(move |len| {
                    (0..32).map(move |bits: u8| {
                        let pick = |bit: u8, flag: u8| if bits & 1 << bit != 0 { flag } else { 0 };
                        let flags = pick(0, SYN) | pick(1, FIN) | pick(2, RST) | pick(3, ACK) | pick(4, URG);
                        Cell { state, shut, seq, ack, flags, len }
                    })
                })
            })
        })
    })
}

/// A host in a state, and the numbers of RFC 9293 section 3.3.1 as its packets show them.
struct Prepared {
    host: Box<dyn Host>,
    iss: u32,
    snd_una: u32,
    snd_nxt: u32,
    rcv_nxt: u32,
    rcv_edge: u32,
    fin_sent: bool,
}

impl Prepared {
    /// # Panics
    /// If the host doesn't reach the state.
    fn new(stack: Stack, state: State, shut: bool) -> Self {
        let opens = state == State::SynSent;
        let config =
            Config { side: Side::Server, opens, rx_len: RX_LEN, tx_len: 1_024, mtu: 1_500, seed: 7, now: START };
        let (rcv_nxt, iss) = (IRS.wrapping_add(1), 1_000);
        let host = stack.host(&config);
        let mut it = Self {
            host,
            iss,
            snd_una: iss,
            snd_nxt: iss,
            rcv_nxt,
            rcv_edge: rcv_nxt.wrapping_add(RX_LEN as u32),
            fin_sent: false,
        };
        match state {
            State::Listen => {}
            State::Closed => it.host.abort(),
            State::SynSent => it.opened(),
            _ => it.accept(state, shut),
        }
        let reached = it.host.state();
        // A listener that is aborted may be kept as one that was never there.
        assert_eq!(reached, state, "{stack:?} doesn't reach the state");
        it
    }

    /// The host's SYN has left.
    fn opened(&mut self) {
        let out = self.poll(START);
        self.iss = wire::read(&out[0]).seq;
        (self.snd_una, self.snd_nxt) = (self.iss, self.iss.wrapping_add(1));
    }

    fn accept(&mut self, state: State, shut: bool) {
        let syn = Segment { seq: IRS, ack: 0, window: PEER_WINDOW, flags: SYN, mss: Some(1_460), payload: b"" };
        let out = self.receive(&syn, START);
        self.iss = wire::read(&out[0]).seq;
        (self.snd_una, self.snd_nxt) = (self.iss, self.iss.wrapping_add(1));
        if state == State::SynReceived {
            return;
        }
        self.snd_una = self.snd_nxt;
        self.peer_sends(ACK, &[]);
        assert_eq!(self.host.write(&[7; WRITTEN]), WRITTEN);
        self.poll(START);
        self.snd_nxt = self.snd_nxt.wrapping_add(WRITTEN as u32);
        self.snd_una = self.snd_una.wrapping_add(ACKED);
        self.peer_sends(ACK, if shut { &[8; RX_LEN] } else { &[] });
        match state {
            State::FinWait1 => self.host_closes(),
            State::FinWait2 => {
                self.host_closes();
                self.peer_acks_all();
            }
            State::Closing => {
                self.host_closes();
                self.peer_sends(ACK | FIN, &[]);
            }
            State::TimeWait => {
                self.host_closes();
                self.peer_acks_all();
                self.peer_sends(ACK | FIN, &[]);
            }
            State::CloseWait => self.peer_sends(ACK | FIN, &[]),
            State::LastAck => {
                self.peer_sends(ACK | FIN, &[]);
                self.host_closes();
            }
            _ => {}
        }
    }

    fn host_closes(&mut self) {
        self.host.close();
        self.poll(START);
        self.snd_nxt = self.snd_nxt.wrapping_add(1);
        self.fin_sent = true;
    }

    fn peer_acks_all(&mut self) {
        self.snd_una = self.snd_nxt;
        self.peer_sends(ACK, &[]);
    }

    /// The peer sends what comes next, and the host takes and acknowledges all of it.
    fn peer_sends(&mut self, flags: u8, text: &[u8]) {
        let segment =
            Segment { seq: self.rcv_nxt, ack: self.snd_una, window: PEER_WINDOW, flags, mss: None, payload: text };
        self.receive(&segment, START);
        for step in 1..=2 {
            self.poll(START + step * POLL_EVERY / 2);
        }
        self.rcv_nxt = segment.end();
    }

    fn receive(&mut self, segment: &Segment<'_>, now: Micros) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.host.receive(&wire::build(Side::Client, segment), now, &mut out);
        self.follow(out)
    }

    fn poll(&mut self, now: Micros) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.host.poll(now, &mut out);
        self.follow(out)
    }

    fn follow(&mut self, out: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        for packet in &out {
            let segment = wire::read(packet);
            if segment.has(ACK) && !segment.has(RST) {
                self.rcv_edge = later(self.rcv_edge, segment.edge());
            }
        }
        out
    }

    fn window(&self) -> u32 {
        self.rcv_edge.wrapping_sub(self.rcv_nxt)
    }
}

/// A difference of a cell from the table.
#[derive(Debug, Clone)]
pub struct Difference {
    pub cell: Cell,
    pub row: usize,
    pub detail: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { answer, next, section, .. } = TABLE[self.row];
        write!(f, "{:?}: {}; expected {answer:?} and {next:?} by {section}", self.cell, self.detail)
    }
}

/// Puts one cell to a host. None if the host does as the table has it.
pub fn check(stack: Stack, cell: Cell) -> Option<Difference> {
    let mut it = Prepared::new(stack, cell.state, cell.shut);
    let text = [9; RX_LEN + 10];
    let segment = segment(&it, cell, &text);
    let deviations = if stack == Stack::Own { &Deviation::ALL[..] } else { &[] };
    let facts = facts(&it, cell.state, &segment, deviations);
    let index = find(cell.state, &facts);
    let row = &TABLE[index];
    let mut answers = it.receive(&segment, START + POLL_EVERY);
    let mut now = START + POLL_EVERY;
    while now < START + POLL_EVERY + ANSWER_WITHIN {
        now += POLL_EVERY;
        answers.append(&mut it.poll(now));
    }
    // Retransmissions answer nothing.
    answers.retain(|packet| {
        let answer = wire::read(packet);
        answer.payload.is_empty() && !answer.has(FIN)
    });
    let rcv_nxt = expected_rcv_nxt(&it, cell.state, &segment, &facts, row);
    let detail =
        answer_fault(&it, &segment, row, rcv_nxt, &answers).or_else(|| state_fault(cell.state, row, it.host.state()));
    detail.map(|detail| Difference { cell, row: index, detail })
}

fn segment<'a>(it: &Prepared, cell: Cell, text: &'a [u8; RX_LEN + 10]) -> Segment<'a> {
    let window = it.window();
    let seq = match cell.seq {
        SeqClass::Before => it.rcv_nxt.wrapping_sub(100),
        SeqClass::Previous => it.rcv_nxt.wrapping_sub(1),
        SeqClass::Next => it.rcv_nxt,
        SeqClass::Inside => it.rcv_nxt.wrapping_add(100),
        SeqClass::Edge => it.rcv_edge,
        SeqClass::After => it.rcv_edge.wrapping_add(100),
    };
    let flight = it.snd_nxt.wrapping_sub(it.snd_una);
    let ack = match cell.ack {
        AckClass::Ancient => it.snd_una.wrapping_sub(u32::from(PEER_WINDOW) + 1),
        AckClass::Old => it.snd_una.wrapping_sub(1),
        AckClass::Una => it.snd_una,
        AckClass::Inside => it.snd_una.wrapping_add(flight.div_ceil(2)),
        AckClass::Nxt => it.snd_nxt,
        AckClass::Beyond => it.snd_nxt.wrapping_add(1),
    };
    let len = match cell.len {
        LenClass::None => 0,
        LenClass::One => 1,
        LenClass::Over => window as usize + 10,
    };
    let flags = cell.flags | if len > 0 { PSH } else { 0 };
    Segment { seq, ack, window: PEER_WINDOW, flags, mss: None, payload: &text[..len] }
}

/// The facts by the definitions of section 3.10.7.4 and 3.4, and by the host's deviations.
fn facts(it: &Prepared, state: State, segment: &Segment<'_>, deviations: &[Deviation]) -> Facts {
    let (window, len) = (it.window(), segment.len());
    let inside = |number: u32| number.wrapping_sub(it.rcv_nxt) < window;
    let acceptable = match (len, window) {
        (0, 0) => segment.seq == it.rcv_nxt,
        (0, _) => inside(segment.seq),
        (_, 0) => false,
        _ => inside(segment.seq) || inside(segment.end().wrapping_sub(1)),
    };
    let is_bare_ack = len == 0 && segment.has(ACK) && !segment.has(RST);
    let acceptable = acceptable
        || deviations.contains(&Deviation::AckAtEdge) && is_bare_ack && segment.seq == it.rcv_nxt.wrapping_add(window);
    let is_keep_alive = segment.seq.wrapping_add(1) == it.rcv_nxt && !segment.has(SYN) && segment.has(ACK);
    let fin_at = segment.seq.wrapping_add(segment.payload.len() as u32);
    let has_gap = before(it.rcv_nxt, segment.seq);
    let ack = segment.ack;
    Facts {
        syn: segment.has(SYN),
        fin: segment.has(FIN),
        rst: segment.has(RST),
        ack: segment.has(ACK),
        occupies: len > 0,
        acceptable,
        keep_alive_acks: deviations.contains(&Deviation::KeepAliveAcks) && is_keep_alive,
        at_next: segment.seq == it.rcv_nxt,
        shut: window == 0,
        first_syn: segment.has(SYN) && segment.seq == IRS,
        acks_new: before(it.snd_una, ack) && !before(it.snd_nxt, ack),
        acks_unsent: before(it.snd_nxt, ack),
        acks_ancient: before(ack, it.snd_una.wrapping_sub(PEER_WINDOW.into())),
        acks_fin: it.fin_sent && ack == it.snd_nxt && it.snd_una != it.snd_nxt,
        fin_in_order: segment.has(FIN)
            && acceptable
            && !has_gap
            && inside(fin_at)
            && !matches!(state, State::CloseWait | State::Closing | State::LastAck | State::TimeWait),
    }
}

/// RCV.NXT after the segment: behind what of it is in the window, if nothing is missing before it.
fn expected_rcv_nxt(it: &Prepared, state: State, segment: &Segment<'_>, facts: &Facts, row: &Row) -> u32 {
    if matches!(state, State::SynSent | State::Listen | State::Closed) {
        return segment.seq.wrapping_add(1);
    }
    let goes_on = !matches!(row.next, Next::Ended) && !facts.syn && !facts.rst && facts.ack;
    let takes_text = matches!(state, State::SynReceived | State::Established | State::FinWait1 | State::FinWait2);
    let is_refused = facts.acks_unsent || facts.acks_ancient || row.answer == Answer::Reset;
    if !facts.acceptable || !goes_on || !takes_text || is_refused || before(it.rcv_nxt, segment.seq) {
        return it.rcv_nxt;
    }
    let text_end = segment.seq.wrapping_add(segment.payload.len() as u32);
    let text_end = if before(it.rcv_edge, text_end) { it.rcv_edge } else { text_end };
    later(it.rcv_nxt, text_end).wrapping_add(u32::from(facts.fin_in_order))
}

fn answer_fault(it: &Prepared, segment: &Segment<'_>, row: &Row, rcv_nxt: u32, answers: &[Vec<u8>]) -> Option<String> {
    let answers: Vec<_> = answers.iter().map(|packet| wire::read(packet)).collect();
    let shown = || Some(format!("answers {:?}", answers.iter().map(Segment::line).collect::<Vec<_>>()));
    let is_ack = |answer: &Segment<'_>| answer.flags & !PSH == ACK && answer.seq == it.snd_nxt && answer.ack == rcv_nxt;
    let is_right = match (row.answer, &answers[..]) {
        (Answer::Nothing | Answer::AckOrNothing, []) => true,
        (Answer::Ack | Answer::AckOrNothing, [answer]) => {
            // The listener's SYN,ACK stands for the ACK where a SYN came with a FIN.
            is_ack(answer) || row.states == [State::Listen]
        }
        (Answer::SynAck, [answer]) => {
            let starts = answer.flags == SYN | ACK && answer.ack == segment.seq.wrapping_add(1);
            starts && (row.states == [State::Listen] || answer.seq == it.iss)
        }
        (Answer::Reset, [answer]) => answer.flags & !ACK == RST && answer.seq == segment.ack,
        (Answer::ResetAck, [answer]) => answer.flags == RST | ACK && answer.seq == 0 && answer.ack == segment.end(),
        _ => false,
    };
    if is_right { None } else { shown() }
}

fn state_fault(before: State, row: &Row, after: State) -> Option<String> {
    let is_right = match row.next {
        Next::Same => after == before,
        Next::To(state) => after == state,
        Next::Ended => matches!(after, State::Closed | State::Listen),
        Next::Either(one, other) => after == one || after == other,
    };
    (!is_right).then(|| format!("is {after:?} then"))
}
