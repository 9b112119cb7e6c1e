//! The partitions of the flash, at the addresses of `firmware/esp32/partitions.csv`, and the two slots for images.

use core::ops::Range;

use embassy_futures::block_on;
use sockeye_firmware_update::limits::KEY_LEN;
use sockeye_firmware_update::update_error::{VIRT_CHIP_ID, chip_name};
use sockeye_firmware_update::{Layout, Slot, Target, Updater};

use crate::bank::{Flash, LEN};

/// The store of settings.
pub const SETTINGS: Range<u32> = 0x3f_0000..LEN;
/// otadata, and the slots.
pub const LAYOUT: Layout = Layout { otadata: 0x9000, slots: [0x1_0000..0x20_0000, 0x20_0000..0x3f_0000] };
/// The machine's name where images name their chip.
pub const CHIP: &str = chip_name(VIRT_CHIP_ID);
/// The project in the images of the device.
const PROJECT: &str = "sockeye-device";

/// The word that the bootloader passes to an image in register `a2`: names the slot that was booted.
pub const fn booted_word(slot: Slot) -> usize {
    BOOTED + slot.index()
}

/// Half of the word is `SK`. QEMU passes an address of its ROM there, which is below.
const BOOTED: usize = 0x534b_0000;

/// The receiver of images, [booted](Updater::boot): on trial, this is what leads back to the firmware before. None if
/// `booted` is no [`booted_word`]: then no bootloader has started the image. To be called once, before anything that can fail.
pub fn slots(booted: usize, key: Option<[u8; KEY_LEN]>) -> Option<Updater<Flash>> {
    let booted = [Slot::Ota0, Slot::Ota1].into_iter().find(|slot| booted_word(*slot) == booted)?;
    let target = Target { chip_id: VIRT_CHIP_ID, project: PROJECT, key };
    let mut slots = Updater::new(Flash, LAYOUT, target, booted).ok()?;
    block_on(slots.boot()).ok()?;
    Some(slots)
}
