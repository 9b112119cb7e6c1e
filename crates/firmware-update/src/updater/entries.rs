//! The two entries of otadata: which is the own one, and how an entry is written.

use embedded_storage_async::nor_flash::NorFlash;

use crate::bootloader::image_len;
use crate::limits::ENTRY_LEN;
use crate::otadata::{Entry, STATE_OFFSET, Slot, state};
use crate::update_error::{UpdateError, UpdateFailure};
use crate::updater::{NONE, Updater};

impl<F: NorFlash> Updater<F> {
    /// The own entry and its index.
    pub(super) fn own(&self) -> Option<(usize, Entry)> {
        self.entry_of(self.booted)
    }

    /// The entry of a slot that the bootloader would rather take, and its index.
    pub(super) fn entry_of(&self, slot: Slot) -> Option<(usize, Entry)> {
        let known =
            self.entries.iter().copied().enumerate().filter(|(_, entry)| entry.is_known() && entry.slot() == slot);
        known.max_by_key(|(_, entry)| (entry.is_bootable(), entry.seq))
    }

    /// Whether the image that runs waits for its confirmation, by the entries as they were before this boot.
    pub(super) async fn is_own_on_trial(&mut self) -> Result<bool, UpdateError> {
        let other = self.entry_of(self.booted.other()).map(|(_, entry)| entry);
        match (self.own(), other) {
            // Nothing but CONFIRM programs this bit.
            (Some((_, own)), _) if !own.is_passed_over() => Ok(own.state & !state::VALID & state::INVALID != 0),
            // The bootloader passes both over, and has tried the first slot. The trial has the higher number.
            (Some((_, own)), Some(other)) if other.is_passed_over() => Ok(own.seq > other.seq),
            (Some(_), _) => Ok(true),
            // The bootloader tries the other first. So the other can't be loaded, or the bootloader has read the own entry.
            // A power cut may leave bits that are not the same each time.
            (None, Some(other)) if other.is_bootable() => {
                let slot = self.layout.slots.get(self.booted.other().index()).cloned().ok_or(UpdateError::Flash)?;
                Ok(image_len(&mut self.flash, &slot, self.target.chip_id).await?.is_some())
            }
            (None, _) => Ok(false),
        }
    }

    /// The entries that are to be programmed, by their places. The bootloader is to take the other image at the next boot if
    /// the one that runs is on trial, and else this one. An entry without a number makes what is in its place unreadable.
    pub(super) fn missing(&self) -> [Option<(usize, Entry)>; 2] {
        let other = self.entry_of(self.booted.other());
        match (self.own(), self.is_trial) {
            (Some((index, own)), true) => {
                let marked = (!own.is_passed_over()).then_some((index, Entry { state: state::INVALID, ..own }));
                let valid = |(place, entry)| (place, Entry { state: state::VALID, ..entry });
                // The greatest number of the other slot that is below this one's.
                let new = (1 - index, Entry::new(own.seq.wrapping_sub(1), state::VALID));
                let is_there = other.is_some_and(|(_, entry)| entry.is_bootable());
                let restored = (!is_there).then(|| other.filter(|(place, _)| *place != index).map_or(new, valid));
                [marked, restored]
            }
            // There is an entry of the other slot. The own one must not become readable again.
            (None, true) => [other.map(|(place, _)| (1 - place, NONE)), None],
            (Some((index, own)), false) => {
                // Any other state without VALID's bit is one that the bootloader takes.
                let is_short = own.state != state::VALID && (own.state & state::VALID != 0 || own.is_passed_over());
                // The bootloader has tried the other first, and this firmware runs all the same.
                let passed = other.filter(|(_, entry)| entry.is_bootable() && entry.seq > own.seq);
                let damaged =
                    passed.map(|(place, entry)| (place, Entry { state: state::INVALID, is_damaged: true, ..entry }));
                [is_short.then_some((index, Entry { state: state::VALID, ..own })), damaged]
            }
            (None, false) => {
                // Not in the place of an entry that tells of a failed update.
                let index = other.map_or(0, |(place, _)| 1 - place);
                // The least number of this slot that is above the other's.
                let next = Entry::new(other.map_or(0, |(_, entry)| entry.seq).saturating_add(1), state::VALID);
                let own =
                    if next.slot() == self.booted { next } else { Entry { seq: next.seq.saturating_add(1), ..next } };
                // The second place is for where the first has worn out.
                let is_there = other.is_some_and(|(_, entry)| entry.is_bootable());
                [Some((index, own)), (!is_there).then_some((1 - index, own))]
            }
        }
    }

    /// Why the image in the other slot did not become the firmware, by its entry.
    pub(super) fn other_failure(&self) -> Option<UpdateFailure> {
        let (_, other) = self.entry_of(self.booted.other()).filter(|(_, entry)| entry.is_passed_over())?;
        Some(if other.is_damaged { UpdateFailure::NotLoaded } else { UpdateFailure::NotConfirmed })
    }

    pub(super) async fn read_entries(&mut self) -> Result<(), UpdateError> {
        for index in 0..self.entries.len() {
            let bytes: [u8; ENTRY_LEN] = self.read_array(self.entry_address(index)).await?;
            if let Some(entry) = self.entries.get_mut(index) {
                *entry = Entry::parse(&bytes);
            }
        }
        Ok(())
    }

    pub(super) fn entry_address(&self, index: usize) -> u32 {
        self.layout.otadata + (index * F::ERASE_SIZE) as u32
    }

    /// Programs an entry, and reads it back. The sector is erased first where bits would have to rise. The bootloader might
    /// take an entry that is not as it was programmed, so that is made unreadable, as an entry without a number is.
    pub(super) async fn put_entry(&mut self, index: usize, entry: Entry) -> Result<(), UpdateError> {
        const UNREADABLE: [u8; ENTRY_LEN] = [0; ENTRY_LEN];
        let address = self.entry_address(index);
        let bytes = if entry.is_known() { entry.bytes() } else { UNREADABLE };
        let old: [u8; ENTRY_LEN] = self.read_array(address).await?;
        let is_over = old.iter().zip(bytes).all(|(old, new)| old & new == new);
        let attempts = [(false, bytes), (true, bytes), (false, UNREADABLE)];
        let mut result = Err(UpdateError::Flash);
        for (is_anew, new) in attempts.into_iter().skip(usize::from(!is_over)) {
            if is_anew {
                self.erase(address).await?;
            }
            if self.program_checked(address, &new).await.is_ok() {
                result = if new == bytes { Ok(()) } else { Err(UpdateError::Flash) };
                break;
            }
        }
        self.read_entries().await?;
        result
    }

    /// Programs the own entry's VALID once more, before the other image is overwritten. A power cut in CONFIRM may have left
    /// a bit that does not stay programmed.
    pub(super) async fn refresh_own(&mut self) -> Result<(), UpdateError> {
        let (index, own) = self.own().ok_or(UpdateError::Flash)?;
        match own.state {
            state::VALID => self.program(self.entry_address(index) + STATE_OFFSET, &own.state.to_le_bytes()).await,
            _ => Ok(()),
        }
    }
}
