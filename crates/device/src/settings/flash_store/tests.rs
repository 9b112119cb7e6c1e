//! Settings through power cuts, bit errors and changes of firmware.

use std::collections::BTreeSet;
use std::format;
use std::vec::Vec;

use embassy_futures::block_on;
use sequential_storage::mock_flash::{MockFlashBase, WriteCountCheck};
use sockeye_wifi::limits::NETWORKS_MAX;
use sockeye_wifi::{Ip, Network, StaticIp};

use super::*;
use crate::limits::{
    CHANNEL_LEN_MAX, FLASH_STRAY_BYTES_MAX, PUSH_PERIOD_MS_MAX, PUSH_TO_LEN_MAX, PUSH_TOKEN_LEN_MAX,
    REMOTE_EXPIRE_S_MAX, RESET_CHANGES, RULES_MAX, TIME_SERVER_LEN_MAX,
};
use crate::settings::token::TokenHash;
use crate::settings::{LogLevel, PushSettings, Seconds};

/// Four blocks as a chip has them.
type Mock = MockFlashBase<4, 4, 1024>;

/// The defaults: a device has no settings, or none that it can read.
fn as_new(status: StoreStatus) -> Stored {
    Stored { settings: Settings::default(), status }
}

fn boot(flash: &Mock) -> (FlashStore<Mock>, Stored) {
    let store = FlashStore::new(flash.clone(), Mock::FULL_FLASH_RANGE).unwrap();
    let stored = block_on(store.load());
    (store, stored)
}

fn flash(store: FlashStore<Mock>) -> Mock {
    store.flash.into_inner().map.destroy().0
}

fn settings(name: &str, networks: usize) -> Settings {
    let mut settings = Settings { name: name.try_into().unwrap(), ..Settings::default() };
    for number in 0..networks {
        let password = Secret::new(format!("{name} password").as_bytes()).unwrap();
        let network = Network::new(format!("{name}-{number}").as_bytes()).unwrap();
        settings.networks.push(Network { password, ..network }).unwrap();
    }
    settings
}

/// A flash with these settings in it, stored one after the other.
fn with(history: &[&Settings]) -> Mock {
    let (store, _) = boot(&Mock::default());
    for settings in history {
        block_on(store.save(settings)).unwrap();
    }
    flash(store)
}

/// Runs `change` with a power cut after every byte that it writes or erases, and boots after each.
fn cut_everywhere(
    before: &Mock,
    change: impl AsyncFn(&FlashStore<Mock>) -> Result<(), StoreError>,
    check: impl Fn(bool, Stored),
) {
    for bytes in 0.. {
        let (mut store, _) = boot(before);
        store.flash.get_mut().map.flash().bytes_until_shutoff = Some(bytes);
        let is_acknowledged = block_on(change(&store)).is_ok();
        let mut after = flash(store);
        let is_over = after.bytes_until_shutoff.take().is_some();
        assert!(is_acknowledged || !is_over, "an error without a power cut");
        // The second boot finds a store sound that the first has repaired.
        let (store, stored) = boot(&after);
        let (_, again) = boot(&flash(store));
        assert_eq!(again.settings, stored.settings, "after {bytes} bytes");
        assert_eq!(again.status, StoreStatus::Sound, "after {bytes} bytes");
        check(is_acknowledged, stored);
        if is_over {
            return;
        }
    }
}

/// Settings that fill all fields.
fn largest() -> Settings {
    let secret = Secret::new(&[b'a'; 64]).unwrap();
    let long = "x".repeat(32);
    let ip = StaticIp { gateway: Some([255; 4].into()), ..StaticIp::parse(b"223.255.255.254/24").unwrap() };
    let network = Network { password: secret.clone(), ip: Ip::Static(ip), ..Network::new(long.as_bytes()).unwrap() };
    let mut largest = Settings { token: Some(TokenHash::new(b"token", [255; _])), ..settings(&long, 0) };
    largest.log_level = LogLevel::Warning;
    largest.networks.extend((0..NETWORKS_MAX).map(|_| network.clone()));
    largest.ap.passphrase = secret;
    let period_ms = PUSH_PERIOD_MS_MAX;
    largest.push = PushSettings {
        to: "x".repeat(PUSH_TO_LEN_MAX).as_str().try_into().unwrap(),
        token: "x".repeat(PUSH_TOKEN_LEN_MAX).as_str().try_into().unwrap(),
        names: "x".repeat(CHANNEL_LEN_MAX).as_str().try_into().unwrap(),
        period_ms,
    };
    largest.remote_expire = Seconds(REMOTE_EXPIRE_S_MAX);
    largest.time_server = "t".repeat(TIME_SERVER_LEN_MAX).as_str().try_into().unwrap();
    let mut wiring = sockeye_wiring::Wiring::new();
    for thing in 0..sockeye_wiring::limits::THINGS_MAX {
        // As long as has room.
        let spec = "x".repeat(sockeye_wiring::limits::TEXT_LEN_MAX / sockeye_wiring::limits::THINGS_MAX - "n0=/".len());
        wiring.set(&std::format!("n{thing}"), &spec).unwrap();
    }
    largest.wiring = Some(wiring);
    largest
}

#[test]
fn the_largest_settings_come_back() {
    let stored = boot(&with(&[&largest()])).1;
    assert_eq!(stored, Stored { settings: largest(), status: StoreStatus::Sound });
}

/// `fixtures` keeps settings as each release has written them. After an update a firmware reads settings that an older one
/// has stored. A new release adds a file; a file that is there never changes.
#[test]
fn settings_of_every_release_are_read() {
    const RELEASES: [&[u8]; 1] = [include_bytes!("../../../fixtures/settings-0.1.0.bin")];
    for release in RELEASES {
        let mut settings = Settings::ZERO;
        assert_eq!((parse(release, &mut settings), settings), (Some(7), largest()));
    }
}

/// A firmware without rules reads the settings of one with rules, of which it knows nothing.
#[test]
fn settings_with_rules_are_read_by_older_firmwares() {
    /// Two fields of the settings as 0.1.0 had them.
    #[derive(minicbor::Decode)]
    #[cbor(map)]
    struct Older {
        #[cbor(n(0), with = "crate::settings::cbor::text", default)]
        name: heapless::String<32, u8>,
        #[cbor(n(9), with = "crate::settings::cbor::wiring_map", default)]
        wiring: Option<sockeye_wiring::Wiring>,
    }
    let mut with_rules = settings("kitchen", 1);
    with_rules.rules.set("fan", "when cellar.temperature > 25 hysteresis 0.5 for 30s set fan 100 else 0", 8).unwrap();
    with_rules.rules.set("frost", "when kitchen.lm35 < 3 set heater 1 else 0 lost 0", 8).unwrap();
    with_rules.wiring = largest().wiring;
    assert_eq!(boot(&with(&[&with_rules])).1, Stored::from(with_rules.clone()));
    let mut record = [0; FLASH_BUFFER_LEN];
    let len = Record(7, &with_rules).serialize_into(&mut record).unwrap();
    let older: Older = minicbor::decode(&record[HEADER_SIZE..len]).unwrap();
    assert_eq!((older.name.as_str(), older.wiring), ("kitchen", with_rules.wiring));
}

/// An older firmware has a buffer of this length, and reads no longer item.
#[test]
fn settings_are_never_longer_than_the_buffer_of_older_firmwares() {
    assert_eq!(FLASH_BUFFER_LEN, 1_408);
    let (store, _) = boot(&with(&[&largest()]));
    let mut longer = largest();
    for number in 0..RULES_MAX {
        let rule = std::format!("when cellar.temperature > {number} set fan {number}");
        longer.rules.set(&std::format!("n{number}"), &rule, RULES_MAX).unwrap();
    }
    assert_eq!(block_on(store.save(&longer)), Err(StoreError::Full));
    assert_eq!(boot(&flash(store)).1, Stored::from(largest()));
    // Eight rules have room beside a full wiring, a network and a peer.
    longer.networks.truncate(1);
    assert_eq!(boot(&with(&[&longer])).1, Stored::from(longer));
}

/// The settings of the firmware before stay as they are while a newer one is on trial. Nothing is written, not even to
/// repair a copy.
#[test]
fn a_firmware_on_trial_writes_nothing() {
    let (mut store, _) = boot(&with(&[&settings("kitchen", 0)]));
    // The copies differ, as after a power cut, which is repaired at other times.
    block_on(store.flash.get_mut().store(COPIES[1], &Record(9, &settings("kitchen", 1)))).unwrap();
    let before = flash(store);
    let bytes = before.as_bytes().to_vec();
    let store = FlashStore::new(before, Mock::FULL_FLASH_RANGE).unwrap();
    let check = async {
        store.set_read_only().await;
        assert_eq!(store.load().await, Stored::from(settings("kitchen", 1)));
        assert_eq!(store.save(&settings("barn", 2)).await, Err(StoreError::Failed));
        assert_eq!(store.reset(&Settings::default()).await, Err(StoreError::Failed));
        assert_eq!(store.set_passphrase(&Secret::new(b"abcdefghjkmn").unwrap()).await, Err(StoreError::Failed));
    };
    block_on(check);
    let kept = flash(store);
    assert!(kept.as_bytes() == bytes);
    // The same, and the firmware is confirmed.
    let store = FlashStore::new(kept, Mock::FULL_FLASH_RANGE).unwrap();
    let confirm = async {
        store.set_read_only().await;
        store.load().await;
        store.set_writable().await;
        assert_eq!(store.save(&settings("barn", 2)).await, Ok(()));
    };
    block_on(confirm);
    assert_eq!(boot(&flash(store)).1, Stored::from(settings("barn", 2)));
}

#[test]
fn a_power_cut_leaves_the_old_settings_or_the_new() {
    let [old, new] = [settings("old", 2), settings("new", 3)];
    // A new device; one with settings; and one whose block is full, so that the change begins the next.
    for history in [0, 1, 14] {
        let before = with(&Vec::from_iter((0..history).map(|_| &old)));
        let was = if history == 0 { &Settings::default() } else { &old };
        let found = core::cell::RefCell::new(BTreeSet::new());
        cut_everywhere(
            &before,
            async |store| store.save(&new).await,
            |is_acknowledged, stored| {
                assert!(stored.settings == new || (!is_acknowledged && stored.settings == *was), "{stored:?}");
                found.borrow_mut().insert((is_acknowledged, stored.settings == new));
            },
        );
        assert_eq!(found.into_inner().len(), 3, "old, new, and new that was acknowledged");
    }
}

#[test]
fn no_bit_error_costs_a_setting() {
    let [old, new] = [settings("old", 1), settings("new", 2)];
    let before = with(&[&old, &new]);
    let used = before.as_bytes().iter().rposition(|byte| *byte != ERASED).unwrap();
    let mut repaired = 0;
    for index in 0..=used {
        for bit in 0..8 {
            let mut damaged = before.clone();
            damaged.as_bytes_mut()[index] ^= 1 << bit;
            let (store, stored) = boot(&damaged);
            assert_eq!(stored.settings, new, "bit {bit} of byte {index}");
            repaired += usize::from(stored.status == StoreStatus::Repaired);
            let (_, again) = boot(&flash(store));
            assert_eq!((again.settings, again.status), (new.clone(), StoreStatus::Sound));
        }
    }
    assert!(repaired > 0);
}

#[test]
fn a_lost_copy_is_repaired_and_both_are_told() {
    let stored = settings("kitchen", 1);
    for keys in [&[2_u8][..], &[3], &[2, 3]] {
        let mut damaged = with(&[&stored]);
        // Items are taken away by a second write, which the store itself never does.
        damaged.write_count_check = WriteCountCheck::Disabled;
        let mut map = MapStorage::new(damaged, MapConfig::new(Mock::FULL_FLASH_RANGE), Cache::new_uncached());
        for key in keys {
            block_on(map.remove_item(&mut [0; 1024], key)).unwrap();
        }
        let (store, found) = boot(&map.destroy().0);
        if keys.len() == 1 {
            assert_eq!(found, Stored { settings: stored.clone(), status: StoreStatus::Repaired });
            continue;
        }
        assert_eq!(found, as_new(StoreStatus::Damaged));
        assert_eq!(block_on(store.save(&stored)), Err(StoreError::Damaged), "it isn't written over");
        let (store, found) = boot(&flash(store));
        assert_eq!(found, as_new(StoreStatus::Damaged), "after the next boot as well");
        block_on(store.reset(&Settings::default())).unwrap();
        block_on(store.save(&stored)).unwrap();
        assert_eq!(boot(&flash(store)).1, Stored { settings: stored.clone(), status: StoreStatus::Sound });
    }
}

#[test]
fn bits_that_fell_over_in_a_new_flash_are_no_settings() {
    for bytes in [1, FLASH_STRAY_BYTES_MAX] {
        let mut aged = Mock::default();
        let len = aged.as_bytes().len();
        (0..bytes).for_each(|number| aged.as_bytes_mut()[len / 2 + 97 * number] = 0xfb);
        let (store, stored) = boot(&aged);
        assert_eq!(stored, as_new(StoreStatus::Sound));
        block_on(store.save(&settings("kitchen", 1))).unwrap();
        assert_eq!(boot(&flash(store)).1.settings, settings("kitchen", 1));
    }
}

#[test]
fn settings_that_do_not_fit_change_nothing() {
    type Small = MockFlashBase<2, 4, 64>;
    let store = FlashStore::new(Small::default(), Small::FULL_FLASH_RANGE).unwrap();
    block_on(store.load());
    block_on(store.save(&settings("kitchen", 0))).unwrap();
    assert_eq!(block_on(store.save(&settings("hall", 3))), Err(StoreError::Full));
    let small = store.flash.into_inner().map.destroy().0;
    let store = FlashStore::new(small, Small::FULL_FLASH_RANGE).unwrap();
    assert_eq!(block_on(store.load()), Stored::from(settings("kitchen", 0)));
}

/// An item that can't be read back is written again, before a client gets `+OK`.
#[test]
fn bits_that_fell_over_where_settings_go_cost_none() {
    let [old, new] = [settings("old", 1), settings("new", 2)];
    let mut failed = 0;
    for seed in 0..200_usize {
        let mut aged = with(&[&old]);
        let used = aged.as_bytes().iter().rposition(|byte| *byte != ERASED).unwrap();
        // Both copies are hit, one or none, and the second time as well.
        for number in 0..1 + seed % 8 {
            aged.as_bytes_mut()[used + 1 + (seed * 37 + number * 61) % 900] = 0x7f;
        }
        let (store, _) = boot(&aged);
        let stored = block_on(store.save(&new));
        let expected = if stored.is_ok() { &new } else { &old };
        failed += usize::from(stored.is_err());
        assert_eq!(boot(&flash(store)).1.settings, *expected, "seed {seed}");
    }
    assert!(failed < 20, "{failed}");
}

#[test]
fn garbage_is_told() {
    let mut garbage = Mock::default();
    for (index, byte) in garbage.as_bytes_mut().iter_mut().enumerate() {
        *byte = (index as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3];
    }
    let (store, stored) = boot(&garbage);
    assert_eq!(stored, as_new(StoreStatus::Damaged));
    block_on(store.reset(&Settings::default())).unwrap();
    assert_eq!(boot(&flash(store)).1, as_new(StoreStatus::Sound));
}

#[test]
fn records_of_other_firmwares_are_read() {
    let check = |record: &[u8], expected: &Stored| {
        let mut map = MapStorage::new(Mock::default(), MapConfig::new(Mock::FULL_FLASH_RANGE), Cache::new_uncached());
        for key in COPIES {
            block_on(map.store_item(&mut [0; 1024], &key, &record)).unwrap();
        }
        let (store, stored) = boot(&map.destroy().0);
        assert_eq!(stored, *expected);
        let is_locked = block_on(store.save(&Settings::default())) == Err(StoreError::Damaged);
        assert_eq!(is_locked, expected.status == StoreStatus::Newer);
    };
    let kitchen = Stored::from(settings("kitchen", 0));
    // {0: "kitchen"}, as the first firmware had it; and with a key that this one doesn't know.
    check(b"\x01\x05\0\0\0\xa1\x00\x67kitchen", &kitchen);
    check(b"\x01\x05\0\0\0\xa2\x00\x67kitchen\x18\x63\x82\x01\x02", &kitchen);
    // Another format, and a name that is too long here.
    check(b"\x02\x05\0\0\0\xa1\x00\x67kitchen", &as_new(StoreStatus::Newer));
    check(format!("\x01\x05\0\0\0{}\x00\x78\x21{}", '\u{1}', "x".repeat(33)).as_bytes(), &as_new(StoreStatus::Newer));
}

#[test]
fn a_factory_reset_leaves_no_secret_and_the_own_passphrase() {
    let (store, _) = boot(&Mock::default());
    let passphrase = Secret::new(b"abcdefghjkmn").unwrap();
    assert_eq!(block_on(store.passphrase()), Ok(None));
    block_on(store.set_passphrase(&passphrase)).unwrap();
    for name in ["one", "two", "three"] {
        block_on(store.save(&settings(name, 3))).unwrap();
    }
    let has_secret = |flash: &Mock| flash.as_bytes().windows(8).any(|bytes| bytes == b"password");
    let before = flash(store);
    assert!(has_secret(&before));
    let (store, _) = boot(&before);
    block_on(store.reset(&Settings::default())).unwrap();
    assert_eq!(block_on(store.passphrase()), Ok(Some(passphrase)));
    let after = flash(store);
    assert!(!has_secret(&after));
    assert_eq!(boot(&after).1, as_new(StoreStatus::Sound));
}

#[test]
fn a_power_cut_in_a_factory_reset_leaves_the_old_settings_or_none() {
    let old = settings("old", 3);
    let before = with(&[&old]);
    // Wiping writes some 20 KB; the step is odd, so that it meets each kind of place.
    for bytes in (0..30_000).step_by(611) {
        let (mut store, _) = boot(&before);
        store.flash.get_mut().map.flash().bytes_until_shutoff = Some(bytes);
        let is_acknowledged = block_on(store.reset(&Settings::default())).is_ok();
        let mut after = flash(store);
        after.bytes_until_shutoff = None;
        let (store, stored) = boot(&after);
        assert!(stored.settings == Settings::default() || (!is_acknowledged && stored.settings == old), "{stored:?}");
        let wiped = flash(store);
        let has_secret = wiped.as_bytes().windows(8).any(|bytes| bytes == b"password");
        assert_eq!(has_secret, stored.settings == old, "after {bytes} bytes");
    }
}

/// The figures for wear in docs/hardware.md: a chip has 16 blocks for settings, which are erased in turn.
#[test]
fn a_change_erases_one_block_at_most_and_a_factory_reset_few_more_than_all() {
    type Chip = MockFlashBase<16, 4, 1024>;
    // The blocks that `count` changes erase, each followed by a reset perhaps.
    let erases = |[first, second]: [&Settings; 2], count: usize, is_reset: bool| {
        let store = FlashStore::new(Chip::new(WriteCountCheck::Twice, None, false), Chip::FULL_FLASH_RANGE).unwrap();
        block_on(store.load());
        for settings in [first, second].into_iter().cycle().take(count) {
            block_on(store.save(settings)).unwrap();
            if is_reset {
                block_on(store.reset(&Settings::default())).unwrap();
            }
        }
        let (flash, ..) = store.flash.into_inner().map.destroy();
        Chip::default().stats_snapshot().compare_to(flash.stats_snapshot()).erases
    };
    let (large, other) = (largest(), Settings { name: "other".try_into().unwrap(), ..largest() });
    assert!(erases([&large, &other], 40, false) <= 40);
    assert!(erases([&settings("a", 0), &settings("b", 0)], 40, false) <= 40 / 8);
    let resets = 4;
    let in_resets = erases([&large, &other], resets, true) - resets as u64;
    assert!(in_resets <= resets as u64 * u64::from(RESET_CHANGES), "{in_resets}");
}

/// A worn block that can't be written any more costs no setting, although each boot goes on with the wiping.
#[test]
fn a_wipe_that_never_ends_costs_no_setting() {
    let (mut store, _) = boot(&with(&[&settings("old", 3)]));
    store.flash.get_mut().map.flash().bytes_until_shutoff = Some(6_000);
    assert!(block_on(store.reset(&Settings::default())).is_err());
    let mut flash_after = flash(store);
    // From now on wiping fails at each boot, and a change can be stored.
    for name in ["kitchen", "barn"] {
        flash_after.bytes_until_shutoff = Some(2_000);
        let (mut store, _) = boot(&flash_after);
        store.flash.get_mut().map.flash().bytes_until_shutoff = None;
        block_on(store.save(&settings(name, 1))).unwrap();
        flash_after = flash(store);
        flash_after.bytes_until_shutoff = Some(2_000);
        let (store, stored) = boot(&flash_after);
        assert_eq!(stored, Stored { settings: settings(name, 1), status: StoreStatus::Failed });
        flash_after = flash(store);
    }
    flash_after.bytes_until_shutoff = None;
    let (store, _) = boot(&flash_after);
    assert_eq!(boot(&flash(store)).1, Stored::from(settings("barn", 1)));
}

/// Random changes of a flash of this size, with a boot after each. A change that had no room is not there after the boot.
/// Gives how many were stored, and how many had no room.
fn change_at_random<const PAGES: usize, const WORDS: usize>(networks: &[Network]) -> (usize, usize) {
    let (mut flash, mut expected) = (MockFlashBase::<PAGES, 4, WORDS>::default(), Settings::default());
    let (mut stored, mut full, mut random) = (0, 0, 1_u32);
    for _ in 0..200 {
        let store = FlashStore::new(flash, MockFlashBase::<PAGES, 4, WORDS>::FULL_FLASH_RANGE).unwrap();
        assert_eq!(block_on(store.load()).settings, expected, "{PAGES} pages of {WORDS} words");
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut new = settings(&"x".repeat(1 + (random >> 8) as usize % 8), 0);
        new.networks.extend(networks.iter().take((random >> 16) as usize % 4).cloned());
        match block_on(store.save(&new)) {
            Ok(()) => (expected, stored) = (new, stored + 1),
            Err(error) => (full, _) = (full + 1, assert_eq!(error, StoreError::Full)),
        }
        flash = store.flash.into_inner().map.destroy().0;
    }
    (stored, full)
}

/// A reply that nothing has changed is true after the next boot too. A flash with room for one of two copies had the change.
#[test]
fn a_change_without_room_is_not_there_after_a_boot() {
    let networks = settings("kitchen", NETWORKS_MAX).networks;
    let outcomes = [
        change_at_random::<2, 48>(&networks),
        change_at_random::<2, 64>(&networks),
        change_at_random::<2, 80>(&networks),
        change_at_random::<2, 112>(&networks),
        change_at_random::<3, 64>(&networks),
    ];
    assert!(outcomes.iter().all(|(stored, full)| *stored > 0 && *full > 0), "{outcomes:?}");
    // The flash of a chip has room for all that the settings can be.
    assert_eq!(change_at_random::<4, 1024>(&largest().networks), (200, 0));
}
