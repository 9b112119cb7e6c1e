//! Tells the frames of TCP from all others.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::num::NonZeroU32;

use bytemuck::{cast_slice_mut, pod_align_to};
use embassy_net::Ipv4Cidr;
use sockeye_tcp_engine::{Check, Segment};

use crate::checksum::{self, ETHERNET, TCP};
use crate::limits::LONG_TEXT_LEN;

/// Length of an Ethernet header and of IPv4's fixed header, in 16-bit words.
const HEAD: usize = 17;
/// The EtherType of IPv4.
const IPV4: u16 = u16::from_ne_bytes([0x08, 0x00]);

/// A MAC address, as 16-bit words in memory order. Converting it to bytes and back would cost more than all comparisons
/// of a frame.
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

/// Four bytes as words in memory order.
#[inline]
pub(crate) fn halves([a, b, c, d]: [u8; 4]) -> [u16; 2] {
    [[a, b], [c, d]].map(u16::from_ne_bytes)
}

/// Where a peer is, and to which port of ours it speaks: what a connection is known by, since an interface has one
/// address. Words in memory order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The peer's port and then ours, as a header has them: one comparison tells nearly all peers apart. Two ports of 0
    /// are nobody's, so that an `Option` of a peer takes up no more room than a peer.
    pub(crate) ports: NonZeroU32,
    pub(crate) address: [u16; 2],
}

impl Peer {
    /// The peer at `remote`, for the port `local_port` of this device. None if both ports are 0.
    pub(crate) fn new(remote: SocketAddrV4, local_port: u16) -> Option<Self> {
        let ([a, b], [c, d]) = (remote.port().to_be_bytes(), local_port.to_be_bytes());
        let ports = NonZeroU32::new(u32::from_ne_bytes([a, b, c, d]))?;
        Some(Self { ports, address: halves(remote.ip().octets()) })
    }

    /// Its port and ours.
    pub(crate) fn ports(self) -> [u16; 2] {
        halves(self.ports.get().to_ne_bytes())
    }

    /// Our port, as a number.
    pub(crate) fn local_port(self) -> u16 {
        u16::from_be(self.ports()[1])
    }
}

impl From<Peer> for SocketAddrV4 {
    fn from(peer: Peer) -> Self {
        let [[a, b], [c, d]] = peer.address.map(u16::to_ne_bytes);
        Self::new(Ipv4Addr::new(a, b, c, d), u16::from_be(peer.ports()[0]))
    }
}

/// A TCP segment for the device, in a frame for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) peer: Peer,
    pub(crate) peer_mac: Mac,
    pub(crate) segment: Segment<'a>,
    /// The IPv4 packet; the frame may be longer, padded.
    packet: &'a [u8],
    /// Length of the IPv4 header.
    ihl: usize,
}

impl Packet<'_> {
    /// Whether both checksums are right (MUST-3).
    #[inline]
    pub(crate) fn verify(&self) -> bool {
        checksum::verify(self.packet, self.ihl)
    }

    /// The same out of line, for packets that are rare.
    #[cold]
    #[inline(never)]
    pub(crate) fn verify_rare(&self) -> bool {
        self.verify()
    }

    /// The same where the text is long. The text is copied to `room`, which is as long as the text, if there is any.
    #[cold]
    #[inline(never)]
    fn check_long(&self, room: Option<&mut [u8]>) -> Check {
        match room.and_then(|room| checksum::verify_and_copy(self.packet, room)) {
            Some(true) => Check::Copied,
            None if self.verify_rare() => Check::Intact,
            _ => Check::Damaged,
        }
    }

    /// Whether the text is long enough to be copied while it is summed.
    #[inline]
    pub(crate) fn is_long(&self) -> bool {
        self.segment.payload.len() >= LONG_TEXT_LEN
    }

    /// The check of a packet that is verified already, unless its text is long.
    #[inline]
    pub(crate) fn check(&self, room: Option<&mut [u8]>) -> Check {
        if self.is_long() { self.check_long(room) } else { Check::Intact }
    }
}

/// Whether a frame has TCP in an IPv4 packet, whoever it is for.
pub(crate) fn is_tcp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&IPV4.to_ne_bytes()) && frame.get(23) == Some(&TCP)
}

/// The addresses that a frame to the device must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) mac: Mac,
    /// In memory order, as in a header.
    pub(crate) address: [u16; 2],
    pub(crate) cidr: Ipv4Cidr,
}

impl Local {
    pub(crate) fn new(mac: Mac, cidr: Ipv4Cidr) -> Self {
        Self { mac, address: halves(cidr.address().octets()), cidr }
    }

    /// The device's end of a connection with `peer`.
    pub(crate) fn socket(&self, peer: Peer) -> SocketAddrV4 {
        SocketAddrV4::new(self.cidr.address(), peer.local_port())
    }

    /// The segment in `frame`, if it is TCP in an unfragmented IPv4 packet for this MAC address and IPv4 address
    /// from a single neighbour. All its lengths have been checked.
    #[inline(always)]
    pub(crate) fn classify<'a>(&self, frame: &'a [u8]) -> Option<Packet<'a>> {
        let copied;
        let head = match pod_align_to::<u8, u16>(frame) {
            ([], words, _) => words.first_chunk()?,
            _ => {
                copied = copy_head(frame)?;
                &copied
            }
        };
        self.classify_head(frame, head)
    }

    /// `head` is the Ethernet header and the fixed part of the IPv4 header, in memory order.
    #[inline(always)]
    fn classify_head<'a>(&self, frame: &'a [u8], head: &[u16; HEAD]) -> Option<Packet<'a>> {
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
        let ihl = if version_ihl == 0x45 { 20 } else { header_len(version_ihl)? };
        let packet = frame.get(ETHERNET..ETHERNET + usize::from(u16::from_be(head[8])))?;
        let tcp = packet.get(ihl..)?;
        let ports = NonZeroU32::new(u32::from_ne_bytes(*tcp.first_chunk()?))?;
        let segment = Segment::parse(tcp)?;
        Some(Packet {
            peer: Peer { ports, address: [head[13], head[14]] },
            peer_mac: Mac([head[3], head[4], head[5]]),
            segment,
            packet,
            ihl,
        })
    }
}

/// The head of a frame at an odd address, where a driver puts frames there.
#[cold]
#[inline(never)]
fn copy_head(frame: &[u8]) -> Option<[u16; HEAD]> {
    let mut head = [0; HEAD];
    cast_slice_mut(&mut head).copy_from_slice(frame.get(..2 * HEAD)?);
    Some(head)
}

/// Length of an IPv4 header with options, which are skipped (MUST-50).
#[cold]
#[inline(never)]
fn header_len(version_ihl: u8) -> Option<usize> {
    let ihl = usize::from(version_ihl & 0x0f) * 4;
    (version_ihl >> 4 == 4 && ihl >= 20).then_some(ihl)
}

/// Whether `address` can be that of a single other host, seen from a device with the address and network `local`.
/// Nothing is sent to any other address (MUST-46, MUST-63; RFC 1122 section 3.2.1.3).
#[cold]
pub(crate) fn is_host(local: Ipv4Cidr, address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    // This network, this host, multicast and what is reserved.
    let is_special = first == 0 || address.is_loopback() || first >= 224;
    !is_special && address != local.address() && Some(address) != local.broadcast()
}

#[cfg(test)]
mod tests {
    use sockeye_tcp_engine::Flags;

    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const CIDR: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(192, 168, 1, 1), 24);

    fn local() -> Local {
        Local::new(MAC.into(), CIDR)
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
        frame[47] = Flags::SYN.bits();
        checksum::fill(&mut frame[14..54]);
        frame
    }

    /// RFC 9293 section 3.9.2.3, whether the frame is for this device alone or for a group.
    #[test]
    fn a_segment_to_a_group_is_anothers() {
        for address in [[255; 4], [192, 168, 1, 255], [192, 168, 1, 0], [224, 0, 0, 1], [239, 255, 255, 250], [0; 4]] {
            for mac in [MAC, [0xff; 6], [1, 0, 0x5e, 0, 0, 1]] {
                let mut frame = syn();
                frame[..6].copy_from_slice(&mac);
                frame[30..34].copy_from_slice(&address);
                frame[24..26].fill(0);
                checksum::fill(&mut frame[14..54]);
                assert_eq!(local().classify(&frame), None, "{address:?} {mac:?}");
            }
        }
    }

    #[test]
    fn a_syn_is_told() {
        let frame = syn();
        let packet = local().classify(&frame).unwrap();
        assert_eq!(SocketAddrV4::from(packet.peer), SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 2), 40_000));
        assert_eq!(local().socket(packet.peer), SocketAddrV4::new(CIDR.address(), 3000));
        assert_eq!((packet.peer_mac, local().mac), (Mac::from([2, 0, 0, 0, 0, 2]), Mac::from(MAC)));
        assert!(packet.segment.is_opening() && packet.verify() && is_tcp(&frame));
        assert_eq!((packet.packet.len(), packet.segment.payload), (40, &[][..]));
    }

    #[test]
    fn each_port_is_told() {
        let mut frame = syn();
        frame[36..38].copy_from_slice(&80u16.to_be_bytes());
        assert_eq!(local().classify(&frame).unwrap().peer.local_port(), 80);
        assert_eq!(local().classify(&syn()).unwrap().peer.local_port(), 3000);
    }

    #[test]
    fn a_peer_is_a_single_other_host() {
        for (address, expected) in [
            ([192, 168, 1, 2], true),
            ([10, 0, 0, 255], true),
            ([223, 255, 255, 254], true),
            ([192, 168, 1, 1], false),
            ([192, 168, 1, 255], false),
            ([255, 255, 255, 255], false),
            ([224, 0, 0, 1], false),
            ([240, 0, 0, 1], false),
            ([127, 0, 0, 1], false),
            ([0, 0, 0, 0], false),
            ([0, 1, 2, 3], false),
        ] {
            assert_eq!(is_host(CIDR, address.into()), expected, "{address:?}");
        }
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
            (46, 0x40, "TCP header too short"),
            (46, 0xf0, "TCP header longer than the segment"),
        ] {
            let mut frame = syn();
            frame[at] = value;
            assert_eq!(local().classify(&frame), None, "{why}");
        }
    }

    #[test]
    fn two_ports_of_0_are_nobodys() {
        let mut frame = syn();
        frame[34..36].fill(0);
        assert_eq!(SocketAddrV4::from(local().classify(&frame).unwrap().peer).port(), 0);
        frame[36..38].fill(0);
        assert_eq!(local().classify(&frame), None);
    }

    #[test]
    fn no_length_panics() {
        let mut frame = syn();
        for len in 0..=frame.len() {
            let _ = local().classify(&frame[..len]).map(|packet| packet.verify());
            let _ = is_tcp(&frame[..len]);
        }
        for byte in 12..48 {
            for value in 0..=255 {
                let before = core::mem::replace(&mut frame[byte], value);
                let _ = local().classify(&frame).map(|packet| packet.verify());
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
            assert!(local().classify(frame).unwrap().verify());
        }
    }

    #[test]
    fn ip_options_are_skipped() {
        let mut frame = [0; 64];
        frame[..34].copy_from_slice(&syn()[..34]);
        frame[38..58].copy_from_slice(&syn()[34..54]);
        frame[14] = 0x46;
        frame[17] = 44;
        let (packet, plain) = (local().classify(&frame).unwrap(), syn());
        let plain = local().classify(&plain).unwrap();
        assert_eq!((packet.peer, packet.ihl, packet.segment), (plain.peer, 24, plain.segment));
    }
}
