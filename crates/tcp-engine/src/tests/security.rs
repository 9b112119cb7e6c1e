//! Known holes of other TCPs, and that they are not here. RFC 5961 is the frame: an attacker sends what it can guess,
//! from off the path.

use super::*;
use crate::limits::{CHALLENGE_MS, MSS_MIN, RTO_FIRST_MS};
use crate::timing::ticks;

/// CVE-2004-0230: of all numbers in and around the window, only RCV.NXT resets.
#[test]
fn reset_in_window_is_challenged() {
    let before = Peer::established(256, 256);
    for offset in -300..600i32 {
        let mut it = before.clone();
        let seq = it.seq + offset as u32;
        let answer = it.takes(&Segment { seq, ..it.segment(RST, b"") });
        match offset {
            0 => assert_eq!((it.c.state(), answer.len()), (State::Closed, 0)),
            1..256 => {
                assert_eq!((it.c.state(), brief(&answer)), (State::Established, std::vec![(1, ACK, 0)]), "{offset}");
            }
            _ => assert_eq!((it.c.state(), answer.len()), (State::Established, 0), "{offset}"),
        }
    }
}

/// RFC 5961 section 4: no SYN ends a connection, wherever it is.
#[test]
fn a_syn_is_challenged() {
    let before = Peer::established(256, 256);
    for offset in -300..600i32 {
        let mut it = before.clone();
        let seq = it.seq + offset as u32;
        let answer = it.takes(&Segment { seq, ..it.segment(SYN, b"") });
        assert_eq!((it.c.state(), brief(&answer)), (State::Established, std::vec![(1, ACK, 0)]), "{offset}");
        assert_eq!(it.reaction, Some(Reaction::Ignored));
    }
}

/// RFC 5961 section 5: text with an ACK that is too old, or of what was never sent, is not taken.
#[test]
fn text_with_a_guessed_ack_is_dropped() {
    let mut before = Peer::established(256, 256);
    before.writes(&[7; 100]);
    for offset in [-100_000, -1_001, -1_000, -1, 0, 50, 100, 101, 5_000, i32::MAX, i32::MIN] {
        let mut it = before.clone();
        let ack = it.c.snd_una + offset as u32;
        it.takes(&Segment { ack, ..it.segment(ACK, b"evil") });
        let is_taken = (-1_000..=100).contains(&offset);
        assert_eq!(it.c.received(), if is_taken { 4 } else { 0 }, "{offset}");
        assert_eq!(it.reaction == Some(Reaction::Accepted), is_taken);
    }
}

/// An ACK that is half of all numbers away from SND.NXT is neither before nor behind it. Such an ACK opened a
/// connection whose SYN,ACK had not left yet.
#[test]
fn an_ack_half_of_all_numbers_away_opens_nothing() {
    let mut it = Peer::new(256, 256);
    let syn = it.segment(SYN, b"");
    it.c.accept(&syn, ISS, MTU, it.now);
    it.seq += 1;
    for ack in [ISS + (1 << 31), ISS + (1 << 31) + 1, ISS, ISS + 1] {
        let mut it = it.clone();
        it.takes(&Segment { ack, ..it.segment(ACK, b"") });
        assert_eq!((it.c.state(), it.reaction), (State::SynReceived, Some(Reaction::Reset(ack))));
    }
}

/// CVE-2016-5696: the challenge ACKs of one connection reveal nothing of another, since nothing is shared.
#[test]
fn challenges_are_counted_for_each_connection() {
    let (mut one, mut other) = (Peer::established(256, 256), Peer::established(256, 256));
    let reset = |it: &Peer| Segment { seq: it.seq + 1, ..it.segment(RST, b"") };
    assert_eq!(one.takes(&reset(&one.clone())).len(), 1);
    assert_eq!(one.takes(&reset(&one.clone())).len(), 0, "its limit");
    assert_eq!(other.takes(&reset(&other.clone())).len(), 1);
    one.now += Duration::from_millis(CHALLENGE_MS);
    assert_eq!(one.takes(&reset(&one.clone())).len(), 1);
}

/// The peer's MAC address may follow an accepted segment only: no other one is known to be the peer's.
#[test]
fn a_segment_out_of_the_window_is_not_accepted() {
    let before = Peer::established(256, 256);
    let check = |segment: Segment<'_>, expected| {
        let mut it = before.clone();
        it.takes(&segment);
        assert_eq!(it.reaction, Some(expected), "{segment:?}");
    };
    let good = before.segment(ACK, b"x");
    check(good, Reaction::Accepted);
    check(Segment { seq: before.seq + 256, ..good }, Reaction::Ignored);
    check(Segment { seq: before.seq - 1, payload: b"", ..good }, Reaction::Ignored);
    check(Segment { ack: before.ack + 1, ..good }, Reaction::Ignored);
    check(Segment { flags: Flags::default(), ..good }, Reaction::Ignored);
    check(Segment { flags: SYN, ..good }, Reaction::Ignored);
    check(Segment { seq: before.seq + 1, flags: RST, payload: b"", ..good }, Reaction::Ignored);
    check(Segment { flags: RST, payload: b"", ..good }, Reaction::Accepted);
}

/// URGENT/11: the urgent pointer is not even read, and text with URG is text.
#[test]
fn urgent_data_is_data() {
    let mut it = Peer::established(256, 256);
    it.sends(ACK | Flags::new(0x20), b"abc");
    assert_eq!(it.reads(10), b"abc");
}

/// CVE-2019-11479: an MSS of any size leaves a connection that works, with segments of a bearable size.
#[test]
fn a_tiny_mss_is_raised() {
    for mss in 0..64u16 {
        let mut it = Peer::new(256, 256);
        it.options[2..].copy_from_slice(&mss.to_be_bytes());
        it.open();
        it.sends(ACK, b"");
        let sent = it.writes(&[7; 200]);
        assert_eq!(sent[0].payload.len(), usize::from(mss.max(MSS_MIN)));
        it.acks_all();
        it.acks_all();
        assert_eq!(it.c.unacknowledged(), 0, "{mss}");
    }
}

/// CVE-2018-5390: pieces out of order cost no memory and no search. One piece is kept, and text comes out right.
#[test]
fn pieces_out_of_order_keep_one_piece() {
    let mut it = Peer::established(256, 256);
    let base = it.seq;
    for round in 0..100 {
        for at in (1..255u32).rev().step_by(2) {
            it.takes(&Segment { seq: base + at, ..it.segment(ACK, &[at as u8]) });
        }
        assert_eq!((it.c.received(), it.c.early.is_some()), (0, true), "{round}");
    }
    let all: Vec<u8> = (0..=255).collect();
    it.takes(&it.segment(ACK, &all));
    assert_eq!(it.reads(300), all);
    assert_eq!(it.c.early, None);
}

/// Savage 1999: an ACK of what was never sent moves nothing, and many small ACKs open cwnd no further than one large.
#[test]
fn optimistic_and_divided_acks_gain_nothing() {
    let mut it = Peer::established(256, 4_096);
    it.writes(&[7; 1_000]);
    let before = it.c.congestion();
    it.takes(&Segment { ack: it.c.snd_max + 1, ..it.segment(ACK, b"") });
    assert_eq!(it.c.congestion(), before);
    it.c.congestion.cwnd = 1_000;
    let mut divided = it.clone();
    for ack in 1..=100 {
        divided.takes(&Segment { ack: ISS + 1 + ack * 10, ..divided.segment(ACK, b"") });
    }
    it.acks_all();
    assert_eq!(divided.c.congestion(), it.c.congestion());
}

/// An answer is never longer than its question, and a RST is never answered: nothing is amplified towards an address
/// that was forged.
#[test]
fn an_answer_is_not_longer_than_its_question() {
    let states = [Peer::syn_received(256, 256), Peer::established(256, 256), Peer::syn_sent(256, 256)];
    for before in &states {
        for bits in 0..64 {
            for seq in [-300, -1, 0, 1, 300] {
                for ack in [-2_000, 0, 1, 2_000] {
                    let mut it = before.clone();
                    let flags = Flags::new(bits);
                    let (seq, ack) = (it.seq + seq as u32, ISS + ack as u32);
                    let answers = it.takes(&Segment { seq, ack, flags, ..it.segment(flags, b"") });
                    assert!(answers.len() <= 1);
                    assert!(answers.iter().all(|answer| answer.payload.is_empty()));
                    let is_reset = flags.has(RST) && answers.iter().any(|answer| answer.flags.has(RST));
                    assert!(!is_reset, "a RST is answered by a RST: {flags:?}");
                }
            }
        }
    }
}

/// RFC 1337: a RST at RCV.NXT frees TIME-WAIT, which is short and gives way anyway. Segments of an old connection do
/// not reach a new one with the same ports, because the initial number grows with the clock (RFC 6528).
#[test]
fn old_duplicates_do_not_reach_a_new_connection() {
    let mut old = Peer::established(256, 256);
    old.writes(b"reply");
    let text = old.segment(ACK, b"request");
    let syn = Segment { ack: Seq::new(0), seq: IRS, ..old.segment(SYN, b"") };
    old.acks_all();
    old.c.close();
    old.drain();
    old.acks_all();
    old.sends(FIN, b"");
    assert_eq!(old.c.state(), State::TimeWait);
    let isn = old.c.snd_max + 250_000;
    // The caller lets any SYN take the place. That of the old connection opens no other one with the old text.
    let mut again = Peer::new(256, 256);
    again.c.accept(&syn, isn, MTU, again.now);
    again.drain();
    again.takes(&text);
    assert_eq!((again.c.state(), again.c.received()), (State::SynReceived, 0));
    let new_syn = Segment { seq: old.c.rcv_nxt + 64_000, ..syn };
    let mut new = Peer { seq: new_syn.seq, ..Peer::new(256, 256) };
    new.c.accept(&new_syn, isn, MTU, new.now);
    new.seq += 1;
    new.ack = isn + 1;
    new.drain();
    new.sends(ACK, b"");
    assert_eq!(new.c.state(), State::Established);
    new.takes(&text);
    assert_eq!((new.c.received(), new.reaction), (0, Some(Reaction::Ignored)));
}

/// CVE-2008-4609: a peer that shuts its window for ever and is silent holds a connection for 25 s. A peer that answers
/// holds it as long as the server permits (MUST-37).
#[test]
fn a_silent_peer_with_a_shut_window_ends() {
    let mut it = Peer::with_window(256, 256, 0);
    it.writes(b"abc");
    let sent = it.waits(30_000);
    assert_eq!(it.c.ended(), Some(crate::Ended::TimedOut));
    assert!(sent.last().is_some_and(|(at, sent)| *at == 25_000 && sent.flags.has(RST)));
}

/// LAND: a segment that the connection has sent itself comes back. Nothing is exchanged without end.
#[test]
fn a_reflected_segment_is_not_answered_without_end() {
    let mut it = Peer::established(256, 256);
    let mut queue = it.writes(b"abc");
    let mut rounds = 0;
    while let Some(sent) = queue.pop() {
        rounds += 1;
        assert!(rounds < 10);
        let Sent { seq, ack, window, flags, payload, .. } = sent;
        queue.extend(it.takes(&Segment { seq, ack, window, flags, options: &[], payload: &payload }));
    }
    assert_eq!(it.c.state(), State::Established);
}

/// RFC 4987 section 3.6: after the ACK of a cookie the connection is that of a handshake whose SYN had no options. The
/// round trip was not measured.
#[test]
fn the_ack_of_a_cookie_leads_to_the_same_connection() {
    let mut whole = Peer::new(256, 256);
    whole.options.clear();
    let cookie = whole.c.cookie_segment(&whole.segment(SYN, b""), ISS, MTU);
    assert_eq!(whole.open(), [whole.sent(&cookie)]);
    whole.c.rtt.forget_timed();

    let mut it = Peer { seq: whole.seq, ack: whole.ack, ..Peer::new(256, 256) };
    // An MSS option counts on a SYN only (MUST-65).
    it.c.accept_cookie(&Segment { options: &[2, 4, 2, 0], ..it.segment(ACK, b"") }, MTU, it.now);
    let view = |it: &Peer| {
        let c = &it.c;
        let sent = (c.snd_una, c.snd_nxt, c.snd_max, c.snd_wnd, c.snd_wl1, c.snd_mss);
        (c.state(), sent, (c.rcv_nxt, c.rcv_adv, c.rcv_mss), c.congestion(), c.rtt.rto())
    };
    assert_eq!(view(&it), view(&whole));
    it.now += Duration::from_millis(1);
    whole.now = it.now;
    assert_eq!((it.sends(ACK, b""), whole.sends(ACK, b"")), (vec![], vec![]));
    assert_eq!((it.c.state(), it.c.rtt.rto()), (State::Established, ticks(RTO_FIRST_MS)));
    assert_eq!((view(&it), it.c.due()), (view(&whole), whole.c.due()));
    assert_eq!(it.writes(&[7; 256]), whole.writes(&[7; 256]));
    assert_eq!(it.sends(ACK, b"text"), whole.sends(ACK, b"text"));
    assert_eq!(it.c.received(), 4);
}
