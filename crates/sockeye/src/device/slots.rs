//! The simulated device's two slots for images, in a flash that is a file. The firmware itself is always this program;
//! what an image changes is the version that the device tells.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use embedded_storage_async::nor_flash::ReadNorFlash;
use sockeye_firmware_image::{Recipe, recipe};
use sockeye_firmware_update::limits::{HEADER_LEN, KEY_LEN};
use sockeye_firmware_update::update_error::{SIMULATOR_CHIP_ID, chip_name};
use sockeye_firmware_update::{Layout, Target, UpdateState, Updater, bootloader};

use crate::device::flash::{BLOCK_SIZE, FileFlash};

/// The flash, in the device's folder.
const FILE: &str = "firmware.bin";
/// Where the chips' table of partitions has otadata and the slots, but for what is before.
const OTADATA: u32 = 0;
const SLOT_SIZE: u32 = 0x1f_0000;
const SLOTS: [Range<u32>; 2] = [start(0)..start(1), start(1)..start(2)];
/// The longest image that a slot takes, bytes: its last erase block has the record.
const IMAGE_LEN_MAX: usize = SLOT_SIZE as usize - BLOCK_SIZE;
/// The name of the chip that images for the simulator are for.
pub const CHIP: &str = chip_name(SIMULATOR_CHIP_ID);
/// The project in images for the simulator.
const PROJECT: &str = "sockeye-device";

const fn start(slot: u32) -> u32 {
    OTADATA + 2 * BLOCK_SIZE as u32 + slot * SLOT_SIZE
}

/// An image for the simulator, of this version and with as many bytes of payload.
///
/// # Errors
/// The version can't be in an image, or no slot takes as many bytes.
pub fn make_image(version: &str, payload: usize) -> anyhow::Result<Vec<u8>> {
    let is_possible = |len: usize| {
        ensure!(len <= IMAGE_LEN_MAX, "{len} bytes have no room in a slot, which takes {IMAGE_LEN_MAX}");
        Ok(())
    };
    is_possible(payload)?;
    let segments = [(0, (0..payload).map(|index| (index * 31) as u8).collect())];
    let recipe = Recipe { chip_id: SIMULATOR_CHIP_ID, project: PROJECT, version, entry: 0, segments: &segments };
    let image = recipe.build()?;
    is_possible(image.len())?;
    Ok(image)
}

/// The slots of a device that has booted.
pub struct Slots {
    updater: Updater<FileFlash>,
    version: String,
}

impl Slots {
    /// Boots from the flash in this folder, as the stock bootloader does. A flash that is made here has this program's
    /// version in its first slot.
    ///
    /// # Errors
    /// The folder's file can't be used, or has no image that can be booted.
    pub async fn boot(folder: &Path, key: Option<[u8; KEY_LEN]>) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let image = make_image(env!("CARGO_PKG_VERSION"), 0)?;
        let mut flash = FileFlash::open(&path, start(2) as usize, (SLOTS[0].start, &image))?;
        let layout = Layout { otadata: OTADATA, slots: SLOTS };
        let booted = bootloader::boot(&mut flash, &layout, SIMULATOR_CHIP_ID).await?;
        let booted =
            booted.with_context(|| format!("no slot in {} has an image that can be booted", path.display()))?;
        let mut header = [0; HEADER_LEN];
        flash.read(SLOTS[booted.index()].start, &mut header).await.map_err(|error| anyhow!("{error:?}"))?;
        let version = recipe::version(&header).unwrap_or_default().to_owned();
        let target = Target { chip_id: SIMULATOR_CHIP_ID, project: PROJECT, key };
        let mut updater = Updater::new(flash, layout, target, booted)?;
        updater.boot().await?;
        Ok(Self { updater, version })
    }

    /// The version of the image that was booted.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the image is on trial.
    pub fn is_trial(&self) -> bool {
        self.updater.status().state == UpdateState::Trial
    }

    /// The receiver of images.
    pub fn into_updater(self) -> Updater<FileFlash> {
        self.updater
    }
}
