//! IPv4 packets that carry TCP segments. smoltcp's codec computes and verifies the checksums, so that a host's own
//! codec is never tested against itself.

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv4Packet, TcpPacket};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;
pub const URG: u8 = 0x20;

/// Length of an IPv4 header without options, and of a TCP header without options.
const HEADER_LEN: usize = 20;
/// IPv4's protocol number of TCP.
const TCP: u8 = 6;

/// The sender of a packet: the client opens the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub fn index(self) -> usize {
        self as usize
    }

    pub fn address(self) -> Ipv4Address {
        match self {
            Self::Client => Ipv4Address::new(10, 0, 0, 1),
            Self::Server => Ipv4Address::new(10, 0, 0, 2),
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Self::Client => 40_000,
            Self::Server => 3_000,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A TCP segment. `mss` is the MSS option, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub flags: u8,
    pub mss: Option<u16>,
    pub payload: &'a [u8],
}

impl Segment<'_> {
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// SEG.LEN of RFC 9293 section 3.3.1.
    pub fn len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first sequence number behind the segment.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len())
    }

    /// The right edge of the window that the segment offers.
    pub fn edge(&self) -> u32 {
        self.ack.wrapping_add(self.window.into())
    }

    /// As one line of a log.
    pub fn line(&self) -> String {
        let names = [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (PSH, 'P'), (URG, 'U'), (ACK, '.')];
        let flags: String = names.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name).collect();
        format!("{flags:<4} seq {} ack {} win {} len {}", self.seq, self.ack, self.window, self.payload.len())
    }
}

/// The segment as a packet from `from` to the other side, with both checksums.
pub fn build(from: Side, segment: &Segment<'_>) -> Vec<u8> {
    let options_len = if segment.mss.is_some() { 4 } else { 0 };
    let len = 2 * HEADER_LEN + options_len + segment.payload.len();
    let mut packet = vec![0; len];
    let (ip, tcp) = packet.split_at_mut(HEADER_LEN);
    (ip[0], ip[6], ip[8], ip[9]) = (0x45, 0x40, 64, TCP);
    ip[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    ip[12..16].copy_from_slice(&from.address().octets());
    ip[16..20].copy_from_slice(&from.other().address().octets());
    tcp[..2].copy_from_slice(&from.port().to_be_bytes());
    tcp[2..4].copy_from_slice(&from.other().port().to_be_bytes());
    tcp[4..8].copy_from_slice(&segment.seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&segment.ack.to_be_bytes());
    tcp[12] = ((HEADER_LEN + options_len) as u8 / 4) << 4;
    tcp[13] = segment.flags;
    tcp[14..16].copy_from_slice(&segment.window.to_be_bytes());
    if let Some(mss) = segment.mss {
        let [high, low] = mss.to_be_bytes();
        tcp[HEADER_LEN..HEADER_LEN + 4].copy_from_slice(&[2, 4, high, low]);
    }
    tcp[HEADER_LEN + options_len..].copy_from_slice(segment.payload);
    let (source, destination) = addresses(from);
    TcpPacket::new_unchecked(tcp).fill_checksum(&source, &destination);
    Ipv4Packet::new_unchecked(ip).fill_checksum();
    packet
}

fn addresses(from: Side) -> (IpAddress, IpAddress) {
    (from.address().into(), from.other().address().into())
}

/// The TCP part (header, options, payload) of a packet from `from`. None if a length or a checksum is wrong.
pub fn tcp_part(from: Side, packet: &[u8]) -> Option<&[u8]> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    let (source, destination) = addresses(from);
    let is_good = ip.verify_checksum() && tcp.verify_checksum(&source, &destination);
    let start = usize::from(ip.header_len());
    is_good.then(|| packet.get(start..usize::from(ip.total_len()))).flatten()
}

/// Reads a packet that some host has just built, whose lengths are right.
///
/// # Panics
/// If they are not.
pub fn read(packet: &[u8]) -> Segment<'_> {
    let ip_len = usize::from(packet[0] & 0x0f) * 4;
    let tcp = &packet[ip_len..];
    let offset = usize::from(tcp[12] >> 4) * 4;
    let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    let mss = match tcp[HEADER_LEN..offset] {
        [2, 4, high, low, ..] => Some(u16::from_be_bytes([high, low])),
        _ => None,
    };
    Segment {
        seq: word(4),
        ack: word(8),
        window: u16::from_be_bytes([tcp[14], tcp[15]]),
        flags: tcp[13],
        mss,
        payload: &tcp[offset..],
    }
}

/// Whether `a` comes before `b` (RFC 1982 section 3.2).
pub fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// The later of two numbers.
pub fn later(a: u32, b: u32) -> u32 {
    if before(a, b) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: Segment<'_> =
        Segment { seq: 1, ack: 2, window: 3, flags: SYN | ACK, mss: Some(1_460), payload: b"abc" };

    #[test]
    fn what_is_built_is_read() {
        let packet = build(Side::Client, &SEGMENT);
        assert_eq!(read(&packet), SEGMENT);
        assert_eq!((SEGMENT.len(), SEGMENT.end(), SEGMENT.edge()), (4, 5, 5));
        assert_eq!(tcp_part(Side::Client, &packet).map(<[u8]>::len), Some(27));
    }

    #[test]
    fn a_damaged_bit_is_found() {
        let packet = build(Side::Server, &SEGMENT);
        for bit in 0..packet.len() * 8 {
            let mut damaged = packet.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tcp_part(Side::Server, &damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn numbers_are_ordered_around_their_end() {
        assert!(before(u32::MAX, 0) && before(1, 2) && !before(2, 2));
        assert_eq!(later(u32::MAX, 0), 0);
    }
}
