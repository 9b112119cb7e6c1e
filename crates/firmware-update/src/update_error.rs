//! Why an update does not go on.

use core::fmt;

use crate::limits::{CHIP_ID_MAX, HEADER_LEN};

/// Why a step was refused. Nothing has changed then, unless the variant says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateError {
    /// The firmware was built without the owner's public key.
    NoKey,
    /// The image does not fit. The number is the longest that does, bytes.
    Size(u32),
    /// The signature is not one of the digest by the owner's key.
    Signature,
    /// The firmware that runs is on trial: FIRMWARE CONFIRM or FIRMWARE ABORT comes first.
    Trial,
    /// Nothing was begun.
    Idle,
    /// The offset is not the next one, which is this.
    Offset(u32),
    /// The data are empty, too many, more than the image has, or not a multiple of four bytes.
    Data,
    /// The first write does not have the image's header whole.
    Short,
    /// The bytes are no image with an appended digest and an application descriptor.
    NoImage,
    /// The image is for the chip of this ID.
    Chip(u16),
    /// The image is another project's.
    Project,
    /// The image is not complete; the next offset is this.
    Incomplete(u32),
    /// The image read back from flash is not the signed one. The image is forgotten.
    Damaged,
    /// There is nothing that could be confirmed.
    NoTrial,
    /// The device is about to restart into the image.
    Restarting,
    /// Sectors were erased too often in a row. The same step is done again in so many seconds.
    Wear(u16),
    /// Reading, erasing or programming flash has failed.
    Flash,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Size(max) => {
                return write!(f, "an image has {HEADER_LEN} to {max} bytes, a multiple of 16");
            }
            Self::Offset(next) => return write!(f, "wrong offset, the next is {next}"),
            Self::Incomplete(next) => return write!(f, "the image is not complete, the next offset is {next}"),
            Self::Chip(id) => return write!(f, "the image is for another chip, {}", chip_name(*id)),
            Self::Wear(s) => return write!(f, "too many attempts in a row wear out the flash, try again in {s} s"),
            Self::NoKey => "this firmware was built without a public key, so it takes no update",
            Self::Signature => "the signature is not by the key that this firmware was built with",
            Self::Trial => "this firmware is on trial: FIRMWARE CONFIRM or FIRMWARE ABORT comes first",
            Self::Idle => "no update was begun: FIRMWARE BEGIN comes first",
            Self::Data => "FIRMWARE WRITE takes 4 to 512 bytes, a multiple of 4, and no more than the image has",
            Self::Short => "the first FIRMWARE WRITE takes at least 112 bytes, the image's header",
            Self::NoImage => "this is no application image with an appended SHA-256",
            Self::Project => "the image is of another program",
            Self::Damaged => "what is in flash is not what was signed; it is forgotten, so send it again",
            Self::NoTrial => "no firmware is on trial: it was confirmed, or FIRMWARE TRY comes first",
            Self::Restarting => "the device is about to restart",
            Self::Flash => "the flash could not be read or written",
        };
        f.write_str(text)
    }
}

impl core::error::Error for UpdateError {}

/// The chip of an ID in image headers (`esp_chip_id_t`), and the one that the board qemu-virt has made up for itself.
pub const fn chip_name(id: u16) -> &'static str {
    match id {
        0 => "esp32",
        2 => "esp32s2",
        5 => "esp32c3",
        9 => "esp32s3",
        13 => "esp32c6",
        16 => "esp32h2",
        18 => "esp32p4",
        VIRT_CHIP_ID => "qemu-virt",
        SIMULATOR_CHIP_ID => "the simulator",
        _ => "unknown",
    }
}

/// The ID of a chip in image headers by its name.
///
/// # Panics
/// There is no such chip; meant for names that are known when the firmware is built.
pub const fn chip_id(name: &str) -> u16 {
    let mut id = 0;
    while id <= CHIP_ID_MAX {
        if is_same(chip_name(id), name) {
            return id;
        }
        id += 1;
    }
    panic!("no such chip")
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The ID in images for the board qemu-virt. Espressif's IDs are small numbers.
pub const VIRT_CHIP_ID: u16 = 0x5601;
/// The ID in images for the simulator.
pub const SIMULATOR_CHIP_ID: u16 = 0x5602;

/// Why the last update did not become the firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateFailure {
    /// The trial ended without FIRMWARE CONFIRM: by a reset, a panic, the watchdog, or because its time was over.
    NotConfirmed,
    /// The bootloader could not load the image.
    NotLoaded,
    /// The image that was read back was not what was signed, or not for this device.
    Rejected(UpdateError),
}

impl fmt::Display for UpdateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfirmed => f.write_str("its trial ended without FIRMWARE CONFIRM"),
            Self::NotLoaded => f.write_str("the bootloader could not load it"),
            Self::Rejected(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_found_by_their_names() {
        for (id, name) in [(0, "esp32"), (5, "esp32c3"), (9, "esp32s3"), (13, "esp32c6")] {
            assert_eq!((chip_id(name), chip_name(id)), (id, name));
        }
    }
}
