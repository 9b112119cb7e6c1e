//! Sockeye's own engine as a host: one connection, a listener for it, and the refusal of what belongs to no connection.

use core::net::SocketAddrV4;

use embassy_time::Instant;
use fastrand::Rng;
use sockeye_tcp_engine::{self as engine, Check, Flags, IsnKey, OutgoingSegment, Reaction, Seq, Tcb};

use crate::Micros;
use crate::host::{Config, Congestion, Host, State};
use crate::wire::{self, Segment, Side};

/// Segments in one go; more means that the engine sends without end.
const SEGMENTS_MAX: usize = 4_096;

/// Text of so many bytes is copied while it is summed, as in `crates/tcp`.
const LONG_TEXT_LEN: usize = 128;

/// One connection of the engine, and whether it listens.
pub struct Engine {
    connection: Tcb<Vec<u8>>,
    side: Side,
    is_listening: bool,
    key: IsnKey,
    mtu: usize,
}

fn instant(now: Micros) -> Instant {
    Instant::from_micros(now)
}

fn socket(side: Side) -> SocketAddrV4 {
    SocketAddrV4::new(side.address(), side.port())
}

impl Engine {
    pub fn new(config: &Config) -> Self {
        let mut rng = Rng::with_seed(config.seed);
        let mut it = Self {
            connection: Tcb::new(vec![0; config.rx_len], vec![0; config.tx_len]),
            side: config.side,
            is_listening: !config.opens,
            key: IsnKey::new(core::array::from_fn(|_| rng.u8(..))),
            mtu: config.mtu,
        };
        if config.opens {
            it.connection.connect(it.isn(config.now), it.mtu, instant(config.now));
        }
        it
    }

    fn isn(&self, now: Micros) -> Seq {
        self.key.isn(socket(self.side), socket(self.side.other()), instant(now))
    }

    fn send(&self, segment: &OutgoingSegment, out: &mut Vec<Vec<u8>>) {
        let mut payload = vec![0; segment.len];
        self.connection.fill(segment, &mut payload);
        out.push(wire::build(
            self.side,
            &Segment {
                seq: segment.seq.number(),
                ack: segment.ack.number(),
                window: segment.window,
                flags: segment.flags.bits(),
                mss: segment.mss,
                payload: &payload,
            },
        ));
    }

    /// # Panics
    /// If the engine sends without end.
    fn send_all(&mut self, now: Micros, out: &mut Vec<Vec<u8>>) {
        for _ in 0..SEGMENTS_MAX {
            let Some(segment) = self.connection.next_segment(instant(now)) else { return };
            self.send(&segment, out);
            self.connection.on_sent(&segment, instant(now));
        }
        panic!("the engine sends without end in {:?}", self.connection.state());
    }

    /// Takes a segment as the code around the engine does: long text is copied while it is summed. A damaged packet of the
    /// same numbers comes before it, of which nothing may count.
    fn take_unverified(&mut self, segment: &engine::Segment<'_>, now: Instant) -> Reaction {
        let is_long = segment.payload.len() >= LONG_TEXT_LEN;
        if is_long {
            let damaged = self.connection.on_unverified_segment(segment, now, true, |room| {
                room.into_iter().for_each(|room| room.fill(!0));
                Check::Damaged
            });
            assert_eq!(damaged, Reaction::Ignored);
        }
        self.connection.on_unverified_segment(segment, now, is_long, |room| match room {
            Some(room) => {
                room.copy_from_slice(segment.payload);
                Check::Copied
            }
            None => Check::Intact,
        })
    }

    /// Takes a segment, and returns a RST to be sent at once, if any.
    fn take(&mut self, segment: &engine::Segment<'_>, now: Micros) -> Option<OutgoingSegment> {
        if self.connection.state() != engine::State::Closed {
            return match self.take_unverified(segment, instant(now)) {
                Reaction::Reset(seq) => Some(OutgoingSegment::reset(seq)),
                Reaction::Accepted | Reaction::Ignored => None,
            };
        }
        if !self.is_listening {
            return OutgoingSegment::refusal(segment);
        }
        if segment.is_opening() {
            self.is_listening = false;
            self.connection.accept(segment, self.isn(now), self.mtu, instant(now));
            return None;
        }
        // In LISTEN only an ACK is refused (RFC 9293 section 3.10.7.2).
        if segment.has(Flags::ACK) { OutgoingSegment::refusal(segment) } else { None }
    }
}

impl Host for Engine {
    fn receive(&mut self, packet: &[u8], now: Micros, out: &mut Vec<Vec<u8>>) {
        let Some(tcp) = wire::tcp_part(self.side.other(), packet) else { return };
        let Some(segment) = engine::Segment::parse(tcp) else { return };
        if let Some(reset) = self.take(&segment, now) {
            self.send(&reset, out);
        }
        if self.connection.has_urgent_segment() {
            self.send_all(now, out);
        }
    }

    fn poll(&mut self, now: Micros, out: &mut Vec<Vec<u8>>) {
        if now >= self.due(now) {
            self.connection.on_timer(instant(now));
        }
        self.send_all(now, out);
    }

    fn due(&mut self, _: Micros) -> Micros {
        match self.connection.due() {
            Instant::MAX => Micros::MAX,
            due => due.as_micros(),
        }
    }

    fn state(&self) -> State {
        match self.connection.state() {
            engine::State::Closed if self.is_listening => State::Listen,
            engine::State::Closed => State::Closed,
            engine::State::SynSent => State::SynSent,
            engine::State::SynReceived => State::SynReceived,
            engine::State::Established => State::Established,
            engine::State::FinWait1 => State::FinWait1,
            engine::State::FinWait2 => State::FinWait2,
            engine::State::CloseWait => State::CloseWait,
            engine::State::Closing => State::Closing,
            engine::State::LastAck => State::LastAck,
            engine::State::TimeWait => State::TimeWait,
        }
    }

    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let len = self.connection.peek(&mut bytes);
        self.connection.consume(len);
        bytes.truncate(len);
        bytes
    }

    fn unread(&self) -> usize {
        self.connection.received()
    }

    fn write(&mut self, data: &[u8]) -> usize {
        self.connection.write(data)
    }

    fn may_write(&self) -> bool {
        self.connection.may_write()
    }

    fn close(&mut self) {
        self.connection.close();
    }

    fn abort(&mut self) {
        self.is_listening = false;
        self.connection.abort();
    }

    fn congestion(&self) -> Option<Congestion> {
        let (snd_una, cwnd) = self.connection.congestion();
        Some(Congestion { snd_una: snd_una.number(), cwnd })
    }
}
