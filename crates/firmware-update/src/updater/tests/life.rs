//! Whole lives of a device: updates with power cuts at every operation, and at random with everything else.

use super::*;
use crate::limits::DIGEST_LEN;

/// The versions that may run: those that were confirmed, and the one that may be on trial.
struct Owner {
    images: Vec<Vec<u8>>,
    /// The image that was confirmed last.
    kept: usize,
}

impl Owner {
    fn digest(&self, index: usize) -> [u8; DIGEST_LEN] {
        digest(&self.images[index])
    }
}

/// A fault that is planted into the firmware or its use: each must be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    None,
    /// TRY does not read the image back.
    NoReadBack,
    /// The trial marks itself only after it has served for a while.
    LateMark,
    /// The new firmware confirms itself.
    SelfConfirm,
}

/// All signed images: nothing else may ever be loadable in any slot.
fn check_slots(device: &Device, owner: &Owner) {
    for slot in [Slot::Ota0, Slot::Ota1] {
        if let Some(image) = device.loadable(slot) {
            assert!(owner.images.contains(&image), "an unsigned image can be booted");
        }
    }
}

/// Updates from image 0 to 1 and then to 2, each confirmed, with the power cut after `cut` operations. False once there
/// are fewer operations.
fn cut_once(cut: u32, seed: u64) -> bool {
    let owner = Owner { images: Vec::from([image(1, 6_000), image(2, 9_008), image(3, 12_400)]), kept: 0 };
    let device = Device::new(&owner.images[0], seed);
    device.flash.cut_after(cut);
    let (mut kept, mut may_be_next, mut was_cut) = (owner.kept, false, false);
    for _boot in 0..12 {
        if device.flash.is_off() {
            was_cut = true;
            device.flash.power_on();
        }
        check_slots(&device, &owner);
        let (_, booted) = device.bootload().expect("always bootable");
        let is_new = owner.images.get(kept + 1).is_some_and(|next| digest(next) == booted);
        if !may_be_next {
            assert!(booted == owner.digest(kept) || is_new, "old or new: {cut} {seed}");
        }
        let Some((mut updater, booted)) = device.boot() else { continue };
        if booted != owner.digest(kept) && updater.status().state != UpdateState::Trial {
            assert!(may_be_next, "kept without a confirmation: {cut} {seed}");
            kept += 1;
        }
        may_be_next = false;
        if updater.status().state == UpdateState::Trial {
            // A cut in it leaves either.
            may_be_next = true;
            if complete(&device.flash, updater.confirm()).is_none() {
                continue;
            }
            (kept, may_be_next) = (kept + 1, false);
        }
        let Some(next) = owner.images.get(kept + 1) else { break };
        if send(&device.flash, &mut updater, next).is_some() {
            let _ = complete(&device.flash, updater.try_image(CONFIRM_S, LATER_MS)).map(Result::unwrap);
        }
    }
    assert_eq!(kept, 2, "both updates came through: {cut} {seed}");
    was_cut
}

#[test]
fn a_power_cut_at_any_operation_leaves_the_old_or_the_new_firmware() {
    let mut cuts = 0;
    while cut_once(cuts, cuts.into()) {
        cuts += 1;
    }
    assert!(cuts > 60, "{cuts} operations");
    for seed in 1_000..1_150 {
        cut_once(seed as u32 % cuts, seed);
    }
}

/// The events in lives.
#[derive(Debug, Default)]
struct Tally {
    trials: u32,
    confirmed: u32,
    cuts: u32,
    rejected: u32,
}

/// One life from a seed; what it must show is asserted.
fn live(seed: u64, mutation: Mutation, tally: &mut Tally) {
    let mut random = fastrand::Rng::with_seed(seed);
    let images: Vec<_> = (1..5).map(|number| image(number, 16 * random.usize(40..900))).collect();
    // Whole, for this device, and not signed.
    let forged = image(99, images[1].len());
    let mut owner = Owner { images, kept: 0 };
    let device = Device::new(&owner.images[0], seed);
    // The image that may be in force since a confirmation was cut off.
    let mut maybe = None;
    // The image whose trial has begun, and was not confirmed.
    let mut tried = None;
    for _boot in 0..random.u32(2..12) {
        tally.cuts += u32::from(device.flash.is_off());
        device.flash.power_on();
        check_slots(&device, &owner);
        if random.u8(..4) == 0 {
            device.flash.cut_after(random.u32(..120));
        }
        let (_, booted) = device.bootload().expect("always bootable");
        let is_old = maybe.is_some() || booted == owner.digest(owner.kept);
        assert!(tried != Some(booted) || is_old, "a trial is booted twice: {seed}");
        tried = None;
        if mutation == Mutation::LateMark && booted != owner.digest(owner.kept) {
            // Something resets the firmware before it gets to its mark.
            tried = Some(booted);
            continue;
        }
        let Some((mut updater, booted)) = device.boot() else { continue };
        if mutation == Mutation::SelfConfirm {
            let _ = complete(&device.flash, updater.confirm());
        }
        let status = updater.status();
        if status.state == UpdateState::Trial {
            let index = owner.images.iter().position(|image| digest(image) == booted).expect("signed");
            (tally.trials, tried) = (tally.trials + 1, Some(booted));
            if random.bool() {
                maybe = Some(index);
                if complete(&device.flash, updater.confirm()).is_some() {
                    (owner.kept, maybe, tried) = (index, None, None);
                    tally.confirmed += 1;
                }
            }
        } else {
            let is_kept = booted == owner.digest(owner.kept);
            let is_maybe = maybe.is_some_and(|index| booted == owner.digest(index));
            assert!(is_kept || is_maybe, "neither what was kept nor what is on trial: {seed}");
            if is_maybe {
                owner.kept = maybe.unwrap_or(owner.kept);
            }
            maybe = None;
            let _ = receive(&device, &mut updater, &owner, &forged, &mut random, mutation);
            tally.rejected += u32::from(matches!(updater.status().failure, Some(UpdateFailure::Rejected(_))));
        }
    }
}

/// Senders come and go. None if the power was cut.
fn receive(
    device: &Device,
    updater: &mut Updater<Flash>,
    owner: &Owner,
    forged: &[u8],
    random: &mut fastrand::Rng,
    mutation: Mutation,
) -> Option<()> {
    let flash = &device.flash;
    updater.skips_verification = mutation == Mutation::NoReadBack;
    for _sender in 0..random.u32(1..4) {
        let index = random.usize(..owner.images.len());
        let image = &owner.images[index];
        let mut next = complete(flash, updater.begin(signed(image), random.u8(..8) == 0, LATER_MS))?.unwrap();
        // Some lose their connection, some send what nobody signed, some other bytes than they have.
        let end = if random.u8(..3) == 0 { random.u32(..=image.len() as u32) } else { image.len() as u32 };
        let is_forged = random.u8(..5) == 0 && forged.len() == image.len();
        let data = if is_forged { forged } else { &image[..] };
        while next < end {
            let len = (4 * random.usize(28..=128)).min(image.len() - next as usize);
            let mut part = data[next as usize..][..len].to_vec();
            match random.u16(..400) {
                0 => part[len / 2] ^= 1,
                1..5 => {
                    let wrong = random.u32(..image.len() as u32);
                    let answer = complete(flash, updater.write(wrong, &part))?;
                    assert!(wrong == next || answer == Err(UpdateError::Offset(next)), "{answer:?}");
                    if wrong == next {
                        next = answer.unwrap_or(next);
                    }
                    continue;
                }
                _ => {}
            }
            match complete(flash, updater.write(next, &part))? {
                Ok(after) => next = after,
                // A bit of the header was wrong.
                Err(UpdateError::NoImage | UpdateError::Chip(_) | UpdateError::Project) if next == 0 => return Some(()),
                Err(error) => panic!("{error}"),
            }
        }
        check_slots(device, owner);
        if random.bool() {
            match complete(flash, updater.try_image(CONFIRM_S, LATER_MS))? {
                Ok(()) => return Some(()),
                Err(error) => {
                    let is_expected =
                        matches!(error, UpdateError::Incomplete(_) | UpdateError::Damaged | UpdateError::NoImage);
                    assert!(is_expected || error == UpdateError::Idle, "{error}");
                }
            }
            check_slots(device, owner);
        }
    }
    Some(())
}

/// Lives that are lived in a test; `SOCKEYE_SEEDS` in the environment gives another number.
fn seeds() -> u64 {
    std::env::var("SOCKEYE_SEEDS").map_or(150, |seeds| seeds.parse().expect("a number"))
}

#[test]
fn lives_with_all_that_goes_wrong_end_with_a_signed_firmware_that_was_confirmed() {
    let mut tally = Tally::default();
    let seeds = seeds();
    (0..seeds).for_each(|seed| live(seed, Mutation::None, &mut tally));
    let Tally { trials, confirmed, cuts, rejected } = tally;
    assert!([trials, confirmed, cuts, rejected].iter().all(|count| u64::from(*count) > seeds / 30), "{tally:?}");
}

#[test]
fn a_planted_fault_is_noticed() {
    for mutation in [Mutation::NoReadBack, Mutation::LateMark, Mutation::SelfConfirm] {
        let is_noticed = |seed| std::panic::catch_unwind(|| live(seed, mutation, &mut Tally::default())).is_err();
        std::panic::set_hook(std::boxed::Box::new(|_| {}));
        let noticed = (0..400).find(|seed| is_noticed(*seed));
        let _ = std::panic::take_hook();
        assert!(noticed.is_some(), "{mutation:?}");
    }
}
