//! The rules that every packet must obey. The rules use only the packets on the wire, and the congestion window that a
//! host claims to have.

use std::fmt;

use crate::host::Congestion;
use crate::wire::{ACK, RST, SYN, Segment, Side, before, later};
use crate::{Micros, SECOND};

/// In a chain each packet answers the one before, and none of them brings anything new.
pub const CHAIN_MAX: u32 = 10;

/// The first byte whose acknowledgement has not arrived is sent again within this, whatever the back-off: each host gives
/// up after 25 s.
pub const RETRANSMITS_WITHIN: Micros = 20 * SECOND;

/// A host may give its peer up when nothing has arrived from the peer for this long.
pub const SILENCE: Micros = 25 * SECOND;

/// The faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A byte arrived twice, in the wrong order, or was never written.
    WrongBytes,
    /// A connection ended before all bytes had arrived, although the link lost little.
    Short,
    /// The same, and the sender had not sent the first byte without an acknowledgement for [`RETRANSMITS_WITHIN`]. A
    /// window probe does not count where the window is open.
    NoRetransmission,
    /// A connection ended before all bytes had arrived, whatever the link lost: a host gave up its peer, which it had
    /// heard within [`SILENCE`].
    GivenUpEarly,
    /// A host took its peer's FIN although text before it was missing.
    EarlyEnd,
    /// A host acknowledged bytes, and its application never got them.
    Undelivered,
    /// A connection did not end.
    NoEnd,
    /// Two hosts answered each other without progress.
    Chain,
    /// The right edge of an offered window went back (RFC 9293 section 3.8.6, SHLD-14).
    EdgeShrank,
    /// Data beyond the right edge that the peer has offered; a window probe of one byte is none.
    BeyondEdge,
    /// Data beyond the congestion window (RFC 5681 section 3.1).
    BeyondCwnd,
    /// A host panicked.
    Panic,
}

impl Kind {
    /// In the words of the documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongBytes => "wrong bytes",
            Self::Short => "ended short",
            Self::NoRetransmission => "no retransmission",
            Self::GivenUpEarly => "given up although heard",
            Self::EarlyEnd => "an end before all text",
            Self::Undelivered => "acknowledged and not delivered",
            Self::NoEnd => "no end",
            Self::Chain => "ten packets without progress",
            Self::EdgeShrank => "edge shrank",
            Self::BeyondEdge => "beyond the edge",
            Self::BeyondCwnd => "beyond cwnd",
            Self::Panic => "panic",
        }
    }
}

/// A fault, and whose packet it was, if that is known.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    pub side: Option<Side>,
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.side.map_or("both", Side::name);
        write!(f, "{side}: {}: {}", self.kind.name(), self.detail)
    }
}

/// The numbers that one side has sent, and has been offered.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The highest number sent, the highest acknowledgement and the furthest edge offered. None before the first.
    sent: Option<u32>,
    acked: Option<u32>,
    offered: Option<u32>,
    /// The furthest edge that has arrived from the peer.
    edge: Option<u32>,
    /// The highest acknowledgement that has arrived from the peer. The sender cannot have seen a lost one.
    una: Option<u32>,
    /// Its initial sequence number.
    iss: Option<u32>,
    /// When it last sent the first byte without an acknowledgement.
    missing_sent: Micros,
    /// Bytes that its application has written.
    written: u32,
    /// When something of its peer's last arrived. None before.
    heard: Option<Micros>,
}

impl Seen {
    /// Whether a segment has the first byte without an acknowledgement, and is more than a window probe. One byte alone
    /// is a probe where more was written and the window has room for more.
    fn sends_missing(&self, segment: &Segment<'_>) -> bool {
        let Some(missing) = self.una else { return false };
        let len = segment.payload.len() as u32;
        if missing.wrapping_sub(segment.seq) >= len {
            return false;
        }
        let end = self.iss.map_or(missing, |iss| iss.wrapping_add(1).wrapping_add(self.written));
        let has_more = [self.edge.unwrap_or(missing), end].iter().all(|end| before(missing.wrapping_add(1), *end));
        len > 1 || !has_more
    }
}

/// The packet that another one answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cause {
    /// Packets without news that led to it, itself included.
    pub chain: u32,
    /// The packet occupies sequence numbers, so that it must be answered.
    pub occupies: bool,
}

/// Raises a number, and says whether that was news.
fn raise(known: &mut Option<u32>, number: u32) -> bool {
    let is_new = known.is_none_or(|known| before(known, number));
    *known = Some(known.map_or(number, |known| later(known, number)));
    is_new
}

/// Watches both sides of one connection.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    seen: [Seen; 2],
}

impl Watch {
    /// The application of `side` has written so many bytes in all.
    pub fn wrote(&mut self, side: Side, bytes: usize) {
        self.seen[side.index()].written = bytes as u32;
    }

    /// A packet has reached `side`.
    pub fn arrived(&mut self, side: Side, segment: &Segment<'_>, now: Micros) {
        if segment.has(ACK) && !segment.has(RST) {
            let seen = &mut self.seen[side.index()];
            seen.heard = Some(now);
            raise(&mut seen.edge, segment.edge());
            raise(&mut seen.una, segment.ack);
        }
    }

    /// `side` sends a packet, in answer to `cause`. Returns how long the chain is now.
    ///
    /// # Errors
    /// If the packet breaks a rule.
    pub fn sent(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        congestion: Option<Congestion>,
        cause: Cause,
        now: Micros,
    ) -> Result<u32, Fault> {
        let fault = |kind, detail| Err(Fault { kind, side: Some(side), detail });
        let seen = &mut self.seen[side.index()];
        if segment.has(RST) {
            return chain(side, segment, false, cause);
        }
        if seen.sends_missing(segment) {
            seen.missing_sent = now;
        }
        if segment.has(SYN) {
            seen.iss = Some(segment.seq);
        }
        let mut is_new = raise(&mut seen.sent, segment.end());
        if segment.has(ACK) {
            is_new |= raise(&mut seen.acked, segment.ack);
            if let Some(offered) = seen.offered.filter(|offered| before(segment.edge(), *offered)) {
                return fault(Kind::EdgeShrank, format!("by {}", offered.wrapping_sub(segment.edge())));
            }
            is_new |= raise(&mut seen.offered, segment.edge());
        }
        let data_end = segment.seq.wrapping_add(segment.payload.len() as u32);
        if let Some(edge) = seen.edge
            && before(edge, data_end)
            && !(segment.payload.len() == 1 && segment.seq == edge)
            && !segment.payload.is_empty()
        {
            return fault(Kind::BeyondEdge, format!("by {} of {}", data_end.wrapping_sub(edge), segment.payload.len()));
        }
        if let Some(Congestion { snd_una, cwnd }) = congestion
            && !segment.payload.is_empty()
            && !segment.has(SYN)
            && data_end.wrapping_sub(snd_una) > cwnd
        {
            return fault(Kind::BeyondCwnd, format!("{} in flight of {cwnd}", data_end.wrapping_sub(snd_una)));
        }
        chain(side, segment, is_new, cause)
    }

    /// Sequence numbers behind its peer's SYN that `side` has acknowledged: bytes, and the FIN.
    pub fn acknowledged(&self, side: Side) -> u32 {
        let (acked, iss) = (self.seen[side.index()].acked, self.seen[side.other().index()].iss);
        acked.zip(iss).map_or(0, |(acked, iss)| acked.wrapping_sub(iss).saturating_sub(1))
    }

    /// Whether `side` has heard its peer lately.
    pub fn hears(&self, side: Side, now: Micros) -> bool {
        self.seen[side.index()].heard.is_some_and(|heard| heard + SILENCE > now)
    }

    /// Whether `side` has long stopped to send what is not acknowledged.
    pub fn is_stuck(&self, side: Side, now: Micros) -> bool {
        now.saturating_sub(self.seen[side.index()].missing_sent) > RETRANSMITS_WITHIN
    }
}

/// A chain that is too long is the fault of the side whose packets must be answered. If none must be, it is the fault of
/// the side that answers.
fn chain(side: Side, segment: &Segment<'_>, is_new: bool, cause: Cause) -> Result<u32, Fault> {
    if is_new {
        return Ok(0);
    }
    let chain = cause.chain + 1;
    if chain < CHAIN_MAX {
        return Ok(chain);
    }
    let is_forced = segment.is_empty() && cause.occupies;
    let side = if is_forced { side.other() } else { side };
    Err(Fault { kind: Kind::Chain, side: Some(side), detail: format!("{chain} packets") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: Segment<'_> = Segment { seq: 100, ack: 1, window: 10, flags: ACK, mss: None, payload: b"abcd" };

    fn check(watch: &mut Watch, segment: &Segment<'_>, expected: Option<Kind>) {
        let found = watch.sent(Side::Client, segment, None, Cause::default(), 0).err().map(|fault| fault.kind);
        assert_eq!(found, expected, "{segment:?}");
    }

    #[test]
    fn an_edge_that_shrinks_is_found() {
        let mut watch = Watch::default();
        check(&mut watch, &DATA, None);
        check(&mut watch, &Segment { ack: 4, window: 7, ..DATA }, None);
        check(&mut watch, &Segment { ack: 4, window: 6, ..DATA }, Some(Kind::EdgeShrank));
    }

    #[test]
    fn data_beyond_the_edge_is_found_and_a_probe_is_allowed() {
        let mut watch = Watch::default();
        watch.arrived(Side::Client, &Segment { ack: 100, window: 3, payload: b"", ..DATA }, 0);
        check(&mut watch, &DATA, Some(Kind::BeyondEdge));
        check(&mut watch, &Segment { payload: b"abc", ..DATA }, None);
        check(&mut watch, &Segment { seq: 103, payload: b"d", ..DATA }, None);
        check(&mut watch, &Segment { seq: 104, payload: b"e", ..DATA }, Some(Kind::BeyondEdge));
    }

    #[test]
    fn data_beyond_the_congestion_window_is_found() {
        let mut watch = Watch::default();
        let congestion = |cwnd| Some(Congestion { snd_una: 98, cwnd });
        assert!(watch.sent(Side::Client, &DATA, congestion(6), Cause::default(), 0).is_ok());
        let fault = watch.sent(Side::Client, &DATA, congestion(5), Cause::default(), 0).unwrap_err();
        assert_eq!(fault.kind, Kind::BeyondCwnd);
    }

    #[test]
    fn ten_packets_without_progress_are_found_and_news_ends_a_chain() {
        let mut watch = Watch::default();
        let mut chain = 0;
        for expected in 0..CHAIN_MAX {
            chain = watch.sent(Side::Client, &DATA, None, Cause { chain, occupies: false }, 0).unwrap();
            assert_eq!(chain, expected, "the first one is news");
        }
        let cause = Cause { chain, occupies: true };
        let news = Segment { ack: 2, ..DATA };
        assert_eq!(watch.sent(Side::Client, &news, None, cause, 0).unwrap(), 0);
        let blamed = |segment: &Segment<'_>, cause| {
            let fault = watch.clone().sent(Side::Client, segment, None, cause, 0).unwrap_err();
            assert_eq!(fault.kind, Kind::Chain);
            fault.side
        };
        let ack = Segment { payload: b"", ..news };
        assert_eq!(blamed(&news, cause), Some(Side::Client), "its text must be answered");
        assert_eq!(blamed(&ack, cause), Some(Side::Server), "it answers text");
        assert_eq!(blamed(&ack, Cause { chain, occupies: false }), Some(Side::Client), "it answers an ACK");
    }

    #[test]
    fn a_sender_that_stops_to_send_what_is_missing_is_found() {
        let mut watch = Watch::default();
        watch.arrived(Side::Client, &Segment { ack: 102, payload: b"", ..DATA }, 0);
        watch.sent(Side::Client, &DATA, None, Cause::default(), SECOND).unwrap();
        let behind = Segment { seq: 103, ..DATA };
        watch.sent(Side::Client, &behind, None, Cause::default(), 2 * SECOND).unwrap();
        assert!(!watch.is_stuck(Side::Client, SECOND + RETRANSMITS_WITHIN));
        assert!(watch.is_stuck(Side::Client, SECOND + RETRANSMITS_WITHIN + 1));
    }

    #[test]
    fn a_probe_into_a_window_that_is_open_sends_nothing_that_is_missing() {
        let stuck_after = |window, written, payload: &[u8]| {
            let mut watch = Watch::default();
            let syn = Segment { seq: 99, flags: SYN, payload: b"", ..DATA };
            watch.sent(Side::Client, &syn, None, Cause::default(), 0).unwrap();
            watch.wrote(Side::Client, written);
            watch.arrived(Side::Client, &Segment { ack: 102, window, payload: b"", ..DATA }, 0);
            let sent = Segment { seq: 102, payload, ..DATA };
            watch.sent(Side::Client, &sent, None, Cause::default(), SECOND).unwrap();
            watch.is_stuck(Side::Client, RETRANSMITS_WITHIN + 1)
        };
        assert!(stuck_after(2, 4, b"c"), "the window has room for two, and two are written");
        assert!(!stuck_after(2, 4, b"cd"));
        assert!(!stuck_after(1, 4, b"c"));
        assert!(!stuck_after(0, 4, b"c"), "a shut window is probed");
        assert!(!stuck_after(2, 3, b"c"), "the last byte that was written");
    }

    #[test]
    fn a_peer_is_heard_by_what_arrives() {
        let mut watch = Watch::default();
        assert!(!watch.hears(Side::Client, 0));
        watch.arrived(Side::Client, &DATA, SECOND);
        watch.arrived(Side::Client, &Segment { flags: ACK | RST, ..DATA }, 9 * SECOND);
        assert!(watch.hears(Side::Client, SECOND + SILENCE - 1));
        assert!(!watch.hears(Side::Client, SECOND + SILENCE), "a RST is no sign of life");
        assert!(!watch.hears(Side::Server, SECOND));
    }

    #[test]
    fn an_acknowledgement_that_was_lost_obliges_nobody() {
        let mut watch = Watch::default();
        watch.arrived(Side::Client, &Segment { ack: 100, payload: b"", ..DATA }, 0);
        watch.sent(Side::Client, &DATA, None, Cause::default(), SECOND).unwrap();
        watch.sent(Side::Server, &Segment { ack: 104, payload: b"", ..DATA }, None, Cause::default(), 0).unwrap();
        watch.sent(Side::Client, &DATA, None, Cause::default(), 9 * SECOND).unwrap();
        assert!(!watch.is_stuck(Side::Client, 9 * SECOND + RETRANSMITS_WITHIN));
    }
}
