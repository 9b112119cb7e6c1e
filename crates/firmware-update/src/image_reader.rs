//! Reading an image from flash: its length by its segments, and its digest.

use embassy_futures::yield_now;
use embedded_storage_async::nor_flash::ReadNorFlash;
use sha2::{Digest, Sha256};

use crate::image::{SEGMENTS_OFFSET, image_len};
use crate::limits::SEGMENT_HEADER_LEN;
use crate::update_error::UpdateError;

/// Some flashes read and write aligned memory only.
#[repr(align(4))]
pub(crate) struct Aligned<const N: usize>(pub(crate) [u8; N]);

/// The header of a segment (ESP-IDF, `esp_image_segment_header_t`).
pub(crate) struct Segment {
    /// Where the segment's bytes belong.
    pub(crate) address: u32,
    /// How many there are.
    pub(crate) len: u32,
}

/// Reads the header of a segment at this address in flash.
pub(crate) async fn read_segment<F: ReadNorFlash>(flash: &mut F, at: u32) -> Result<Segment, UpdateError> {
    let mut header = Aligned([0; SEGMENT_HEADER_LEN]);
    flash.read(at, &mut header.0).await.map_err(|_| UpdateError::Flash)?;
    let [a, b, c, d, len @ ..] = header.0;
    Ok(Segment { address: u32::from_le_bytes([a, b, c, d]), len: u32::from_le_bytes(len) })
}

/// The length of the image at `start`, by its segments; None if they lead beyond `max`.
pub(crate) async fn read_len<F: ReadNorFlash>(
    flash: &mut F,
    start: u32,
    segments: u8,
    max: u32,
) -> Result<Option<u32>, UpdateError> {
    let mut end = SEGMENTS_OFFSET;
    for _ in 0..segments {
        if end > max.saturating_sub(SEGMENT_HEADER_LEN as u32) {
            return Ok(None);
        }
        let Segment { len, .. } = read_segment(flash, start + end).await?;
        match (end + SEGMENT_HEADER_LEN as u32).checked_add(len) {
            Some(next) if len.is_multiple_of(4) && next <= max => end = next,
            _ => return Ok(None),
        }
    }
    Ok(image_len(end).filter(|len| *len <= max))
}

/// The digest so far of `first`, and of what follows it in the first `len` bytes of the image at `start`.
pub(crate) async fn hash<F: ReadNorFlash>(
    flash: &mut F,
    (start, len): (u32, u32),
    first: &[u8],
    buffer: &mut [u8],
) -> Result<Sha256, UpdateError> {
    let mut sha = Sha256::new();
    sha.update(first);
    let mut at = first.len() as u32;
    while at < len {
        let part = ((len - at) as usize).min(buffer.len());
        let bytes = buffer.get_mut(..part).ok_or(UpdateError::Flash)?;
        flash.read(start + at, bytes).await.map_err(|_| UpdateError::Flash)?;
        sha.update(&*bytes);
        at += part as u32;
        yield_now().await;
    }
    Ok(sha)
}
