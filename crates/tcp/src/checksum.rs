//! The Internet checksum (RFC 1071), by 16-bit words as they lie in memory.
//!
//! A 32-bit sum of such words needs no carry for any packet that an Ethernet frame holds, so a word costs two
//! instructions. A sum by 32-bit words with their carries is not faster. Words of 16 bits fit the two-byte alignment
//! after an Ethernet header. A copy needs 32-bit words, so [`copy_and_sum`] sums these: five instructions for each word.

use bytemuck::{pod_align_to, try_cast_slice, try_cast_slice_mut};

/// Length of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;
/// Length of an IPv4 header without options. TCP's is as long.
const IPV4_HEADER: usize = 20;
/// IPv4's number for TCP.
pub(crate) const TCP: u8 = 6;

/// Folds a sum to 16 bits.
#[inline]
pub(crate) fn fold(sum: u32) -> u16 {
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + sum) as u16
}

/// Sum of bytes as 16-bit words in memory order, an odd last byte padded with zero.
#[inline]
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    match pod_align_to::<u8, u16>(bytes) {
        ([], words, tail) => sum_words(words) + sum_tail(tail),
        _ => sum_unaligned(bytes),
    }
}

/// The same for drivers that put frames at odd addresses.
#[cold]
#[inline(never)]
fn sum_unaligned(bytes: &[u8]) -> u32 {
    let (pairs, tail) = bytes.as_chunks();
    sum_tail(tail) + pairs.iter().map(|&pair| u32::from(u16::from_ne_bytes(pair))).sum::<u32>()
}

/// The sum of a last byte without a pair.
#[inline]
fn sum_tail(tail: &[u8]) -> u32 {
    tail.first().map_or(0, |&last| u32::from(u16::from_ne_bytes([last, 0])))
}

/// From so many words on, longer steps pay: a seventh fewer instructions for each word.
const MANY_WORDS: usize = 64;

/// Sum of 16-bit words in memory order.
#[inline]
fn sum_words(words: &[u16]) -> u32 {
    if words.len() < MANY_WORDS { sum_few(words) } else { sum_many(words) }
}

/// Out of line, and out of the way of short requests.
#[cold]
#[inline(never)]
fn sum_many(words: &[u16]) -> u32 {
    let (steps, rest) = words.as_chunks::<16>();
    let mut sum = 0;
    for step in steps {
        sum += step.iter().map(|&word| u32::from(word)).sum::<u32>();
    }
    sum + sum_few(rest)
}

#[inline]
fn sum_few(words: &[u16]) -> u32 {
    let mut sum = 0;
    let (fours, rest) = words.as_chunks();
    for &[a, b, c, d] in fours {
        sum += u32::from(a) + u32::from(b) + u32::from(c) + u32::from(d);
    }
    for &word in rest {
        sum += u32::from(word);
    }
    sum
}

/// Copies `from` to `to`, which has the same length, and returns the sum. Where both are aligned to words of 32 bits, each
/// word is loaded once for both.
// Out of line, and out of the way of short requests.
#[cold]
#[inline(never)]
pub(crate) fn copy_and_sum(to: &mut [u8], from: &[u8]) -> u32 {
    let ((steps, rest), (to_steps, to_rest)) = (from.as_chunks::<32>(), to.as_chunks_mut::<32>());
    match (try_cast_slice(steps), try_cast_slice_mut(to_steps)) {
        (Ok(steps), Ok(to_steps)) => {
            let sum = copy_and_sum_steps(to_steps, steps);
            if rest.is_empty() { sum } else { sum + copy_then_sum(to_rest, rest) }
        }
        _ => copy_then_sum(to, from),
    }
}

/// The same in two passes: where words are not aligned, and for what is less than a step.
#[inline(never)]
fn copy_then_sum(to: &mut [u8], from: &[u8]) -> u32 {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    sum(from)
}

/// The sum of both halves of all words. The lower halves are what the upper ones leave of the sum modulo 2^32.
#[inline(always)]
fn copy_and_sum_steps(to: &mut [[u32; 8]], from: &[[u32; 8]]) -> u32 {
    let (mut words, mut upper) = (0u32, 0);
    for (to, &[a, b, c, d, e, f, g, h]) in to.iter_mut().zip(from) {
        // Word by word: a loop, or the step as a whole, would be a call of memcpy.
        (to[0], to[1], to[2], to[3]) = (a, b, c, d);
        (to[4], to[5], to[6], to[7]) = (e, f, g, h);
        words = [a, b, c, d, e, f, g, h].iter().fold(words, |sum, word| sum.wrapping_add(*word));
        upper += (a >> 16) + (b >> 16) + (c >> 16) + (d >> 16) + (e >> 16) + (f >> 16) + (g >> 16) + (h >> 16);
    }
    let lower = words.wrapping_sub(upper << 16);
    lower + upper
}

/// Sums of the parts of an IPv4 packet.
struct Sums {
    /// All of the IPv4 header.
    ip: u32,
    /// Its addresses alone.
    addresses: u32,
    /// The bytes after the header, an odd last byte padded with zero.
    payload: u32,
}

impl Sums {
    /// None if the packet is shorter than its header, which is `ihl` long, even and at least 20.
    #[inline(always)]
    fn of(packet: &[u8], ihl: usize) -> Option<Self> {
        match pod_align_to::<u8, u16>(packet) {
            ([], words, tail) if ihl == 20 => Self::of_words(words, tail),
            _ => Self::of_bytes(packet, ihl),
        }
    }

    #[inline(always)]
    fn of_words(words: &[u16], tail: &[u8]) -> Option<Self> {
        let (header, payload) = words.split_first_chunk::<10>()?;
        let [a, b, c, d, e, f, addresses @ ..] = header.map(u32::from);
        let addresses = addresses[0] + addresses[1] + addresses[2] + addresses[3];
        Some(Self { ip: a + b + c + d + e + f + addresses, addresses, payload: sum_words(payload) + sum_tail(tail) })
    }

    /// The same for headers with options, and for drivers that put frames at odd addresses.
    #[cold]
    fn of_bytes(packet: &[u8], ihl: usize) -> Option<Self> {
        let (header, payload) = packet.split_at_checked(ihl)?;
        let addresses = sum_unaligned(header.get(12..20)?);
        Some(Self { ip: sum_unaligned(header), addresses, payload: sum_unaligned(payload) })
    }

    /// Whether both checksums are right, of a packet with `len` bytes behind the IPv4 header.
    #[inline(always)]
    fn are_right(&self, len: usize) -> bool {
        fold(self.ip) == 0xffff && fold(self.tcp(len)) == 0xffff
    }

    /// TCP's sum with its pseudo-header (RFC 9293 section 3.1).
    #[inline]
    fn tcp(&self, len: usize) -> u32 {
        let len = u16::from_ne_bytes((len as u16).to_be_bytes());
        self.payload + self.addresses + u32::from(len) + u32::from(u16::from_ne_bytes([0, TCP]))
    }
}

/// Whether both checksums of an IPv4 packet that carries TCP are right. `ihl` is the length of the IPv4 header.
#[inline(always)]
pub(crate) fn verify(packet: &[u8], ihl: usize) -> bool {
    Sums::of(packet, ihl).is_some_and(|sums| sums.are_right(packet.len() - ihl))
}

/// [`verify`] for a packet whose IPv4 and TCP headers have no options, and copies its text to `room`, which is as long as
/// the text. None for other packets, and where the driver has put the packet at an odd address.
#[inline]
pub(crate) fn verify_and_copy(packet: &[u8], room: &mut [u8]) -> Option<bool> {
    let (headers, text) = packet.split_first_chunk::<{ 2 * IPV4_HEADER }>()?;
    if text.len() != room.len() {
        return None;
    }
    let mut sums = Sums::of_words(try_cast_slice(headers).ok()?, &[])?;
    sums.payload += copy_and_sum(room, text);
    Some(sums.are_right(packet.len() - IPV4_HEADER))
}

/// Writes both checksums of an IPv4 packet with TCP, whose checksum fields are zero and whose header has no options.
#[cfg(test)]
pub(crate) fn fill(packet: &mut [u8]) {
    let sums = Sums::of(packet, 20).unwrap();
    packet[10..12].copy_from_slice(&(!fold(sums.ip)).to_ne_bytes());
    let tcp = !fold(sums.tcp(packet.len() - 20));
    packet[36..38].copy_from_slice(&tcp.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, byte by byte.
    fn reference(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        sum as u16
    }

    #[test]
    fn sums_are_the_definitions_at_every_alignment_and_length() {
        let mut bytes = [0u8; 90];
        let mut state = 1u32;
        for byte in &mut bytes {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        let check = |sum: u32, slice: &[u8]| {
            let sum = u16::from_be_bytes(fold(sum).to_ne_bytes());
            assert_eq!(sum % 0xffff, reference(slice) % 0xffff, "{slice:?}");
        };
        for start in 0..4 {
            for ihl in [20, 24, 60] {
                for len in ihl..bytes.len() - start {
                    let packet = &bytes[start..start + len];
                    let sums = Sums::of(packet, ihl).unwrap();
                    check(sums.ip, &packet[..ihl]);
                    check(sums.addresses, &packet[12..20]);
                    check(sums.payload, &packet[ihl..]);
                    check(sum(packet), packet);
                }
            }
        }
        assert!(Sums::of(&bytes[..59], 60).is_none());
        assert_eq!(fold(sum_words(&[0xffff; 750])), 0xffff, "carries come round");
    }

    #[test]
    fn what_is_summed_is_copied_at_every_alignment_and_length() {
        let from: std::vec::Vec<u8> = (0..=255u8).map(|byte| byte.wrapping_mul(89) ^ 0xa5).collect();
        for (start, to_start) in (0..4).flat_map(|start| (0..4).map(move |to_start| (start, to_start))) {
            for len in 0..from.len() - start {
                let text = &from[start..start + len];
                let mut to = [0xee; 264];
                let sum = copy_and_sum(&mut to[to_start..to_start + len], text);
                assert_eq!(fold(sum), fold(sum_unaligned(text)), "{start} {to_start} {len}");
                assert_eq!(&to[to_start..to_start + len], text);
                assert!(to[..to_start].iter().chain(&to[to_start + len..]).all(|byte| *byte == 0xee));
            }
        }
        let all_ones = [0xff; 1_500];
        assert_eq!(fold(copy_and_sum(&mut [0; 1_500], &all_ones)), 0xffff, "carries come round");
    }

    #[test]
    fn what_is_filled_verifies_and_one_wrong_bit_does_not() {
        let mut packet = [0u8; 61];
        for (index, byte) in packet.iter_mut().enumerate() {
            *byte = index as u8;
        }
        (packet[0], packet[9]) = (0x45, TCP);
        packet[10..12].fill(0);
        packet[36..38].fill(0);
        fill(&mut packet);
        assert!(verify(&packet, 20));
        for bit in 0..packet.len() * 8 {
            packet[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&packet, 20), "bit {bit}");
            packet[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
