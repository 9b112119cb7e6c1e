//! Lost segments: time-outs, duplicate ACKs and recovery (RFC 6298, 5681, 6582, 5827).

use super::*;
use crate::limits::RTO_MIN_MS;

#[test]
fn a_lost_segment_is_sent_again_with_back_off_and_one_segment_at_a_time() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    assert_eq!(it.writes(&[7; 3_000]).len(), 3);
    let again = it.waits(8 * RTO_MIN_MS);
    let times: Vec<_> = again.iter().map(|(at, sent)| (*at, sent.seq - ISS, sent.payload.len())).collect();
    assert_eq!(times, [1, 3, 7].map(|times| (times * RTO_MIN_MS, 1, 1_460)), "cwnd is one segment");
    it.ack = ISS + 1_461;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1_461, ACK, 1_460), (2_921, PSH, 80)], "slow start");
    it.acks_all();
    assert_eq!(it.c.timer, crate::tcb::Timer::OFF);
}

#[test]
fn the_third_duplicate_ack_sends_one_segment_again() {
    let mut it = Peer::with_window(256, 8_192, 8_000);
    it.c.congestion.cwnd = 8_000;
    assert_eq!(it.writes(&[7; 4 * 1_460]).len(), 4);
    assert_eq!(it.sends(ACK, b""), []);
    assert_eq!(it.sends(ACK, b""), []);
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, ACK, 1_460)]);
    assert_eq!(it.c.congestion().1, 2 * 1_460);
    assert_eq!(it.sends(ACK, b""), [], "once");
    // A window update, text, or an ACK of more is no duplicate.
    let mut other = Peer::established(256, 4_096);
    other.window = 4_000;
    other.sends(ACK, b"");
    other.writes(&[7; 3_000]);
    for window in [3_999, 3_998, 3_997, 3_996] {
        other.window = window;
        other.sends(ACK, b"");
    }
    for _ in 0..4 {
        other.sends(ACK, b"x");
    }
    assert!(other.c.duplicates == 0);
}

/// Of two segments that are lost in one window, the second had to wait for the time-out.
#[test]
fn a_partial_ack_sends_the_next_gap_again() {
    let mut it = Peer::with_window(256, 8_192, 8_000);
    it.c.congestion.cwnd = 8_000;
    assert_eq!(it.writes(&[7; 5 * 1_460]).len(), 5);
    for _ in 0..2 {
        assert_eq!(it.sends(ACK, b""), []);
    }
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, ACK, 1_460)]);
    it.ack = ISS + 1 + 2 * 1_460;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1 + 2 * 1_460, ACK, 1_460)], "the third is lost too");
    for _ in 0..4 {
        assert_eq!(it.sends(ACK, b""), [], "once");
    }
    assert_eq!(it.acks_all(), []);
    // All is acknowledged, and the next loss is one of its own.
    assert_eq!(it.writes(&[7; 3 * 1_460]).len(), 3);
    it.ack += 1_460;
    assert_eq!(it.sends(ACK, b""), [], "an ACK of a part is no partial ACK now");
}

/// Segments that were only overtaken were each sent again, one for each ACK of the first transmission.
#[test]
fn an_ack_of_less_than_was_sent_again_sends_nothing() {
    let mut it = Peer::with_window(256, 4_096, 4_000);
    for _ in 0..20 {
        assert_eq!(it.writes(&[7; 100]).len(), 1);
    }
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, ACK, 1_460)]);
    for _ in 0..14 {
        it.ack += 100;
        assert_eq!(it.sends(ACK, b""), []);
    }
    it.ack += 100;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1_501, PSH, 500)], "what was not sent again");
}

/// Text that was sent again without need brought a duplicate ACK, which made the next text go again without need.
#[test]
fn a_duplicate_ack_of_what_was_sent_again_sends_nothing() {
    let mut it = Peer::with_window(256, 8_192, 8_000);
    it.writes(&[7; 2 * 1_460]);
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, ACK, 1_460)]);
    // The first was only overtaken.
    it.acks_all();
    assert_eq!(it.writes(&[7; 2 * 1_460]).len(), 2);
    assert_eq!(it.sends(ACK, b""), [], "it is for what was sent again");
    it.acks_all();
    assert_eq!(it.writes(&[7; 2 * 1_460]).len(), 2);
    assert_eq!(it.sends(ACK, b"").len(), 1, "a loss of its own");
}

/// A window of two or three segments never brings three duplicate ACKs (RFC 5827).
#[test]
fn fewer_duplicate_acks_are_enough_where_fewer_segments_are_under_way() {
    for (segments, enough) in [(2, 1), (3, 2), (4, 3), (5, 3)] {
        let mut it = Peer::with_window(256, 8_192, 8_000);
        it.c.congestion.cwnd = 8_000;
        assert_eq!(it.writes(&vec![7; segments * 1_460]).len(), segments);
        for _ in 1..enough {
            assert_eq!(it.sends(ACK, b""), [], "{segments} segments");
        }
        assert_eq!(brief(&it.sends(ACK, b"")), [(1, ACK, 1_460)], "{segments} segments");
    }
    // Nothing overtakes the only one: its duplicate ACKs are of something else.
    let mut it = Peer::with_window(256, 8_192, 8_000);
    it.writes(&[7; 1_460]);
    assert_eq!((it.sends(ACK, b""), it.sends(ACK, b"")), (vec![], vec![]));
}

#[test]
fn duplicate_acks_without_anything_outstanding_mean_nothing() {
    let mut it = Peer::established(256, 256);
    for _ in 0..10 {
        assert_eq!(it.sends(ACK, b""), []);
    }
    assert_eq!(it.c.duplicates, 0);
}

/// The answers to three window probes counted. One duplicate ACK behind the open window then passed for a loss.
#[test]
fn answers_to_window_probes_are_no_duplicate_acks() {
    let mut it = Peer::with_window(256, 256, 0);
    assert_eq!(it.writes(b"abc"), []);
    for _ in 0..5 {
        let probe = it.waits(10_000).swap_remove(0).1;
        assert_eq!(brief(&[probe]), [(1, ACK, 1)]);
        assert_eq!(it.sends(ACK, b""), []);
    }
    it.window = 1_000;
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, PSH, 3)]);
    assert_eq!((it.sends(ACK, b""), it.sends(ACK, b"")), (vec![], vec![]));
    assert_eq!(brief(&it.sends(ACK, b"")), [(1, PSH, 3)], "the third");
}

#[test]
fn a_lost_fin_is_sent_again_and_with_the_text_that_it_follows() {
    let mut it = Peer::established(256, 256);
    it.c.write(b"bye");
    it.c.close();
    let fin = Flags::new(0x19);
    assert_eq!(brief(&it.drain()), [(1, fin, 3)]);
    let again = it.waits(1_000);
    assert_eq!(brief(&[again[0].1.clone()]), [(1, fin, 3)]);
    it.ack = ISS + 4;
    assert_eq!(it.sends(ACK, b""), [], "the text has arrived, the FIN is under way");
    assert_eq!(it.c.state(), State::FinWait1);
    let alone = it.waits(4_000);
    assert_eq!(brief(&[alone[0].1.clone()]), [(4, FIN, 0)]);
    it.acks_all();
    assert_eq!(it.c.state(), State::FinWait2);
}

#[test]
fn a_fin_waits_for_the_peers_window_unless_nothing_is_under_way() {
    let mut it = Peer::with_window(256, 256, 3);
    it.c.write(b"abc");
    it.c.close();
    assert_eq!(brief(&it.drain()), [(1, PSH, 3)]);
    it.window = 0;
    it.ack = ISS + 4;
    assert_eq!(brief(&it.sends(ACK, b"")), [(4, FIN, 0)], "it is its own probe");
    assert_eq!(it.waits(RTO_MIN_MS).len(), 1);
    // Behind one byte that is under way, nine fill a window of ten.
    for under_way in [1, 5] {
        let mut it = Peer::with_window(256, 256, 10);
        it.writes(&[7; 10][..under_way]);
        it.c.write(&[7; 10][under_way..]);
        it.c.close();
        assert_eq!(brief(&it.drain()), [(1 + under_way as u32, PSH, 10 - under_way)]);
    }
}
