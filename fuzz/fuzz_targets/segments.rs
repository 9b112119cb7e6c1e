//! One connection of the engine, with any segments, any calls of its user and any passing of time. The connection goes
//! on, and its user reads the peer's bytes once and in order.

#![no_main]

use embassy_time::{Duration, Instant};
use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::heap::freed;
use sockeye_tcp_engine::{Check, Flags, Segment, Seq, State, Tcb};

const MTU: usize = 576;
/// Segments in one go.
const BURST: usize = 1_000;

/// The rest of the input; zeros behind its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u32 {
        u32::from_be_bytes([0; 4].map(|_: u8| self.byte()))
    }

    /// A number near `base`: itself, some before or behind, half of all away, or any.
    fn near(&mut self, base: Seq) -> Seq {
        match self.byte() {
            0..=127 => base,
            128..=179 => base + u32::from(self.byte()),
            180..=229 => base - u32::from(self.byte()),
            230..=239 => base + u32::from(self.byte()) * 16,
            240..=247 => base + (1 << 31),
            _ => Seq::new(self.number()),
        }
    }
}

/// The peer's stream: each byte follows from its number, so that every segment fits to every other.
fn text(from: u32, len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (from.wrapping_add(at).wrapping_mul(31) >> 3) as u8).collect()
}

struct World {
    connection: Tcb<Vec<u8>>,
    now: Instant,
    irs: Seq,
    /// The peer's next number by the engine's acknowledgements, and its next acknowledgement by the engine's segments.
    rcv_nxt: Seq,
    snd_nxt: Seq,
    /// The furthest edge that was offered. None before a number of the peer's is known.
    offered: Option<Seq>,
    read: u32,
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let lens = [input.byte(), input.byte()].map(|len| usize::from(len) * 4 + 1);
        let connection = Tcb::new(vec![0; lens[0]], vec![0; lens[1]]);
        let (irs, isn) = (Seq::new(input.number()), Seq::new(input.number()));
        let now = Instant::from_secs(1_000);
        let mut it = Self { connection, now, irs, rcv_nxt: irs, snd_nxt: isn, offered: None, read: 0 };
        if input.byte() & 1 == 0 {
            let options = [2, 4, input.byte(), input.byte()];
            let syn = Segment {
                seq: irs,
                ack: Seq::new(0),
                window: u16::from(input.byte()) * 16,
                flags: Flags::SYN,
                options: &options,
                payload: &[],
            };
            it.connection.accept(&syn, isn, MTU, now);
            it.rcv_nxt = irs + 1;
        } else {
            it.connection.connect(isn, MTU, now);
        }
        it
    }

    fn send(&mut self) {
        for _ in 0..BURST {
            let Some(segment) = self.connection.next_segment(self.now) else { return };
            let mut payload = vec![0; segment.len];
            self.connection.fill(&segment, &mut payload);
            self.connection.on_sent(&segment, self.now);
            let len = segment.len as u32 + u32::from(segment.flags.has(Flags::SYN | Flags::FIN));
            self.snd_nxt = self.snd_nxt.max(segment.seq + len);
            if segment.flags.has(Flags::ACK) && !segment.flags.has(Flags::RST) {
                self.rcv_nxt = segment.ack;
                let edge = segment.ack + u32::from(segment.window);
                assert!(self.offered.is_none_or(|offered| offered <= edge), "the edge went back");
                self.offered = Some(edge);
                assert!(usize::from(segment.window) <= self.connection.receive_capacity());
            }
        }
        panic!("it sends without end");
    }

    fn segment(&mut self, input: &mut Input<'_>) {
        let seq = input.near(self.rcv_nxt);
        let ack = input.near(self.snd_nxt);
        let flags = match input.byte() {
            0..=159 => Flags::ACK.bits(),
            bits => bits & 0x3f,
        };
        let window = u16::from(input.byte()) * [0, 1, 16, 257][usize::from(input.byte() & 3)];
        let len = usize::from(input.byte()) * usize::from(input.byte() & 3);
        let payload = text(seq - self.irs, len);
        let options = [input.byte(), input.byte(), input.byte(), input.byte()];
        let last = input.byte();
        let options = &options[..usize::from(last % 5)];
        let (copies, is_damaged) = (last & 0x40 != 0, last >= 0xe0);
        if self.connection.state() == State::SynSent && flags & 0x02 != 0 && !is_damaged {
            // Its number is the peer's first.
            self.irs = seq;
        }
        let segment = Segment { seq, ack, window, flags: Flags::new(flags), options, payload: &payload };
        let _ = self.connection.on_unverified_segment(&segment, self.now, copies, |room| {
            let found = if room.is_some() { Check::Copied } else { Check::Intact };
            if let Some(room) = room {
                room.copy_from_slice(segment.payload);
                if is_damaged {
                    room.fill(!0);
                }
            }
            if is_damaged { Check::Damaged } else { found }
        });
    }

    /// The bytes of a header as they come from the wire.
    fn raw(&mut self, input: &mut Input<'_>) {
        let bytes: Vec<u8> = (0..input.byte() & 63).map(|_| input.byte()).collect();
        if let Some(segment) = Segment::parse(&bytes) {
            // Text that doesn't fit to the stream would be no fault.
            let segment = Segment { payload: &[], ..segment };
            if self.connection.state() != State::SynSent {
                let _ = self.connection.on_segment(&segment, self.now);
            }
        }
    }

    fn read(&mut self, len: usize) {
        let mut buf = vec![0; len];
        let len = self.connection.peek(&mut buf);
        assert_eq!(buf[..len], text(self.read + 1, len), "what is read is what was sent");
        self.connection.consume(len);
        self.read += len as u32;
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() {
            0..=119 => self.segment(input),
            120..=129 => self.raw(input),
            130..=159 => self.read(usize::from(input.byte())),
            160..=189 => {
                self.connection.write(&[7; 300][..usize::from(input.byte())]);
            }
            190..=229 => {
                self.now += Duration::from_millis(u64::from(input.byte()) * u64::from(input.byte()));
                self.connection.on_timer(self.now);
            }
            230..=239 => self.now = self.connection.due().min(self.now + Duration::from_secs(60)).max(self.now),
            240..=244 => self.connection.close(),
            245 => self.connection.abort(),
            _ => self.send(),
        }
    }
}

fuzz_target!(|data: &[u8]| freed(|| {
    let mut input = Input(data);
    let mut world = World::new(&mut input);
    while !input.0.is_empty() {
        world.step(&mut input);
    }
    world.send();
    // Left alone, it comes to an end.
    world.connection.close();
    for _ in 0..200 {
        world.now = world.connection.due().min(world.now + Duration::from_secs(60)).max(world.now);
        world.connection.on_timer(world.now);
        world.send();
    }
    assert_eq!(world.connection.state(), State::Closed, "a connection without a peer ends");
}));
