//! Tells the frames of the server's connections from all others.

use core::net::Ipv4Addr;

use crate::checksum::{self, ETHERNET, TCP};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Where a client is: what a connection is known by, since the server has one address and one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: [u8; 4],
    pub(crate) port: u16,
}

/// A TCP segment for the server, in a frame for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) peer: Peer,
    pub(crate) peer_mac: [u8; 6],
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

    /// The IPv4 packet, without the padding of a short frame.
    pub(crate) fn packet<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[ETHERNET..ETHERNET + self.packet_len]
    }

    /// Whether both checksums are right.
    pub(crate) fn verify(&self, frame: &[u8]) -> bool {
        checksum::verify(self.packet(frame), self.ihl)
    }
}

/// What a frame must say to be the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) mac: [u8; 6],
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
}

impl Local {
    /// The segment in `frame`, if it is TCP in an unfragmented IPv4 packet for this MAC address, address and port
    /// from a single neighbour. All its lengths have been checked.
    #[inline]
    pub(crate) fn classify(&self, frame: &[u8]) -> Option<Segment> {
        let head: &[u8; 34] = frame.first_chunk()?;
        let ihl = usize::from(head[14] & 0x0f) * 4;
        // IPv4, at least its fixed header, not a fragment (more to come, or an offset), TCP, for us.
        if head[12..14] != [0x08, 0x00]
            || head[14] >> 4 != 4
            || ihl < 20
            || head[20] & 0x3f != 0
            || head[21] != 0
            || head[23] != TCP
            || head[30..34] != self.address.octets()
            || head[..6] != self.mac
            || head[6] & 1 != 0
        {
            return None;
        }
        let packet_len = usize::from(u16::from_be_bytes([head[16], head[17]]));
        let packet = frame[ETHERNET..].get(..packet_len)?;
        let tcp: &[u8; 20] = packet.get(ihl..)?.first_chunk()?;
        let tcp_header_len = usize::from(tcp[12] >> 4) * 4;
        if u16::from_be_bytes([tcp[2], tcp[3]]) != self.port || tcp_header_len < 20 {
            return None;
        }
        Some(Segment {
            peer: Peer {
                address: [head[26], head[27], head[28], head[29]],
                port: u16::from_be_bytes([tcp[0], tcp[1]]),
            },
            peer_mac: [head[6], head[7], head[8], head[9], head[10], head[11]],
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

    const LOCAL: Local = Local { mac: [2, 0, 0, 0, 0, 1], address: Ipv4Addr::new(192, 168, 1, 1), port: 3000 };

    /// A SYN from 192.168.1.2:40000, padded to Ethernet's minimum.
    fn syn() -> [u8; 60] {
        let mut frame = [0; 60];
        frame[..6].copy_from_slice(&LOCAL.mac);
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
        let segment = LOCAL.classify(&syn()).unwrap();
        assert_eq!(segment.peer, Peer { address: [192, 168, 1, 2], port: 40_000 });
        assert_eq!(segment.peer_mac, [2, 0, 0, 0, 0, 2]);
        assert!(segment.is_syn() && segment.verify(&syn()));
        assert_eq!((segment.packet(&syn()).len(), segment.payload_len), (40, 0));
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
            assert_eq!(LOCAL.classify(&frame), None, "{why}");
        }
    }

    #[test]
    fn no_length_panics() {
        let mut frame = syn();
        for len in 0..=frame.len() {
            let _ = LOCAL.classify(&frame[..len]).map(|segment| segment.verify(&frame[..len]));
        }
        for byte in 12..48 {
            for value in 0..=255 {
                let before = core::mem::replace(&mut frame[byte], value);
                let _ = LOCAL.classify(&frame).map(|segment| segment.verify(&frame));
                frame[byte] = before;
            }
        }
    }

    #[test]
    fn ip_options_are_skipped() {
        let mut frame = [0; 64];
        frame[..34].copy_from_slice(&syn()[..34]);
        frame[38..58].copy_from_slice(&syn()[34..54]);
        frame[14] = 0x46;
        frame[17] = 44;
        let segment = LOCAL.classify(&frame).unwrap();
        assert_eq!((segment.peer.port, segment.ihl, segment.payload_len), (40_000, 24, 0));
    }
}
