//! The two entries of the otadata partition, by which the bootloader chooses a slot (ESP-IDF, `esp_ota_select_entry_t`).
//!
//! | bytes | field |
//! |---|---|
//! | 0 to 3 | `seq`: the entry is of slot `(seq - 1) % 2`, and the higher one counts; all ones: there is no entry |
//! | 4 to 23 | `seq_label`, which no bootloader reads: here the trial's seconds, and whether the image could be loaded |
//! | 24 to 27 | state |
//! | 28 to 31 | CRC-32 of `seq` |
//!
//! All numbers are little-endian. Each entry is at the start of a sector of its own.

use crate::limits::ENTRY_LEN;
use crate::rom_crc::crc32;

/// One of the two slots for images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Partition `ota_0`.
    Ota0,
    /// Partition `ota_1`.
    Ota1,
}

impl Slot {
    /// 0 or 1.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Ota0 => Self::Ota1,
            Self::Ota1 => Self::Ota0,
        }
    }

    /// The slot's partition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ota0 => "ota_0",
            Self::Ota1 => "ota_1",
        }
    }
}

/// The states of an entry (ESP-IDF, `esp_ota_img_states_t`).
pub mod state {
    /// Confirmed.
    pub const VALID: u32 = 2;
    /// The bootloader passes it over. A trial is in this state until it is confirmed.
    pub const INVALID: u32 = 3;
    /// The bootloader passes it over; nothing here writes it.
    pub const ABORTED: u32 = 4;
    /// Nothing is known: the bootloader takes it. An image that is yet to be tried.
    pub const UNDEFINED: u32 = u32::MAX;
}

/// Where an entry's state is.
pub(crate) const STATE_OFFSET: u32 = 24;
/// Where an entry says that the bootloader did not load the image.
pub(crate) const DAMAGED_OFFSET: u32 = 8;

/// An entry as it is in flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// All ones if there is none.
    pub seq: u32,
    /// One of [`state`], or what a power cut has left.
    pub state: u32,
    /// Seconds within which the trial is to be confirmed; all ones if nobody said.
    pub confirm_s: u16,
    /// The bootloader did not load its image.
    pub is_damaged: bool,
    /// The CRC is right.
    pub is_whole: bool,
}

impl Entry {
    /// An entry of this number and state.
    pub const fn new(seq: u32, state: u32) -> Self {
        Self { seq, state, confirm_s: u16::MAX, is_damaged: false, is_whole: true }
    }

    /// Reads an entry.
    pub fn parse(bytes: &[u8; ENTRY_LEN]) -> Self {
        let word =
            |at: usize| u32::from_le_bytes(core::array::from_fn(|index| bytes.get(at + index).copied().unwrap_or(0)));
        let seq = word(0);
        Self {
            seq,
            state: word(24),
            confirm_s: word(4) as u16,
            is_damaged: word(8) == 0,
            is_whole: word(28) == crc32(&seq.to_le_bytes()),
        }
    }

    /// The bytes of a new entry.
    pub fn bytes(&self) -> [u8; ENTRY_LEN] {
        let mut bytes = [0xff; ENTRY_LEN];
        let mut put = |at: usize, word: &[u8]| {
            bytes.iter_mut().skip(at).zip(word).for_each(|(byte, new)| *byte = *new);
        };
        put(0, &self.seq.to_le_bytes());
        put(4, &self.confirm_s.to_le_bytes());
        if self.is_damaged {
            put(DAMAGED_OFFSET as usize, &[0; 4]);
        }
        put(STATE_OFFSET as usize, &self.state.to_le_bytes());
        put(28, &crc32(&self.seq.to_le_bytes()).to_le_bytes());
        bytes
    }

    /// Whether there is an entry.
    pub const fn is_known(&self) -> bool {
        self.is_whole && self.seq != u32::MAX
    }

    /// Whether the bootloader passes the entry over.
    pub const fn is_passed_over(&self) -> bool {
        self.state == state::INVALID || self.state == state::ABORTED
    }

    /// Whether the bootloader may take the entry.
    pub const fn is_bootable(&self) -> bool {
        self.is_known() && !self.is_passed_over()
    }

    /// The slot that the entry is of.
    pub const fn slot(&self) -> Slot {
        if self.seq.wrapping_sub(1).is_multiple_of(2) { Slot::Ota0 } else { Slot::Ota1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_as_espressifs_tools_write_it() {
        let mut expected = [0xff; ENTRY_LEN];
        expected[..4].copy_from_slice(&[1, 0, 0, 0]);
        expected[24..28].copy_from_slice(&[2, 0, 0, 0]);
        // The CRC that `otatool.py` and the bootloader write for 1.
        expected[28..].copy_from_slice(&[0x9a, 0x98, 0x43, 0x47]);
        let entry = Entry::new(1, state::VALID);
        assert_eq!(entry.bytes(), expected);
        assert_eq!(Entry::parse(&expected), entry);
        assert!(entry.is_bootable() && entry.slot() == Slot::Ota0);
    }

    #[test]
    fn what_is_erased_or_torn_is_no_entry() {
        assert!(!Entry::parse(&[0xff; ENTRY_LEN]).is_known());
        let mut torn = Entry::new(2, state::UNDEFINED).bytes();
        assert_eq!(Entry::parse(&torn).slot(), Slot::Ota1);
        torn[29] |= 0x80;
        torn[28] ^= 0xff;
        assert!(!Entry::parse(&torn).is_known());
    }
}
