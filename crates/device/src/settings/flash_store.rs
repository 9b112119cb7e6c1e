//! Settings in NOR flash.
//!
//! A [`FlashStore`] is a map of `sequential-storage`. Its items are appended and checked by CRC, so that a power cut
//! costs at most the item that was being written. Settings are one item that is stored twice: if a bit error spoils the
//! first copy, the second is used. A third item marks that settings were stored, so that a loss of both copies isn't
//! taken for a device that never had any.
//!
//! | key | item |
//! |---|---|
//! | 1 | the passphrase that the device came with |
//! | 2, 3 | the settings: format, number, CBOR |
//! | 4 | nothing; it is there once settings were stored |
//! | 5 | what wipes: not empty while older items are being wiped |

#[cfg(test)]
mod tests;

use core::ops::Range;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use sequential_storage::Error;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::map::{MapConfig, MapStorage, SerializationError, Value};
use sockeye_wifi::Secret;

use crate::limits::{FLASH_BUFFER_LEN, FLASH_PLACES_MAX, FLASH_STRAY_BYTES_MAX};
use crate::settings::{Settings, Store, StoreError, StoreStatus, Stored};

/// A key once used keeps its meaning for ever.
const PASSPHRASE: u8 = 1;
const COPIES: [u8; 2] = [2, 3];
const WRITTEN: u8 = 4;
const WIPING: u8 = 5;

/// The first byte of stored settings. A firmware that can't write what older ones can read gets another.
const FORMAT: u8 = 1;

/// Settings in a range of NOR flash of at least two erase blocks.
///
/// Holds a buffer of [`FLASH_BUFFER_LEN`] bytes. No future of its methods should be dropped before it is ready. A
/// dropped future is as a power cut to the item that was being stored, and costs a repair at the next access.
pub struct FlashStore<F: NorFlash> {
    flash: Mutex<NoopRawMutex, Flash<F>>,
}

struct Flash<F: NorFlash> {
    map: MapStorage<u8, F, Cache<Uncached, Uncached, Uncached, u8>>,
    buffer: Buffer,
    /// Number of the settings that are stored; 0 if there are none.
    number: u32,
    /// The stored settings can't be read, and must not be written over.
    is_locked: bool,
    /// Nothing is written, not even repaired.
    is_read_only: bool,
}

/// The bytes that wipe flash: they take the place of outdated items.
const FILLER: &[u8] = &[0; 512];
const NOTHING: &[u8] = &[];
/// A byte of NOR flash that was erased.
const ERASED: u8 = 0xff;

/// Some flashes read and write aligned memory only.
#[repr(align(4))]
struct Buffer([u8; FLASH_BUFFER_LEN]);

/// The content of a copy's key.
#[derive(Clone, core::marker::Copy)]
enum Found {
    Nothing,
    /// Settings of this number.
    Settings(u32),
    /// A whole item, but not in a format of this firmware.
    Newer,
}

/// The settings of this number, to be written.
struct Record<'s>(u32, &'s Settings);

impl<'a> Value<'a> for Record<'_> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        let Self(number, settings) = self;
        let (header, rest) = buffer.split_at_mut_checked(HEADER_SIZE).ok_or(SerializationError::BufferTooSmall)?;
        let (format, digits) = header.split_at_mut(1);
        format.fill(FORMAT);
        digits.copy_from_slice(&number.to_le_bytes());
        let mut rest = minicbor::encode::write::Cursor::new(rest);
        minicbor::encode(*settings, &mut rest).map_err(|_| SerializationError::BufferTooSmall)?;
        Ok(HEADER_SIZE + rest.position())
    }

    /// Settings are read by [`parse`].
    fn deserialize_from(_: &'a [u8]) -> Result<(Self, usize), SerializationError> {
        Err(SerializationError::InvalidFormat)
    }
}

/// Format and number.
const HEADER_SIZE: usize = 1 + size_of::<u32>();

/// Reads `settings`, and returns their number. None if they are not in a format of this firmware; then `settings` stay as
/// they are.
// The stack has room for the copies during this call alone, and not in a future that calls it.
#[inline(never)]
fn parse(bytes: &[u8], settings: &mut Settings) -> Option<u32> {
    let (&[FORMAT, a, b, c, d], cbor) = bytes.split_first_chunk::<HEADER_SIZE>()? else {
        return None;
    };
    *settings = minicbor::decode(cbor).ok()?;
    Some(u32::from_le_bytes([a, b, c, d]))
}

/// The number of the settings; None if they are not in a format of this firmware.
#[inline(never)]
fn number(bytes: &[u8]) -> Option<u32> {
    let mut settings = Settings::ZERO;
    parse(bytes, &mut settings)
}

#[inline(never)]
fn set_default(settings: &mut Settings) {
    *settings = Settings::default();
}

impl<F: NorFlash> FlashStore<F> {
    /// A store in this range of `flash`; nothing is read yet.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: the range isn't one of at least two whole erase blocks.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, StoreError> {
        let config = MapConfig::try_new(range).map_err(|_| StoreError::Failed)?;
        let map = MapStorage::new(flash, config, Cache::new_uncached());
        let buffer = Buffer([0; FLASH_BUFFER_LEN]);
        Ok(Self { flash: Mutex::new(Flash { map, buffer, number: 0, is_locked: true, is_read_only: false }) })
    }

    /// Writes nothing until [`set_writable`](Self::set_writable), not even to repair: the firmware is on trial, and the one
    /// before must find its settings as they were. To be called before [`load`](Self::load).
    pub async fn set_read_only(&self) {
        self.flash.lock().await.is_read_only = true;
    }

    /// Takes changes from now on: the firmware that was on trial is confirmed.
    pub async fn set_writable(&self) {
        self.flash.lock().await.is_read_only = false;
    }

    /// Reads what was stored, and repairs what a power cut or a bit error has left half. To be called at boot, before
    /// anything is stored.
    pub async fn load(&self) -> Stored {
        let mut stored = Stored::default();
        stored.status = self.load_into(&mut stored.settings).await;
        stored
    }

    /// The same into the memory where the settings stay. Where nothing can be read, the settings are the defaults. A future
    /// that returns settings takes several copies of them on the stack.
    pub async fn load_into(&self, settings: &mut Settings) -> StoreStatus {
        set_default(settings);
        let mut flash = self.flash.lock().await;
        match flash.load(settings).await {
            Ok(status) => status,
            Err(_) => {
                set_default(settings);
                StoreStatus::Damaged
            }
        }
    }

    /// The passphrase that the device came with, if it is stored.
    ///
    /// # Errors
    /// Reading failed: there may be one, which making a new one would lose.
    pub async fn passphrase(&self) -> Result<Option<Secret>, StoreError> {
        self.flash.lock().await.passphrase().await
    }

    /// Stores the passphrase that the device comes with; a factory reset leaves it.
    ///
    /// # Errors
    /// Nothing has changed.
    pub async fn set_passphrase(&self, passphrase: &Secret) -> Result<(), StoreError> {
        let mut flash = self.flash.lock().await;
        flash.store(PASSPHRASE, &passphrase.as_str().as_bytes()).await
    }
}

impl<F: NorFlash> Store for FlashStore<F> {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        let mut flash = self.flash.lock().await;
        match flash.is_locked {
            true => Err(StoreError::Damaged),
            false => flash.save(settings).await,
        }
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        self.flash.lock().await.reset(defaults).await
    }
}

fn error<E>(error: Error<E>) -> StoreError {
    match error {
        Error::FullStorage | Error::ItemTooBig | Error::SerializationError(SerializationError::BufferTooSmall) => {
            StoreError::Full
        }
        Error::Corrupted { .. } => StoreError::Damaged,
        _ => StoreError::Failed,
    }
}

impl<F: NorFlash> Flash<F> {
    /// `settings` change only if stored ones are read.
    async fn load(&mut self, settings: &mut Settings) -> Result<StoreStatus, StoreError> {
        // Before the map sees it, which erases blocks that make no sense.
        let is_used = self.is_used_beyond_first().await?;
        let (newest, is_whole) = match [self.find(COPIES[0]).await?, self.find(COPIES[1]).await?] {
            [Found::Newer, _] | [_, Found::Newer] => return Ok(StoreStatus::Newer),
            [Found::Nothing, Found::Nothing] => {
                self.is_locked = is_used || self.fetch(WRITTEN).await?.is_some();
                return Ok(if self.is_locked { StoreStatus::Damaged } else { StoreStatus::Sound });
            }
            [Found::Settings(_), Found::Nothing] => (COPIES[0], false),
            [Found::Nothing, Found::Settings(_)] => (COPIES[1], false),
            // One copy is older if a power cut came between the two writes, or if only an earlier item of it is whole.
            [Found::Settings(first), Found::Settings(second)] if first < second => (COPIES[1], false),
            [Found::Settings(first), Found::Settings(second)] => (COPIES[0], first == second),
        };
        let number = self.fetch(newest).await?.and_then(|bytes| parse(bytes, settings));
        self.number = number.ok_or(StoreError::Damaged)?;
        self.is_locked = false;
        let mut status = StoreStatus::Sound;
        if !is_whole && !self.is_read_only {
            // The settings are in force whether both copies can be made whole or not.
            status = self.save(settings).await.map_or_else(StoreStatus::from, |()| StoreStatus::Repaired);
        }
        // Wiping goes on at the next boot if it fails now. The settings are in force all the same.
        if !self.is_read_only
            && let Err(error) = self.finish_wiping().await
        {
            status = error.into();
        }
        Ok(status)
    }

    /// Stores both copies. Where the flash has room for one alone, the settings are stored too: the next boot finds that
    /// copy.
    async fn save(&mut self, settings: &Settings) -> Result<(), StoreError> {
        // Even one that was not stored whole has used its number.
        self.number = self.number.wrapping_add(1);
        let number = self.number;
        let mut is_stored = false;
        for key in COPIES {
            match self.store_readable(key, &Record(number, settings)).await {
                Ok(is_readable) => is_stored |= is_readable,
                Err(StoreError::Full) if is_stored => {}
                Err(error) => return Err(error),
            }
        }
        if !is_stored {
            return Err(StoreError::Failed);
        }
        if self.fetch(WRITTEN).await?.is_some() {
            return Ok(());
        }
        match self.store(WRITTEN, &NOTHING).await {
            // Without the mark the settings are stored all the same.
            Err(StoreError::Full) => Ok(()),
            marked => marked,
        }
    }

    /// Stores a copy, and reads it: an erased bit may have fallen over with age, and then the next place is tried. False
    /// if none of some places was good.
    async fn store_readable(&mut self, key: u8, record: &Record<'_>) -> Result<bool, StoreError> {
        for _ in 0..FLASH_PLACES_MAX {
            self.store(key, record).await?;
            if matches!(self.find(key).await?, Found::Settings(number) if number == record.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn reset(&mut self, defaults: &Settings) -> Result<(), StoreError> {
        if self.is_locked {
            return self.format(defaults).await;
        }
        // First, so that a power cut between the two doesn't leave the secrets for good.
        self.store(WIPING, &FILLER).await?;
        self.save(defaults).await?;
        self.wipe().await
    }

    /// Begins anew where nothing can be relied on.
    async fn format(&mut self, defaults: &Settings) -> Result<(), StoreError> {
        if self.is_read_only {
            return Err(StoreError::Failed);
        }
        let passphrase = self.passphrase().await.ok().flatten();
        self.map.erase_all().await.map_err(error)?;
        self.is_locked = false;
        if let Some(passphrase) = passphrase {
            self.store(PASSPHRASE, &passphrase.as_str().as_bytes()).await?;
        }
        self.save(defaults).await
    }

    /// Fills all of the range once, so that each block is erased in its turn, and nothing is lost that is in force.
    async fn wipe(&mut self) -> Result<(), StoreError> {
        let blocks = self.map.flash_range().len() / F::ERASE_SIZE + 1;
        for _ in 0..blocks * F::ERASE_SIZE.div_ceil(FILLER.len()) {
            self.store(WIPING, &FILLER).await?;
        }
        self.store(WIPING, &NOTHING).await
    }

    /// Goes on with a wipe that a power cut has ended.
    async fn finish_wiping(&mut self) -> Result<(), StoreError> {
        let is_wiping = self.fetch(WIPING).await?.is_some_and(|filler| !filler.is_empty());
        if is_wiping { self.wipe().await } else { Ok(()) }
    }

    async fn find(&mut self, key: u8) -> Result<Found, StoreError> {
        let Some(bytes) = self.fetch(key).await? else {
            return Ok(Found::Nothing);
        };
        // The item's CRC is right, so whoever wrote it meant it.
        Ok(number(bytes).map_or(Found::Newer, Found::Settings))
    }

    async fn passphrase(&mut self) -> Result<Option<Secret>, StoreError> {
        let kept = self.fetch(PASSPHRASE).await?;
        Ok(kept.and_then(|bytes| Secret::new(bytes).ok()).filter(|passphrase| !passphrase.is_empty()))
    }

    async fn fetch(&mut self, key: u8) -> Result<Option<&[u8]>, StoreError> {
        self.map.fetch_item::<&[u8]>(&mut self.buffer.0, &key).await.map_err(error)
    }

    async fn store<'d>(&mut self, key: u8, value: &impl Value<'d>) -> Result<(), StoreError> {
        if self.is_read_only {
            return Err(StoreError::Failed);
        }
        self.map.store_item(&mut self.buffer.0, &key, value).await.map_err(error)
    }

    /// Whether something was ever written beyond the first block, where the first settings go: more than what age alone
    /// may have changed.
    async fn is_used_beyond_first(&mut self) -> Result<bool, StoreError> {
        let range = self.map.flash_range();
        let start = range.start + F::ERASE_SIZE as u32;
        let part = F::ERASE_SIZE.min(FLASH_BUFFER_LEN);
        let mut used = 0;
        for offset in (start..range.end).step_by(part) {
            let rest = (range.end - offset) as usize;
            let bytes = self.buffer.0.get_mut(..part.min(rest)).unwrap_or_default();
            self.map.flash().read(offset, bytes).await.map_err(|_| StoreError::Failed)?;
            used += bytes.iter().filter(|byte| **byte != ERASED).count();
            if used > FLASH_STRAY_BYTES_MAX {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
