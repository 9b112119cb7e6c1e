//! Checksums, written as the data sheets describe them: a register that bits are shifted through.

/// Of 8 bits, the highest first, with polynomial 0x31.
pub fn high_first(bytes: &[u8], initial: u8) -> u8 {
    let mut register = initial;
    for byte in bytes {
        for shift in (0..8).rev() {
            let is_set = (register >> 7) ^ (byte >> shift & 1) == 1;
            register <<= 1;
            if is_set {
                register ^= 0x31;
            }
        }
    }
    register
}

/// Of 8 bits, the lowest first, with X^8 + X^5 + X^4 + 1.
pub fn low_first(bytes: &[u8]) -> u8 {
    let mut register = 0_u8;
    for byte in bytes {
        for shift in 0..8 {
            let is_set = (register ^ byte >> shift) & 1 == 1;
            register >>= 1;
            if is_set {
                register ^= 0b1000_1100;
            }
        }
    }
    register
}
