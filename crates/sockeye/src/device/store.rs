//! The simulated device's settings: in a flash that is a file, or nowhere.

use std::path::Path;

use anyhow::anyhow;
use sockeye_device::{FlashStore, NoStore, Settings, Store, StoreError, StoreStatus, Stored};

use crate::device::flash::FileFlash;

/// Bytes of the chips' partition for settings.
const SIZE: usize = 64 * 1024;
/// The flash, in the device's folder.
const FILE: &str = "flash.bin";

/// Keeps settings in a folder, or nowhere.
pub struct HostStore(Option<FlashStore<FileFlash>>);

impl HostStore {
    /// A store in `folder`, which exists; without one nothing can be configured.
    ///
    /// # Errors
    /// The folder's file can't be used.
    pub fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let Some(folder) = folder else { return Ok(Self(None)) };
        let flash = FileFlash::open(&folder.join(FILE), SIZE, (0, &[]))?;
        let store = FlashStore::new(flash, 0..SIZE as u32).map_err(|error| anyhow!("{error:?}"))?;
        Ok(Self(Some(store)))
    }

    /// Writes nothing until [`set_writable`](Self::set_writable): the firmware is on trial.
    pub async fn set_read_only(&self) {
        if let Some(store) = &self.0 {
            store.set_read_only().await;
        }
    }

    /// Takes changes from now on: the firmware that was on trial is confirmed.
    pub async fn set_writable(&self) {
        if let Some(store) = &self.0 {
            store.set_writable().await;
        }
    }

    /// The settings that were stored last.
    pub async fn load(&self) -> Stored {
        match &self.0 {
            Some(store) => store.load().await,
            None => Stored { settings: Settings::default(), status: StoreStatus::Volatile },
        }
    }
}

impl Store for HostStore {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        match &self.0 {
            Some(store) => store.save(settings).await,
            None => NoStore.save(settings).await,
        }
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        match &self.0 {
            Some(store) => store.reset(defaults).await,
            None => NoStore.reset(defaults).await,
        }
    }
}
