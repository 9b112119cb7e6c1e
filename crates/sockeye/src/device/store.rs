//! The simulated device's settings: in a flash that is a file, or in memory.

use std::cell::RefCell;
use std::path::Path;

use anyhow::anyhow;
use sockeye_device::{FlashStore, Settings, Store, StoreError, Stored};

use crate::device::flash::FileFlash;

/// Bytes of the chips' partition for settings.
const SIZE: usize = 64 * 1024;
/// The flash, in the device's folder.
const FILE: &str = "flash.bin";

/// The settings of a device without a folder. A restart of the device finds them, and the end of this program loses
/// them.
pub type SettingsMemory = RefCell<Settings>;

/// Keeps settings in a folder, or in memory.
pub enum HostStore<'a> {
    /// In a folder.
    Folder(Box<FlashStore<FileFlash>>),
    /// In memory.
    Memory(&'a SettingsMemory),
}

impl<'a> HostStore<'a> {
    /// A store in `folder`, which exists, or else in `memory`.
    ///
    /// # Errors
    /// The folder's file can't be used.
    pub fn open(folder: Option<&Path>, memory: &'a SettingsMemory) -> anyhow::Result<Self> {
        let Some(folder) = folder else { return Ok(Self::Memory(memory)) };
        let flash = FileFlash::open(&folder.join(FILE), SIZE, (0, &[]))?;
        let store = FlashStore::new(flash, 0..SIZE as u32).map_err(|error| anyhow!("{error:?}"))?;
        Ok(Self::Folder(Box::new(store)))
    }

    /// Writes nothing until the firmware, which is on trial, is confirmed. A trial takes a folder.
    pub async fn set_read_only(&self) {
        if let Self::Folder(store) = self {
            store.set_read_only().await;
        }
    }

    /// The store in a folder; None if the settings are in memory.
    pub fn flash(&self) -> Option<&FlashStore<FileFlash>> {
        match self {
            Self::Folder(store) => Some(store),
            Self::Memory(_) => None,
        }
    }

    /// The settings that were stored last.
    pub async fn load(&self) -> Stored {
        match self {
            Self::Folder(store) => store.load().await,
            Self::Memory(memory) => memory.borrow().clone().into(),
        }
    }
}

impl Store for HostStore<'_> {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.save(settings).await,
            Self::Memory(memory) => {
                memory.borrow_mut().clone_from(settings);
                Ok(())
            }
        }
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => store.reset(defaults).await,
            Self::Memory(_) => self.save(defaults).await,
        }
    }
}
