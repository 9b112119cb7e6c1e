//! The record of an image that is being received, in the last sector of its slot.
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 3 | `SKU1` |
//! | 4 to 7 | the image's length |
//! | 8 to 39 | its SHA-256 digest |
//! | 40 to 103 | the signature of the digest |
//! | 104 to 107 | CRC-32 of all before |
//! | 128 to 143 | the image's first bytes, which are programmed into the slot last |
//! | 144 to 147 | CRC-32 of them |
//! | 160 to 223 | a word for each step that is spent, which is zero then; see `wear` |
//! | 512 .. | marks: the word of each sector becomes zero once the sector is programmed |

use crate::limits::{DIGEST_LEN, HEAD_LEN, RECORD_LEN, SEALED_HEAD_LEN, SIGNATURE_LEN};
use crate::rom_crc::crc32;

/// Where the image's first bytes are.
pub(crate) const HEAD_OFFSET: u32 = 128;

/// Where the words that count steps are.
pub(crate) const STEPS_OFFSET: u32 = 160;

const MAGIC: [u8; 4] = *b"SKU1";

/// The image that a client has announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its length in bytes.
    pub size: u32,
    /// SHA-256 of all of it.
    pub sha256: [u8; DIGEST_LEN],
    /// Ed25519 signature of the digest.
    pub signature: [u8; SIGNATURE_LEN],
}

impl Record {
    /// Reads the first part of a record; None if there is none, or a power cut has torn it.
    pub(crate) fn parse(bytes: &[u8; RECORD_LEN]) -> Option<Self> {
        let (sealed, crc) = bytes.split_last_chunk::<4>()?;
        let (magic, rest) = sealed.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let (sha256, signature) = rest.split_first_chunk::<DIGEST_LEN>()?;
        let signature = signature.try_into().ok()?;
        let is_whole = *magic == MAGIC && u32::from_le_bytes(*crc) == crc32(sealed);
        is_whole.then_some(Self { size: u32::from_le_bytes(*size), sha256: *sha256, signature })
    }

    /// The first part of the record.
    pub(crate) fn bytes(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        let parts = MAGIC.into_iter().chain(self.size.to_le_bytes()).chain(self.sha256).chain(self.signature);
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        if let Some((sealed, crc)) = bytes.split_last_chunk_mut::<4>() {
            *crc = crc32(sealed).to_le_bytes();
        }
        bytes
    }
}

/// The image's first bytes with their CRC.
pub(crate) fn seal(head: &[u8; HEAD_LEN]) -> [u8; SEALED_HEAD_LEN] {
    let mut sealed = [0; SEALED_HEAD_LEN];
    let parts = head.iter().copied().chain(crc32(head).to_le_bytes());
    sealed.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    sealed
}

/// The image's first bytes; None if they are not there, or a power cut has torn them.
pub(crate) fn unseal(sealed: &[u8; SEALED_HEAD_LEN]) -> Option<[u8; HEAD_LEN]> {
    let (head, crc) = sealed.split_first_chunk::<HEAD_LEN>()?;
    (crc == crc32(head).to_le_bytes()).then_some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_not_if_a_bit_is_wrong() {
        let record = Record { size: 1_048_576, sha256: [7; DIGEST_LEN], signature: [9; SIGNATURE_LEN] };
        let bytes = record.bytes();
        assert_eq!(Record::parse(&bytes), Some(record));
        for bit in 0..8 * RECORD_LEN {
            let mut wrong = bytes;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::parse(&wrong), None, "{bit}");
        }
        assert_eq!(Record::parse(&[0xff; RECORD_LEN]), None);
        assert_eq!(unseal(&seal(&[3; HEAD_LEN])), Some([3; HEAD_LEN]));
        assert_eq!(unseal(&[0xff; SEALED_HEAD_LEN]), None);
    }
}
