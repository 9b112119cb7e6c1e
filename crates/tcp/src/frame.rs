//! Tells the frames of the server's connections from all others.

use core::net::{Ipv4Addr, SocketAddrV4};

use bytemuck::{cast_slice_mut, pod_align_to};

use crate::checksum::{self, ETHERNET, TCP};
use crate::limits::PORTS_MAX;

/// Length of an Ethernet header and of IPv4's fixed header, in 16-bit words.
const HEAD: usize = 17;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A MAC address, as 16-bit words in memory order: taken apart into bytes and put together again, it would cost more
/// than all comparisons of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mac(pub(crate) [u16; 3]);

impl From<[u8; 6]> for Mac {
    fn from([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self([[a, b], [c, d], [e, f]].map(u16::from_ne_bytes))
    }
}

impl From<Mac> for [u8; 6] {
    fn from(Mac([a, b, c]): Mac) -> Self {
        let [[a, b], [c, d], [e, f]] = [a, b, c].map(u16::to_ne_bytes);
        [a, b, c, d, e, f]
    }
}

/// Where a client is: what a connection is known by, since the server has one address. A client can have one
/// connection for each port of its own, though the server has two. Words in memory
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    address: [u16; 2],
    port: u16,
}

impl From<Peer> for SocketAddrV4 {
    fn from(peer: Peer) -> Self {
        let [[a, b], [c, d]] = peer.address.map(u16::to_ne_bytes);
        Self::new(Ipv4Addr::new(a, b, c, d), u16::from_be(peer.port))
    }
}

/// A TCP segment for the server, in a frame for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) peer: Peer,
    pub(crate) peer_mac: Mac,
    /// The port of ours that it is for.
    pub(crate) port: u16,
    flags: u8,
    /// Length of the IPv4 header.
    ihl: usize,
    /// Length of the IPv4 packet; the frame may be longer, padded.
    packet_len: usize,
    /// Bytes of payload.
    pub(crate) payload_len: usize,
}

impl Segment {
    /// It opens a connection.
    pub(crate) fn is_syn(&self) -> bool {
        self.flags & (SYN | ACK | RST | FIN) == SYN
    }

    /// Bytes of the IPv4 packet; the frame has that many after its header.
    pub(crate) fn packet_len(&self) -> usize {
        self.packet_len
    }

    /// The packet's headers without options and payload, as an ACK of a number that is yet to be said. Its checksums
    /// are wrong; smoltcp does not look at them.
    pub(crate) fn as_bare_ack(&self, frame: &[u8]) -> Option<impl Fn(u32) -> [u8; 40]> {
        let mut packet = [0; 40];
        let original = frame.get(ETHERNET..)?;
        packet[..20].copy_from_slice(original.get(..20)?);
        packet[20..].copy_from_slice(original.get(self.ihl..self.ihl + 20)?);
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&40u16.to_be_bytes());
        packet[32] = 0x50;
        packet[33] = ACK;
        Some(move |number: u32| {
            let mut packet = packet;
            packet[28..32].copy_from_slice(&number.to_be_bytes());
            packet
        })
    }

    /// Whether both checksums are right.
    #[inline]
    pub(crate) fn verify(&self, frame: &[u8]) -> bool {
        checksum::verify(&frame[ETHERNET..ETHERNET + self.packet_len], self.ihl)
    }
}

/// What a frame must say to be the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) mac: Mac,
    /// In memory order, as in a header.
    address: [u16; 2],
    ports: [u16; PORTS_MAX],
}

impl Local {
    pub(crate) fn new(mac: Mac, address: Ipv4Addr, ports: [u16; PORTS_MAX]) -> Self {
        let [a, b, c, d] = address.octets();
        Self { mac, address: [[a, b], [c, d]].map(u16::from_ne_bytes), ports: ports.map(u16::to_be) }
    }

    /// The segment in `frame`, if it is TCP in an unfragmented IPv4 packet for this MAC address, address and port
    /// from a single neighbour. All its lengths have been checked.
    #[inline(always)]
    pub(crate) fn classify(&self, frame: &[u8]) -> Option<Segment> {
        match pod_align_to::<u8, u16>(frame) {
            ([], words, _) => self.classify_head(frame, words.first_chunk()?),
            _ => self.classify_unaligned(frame),
        }
    }

    /// The same for a driver that puts frames at odd addresses.
    #[cold]
    fn classify_unaligned(&self, frame: &[u8]) -> Option<Segment> {
        let mut head = [0; HEAD];
        cast_slice_mut(&mut head).copy_from_slice(frame.get(..2 * HEAD)?);
        self.classify_head(frame, &head)
    }

    /// `head` is the Ethernet header and the fixed part of the IPv4 header, in memory order.
    #[inline(always)]
    fn classify_head(&self, frame: &[u8], head: &[u16; HEAD]) -> Option<Segment> {
        const IPV4: u16 = u16::from_ne_bytes([0x08, 0x00]);
        // More fragments, or an offset: not don't-fragment.
        const FRAGMENT: u16 = u16::from_ne_bytes([0x3f, 0xff]);
        if [head[0], head[1], head[2]] != self.mac.0
            || head[6] != IPV4
            || [head[15], head[16]] != self.address
            || head[10] & FRAGMENT != 0
        {
            return None;
        }
        let [version_ihl, _] = head[7].to_ne_bytes();
        let [_, protocol] = head[11].to_ne_bytes();
        // The group bit is the lowest of the first byte.
        const GROUP: u16 = u16::from_ne_bytes([1, 0]);
        if protocol != TCP || head[3] & GROUP != 0 {
            return None;
        }
        match version_ihl {
            0x45 => self.segment(frame, head, 20),
            // Taken apart and put together again, so that a compiler keeps the usual one in registers.
            _ => self.segment_behind_options(frame, head, version_ihl).map(|segment| {
                let Segment { peer, peer_mac, port, flags, ihl, packet_len, payload_len } = segment;
                Segment { peer, peer_mac, port, flags, ihl, packet_len, payload_len }
            }),
        }
    }

    #[cold]
    #[inline(never)]
    fn segment_behind_options(&self, frame: &[u8], head: &[u16; HEAD], version_ihl: u8) -> Option<Segment> {
        let ihl = usize::from(version_ihl & 0x0f) * 4;
        if version_ihl >> 4 != 4 || ihl < 20 { None } else { self.segment(frame, head, ihl) }
    }

    /// The segment behind an IPv4 header of `ihl` bytes.
    #[inline(always)]
    fn segment(&self, frame: &[u8], head: &[u16; HEAD], ihl: usize) -> Option<Segment> {
        let packet_len = usize::from(u16::from_be(head[8]));
        let packet = frame.get(ETHERNET..ETHERNET + packet_len)?;
        let tcp: &[u8; 20] = packet.get(ihl..)?.first_chunk()?;
        let tcp_header_len = usize::from(tcp[12] >> 4) * 4;
        let port = u16::from_ne_bytes([tcp[2], tcp[3]]);
        if (self.ports[0] != port && self.ports[1] != port) || tcp_header_len < 20 {
            return None;
        }
        Some(Segment {
            peer: Peer { address: [head[13], head[14]], port: u16::from_ne_bytes([tcp[0], tcp[1]]) },
            peer_mac: Mac([head[3], head[4], head[5]]),
            port: u16::from_be(port),
            flags: tcp[13],
            ihl,
            packet_len,
            payload_len: packet_len.checked_sub(ihl + tcp_header_len)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn local() -> Local {
        Local::new(MAC.into(), Ipv4Addr::new(192, 168, 1, 1), [3000, 80])
    }

    /// A SYN from 192.168.1.2:40000, padded to Ethernet's minimum.
    fn syn() -> [u8; 60] {
        let mut frame = [0; 60];
        frame[..6].copy_from_slice(&MAC);
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 2]);
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[14] = 0x45;
        frame[17] = 40;
        frame[22] = 64;
        frame[23] = TCP;
        frame[26..30].copy_from_slice(&[192, 168, 1, 2]);
        frame[30..34].copy_from_slice(&[192, 168, 1, 1]);
        frame[34..36].copy_from_slice(&40_000u16.to_be_bytes());
        frame[36..38].copy_from_slice(&3000u16.to_be_bytes());
        frame[46] = 0x50;
        frame[47] = SYN;
        checksum::fill(&mut frame[14..54]);
        frame
    }

    #[test]
    fn a_syn_is_told() {
        let segment = local().classify(&syn()).unwrap();
        assert_eq!(SocketAddrV4::from(segment.peer), SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 2), 40_000));
        assert_eq!((segment.peer_mac, local().mac), (Mac::from([2, 0, 0, 0, 0, 2]), Mac::from(MAC)));
        assert!(segment.is_syn() && segment.verify(&syn()));
        assert_eq!((segment.packet_len(), segment.payload_len), (40, 0));
    }

    #[test]
    fn each_port_is_told() {
        let mut frame = syn();
        frame[36..38].copy_from_slice(&80u16.to_be_bytes());
        assert_eq!(local().classify(&frame).unwrap().port, 80);
        assert_eq!(local().classify(&syn()).unwrap().port, 3000);
    }

    #[test]
    fn one_wrong_field_makes_it_anothers() {
        // Offset and new value of a byte.
        for (at, value, why) in [
            (0, 0xff, "for another MAC address"),
            (6, 0x01, "from a group of neighbours"),
            (12, 0x86, "not IPv4"),
            (14, 0x65, "not version 4"),
            (14, 0x44, "header too short"),
            (14, 0x4f, "header longer than the packet"),
            (16, 0x01, "packet longer than the frame"),
            (17, 39, "TCP header cut off"),
            (20, 0x20, "more fragments"),
            (21, 1, "a later fragment"),
            (23, 17, "UDP"),
            (33, 2, "another address"),
            (37, 0, "another port"),
            (46, 0x40, "TCP header too short"),
            (46, 0xf0, "TCP header longer than the segment"),
        ] {
            let mut frame = syn();
            frame[at] = value;
            assert_eq!(local().classify(&frame), None, "{why}");
        }
    }

    #[test]
    fn no_length_panics() {
        let mut frame = syn();
        for len in 0..=frame.len() {
            let _ = local().classify(&frame[..len]).map(|segment| segment.verify(&frame[..len]));
        }
        for byte in 12..48 {
            for value in 0..=255 {
                let before = core::mem::replace(&mut frame[byte], value);
                let _ = local().classify(&frame).map(|segment| segment.verify(&frame));
                frame[byte] = before;
            }
        }
    }

    #[test]
    fn alignment_makes_no_difference() {
        let mut room = [0; 64];
        for at in 0..4 {
            room[at..at + 60].copy_from_slice(&syn());
            let frame = &room[at..at + 60];
            assert_eq!(local().classify(frame), local().classify(&syn()));
            assert!(local().classify(frame).unwrap().verify(frame));
        }
    }

    #[test]
    fn ip_options_are_skipped() {
        let mut frame = [0; 64];
        frame[..34].copy_from_slice(&syn()[..34]);
        frame[38..58].copy_from_slice(&syn()[34..54]);
        frame[14] = 0x46;
        frame[17] = 44;
        let segment = local().classify(&frame).unwrap();
        assert_eq!((segment.peer, segment.ihl, segment.payload_len), (local().classify(&syn()).unwrap().peer, 24, 0));
    }
}
