//! The access point's passphrase: made at the first start, and kept in flash from then on.

use core::fmt::{self, Display};

use embassy_embedded_hal::adapter::BlockingAsync;
use esp_bootloader_esp_idf::partitions::{
    self, NorFlashRegion, PARTITION_TABLE_MAX_LEN, PartitionEntry, read_partition_table,
};
use esp_hal::peripherals::FLASH;
use esp_storage::FlashStorage;
use sequential_storage::Error;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::map::{MapConfig, MapStorage};
use sockeye_hello::identity::Passphrase;

/// Where the passphrase is kept: the partition's name in `partitions.csv`, padded with zeros as in the table.
const PARTITION: &[u8; 16] = b"settings\0\0\0\0\0\0\0\0";
/// The passphrase's key there. A key once used keeps its meaning for ever.
const PASSPHRASE: u8 = 1;
/// Bytes of the longest setting with its key. Every setting is read into it while one is looked for.
const SETTING_LEN_MAX: usize = 256;

/// Why nothing can be kept in flash.
#[derive(Debug)]
pub(crate) enum NotKept {
    /// The partition table has no such partition, or one that can't hold settings.
    Partition,
    /// Reading, erasing or writing failed.
    Flash(Error<partitions::Error>),
    /// What was written can't be read again, even after erasing all.
    Damaged,
}

impl From<Error<partitions::Error>> for NotKept {
    fn from(error: Error<partitions::Error>) -> Self {
        Self::Flash(error)
    }
}

impl Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition => f.write_str("no partition for settings"),
            Self::Flash(error) => write!(f, "the flash failed, {error:?}"),
            Self::Damaged => f.write_str("the flash is damaged"),
        }
    }
}

type Settings<'r, 'a, 'd> =
    MapStorage<u8, BlockingAsync<NorFlashRegion<'r, 'a, 'd>>, Cache<Uncached, Uncached, Uncached, u8>>;

/// The passphrase in flash; `fresh` where there is none, which is then kept.
pub(crate) async fn passphrase(flash: FLASH<'_>, fresh: Passphrase) -> (Passphrase, Result<(), NotKept>) {
    let mut flash = FlashStorage::new(flash);
    let Some(partition) = find(&mut flash) else {
        return (fresh, Err(NotKept::Partition));
    };
    let range = 0..partition.len();
    let mut region = partition.as_flash_region(&mut flash);
    let (Ok(flash), Ok(config)) = (region.as_nor_flash(), MapConfig::try_new(range)) else {
        return (fresh, Err(NotKept::Partition));
    };
    let mut settings = MapStorage::new(BlockingAsync::new(flash), config, Cache::new_uncached());
    match kept(&mut settings).await {
        Ok(Some(passphrase)) => (passphrase, Ok(())),
        Ok(None) => {
            let result = keep(&mut settings, &fresh).await;
            (fresh, result)
        }
        // To write now could cost the passphrase that is there.
        Err(error) => (fresh, Err(error)),
    }
}

/// Forgets the passphrase, and whatever else was kept.
///
/// # Errors
/// The flash's.
pub(crate) async fn forget(flash: FLASH<'_>) -> Result<(), NotKept> {
    let mut flash = FlashStorage::new(flash);
    let partition = find(&mut flash).ok_or(NotKept::Partition)?;
    let range = 0..partition.len();
    let mut region = partition.as_flash_region(&mut flash);
    let (Ok(flash), Ok(config)) = (region.as_nor_flash(), MapConfig::try_new(range)) else {
        return Err(NotKept::Partition);
    };
    let mut settings: Settings<'_, '_, '_> = MapStorage::new(BlockingAsync::new(flash), config, Cache::new_uncached());
    Ok(settings.erase_all().await?)
}

fn find(flash: &mut FlashStorage<'_>) -> Option<PartitionEntry> {
    let mut table = [0; PARTITION_TABLE_MAX_LEN];
    let table = read_partition_table(flash, &mut table).ok()?;
    table.iter().find(|partition| partition.label() == PARTITION)
}

/// The passphrase in flash. None if there never was one, or what is there is none.
async fn kept(settings: &mut Settings<'_, '_, '_>) -> Result<Option<Passphrase>, NotKept> {
    let mut buf = [0; SETTING_LEN_MAX];
    match settings.fetch_item::<&[u8]>(&mut buf, &PASSPHRASE).await {
        Ok(kept) => Ok(kept.and_then(Passphrase::parse)),
        Err(Error::Corrupted { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the passphrase, and makes sure that it can be read again.
async fn keep(settings: &mut Settings<'_, '_, '_>, passphrase: &Passphrase) -> Result<(), NotKept> {
    let mut buf = [0; SETTING_LEN_MAX];
    for damaged in [false, true] {
        if damaged {
            // Nothing can be kept here any more, and what can't be repaired is of no use to anybody.
            settings.erase_all().await?;
        }
        let value = passphrase.as_str().as_bytes();
        match settings.store_item(&mut buf, &PASSPHRASE, &value).await {
            Ok(()) if kept(settings).await?.as_ref() == Some(passphrase) => return Ok(()),
            Ok(()) | Err(Error::Corrupted { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NotKept::Damaged)
}
