//! Frames, as far as the wire reads them: whether a frame is IPv4, and the numbers of a TCP segment in it.

/// Length of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Length of an IPv4 header without options, and of a TCP header without options.
const HEADER: usize = 20;

/// Whether the frame is IPv4. ARP has no checksum: on a real link the frame's check sequence guards it.
pub fn is_ipv4(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[8, 0]) && frame.len() >= ETHERNET + HEADER
}

/// The offset of the TCP header in a frame. None if it is no TCP.
fn tcp_at(frame: &[u8]) -> Option<usize> {
    let header_len = usize::from(frame.get(ETHERNET)? & 15) * 4;
    let at = ETHERNET + header_len;
    (is_ipv4(frame) && frame[ETHERNET + 9] == 6 && frame.len() >= at + HEADER).then_some(at)
}

/// Places of the numbers in a TCP header.
const SEQ: usize = 4;
const ACK: usize = 8;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;

/// A TCP segment in a frame.
pub struct Tcp<'a> {
    frame: &'a mut [u8],
    at: usize,
}

impl<'a> Tcp<'a> {
    pub fn of(frame: &'a mut [u8]) -> Option<Self> {
        let at = tcp_at(frame)?;
        Some(Self { frame, at })
    }

    fn word(&self, at: usize) -> u32 {
        let at = self.at + at;
        u32::from_be_bytes([self.frame[at], self.frame[at + 1], self.frame[at + 2], self.frame[at + 3]])
    }

    pub fn seq(&self) -> u32 {
        self.word(SEQ)
    }

    /// The ports of the sender and of the receiver, as one number.
    pub fn ports(&self) -> u32 {
        self.word(0)
    }

    pub fn has_syn(&self) -> bool {
        self.frame[self.at + FLAGS] & 2 != 0
    }

    fn has_ack(&self) -> bool {
        self.frame[self.at + FLAGS] & 16 != 0
    }

    /// Bytes of text.
    pub fn text_len(&self) -> usize {
        let total = usize::from(u16::from_be_bytes([self.frame[ETHERNET + 2], self.frame[ETHERNET + 3]]));
        let header_len = usize::from(self.frame[self.at + 12] >> 4) * 4;
        (ETHERNET + total).saturating_sub(self.at + header_len)
    }

    /// Moves the sequence number by `shift`.
    pub fn shift_seq(&mut self, shift: u32) {
        self.set(SEQ, self.word(SEQ).wrapping_add(shift));
    }

    /// Moves the acknowledgment number back by `shift`, if there is one.
    pub fn shift_ack_back(&mut self, shift: u32) {
        if self.has_ack() {
            self.set(ACK, self.word(ACK).wrapping_sub(shift));
        }
    }

    /// Writes a number, and what the checksum is then (RFC 1624 equation 3).
    fn set(&mut self, at: usize, number: u32) {
        let checksum_at = self.at + CHECKSUM;
        let checksum = u16::from_be_bytes([self.frame[checksum_at], self.frame[checksum_at + 1]]);
        let halves = |number: u32| (number >> 16) + (number & 0xffff);
        let mut sum = u32::from(!checksum) + halves(!self.word(at)) + halves(number);
        while sum > 0xffff {
            sum = halves(sum);
        }
        self.frame[checksum_at..checksum_at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        let at = self.at + at;
        self.frame[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a TCP segment of three bytes of text, whose checksum covers the TCP part alone.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0; ETHERNET + 2 * HEADER + 3];
        (frame[12], frame[13]) = (8, 0);
        (frame[ETHERNET], frame[ETHERNET + 3], frame[ETHERNET + 9]) = (0x45, 43, 6);
        let tcp = ETHERNET + HEADER;
        frame[tcp..tcp + 14].copy_from_slice(&[1, 2, 3, 4, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 5, 0x50, 0x10]);
        frame[tcp + HEADER..].copy_from_slice(b"abc");
        let sum = sum(&frame);
        frame[tcp + CHECKSUM..tcp + CHECKSUM + 2].copy_from_slice(&(!sum).to_be_bytes());
        frame
    }

    fn sum(frame: &[u8]) -> u16 {
        let words = frame[ETHERNET + HEADER..].chunks(2);
        let mut sum: u32 = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |&low| low.into())).sum();
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        sum as u16
    }

    #[test]
    fn numbers_move_and_the_checksum_with_them() {
        let mut frame = frame();
        assert_eq!(sum(&frame), 0xffff);
        let mut tcp = Tcp::of(&mut frame).unwrap();
        assert_eq!((tcp.seq(), tcp.ports(), tcp.text_len()), (0xffff_fff0, 0x0102_0304, 3));
        tcp.shift_seq(0x20);
        assert_eq!(tcp.seq(), 0x10);
        tcp.shift_ack_back(6);
        assert_eq!(tcp.word(ACK), u32::MAX);
        assert_eq!(sum(&frame), 0xffff);
    }

    #[test]
    fn what_is_no_tcp_is_left_alone() {
        let mut udp = frame();
        udp[ETHERNET + 9] = 17;
        assert!(Tcp::of(&mut udp).is_none());
        assert!(Tcp::of(&mut [0; 10]).is_none());
        let mut arp = frame();
        arp[13] = 6;
        assert!(!is_ipv4(&arp) && Tcp::of(&mut arp).is_none());
    }
}
