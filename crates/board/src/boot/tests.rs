//! Whatever is in the flash, the device boots.

use std::cell::RefCell;
use std::string::{String, ToString};
use std::vec::Vec;

use embassy_futures::block_on;
use sequential_storage::mock_flash::MockFlashBase;
use sockeye_boot::PASSPHRASE_LEN;
use sockeye_device::Store;

use super::*;

/// Four blocks as a chip has them.
type Mock = MockFlashBase<4, 4, 1024>;

fn store(flash: &Mock) -> FlashStore<Mock> {
    FlashStore::new(flash.clone(), Mock::FULL_FLASH_RANGE).unwrap()
}

fn named(name: &str) -> Settings {
    Settings { name: name.try_into().unwrap(), ..Settings::default() }
}

/// Boots, and gives what came of it: the settings, the passphrase, and the warnings.
fn boot(store: Option<&FlashStore<Mock>>, random: u32) -> (Settings, Secret, Vec<String>) {
    let lines = RefCell::new(Vec::new());
    let console = Boot::new(|line: Line<'_>| lines.borrow_mut().push(line.to_string()), "device", "a test");
    let mut resources = std::boxed::Box::new(AppResources::new());
    settings(store, &mut resources, || named("built"), &console);
    let stored = resources.stored().0.clone();
    let fresh = Passphrase::from_random(&[random; PASSPHRASE_LEN]);
    let secret = passphrase(store, &fresh, &console);
    (stored, secret, lines.take().split_off(1))
}

#[test]
fn a_restart_has_its_reason_on_the_console() {
    let check = |reason: &str, last_panic: Option<&str>, expected: &[&str]| {
        let lines = RefCell::new(Vec::new());
        let console = Boot::new(|line: Line<'_>| lines.borrow_mut().push(line.to_string()), "device", "a test");
        tell_restart(reason, last_panic, &console);
        assert_eq!(lines.take()[1..], *expected, "{reason} {last_panic:?}");
    };
    check("power_on", None, &[]);
    check("software", None, &["the device has restarted, reason: software"]);
    check("watchdog", None, &["warning: the device has restarted, reason: watchdog"]);
    check("brownout", None, &["warning: the device has restarted, reason: brownout"]);
    let panicked = "panicked at src/radio.rs:12:5: NoMemory";
    let told = "warning: the device has restarted, because it panicked at src/radio.rs:12:5: NoMemory";
    check("software", Some(panicked), &[told]);
}

#[test]
fn a_blank_flash_begins_with_what_the_image_was_made_with() {
    let store = store(&Mock::default());
    let (settings, passphrase, warnings) = boot(Some(&store), 0);
    assert_eq!((settings, passphrase.as_str()), (named("built"), "aaaaaaaaaaaa"));
    assert_eq!(warnings, [""; 0]);
    let (_, kept, _) = boot(Some(&store), u32::MAX);
    assert_eq!(kept, passphrase, "drawn once");
}

#[test]
fn what_was_stored_is_there_again() {
    let store = store(&Mock::default());
    boot(Some(&store), 0);
    block_on(store.save(&named("kitchen"))).unwrap();
    let (settings, _, warnings) = boot(Some(&store), 0);
    assert_eq!(settings, named("kitchen"));
    assert_eq!(warnings, [""; 0]);
}

/// An image may be built with a network, or with an open access point. An owner who forgets the network, or closes the
/// access point, has the defaults then, and they are still there after a boot.
#[test]
fn defaults_that_an_owner_has_set_are_there_again() {
    let store = store(&Mock::default());
    boot(Some(&store), 0);
    let set = Settings { is_configured: true, ..Settings::default() };
    block_on(store.save(&set)).unwrap();
    assert_eq!(boot(Some(&store), 0).0, set);
    block_on(store.reset(&Settings::default())).unwrap();
    assert_eq!(boot(Some(&store), 0).0, named("built"));
}

#[test]
fn damaged_settings_are_left_and_said() {
    let mut flash = Mock::default();
    for byte in flash.as_bytes_mut() {
        *byte = 0x5a;
    }
    let store = store(&flash);
    let (settings, passphrase, warnings) = boot(Some(&store), 0);
    assert_eq!((settings, passphrase.as_str()), (named("built"), "aaaaaaaaaaaa"));
    assert_eq!(warnings[0], "warning: stored settings: damaged");
}

#[test]
fn without_a_place_for_settings_the_device_boots_too() {
    let (settings, passphrase, warnings) = boot(None, 0);
    assert_eq!((settings, passphrase.as_str()), (named("built"), "aaaaaaaaaaaa"));
    let passphrase = "warning: the passphrase could not be kept and is another one after a restart: Volatile";
    assert_eq!(warnings, ["warning: stored settings: none", passphrase]);
}
