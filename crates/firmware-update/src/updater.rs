//! The steps of an update.
//!
//! An entry of otadata is *known* if its number is not all ones and its CRC is right. The *own* entry is the known one of
//! the slot that is booted. The order of the steps is what makes a power cut harmless:
//!
//! 1. [`begin`](Updater::begin): the own entry is VALID, or is written first. The other entry stays.
//! 2. [`write`](Updater::write): into the slot that is not booted, without the image's first bytes.
//! 3. [`try_image`](Updater::try_image): reads the image back, verifies it, and programs its first bytes. Then it
//!    erases the other entry's sector, and programs its new entry once: one number higher, state UNDEFINED.
//! 4. [`boot`](Updater::boot), as the new image's first statement: programs the own entry's state to INVALID, so that the
//!    next boot is the old image's. If the old image's entry is lost, it is written anew.
//! 5. [`confirm`](Updater::confirm): programs VALID over INVALID, which is one bit and no erase.

mod entries;
mod flash_operations;
mod reception;
mod verify;

#[cfg(test)]
mod tests;

use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;

use crate::image::{Header, Target};
use crate::image_reader::Aligned;
use crate::limits::{
    BUFFER_LEN, CHUNK_LEN_MAX, CONFIRM_S, CONFIRM_S_MAX, CONFIRM_S_MIN, HEAD_LEN, HEADER_LEN, IMAGE_ALIGN_LEN,
    MARKS_OFFSET_LEN, STEPS_MAX, WORD_LEN_MAX,
};
use crate::otadata::{Entry, Slot, state};
use crate::record::Record;
use crate::update_error::{UpdateError, UpdateFailure};
use crate::wear::Wear;

/// Where the partitions are in flash. All of them begin and end with an erase block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The address of the otadata partition, of two erase blocks.
    pub otadata: u32,
    /// The partitions `ota_0` and `ota_1`, each of two erase blocks at least.
    pub slots: [Range<u32>; 2],
}

/// The state of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateState {
    /// No update was begun.
    Idle,
    /// An image is being received.
    Receiving,
    /// All of the image has come.
    Ready,
    /// The firmware that runs waits for its confirmation.
    Trial,
    /// The device is to restart into the image.
    Restarting,
}

impl UpdateState {
    /// As FIRMWARE STATUS shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Receiving => "receiving",
            Self::Ready => "ready",
            Self::Trial => "trial",
            Self::Restarting => "restarting",
        }
    }
}

/// How an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateStatus {
    /// The update's state.
    pub state: UpdateState,
    /// The slot that is booted.
    pub booted: Slot,
    /// Bytes of the image that have come, which is the next offset; 0 if none was begun.
    pub received: u32,
    /// Bytes of the image; 0 if none was begun.
    pub size: u32,
    /// Seconds within which the trial is to be confirmed.
    pub confirm_s: u16,
    /// Why the last update did not become the firmware; None if it did, or there was none.
    pub failure: Option<UpdateFailure>,
}

/// The update of one device.
///
/// Its methods are futures of one task. Between any two operations on flash they yield, so that other tasks wait for one
/// operation at most. The erase of one block takes the longest. A future that is dropped is as a power cut, after which
/// [`boot`](Self::boot) has to be called again.
pub struct Updater<F: NorFlash> {
    flash: F,
    layout: Layout,
    target: Target,
    booted: Slot,
    entries: [Entry; 2],
    /// As the own entry has it.
    confirm_s: u16,
    is_trial: bool,
    is_restarting: bool,
    record: Option<Record>,
    /// Bytes that have come.
    next: u32,
    /// An image was begun, or gone on with, since boot.
    has_begun: bool,
    wear: Wear,
    failure: Option<UpdateFailure>,
    buffer: Aligned<BUFFER_LEN>,
    #[cfg(test)]
    skips_verification: bool,
}

/// No entry.
const NONE: Entry = Entry { seq: u32::MAX, state: u32::MAX, confirm_s: u16::MAX, is_damaged: false, is_whole: false };

impl<F: NorFlash> Updater<F> {
    /// Bytes of an erase block. In place of this constant a variable would outlive a wait. Then the compiler would not see
    /// that the divisor is not zero, and would have the division panic.
    const BLOCK: u32 = F::ERASE_SIZE as u32;

    /// The update of a device that has booted this slot. [`boot`](Self::boot) comes first.
    ///
    /// # Errors
    /// [`UpdateError::Flash`]: the partitions are not whole erase blocks, or have no room for a record.
    pub fn new(flash: F, layout: Layout, target: Target, booted: Slot) -> Result<Self, UpdateError> {
        let block = F::ERASE_SIZE as u32;
        let is_whole = |range: &Range<u32>| {
            range.start.is_multiple_of(block) && range.end.is_multiple_of(block) && range.end > range.start + block
        };
        let marks_max = F::ERASE_SIZE.saturating_sub(MARKS_OFFSET_LEN) / WORD_LEN_MAX;
        let has_room = |range: &Range<u32>| range.len() / F::ERASE_SIZE <= marks_max;
        let is_usable = layout.slots.iter().all(|range| is_whole(range) && has_room(range))
            && layout.otadata.is_multiple_of(block)
            && F::WRITE_SIZE <= WORD_LEN_MAX
            && F::READ_SIZE <= WORD_LEN_MAX;
        if !is_usable {
            return Err(UpdateError::Flash);
        }
        Ok(Self {
            flash,
            layout,
            target,
            booted,
            entries: [NONE; 2],
            confirm_s: u16::MAX,
            is_trial: false,
            is_restarting: false,
            record: None,
            next: 0,
            has_begun: false,
            wear: Wear::new(0),
            failure: None,
            buffer: Aligned([0; BUFFER_LEN]),
            #[cfg(test)]
            skips_verification: false,
        })
    }

    /// Reads how things are, and marks an image that is on trial. To be called before anything that can fail or wait:
    /// a reset before it is done boots the trial again.
    ///
    /// # Errors
    /// [`UpdateError::Flash`]: reading has failed.
    pub async fn boot(&mut self) -> Result<UpdateStatus, UpdateError> {
        (self.is_restarting, self.record, self.next, self.failure) = (false, None, 0, None);
        self.has_begun = false;
        self.read_entries().await?;
        self.confirm_s = self.own().map_or(u16::MAX, |(_, own)| own.confirm_s);
        self.is_trial = self.is_own_on_trial().await?;
        let (own, missing) = (self.own(), self.missing());
        for (index, entry) in missing.into_iter().flatten() {
            // Flash that can't be programmed makes an image no less one on trial, and updates work without the rest. An error
            // here would take the owner the way to end a trial.
            if self.put_entry(index, entry).await.is_ok() && own.is_none() {
                break;
            }
        }
        if self.is_trial {
            let _ = self.read_steps().await;
            return Ok(self.status());
        }
        let is_damaged = own.is_some() && matches!(missing, [_, Some(_)]);
        self.failure = if is_damaged { Some(UpdateFailure::NotLoaded) } else { self.other_failure() };
        self.read_record().await?;
        self.read_steps().await?;
        Ok(self.status())
    }

    /// How the update is.
    pub fn status(&self) -> UpdateStatus {
        let state = match (&self.record, self.is_trial, self.is_restarting) {
            (_, true, _) => UpdateState::Trial,
            (_, _, true) => UpdateState::Restarting,
            (None, ..) => UpdateState::Idle,
            (Some(record), ..) if self.next < record.size => UpdateState::Receiving,
            (Some(_), ..) => UpdateState::Ready,
        };
        let is_known = (CONFIRM_S_MIN..=CONFIRM_S_MAX).contains(&self.confirm_s);
        UpdateStatus {
            state,
            booted: self.booted,
            received: self.next,
            size: self.record.map_or(0, |record| record.size),
            confirm_s: if is_known { self.confirm_s } else { CONFIRM_S },
            failure: self.failure,
        }
    }

    /// The longest image that fits, bytes: a slot without its last erase block.
    pub fn size_max(&self) -> u32 {
        self.slot().len() as u32 - F::ERASE_SIZE as u32
    }

    /// Announces an image, and gives the next offset. An image that is being received goes on, also after a reboot,
    /// unless `is_anew`. `now_ms` is the time since boot.
    ///
    /// # Errors
    /// [`UpdateError::NoKey`], [`UpdateError::Trial`], [`UpdateError::Restarting`], [`UpdateError::Size`], [`UpdateError::Signature`],
    /// [`UpdateError::Wear`], or [`UpdateError::Flash`], after which there may be no update any more.
    pub async fn begin(&mut self, record: Record, is_anew: bool, now_ms: u64) -> Result<u32, UpdateError> {
        self.check_kept()?;
        let (least, most) = (HEADER_LEN as u32, self.size_max());
        if !(least..=most).contains(&record.size) || !record.size.is_multiple_of(IMAGE_ALIGN_LEN as u32) {
            return Err(UpdateError::Size(most));
        }
        if self.record == Some(record) && !is_anew {
            // After a reboot the sector that was being received is erased once more.
            if !self.has_begun && self.next < record.size {
                self.spend_step(now_ms).await?;
            }
            self.has_begun = true;
            return Ok(self.next);
        }
        self.check_signature(&record)?;
        self.wear.spend(1, STEPS_MAX, now_ms).map_err(UpdateError::Wear)?;
        self.has_begun = true;
        self.refresh_own().await?;
        (self.record, self.next) = (None, 0);
        self.write_record(&record, None).await?;
        self.record = Some(record);
        Ok(0)
    }

    /// Programs the next bytes of the image, and gives the offset of those that follow.
    ///
    /// # Errors
    /// [`UpdateError::Idle`], [`UpdateError::Offset`], [`UpdateError::Data`]; of the first bytes also [`UpdateError::Short`], [`UpdateError::NoImage`],
    /// [`UpdateError::Chip`] or [`UpdateError::Project`]. After [`UpdateError::Flash`] the same bytes can be written again.
    pub async fn write(&mut self, offset: u32, data: &[u8]) -> Result<u32, UpdateError> {
        self.check_kept()?;
        let record = self.record.ok_or(UpdateError::Idle)?;
        if offset != self.next {
            return Err(UpdateError::Offset(self.next));
        }
        let len = data.len() as u32;
        let is_possible = !data.is_empty() && data.len() <= CHUNK_LEN_MAX && data.len().is_multiple_of(WORD_LEN_MAX);
        if !is_possible || len > record.size - offset {
            return Err(UpdateError::Data);
        }
        if offset == 0 {
            let header = data.first_chunk::<HEADER_LEN>().ok_or(UpdateError::Short)?;
            Header::parse(header, &self.target)?;
            let head = data.first_chunk::<HEAD_LEN>().ok_or(UpdateError::Short)?;
            self.keep_head(&record, head).await?;
        }
        let mut data = data;
        while !data.is_empty() {
            let room = Self::BLOCK - self.next % Self::BLOCK;
            let (part, rest) = data.split_at(data.len().min(room as usize));
            if room == Self::BLOCK {
                self.erase(self.slot().start + self.next).await?;
            }
            // The first bytes are programmed last, after the image is verified.
            let hidden = if self.next == 0 { HEAD_LEN } else { 0 };
            let visible = part.get(hidden..).unwrap_or_default();
            self.program(self.slot().start + self.next + hidden as u32, visible).await?;
            let next = self.next + part.len() as u32;
            if next.is_multiple_of(Self::BLOCK) || next == record.size {
                self.program(self.mark(self.next / Self::BLOCK), &[0; WORD_LEN_MAX]).await?;
            }
            self.next = next;
            data = rest;
        }
        Ok(self.next)
    }

    /// Reads the image back, verifies it, and has the bootloader take it at the next boot, once. The image is to be
    /// confirmed within `confirm_s` seconds. The caller restarts the device. `now_ms` is the time since boot.
    ///
    /// # Errors
    /// [`UpdateError::Idle`], [`UpdateError::Incomplete`] or [`UpdateError::Wear`]. [`UpdateError::Damaged`], [`UpdateError::NoImage`], [`UpdateError::Chip`],
    /// [`UpdateError::Project`] or [`UpdateError::Signature`]: the image is forgotten. [`UpdateError::Flash`]: it is not taken.
    pub async fn try_image(&mut self, confirm_s: u16, now_ms: u64) -> Result<(), UpdateError> {
        self.check_kept()?;
        let record = self.record.ok_or(UpdateError::Idle)?;
        if self.next < record.size {
            return Err(UpdateError::Incomplete(self.next));
        }
        let head = match self.verify(&record).await {
            Ok(head) => head,
            Err(UpdateError::Flash) => return Err(UpdateError::Flash),
            Err(error) => {
                self.forget().await?;
                self.failure = Some(UpdateFailure::Rejected(error));
                return Err(error);
            }
        };
        self.spend_step(now_ms).await?;
        self.program_checked(self.slot().start, &head).await?;
        let (index, own) = self.own().ok_or(UpdateError::Flash)?;
        let seq = own.seq.checked_add(1).filter(|seq| *seq != u32::MAX).ok_or(UpdateError::Flash)?;
        let entry = Entry { confirm_s, ..Entry::new(seq, state::UNDEFINED) };
        self.put_entry(1 - index, entry).await?;
        self.failure = None;
        self.is_restarting = true;
        Ok(())
    }

    /// Keeps the firmware that is on trial.
    ///
    /// # Errors
    /// [`UpdateError::NoTrial`]. [`UpdateError::Flash`]: it may or may not be kept.
    pub async fn confirm(&mut self) -> Result<(), UpdateError> {
        if !self.is_trial {
            return Err(UpdateError::NoTrial);
        }
        let (index, own) = self.own().ok_or(UpdateError::Flash)?;
        self.put_entry(index, Entry { state: state::VALID, ..own }).await?;
        self.is_trial = false;
        // The other slot has the old firmware, and no image that was received. If its record stays, the old firmware
        // can be tried like any image. So an error here is no error of the confirmation.
        let _ = self.forget().await;
        Ok(())
    }

    /// Forgets an image that was received. True if the firmware is on trial: then the device is to be restarted, which
    /// boots the old one.
    ///
    /// # Errors
    /// [`UpdateError::Idle`], or [`UpdateError::Flash`].
    pub async fn abort(&mut self) -> Result<bool, UpdateError> {
        if self.is_trial {
            return Ok(true);
        }
        let record = self.record.ok_or(UpdateError::Idle);
        if self.is_restarting {
            let (index, _) = self.own().ok_or(UpdateError::Flash)?;
            self.put_entry(1 - index, NONE).await?;
            self.is_restarting = false;
        }
        record?;
        self.forget().await?;
        Ok(false)
    }

    /// Neither on trial nor about to restart.
    fn check_kept(&self) -> Result<(), UpdateError> {
        match (self.is_trial, self.is_restarting) {
            (true, _) => Err(UpdateError::Trial),
            (_, true) => Err(UpdateError::Restarting),
            _ => Ok(()),
        }
    }

    fn check_signature(&self, record: &Record) -> Result<(), UpdateError> {
        let key = self.target.key.ok_or(UpdateError::NoKey)?;
        let key = ed25519_compact::PublicKey::new(key);
        let signature = ed25519_compact::Signature::new(record.signature);
        key.verify(record.sha256, &signature).map_err(|_| UpdateError::Signature)
    }
}
