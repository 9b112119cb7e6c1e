//! What survives a reboot.

use heapless::String;

use crate::auth::TokenHash;
use crate::limits::DEVICE_NAME_LEN_MAX;

/// What a client can configure and a reboot must not lose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The device's name; empty for the one that its platform gives it.
    pub name: String<DEVICE_NAME_LEN_MAX, u8>,
    /// The token that clients must know, if there is one.
    pub token: Option<TokenHash>,
}

/// Settings could not be stored. The ones before are still stored, and still in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// The device has nothing that outlives a reboot.
    Volatile,
    /// Writing failed.
    Failed,
}

/// Keeps [`Settings`] over a reboot.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Store {
    /// Stores `settings` in the place of those before, and returns once a power cut can't undo it. A power cut in
    /// between leaves either.
    ///
    /// Calls never overlap.
    ///
    /// # Errors
    /// Nothing has changed.
    async fn save(&self, settings: &Settings) -> Result<(), StoreError>;
}

/// The store of a device without one: nothing can be configured that a reboot would lose.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStore;

impl Store for NoStore {
    async fn save(&self, _settings: &Settings) -> Result<(), StoreError> {
        Err(StoreError::Volatile)
    }
}
