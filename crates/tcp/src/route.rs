//! The frames of a connection: Ethernet (RFC 894), IPv4 (RFC 791) and TCP (RFC 9293 section 3.1) in one header. Only
//! seven words of it differ from segment to segment.
//!
//! The Ethernet header is to the MAC address that the peer's own segments came from, so no reply waits for ARP.

use core::net::Ipv4Addr;

use bytemuck::{cast_slice, pod_align_to_mut};
use sockeye_tcp_engine::{OutgoingSegment, Seq};

use crate::checksum::{self, ETHERNET, TCP};
use crate::frame::{Mac, Peer, halves};
use crate::neighbours::stand_in;

/// Bytes of the headers without options.
const HEADERS: usize = ETHERNET + 40;
const WORDS: usize = HEADERS / 2;
/// Bytes of the MSS option.
const MSS_OPTION: usize = 4;

// Words in memory order. Version 4 and a header of five words; don't fragment; time to live 64.
const VERSION: u16 = u16::from_ne_bytes([0x45, 0]);
const DONT_FRAGMENT: u16 = u16::from_ne_bytes([0x40, 0]);
const TTL_TCP: u16 = u16::from_ne_bytes([64, TCP]);
const IPV4: u16 = u16::from_ne_bytes([0x08, 0x00]);

/// Where a connection's frames go. Words in memory order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Route {
    destination: Mac,
    /// ARP has to find the next hop, whose stand-in is the destination. A peer's own address may look like a stand-in.
    is_unresolved: bool,
    source: Mac,
    local: [u16; 2],
    peer: [u16; 2],
    local_port: u16,
    peer_port: u16,
    /// Sum of what is the same in each IPv4 header.
    ip_sum: u32,
    /// Sum of what is the same in each TCP header and its pseudo-header.
    tcp_sum: u32,
}

impl Route {
    /// From the address `local` at `source` to `peer` at `destination`.
    pub(crate) fn new(destination: Mac, source: Mac, local: [u16; 2], peer: Peer) -> Self {
        let sum = |words: &[u16]| words.iter().map(|word| u32::from(*word)).sum::<u32>();
        let [peer_port, local_port] = peer.ports();
        let addresses = sum(&local) + sum(&peer.address);
        let ip_sum = addresses + sum(&[VERSION, DONT_FRAGMENT, TTL_TCP]);
        let tcp_sum = addresses + sum(&[local_port, peer_port, u16::from_ne_bytes([0, TCP])]);
        let peer = peer.address;
        Self { destination, is_unresolved: false, source, local, peer, local_port, peer_port, ip_sum, tcp_sum }
    }

    /// From the address `local` at `source` to `peer` by way of `next_hop`, which is on the link.
    pub(crate) fn by(next_hop: Ipv4Addr, source: Mac, local: [u16; 2], peer: Peer) -> Self {
        Self { is_unresolved: true, ..Self::new(stand_in(next_hop).into(), source, local, peer) }
    }

    /// The peer, or the next hop to it, is at `destination` now.
    #[inline]
    pub(crate) fn set_destination(&mut self, destination: Mac) {
        self.destination = destination;
        self.is_unresolved = false;
    }

    /// The address of the device.
    pub(crate) fn local(&self) -> [u16; 2] {
        self.local
    }

    /// Whether ARP has to find the next hop (see [`neighbours`](crate::neighbours)).
    #[inline]
    pub(crate) fn is_unresolved(&self) -> bool {
        self.is_unresolved
    }

    /// Bytes of a segment's frame.
    #[inline]
    pub(crate) fn frame_len(segment: &OutgoingSegment) -> usize {
        HEADERS + if segment.mss.is_some() { MSS_OPTION } else { 0 } + segment.len
    }

    /// Writes the frame of a segment. `frame` has [`frame_len`](Self::frame_len) bytes; `fill` writes the payload, and
    /// returns its sum.
    #[inline]
    pub(crate) fn write(&self, segment: &OutgoingSegment, frame: &mut [u8], fill: impl FnOnce(&mut [u8]) -> u32) {
        let Some((head, behind)) = frame.split_first_chunk_mut::<HEADERS>() else { return };
        let mut data_offset = 0x50;
        let sum = match segment.mss {
            None => fill(behind),
            // A SYN has no payload.
            Some(mss) => {
                if let [kind, len, high, low] = behind {
                    (*kind, *len) = (2, MSS_OPTION as u8);
                    [*high, *low] = mss.to_be_bytes();
                }
                data_offset = 0x60;
                checksum::sum(behind)
            }
        };
        let fields = Fields {
            tcp_len: (behind.len() + 20) as u16,
            offset_and_flags: u16::from_ne_bytes([data_offset, segment.flags.bits()]),
            behind: sum,
        };
        match pod_align_to_mut::<u8, u16>(head) {
            ([], words, []) => {
                if let Some(words) = words.first_chunk_mut() {
                    self.write_head(segment, &fields, words);
                }
            }
            _ => self.write_unaligned(segment, &fields, head),
        }
    }

    /// The same out of line, for segments that are rare and have no payload: a RST, and a SYN whose way ARP has to find.
    #[cold]
    #[inline(never)]
    pub(crate) fn write_rare(&self, segment: &OutgoingSegment, frame: &mut [u8]) {
        self.write(segment, frame, |_| 0);
    }

    /// The same for a driver that puts frames at odd addresses.
    #[cold]
    #[inline(never)]
    fn write_unaligned(&self, segment: &OutgoingSegment, fields: &Fields, head: &mut [u8]) {
        let mut words = [0; WORDS];
        self.write_head(segment, fields, &mut words);
        head.copy_from_slice(cast_slice(&words));
    }

    /// Word by word: as a whole it would be a call of memcpy, which takes three times as long.
    #[inline(always)]
    fn write_head(&self, segment: &OutgoingSegment, fields: &Fields, head: &mut [u16; WORDS]) {
        let (Mac([d0, d1, d2]), Mac([s0, s1, s2])) = (self.destination, self.source);
        let packet_len = (fields.tcp_len + 20).to_be();
        let ([seq0, seq1], [ack0, ack1]) = (words(segment.seq), words(segment.ack));
        let window = segment.window.to_be();
        let changing = [seq0, seq1, ack0, ack1, fields.offset_and_flags, window, fields.tcp_len.to_be()];
        let tcp_sum = changing.iter().fold(self.tcp_sum + fields.behind, |sum, word| sum + u32::from(*word));
        (head[0], head[1], head[2]) = (d0, d1, d2);
        (head[3], head[4], head[5], head[6]) = (s0, s1, s2, IPV4);
        // No identification: an atomic datagram needs none (RFC 6864 section 4.1).
        (head[7], head[8], head[9], head[10], head[11]) = (VERSION, packet_len, 0, DONT_FRAGMENT, TTL_TCP);
        head[12] = !checksum::fold(self.ip_sum + u32::from(packet_len));
        (head[13], head[14], head[15], head[16]) = (self.local[0], self.local[1], self.peer[0], self.peer[1]);
        (head[17], head[18]) = (self.local_port, self.peer_port);
        (head[19], head[20], head[21], head[22]) = (seq0, seq1, ack0, ack1);
        (head[23], head[24]) = (fields.offset_and_flags, window);
        (head[25], head[26]) = (!checksum::fold(tcp_sum), 0);
    }
}

/// The parts of a segment's header that depend on the segment.
struct Fields {
    /// TCP header, options and payload.
    tcp_len: u16,
    offset_and_flags: u16,
    /// Sum of options and payload.
    behind: u32,
}

#[inline]
fn words(number: Seq) -> [u16; 2] {
    halves(number.number().to_be_bytes())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::net::SocketAddrV4;
    use std::vec;
    use std::vec::Vec;

    use sockeye_tcp_engine::{Flags, Segment, Tcb};

    use super::*;
    use crate::frame::Local;
    use crate::limits::FRAME_LEN_MAX;

    const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
    const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 1, 1), Ipv4Addr::new(192, 168, 1, 2)];
    const PORTS: [u16; 2] = [3_000, 49_152];

    fn route() -> Route {
        let peer = Peer::new(SocketAddrV4::new(ADDRESSES[1], PORTS[1]), PORTS[0]).unwrap();
        Route::new(MACS[1].into(), MACS[0].into(), halves(ADDRESSES[0].octets()), peer)
    }

    /// Segments of a server: a SYN,ACK, text of `len` bytes, and a RST that refuses.
    fn segments(len: usize) -> Vec<(OutgoingSegment, Vec<u8>)> {
        let now = embassy_time::Instant::from_secs(1);
        let mut server = Tcb::new(vec![0; 2_000], vec![0; 2_000]);
        let syn = Segment {
            seq: Seq::new(0x0102_0304),
            ack: Seq::new(0),
            window: 2_000,
            flags: Flags::SYN,
            options: &[2, 4, 5, 180],
            payload: &[],
        };
        server.accept(&syn, Seq::new(0xfffe_fdfc), 1_500, now);
        let mut all = vec![(server.next_segment(now).unwrap(), vec![])];
        server.on_sent(&all[0].0, now);
        let ack = Segment { seq: all[0].0.ack, ack: Seq::new(0xfffe_fdfd), flags: Flags::ACK, options: &[], ..syn };
        let _ = server.on_segment(&ack, now);
        let text: Vec<u8> = (0..len).map(|at| at as u8 ^ 0xa5).collect();
        assert_eq!(server.write(&text), len);
        if len > 0 {
            all.push((server.next_segment(now).unwrap(), text));
        }
        all.push((OutgoingSegment::refusal(&syn).unwrap(), vec![]));
        all
    }

    fn filled(payload: &mut [u8], text: &[u8]) -> u32 {
        payload.copy_from_slice(text);
        checksum::sum(payload)
    }

    /// A receiver reads the frame as it was written: both checksums, addresses, ports, and the segment. At any
    /// alignment.
    #[test]
    fn what_is_written_verifies_and_says_what_the_segment_says() {
        let mut room = [0xee; FRAME_LEN_MAX + 4];
        for (at, len) in (0..4).flat_map(|at| [0, 1, 2, 13, 16, 535, 1_460].map(|len| (at, len))) {
            for (segment, text) in segments(len) {
                let frame = &mut room[at..at + Route::frame_len(&segment)];
                route().write(&segment, frame, |payload| filled(payload, &text));
                let receiver = Local::new(MACS[1].into(), embassy_net::Ipv4Cidr::new(ADDRESSES[1], 24));
                let packet = receiver.classify(frame).unwrap();
                assert!(packet.verify());
                assert_eq!(SocketAddrV4::from(packet.peer), SocketAddrV4::new(ADDRESSES[0], PORTS[0]));
                assert_eq!(packet.peer.local_port(), PORTS[1]);
                assert_eq!(packet.peer_mac, MACS[0].into());
                let read = packet.segment;
                assert_eq!((read.seq, read.ack, read.window), (segment.seq, segment.ack, segment.window));
                assert_eq!((read.flags, read.payload), (segment.flags, &text[..]));
                let options = segment.mss.map(|mss| [&[2, 4][..], &mss.to_be_bytes()].concat());
                assert_eq!(read.options, options.unwrap_or_default());
            }
        }
    }

    #[test]
    fn one_wrong_bit_is_noticed() {
        let receiver = Local::new(MACS[1].into(), embassy_net::Ipv4Cidr::new(ADDRESSES[1], 24));
        for (segment, text) in segments(61) {
            let mut frame = vec![0; Route::frame_len(&segment)];
            route().write(&segment, &mut frame, |payload| filled(payload, &text));
            for bit in ETHERNET * 8..frame.len() * 8 {
                frame[bit / 8] ^= 1 << (bit % 8);
                assert!(receiver.classify(&frame).is_none_or(|packet| !packet.verify()), "bit {bit}");
                frame[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn the_way_is_unresolved_until_a_segment_of_the_peers_tells_it() {
        let peer = Peer::new(SocketAddrV4::new(ADDRESSES[1], PORTS[1]), PORTS[0]).unwrap();
        let local = halves(ADDRESSES[0].octets());
        let mut route = Route::by(Ipv4Addr::new(192, 168, 1, 254), MACS[0].into(), local, peer);
        assert!(route.is_unresolved() && !self::route().is_unresolved());
        route.set_destination(MACS[1].into());
        assert!(!route.is_unresolved());
        assert_eq!(route, self::route());
    }

    #[test]
    fn a_frame_that_is_too_short_is_left_alone() {
        let mut frame = [7; HEADERS - 1];
        let (segment, _) = segments(0).remove(1);
        route().write(&segment, &mut frame, |_| panic!("there is no payload"));
        assert_eq!(frame, [7; HEADERS - 1]);
    }
}
