//! Tests of whole connections: a scripted peer, and the connection's answers.

extern crate std;

mod faults;
mod loss;
mod model;
mod rfc;
mod security;
mod steps;
mod unverified;

use embassy_time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

use crate::{Flags, OutgoingSegment, Reaction, Segment, Seq, State, Tcb};

/// Numbers near the end, so that every window goes over it.
const IRS: Seq = Seq::new(u32::MAX - 20);
const ISS: Seq = Seq::new(u32::MAX - 10);
const NOW: Instant = Instant::from_secs(1_000);
const MTU: usize = 1_500;

const ACK: Flags = Flags::ACK;
const FIN: Flags = Flags::new(0x11);
const RST: Flags = Flags::RST;
const SYN: Flags = Flags::SYN;

/// A segment that the connection has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    seq: Seq,
    ack: Seq,
    window: u16,
    flags: Flags,
    mss: Option<u16>,
    payload: Vec<u8>,
}

/// One connection, and its peer's defaults: the next number, an ACK of the number that the test has set, and a window
/// of 1,000 bytes.
#[derive(Clone)]
struct Peer {
    c: Tcb<Vec<u8>>,
    now: Instant,
    seq: Seq,
    ack: Seq,
    window: u16,
    options: Vec<u8>,
    reaction: Option<Reaction>,
}

impl Peer {
    /// A connection that is closed, with buffers of these lengths.
    fn new(rx_len: usize, tx_len: usize) -> Self {
        let c = Tcb::new(vec![0; rx_len], vec![0; tx_len]);
        let options = vec![2, 4, 5, 180];
        Self { c, now: NOW, seq: IRS, ack: ISS, window: 1_000, options, reaction: None }
    }

    /// Its SYN has arrived; the SYN,ACK has left.
    fn syn_received(rx_len: usize, tx_len: usize) -> Self {
        let mut it = Self::new(rx_len, tx_len);
        it.open();
        it
    }

    fn open(&mut self) -> Vec<Sent> {
        let options = self.options.clone();
        let syn = Segment { options: &options, ..self.segment(SYN, b"") };
        self.c.accept(&syn, ISS, MTU, self.now);
        self.seq += 1;
        self.ack = ISS + 1;
        self.drain()
    }

    fn established(rx_len: usize, tx_len: usize) -> Self {
        Self::with_window(rx_len, tx_len, 1_000)
    }

    /// The handshake is complete, and its ACK has offered this window.
    fn with_window(rx_len: usize, tx_len: usize, window: u16) -> Self {
        let mut it = Self::syn_received(rx_len, tx_len);
        it.window = window;
        assert_eq!(it.sends(ACK, b""), []);
        assert_eq!(it.c.state(), State::Established);
        it
    }

    /// A SYN has left.
    fn syn_sent(rx_len: usize, tx_len: usize) -> Self {
        let mut it = Self::new(rx_len, tx_len);
        it.c.connect(ISS, MTU, it.now);
        it.drain();
        it
    }

    fn segment<'a>(&self, flags: Flags, payload: &'a [u8]) -> Segment<'a> {
        Segment { seq: self.seq, ack: self.ack, window: self.window, flags, options: &[], payload }
    }

    /// The peer's next segment; what is answered at once.
    fn sends(&mut self, flags: Flags, payload: &[u8]) -> Vec<Sent> {
        let segment = self.segment(flags, payload);
        self.seq += segment.len();
        self.takes(&segment)
    }

    /// Any segment; what is answered at once. A delayed ACK is not.
    fn takes(&mut self, segment: &Segment<'_>) -> Vec<Sent> {
        let reaction = self.c.on_segment(segment, self.now);
        self.reaction = Some(reaction);
        let mut sent = Vec::new();
        if let Reaction::Reset(seq) = reaction {
            sent.push(self.sent(&OutgoingSegment::reset(seq)));
        }
        if self.c.has_urgent_segment() {
            sent.append(&mut self.drain());
        }
        sent
    }

    fn sent(&self, segment: &OutgoingSegment) -> Sent {
        let mut payload = vec![0; segment.len];
        self.c.fill(segment, &mut payload);
        let OutgoingSegment { seq, ack, window, flags, mss, .. } = *segment;
        Sent { seq, ack, window, flags, mss, payload }
    }

    /// All that the connection has to send.
    fn drain(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(segment) = self.c.next_segment(self.now) {
            all.push(self.sent(&segment));
            self.c.on_sent(&segment, self.now);
            assert!(all.len() < 1_000, "it sends without end");
        }
        all
    }

    fn writes(&mut self, data: &[u8]) -> Vec<Sent> {
        assert_eq!(self.c.write(data), data.len());
        self.drain()
    }

    /// Lets time pass; timers run when they are due. Returns the segments, each with its milliseconds since the start.
    fn waits(&mut self, milliseconds: u64) -> Vec<(u64, Sent)> {
        let (start, end) = (self.now, self.now + Duration::from_millis(milliseconds));
        let mut all = Vec::new();
        while self.c.due() <= end {
            self.now = self.c.due().max(self.now);
            self.c.on_timer(self.now);
            let at = (self.now - start).as_millis();
            all.extend(self.drain().into_iter().map(|sent| (at, sent)));
            assert!(all.len() < 1_000, "it sends without end");
        }
        self.now = end;
        all
    }

    /// Half of it is read in place, as by a buffered socket, and the rest as by a socket.
    fn reads(&mut self, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        let half = self.c.peek(&mut buf[..len / 2]);
        self.c.consume(half);
        let rest = self.c.read(&mut buf[half..]);
        buf.truncate(half + rest);
        buf
    }

    /// The peer acknowledges everything that was sent.
    fn acks_all(&mut self) -> Vec<Sent> {
        self.ack = self.c.snd_max;
        self.sends(ACK, b"")
    }
}

/// The parts of segments that are compared most: number, flags, bytes of text.
fn brief(sent: &[Sent]) -> Vec<(u32, Flags, usize)> {
    sent.iter().map(|sent| (sent.seq - ISS, sent.flags, sent.payload.len())).collect()
}

const PSH: Flags = Flags::new(0x18);
