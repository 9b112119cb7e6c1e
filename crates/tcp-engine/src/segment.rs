//! Segments, and the order of sequence numbers.

use core::cmp::Ordering;
use core::ops::{Add, AddAssign, BitOr, Sub};

use crate::limits::{MSS_DEFAULT, MSS_MIN};

/// A sequence number. The order is that of RFC 1982 section 3.2: of two numbers that are exactly half of all numbers
/// apart, none comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seq(u32);

impl Seq {
    /// The number as it stands in a header.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number for a header.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The later of the two.
    #[inline]
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    /// The earlier of the two.
    #[inline]
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
}

impl PartialOrd for Seq {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.0.wrapping_sub(other.0) {
            0 => Some(Ordering::Equal),
            1..=0x7fff_ffff => Some(Ordering::Greater),
            0x8000_0000 => None,
            _ => Some(Ordering::Less),
        }
    }

    // The same in two instructions each. A difference of half of all numbers is the least of 32 bits with a sign.
    #[inline]
    fn lt(&self, other: &Self) -> bool {
        (*other - *self).cast_signed() > 0
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        (*other - *self).cast_signed() >= 0
    }

    #[inline]
    fn gt(&self, other: &Self) -> bool {
        other < self
    }

    #[inline]
    fn ge(&self, other: &Self) -> bool {
        other <= self
    }
}

impl Add<u32> for Seq {
    type Output = Self;

    #[inline]
    fn add(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }
}

impl AddAssign<u32> for Seq {
    #[inline]
    fn add_assign(&mut self, len: u32) {
        *self = *self + len;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;

    #[inline]
    fn sub(self, len: u32) -> Self {
        Self(self.0.wrapping_sub(len))
    }
}

impl Sub for Seq {
    type Output = u32;

    /// How many numbers `self` is behind `other`, around the end of all numbers.
    #[inline]
    fn sub(self, other: Self) -> u32 {
        self.0.wrapping_sub(other.0)
    }
}

/// The control bits of a header (RFC 9293 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronizes sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Resets the connection.
    pub const RST: Self = Self(0x04);
    /// Push function.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement field counts.
    pub const ACK: Self = Self(0x10);

    /// As they stand in a header.
    pub const fn new(bits: u8) -> Self {
        Self(bits)
    }

    /// For a header.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether any of `flags` is set.
    #[inline]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Whether of SYN, FIN, RST and ACK only ACK is set.
    #[inline]
    pub(crate) const fn is_plain_ack(self) -> bool {
        self.0 & (Self::SYN.0 | Self::FIN.0 | Self::RST.0 | Self::ACK.0) == Self::ACK.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A segment that has arrived, its checksum verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK; nothing where ACK is not set.
    pub ack: Seq,
    /// SEG.WND.
    pub window: u16,
    /// The control bits.
    pub flags: Flags,
    /// The options as they lie in the header, padding included.
    pub options: &'a [u8],
    /// The text.
    pub payload: &'a [u8],
}

/// Bytes of a header without options.
const HEADER: usize = 20;

impl<'a> Segment<'a> {
    /// Reads the TCP part of a packet: header, options, payload. None if the data offset is too small or too large.
    /// Checksum and ports are the caller's. The urgent pointer is never followed (RFC 6093 section 6).
    #[inline(always)]
    pub fn parse(tcp: &'a [u8]) -> Option<Self> {
        let (header, rest) = tcp.split_first_chunk::<HEADER>()?;
        let number =
            |at: usize| Seq::new(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
        let options_len = (usize::from(header[12] >> 4) * 4).checked_sub(HEADER)?;
        let (options, payload) = rest.split_at_checked(options_len)?;
        Some(Self {
            seq: number(4),
            ack: number(8),
            window: u16::from_be_bytes([header[14], header[15]]),
            flags: Flags::new(header[13]),
            options,
            payload,
        })
    }

    /// Whether any of `flags` is set.
    #[inline]
    pub fn has(&self, flags: Flags) -> bool {
        self.flags.has(flags)
    }

    /// SEG.LEN: text, SYN and FIN.
    #[inline]
    pub fn len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.has(Flags::SYN)) + u32::from(self.has(Flags::FIN))
    }

    /// Whether the segment occupies no sequence number.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A SYN that may open a connection (RFC 9293 section 3.10.7.2).
    pub fn is_opening(&self) -> bool {
        self.has(Flags::SYN) && !self.has(Flags::ACK | Flags::RST | Flags::FIN)
    }

    /// The MSS option, at least [`MSS_MIN`]; [`MSS_DEFAULT`] if there is none. An option whose length is illegal ends
    /// the search (RFC 9293 section 3.1, MUST-7).
    pub(crate) fn mss(&self) -> u16 {
        let mut options = self.options;
        loop {
            options = match *options {
                [] | [0, ..] => return MSS_DEFAULT,
                [1, ref rest @ ..] => rest,
                [2, 4, high, low, ..] => return u16::from_be_bytes([high, low]).max(MSS_MIN),
                [_, len, ..] if len >= 2 => options.get(usize::from(len)..).unwrap_or_default(),
                _ => return MSS_DEFAULT,
            }
        }
    }
}

/// A segment to send. The payload is copied by [`Tcb::fill`](crate::Tcb::fill).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutgoingSegment {
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK.
    pub ack: Seq,
    /// SEG.WND.
    pub window: u16,
    /// The control bits.
    pub flags: Flags,
    /// The value of the MSS option. None for a segment without options.
    pub mss: Option<u16>,
    /// Bytes of payload.
    pub len: usize,
    /// Where the payload begins, counted from the oldest byte in the transmit buffer.
    pub(crate) offset: usize,
}

impl OutgoingSegment {
    /// The RST that answers a segment of no connection. None for a RST (RFC 9293 section 3.10.7.1).
    pub fn refusal(segment: &Segment<'_>) -> Option<Self> {
        if segment.has(Flags::RST) {
            return None;
        }
        if segment.has(Flags::ACK) {
            return Some(Self::reset(segment.ack));
        }
        let ack = segment.seq + segment.len();
        Some(Self { flags: Flags::RST | Flags::ACK, ack, ..Self::reset(Seq::default()) })
    }

    /// `<SEQ=seq><CTL=RST>`.
    pub fn reset(seq: Seq) -> Self {
        Self { seq, ack: Seq::default(), window: 0, flags: Flags::RST, mss: None, len: 0, offset: 0 }
    }

    /// Sequence numbers that the segment occupies.
    #[inline]
    pub(crate) fn seq_len(&self) -> u32 {
        self.len as u32 + u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_rfc_1982_has_it() {
        let check = |a: u32, b: u32, expected: Option<Ordering>| {
            let (a, b) = (Seq(a), Seq(b));
            assert_eq!(a.partial_cmp(&b), expected, "{a:?} {b:?}");
            assert_eq!(a < b, expected == Some(Ordering::Less), "{a:?} < {b:?}");
            assert_eq!(a > b, expected == Some(Ordering::Greater), "{a:?} > {b:?}");
            assert_eq!(a <= b, expected.is_some_and(Ordering::is_le), "{a:?} <= {b:?}");
            assert_eq!(a >= b, expected.is_some_and(Ordering::is_ge), "{a:?} >= {b:?}");
        };
        check(0, 0, Some(Ordering::Equal));
        check(1, 0, Some(Ordering::Greater));
        check(0, u32::MAX, Some(Ordering::Greater));
        check(u32::MAX, 0, Some(Ordering::Less));
        check(0x7fff_ffff, 0, Some(Ordering::Greater));
        check(0x8000_0000, 0, None);
        check(0x8000_0001, 0, Some(Ordering::Less));
        assert_eq!((Seq(u32::MAX).max(Seq(5)), Seq(u32::MAX).min(Seq(5))), (Seq(5), Seq(u32::MAX)));
        assert_eq!((Seq(5) - Seq(u32::MAX), Seq(2) - 3u32, Seq(u32::MAX) + 2), (6, Seq(u32::MAX), Seq(1)));
    }

    /// Each byte is another one.
    const SEQ: Seq = Seq(0x0102_0304);
    const ACK: Seq = Seq(0x1122_3344);
    const WINDOW: u16 = 0x5566;

    fn header(offset: u8, flags: u8) -> [u8; 24] {
        let mut header = [0; 24];
        header[4..8].copy_from_slice(&SEQ.number().to_be_bytes());
        header[8..12].copy_from_slice(&ACK.number().to_be_bytes());
        (header[12], header[13]) = (offset << 4, flags);
        header[14..16].copy_from_slice(&WINDOW.to_be_bytes());
        header[20..].copy_from_slice(&[2, 4, 5, 180]);
        header
    }

    #[test]
    fn a_header_is_read_with_and_without_options() {
        let with = header(6, 0x12);
        let segment = Segment::parse(&with).unwrap();
        assert_eq!((segment.seq, segment.ack, segment.window), (SEQ, ACK, WINDOW));
        assert_eq!((segment.flags, segment.mss(), segment.payload), (Flags::SYN | Flags::ACK, 1_460, &b""[..]));
        let without = header(5, 0x01);
        let segment = Segment::parse(&without).unwrap();
        assert_eq!((segment.options, segment.payload.len(), segment.len()), (&b""[..], 4, 5));
        assert!(!segment.is_empty() && !segment.is_opening());
    }

    #[test]
    fn flags_are_the_bits_of_a_header() {
        for bits in 0..=255 {
            let flags = Flags::new(bits);
            assert_eq!(flags.bits(), bits);
            assert_eq!((flags | Flags::ACK).bits(), bits | 0x10);
            assert_eq!(flags.is_plain_ack(), bits & 0x17 == 0x10, "{bits:#x}");
            let segment = Segment { seq: SEQ, ack: ACK, window: 0, flags, options: &[], payload: &[] };
            assert_eq!(segment.is_opening(), bits & 0x17 == 0x02, "{bits:#x}");
        }
    }

    #[test]
    fn a_data_offset_outside_of_the_segment_is_refused() {
        for (offset, is_read) in [(0, false), (4, false), (5, true), (6, true), (7, false), (15, false)] {
            assert_eq!(Segment::parse(&header(offset, 0)).is_some(), is_read, "{offset}");
        }
        for len in 0..20 {
            assert!(Segment::parse(&header(5, 0)[..len]).is_none());
        }
    }

    fn mss_of(options: &[u8]) -> u16 {
        Segment { seq: Seq(0), ack: Seq(0), window: 0, flags: Flags::SYN, options, payload: &[] }.mss()
    }

    #[test]
    fn the_mss_option_is_found_behind_any_other_and_at_any_alignment() {
        assert_eq!(mss_of(&[2, 4, 5, 180]), 1_460);
        assert_eq!(mss_of(&[1, 2, 4, 5, 180, 0]), 1_460);
        assert_eq!(mss_of(&[8, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2, 0]), 512);
        assert_eq!(mss_of(&[]), MSS_DEFAULT);
        assert_eq!(mss_of(&[0, 2, 4, 5, 180]), MSS_DEFAULT, "behind the end of the options");
        assert_eq!(mss_of(&[0, 2, 2, 4, 5, 180]), MSS_DEFAULT, "the end has no length");
        assert_eq!(mss_of(&[2, 4, 0, 0]), MSS_MIN);
        assert_eq!(mss_of(&[2, 4, 0, 47]), MSS_MIN);
        assert_eq!(mss_of(&[2, 4, 0, 49]), 49);
    }

    #[test]
    fn no_option_kind_and_length_loops_or_panics() {
        for kind in 0..=255 {
            for len in 0..=255 {
                for at in 0..6 {
                    let mut options = [1; 40];
                    (options[at], options[at + 1]) = (kind, len);
                    mss_of(&options);
                    mss_of(&options[..at + 1]);
                    mss_of(&options[..at + 2]);
                }
            }
        }
    }

    #[test]
    fn a_refusal_is_never_longer_than_its_question_and_never_answers_a_reset() {
        let segment = |flags| Segment { seq: Seq(10), ack: Seq(20), window: 5, flags, options: &[], payload: b"ab" };
        let refusal = |flags| OutgoingSegment::refusal(&segment(flags));
        assert_eq!(refusal(Flags::RST), None);
        assert_eq!(refusal(Flags::RST | Flags::ACK), None);
        assert_eq!(refusal(Flags::ACK | Flags::FIN), Some(OutgoingSegment::reset(Seq(20))));
        let expected =
            OutgoingSegment { flags: Flags::RST | Flags::ACK, ack: Seq(13), ..OutgoingSegment::reset(Seq(0)) };
        assert_eq!(refusal(Flags::SYN), Some(expected));
        assert!(expected.mss.is_none() && expected.len == 0);
    }
}
