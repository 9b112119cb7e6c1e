//! Reading an image back from flash.

use embassy_futures::yield_now;
use embedded_storage_async::nor_flash::NorFlash;
use sha2::{Digest, Sha256};

use crate::image::{Header, SEGMENTS_OFFSET, image_len};
use crate::limits::{BUFFER_LEN, DIGEST_LEN, HEAD_LEN, HEADER_LEN, SEGMENT_HEADER_LEN};
use crate::record::Record;
use crate::update_error::Error;
use crate::updater::Updater;

impl<F: NorFlash> Updater<F> {
    /// Checks that the image in flash is whole, for this device, and signed. Gives its first bytes, which are not in the
    /// slot yet.
    pub(super) async fn verify(&mut self, record: &Record) -> Result<[u8; HEAD_LEN], Error> {
        let head = self.read_head().await?.ok_or(Error::Damaged)?;
        #[cfg(test)]
        if self.skips_verification {
            return Ok(head);
        }
        let mut header: [u8; HEADER_LEN] = self.read_array(self.slot().start).await?;
        header.iter_mut().zip(head).for_each(|(byte, first)| *byte = first);
        let segments = Header::parse(&header, &self.target)?.segments;
        if self.image_len(segments, record.size).await? != Some(record.size) {
            return Err(Error::NoImage);
        }
        self.check_digests(record, &head).await?;
        self.check_signature(record)?;
        Ok(head)
    }

    /// The image's length by its segments; None if they lead beyond `max`.
    async fn image_len(&mut self, segments: u8, max: u32) -> Result<Option<u32>, Error> {
        let mut end = SEGMENTS_OFFSET;
        for _ in 0..segments {
            if end > max.saturating_sub(SEGMENT_HEADER_LEN as u32) {
                return Ok(None);
            }
            let [_, _, _, _, length @ ..]: [u8; SEGMENT_HEADER_LEN] = self.read_array(self.slot().start + end).await?;
            let length = u32::from_le_bytes(length);
            match (end + SEGMENT_HEADER_LEN as u32).checked_add(length) {
                Some(next) if length.is_multiple_of(4) && next <= max => end = next,
                _ => return Ok(None),
            }
        }
        Ok(image_len(end))
    }

    /// Checks the digest that is signed, and the one that is appended, which the bootloader checks.
    async fn check_digests(&mut self, record: &Record, head: &[u8; HEAD_LEN]) -> Result<(), Error> {
        let body = record.size - DIGEST_LEN as u32;
        let mut sha = Sha256::new();
        sha.update(head);
        let mut at = HEAD_LEN as u32;
        while at < body {
            let len = (body - at).min(BUFFER_LEN as u32);
            sha.update(self.read(self.slot().start + at, len as usize).await?);
            at += len;
            yield_now().await;
        }
        let appended: [u8; DIGEST_LEN] = self.read_array(self.slot().start + body).await?;
        let is_whole = sha.clone().finalize()[..] == appended;
        sha.update(appended);
        if is_whole && sha.finalize()[..] == record.sha256 { Ok(()) } else { Err(Error::Damaged) }
    }
}
