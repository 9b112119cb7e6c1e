//! The flash: settings, the passphrase that the device comes with, and the slots for images.

use core::ops::Range;

use embassy_embedded_hal::adapter::BlockingAsync;
use embassy_embedded_hal::flash::partition::Partition;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use esp_bootloader_esp_idf::partitions::{PARTITION_TABLE_MAX_LEN, read_partition_table};
use esp_hal::peripherals::FLASH;
use esp_storage::FlashStorage;
use sockeye_board::build_config::update_key;
use sockeye_device::FlashStore;
use sockeye_firmware_update::update_error::chip_id;
use sockeye_firmware_update::{Layout, Slot, Target, Updater};
use static_cell::StaticCell;

use crate::CHIP;

type Shared = Mutex<NoopRawMutex, BlockingAsync<FlashStorage<'static>>>;
/// A part of the flash, or all of it, for one operation at a time.
pub type Region = Partition<'static, NoopRawMutex, BlockingAsync<FlashStorage<'static>>>;
/// The store of settings; None if the flash has no partition for them.
pub type Store = Option<FlashStore<Region>>;
/// The receiver of images; None if the flash has no two slots for them.
pub type Slots = Option<Updater<Region>>;

/// The project in the images of the device.
pub const PROJECT: &str = "sockeye-device";

/// The flash with its partitions, by the names in `partitions.csv`.
pub struct Flash {
    shared: &'static Shared,
    len: u32,
    settings: Option<Range<u32>>,
    slots: Option<(Layout, Slot)>,
}

impl Flash {
    /// Reads the table of partitions, of which 3 KB are on the stack during this call alone. To be called once.
    #[inline(never)]
    pub fn open(flash: FLASH<'static>) -> Self {
        static SHARED: StaticCell<Shared> = StaticCell::new();
        let mut storage = FlashStorage::new(flash);
        let mut table = [0; PARTITION_TABLE_MAX_LEN];
        let table = read_partition_table(&mut storage, &mut table).ok();
        let place = |label: &str| {
            let found = table.as_ref()?.iter().find(|partition| partition.label_as_str() == label)?;
            Some(found.offset()..found.offset() + found.len())
        };
        let booted = table.as_ref().and_then(|table| table.booted_partition().ok()?);
        let settings = place("settings");
        let slots = || {
            let (otadata, slots) = (place("otadata")?.start, [place("ota_0")?, place("ota_1")?]);
            let booted = booted.map(|partition| partition.offset())?;
            let slot = if booted == slots.first()?.start { Slot::Ota0 } else { Slot::Ota1 };
            Some((Layout { otadata, slots }, slot))
        };
        let (slots, len) = (slots(), storage.capacity() as u32);
        Self { shared: SHARED.init(Mutex::new(BlockingAsync::new(storage))), len, settings, slots }
    }

    /// The store of settings, of which nothing is read yet. To be called once.
    pub fn settings(&self) -> Store {
        let Range { start, end } = self.settings.clone()?;
        FlashStore::new(Partition::new(self.shared, start, end - start), 0..end - start).ok()
    }

    /// The receiver of images, [booted](Updater::boot): on trial, this is what leads back to the firmware before.
    /// To be called once, before anything that can fail.
    pub fn slots(&self) -> Slots {
        let (layout, booted) = self.slots.clone()?;
        let key = const { update_key(option_env!("SOCKEYE_UPDATE_KEY")) };
        let target = Target { chip_id: const { chip_id(CHIP) }, project: PROJECT, key };
        let mut slots = Updater::new(Partition::new(self.shared, 0, self.len), layout, target, booted).ok()?;
        embassy_futures::block_on(slots.boot()).ok()?;
        Some(slots)
    }
}
