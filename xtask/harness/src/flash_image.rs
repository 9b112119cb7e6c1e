//! Images for a chip's flash, made of a program by espflash's library. Their bytes are those that `espflash save-image`
//! writes. Building the espflash program would take minutes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use espflash::flasher::{FlashData, FlashSettings, FlashSize};
use espflash::image_format::ImageFormat;
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::Chip as Target;

use crate::chip::{Chip, partition_table};
use crate::workspace::Workspace;

/// The version of espflash, the library's and the program's.
pub const ESPFLASH_VERSION: &str = "4.7.0";
/// The flash of every supported board, bytes.
const FLASH_LEN: usize = 4 << 20;
/// The value of an erased byte.
const ERASED: u8 = 0xff;

/// Bytes of flash and where they begin.
pub struct Part {
    /// The first byte's address in flash.
    pub offset: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The parts that a chip boots from, by ascending offset: bootloader, partition table, application.
pub fn parts(workspace: &Workspace, chip: Chip, elf: &Path) -> Result<Vec<Part>> {
    let bytes = fs::read(elf).with_context(|| format!("read {}", elf.display()))?;
    let segments = format(workspace, chip, &bytes)?.flash_segments();
    Ok(segments.into_iter().map(|part| Part { offset: part.addr as usize, bytes: part.data.into_owned() }).collect())
}

/// One image of the whole flash: the parts, and erased bytes between and after them.
pub fn merge(parts: &[Part]) -> Result<Vec<u8>> {
    let mut image = Vec::with_capacity(FLASH_LEN);
    for part in parts {
        ensure!(part.offset >= image.len(), "the part at {:#x} begins within the one before it", part.offset);
        image.resize(part.offset, ERASED);
        image.extend(&part.bytes);
    }
    ensure!(image.len() <= FLASH_LEN, "the image has {} bytes, the flash {FLASH_LEN}", image.len());
    image.resize(FLASH_LEN, ERASED);
    Ok(image)
}

/// The application alone, as it lies in its partition.
pub fn application(workspace: &Workspace, chip: Chip, elf: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(elf).with_context(|| format!("read {}", elf.display()))?;
    let mut segments = format(workspace, chip, &bytes)?.ota_segments().into_iter();
    match (segments.next(), segments.next()) {
        (Some(only), None) => Ok(only.data.into_owned()),
        _ => Err(anyhow!("{} makes not one application", elf.display())),
    }
}

fn format<'a>(workspace: &Workspace, chip: Chip, elf: &'a [u8]) -> Result<ImageFormat<'a>> {
    let target = match chip {
        Chip::Esp32c3 => Target::Esp32c3,
        Chip::Esp32c6 => Target::Esp32c6,
        Chip::Esp32 => Target::Esp32,
        Chip::Esp32s3 => Target::Esp32s3,
    };
    let settings = FlashSettings::new(None, Some(FlashSize::_4Mb), None);
    let data = FlashData::new(settings, 0, None, target, target.default_xtal_frequency());
    let table = partition_table(workspace);
    let format = IdfBootloaderFormat::new(elf, &data, Some(&table), None, None, None);
    Ok(format.map_err(|error| anyhow!("make an image for {}: {error}", chip.name()))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(offset: usize, bytes: &[u8]) -> Part {
        Part { offset, bytes: bytes.to_vec() }
    }

    #[test]
    fn parts_lie_at_their_offsets_and_the_rest_is_erased() {
        let image = merge(&[part(0, &[1, 2]), part(4, &[3])]).unwrap();
        assert_eq!(image[..6], [1, 2, ERASED, ERASED, 3, ERASED]);
        assert_eq!((image.len(), image[FLASH_LEN - 1]), (FLASH_LEN, ERASED));
    }

    #[test]
    fn parts_that_overlap_or_overflow_are_refused() {
        assert!(merge(&[part(0, &[1, 2]), part(1, &[3])]).is_err());
        assert!(merge(&[part(FLASH_LEN - 1, &[1, 2])]).is_err());
    }
}
