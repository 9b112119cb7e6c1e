//! How the stock bootloader chooses a slot: ESP-IDF's second-stage bootloader without the rollback option, as espflash
//! writes it. A model of Espressif's published `bootloader_utility.c` and `bootloader_common_loader.c`, for a partition
//! table with two slots and no factory partition. The simulator and the board qemu-virt boot by it; chips have their own.

use core::ops::Range;

use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
use sha2::Digest;

use crate::image::{SEGMENTS_OFFSET, Start};
use crate::image_reader::{Aligned, hash, read_len, read_segment};
use crate::limits::{BUFFER_LEN, DIGEST_LEN, ENTRY_LEN, SEGMENT_HEADER_LEN, START_LEN};
use crate::otadata::{Entry, Slot, state};
use crate::update_error::UpdateError;
use crate::updater::Layout;

/// The bootloader's verdict on the two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The slot that it tries first. If that has no image that can be loaded, it tries the other.
    pub(crate) first: Slot,
    /// Neither entry is known: the bootloader erases the first entry's sector and writes an entry for the slot that it
    /// boots, in state VALID.
    pub(crate) is_initial: bool,
}

/// Chooses by the entries.
pub(crate) fn choose(entries: &[Entry; 2]) -> Choice {
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

/// Chooses a slot as the bootloader does, and writes what it writes. None if no slot has an image that can be loaded.
///
/// # Errors
/// [`UpdateError::Flash`].
pub async fn boot<F: NorFlash>(flash: &mut F, layout: &Layout, chip_id: u16) -> Result<Option<Slot>, UpdateError> {
    let mut entries = [Entry::new(u32::MAX, state::UNDEFINED); 2];
    for (index, entry) in entries.iter_mut().enumerate() {
        let mut bytes = Aligned([0; ENTRY_LEN]);
        let address = layout.otadata + (index * F::ERASE_SIZE) as u32;
        flash.read(address, &mut bytes.0).await.map_err(|_| UpdateError::Flash)?;
        *entry = Entry::parse(&bytes.0);
    }
    let choice = choose(&entries);
    for slot in [choice.first, choice.first.other()] {
        let range = layout.slots.get(slot.index()).ok_or(UpdateError::Flash)?;
        if image_len(flash, range, chip_id).await?.is_none() {
            continue;
        }
        if choice.is_initial {
            let (start, entry) = (layout.otadata, Aligned(initial_entry(slot).bytes()));
            flash.erase(start, start + F::ERASE_SIZE as u32).await.map_err(|_| UpdateError::Flash)?;
            flash.write(start, &entry.0).await.map_err(|_| UpdateError::Flash)?;
        }
        return Ok(Some(slot));
    }
    Ok(None)
}

/// The length of the image in a slot; None if there is none that the bootloader loads. The bootloader checks the magic
/// byte, the chip, the segments and the appended digest.
///
/// # Errors
/// [`UpdateError::Flash`].
pub async fn image_len<F: ReadNorFlash>(
    flash: &mut F,
    slot: &Range<u32>,
    chip_id: u16,
) -> Result<Option<u32>, UpdateError> {
    let mut bytes = Aligned([0; START_LEN]);
    flash.read(slot.start, &mut bytes.0).await.map_err(|_| UpdateError::Flash)?;
    let Some(start) = Start::parse(&bytes.0).filter(|start| start.chip_id == chip_id) else { return Ok(None) };
    let Some(len) = read_len(flash, slot.start, start.segments, slot.len() as u32).await? else { return Ok(None) };
    let body = len - DIGEST_LEN as u32;
    let mut buffer = Aligned([0; BUFFER_LEN]);
    let sha = hash(flash, (slot.start, body), &[], &mut buffer.0).await?;
    let mut appended = Aligned([0; DIGEST_LEN]);
    flash.read(slot.start + body, &mut appended.0).await.map_err(|_| UpdateError::Flash)?;
    Ok((sha.finalize()[..] == appended.0).then_some(len))
}

/// Calls `place` for each segment of a slot's image, in their order: with the segment's address, and the range of flash
/// that has its bytes. Gives the address of the first instruction; None if there is no image. The image must have passed
/// [`boot`] or [`image_len`].
///
/// # Errors
/// [`UpdateError::Flash`].
pub async fn load<F: ReadNorFlash>(
    flash: &mut F,
    slot: &Range<u32>,
    mut place: impl FnMut(u32, Range<u32>),
) -> Result<Option<u32>, UpdateError> {
    let mut bytes = Aligned([0; START_LEN]);
    flash.read(slot.start, &mut bytes.0).await.map_err(|_| UpdateError::Flash)?;
    let Some(start) = Start::parse(&bytes.0) else { return Ok(None) };
    let mut at = slot.start + SEGMENTS_OFFSET;
    for _ in 0..start.segments {
        let segment = read_segment(flash, at).await?;
        let from = at + SEGMENT_HEADER_LEN as u32;
        let Some(end) = from.checked_add(segment.len).filter(|end| *end <= slot.end) else { return Ok(None) };
        place(segment.address, from..end);
        at = end;
    }
    Ok(Some(start.entry))
}

/// The entry that the bootloader writes where there was none, for the slot that it boots.
fn initial_entry(booted: Slot) -> Entry {
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
