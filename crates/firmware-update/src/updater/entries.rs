//! The two entries of otadata: which is the own one, and how an entry is written.

use embedded_storage_async::nor_flash::NorFlash;

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

    /// The old firmware's verdict on the entry of the slot that is not booted.
    pub(super) async fn look_at_other(&mut self) -> Result<(), UpdateError> {
        let Some((index, other)) = self.entry_of(self.booted.other()) else { return Ok(()) };
        let own_seq = self.own().map_or(0, |(_, own)| own.seq);
        if other.is_bootable() && other.seq > own_seq {
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
        if self.own().is_some() {
            return Ok(());
        }
        // Not in the place of an entry that tells of a failed update, as far as there is another place.
        let index = usize::from(self.entries.first().is_some_and(Entry::is_known));
        // The least number of this slot that is above all others.
        let highest = self.entries.iter().filter(|entry| entry.is_known()).map(|entry| entry.seq).max().unwrap_or(0);
        let next = Entry::new(highest.saturating_add(1), state::VALID);
        let own = if next.slot() == self.booted { next } else { Entry { seq: next.seq.saturating_add(1), ..next } };
        self.write_entry(index, own).await
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

    /// Erases an entry's sector, programs the entry once, and reads it back.
    pub(super) async fn write_entry(&mut self, index: usize, entry: Entry) -> Result<(), UpdateError> {
        self.erase(self.entry_address(index)).await?;
        self.program_checked(self.entry_address(index), &entry.bytes()).await?;
        self.read_entries().await
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
