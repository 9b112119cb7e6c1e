//! Faults in otadata: what runs after each pair of them, by the model of the bootloader.

use std::string::String;

use super::*;

/// Damage to an entry in flash.
type Fault = (&'static str, fn(&mut [u8]));

const FAULTS: [Fault; 9] = [
    ("whole", |_| ()),
    ("erased", |entry| entry.fill(0xff)),
    ("torn in its number", |entry| entry[0] ^= 0x10),
    ("torn in its CRC", |entry| entry[30] ^= 1),
    ("torn behind its number", |entry| entry[4..].fill(0xff)),
    ("state bit 0", |entry| entry[24] ^= 1),
    ("state bit 1", |entry| entry[24] ^= 2),
    ("state bit 2", |entry| entry[24] ^= 4),
    ("state bit 31", |entry| entry[27] ^= 0x80),
];

/// The other slot's entry beside that of the firmware that was confirmed, by number and state. The image of the other slot
/// can be loaded.
const OTHERS: [(&str, i32, u32); 3] = [
    ("an older firmware, which was confirmed", -1, state::VALID),
    ("a trial that was not confirmed", 1, state::INVALID),
    ("an image that is to be tried", 1, state::UNDEFINED),
];

/// A device that has run for long, with the firmware that was confirmed last in `kept`, whose entry is in `place`.
fn device(kept: Slot, place: u32, (kept_fault, other_fault): (Fault, Fault), other: (&str, i32, u32)) -> Device {
    let device = Device::new(&image(1, 6_000), 1);
    let images = [image(1, 6_000), image(2, 6_000)];
    device.flash.place(SLOTS[kept.index()].start, &images[0]);
    device.flash.place(SLOTS[kept.other().index()].start, &images[1]);
    let seq = if kept == Slot::Ota0 { 5 } else { 6 };
    let entries = [
        (place, Entry::new(seq, state::VALID), kept_fault),
        (1 - place, Entry::new(seq.wrapping_add_signed(other.1), other.2), other_fault),
    ];
    for (place, entry, (_, fault)) in entries {
        let mut bytes = entry.bytes();
        fault(&mut bytes);
        device.flash.place(OTADATA + place * BLOCK, &bytes);
    }
    device
}

/// The firmware that runs in the end if nobody confirms anything, and how often a trial was booted. The firmware that was
/// confirmed last is 1. A trial that runs in the end is None.
fn settle(device: &Device) -> (Option<u8>, u32) {
    let mut trials = 0;
    for _boot in 0..5 {
        let (updater, booted) = device.boot().unwrap();
        if updater.status().state != UpdateState::Trial {
            return (Some(if booted == digest(&image(1, 6_000)) { 1 } else { 2 }), trials);
        }
        trials += 1;
    }
    (None, trials)
}

/// A pair of faults, beside which the power is cut after so many operations on flash of the first boot.
#[derive(Clone, Copy)]
struct Case {
    kept: Slot,
    place: u32,
    kept_fault: Fault,
    other: (&'static str, i32, u32),
    other_fault: Fault,
    cut: Option<u32>,
}

impl Case {
    /// None if the right firmware runs in the end. Else what happened instead.
    fn wrong(&self) -> Option<String> {
        let Self { kept, place, kept_fault, other, other_fault, cut } = *self;
        let device = device(kept, place, (kept_fault, other_fault), other);
        let entries = device.entries();
        let [kept_entry, other_entry] = [place, 1 - place].map(|place| entries[place as usize]);
        if let Some(cut) = cut {
            device.flash.cut_after(cut);
            let _ = device.boot();
            device.flash.power_on();
        }
        let (last, trials) = settle(&device);
        // The older firmware runs where the newer one's entry is lost.
        let is_older = other.2 == state::VALID && kept_fault.0 != "whole";
        // Nothing tells which of them was confirmed.
        let is_lost = !kept_entry.is_known() && !other_entry.is_known();
        // Nothing but bit 0 of a state tells a firmware that was confirmed from a trial.
        let looks_confirmed = other_entry.is_known() && other_entry.state & 1 == 0;
        let looks_tried = kept_entry.is_known() && kept_entry.state & 1 == 1 && other_fault.0 != "whole";
        let may_be_other = is_older || is_lost || looks_confirmed || looks_tried;
        let is_right = last == Some(1) || last == Some(2) && may_be_other;
        let what = || {
            let faults = std::format!("its entry {}; {}: {}", kept_fault.0, other.0, other_fault.0);
            std::format!("{kept:?} {place}, {faults}; cut {cut:?}: {last:?} after {trials} trials")
        };
        (!is_right || trials > 1).then(what)
    }
}

fn check(faults: impl Fn(usize, usize) -> bool, cuts: &[Option<u32>]) {
    let mut wrong = Vec::new();
    for kept in [Slot::Ota0, Slot::Ota1] {
        for (place, other) in [0, 1].into_iter().flat_map(|place| OTHERS.map(|other| (place, other))) {
            for (index, kept_fault) in FAULTS.into_iter().enumerate() {
                for (_, other_fault) in FAULTS.into_iter().enumerate().filter(|(other, _)| faults(index, *other)) {
                    let case = |cut| Case { kept, place, kept_fault, other, other_fault, cut }.wrong();
                    wrong.extend(cuts.iter().filter_map(|cut| case(*cut)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every pair of faults that leaves one entry that can be read leads to a firmware that was confirmed, after one trial at
/// most. Power cuts leave one such entry at least.
#[test]
fn faults_in_otadata_boot_what_was_confirmed() {
    check(|_, _| true, &[None]);
}

/// The same of one fault, where the power is cut while it is mended.
#[test]
fn a_fault_in_otadata_is_mended_through_power_cuts() {
    check(|kept, other| kept == 0 || other == 0, &[0, 1, 2, 3, 4].map(Some));
}

/// A trial that was not confirmed, and then the old firmware's entry is lost.
#[test]
fn a_trial_that_runs_once_more_leads_back_and_can_be_kept() {
    let lost = device(Slot::Ota1, 0, (FAULTS[2], FAULTS[0]), OTHERS[1]);
    let (updater, booted) = lost.boot().unwrap();
    assert_eq!((booted, updater.status().state), (digest(&image(2, 6_000)), UpdateState::Trial));
    let (updater, booted) = lost.boot().unwrap();
    assert_eq!((booted, updater.status().failure), (digest(&image(1, 6_000)), Some(UpdateFailure::NotConfirmed)));

    let kept = device(Slot::Ota1, 0, (FAULTS[2], FAULTS[0]), OTHERS[1]);
    let (mut updater, _) = kept.boot().unwrap();
    complete(&kept.flash, updater.confirm()).unwrap().unwrap();
    for _ in 0..2 {
        let (updater, booted) = kept.boot().unwrap();
        assert_eq!((booted, updater.status().state), (digest(&image(2, 6_000)), UpdateState::Idle));
    }
}

/// A power cut in TRY leaves bits that are programmed for the bootloader, and not for the firmware.
#[test]
fn an_image_whose_entry_only_the_bootloader_could_read_is_on_trial() {
    let device = device(Slot::Ota0, 0, (FAULTS[0], FAULTS[3]), OTHERS[2]);
    let mut updater = device.updater(Slot::Ota1);
    let status = complete(&device.flash, updater.boot()).unwrap().unwrap();
    assert_eq!((status.state, status.confirm_s), (UpdateState::Trial, CONFIRM_S));
    // The entry stays unreadable.
    device.flash.place(OTADATA + BLOCK + 30, &[Entry::new(6, state::UNDEFINED).bytes()[30]]);
    assert_eq!(device.boot().unwrap().1, digest(&image(1, 6_000)));
}

/// The own entry's sector has worn out beside that of a trial that was not confirmed.
#[test]
fn an_entry_whose_sector_has_worn_out_is_written_into_the_other() {
    for place in [0, 1] {
        let device = device(Slot::Ota0, place, (FAULTS[3], FAULTS[0]), OTHERS[1]);
        device.flash.wear_out(OTADATA + place * BLOCK + 30, 0xff, 0xff);
        for _ in 0..2 {
            let (updater, booted) = device.boot().unwrap();
            assert_eq!((booted, updater.status().state), (digest(&image(1, 6_000)), UpdateState::Idle));
        }
        assert!(device.entries()[1 - place as usize].is_bootable());
    }
}
