//! Single steps: what each answers, and what it leaves.

use super::*;

const IMAGE_SIZE: usize = 9_008;

fn run<T>(device: &Device, future: impl Future<Output = T>) -> T {
    complete(&device.flash, future).unwrap()
}

fn device() -> (Device, Updater<Flash>) {
    let device = Device::new(&image(1, 6_000), 1);
    let (updater, _) = device.boot().unwrap();
    (device, updater)
}

#[test]
fn an_update_is_received_tried_and_confirmed() {
    let (device, mut updater) = device();
    let new = image(2, IMAGE_SIZE);
    assert_eq!(updater.status().state, UpdateState::Idle);
    assert_eq!(run(&device, updater.begin(signed(&new), false, LATER_MS)), Ok(0));
    assert_eq!(updater.status().state, UpdateState::Receiving);
    send(&device.flash, &mut updater, &new).unwrap();
    assert_eq!(
        updater.status(),
        UpdateStatus { state: UpdateState::Ready, received: IMAGE_SIZE as u32, ..updater.status() }
    );
    assert_eq!(device.loadable(Slot::Ota1), None, "the image can't be booted before it is verified");
    assert_eq!(run(&device, updater.try_image(77, LATER_MS)), Ok(()));
    assert_eq!(updater.status().state, UpdateState::Restarting);
    assert_eq!(run(&device, updater.begin(signed(&new), false, LATER_MS)), Err(UpdateError::Restarting));

    let (mut updater, booted) = device.boot().unwrap();
    assert_eq!(booted, digest(&new));
    let status = updater.status();
    assert_eq!((status.state, status.confirm_s, status.booted), (UpdateState::Trial, 77, Slot::Ota1));
    assert_eq!(run(&device, updater.begin(signed(&new), false, LATER_MS)), Err(UpdateError::Trial));
    assert_eq!(run(&device, updater.confirm()), Ok(()));
    assert_eq!(run(&device, updater.confirm()), Err(UpdateError::NoTrial));
    let (updater, booted) = device.boot().unwrap();
    assert_eq!((booted, updater.status().state, updater.status().failure), (digest(&new), UpdateState::Idle, None));
}

#[test]
fn a_trial_that_is_not_confirmed_is_left_and_can_be_tried_again() {
    let (device, mut updater) = device();
    let (old, new) = (digest(&image(1, 6_000)), image(2, IMAGE_SIZE));
    send(&device.flash, &mut updater, &new).unwrap();
    run(&device, updater.try_image(CONFIRM_S, LATER_MS)).unwrap();
    let (mut updater, booted) = device.boot().unwrap();
    assert_eq!((booted, run(&device, updater.abort())), (digest(&new), Ok(true)));
    let (mut updater, booted) = device.boot().unwrap();
    assert_eq!((booted, updater.status().failure), (old, Some(UpdateFailure::NotConfirmed)));
    assert_eq!(updater.status().state, UpdateState::Ready);
    run(&device, updater.try_image(CONFIRM_S, LATER_MS)).unwrap();
    let (mut updater, booted) = device.boot().unwrap();
    assert_eq!((booted, run(&device, updater.confirm())), (digest(&new), Ok(())));
    assert_eq!(device.boot().unwrap().1, digest(&new));
}

#[test]
fn receiving_goes_on_after_a_reboot_where_a_block_was_whole() {
    let (device, mut updater) = device();
    let new = image(2, IMAGE_SIZE);
    let mut next = run(&device, updater.begin(signed(&new), false, LATER_MS)).unwrap();
    while next < 5_000 {
        next = run(&device, updater.write(next, &new[next as usize..][..500])).unwrap();
    }
    assert_eq!(run(&device, updater.begin(signed(&new), false, LATER_MS)), Ok(5_000));
    let (mut updater, _) = device.boot().unwrap();
    assert_eq!(run(&device, updater.begin(signed(&new), false, LATER_MS)), Ok(BLOCK));
    assert_eq!(run(&device, updater.begin(signed(&new), true, LATER_MS)), Ok(0));
    send(&device.flash, &mut updater, &new).unwrap();
    assert_eq!(run(&device, updater.try_image(CONFIRM_S, LATER_MS)), Ok(()));
}

#[test]
fn what_can_not_be_is_refused_and_changes_nothing() {
    let (device, mut updater) = device();
    let before = device.flash.operations();
    let new = image(2, IMAGE_SIZE);
    let record = signed(&new);
    let mut begin = |record| run(&device, updater.begin(record, false, LATER_MS));
    let max = (SLOT_BLOCKS - 1) * BLOCK;
    for size in [0, HEADER_LEN as u32 - 16, max + 16, IMAGE_SIZE as u32 + 4, u32::MAX] {
        assert_eq!(begin(Record { size, ..record }), Err(UpdateError::Size(max)), "{size}");
    }
    let mut wrong = record;
    wrong.signature[5] ^= 1;
    assert_eq!(begin(wrong), Err(UpdateError::Signature));
    let stranger = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([2; 32]));
    wrong.signature = *stranger.sk.sign(record.sha256, None);
    assert_eq!(begin(wrong), Err(UpdateError::Signature));
    assert_eq!(run(&device, updater.write(0, &new[..512])), Err(UpdateError::Idle));
    assert_eq!(run(&device, updater.try_image(CONFIRM_S, LATER_MS)), Err(UpdateError::Idle));
    assert_eq!(run(&device, updater.abort()), Err(UpdateError::Idle));
    assert_eq!(device.flash.operations(), before);

    run(&device, updater.begin(record, false, LATER_MS)).unwrap();
    let mut write = |offset, data: &[u8]| run(&device, updater.write(offset, data));
    assert_eq!(write(4, &new[4..16]), Err(UpdateError::Offset(0)));
    assert_eq!(write(0, &new[..HEADER_LEN - 4]), Err(UpdateError::Short));
    for len in [0, 511, 516] {
        assert_eq!(write(0, &new[..len]), Err(UpdateError::Data), "{len}");
    }
    let other = image_for(13, PROJECT, 2, IMAGE_SIZE);
    assert_eq!(write(0, &other[..512]), Err(UpdateError::Chip(13)));
    assert_eq!(write(0, &image_for(CHIP_ID, "hello", 2, IMAGE_SIZE)[..512]), Err(UpdateError::Project));
    assert_eq!(write(0, &[0; 512]), Err(UpdateError::NoImage));
    assert_eq!(write(0, &new[..512]), Ok(512));
    assert_eq!(write(0, &new[..512]), Err(UpdateError::Offset(512)));
    assert_eq!(run(&device, updater.try_image(CONFIRM_S, LATER_MS)), Err(UpdateError::Incomplete(512)));
    assert_eq!(run(&device, updater.abort()), Ok(false));
    assert_eq!(updater.status().state, UpdateState::Idle);
    let (updater, _) = device.boot().unwrap();
    assert_eq!(updater.status().state, UpdateState::Idle);
}

#[test]
fn a_firmware_without_a_key_takes_nothing() {
    let device = Device::new(&image(1, 6_000), 1);
    let layout = Layout { otadata: OTADATA, slots: SLOTS };
    let target = Target { key: None, ..target() };
    let mut updater = Updater::new(device.flash.clone(), layout, target, Slot::Ota0).unwrap();
    run(&device, updater.boot()).unwrap();
    assert_eq!(run(&device, updater.begin(signed(&image(2, IMAGE_SIZE)), false, LATER_MS)), Err(UpdateError::NoKey));
}

/// Data that are not what was signed are received, because only the whole can be checked, and never booted.
#[test]
fn an_image_that_is_not_what_was_signed_is_forgotten() {
    let new = image(2, IMAGE_SIZE);
    let mut flipped = new.clone();
    flipped[4_321] ^= 0x10;
    // Whole in itself, by somebody without the key.
    let unsigned = image(9, IMAGE_SIZE);
    let mut shorter = image(9, IMAGE_SIZE - 512);
    shorter.resize(IMAGE_SIZE, 0xff);
    let mut endless = new.clone();
    endless[28..32].copy_from_slice(&u32::MAX.to_le_bytes());
    let cases = [
        (flipped, UpdateError::Damaged),
        (unsigned, UpdateError::Damaged),
        (shorter, UpdateError::NoImage),
        (endless, UpdateError::NoImage),
    ];
    for (received, error) in cases {
        let (device, mut updater) = device();
        let mut next = run(&device, updater.begin(signed(&new), false, LATER_MS)).unwrap();
        for data in received.chunks(CHUNK_LEN_MAX) {
            next = run(&device, updater.write(next, data)).unwrap();
        }
        assert_eq!(device.loadable(Slot::Ota1), None);
        assert_eq!(run(&device, updater.try_image(CONFIRM_S, LATER_MS)), Err(error));
        let status = updater.status();
        assert_eq!((status.state, status.failure), (UpdateState::Idle, Some(UpdateFailure::Rejected(error))));
        assert_eq!(device.loadable(Slot::Ota1), None);
        assert_eq!(device.boot().unwrap().1, digest(&image(1, 6_000)));
    }
}

#[test]
fn an_image_that_decays_after_the_activation_is_passed_over() {
    let (device, mut updater) = device();
    let new = image(2, IMAGE_SIZE);
    send(&device.flash, &mut updater, &new).unwrap();
    run(&device, updater.try_image(CONFIRM_S, LATER_MS)).unwrap();
    device.flash.place(SLOTS[1].start + 5_000, &[0; 4]);
    for _ in 0..2 {
        let (updater, booted) = device.boot().unwrap();
        assert_eq!((booted, updater.status().failure), (digest(&image(1, 6_000)), Some(UpdateFailure::NotLoaded)));
        assert_eq!(bootloader::choose(&device.entries()).first, Slot::Ota0, "it is not tried at each boot");
    }
}

/// The entry that can't be read back as it was programmed may be one that the bootloader takes.
#[test]
fn an_image_whose_entry_reads_back_differently_is_not_booted() {
    for (offset, bits) in [(4, 0x01), (12, 0x80), (24, 0x10), (28, 0x04), (0, 0x01)] {
        let (device, mut updater) = device();
        let new = image(2, IMAGE_SIZE);
        send(&device.flash, &mut updater, &new).unwrap();
        device.flash.wear_out(OTADATA + BLOCK + offset, bits, 0);
        if run(&device, updater.try_image(0x77, LATER_MS)) == Ok(()) {
            continue;
        }
        assert_eq!(device.boot().unwrap().1, digest(&image(1, 6_000)), "byte {offset}");
    }
}

/// A bit of the other entry that has worn out costs neither the device nor its updates.
#[test]
fn a_firmware_whose_otadata_has_worn_out_boots_and_has_its_updates() {
    let (device, mut updater) = device();
    let new = image(2, IMAGE_SIZE);
    send(&device.flash, &mut updater, &new).unwrap();
    run(&device, updater.try_image(CONFIRM_S, LATER_MS)).unwrap();
    // The new image decays, and its entry can't be marked.
    device.flash.place(SLOTS[1].start + 5_000, &[0; 4]);
    device.flash.wear_out(OTADATA + BLOCK + 24, 0xff, 0xff);
    for _ in 0..2 {
        let (updater, booted) = device.boot().unwrap();
        assert_eq!((booted, updater.status().state), (digest(&image(1, 6_000)), UpdateState::Ready));
    }
}

/// An image that can't mark itself is on trial all the same: it stores no settings, and ends when its time is over. The
/// next boot is the old image's. So the new one can't be kept.
#[test]
fn a_trial_that_can_not_be_marked_is_one() {
    let (device, mut updater) = device();
    let new = image(2, IMAGE_SIZE);
    send(&device.flash, &mut updater, &new).unwrap();
    run(&device, updater.try_image(CONFIRM_S, LATER_MS)).unwrap();
    device.flash.wear_out(OTADATA + BLOCK + 24, 0xff, 0xff);
    let (mut updater, booted) = device.boot().unwrap();
    assert_eq!((booted, updater.status().state), (digest(&new), UpdateState::Trial));
    assert_eq!(run(&device, updater.begin(signed(&new), true, LATER_MS)), Err(UpdateError::Trial));
    assert_eq!(run(&device, updater.confirm()), Err(UpdateError::Flash));
    let (updater, booted) = device.boot().unwrap();
    assert_eq!((booted, updater.status().state), (digest(&image(1, 6_000)), UpdateState::Ready));
}

#[test]
fn an_image_as_long_as_a_slot_takes_it_is_received_and_kept() {
    let (device, mut updater) = device();
    let new = image(2, updater.size_max() as usize);
    send(&device.flash, &mut updater, &new).unwrap();
    assert_eq!(run(&device, updater.write(updater.size_max(), &[0; 4])), Err(UpdateError::Data));
    run(&device, updater.try_image(CONFIRM_S, LATER_MS)).unwrap();
    let (mut updater, booted) = device.boot().unwrap();
    assert_eq!((booted, run(&device, updater.confirm())), (digest(&new), Ok(())));
}

#[test]
fn partitions_that_can_not_be_are_refused() {
    let flash = Flash::new(LEN, 1);
    let check = |otadata, slots| Updater::new(flash.clone(), Layout { otadata, slots }, target(), Slot::Ota0).is_ok();
    assert!(check(OTADATA, SLOTS));
    assert!(!check(4, SLOTS));
    assert!(!check(OTADATA, [SLOTS[0].clone(), SLOTS[1].start..LEN - 4]));
    assert!(!check(OTADATA, [SLOTS[0].clone(), SLOTS[1].start..SLOTS[1].start + BLOCK]));
    assert!(!check(OTADATA, [SLOTS[0].clone(), SLOTS[1].start..SLOTS[1].start + 1_024 * BLOCK]));
}

/// The segments of an image are placed in their order, with the bytes that the image has for them.
#[test]
fn the_bootloader_places_an_images_segments() {
    let bytes = image(1, 6_000);
    let device = Device::new(&bytes, 1);
    let mut placed = Vec::new();
    let mut flash = device.flash.clone();
    let entry =
        block_on(bootloader::load(&mut flash, &SLOTS[0], |address, from| placed.push((address, from)))).unwrap();
    assert_eq!(entry, Some(0x4200_0010));
    let [(first, first_from), (second, second_from)] = <[_; 2]>::try_from(placed).unwrap();
    assert_eq!((first, second), (0x3c00_0000, 0x4200_0000));
    let start = SLOTS[0].start as usize;
    assert_eq!(first_from, SLOTS[0].start + 32..SLOTS[0].start + 32 + 256);
    let second_from = second_from.start as usize - start..second_from.end as usize - start;
    assert_eq!(second_from, 296..6_000 - 16 - DIGEST_LEN);
    assert_eq!(bytes[second_from.start..second_from.start + 3], [1, 31 ^ 1, 62 ^ 1]);
    // No image, and one whose last segment leads out of its slot.
    assert_eq!(block_on(bootloader::load(&mut flash, &SLOTS[1], |_, _| ())).unwrap(), None);
    assert_eq!(
        block_on(bootloader::load(&mut flash, &(SLOTS[0].start..SLOTS[0].start + 4_096), |_, _| ())).unwrap(),
        None
    );
}
