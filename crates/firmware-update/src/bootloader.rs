//! How the stock bootloader chooses a slot: ESP-IDF's second-stage bootloader without the rollback option, as espflash
//! writes it. A model of Espressif's published `bootloader_utility.c` and `bootloader_common_loader.c`, for a partition
//! table with two slots and no factory partition. The simulator and the board qemu-virt boot by it; chips have their own.

use crate::otadata::{Entry, Slot, state};

/// What the bootloader does with the two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The slot that it tries first. If that has no image that can be loaded, it tries the other.
    pub first: Slot,
    /// Neither entry is known: the bootloader erases the first entry's sector and writes an entry for the slot that it
    /// boots, in state VALID.
    pub is_initial: bool,
}

/// Chooses by the entries.
pub fn choose(entries: &[Entry; 2]) -> Choice {
    // `bootloader_common_ota_select_invalid`, which does not look at the CRC.
    if entries.iter().all(|entry| entry.seq == u32::MAX || entry.is_passed_over()) {
        return Choice { first: Slot::Ota0, is_initial: entries.iter().all(|entry| !entry.is_known()) };
    }
    let [a, b] = entries;
    let active = match (a.is_bootable(), b.is_bootable()) {
        // The first one if both have the same number.
        (true, true) => Some(if a.seq >= b.seq { a } else { b }),
        (true, false) => Some(a),
        (false, true) => Some(b),
        (false, false) => None,
    };
    // Without an active entry all slots are tried from the first on.
    Choice { first: active.map_or(Slot::Ota0, Entry::slot), is_initial: false }
}

/// The entry that the bootloader writes where there was none, for the slot that it boots.
pub fn initial_entry(booted: Slot) -> Entry {
    Entry::new(booted.index() as u32 + 1, state::VALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Entry =
        Entry { seq: u32::MAX, state: u32::MAX, confirm_s: u16::MAX, is_damaged: false, is_whole: false };

    fn entry(seq: u32, state: u32) -> Entry {
        Entry::new(seq, state)
    }

    fn torn(seq: u32, state: u32) -> Entry {
        Entry { is_whole: false, ..entry(seq, state) }
    }

    fn check(a: Entry, b: Entry, first: Slot, is_initial: bool) {
        assert_eq!(choose(&[a, b]), Choice { first, is_initial }, "{a:?} {b:?}");
    }

    #[test]
    fn the_highest_number_that_is_not_passed_over_counts() {
        let (valid, new) = (state::VALID, state::UNDEFINED);
        check(entry(1, valid), NONE, Slot::Ota0, false);
        check(entry(1, valid), entry(2, new), Slot::Ota1, false);
        check(entry(3, new), entry(2, valid), Slot::Ota0, false);
        check(entry(1, valid), entry(2, state::INVALID), Slot::Ota0, false);
        check(entry(3, state::ABORTED), entry(2, valid), Slot::Ota1, false);
        // NEW and PENDING_VERIFY mean nothing without the rollback option.
        check(entry(1, valid), entry(2, 0), Slot::Ota1, false);
        check(entry(1, valid), entry(2, 1), Slot::Ota1, false);
        // An entry's place means nothing.
        check(entry(2, valid), entry(1, valid), Slot::Ota1, false);
        check(NONE, entry(4, valid), Slot::Ota1, false);
    }

    #[test]
    fn what_is_torn_counts_for_nothing() {
        check(entry(1, state::VALID), torn(2, u32::MAX), Slot::Ota0, false);
        check(entry(2, state::VALID), torn(3, u32::MAX), Slot::Ota1, false);
        check(torn(2, u32::MAX), torn(4, u32::MAX), Slot::Ota0, false);
    }

    #[test]
    fn without_entries_the_first_slot_is_tried_and_gets_one() {
        check(NONE, NONE, Slot::Ota0, true);
        check(torn(2, state::INVALID), NONE, Slot::Ota0, true);
        check(entry(2, state::INVALID), NONE, Slot::Ota0, false);
        check(entry(1, state::INVALID), entry(2, state::INVALID), Slot::Ota0, false);
        assert_eq!(initial_entry(Slot::Ota1), entry(2, state::VALID));
    }
}
