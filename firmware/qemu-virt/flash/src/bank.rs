//! The second flash bank of the machine (QEMU, hw/block/pflash_cfi01.c). The bank is the file that QEMU is given as
//! `-drive if=pflash,unit=1`. Without a file the bank is memory that a restart leaves as it was.
//!
//! The bank differs from the flash of an ESP32 in two ways, and the driver makes up for both:
//! - QEMU programs ones as well as zeros. The driver programs the bits that are zero before or after, as NOR flash does.
//! - An erase block of QEMU has 256 KB. The driver erases a sector of 4 KB by programming ones.

use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering};

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// The bank's first address (QEMU, hw/riscv/virt.c).
const BASE: usize = 0x2200_0000;
/// Bytes of the flash, as much as most ESP32 modules have. The bank has 32 MB.
pub const LEN: u32 = 4 * 1024 * 1024;
/// Bytes of a sector, the erase block of an ESP32's flash.
pub const SECTOR_LEN: usize = 4 * 1024;
const WORD_LEN: usize = 4;
/// Words that are programmed at once: a part of the bank's buffer of 2 KB.
const BUFFER_WORDS: usize = 128;

/// Commands of the bank (Intel, Common Flash Interface and Command Sets, AP-646). The bank is two chips of 16 bits, so
/// that each command is there twice.
mod command {
    pub(super) const READ_ARRAY: u32 = 0x00ff_00ff;
    pub(super) const CLEAR_STATUS: u32 = 0x0050_0050;
    pub(super) const WRITE_TO_BUFFER: u32 = 0x00e8_00e8;
    pub(super) const CONFIRM: u32 = 0x00d0_00d0;
    /// Twice one: a count in words is one less, for either chip.
    pub(super) const EACH: u32 = 0x0001_0001;
}

/// Status: the bank is ready.
const READY: u32 = 0x80;
/// Status: the bank could not be programmed, because QEMU was given its file as read-only.
const FAILED: u32 = 0x10;

/// CLINT: ticks since start, the low word, 10 MHz.
const MTIME: *const u32 = 0x0200_bff8 as *const u32;
const TICKS_OF_MS: u32 = 10_000;

/// Ticks that an erase takes.
static ERASE_TICKS: AtomicU32 = AtomicU32::new(0);

/// Has each erase of a sector take so many milliseconds, in which nothing else runs, as on a chip. 0 is as fast as QEMU
/// is. At most 400,000.
pub fn set_erase_ms(ms: u32) {
    ERASE_TICKS.store(ms.min(u32::MAX / TICKS_OF_MS) * TICKS_OF_MS, Ordering::Relaxed);
}

/// The flash. There may be several of these, because no operation waits before it is done.
#[derive(Debug, Clone, Copy)]
pub struct Flash;

/// Why an operation on flash was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashError {
    /// The range begins or ends inside a word or a sector.
    NotAligned,
    /// The range ends after the flash.
    OutOfBounds,
    /// The bank has refused it.
    Failed,
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Failed => NorFlashErrorKind::Other,
        }
    }
}

/// Whether so many bytes from an offset on are whole units of the flash.
fn check(offset: u32, len: usize, unit: usize) -> Result<(), FlashError> {
    if !(offset as usize).is_multiple_of(unit) || !len.is_multiple_of(unit) {
        return Err(FlashError::NotAligned);
    }
    let is_inside = (offset as usize).checked_add(len).is_some_and(|end| end <= LEN as usize);
    if is_inside { Ok(()) } else { Err(FlashError::OutOfBounds) }
}

impl Flash {
    /// Erases the sectors of this range that are all zeros, as QEMU makes a bank without a file. To be called before the
    /// range is used.
    ///
    /// # Errors
    /// As of erasing.
    pub fn format(from: u32, to: u32) -> Result<(), FlashError> {
        check(from, to.saturating_sub(from) as usize, SECTOR_LEN)?;
        for sector in (from..to).step_by(SECTOR_LEN) {
            if (sector..sector + SECTOR_LEN as u32).step_by(WORD_LEN).all(|offset| read(offset) == 0) {
                erase(sector)?;
            }
        }
        Ok(())
    }
}

impl ErrorType for Flash {
    type Error = FlashError;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = WORD_LEN;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check(offset, bytes.len(), WORD_LEN)?;
        for (to, at) in bytes.chunks_exact_mut(WORD_LEN).zip((offset..).step_by(WORD_LEN)) {
            to.copy_from_slice(&read(at).to_le_bytes());
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        LEN as usize
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD_LEN;
    const ERASE_SIZE: usize = SECTOR_LEN;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check(from, to.saturating_sub(from) as usize, SECTOR_LEN)?;
        (from..to).step_by(SECTOR_LEN).try_for_each(erase)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check(offset, bytes.len(), WORD_LEN)?;
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = BUFFER_WORDS * WORD_LEN - at as usize % (BUFFER_WORDS * WORD_LEN);
            let (part, others) = rest.split_at(rest.len().min(room));
            let mut words = [0; BUFFER_WORDS];
            let count = part.len() / WORD_LEN;
            for ((word, new), at) in words.iter_mut().zip(part.chunks_exact(WORD_LEN)).zip((at..).step_by(WORD_LEN)) {
                let new = new.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
                *word = read(at) & new;
            }
            program(at, &words[..count])?;
            at += part.len() as u32;
            rest = others;
        }
        Ok(())
    }
}

fn erase(sector: u32) -> Result<(), FlashError> {
    let start = ticks();
    let mut parts = (sector..sector + SECTOR_LEN as u32).step_by(BUFFER_WORDS * WORD_LEN);
    parts.try_for_each(|at| program(at, &[u32::MAX; BUFFER_WORDS]))?;
    while ticks().wrapping_sub(start) < ERASE_TICKS.load(Ordering::Relaxed) {}
    Ok(())
}

fn ticks() -> u32 {
    // SAFETY: a register of this machine that can be read at any time.
    unsafe { read_volatile(MTIME) }
}

/// Programs words as they are, into one part of the bank's buffer.
fn program(offset: u32, words: &[u32]) -> Result<(), FlashError> {
    let Some(count) = words.len().checked_sub(1) else { return Ok(()) };
    command(offset, command::WRITE_TO_BUFFER);
    command(offset, count as u32 * command::EACH);
    words.iter().zip((offset..).step_by(WORD_LEN)).for_each(|(word, at)| command(at, *word));
    command(offset, command::CONFIRM);
    let status = read(offset);
    command(offset, command::CLEAR_STATUS);
    command(offset, command::READ_ARRAY);
    // QEMU is done at once.
    if status & (READY | FAILED) == READY { Ok(()) } else { Err(FlashError::Failed) }
}

/// The word at an offset, or the bank's status.
fn read(offset: u32) -> u32 {
    // SAFETY: all callers have checked the offset, and the bank can be read at any time.
    unsafe { read_volatile((BASE + offset as usize) as *const u32) }
}

/// Writes a command, or a word that is programmed.
fn command(offset: u32, word: u32) {
    // SAFETY: all callers have checked the offset. The bank is no memory of this program, and a command changes nothing
    // else.
    unsafe { write_volatile((BASE + offset as usize) as *mut u32, word) }
}
