//! The steps of RFC 9293 section 3.10.7 one by one, each with what must not pass it. Mutants of the engine showed which
//! of them no other test looks at.

use super::*;
use crate::Ended;
use crate::limits::{CHALLENGE_MS, RTO_MIN_MS, TIME_WAIT_MS};
use crate::timing::ticks;

/// Both sides have closed, the peer first. `text` is not acknowledged, and neither is the FIN.
fn last_ack(text: &[u8]) -> Peer {
    let mut it = Peer::established(256, 256);
    it.sends(FIN, b"");
    it.writes(text);
    it.c.close();
    it.drain();
    assert_eq!(it.c.state(), State::LastAck);
    it
}

/// Both sides have closed, this one first.
fn time_wait() -> Peer {
    let mut it = Peer::established(256, 256);
    it.c.close();
    it.drain();
    it.ack = ISS + 2;
    it.sends(FIN, b"");
    assert_eq!(it.c.state(), State::TimeWait);
    it
}

/// Section 3.10.7.1: a connection that has ended takes nothing and sends nothing, whatever was under way.
#[test]
fn what_has_ended_takes_nothing_and_sends_nothing() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK, b"abc");
    it.c.write(b"not sent yet");
    it.sends(RST, b"");
    assert_eq!((it.c.ended(), it.c.has_urgent_segment(), it.drain()), (Some(Ended::Reset), false, Vec::new()));
    let before = it.c.clone();
    for bits in 0..32 {
        for (seq, ack) in [(it.seq, it.ack), (it.seq - 1, it.ack), (it.seq, it.ack + 1), (it.seq + 1, it.ack)] {
            for payload in [&b""[..], b"x"] {
                let segment = Segment { seq, ack, payload, ..it.segment(Flags::new(bits), b"") };
                assert_eq!(it.c.on_segment(&segment, it.now), Reaction::Ignored);
                assert!(it.c == before, "{segment:?}");
            }
        }
    }
    for seconds in [1, 15, 100] {
        it.c.on_timer(it.now + Duration::from_secs(seconds));
        assert!(it.c == before && it.drain().is_empty(), "{seconds}");
    }
    assert_eq!(it.c.due(), Instant::MAX);
}

/// Section 3.10.7.4: in SYN-RECEIVED only the SYN that opened the connection is answered as a SYN.
#[test]
fn in_syn_received_only_the_first_syn_again_counts_as_one() {
    let before = Peer::syn_received(256, 256);
    let takes = |seq: Seq, ack: Seq, flags: Flags| {
        let mut it = before.clone();
        let sent = it.takes(&Segment { seq, ack, ..it.segment(flags, b"") });
        (it.c.state(), it.reaction.unwrap(), brief(&sent))
    };
    let syn_ack = std::vec![(0, SYN | ACK, 0)];
    let challenge = std::vec![(1, ACK, 0)];
    let waits = |sent: &Vec<(u32, Flags, usize)>| (State::SynReceived, Reaction::Ignored, sent.clone());
    assert_eq!(takes(IRS, Seq::new(0), SYN), waits(&syn_ack), "again");
    assert_eq!(takes(IRS - 1, Seq::new(0), SYN), waits(&challenge), "another number, before the window");
    assert_eq!(takes(IRS, ISS + 1, ACK), waits(&challenge), "no SYN, and an old number");
    assert_eq!(takes(IRS, ISS + 1, SYN | RST), waits(&Vec::new()), "an old RST");
    assert_eq!(takes(IRS, ISS + 1, RST), waits(&Vec::new()));
    let in_window = (State::Closed, Reaction::Ignored, Vec::new());
    assert_eq!(takes(IRS + 2, Seq::new(0), SYN), in_window, "back to LISTEN");
}

/// Section 3.5, figure 7: of a SYN,ACK with an old number, the ACK counts only if it is one of our SYN.
#[test]
fn in_a_simultaneous_open_the_syn_ack_must_acknowledge_the_syn() {
    for (ack, is_open) in [(ISS - 1, false), (ISS, false), (ISS + 1, true), (ISS + 2, false)] {
        let mut it = Peer::syn_sent(256, 256);
        it.sends(SYN, b"");
        it.takes(&Segment { seq: IRS, ack, ..it.segment(SYN | ACK, b"") });
        let state = if is_open { State::Established } else { State::SynReceived };
        assert_eq!((it.c.state(), it.reaction == Some(Reaction::Accepted)), (state, is_open), "{:?}", ack - ISS);
    }
}

/// Section 3.10.7.4, second step: a RST when both sides have closed is the end, and an error only where the peer lacks
/// text.
#[test]
fn a_reset_after_both_have_closed_is_an_error_only_if_text_is_missing() {
    for (text, acked, ended) in
        [(&b"abc"[..], 0, Ended::Reset), (b"abc", 2, Ended::Reset), (b"abc", 3, Ended::Closed), (b"", 0, Ended::Closed)]
    {
        let mut it = last_ack(text);
        it.ack = ISS + 1 + acked;
        it.sends(ACK, b"");
        it.sends(RST, b"");
        assert_eq!(it.c.ended(), Some(ended), "{text:?} {acked}");
    }
}

/// Section 3.10.7.4, eighth step: the peer's FIN again restarts TIME-WAIT, and nothing else does.
#[test]
fn time_wait_begins_again_with_the_fin_only() {
    let ends_after = |again: &dyn Fn(&Peer) -> Segment<'static>| {
        let mut it = time_wait();
        it.waits(TIME_WAIT_MS - 1_000);
        let sent = it.takes(&again(&it));
        assert!(sent.iter().all(|sent| sent.flags == ACK));
        let begin = it.now;
        while it.c.state() != State::Closed {
            assert!(it.c.due() < it.now + Duration::from_secs(60));
            it.now = it.c.due();
            it.c.on_timer(it.now);
            it.drain();
        }
        assert_eq!(it.c.ended(), Some(Ended::Closed));
        (it.now - begin).as_millis()
    };
    let fin = |it: &Peer| Segment { seq: it.seq - 1, ack: it.ack, window: 0, flags: FIN, options: &[], payload: b"" };
    assert_eq!(ends_after(&fin), TIME_WAIT_MS);
    assert_eq!(ends_after(&|it| Segment { flags: ACK, ..fin(it) }), 1_000, "an old ACK");
    assert_eq!(ends_after(&|it| Segment { flags: ACK, payload: b"x", ..fin(it) }), 1_000, "old text");
    assert_eq!(ends_after(&|it| Segment { ack: it.ack + 1, ..fin(it) }), 1_000, "a FIN whose ACK is guessed");
}

/// The peer's FIN comes again in CLOSE-WAIT, where its ACK was lost. Our own text is sent again all the same.
#[test]
fn a_fin_that_comes_again_leaves_the_retransmission_timer() {
    let mut it = Peer::established(256, 256);
    it.writes(b"abc");
    it.sends(FIN, b"");
    let fin = Segment { seq: it.seq - 1, ..it.segment(FIN, b"") };
    assert_eq!(brief(&it.takes(&fin)), [(4, ACK, 0)]);
    assert_eq!(brief(&[it.waits(1_000)[0].1.clone()]), [(1, PSH, 3)]);
}

/// RFC 9293 section 3.10.7.4, first step: what is repeated is acknowledged each time, since the ACK before may be lost.
/// The limit of RFC 5961 section 7 is for segments that occupy no number.
#[test]
fn what_is_repeated_is_acknowledged_each_time() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK, b"abc");
    it.waits(100);
    let text = Segment { seq: it.seq - 3, ..it.segment(ACK, b"abc") };
    for _ in 0..5 {
        assert_eq!(brief(&it.takes(&text)), [(1, ACK, 0)]);
    }
    it.sends(FIN, b"");
    let fin = Segment { seq: it.seq - 1, ..it.segment(FIN, b"") };
    for _ in 0..5 {
        assert_eq!(brief(&it.takes(&fin)), [(1, ACK, 0)]);
    }
    let empty = Segment { seq: it.seq - 1, ..it.segment(ACK, b"") };
    it.now += Duration::from_millis(CHALLENGE_MS);
    assert_eq!((it.takes(&empty).len(), it.takes(&empty).len()), (1, 0));
}

/// Section 3.8.6.2.1, condition (3): half of the largest window that was offered is worth a segment.
#[test]
fn half_of_the_largest_window_is_not_silly() {
    for (window, expected) in [(499, 0), (500, 500)] {
        let mut it = Peer::with_window(256, 4_096, 1_000);
        it.sends(ACK, b"x");
        it.window = window;
        it.sends(ACK, b"y");
        assert_eq!(it.c.snd_wnd, u32::from(window));
        let sent: usize = it.writes(&[7; 2_000]).iter().map(|sent| sent.payload.len()).sum();
        assert_eq!(sent, expected, "{window}");
    }
}

/// Section 3.10.7.4, fifth step: SND.WND is from the segment with the latest number, and of those with the same number
/// from the largest window. An ACK of more brings its window whatever its number is.
#[test]
fn the_window_is_that_of_the_latest_segment() {
    // The last segment that set a window of 500 has the number 4 behind the handshake's.
    let mut before = Peer::established(256, 256);
    before.writes(&[7; 100]);
    before.sends(ACK, b"abcd");
    let late = Segment { seq: before.seq + 4, window: 500, ..before.segment(ACK, b"x") };
    before.takes(&late);
    assert_eq!(before.c.snd_wnd, 500);
    for (what, seq, ack, window, expected) in [
        ("earlier", 2, 0, 900, 500),
        ("earlier, and smaller", 2, 0, 100, 500),
        ("the same number, and smaller", 4, 0, 100, 500),
        ("the same number, and larger", 4, 0, 900, 900),
        ("later, and smaller", 5, 0, 100, 100),
        ("later, and larger", 5, 0, 900, 900),
        ("earlier, with an ACK of more", 2, 50, 100, 100),
        ("earlier, with an older ACK", 2, -1_i32, 100, 500),
    ] {
        let mut it = before.clone();
        let ack = before.ack + ack as u32;
        it.takes(&Segment { seq: before.seq + seq, ack, window, ..before.segment(ACK, b"x") });
        assert_eq!(it.c.snd_wnd, expected, "{what}");
    }
}

/// The same for the next segment in order: a piece that was thrown away had a later number.
#[test]
fn an_ack_of_more_brings_its_window_behind_a_piece_that_was_thrown_away() {
    let mut it = Peer::established(256, 256);
    it.writes(&[7; 100]);
    let base = it.seq;
    it.takes(&Segment { seq: base + 2, ..it.segment(ACK, b"cd") });
    it.takes(&Segment { seq: base + 8, window: 500, ..it.segment(ACK, b"ij") });
    it.takes(&Segment { window: 500, ..it.segment(ACK, b"ab") });
    assert_eq!((it.c.rcv_nxt, it.c.early, it.c.snd_wnd), (base + 4, None, 500));
    it.takes(&Segment { seq: base + 4, ack: ISS + 51, window: 100, ..it.segment(ACK, b"e") });
    assert_eq!(it.c.snd_wnd, 100);
}

/// Only an ACK of something new starts the timer anew (RFC 6298 (5.3)) and lets the congestion window grow (RFC 5681
/// section 3.1).
#[test]
fn text_of_the_peer_is_no_ack_of_ours() {
    let mut it = Peer::established(256, 256);
    it.writes(b"abc");
    it.waits(RTO_MIN_MS - 100);
    let window = it.c.congestion();
    it.sends(ACK, b"x");
    assert_eq!(it.c.congestion(), window);
    let sent = it.waits(100);
    assert_eq!(brief(&[sent.last().unwrap().1.clone()]), [(1, PSH, 3)], "no later than without it");
}

/// RFC 6298 section 2: the round trips of new text are measured.
#[test]
fn the_round_trip_of_new_text_is_measured() {
    let mut it = Peer::established(256, 256);
    // The handshake took no time, so a few are needed until they outweigh it.
    for _ in 0..4 {
        it.writes(b"abc");
        it.waits(200);
        it.acks_all();
    }
    let rto = it.c.rtt.rto();
    assert!((ticks(RTO_MIN_MS) + 1..ticks(4 * 200)).contains(&rto), "{rto}");
    it.writes(b"def");
    assert_eq!(it.waits(3_000)[0].0, u64::from(rto) * 1_000 / embassy_time::TICK_HZ);
}

/// RFC 6298 (5.5): a time-out that is due doubles the next, also where the peer is heard just before the timer runs.
#[test]
fn a_time_out_that_is_due_backs_off_although_the_peer_is_heard() {
    let mut it = Peer::established(256, 256);
    it.writes(b"abc");
    it.now += Duration::from_millis(RTO_MIN_MS);
    let keep_alive = Segment { seq: it.seq - 1, ..it.segment(ACK, b"") };
    assert_eq!(brief(&it.takes(&keep_alive)), [(4, ACK, 0)]);
    let times: Vec<_> = it.waits(3 * RTO_MIN_MS).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 2 * RTO_MIN_MS]);
}

#[test]
fn what_has_left_says_whether_more_waits() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    it.c.write(&[7; 3_000]);
    let mut more = Vec::new();
    while let Some(segment) = it.c.next_segment(it.now) {
        more.push(it.c.on_sent(&segment, it.now));
    }
    assert_eq!(more, [true, true, false]);
}

/// RFC 1323 appendix A, header prediction: the short way of nearly all segments has the outcome of the long one.
#[test]
fn header_prediction_has_the_outcome_of_the_whole_procedure() {
    for (sent, acked, payload) in
        [(0, 0, &b""[..]), (100, 0, b"x"), (100, 50, b""), (100, 100, b""), (100, 100, b"xyz"), (0, 0, b"xyz")]
    {
        let mut it = Peer::established(256, 256);
        it.writes(&std::vec![7; sent]);
        it.now += Duration::from_millis(5);
        let segment = Segment { ack: it.ack + acked, window: 900, ..it.segment(ACK, payload) };
        let mut long = it.c.clone();
        assert_eq!(it.c.on_segment(&segment, it.now), long.on_other(&segment, it.now));
        // The long way acknowledges text at once: mostly something is missing before it.
        (long.ack_due, long.ack_at) = (it.c.ack_due, it.c.ack_at);
        assert!(it.c == long, "{sent} {acked} {payload:?}");
    }
}

/// Text beyond the window is cut off, and a FIN behind it is beyond the window too.
#[test]
fn a_fin_whose_text_was_cut_off_is_not_taken() {
    let mut it = Peer::established(64, 64);
    let begin = it.seq;
    let answer = it.takes(&it.segment(FIN, &[7; 100]));
    assert_eq!((it.c.state(), answer[0].ack, it.c.has_received_fin()), (State::Established, begin + 64, false));
    assert_eq!(it.reads(100).len(), 64);
    it.drain();
    it.takes(&Segment { seq: begin + 64, ..it.segment(FIN, &[7; 36]) });
    assert_eq!((it.reads(100).len(), it.c.state()), (36, State::CloseWait));
}

/// Section 3.10.7.4, first step: a FIN has a number too, so a segment whose text is old may bring a new FIN.
#[test]
fn a_fin_behind_text_that_is_old_counts() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK, b"abc");
    let answer = it.takes(&Segment { seq: it.seq - 3, ..it.segment(FIN, b"abc") });
    assert_eq!((it.c.state(), answer[0].ack), (State::CloseWait, it.seq + 1));
}

/// Section 3.10.7.4, seventh step: nothing comes behind a FIN, whether it came before or comes later.
#[test]
fn text_behind_the_fin_is_not_taken() {
    let mut it = Peer::established(256, 256);
    let begin = it.seq;
    it.takes(&Segment { seq: begin + 5, ..it.segment(ACK, b"beyond") });
    it.takes(&it.segment(FIN, b"abc"));
    assert_eq!((it.c.state(), it.c.rcv_nxt), (State::CloseWait, begin + 4));
    for text in [&b"x"[..], b"xyz"] {
        it.takes(&Segment { seq: begin + 4, ..it.segment(ACK, text) });
    }
    assert_eq!((it.reads(100), it.c.rcv_nxt), (b"abc".to_vec(), begin + 4));
}

#[test]
fn text_stays_readable_after_time_wait() {
    let mut it = Peer::established(256, 256);
    it.c.close();
    it.drain();
    it.ack = ISS + 2;
    it.sends(FIN, b"last words");
    it.waits(2 * TIME_WAIT_MS);
    assert_eq!((it.c.ended(), it.reads(100)), (Some(Ended::Closed), b"last words".to_vec()));
}

/// A close in SYN-RECEIVED leaves the handshake as it is, with what it repeats.
#[test]
fn a_handshake_goes_on_after_a_close() {
    let mut it = Peer::syn_received(256, 256);
    it.c.close();
    let sent = it.waits(1_000);
    assert_eq!((sent[0].1.flags, sent[0].1.seq), (SYN | ACK, ISS));
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, FIN, 0)]);
    it.ack = ISS + 2;
    it.sends(ACK, b"");
    assert_eq!(it.c.state(), State::FinWait2, "the ACK of the SYN was none of the FIN");
}

/// Section 3.10.7.4, fifth step: windows count until the last byte is acknowledged.
#[test]
fn a_window_update_counts_in_last_ack() {
    let mut it = Peer::with_window(256, 256, 0);
    it.window = 0;
    it.sends(FIN, b"");
    it.waits(100);
    it.c.write(b"abc");
    it.c.close();
    assert_eq!((it.c.state(), it.drain()), (State::LastAck, Vec::new()));
    it.window = 100;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, FIN | PSH, 3)]);
}

/// The window shuts while text is under way, and that text is lost. Both timers are the same one.
#[test]
fn text_that_was_under_way_when_the_window_shut_is_sent_again() {
    let mut it = Peer::with_window(256, 4_096, 3_000);
    it.writes(&[7; 2_000]);
    it.ack = ISS + 1_461;
    it.window = 0;
    assert_eq!(it.sends(ACK, b""), []);
    let probes = it.waits(5_000);
    assert!(!probes.is_empty() && probes.iter().all(|(_, sent)| (sent.seq, sent.payload.len()) == (ISS + 1_461, 1)));
    it.window = 3_000;
    let mut sent = it.sends(ACK, b"");
    sent.extend(it.waits(2_000).into_iter().map(|(_, sent)| sent));
    assert!(sent.iter().any(|sent| sent.seq == ISS + 1_461 && sent.payload.len() == 540), "{sent:?}");
}

/// RFC 5681 section 3.2 for a FIN: it is sent again, and its timer runs.
#[test]
fn three_duplicate_acks_send_a_lone_fin_again() {
    let mut it = Peer::established(256, 256);
    it.c.close();
    assert_eq!(brief(&it.drain()), [(1, FIN, 0)]);
    let sent: Vec<_> = (0..3).flat_map(|_| it.sends(ACK, b"")).collect();
    assert_eq!(brief(&sent), [(1, FIN, 0)]);
    assert_eq!(brief(&[it.waits(2_000)[0].1.clone()]), [(1, FIN, 0)], "and again after a time-out");
}

/// RFC 5681 section 2: a duplicate ACK occupies no number.
#[test]
fn a_fin_is_no_duplicate_ack() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    it.writes(&[7; 3_000]);
    it.sends(ACK, b"");
    assert_eq!(it.c.duplicates, 1);
    it.sends(FIN, b"");
    assert_eq!(it.c.duplicates, 1);
}

/// Section 3.10.7.4, second step: RST comes before SYN, FIN and text. After the peer's FIN it is an error too (MUST-12).
#[test]
fn a_reset_is_one_whatever_else_is_in_it() {
    for flags in [RST, RST | ACK, RST | SYN, RST | FIN, RST | PSH] {
        let mut it = Peer::established(256, 256);
        it.sends(flags, b"x");
        assert_eq!((it.c.ended(), it.c.received()), (Some(Ended::Reset), 0), "{flags:?}");
        let mut it = Peer::established(256, 256);
        it.sends(FIN, b"");
        it.sends(flags, b"");
        assert_eq!(it.c.ended(), Some(Ended::Reset), "{flags:?}");
    }
}
