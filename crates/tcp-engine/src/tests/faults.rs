//! Faults that an earlier engine had although every other test passed, one test each. Most need two ends, and were found
//! by `simulation/tcp`.

use super::*;
use crate::limits::{CHALLENGE_MS, KEEP_ALIVE_MS, OVERRIDE_MS, RTO_MIN_MS};

/// Two ends that have lost each other's numbers answered each other's ACKs for ever (RFC 5961 section 7).
#[test]
fn two_ends_that_have_lost_each_other_do_not_answer_without_end() {
    let mut it = Peer::established(256, 256);
    let stray = Segment { seq: it.seq - 5_000u32, ..it.segment(ACK, b"") };
    let mut answers = 0;
    for _ in 0..1_000 {
        answers += it.takes(&stray).len();
        it.now += Duration::from_millis(1);
    }
    assert_eq!(answers as u64, 1_000 / CHALLENGE_MS);
}

/// The byte of a window probe that the peer had taken was "never sent", and its ACK was refused.
#[test]
fn a_probes_byte_that_was_taken_counts_as_sent() {
    let mut it = Peer::with_window(256, 256, 0);
    assert_eq!(it.writes(b"abc"), []);
    let probe = it.waits(1_000);
    assert_eq!(brief(&[probe[0].1.clone()]), [(1, ACK, 1)]);
    it.ack = ISS + 2;
    assert_eq!(it.sends(ACK, b""), []);
    assert_eq!((it.c.snd_una, it.c.unacknowledged()), (ISS + 2, 2));
}

/// Both sides open at once. The SYN,ACK of the other side has an old number and must still count as an ACK. The fault
/// was that the SYN,ACK did not count, and both sides repeated it for ever.
#[test]
fn a_simultaneous_open_is_established_by_a_syn_ack_with_an_old_number() {
    let mut it = Peer::syn_sent(256, 256);
    let syn = Segment { ack: Seq::new(0), ..it.segment(SYN, b"") };
    let answer = it.takes(&syn);
    assert_eq!((answer[0].seq, answer[0].ack, answer[0].flags), (ISS, IRS + 1, SYN | ACK));
    assert_eq!(it.c.state(), State::SynReceived);
    let syn_ack = Segment { ack: ISS + 1, ..it.segment(SYN | ACK, b"") };
    assert_eq!(it.takes(&syn_ack), []);
    assert_eq!((it.c.state(), it.reaction), (State::Established, Some(Reaction::Accepted)));
}

/// Without the override time-out, avoidance of silly windows is a dead-lock where the peer's window stays small.
#[test]
fn a_small_window_is_used_after_the_override_time_out() {
    let mut it = Peer::with_window(256, 256, 10);
    assert_eq!(it.writes(&[7; 100]), [], "10 of 1,000 bytes are a silly window");
    let sent = it.waits(OVERRIDE_MS);
    assert_eq!((sent[0].0, sent[0].1.payload.len()), (OVERRIDE_MS, 10));
}

/// The byte of a probe was taken into a shut window. RCV.NXT went past the offered edge, and the next offered window
/// was nearly 64 KB.
#[test]
fn a_byte_is_not_taken_into_a_shut_window() {
    let mut it = Peer::established(64, 64);
    it.sends(ACK, &[1; 64]);
    it.waits(100);
    assert_eq!(it.c.rcv_adv, it.c.rcv_nxt, "the window is shut");
    assert_eq!(it.reads(10).len(), 10, "too few to be told");
    let next = it.c.rcv_nxt;
    let answer = it.takes(&it.segment(ACK, b"x"));
    assert_eq!((answer[0].ack, answer[0].window, it.c.rcv_nxt), (next, 0, next));
}

/// After a time-out SND.NXT goes back. An ACK with that number is out of the peer's window, so the peer ignores the
/// acknowledgement. If both ends do so, neither moves (RFC 9293 appendix A.2).
#[test]
fn an_ack_has_the_highest_number_that_was_sent() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    it.writes(&[7; 3_000]);
    assert_eq!(it.waits(RTO_MIN_MS).len(), 1, "cwnd is one segment now");
    assert_eq!(brief(&it.sends(ACK, b"text")), [(3_001, ACK, 0)]);
}

/// Avoidance of silly windows held back a retransmission: time-out after time-out passed without a segment.
#[test]
fn a_retransmission_is_never_held_back() {
    let mut it = Peer::established(256, 256);
    assert_eq!(it.writes(&[7; 200]).len(), 1);
    // The peer takes its window back to 10 bytes, against SHLD-14.
    it.window = 10;
    it.ack = ISS + 2;
    it.sends(ACK, b"");
    let sent = it.waits(1_000);
    assert_eq!(brief(&[sent[0].1.clone()]), [(2, ACK, 10)]);
}

/// By the rule of SND.WL1 and SND.WL2 alone, a repeated FIN with a newer ACK moved SND.UNA and kept the old window.
/// Data went beyond the peer's edge.
#[test]
fn a_repeated_fin_with_a_newer_ack_brings_its_window() {
    let mut it = Peer::established(256, 4_096);
    it.sends(ACK, b"x");
    it.sends(FIN, b"");
    assert_eq!(it.writes(&[7; 1_000]).len(), 1);
    // The FIN again: an old number, but it has taken all and its window is shut.
    let again = Segment { seq: it.seq - 1, ack: ISS + 1_001, window: 0, ..it.segment(FIN, b"") };
    it.takes(&again);
    let text_again = Segment { seq: it.c.rcv_nxt, ack: ISS + 1_001, window: 0, ..it.segment(ACK, b"") };
    it.takes(&text_again);
    assert_eq!((it.c.snd_una, it.c.snd_wnd), (ISS + 1_001, 0));
    assert_eq!(it.writes(&[7; 100]), [], "nothing goes beyond the edge");
}

/// SND.NXT counts a probe's byte, which the peer need not have taken. While the peer's window is shut, the peer accepts
/// an ACK at one number only. An ACK with the wrong number does not open our window at the peer. Two ends that had both
/// taken a probe's byte, and whose ACKs of it were lost, never moved again.
#[test]
fn acks_have_both_numbers_that_a_probe_leaves_open() {
    let mut it = Peer::with_window(64, 256, 0);
    it.sends(ACK, &[1; 64]);
    it.waits(100);
    it.writes(b"abc");
    it.waits(1_000);
    assert_eq!(it.c.snd_max, ISS + 2, "a byte was probed with");
    let mut numbers = Vec::new();
    for _ in 0..4 {
        it.now += Duration::from_millis(CHALLENGE_MS);
        let stray = Segment { seq: it.seq - 1, ..it.segment(ACK, b"") };
        numbers.extend(it.takes(&stray).iter().map(|sent| sent.seq - ISS));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1, 2, 2]);
}

/// The back-off of probes outlasted the shut window where the peer took a probe's byte. Text that was lost then was
/// sent again half a minute later.
#[test]
fn the_back_off_of_probes_ends_with_the_shut_window() {
    let mut it = Peer::with_window(256, 256, 0);
    it.writes(b"abcdef");
    for _ in 0..40 {
        it.waits(1_000);
        it.sends(ACK, b"");
    }
    it.ack = ISS + 2;
    it.window = 100;
    assert_eq!(brief(&it.sends(ACK, b"")), [(2, PSH, 5)]);
    assert_eq!(brief(&[it.waits(1_000)[0].1.clone()]), [(2, PSH, 5)]);
}

/// A probe that the driver had no room for left after everything was acknowledged, with a byte that nobody had written.
#[test]
fn a_probe_that_is_late_sends_nothing_that_was_not_written() {
    let mut it = Peer::with_window(256, 256, 100);
    it.writes(b"abc");
    it.window = 0;
    it.ack = ISS + 2;
    it.sends(ACK, b"");
    it.now += Duration::from_millis(1_000);
    it.c.on_timer(it.now);
    assert_eq!(it.c.next_segment(it.now).map(|segment| segment.len), Some(1));
    it.acks_all();
    assert_eq!((it.drain(), it.c.snd_max), (Vec::new(), ISS + 4));
}

/// A shut window that was sent before an open one may arrive after it, with the same numbers.
#[test]
fn a_shut_window_that_was_overtaken_is_ignored() {
    let mut it = Peer::established(256, 256);
    it.writes(&[7; 100]);
    it.ack = ISS + 101;
    it.window = 64;
    it.sends(ACK, b"");
    it.window = 0;
    it.sends(ACK, b"");
    assert_eq!(it.c.snd_wnd, 64);
    assert_eq!(it.writes(b"abc").len(), 1);
}

/// A probe waits for a window and not for the link: as a round trip it made the time-out a minute.
#[test]
fn a_probe_is_not_measured() {
    let mut it = Peer::with_window(256, 256, 0);
    let before = it.c.rtt.clone();
    it.writes(b"abc");
    assert_eq!(it.waits(RTO_MIN_MS - 100), []);
    it.waits(200);
    it.now += Duration::from_millis(10_000);
    it.window = 100;
    it.sends(ACK, b"");
    it.now += Duration::from_millis(10);
    it.acks_all();
    assert_eq!(it.c.rtt.rto(), before.rto());
}

/// Probes backed off further than a peer may be silent, so that one which answered them all was given up.
#[test]
fn probes_are_never_further_apart_than_keep_alives() {
    let mut it = Peer::with_window(256, 256, 0);
    it.writes(b"abc");
    let mut last = 0;
    for _ in 0..100 {
        for (at, _) in it.waits(1_000) {
            let now = (it.now - NOW).as_millis() - 1_000 + at;
            assert!(now - last <= KEEP_ALIVE_MS, "{last} {now}");
            last = now;
            it.sends(ACK, b"");
        }
    }
    assert_eq!(it.c.state(), State::Established);
}

/// The peer's keep-alives have an old number. A keep-alive is a sign of the peer all the same.
#[test]
fn a_keep_alive_is_a_sign_of_the_peer() {
    let mut it = Peer::established(256, 256);
    for _ in 0..10 {
        it.waits(9_000);
        let keep_alive = Segment { seq: it.seq - 1, ..it.segment(ACK, b"") };
        assert_eq!(it.takes(&keep_alive).len(), 1, "it is answered");
    }
    assert_eq!(it.c.state(), State::Established);
}

/// A SYN that the driver had no room for was overtaken by a keep-alive.
#[test]
fn no_keep_alive_comes_before_the_syn() {
    let mut it = Peer::new(256, 256);
    it.c.connect(ISS, MTU, it.now);
    it.now += Duration::from_millis(KEEP_ALIVE_MS);
    it.c.on_timer(it.now);
    assert_eq!(it.drain()[0].flags, SYN);
}

/// A window that opens does not send again what is under way already.
#[test]
fn a_window_that_opens_repeats_only_the_probes_byte() {
    let mut it = Peer::with_window(256, 256, 0);
    it.writes(b"abcdef");
    it.waits(1_000);
    it.window = 100;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, PSH, 6)]);
    assert_eq!(it.c.snd_nxt, ISS + 7);
}

/// Seed 115432 of the engine with smoltcp as its server.
#[test]
fn a_peer_that_is_heard_need_not_wait_for_a_time_out_that_is_backed_off() {
    let mut it = Peer::established(256, 256);
    it.writes(&[7; 100]);
    it.waits(7 * RTO_MIN_MS + 900);
    // Sent after 0, 1, 3 and 7 time-outs without back-off, and next after 15.
    let keep_alive = Segment { seq: it.seq - 1, ..it.segment(ACK, b"") };
    assert_eq!(brief(&it.takes(&keep_alive)), [(101, ACK, 0)], "a second has not passed either");
    it.waits(100);
    assert_eq!(brief(&it.takes(&keep_alive)), [(1, PSH, 100)]);
    it.waits(900);
    assert_eq!(brief(&it.takes(&keep_alive)), [(101, ACK, 0)], "not twice in a second");
    let times: Vec<_> = it.waits(8 * RTO_MIN_MS).iter().map(|(at, sent)| (*at, sent.payload.len())).collect();
    assert_eq!(times, [(8 * RTO_MIN_MS - 900, 100)], "RFC 6298 section 5.5: as long as before");
    let guessed = Segment { ack: it.c.snd_max + 1, ..keep_alive };
    it.waits(1_100);
    assert_eq!(brief(&it.takes(&guessed)), [(101, ACK, 0)], "whoever does not have our numbers moves nothing");
}

/// A time-out that is not backed off and is just due did not make the text leave twice, once without slow start.
#[test]
fn a_time_out_that_is_due_is_left_to_the_timer() {
    let mut it = Peer::syn_received(256, 256);
    it.now += Duration::from_millis(800);
    it.sends(ACK, b"");
    it.writes(&[7; 100]);
    // RFC 6298 section 2.2: 800 + 4 * 400.
    it.now += Duration::from_millis(2_400);
    assert_eq!(it.c.due(), it.now);
    let keep_alive = Segment { seq: it.seq - 1, ..it.segment(ACK, b"") };
    assert_eq!(brief(&it.takes(&keep_alive)), [(101, ACK, 0)]);
    it.c.on_timer(it.now);
    assert_eq!(brief(&it.drain()), [(1, PSH, 100)]);
    assert_eq!(it.c.congestion().1, 1_460, "cwnd is one segment");
}

/// Seed 307090 of the engine with smoltcp as its server. The peer's text fills our window and is lost. The peer's ACKs
/// then have the number of the right edge, and were refused: our text was sent again until both gave up.
#[test]
fn an_ack_at_the_right_edge_counts() {
    let mut before = Peer::established(64, 256);
    before.writes(&[7; 100]);
    before.seq += 64;
    before.ack = ISS + 51;
    let ack = Segment { window: 900, ..before.segment(ACK, b"") };
    let mut it = before.clone();
    assert_eq!((it.takes(&ack), it.reaction), (Vec::new(), Some(Reaction::Accepted)));
    assert_eq!((it.c.snd_una, it.c.snd_wnd), (ISS + 51, 900));
    it.takes(&Segment { window: 1_000, ..ack });
    assert_eq!(it.c.snd_wnd, 1_000, "a window update has this number too");
    let refused = [
        Segment { seq: ack.seq + 1, ..ack },
        Segment { payload: b"x", ..ack },
        Segment { flags: FIN, ..ack },
        Segment { flags: SYN | ACK, ..ack },
        Segment { flags: RST | ACK, ..ack },
        Segment { flags: Flags::default(), ..ack },
    ];
    for segment in refused {
        let mut it = before.clone();
        it.takes(&segment);
        assert_eq!(it.reaction, Some(Reaction::Ignored), "{segment:?}");
        assert_eq!((it.c.state(), it.c.snd_una, it.c.snd_wnd), (State::Established, ISS + 1, 1_000), "{segment:?}");
    }
    for ack in [before.c.snd_max + 1, before.c.snd_una - 1_001] {
        let mut it = before.clone();
        it.takes(&Segment { ack, ..it.segment(ACK, b"") });
        assert_eq!(it.reaction, Some(Reaction::Ignored), "RFC 5961 section 5.2");
    }
}

/// Seed 415188 of smoltcp with the engine as its server. The only ACK of our text that was not lost came with a
/// keep-alive, and was refused. The same text was sent again until the peer gave up.
#[test]
fn a_keep_alive_brings_its_ack() {
    let mut before = Peer::established(64, 256);
    before.sends(ACK, b"x");
    before.reads(1);
    before.drain();
    before.writes(&[7; 100]);
    let ack = Segment { seq: before.seq - 1, ack: ISS + 51, window: 900, ..before.segment(ACK, b"") };
    for payload in [&b""[..], b"x"] {
        let mut it = before.clone();
        let answer = it.takes(&Segment { payload, ..ack });
        assert_eq!(brief(&answer), [(101, ACK, 0)], "it is answered all the same");
        assert_eq!((it.c.snd_una, it.c.snd_wnd, it.reaction), (ISS + 51, 900, Some(Reaction::Ignored)));
        assert_eq!(it.c.received(), 0);
    }
    let refused = [
        Segment { seq: ack.seq - 1, ..ack },
        Segment { seq: ack.seq + 66, ..ack },
        Segment { flags: SYN | ACK, ..ack },
        Segment { flags: RST | ACK, ..ack },
        Segment { flags: Flags::default(), ..ack },
        Segment { ack: before.c.snd_max + 1, ..ack },
    ];
    for segment in refused {
        let mut it = before.clone();
        it.takes(&segment);
        assert_eq!((it.c.state(), it.c.snd_una, it.c.snd_wnd), (State::Established, ISS + 1, 1_000), "{segment:?}");
    }
    // An ACK of nothing new brings no window there, and is no duplicate ACK.
    let mut it = before.clone();
    for window in [1_000, 1_000, 1_000, 2_000] {
        it.takes(&Segment { ack: ISS + 1, window, ..ack });
    }
    assert_eq!((it.c.snd_wnd, it.c.duplicates), (1_000, 0));
}

/// The same while closing: the peer's FIN again has its latest ACK.
#[test]
fn a_fin_that_comes_again_brings_its_ack() {
    let mut it = Peer::established(256, 256);
    it.sends(FIN, b"");
    it.writes(&[7; 100]);
    it.c.close();
    assert_eq!(brief(&it.drain()), [(101, FIN, 0)]);
    assert_eq!(it.c.state(), State::LastAck);
    let again = Segment { seq: it.seq - 1, ack: ISS + 102, ..it.segment(FIN, b"") };
    assert_eq!(it.takes(&again), [], "a connection that has ended answers nothing");
    assert_eq!((it.c.ended(), it.c.due()), (Some(crate::Ended::Closed), Instant::MAX));
    assert!(!it.c.has_urgent_segment(), "its slot is free");
}

/// A peer that answered a SYN by a SYN, and then by ACKs of nothing and from nowhere, kept the connection for ever.
#[test]
fn a_handshake_ends_whatever_the_peer_sends() {
    let mut it = Peer::syn_sent(256, 256);
    it.sends(SYN, b"");
    assert_eq!(it.c.state(), State::SynReceived);
    for _ in 0..10 {
        it.waits(3_000);
        let stray = Segment { seq: it.seq + 10_000, ack: ISS, ..it.segment(ACK, b"") };
        it.takes(&stray);
    }
    assert_eq!(it.c.ended(), Some(crate::Ended::TimedOut));
}

/// In SYN-RECEIVED the handshake's ACK has the number RCV.NXT.
#[test]
fn a_keep_alive_establishes_nothing() {
    let mut it = Peer::syn_received(256, 256);
    it.takes(&Segment { seq: it.seq - 1, ..it.segment(ACK, b"") });
    assert_eq!((it.c.state(), it.c.snd_una), (State::SynReceived, ISS));
}

/// A keep-alive with an ACK of more has an old number. The shut window of an earlier segment that it has overtaken then
/// passed for the newer one.
#[test]
fn a_keep_alive_makes_no_older_window_newer() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK, b"x");
    it.drain();
    it.sends(ACK, b"");
    it.writes(&[7; 100]);
    it.ack = ISS + 101;
    it.takes(&Segment { seq: it.seq - 1, window: 64, ..it.segment(ACK, b"") });
    assert_eq!(it.c.snd_wnd, 64);
    it.takes(&Segment { window: 0, ..it.segment(ACK, b"") });
    assert_eq!(it.c.snd_wnd, 64);
}
