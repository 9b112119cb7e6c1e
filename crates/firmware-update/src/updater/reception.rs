//! The image that is being received, as flash keeps it: the record, the first bytes, and the marks.

use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;

use crate::limits::{HEAD_LEN, MARKS_OFFSET_LEN, RECORD_LEN, SEALED_HEAD_LEN, STEPS_LEN, STEPS_MAX, WORD_LEN_MAX};
use crate::otadata::Slot;
use crate::record::{HEAD_OFFSET, Record, STEPS_OFFSET, seal, unseal};
use crate::update_error::UpdateError;
use crate::updater::Updater;
use crate::wear::Wear;

impl<F: NorFlash> Updater<F> {
    /// The slot that is not booted.
    pub(super) fn slot(&self) -> Range<u32> {
        let [first, second] = &self.layout.slots;
        match self.booted {
            Slot::Ota0 => second.clone(),
            Slot::Ota1 => first.clone(),
        }
    }

    /// The address of the record: the last erase block of the slot that is not booted.
    pub(super) fn record_address(&self) -> u32 {
        self.slot().end - F::ERASE_SIZE as u32
    }

    /// The address of an erase block's mark.
    pub(super) fn mark(&self, block: u32) -> u32 {
        self.record_address() + MARKS_OFFSET_LEN as u32 + WORD_LEN_MAX as u32 * block
    }

    /// Finds the image that was being received before a reboot.
    pub(super) async fn read_record(&mut self) -> Result<(), UpdateError> {
        let bytes: [u8; RECORD_LEN] = self.read_array(self.record_address()).await?;
        let Some(record) = Record::parse(&bytes).filter(|record| record.size <= self.size_max()) else {
            return Ok(());
        };
        let blocks = record.size.div_ceil(F::ERASE_SIZE as u32);
        let mut whole = 0;
        while whole < blocks && self.read_array(self.mark(whole)).await? == [0; WORD_LEN_MAX] {
            whole += 1;
        }
        self.next = (whole * F::ERASE_SIZE as u32).min(record.size);
        self.record = Some(record);
        Ok(())
    }

    /// Reads how many steps were spent before the boot. Every word that is not erased counts.
    pub(super) async fn read_steps(&mut self) -> Result<(), UpdateError> {
        let words: [u8; STEPS_LEN] = self.read_array(self.record_address() + STEPS_OFFSET).await?;
        let spent = words.chunks(WORD_LEN_MAX).filter(|word| *word != [0xff; WORD_LEN_MAX]).count();
        self.wear = Wear::new(spent as u8);
        Ok(())
    }

    /// Spends a step, and counts it in flash. To be called before the step.
    ///
    /// # Errors
    /// [`UpdateError::Wear`] if none is left, or [`UpdateError::Flash`].
    pub(super) async fn spend_step(&mut self, now_ms: u64) -> Result<(), UpdateError> {
        self.wear.spend(1, STEPS_MAX, now_ms).map_err(UpdateError::Wear)?;
        self.write_steps().await
    }

    /// Counts the steps that are spent in flash, which may have counted more.
    async fn write_steps(&mut self) -> Result<(), UpdateError> {
        let zeros = [0; STEPS_LEN];
        let spent = zeros.get(..usize::from(self.wear.spent()) * WORD_LEN_MAX).unwrap_or_default();
        self.program(self.record_address() + STEPS_OFFSET, spent).await
    }

    pub(super) async fn write_record(
        &mut self,
        record: &Record,
        head: Option<&[u8; HEAD_LEN]>,
    ) -> Result<(), UpdateError> {
        let address = self.record_address();
        self.erase(address).await?;
        self.write_steps().await?;
        if let Some(head) = head {
            self.program_checked(address + HEAD_OFFSET, &seal(head)).await?;
        }
        self.program_checked(address, &record.bytes()).await
    }

    pub(super) async fn read_head(&mut self) -> Result<Option<[u8; HEAD_LEN]>, UpdateError> {
        let sealed: [u8; SEALED_HEAD_LEN] = self.read_array(self.record_address() + HEAD_OFFSET).await?;
        Ok(unseal(&sealed))
    }

    /// Keeps the image's first bytes in the record.
    pub(super) async fn keep_head(&mut self, record: &Record, head: &[u8; HEAD_LEN]) -> Result<(), UpdateError> {
        let sealed: [u8; SEALED_HEAD_LEN] = self.read_array(self.record_address() + HEAD_OFFSET).await?;
        match sealed == [0xff; SEALED_HEAD_LEN] {
            true => self.program_checked(self.record_address() + HEAD_OFFSET, &seal(head)).await,
            false if unseal(&sealed) == Some(*head) => Ok(()),
            false => self.write_record(record, Some(head)).await,
        }
    }

    /// Forgets what was received. The record's first word becomes zero, so that nothing is erased.
    pub(super) async fn forget(&mut self) -> Result<(), UpdateError> {
        (self.record, self.next) = (None, 0);
        self.program_checked(self.record_address(), &[0; WORD_LEN_MAX]).await
    }
}

const _: () = assert!(RECORD_LEN <= HEAD_OFFSET as usize);
const _: () = assert!(HEAD_OFFSET as usize + SEALED_HEAD_LEN <= STEPS_OFFSET as usize);
const _: () = assert!(STEPS_OFFSET as usize + STEPS_LEN <= MARKS_OFFSET_LEN);
