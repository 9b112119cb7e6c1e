//! The header of an image in Espressif's format (`esp_image_header_t`, `esp_image_segment_header_t`, `esp_app_desc_t`).
//!
//! | bytes | field |
//! |---|---|
//! | 0 | magic byte, 0xE9 |
//! | 1 | segments |
//! | 4 to 7 | the address of the first instruction |
//! | 12, 13 | chip ID |
//! | 23 | 1: a SHA-256 digest is appended |
//! | 24 to 31 | first segment: address, length |
//! | 32 to 35 | application descriptor: magic word, 0xABCD5432 |
//! | 48 to 79 | version, padded with zeros |
//! | 80 to 111 | project's name, padded with zeros |
//!
//! Segments follow one another, each behind its header of 8 bytes. Then come zeros and a checksum byte, which ends at a
//! multiple of 16, and the digest of all before.

use crate::limits::{DESCRIPTOR_TEXT_LEN, DIGEST_LEN, HEADER_LEN, IMAGE_ALIGN_LEN, SEGMENTS_MAX};
use crate::update_error::UpdateError;

const MAGIC: u8 = 0xe9;
const DESCRIPTOR_MAGIC: [u8; 4] = 0xabcd_5432_u32.to_le_bytes();
/// Where the first segment's header is.
pub(crate) const SEGMENTS_OFFSET: u32 = 24;

/// The chip and project that an image must be for, and the key that must have signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The chip's ID in image headers (`esp_chip_id_t`): 0 is an ESP32, 5 an ESP32-C3, 9 an ESP32-S3, 13 an ESP32-C6.
    pub chip_id: u16,
    /// The name of the project in the application descriptor.
    pub project: &'static str,
    /// The owner's public key. None: the firmware was built without one, and takes no update.
    pub key: Option<[u8; crate::limits::KEY_LEN]>,
}

/// The header of every image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) segments: u8,
    pub(crate) chip_id: u16,
    /// The address of the first instruction.
    pub(crate) entry: u32,
}

impl Start {
    /// None if it is no image with an appended digest.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[magic, segments, _, _, a, b, c, d, _, _, _, _, chip0, chip1, ..] = bytes else { return None };
        let is_image = magic == MAGIC && (1..=SEGMENTS_MAX).contains(&segments.into()) && bytes.get(23) == Some(&1);
        let (chip_id, entry) = (u16::from_le_bytes([chip0, chip1]), u32::from_le_bytes([a, b, c, d]));
        is_image.then_some(Self { segments, chip_id, entry })
    }
}

/// The start of an application's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many segments there are.
    pub segments: u8,
    /// The firmware's version, padded with zeros.
    pub version: [u8; DESCRIPTOR_TEXT_LEN],
}

impl Header {
    /// Reads a header, and checks that the image is for this target.
    ///
    /// # Errors
    /// [`UpdateError::NoImage`], [`UpdateError::Chip`] or [`UpdateError::Project`].
    pub fn parse(bytes: &[u8; HEADER_LEN], target: &Target) -> Result<Self, UpdateError> {
        let Start { segments, chip_id, .. } = Start::parse(bytes).ok_or(UpdateError::NoImage)?;
        if chip_id != target.chip_id {
            return Err(UpdateError::Chip(chip_id));
        }
        if bytes.get(32..36) != Some(&DESCRIPTOR_MAGIC[..]) {
            return Err(UpdateError::NoImage);
        }
        let text = |at: usize| core::array::from_fn(|index| bytes.get(at + index).copied().unwrap_or(0));
        if trim(&text(80)) != target.project.as_bytes() {
            return Err(UpdateError::Project);
        }
        Ok(Self { segments, version: text(48) })
    }

    /// The firmware's version; empty if it is not UTF-8.
    pub fn version(&self) -> &str {
        core::str::from_utf8(trim(&self.version)).unwrap_or_default()
    }
}

/// A text without the zeros that it is padded with.
fn trim(text: &[u8; DESCRIPTOR_TEXT_LEN]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The length of an image whose last segment ends at `end`.
pub(crate) const fn image_len(end: u32) -> Option<u32> {
    // One byte for the checksum.
    match (end / IMAGE_ALIGN_LEN as u32 + 1).checked_mul(IMAGE_ALIGN_LEN as u32) {
        Some(end) => end.checked_add(DIGEST_LEN as u32),
        None => None,
    }
}
