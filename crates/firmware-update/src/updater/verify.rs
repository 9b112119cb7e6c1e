//! Verifying an image that is read back from flash.

use embedded_storage_async::nor_flash::NorFlash;
use sha2::Digest;

use crate::image::Header;
use crate::image_reader::{hash, read_len};
use crate::limits::{DIGEST_LEN, HEAD_LEN, HEADER_LEN};
use crate::record::Record;
use crate::update_error::UpdateError;
use crate::updater::Updater;

impl<F: NorFlash> Updater<F> {
    /// Checks that the image in flash is whole, for this device, and signed. Gives its first bytes, which are not in the
    /// slot yet.
    pub(super) async fn verify(&mut self, record: &Record) -> Result<[u8; HEAD_LEN], UpdateError> {
        let head = self.read_head().await?.ok_or(UpdateError::Damaged)?;
        #[cfg(test)]
        if self.skips_verification {
            return Ok(head);
        }
        let start = self.slot().start;
        let mut header: [u8; HEADER_LEN] = self.read_array(start).await?;
        header.iter_mut().zip(head).for_each(|(byte, first)| *byte = first);
        let segments = Header::parse(&header, &self.target)?.segments;
        if read_len(&mut self.flash, start, segments, record.size).await? != Some(record.size) {
            return Err(UpdateError::NoImage);
        }
        // The digest that is appended, which the bootloader checks, and the one that is signed.
        let body = record.size - DIGEST_LEN as u32;
        let mut sha = hash(&mut self.flash, (start, body), &head, &mut self.buffer.0).await?;
        let appended: [u8; DIGEST_LEN] = self.read_array(start + body).await?;
        let is_whole = sha.clone().finalize()[..] == appended;
        sha.update(appended);
        if !is_whole || sha.finalize()[..] != record.sha256 {
            return Err(UpdateError::Damaged);
        }
        self.check_signature(record)?;
        Ok(head)
    }
}
