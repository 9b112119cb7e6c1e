//! Images in Espressif's format (`esp_image_header_t`, `esp_app_desc_t`), with an appended SHA-256 digest.

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

const MAGIC: u8 = 0xe9;
const DESCRIPTOR_MAGIC: u32 = 0xabcd_5432;
/// Bytes of the application descriptor, with which the first segment begins.
const DESCRIPTOR_LEN: usize = 256;
const VERSION_OFFSET: usize = 16;
const PROJECT_OFFSET: usize = 48;
const TEXT_LEN_MAX: usize = 31;
const SEGMENTS_MAX: usize = 16;
/// The initial value of the checksum.
const CHECKSUM: u8 = 0xef;
const ALIGN: usize = 16;
const DIGEST_LEN: usize = 32;

/// The parts of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe<'a> {
    /// The ID of the chip or machine.
    pub chip_id: u16,
    /// The project's name, 1 to 31 bytes without control characters.
    pub project: &'a str,
    /// The firmware's version, 1 to 31 bytes without control characters.
    pub version: &'a str,
    /// The address of the first instruction.
    pub entry: u32,
    /// Addresses and bytes that go there, 15 at most. A segment with the application descriptor comes before them.
    pub segments: &'a [(u32, Vec<u8>)],
}

impl Recipe<'_> {
    /// Makes the image.
    ///
    /// # Errors
    /// There are too many segments, or a text is empty, too long, or has control characters.
    pub fn build(&self) -> Result<Vec<u8>> {
        ensure!(self.segments.len() < SEGMENTS_MAX, "an image has {SEGMENTS_MAX} segments at most");
        let count = self.segments.len() as u8 + 1;
        let mut image = vec![MAGIC, count, 0, 0];
        image.extend(self.entry.to_le_bytes());
        image.extend([0; 4]);
        image.extend(self.chip_id.to_le_bytes());
        image.extend([0; 9]);
        // A digest is appended.
        image.push(1);
        let mut checksum = CHECKSUM;
        let descriptor = (0, self.descriptor()?);
        for (address, bytes) in [&descriptor].into_iter().chain(self.segments) {
            let mut bytes = bytes.clone();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            image.extend(address.to_le_bytes());
            image.extend((bytes.len() as u32).to_le_bytes());
            checksum = bytes.iter().fold(checksum, |sum, byte| sum ^ byte);
            image.extend(bytes);
        }
        // The checksum is the last byte of a block.
        image.resize((image.len() / ALIGN + 1) * ALIGN - 1, 0);
        image.push(checksum);
        image.extend(Sha256::digest(&image));
        Ok(image)
    }

    fn descriptor(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; DESCRIPTOR_LEN];
        let mut put = |at: usize, text: &[u8]| bytes[at..at + text.len()].copy_from_slice(text);
        put(0, &DESCRIPTOR_MAGIC.to_le_bytes());
        for (at, text) in [(VERSION_OFFSET, self.version), (PROJECT_OFFSET, self.project)] {
            let is_possible = (1..=TEXT_LEN_MAX).contains(&text.len()) && !text.contains(char::is_control);
            ensure!(is_possible, "{text:?} has not 1 to {TEXT_LEN_MAX} bytes without control characters");
            put(at, text.as_bytes());
        }
        Ok(bytes)
    }
}

/// The version in an image; None if it is no image with an application descriptor.
pub fn version(image: &[u8]) -> Option<&str> {
    const DESCRIPTOR: usize = 32;
    let is_image =
        image.first() == Some(&MAGIC) && image.get(DESCRIPTOR..DESCRIPTOR + 4)? == DESCRIPTOR_MAGIC.to_le_bytes();
    let text = image.get(DESCRIPTOR + VERSION_OFFSET..DESCRIPTOR + PROJECT_OFFSET)?;
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    std::str::from_utf8(text.get(..end)?).ok().filter(|_| is_image)
}

/// Whether the image ends with the SHA-256 digest of all bytes before, as a device takes it.
pub fn is_whole(image: &[u8]) -> bool {
    let Some((body, digest)) = image.split_last_chunk::<DIGEST_LEN>() else { return false };
    Sha256::digest(body)[..] == digest[..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_its_fields_where_the_format_has_them() {
        let segments = [(0x8000_0000, vec![1, 2, 3, 4, 5])];
        let recipe = Recipe { chip_id: 5, project: "kettle", version: "1.2.3", entry: 7, segments: &segments };
        let image = recipe.build().unwrap();
        assert_eq!(image[..2], [MAGIC, 2]);
        assert_eq!((image[12], image[23]), (5, 1));
        assert_eq!(version(&image), Some("1.2.3"));
        assert_eq!(&image[80..86], b"kettle");
        assert_eq!(image[288..296], [0, 0, 0, 0x80, 8, 0, 0, 0]);
        assert!(image.len().is_multiple_of(ALIGN));
        assert!(is_whole(&image));
        for damaged in [&image[..image.len() - 1], &image[1..], &image[..31], &[]] {
            assert!(!is_whole(damaged));
        }
        assert_eq!(version(&[0; 200]), None);
        for text in ["", &"v".repeat(32), "1\0", "1\n2", "\x1b[2J"] {
            assert!(Recipe { version: text, ..recipe }.build().is_err(), "{text:?}");
            assert!(Recipe { project: text, ..recipe }.build().is_err(), "{text:?}");
        }
    }
}
