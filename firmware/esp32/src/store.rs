//! Settings and the passphrase that the device comes with, in flash.

use embassy_embedded_hal::adapter::BlockingAsync;
use esp_bootloader_esp_idf::partitions::{FlashRegion, NorFlashRegion, PARTITION_TABLE_MAX_LEN, read_partition_table};
use esp_hal::peripherals::FLASH;
use esp_storage::FlashStorage;
use sockeye_device::FlashStore;
use static_cell::StaticCell;

/// The partition's name in `partitions.csv`, padded with zeros as in the table.
const PARTITION: &[u8; 16] = b"settings\0\0\0\0\0\0\0\0";

/// What keeps settings; none if the flash has no partition for them.
pub type Store = Option<FlashStore<BlockingAsync<NorFlashRegion<'static, 'static, 'static>>>>;

/// The store in the flash, of which nothing is read yet. To be called once.
pub fn open(flash: FLASH<'static>) -> Store {
    static STORAGE: StaticCell<FlashStorage<'static>> = StaticCell::new();
    static REGION: StaticCell<FlashRegion<'static, 'static>> = StaticCell::new();

    let flash: &'static mut FlashStorage<'static> = STORAGE.init(FlashStorage::new(flash));
    let mut table = [0; PARTITION_TABLE_MAX_LEN];
    let table = read_partition_table(flash, &mut table).ok()?;
    let partition = table.iter().find(|partition| partition.label() == PARTITION)?;
    let range = 0..partition.len();
    let region = REGION.init(partition.as_flash_region(flash));
    FlashStore::new(BlockingAsync::new(region.as_nor_flash().ok()?), range).ok()
}
