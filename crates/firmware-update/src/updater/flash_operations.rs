//! The operations on flash, between any two of which other tasks run.

use embassy_futures::yield_now;
use embedded_storage_async::nor_flash::NorFlash;

use crate::limits::ERASE_YIELDS;
use crate::update_error::UpdateError;
use crate::updater::Updater;

impl<F: NorFlash> Updater<F> {
    pub(super) async fn erase(&mut self, address: u32) -> Result<(), UpdateError> {
        for _ in 0..ERASE_YIELDS {
            yield_now().await;
        }
        let end = address + F::ERASE_SIZE as u32;
        self.flash.erase(address, end).await.map_err(|_| UpdateError::Flash)
    }

    pub(super) async fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), UpdateError> {
        if bytes.is_empty() {
            return Ok(());
        }
        yield_now().await;
        let aligned = self.buffer.0.get_mut(..bytes.len()).ok_or(UpdateError::Flash)?;
        aligned.copy_from_slice(bytes);
        self.flash.write(address, aligned).await.map_err(|_| UpdateError::Flash)
    }

    /// Programs, and reads back what is there then.
    pub(super) async fn program_checked(&mut self, address: u32, bytes: &[u8]) -> Result<(), UpdateError> {
        self.program(address, bytes).await?;
        if self.read(address, bytes.len()).await? == bytes { Ok(()) } else { Err(UpdateError::Flash) }
    }

    pub(super) async fn read(&mut self, address: u32, len: usize) -> Result<&[u8], UpdateError> {
        let bytes = self.buffer.0.get_mut(..len).ok_or(UpdateError::Flash)?;
        self.flash.read(address, bytes).await.map_err(|_| UpdateError::Flash)?;
        Ok(bytes)
    }

    pub(super) async fn read_array<const N: usize>(&mut self, address: u32) -> Result<[u8; N], UpdateError> {
        self.read(address, N).await?.try_into().map_err(|_| UpdateError::Flash)
    }
}
