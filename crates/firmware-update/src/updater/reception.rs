//! The image that is being received, as flash keeps it: the record, the first bytes, and the marks.

use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;

use crate::limits::{HEAD_LEN, MARKS_OFFSET_LEN, RECORD_LEN, SEALED_HEAD_LEN, WORD_LEN_MAX};
use crate::otadata::Slot;
use crate::record::{HEAD_OFFSET, Record, seal, unseal};
use crate::update_error::UpdateError;
use crate::updater::Updater;

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

    pub(super) async fn write_record(
        &mut self,
        record: &Record,
        head: Option<&[u8; HEAD_LEN]>,
    ) -> Result<(), UpdateError> {
        let address = self.record_address();
        self.erase(address).await?;
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

    /// Forgets what was received.
    pub(super) async fn forget(&mut self) -> Result<(), UpdateError> {
        (self.record, self.next) = (None, 0);
        self.erase(self.record_address()).await
    }
}

const _: () = assert!(RECORD_LEN <= HEAD_OFFSET as usize);
const _: () = assert!(HEAD_OFFSET as usize + SEALED_HEAD_LEN <= MARKS_OFFSET_LEN);
