//! The stored data that a device boots with. The boot never fails on it: missing or damaged data is reported on the
//! console, and replaced by the defaults.
//!
//! Nothing else runs yet, so the calls here wait for the flash. Settings are large. A task would keep
//! room in its memory, for ever, for the settings that it has while it awaits the flash. So settings are read into the
//! memory of the application.

use embassy_futures::block_on;
use embedded_storage_async::nor_flash::NorFlash;
use sockeye_boot::Passphrase;
use sockeye_boot::{Boot, Line};
use sockeye_device::{AppResources, FlashStore, Settings, StoreError, StoreStatus};
use sockeye_wifi::Secret;

/// Prints why the device has booted, unless it was switched on. `reason` is one of [`reset::reason`](crate::reset::reason).
/// `last_panic` is the message of the panic that made the device boot, None if none did.
pub fn tell_restart<P: Fn(Line<'_>)>(reason: &str, last_panic: Option<&str>, console: &Boot<P>) {
    match (last_panic, reason) {
        (Some(message), _) => console.warning(&format_args!("the device has restarted, because it {message}")),
        (None, "power_on") => (),
        (None, "software" | "deep_sleep" | "usb") => console.restarted(reason),
        (None, _) => console.warning(&format_args!("the device has restarted, reason: {reason}")),
    }
}

/// Reads the settings that were stored last, `defaults` if none were, into the memory where they stay, and the status of
/// the store. Without a store nothing can be configured.
#[inline(never)]
pub fn settings<F: NorFlash, P: Fn(Line<'_>)>(
    store: Option<&FlashStore<F>>,
    resources: &mut AppResources,
    defaults: impl FnOnce() -> Settings,
    console: &Boot<P>,
) {
    let (settings, status) = resources.stored();
    *status = match store {
        Some(store) => block_on(store.load_into(settings)),
        None => StoreStatus::Volatile,
    };
    if *status != StoreStatus::Sound {
        console.warning(&format_args!("stored settings: {}", status.name()));
    }
    begin_with(store.is_some(), settings, defaults);
}

/// Puts the defaults of the build in the place of settings that nobody has configured.
// The copies are on the stack during this call alone.
#[inline(never)]
fn begin_with(is_loaded: bool, settings: &mut Settings, defaults: impl FnOnce() -> Settings) {
    // A factory reset has stored the defaults, and how many changes are spent.
    let changes_spent = core::mem::take(&mut settings.changes_spent);
    if !is_loaded || *settings == Settings::default() {
        *settings = defaults();
    }
    settings.changes_spent = changes_spent;
}

/// The passphrase that the device came with. Where none is stored it is `fresh`, which is then kept.
pub fn passphrase<F: NorFlash, P: Fn(Line<'_>)>(
    store: Option<&FlashStore<F>>,
    fresh: &Passphrase,
    console: &Boot<P>,
) -> Secret {
    // A fresh passphrase has a length that WPA2 accepts.
    let fresh = Secret::new(fresh.as_str().as_bytes()).unwrap_or_default();
    let kept = match store {
        Some(store) => match block_on(store.passphrase()) {
            Ok(Some(kept)) => return kept,
            Ok(None) => block_on(store.set_passphrase(&fresh)),
            // To write now could cost the passphrase that is there.
            Err(error) => Err(error),
        },
        None => Err(StoreError::Volatile),
    };
    if let Err(error) = kept {
        let what = "the passphrase could not be kept and is another one after a restart";
        console.warning(&format_args!("{what}: {error:?}"));
    }
    fresh
}

#[cfg(test)]
mod tests;
