//! The demands of RFC 9293, in the order of its sections. docs/tcp.md names these tests.

use super::*;
use crate::limits::{ACK_DELAY_MS, KEEP_ALIVE_MS, MSS_DEFAULT, SILENCE_MS, TIME_WAIT_MS};
use crate::{Ended, limits};

// ---- opening

#[test]
fn a_passive_open_answers_with_its_mss_and_window() {
    let mut it = Peer::new(300, 256);
    let answer = it.open();
    let expected =
        Sent { seq: ISS, ack: IRS + 1, window: 300, flags: SYN | ACK, mss: Some(1_460), payload: Vec::new() };
    assert_eq!(answer, [expected]);
    assert!(!it.c.may_write());
    assert_eq!(it.sends(ACK, b""), []);
    assert_eq!((it.c.state(), it.c.may_write(), it.c.has_received_fin()), (State::Established, true, false));
}

#[test]
fn an_active_open_sends_syn_and_acknowledges_the_answer() {
    let mut it = Peer::new(300, 256);
    it.c.connect(ISS, 576, it.now);
    let syn = it.drain();
    assert_eq!((syn[0].seq, syn[0].flags, syn[0].mss, syn[0].ack), (ISS, SYN, Some(536), Seq::new(0)));
    it.ack = ISS + 1;
    assert_eq!(brief(&it.sends(SYN | ACK, b"")), [(1, ACK, 0)]);
    assert_eq!(it.c.state(), State::Established);
}

#[test]
fn the_mss_option_is_on_syns_only() {
    let mut it = Peer::established(256, 256);
    assert_eq!(it.writes(b"abc")[0].mss, None);
    it.c.close();
    assert_eq!(it.drain()[0].mss, None);
}

#[test]
fn without_an_mss_option_segments_are_536_bytes() {
    let mut it = Peer::new(256, 4_096);
    it.options.clear();
    it.open();
    it.sends(ACK, b"");
    assert_eq!(it.writes(&[7; 1_000])[0].payload.len(), usize::from(MSS_DEFAULT));
}

#[test]
fn segments_fit_into_the_own_mtu_and_the_peers_mss() {
    for (mtu, mss, expected) in [(1_500, 1_000, 1_000), (576, 1_460, 536), (0, 1_460, 48)] {
        let mut it = Peer::new(256, 4_096);
        it.window = 5_000;
        it.options[2..].copy_from_slice(&u16::to_be_bytes(mss));
        let syn = Segment { options: &it.options.clone(), ..it.segment(SYN, b"") };
        it.c.accept(&syn, ISS, mtu, it.now);
        (it.seq, it.ack) = (IRS + 1, ISS + 1);
        it.drain();
        it.sends(ACK, b"");
        assert_eq!(it.writes(&[7; 3_000])[0].payload.len(), expected, "{mtu} {mss}");
    }
}

#[test]
fn options_in_any_segment_are_skipped() {
    let mut it = Peer::established(256, 256);
    let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    it.takes(&Segment { options: &timestamps, ..it.segment(ACK, b"abc") });
    it.seq += 3;
    it.takes(&Segment { options: &[99, 0, 0, 0], ..it.segment(ACK, b"def") });
    assert_eq!(it.reads(9), b"abcdef");
}

#[test]
fn text_that_comes_with_a_syn_comes_again() {
    let mut it = Peer::new(256, 256);
    let syn = Segment { options: &[], ..it.segment(SYN, b"early") };
    it.c.accept(&syn, ISS, MTU, it.now);
    assert_eq!(it.drain()[0].ack, IRS + 1);
}

#[test]
fn a_syn_ack_that_is_lost_is_sent_again_with_back_off() {
    let mut it = Peer::syn_received(256, 256);
    let sent = it.waits(10_000);
    let times: Vec<_> = sent.iter().map(|(at, sent)| (*at, sent.flags)).collect();
    assert_eq!(times, [(1_000, SYN | ACK), (3_000, SYN | ACK), (7_000, SYN | ACK)]);
    // The client's SYN again is answered at once.
    let syn = Segment { seq: IRS, ack: Seq::new(0), ..it.segment(SYN, b"") };
    assert_eq!(it.takes(&syn)[0].flags, SYN | ACK);
    it.sends(ACK, b"");
    assert_eq!((it.c.state(), it.c.congestion().1), (State::Established, 1_460), "one segment after a lost SYN");
    assert_eq!(it.c.rtt.rto(), crate::timing::ticks(limits::RTO_AFTER_SYN_LOSS_MS));
}

#[test]
fn syn_received_remembers_how_it_was_opened() {
    let mut passive = Peer::syn_received(256, 256);
    passive.sends(RST, b"");
    assert_eq!(passive.c.ended(), Some(Ended::Reset));
    let mut active = Peer::syn_sent(256, 256);
    active.sends(SYN, b"");
    assert_eq!(active.c.state(), State::SynReceived);
    active.sends(RST, b"");
    assert_eq!(active.c.ended(), Some(Ended::Refused));
}

#[test]
fn a_refused_connection_says_so() {
    let mut it = Peer::syn_sent(256, 256);
    it.takes(&Segment { ack: ISS, ..it.segment(RST | ACK, b"") });
    assert_eq!(it.c.state(), State::SynSent, "it acknowledges nothing of ours");
    it.takes(&Segment { ack: ISS + 1, ..it.segment(RST | ACK, b"") });
    assert_eq!(it.c.ended(), Some(Ended::Refused));
    assert_eq!(it.drain(), []);
}

// ---- data

#[test]
fn a_request_and_its_reply_are_two_segments() {
    let mut it = Peer::established(256, 256);
    assert_eq!(it.sends(PSH, b"PING"), [], "the ACK waits for the reply");
    assert_eq!(it.reads(9), b"PING");
    let reply = it.writes(b"PONG");
    assert_eq!(brief(&reply), [(1, PSH, 4)]);
    assert_eq!((reply[0].ack, &reply[0].payload[..]), (it.seq, &b"PONG"[..]));
    assert_eq!(it.acks_all(), []);
    assert_eq!((it.c.unacknowledged(), it.c.due()), (0, it.now + Duration::from_millis(KEEP_ALIVE_MS)));
}

#[test]
fn an_ack_is_delayed_for_less_than_half_a_second() {
    let mut it = Peer::established(256, 256);
    assert_eq!(it.sends(ACK, b"abc"), []);
    let sent = it.waits(500);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].0, sent[0].1.ack), (ACK_DELAY_MS, it.seq));
}

#[test]
fn every_second_segment_is_acknowledged_at_once() {
    let mut it = Peer::established(256, 256);
    for _ in 0..5 {
        assert_eq!(it.sends(ACK, b"abc"), []);
        let ack = it.sends(ACK, b"def");
        assert_eq!((ack.len(), ack[0].ack), (1, it.seq));
        it.reads(9);
    }
}

#[test]
fn where_half_of_the_buffer_is_to_be_read_the_window_update_is_the_ack() {
    let mut it = Peer::established(256, 256);
    for _ in 0..5 {
        assert_eq!(it.sends(ACK, &[1; 100]), []);
        assert_eq!(it.sends(ACK, &[2; 100]), []);
        assert!(!it.c.has_window_update(), "nothing was read");
        it.reads(256);
        assert!(it.c.has_window_update());
        let update = it.drain();
        assert_eq!((update.len(), update[0].ack, update[0].window), (1, it.seq, 256));
    }
    // Nobody reads. Half of the buffer is enough.
    assert_eq!(it.sends(ACK, &[1; 64]), []);
    assert_eq!(it.sends(ACK, &[2; 64]), []);
    let sent = it.waits(500);
    assert_eq!((sent.len(), sent[0].0, sent[0].1.ack), (1, ACK_DELAY_MS, it.seq));
}

#[test]
fn a_gap_is_told_at_once_and_what_fills_it_too() {
    let mut it = Peer::established(256, 256);
    let base = it.seq;
    let early = it.takes(&Segment { seq: base + 3, ..it.segment(ACK, b"def") });
    assert_eq!((early.len(), early[0].ack), (1, base));
    let filled = it.takes(&it.segment(ACK, b"abc"));
    assert_eq!((filled.len(), filled[0].ack), (1, base + 6), "all that was queued is acknowledged");
    assert_eq!(it.reads(9), b"abcdef");
    let again = it.takes(&Segment { seq: base, ..it.segment(ACK, b"abc") });
    assert_eq!((again.len(), again[0].ack, it.c.received()), (1, base + 6, 0));
}

#[test]
fn early_pieces_that_touch_become_one() {
    let mut it = Peer::established(256, 256);
    let (base, text) = (it.seq, b"0123456789");
    let piece = |it: &mut Peer, from: usize, to: usize| {
        it.takes(&Segment { seq: base + from as u32, ..it.segment(ACK, &text[from..to]) })
    };
    piece(&mut it, 4, 6);
    piece(&mut it, 6, 8);
    piece(&mut it, 2, 4);
    assert_eq!(it.c.early, Some((base + 2, base + 8)));
    piece(&mut it, 9, 10);
    assert_eq!(it.c.early, Some((base + 2, base + 8)), "a second piece is thrown away");
    piece(&mut it, 3, 5);
    assert_eq!(it.c.early, Some((base + 2, base + 8)));
    assert_eq!(piece(&mut it, 0, 3)[0].ack, base + 8);
    assert_eq!(it.reads(20), b"01234567");
    assert_eq!(piece(&mut it, 7, 10)[0].ack, base + 10);
    assert_eq!(it.reads(20), b"89");
}

#[test]
fn an_early_piece_that_is_not_reached_stays() {
    let mut it = Peer::established(256, 256);
    let base = it.seq;
    it.takes(&Segment { seq: base + 5, ..it.segment(ACK, b"fg") });
    assert_eq!(it.takes(&it.segment(ACK, b"abcd"))[0].ack, base + 4);
    assert_eq!(it.c.early, Some((base + 5, base + 7)));
    assert_eq!(it.takes(&Segment { seq: base + 4, ..it.segment(ACK, b"e") })[0].ack, base + 7);
    assert_eq!(it.reads(9), b"abcdefg");
}

#[test]
fn text_beyond_the_window_is_cut_off() {
    let mut it = Peer::established(64, 64);
    let answer = it.sends(ACK, &[7; 100]);
    assert_eq!((answer[0].ack, answer[0].window, it.c.received()), (IRS + 65, 0, 64));
}

#[test]
fn the_window_does_not_shrink_and_grows_in_large_steps() {
    let mut it = Peer::established(100, 100);
    it.sends(ACK, &[7; 60]);
    let told = it.waits(100)[0].1.clone();
    assert_eq!(told.window, 40);
    it.reads(30);
    assert!(!it.c.has_window_update(), "30 of 100 bytes are a silly window");
    it.reads(20);
    assert!(it.c.has_window_update());
    assert_eq!(it.drain()[0].window, 90);
    it.reads(10);
    assert!(it.c.has_window_update(), "all of the buffer is told");
    assert_eq!(it.drain()[0].window, 100);
}

#[test]
fn the_window_is_unsigned() {
    let mut it = Peer::new(65_535, 65_535);
    assert_eq!(it.open()[0].window, 65_535);
    it.window = 65_535;
    it.sends(ACK, b"");
    it.c.congestion.cwnd = 65_535;
    let sent: usize = it.writes(&[7; 65_535]).iter().map(|sent| sent.payload.len()).sum();
    assert_eq!(sent, 65_535);
}

#[test]
fn a_window_that_shrinks_does_no_harm() {
    let mut it = Peer::established(256, 1_000);
    assert_eq!(it.writes(&[7; 900]).len(), 1);
    it.window = 100;
    it.ack = ISS + 101;
    assert_eq!(it.sends(ACK, b""), [], "800 bytes are under way, beyond the edge");
    assert_eq!(it.writes(&[7; 50]), []);
    let again = it.waits(1_000);
    assert_eq!(brief(&[again[0].1.clone()]), [(101, ACK, 100)], "what is in the window goes again");
}

#[test]
fn a_shut_window_is_probed_with_back_off_for_ever() {
    let mut it = Peer::with_window(256, 256, 0);
    assert_eq!(it.writes(b"abc"), []);
    let mut times = Vec::new();
    let start = it.now;
    while it.now < start + Duration::from_secs(300) {
        for (at, sent) in it.waits(100) {
            times.push((it.now - start).as_millis() - 100 + at);
            assert_eq!((sent.seq, sent.payload.len()), (ISS + 1, 1));
            // The peer answers each probe, and takes nothing.
            it.sends(ACK, b"");
        }
    }
    assert_eq!(times[..8], [300, 900, 2_100, 4_500, 9_300, 18_900, 28_900, 38_900]);
    assert_eq!(times.len(), 34);
    assert_eq!(it.c.state(), State::Established);
    it.window = 100;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, PSH, 3)]);
}

#[test]
fn an_ack_and_a_reset_count_while_our_window_is_shut() {
    let mut it = Peer::established(64, 64);
    it.writes(b"abc");
    it.ack = ISS + 1;
    it.sends(ACK, &[7; 64]);
    it.waits(100);
    it.takes(&Segment { ack: ISS + 4, ..it.segment(ACK, b"x") });
    assert_eq!((it.c.unacknowledged(), it.c.received()), (0, 64), "the ACK counts, the text doesn't");
    it.takes(&it.segment(FIN, b""));
    assert_eq!(it.c.state(), State::Established, "nor does a FIN");
    it.takes(&it.segment(RST, b""));
    assert_eq!(it.c.ended(), Some(Ended::Reset));
}

#[test]
fn small_segments_are_sent_where_all_fits_and_held_back_where_it_does_not() {
    let mut it = Peer::with_window(256, 4_096, 1_600);
    it.ack = ISS + 1;
    let sent = it.writes(&[7; 2_000]);
    assert_eq!(brief(&sent), [(1, ACK, 1_460)], "140 bytes more would be silly");
    it.ack = ISS + 1_461;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1_461, PSH, 540)]);
}

#[test]
fn push_is_on_the_last_segment_only() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    let sent = it.writes(&[7; 3_000]);
    assert_eq!(brief(&sent), [(1, ACK, 1_460), (1_461, ACK, 1_460), (2_921, PSH, 80)]);
}

#[test]
fn each_segment_has_the_text_of_its_number() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    let text: Vec<u8> = (0..3_000u32).map(|at| (at / 16) as u8).collect();
    for sent in it.writes(&text) {
        let at = (sent.seq - (ISS + 1)) as usize;
        assert_eq!(sent.payload, text[at..at + sent.payload.len()], "from {at} on");
    }
}

// ---- closing

/// Closes first; then the peer does.
#[test]
fn a_close_goes_through_time_wait() {
    let mut it = Peer::established(256, 256);
    it.c.close();
    assert_eq!(it.c.write(b"late"), 0);
    assert_eq!(brief(&it.drain()), [(1, FIN, 0)]);
    assert_eq!(it.c.state(), State::FinWait1);
    it.acks_all();
    assert_eq!(it.c.state(), State::FinWait2);
    assert_eq!(it.sends(ACK, b"more").len(), 1);
    assert_eq!(it.reads(9), b"more", "half closed, text still comes");
    it.sends(FIN, b"last");
    assert_eq!((it.c.state(), it.c.has_received_fin()), (State::TimeWait, true));
    it.c.on_timer(it.now);
    assert_eq!(it.c.state(), State::TimeWait, "not before its time");
    assert_eq!(it.waits(TIME_WAIT_MS - 1), []);
    let fin_again = Segment { seq: it.seq - 1, ..it.segment(FIN, b"") };
    assert_eq!(it.takes(&fin_again).len(), 1, "it is acknowledged, and the time begins anew");
    assert_eq!(it.waits(TIME_WAIT_MS - 1), []);
    assert_eq!(it.c.state(), State::TimeWait);
    it.waits(2);
    assert_eq!(it.c.ended(), Some(Ended::Closed));
    assert_eq!(it.reads(9), b"last", "what has arrived stays readable");
}

#[test]
fn a_close_by_the_peer_ends_in_last_ack() {
    let mut it = Peer::established(256, 256);
    assert_eq!(it.sends(FIN, b"bye").len(), 1);
    assert_eq!((it.c.state(), it.c.has_received_fin(), it.c.may_receive()), (State::CloseWait, true, false));
    assert_eq!(it.writes(b"reply").len(), 1);
    it.c.close();
    assert_eq!(brief(&it.drain()), [(6, FIN, 0)]);
    assert_eq!(it.c.state(), State::LastAck);
    it.acks_all();
    assert_eq!(it.c.ended(), Some(Ended::Closed));
}

#[test]
fn a_simultaneous_close_goes_through_closing() {
    let mut it = Peer::established(256, 256);
    it.c.close();
    it.drain();
    it.sends(FIN, b"");
    assert_eq!(it.c.state(), State::Closing);
    it.acks_all();
    assert_eq!(it.c.state(), State::TimeWait);
}

#[test]
fn a_fin_that_comes_early_is_told_and_counts_when_the_gap_is_filled() {
    let mut it = Peer::established(256, 256);
    let base = it.seq;
    let early = it.takes(&Segment { seq: base + 3, ..it.segment(FIN, b"") });
    assert_eq!((early.len(), early[0].ack, it.c.state()), (1, base, State::Established));
    it.takes(&it.segment(ACK, b"abc"));
    it.takes(&Segment { seq: base + 3, ..it.segment(FIN, b"") });
    assert_eq!(it.c.state(), State::CloseWait);
}

#[test]
fn a_close_before_the_handshake_is_complete_waits_for_it() {
    let mut it = Peer::syn_received(256, 256);
    it.c.write(b"hello");
    it.c.close();
    assert_eq!((it.c.state(), it.drain()), (State::SynReceived, Vec::new()));
    assert_eq!(it.c.write(b"late"), 0);
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, Flags::new(0x19), 5)]);
    assert_eq!(it.c.state(), State::FinWait1);
    let mut unanswered = Peer::syn_sent(256, 256);
    unanswered.c.close();
    assert_eq!((unanswered.c.ended(), unanswered.drain()), (Some(Ended::Closed), Vec::new()));
}

#[test]
fn an_abort_sends_a_reset_where_the_peer_knows_of_the_connection() {
    let mut it = Peer::established(256, 256);
    it.writes(b"abc");
    it.c.abort();
    assert_eq!(brief(&it.drain()), [(4, RST | ACK, 0)]);
    assert_eq!((it.c.ended(), it.drain()), (Some(Ended::Aborted), Vec::new()));
    let mut again = it.clone();
    again.c.abort();
    assert_eq!(again.drain(), [], "once");
    for mut quiet in [Peer::syn_sent(256, 256), Peer::new(256, 256)] {
        quiet.c.abort();
        assert_eq!(quiet.drain(), []);
    }
    let mut forgotten = Peer::established(256, 256);
    forgotten.c.forget();
    assert_eq!((forgotten.c.ended(), forgotten.drain()), (Some(Ended::Aborted), Vec::new()));
}

#[test]
fn a_reset_ends_the_connection_and_says_so() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK, b"abc");
    it.sends(RST, b"");
    assert_eq!((it.c.ended(), it.c.due()), (Some(Ended::Reset), Instant::MAX));
    assert_eq!(it.reads(9), b"abc", "what has arrived stays readable");
}

#[test]
fn a_connection_is_used_again() {
    let mut it = Peer::established(64, 64);
    it.writes(&[7; 40]);
    it.sends(ACK, &[8; 50]);
    it.takes(&Segment { seq: it.seq + 3, ..it.segment(ACK, b"x") });
    it.c.abort();
    it.drain();
    (it.seq, it.ack) = (IRS, ISS);
    it.open();
    it.sends(ACK, b"");
    assert_eq!((it.c.received(), it.c.unacknowledged(), it.c.room(), it.c.early), (0, 0, 64, None));
    assert_eq!((it.c.receive_capacity(), it.c.send_capacity()), (64, 64));
    it.sends(ACK, b"abc");
    assert_eq!(it.reads(9), b"abc");
}

// ---- silence

#[test]
fn an_idle_peer_is_asked_without_text_and_ended_when_it_is_silent() {
    let mut it = Peer::established(256, 256);
    let sent = it.waits(60_000);
    let times: Vec<_> = sent.iter().map(|(at, sent)| (*at, sent.flags, sent.payload.len())).collect();
    assert_eq!(times, [(KEEP_ALIVE_MS, ACK, 0), (2 * KEEP_ALIVE_MS, ACK, 0), (SILENCE_MS, RST | ACK, 0)]);
    assert_eq!(sent[0].1.seq, ISS, "SND.NXT - 1");
    assert_eq!(it.c.ended(), Some(Ended::TimedOut));
}

#[test]
fn a_lost_keep_alive_ends_nothing() {
    let mut it = Peer::established(256, 256);
    for _ in 0..5 {
        assert_eq!(it.waits(21_000).len(), 2, "one of two is answered");
        it.sends(ACK, b"");
    }
    assert_eq!(it.c.state(), State::Established);
}

#[test]
fn a_keep_alive_is_sent_only_while_nothing_is_outstanding() {
    let mut it = Peer::established(256, 256);
    it.writes(b"abc");
    assert!(it.waits(24_000).iter().all(|(_, sent)| sent.payload == b"abc"), "retransmissions ask too");
}

#[test]
fn a_handshake_ends_without_an_answer() {
    let mut it = Peer::syn_sent(256, 256);
    let sent = it.waits(60_000);
    assert!(sent.iter().all(|(_, sent)| sent.flags == SYN), "and no RST, since nobody knows of it");
    assert_eq!((sent.len(), it.c.ended()), (4, Some(Ended::TimedOut)));
}

#[test]
fn calling_the_timer_early_changes_nothing() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK, b"abc");
    let before = it.c.clone();
    it.c.on_timer(it.now);
    assert!(it.c == before && !it.c.has_urgent_segment());
    it.now += Duration::from_millis(ACK_DELAY_MS);
    it.c.on_timer(it.now);
    assert!(it.c.has_urgent_segment(), "the delay of an ACK is over");
    it.writes(b"abc");
    let before = it.c.clone();
    it.c.on_timer(it.now);
    assert!(it.c == before);
}

#[test]
fn what_has_no_room_in_the_driver_is_not_lost() {
    let mut it = Peer::established(256, 256);
    it.c.write(b"abc");
    let (due, first) = (it.c.due(), it.c.next_segment(it.now));
    assert_eq!(it.c.next_segment(it.now), first, "until it is sent");
    it.c.next_segment(it.now + Duration::from_millis(1));
    assert_eq!(it.c.due(), due, "no timer runs for what has not left");
    it.c.abort();
    assert_eq!(it.c.next_segment(it.now), it.c.next_segment(it.now));
    assert!(it.c.has_urgent_segment());
}
