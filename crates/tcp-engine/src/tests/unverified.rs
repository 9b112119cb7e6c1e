//! Segments whose checksum is verified while their text is copied.

use super::*;
use crate::Check;

/// The room that a check of this segment is given, as long as the text, and the reaction to what it has found.
fn checked(it: &mut Peer, segment: &Segment<'_>, found: Check) -> (Option<usize>, Reaction) {
    let mut given = None;
    let reaction = it.c.on_unverified_segment(segment, it.now, true, |room| {
        given = room.as_ref().map(|room| room.len());
        match room {
            Some(room) if found != Check::Intact => room.copy_from_slice(segment.payload),
            Some(room) => room.fill(0xee),
            None => {}
        }
        found
    });
    (given, reaction)
}

#[test]
fn nothing_of_a_damaged_segment_counts() {
    let mut it = Peer::established(16, 16);
    it.writes(b"abc");
    it.ack += 3;
    let segment = it.segment(ACK, b"0123456789");
    let before = it.c.clone();
    assert_eq!(checked(&mut it, &segment, Check::Damaged), (Some(10), Reaction::Ignored));
    it.c.rx = before.rx.clone();
    assert_eq!(it.c, before);
    assert_eq!(checked(&mut it, &segment, Check::Copied), (Some(10), Reaction::Accepted));
    assert_eq!((it.c.unacknowledged(), it.reads(16)), (0, b"0123456789".to_vec()));
}

#[test]
fn text_is_taken_from_where_its_check_has_left_it() {
    let mut it = Peer::established(16, 16);
    // The room is written, but the text is not there.
    let segment = it.segment(ACK, b"0123456789");
    assert_eq!(checked(&mut it, &segment, Check::Intact), (Some(10), Reaction::Accepted));
    assert_eq!(it.reads(8), b"01234567");
    it.seq += 10;
    it.drain();
    // Six bytes are free behind the text, so that the room would go over the end of the buffer.
    // A check that had no room can have copied nothing, whatever it says.
    let segment = it.segment(ACK, b"abcdefgh");
    assert_eq!(checked(&mut it, &segment, Check::Copied), (None, Reaction::Accepted));
    assert_eq!(it.reads(16), b"89abcdefgh");
}

#[test]
fn only_the_text_that_is_next_is_given_room_before_its_check() {
    let mut it = Peer::established(16, 16);
    let next = it.segment(ACK, b"next");
    let gap = Segment { seq: it.seq + 4, ..next };
    let fin = Segment { flags: ACK | FIN, ..next };
    let beyond = Segment { payload: &[0; 17], ..next };
    let forged = Segment { ack: it.ack + 1, ..next };
    for segment in [&gap, &fin, &beyond, &forged] {
        assert_eq!(checked(&mut it.clone(), segment, Check::Damaged), (None, Reaction::Ignored), "{segment:?}");
    }
    // Early text lies behind the last byte, where the room is.
    let _ = checked(&mut it, &gap, Check::Intact);
    assert_eq!(checked(&mut it, &next, Check::Intact), (None, Reaction::Accepted));
    assert_eq!(it.reads(16), b"nextnext");
}
