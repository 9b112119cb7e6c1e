//! The faults of smoltcp 0.13.1 that docs/upstream.md reports. Each test passes as long as smoltcp has the fault. A
//! test that fails after an update means that its report can be dropped.

use sockeye_tcp_simulation::host::{Config, Host, State};
use sockeye_tcp_simulation::smoltcp_host::Smoltcp;
use sockeye_tcp_simulation::wire::{self, ACK, FIN, SYN, Segment, Side};
use sockeye_tcp_simulation::{Micros, SECOND};

const START: Micros = 100 * SECOND;
const MILLISECOND: Micros = SECOND / 1_000;
const IRS: u32 = 1_000;
const SYN_SEGMENT: Segment<'_> =
    Segment { seq: IRS, ack: 0, window: 1_000, flags: SYN, mss: Some(1_460), payload: b"" };

/// A smoltcp server, and its client by hand.
struct Server {
    host: Smoltcp,
    iss: u32,
    now: Micros,
}

impl Server {
    fn listening(seed: u64, now: Micros) -> Self {
        let config = Config { side: Side::Server, opens: false, rx_len: 512, tx_len: 512, mtu: 1_500, seed, now };
        Self { host: Smoltcp::new(&config), iss: 0, now }
    }

    fn established() -> Self {
        let mut it = Self::listening(7, START);
        it.iss = it.takes(&SYN_SEGMENT)[0].0;
        it.takes(&it.ack(1, 1, 1_000));
        assert_eq!(it.host.state(), State::Established);
        it
    }

    /// An ACK: its number and what it acknowledges, counted from both initial numbers.
    fn ack(&self, seq: u32, ack: u32, window: u16) -> Segment<'static> {
        Segment { seq: IRS + seq, ack: self.iss.wrapping_add(ack), window, flags: ACK, mss: None, payload: b"" }
    }

    /// Number, flags, and bytes of text of each answer.
    fn takes(&mut self, segment: &Segment<'_>) -> Vec<(u32, u8, usize)> {
        let mut out = Vec::new();
        self.host.receive(&wire::build(Side::Client, segment), self.now, &mut out);
        brief(&out)
    }

    /// Everything that is sent while the time passes, in steps of ten milliseconds.
    fn waits(&mut self, time: Micros) -> Vec<(u32, u8, usize)> {
        let (mut out, end) = (Vec::new(), self.now + time);
        while self.now < end {
            self.now += 10 * MILLISECOND;
            self.host.poll(self.now, &mut out);
        }
        brief(&out)
    }
}

fn brief(out: &[Vec<u8>]) -> Vec<(u32, u8, usize)> {
    out.iter().map(|packet| wire::read(packet)).map(|it| (it.seq, it.flags, it.payload.len())).collect()
}

/// Report 1: the initial sequence number is the next output of a linear congruential generator. Neither the clock nor
/// the 4-tuple nor a secret beside the seed is in it (RFC 6528 section 3).
#[test]
fn an_initial_number_has_neither_clock_nor_secret_in_it() {
    let isn = |now| Server::listening(7, now).takes(&SYN_SEGMENT)[0].0;
    assert_eq!(isn(START), isn(START + 3_600 * SECOND), "an hour later it is the same");
}

/// smoltcp's generator (src/rand.rs).
fn step(state: u64) -> u64 {
    state.wrapping_mul(0xbb2e_fcec_3c39_611d).wrapping_add(0x7590_ef39)
}

fn output(state: u64) -> u32 {
    (state >> (29 - (state >> 61))) as u32
}

/// The states after `third` that fit three numbers in a row.
fn recover([first, second, third]: [u32; 3]) -> Vec<u64> {
    let mut found = Vec::new();
    for top in 0..8u64 {
        let shift = 29 - top;
        // The output and the three top bits are known; `top` bits between them and `shift` below are not.
        for middle in 0..1u64 << top {
            let base = top << 61 | middle << (shift + 32) | u64::from(first) << shift;
            let fits = |state: &u64| output(*state) == second;
            let states = (base..base + (1 << shift)).map(step).filter(fits).map(step);
            found.extend(states.filter(|state| output(*state) == third));
        }
    }
    found
}

/// Report 1, to the end: three initial numbers give the next one.
#[test]
#[ignore = "seconds in a release build, minutes in another"]
fn three_initial_numbers_give_the_next() {
    let mut state = 0x0123_4567_89ab_cdef;
    let numbers: [u32; 4] = core::array::from_fn(|_| {
        state = step(state);
        output(state)
    });
    let found = recover([numbers[0], numbers[1], numbers[2]]);
    assert_eq!(found.into_iter().map(step).map(output).collect::<Vec<_>>(), [numbers[3]]);
}

/// Report 2: a retransmission time-out while the peer's window is shut leaves no timer. The text is neither sent again
/// nor probed with, and the connection ends by its time-out although the peer answers. A shut window that was overtaken
/// by an open one is enough.
#[test]
fn a_time_out_with_a_shut_window_leaves_no_timer() {
    let mut it = Server::established();
    assert_eq!(it.host.write(&[7; 100]), 100);
    assert_eq!(it.waits(10 * MILLISECOND).len(), 1);
    // The segment is lost. The window is told as shut meanwhile.
    assert_eq!(it.takes(&it.ack(1, 1, 0)), []);
    let sent = it.waits(9 * SECOND);
    assert!(sent.iter().all(|(_, _, len)| *len == 0), "no text and no probe in nine seconds: {sent:?}");
}

/// Report 3: a keep-alive carries a byte that belongs to nothing (RFC 9293 section 3.8.4, SHLD-12).
#[test]
fn a_keep_alive_carries_a_byte() {
    let mut it = Server::established();
    let sent = it.waits(11 * SECOND);
    assert_eq!(sent, [(it.iss, ACK, 1)], "SND.NXT - 1");
}

/// Report 4: what has arrived and was acknowledged is dropped at the end of TIME-WAIT if it was not read.
#[test]
fn the_end_of_time_wait_drops_what_was_not_read() {
    let mut it = Server::established();
    it.host.close();
    it.waits(10 * MILLISECOND);
    it.takes(&it.ack(1, 2, 1_000));
    it.takes(&Segment { flags: ACK | FIN, payload: b"last words", ..it.ack(1, 2, 1_000) });
    assert_eq!((it.host.state(), it.host.unread()), (State::TimeWait, 10));
    it.waits(11 * SECOND);
    assert_eq!((it.host.state(), it.host.unread()), (State::Closed, 0));
}

/// Report 5: after a time-out an ACK has the number that was gone back to, and not SND.NXT (RFC 9293 section 3.10.7.4).
/// A peer that has taken what lies between drops it as old.
#[test]
fn an_ack_after_a_time_out_has_an_old_number() {
    let mut it = Server::established();
    it.host.write(&[7; 100]);
    it.waits(10 * MILLISECOND);
    it.takes(&it.ack(1, 1, 0));
    it.waits(2 * SECOND);
    let answer = it.takes(&Segment { payload: b"text", ..it.ack(1, 1, 0) });
    let sent = if answer.is_empty() { it.waits(SECOND) } else { answer };
    assert_eq!(sent[0].0, it.iss.wrapping_add(1), "101 was the number of the next byte");
}

/// Report 6: a FIN is taken although the text before it was cut off at the edge of the window. The text that is missing is
/// never taken, and the reader sees an end in order. A sender stays within the window, and smoltcp still cuts: a
/// keep-alive offers a window that smoltcp does not remember.
#[test]
fn a_fin_is_taken_whose_text_was_cut_off() {
    let mut it = Server::established();
    let text = [7; 600];
    let answer = it.takes(&Segment { flags: ACK | FIN, payload: &text, ..it.ack(1, 1, 1_000) });
    assert_eq!((it.host.state(), it.host.unread()), (State::CloseWait, 512), "{answer:?}");
}
