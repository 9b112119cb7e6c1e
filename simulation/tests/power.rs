//! The power is cut at every word of flash that a history of commands writes.

use sockeye_simulation::air::RouterConfig;
use sockeye_simulation::mutation::Mutation;
use sockeye_simulation::plan::{Address, Plan, Step, Then};
use sockeye_simulation::world;

/// Bytes from one cut to the next: a word.
const STEP: usize = 4;
/// More than any of the histories writes.
const BYTES_MAX: u32 = 4_000;
/// So many runs without a cut mean that every write was cut. A single run may be without a cut because the radio
/// failed.
const UNCUT: u32 = 20;

/// Runs a history with the power cut in its flash after any number of words. Whatever is in force then must be what was
/// acknowledged last, or what was being stored, whole; and the device must be within reach. Gives how often it was cut.
fn cut_everywhere(history: &[Step]) -> u32 {
    let ssid = "home".to_owned();
    let router = RouterConfig {
        ssid,
        password: Some("correct horse".to_owned()),
        rssi_dbm: -50,
        is_jealous: true,
        has_dhcp: true,
    };
    let (mut cuts, mut uncut) = (0, 0);
    for after in (0..BYTES_MAX).step_by(STEP) {
        let mut steps = vec![(500, Step::PowerCutInFlash { after, off_ms: 2_000 })];
        steps.extend(history.iter().cloned().enumerate().map(|(index, step)| (1_000 + 60_000 * index as u64, step)));
        let calm_ms = 60_000 * (history.len() as u64 + 1);
        let plan = Plan { routers: vec![router.clone()], up: 1, steps, calm_ms, has_radio_faults: false };
        let outcome = world::run(&plan, after.into(), Mutation::None);
        assert_eq!(outcome.failure, None, "cut after {after} bytes\n{plan}\n{}", outcome.trace);
        let is_cut = outcome.boots > 1;
        cuts += u32::from(is_cut);
        uncut = if is_cut { 0 } else { uncut + 1 };
        if uncut == UNCUT {
            return cuts;
        }
    }
    panic!("there is no end to what is written");
}

fn rename() -> Step {
    Step::Rename("kitchen".to_owned())
}

fn try_home(is_right: bool, then: Then) -> Step {
    Step::TryNetwork { router: 0, is_right, address: Address::Own, then, seconds: 30 }
}

fn join() -> Step {
    try_home(true, Then::ConfirmsThere)
}

#[test]
fn config_set() {
    let cuts = cut_everywhere(&[rename()]);
    assert!(cuts > 15, "{cuts} cuts");
}

#[test]
fn try_and_confirm() {
    let cuts = cut_everywhere(&[join()]);
    assert!(cuts > 30, "{cuts} cuts");
}

#[test]
fn a_longer_history() {
    let wrong = try_home(false, Then::Leaves);
    let cuts = cut_everywhere(&[rename(), Step::Protect, join(), wrong, Step::Forget { router: 0 }]);
    assert!(cuts > 200, "{cuts} cuts");
}
