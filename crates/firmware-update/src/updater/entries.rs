//! The two entries of otadata: which is the own one, and how an entry is written.

use embedded_storage_async::nor_flash::NorFlash;

use crate::bootloader::image_len;
use crate::limits::{ENTRY_LEN, WORD_LEN_MAX};
use crate::otadata::{DAMAGED_OFFSET, Entry, STATE_OFFSET, Slot, state};
use crate::update_error::{UpdateError, UpdateFailure};
use crate::updater::Updater;

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

    /// Has the bootloader pass over the image that runs, and take the other.
    pub(super) async fn mark_trial(&mut self) -> Result<(), UpdateError> {
        let other = self.entry_of(self.booted.other());
        let Some((index, own)) = self.own() else {
            // There is an entry of the other slot. The own entry must not become readable again.
            let index = other.map_or(0, |(index, _)| 1 - index);
            return self.void_entry(index).await;
        };
        let marked = match own.is_passed_over() {
            true => Ok(()),
            false => self.set_state(index, state::INVALID).await,
        };
        match other {
            Some((_, other)) if other.is_bootable() => {}
            Some((place, _)) if place != index => self.set_state(place, state::VALID).await?,
            // The greatest number of that slot that is below this one's.
            _ => self.write_entry(1 - index, Entry::new(own.seq.wrapping_sub(1), state::VALID)).await?,
        }
        marked
    }

    /// The old firmware's verdict on the entry of the slot that is not booted.
    pub(super) async fn look_at_other(&mut self) -> Result<(), UpdateError> {
        let (Some((_, own)), Some((index, other))) = (self.own(), self.entry_of(self.booted.other())) else {
            return Ok(());
        };
        if other.is_bootable() && other.seq > own.seq {
            // The bootloader has tried it first, and this firmware runs all the same.
            self.failure = Some(UpdateFailure::NotLoaded);
            self.program(self.entry_address(index) + DAMAGED_OFFSET, &[0; WORD_LEN_MAX]).await?;
            self.read_entries().await?;
            self.set_state(index, state::INVALID).await?;
        } else if other.is_passed_over() {
            self.failure = Some(if other.is_damaged { UpdateFailure::NotLoaded } else { UpdateFailure::NotConfirmed });
        }
        Ok(())
    }

    /// Makes sure that the own entry is there, and VALID.
    pub(super) async fn secure_own(&mut self) -> Result<(), UpdateError> {
        if let Some((index, own)) = self.own() {
            let is_short = own.state != state::VALID && (own.state & state::VALID != 0 || own.is_passed_over());
            // Any other state is one that the bootloader takes.
            return if is_short { self.set_state(index, state::VALID).await } else { Ok(()) };
        }
        // Not in the place of an entry that tells of a failed update, as far as there is another place.
        let index = usize::from(self.entries.first().is_some_and(Entry::is_known));
        // The least number of this slot that is above all others.
        let highest = self.entries.iter().filter(|entry| entry.is_known()).map(|entry| entry.seq).max().unwrap_or(0);
        let next = Entry::new(highest.saturating_add(1), state::VALID);
        let own = if next.slot() == self.booted { next } else { Entry { seq: next.seq.saturating_add(1), ..next } };
        match self.write_entry(index, own).await {
            // The place has worn out.
            Err(_) if !self.entries.iter().any(Entry::is_bootable) => self.write_entry(1 - index, own).await,
            written => written,
        }
    }

    /// Programs the own entry's VALID once more, before the other image is overwritten. A power cut in CONFIRM may have left
    /// a bit that does not stay programmed.
    pub(super) async fn refresh_own(&mut self) -> Result<(), UpdateError> {
        match self.own().filter(|(_, own)| own.state == state::VALID) {
            Some((index, _)) => {
                self.program(self.entry_address(index) + STATE_OFFSET, &state::VALID.to_le_bytes()).await
            }
            None => Ok(()),
        }
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

    pub(super) async fn erase_entry(&mut self, index: usize) -> Result<(), UpdateError> {
        self.erase(self.entry_address(index)).await?;
        self.read_entries().await
    }

    /// Makes an entry none, without an erase.
    async fn void_entry(&mut self, index: usize) -> Result<(), UpdateError> {
        self.program(self.entry_address(index), &[0; ENTRY_LEN]).await?;
        self.read_entries().await
    }

    /// Erases an entry's sector, programs the entry once, and reads it back. The bootloader might take an entry that is not
    /// as it was programmed, so that is made none.
    pub(super) async fn write_entry(&mut self, index: usize, entry: Entry) -> Result<(), UpdateError> {
        self.erase(self.entry_address(index)).await?;
        let written = self.program_checked(self.entry_address(index), &entry.bytes()).await;
        if written.is_err() {
            self.void_entry(index).await?;
        }
        self.read_entries().await?;
        written
    }

    /// Programs an entry's state over what it is. Where bits would have to rise, the entry is written anew.
    pub(super) async fn set_state(&mut self, index: usize, new: u32) -> Result<(), UpdateError> {
        let entry = self.entries.get(index).copied().ok_or(UpdateError::Flash)?;
        let address = self.entry_address(index) + STATE_OFFSET;
        if entry.state & new == new && self.program_checked(address, &new.to_le_bytes()).await.is_ok() {
            return self.read_entries().await;
        }
        self.write_entry(index, Entry { state: new, ..entry }).await
    }
}
