//! RAM as the flash of the settings, with the erase blocks and the words of the chips'. The flash outlives a restart,
//! and no power cut.

use core::convert::Infallible;

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use portable_atomic::{AtomicU8, Ordering};

/// Bytes of the flash: a few blocks, so that the store has one to erase while it writes to another.
pub const LEN: usize = 4 * BLOCK_LEN;
const BLOCK_LEN: usize = 4 * 1024;
const WORD_LEN: usize = 4;

/// The complement of each byte: RAM is zero when the machine is switched on, and erased flash is all ones.
#[unsafe(link_section = ".uninit.flash")]
static COMPLEMENTS: [AtomicU8; LEN] = [const { AtomicU8::new(0) }; LEN];

/// The flash. There is one memory, so there must be one of these.
pub struct RamFlash;

impl ErrorType for RamFlash {
    type Error = Infallible;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = WORD_LEN;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let from = COMPLEMENTS.iter().skip(offset as usize);
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = !from.load(Ordering::Relaxed));
        Ok(())
    }

    fn capacity(&self) -> usize {
        LEN
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = WORD_LEN;
    const ERASE_SIZE: usize = BLOCK_LEN;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        let block = COMPLEMENTS.iter().take(to as usize).skip(from as usize);
        block.for_each(|byte| byte.store(0, Ordering::Relaxed));
        Ok(())
    }

    /// Writing only clears bits, as in NOR flash.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let to = COMPLEMENTS.iter().skip(offset as usize);
        to.zip(bytes).for_each(|(to, byte)| to.store(to.load(Ordering::Relaxed) | !byte, Ordering::Relaxed));
        Ok(())
    }
}
