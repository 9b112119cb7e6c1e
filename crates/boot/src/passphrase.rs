//! The WPA2 passphrase of a device's access point, which the device's label or console shows.

/// Letters and digits that can't be taken for one another when read from a console.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Characters of a passphrase; WPA2 permits 8 to 63. 12 of 31 letters are 59 bits.
pub const PASSPHRASE_LEN: usize = 12;

/// The WPA2 passphrase of a device's network: made once of random numbers and kept, so that nothing that the device
/// broadcasts reveals it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passphrase([u8; PASSPHRASE_LEN]);

impl Passphrase {
    /// A new passphrase, one character of each number. All 32 bits must be random.
    pub fn from_random(random: &[u32; PASSPHRASE_LEN]) -> Self {
        // The upper half of the product is below 31, each value as likely as any other but for 2 in 10^8.
        Self(random.map(|word| ALPHABET[((u64::from(word) * ALPHABET.len() as u64) >> 32) as usize]))
    }

    /// The passphrase that was kept as these bytes; none if they are not a passphrase of this kind.
    pub fn parse(kept: &[u8]) -> Option<Self> {
        let characters = kept.try_into().ok()?;
        kept.iter().all(|character| ALPHABET.contains(character)).then_some(Self(characters))
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII, and both ways to a passphrase go through it.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers whose first characters are the alphabet's first, last and middle one.
    const RANDOM: [u32; PASSPHRASE_LEN] = [0, u32::MAX, 1 << 31, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn each_number_is_a_character() {
        assert_eq!(Passphrase::from_random(&RANDOM).as_str(), "a9saaaaaaaaa");
    }

    #[test]
    fn every_character_comes_up_equally_often() {
        let mut counts = [0; ALPHABET.len()];
        for word in (0..=u32::MAX).step_by(1 << 16) {
            let passphrase = Passphrase::from_random(&[word; PASSPHRASE_LEN]);
            let index = ALPHABET.iter().position(|&character| character == passphrase.0[0]).unwrap();
            counts[index] += 1;
        }
        assert!(counts.iter().all(|count| (2114..=2115).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_was_kept_is_the_same_again() {
        let passphrase = Passphrase::from_random(&RANDOM);
        assert_eq!(Passphrase::parse(passphrase.as_str().as_bytes()), Some(passphrase));
    }

    #[test]
    fn what_is_no_passphrase_is_told() {
        for kept in ["", "abcdefghjkm", "abcdefghjkmnp", "abcdefghjkm1", "ABCDEFGHJKMN", "abcdefghjk\u{e9}"] {
            assert_eq!(Passphrase::parse(kept.as_bytes()), None, "{kept:?}");
        }
        assert_eq!(Passphrase::parse(&[0xff; PASSPHRASE_LEN]), None);
    }
}
