//! Complaints of users of other devices on this chip, as far as a radio is involved, each as a test that is named after
//! it. In all of them the device is looked at all the time, and must be within reach; and in the end every slot must
//! serve.

use sockeye_simulation::air::RouterConfig;
use sockeye_simulation::ether::Place;
use sockeye_simulation::mutation::Mutation;
use sockeye_simulation::plan::{Address, Habit, Plan, Step, Then};
use sockeye_simulation::world::{self, Outcome};
use sockeye_wifi::limits::STALE_MS;

const PASSWORD: &str = "correct horse";
/// When a device that was given a network at the start is in it for sure, and its access point is off, seconds.
const SETTLED_S: u64 = 120;

/// Lets this happen, each at its second, to a device beside one router.
fn run(steps: &[(u64, Step)]) -> Outcome {
    let password = Some(PASSWORD.to_owned());
    let routers =
        vec![RouterConfig { ssid: "home".to_owned(), password, rssi_dbm: -60, is_jealous: true, has_dhcp: true }];
    let calm_ms = steps.last().map_or(0, |(s, _)| s * 1_000) + 240_000;
    let steps = steps.iter().map(|(s, step)| (s * 1_000, step.clone())).collect();
    let plan = Plan { routers, up: 1, steps, calm_ms, has_radio_faults: false };
    let outcome = world::run(&plan, 5, Mutation::None);
    assert_eq!(outcome.failure, None, "{}", outcome.trace);
    outcome
}

/// The lines of the trace from this second on that have this in them.
fn lines(outcome: &Outcome, from_s: u64, what: &str) -> usize {
    let trace = outcome.trace.to_string();
    let second = |line: &str| line.split('.').next().and_then(|s| s.trim().parse::<u64>().ok()).unwrap_or(0);
    trace.lines().filter(|line| second(line) >= from_s && line.contains(what)).count()
}

#[track_caller]
fn has(outcome: &Outcome, from_s: u64, what: &str) {
    assert!(lines(outcome, from_s, what) > 0, "{what} from {from_s} s on\n{}", outcome.trace);
}

fn join(is_right: bool) -> Step {
    Step::TryNetwork { router: 0, is_right, address: Address::Dhcp, then: Then::ConfirmsThere, seconds: 60 }
}

fn ask(place: Place, clients: u8) -> Step {
    Step::Crowd { place, clients, habit: Habit::Asks }
}

fn router(is_up: bool) -> Step {
    Step::Router { number: 0, is_up }
}

const CUT: Step = Step::PowerCut { off_ms: 1_000 };

#[test]
fn the_server_is_unreachable_after_the_phone_leaves_and_rejoins() {
    let gone = Step::Crowd { place: Place::AccessPoint, clients: 1, habit: Habit::Vanishes };
    let steps: Vec<_> =
        (1..10).map(|n| (n * 20, if n % 2 == 1 { gone.clone() } else { ask(Place::AccessPoint, 1) })).collect();
    assert_eq!(lines(&run(&steps), 0, "one that Asks is done"), 4);
}

#[test]
fn refused_after_the_fallback_from_station_to_access_point() {
    let outcome = run(&[(1, join(true)), (SETTLED_S, router(false)), (SETTLED_S + 60, ask(Place::AccessPoint, 3))]);
    has(&outcome, 60, "reports ApStopped");
    assert_eq!(lines(&outcome, SETTLED_S, "one that Asks is done"), 3, "{}", outcome.trace);
}

/// That none is lost is also known from linking: the bare-metal device has no allocator at all.
#[test]
fn memory_is_lost_with_each_connection() {
    let steps: Vec<_> = (1..200).map(|n| (n * 3, ask(Place::AccessPoint, 8))).collect();
    assert_eq!(lines(&run(&steps), 0, "one that Asks is done"), 199 * 8);
}

#[test]
fn holding_a_browsers_reload_key_kills_the_server() {
    let reload = Step::Crowd { place: Place::AccessPoint, clients: 12, habit: Habit::Browses };
    let mut steps: Vec<_> = (1..60).map(|s| (s, reload.clone())).collect();
    steps.push((70, ask(Place::AccessPoint, 1)));
    assert_eq!(lines(&run(&steps), 0, "one that Asks is done"), 1);
}

#[test]
fn a_wrong_password_needs_a_factory_reset() {
    let outcome = run(&[(1, join(false)), (60, CUT), (70, join(true))]);
    has(&outcome, 1, "the password is wrong");
    has(&outcome, 60, "networks: []");
    has(&outcome, 70, "WIFI CONFIRM: OK");
}

#[test]
fn credentials_are_lost_in_a_power_cut() {
    let outcome = run(&[(1, join(true)), (SETTLED_S, CUT)]);
    has(&outcome, SETTLED_S, "networks: [Network { ssid: \"home\"");
    has(&outcome, SETTLED_S, "reports Joined");
}

#[test]
fn the_router_boots_slower_than_the_device_which_gives_up() {
    let back_s = SETTLED_S + 180;
    let outcome = run(&[(1, join(true)), (SETTLED_S, router(false)), (SETTLED_S, CUT), (back_s, router(true))]);
    has(&outcome, SETTLED_S, "reports ApStarted");
    has(&outcome, back_s, "reports Joined");
}

#[test]
fn the_access_point_is_unusable_while_the_station_retries() {
    let stay = Step::Crowd { place: Place::AccessPoint, clients: 1, habit: Habit::Stalls };
    let steps = [
        (1, join(true)),
        (SETTLED_S, router(false)),
        (SETTLED_S + 60, stay),
        (SETTLED_S + 200, ask(Place::AccessPoint, 1)),
    ];
    let outcome = run(&steps);
    let (first, last) = (lines(&outcome, SETTLED_S + 70, " Join(Join"), lines(&outcome, SETTLED_S + 250, " Join(Join"));
    assert!(first - last <= 1, "{first} {last}\n{}", outcome.trace);
    assert_eq!(lines(&outcome, SETTLED_S + 200, "one that Asks is done"), 1);
}

#[test]
fn the_fallback_access_point_shows_the_password_or_is_open() {
    let outcome = run(&[(1, join(true)), (SETTLED_S, router(false))]);
    has(&outcome, SETTLED_S, "security: FactoryPassphrase");
    assert_eq!((lines(&outcome, 0, "security: Open"), lines(&outcome, 0, PASSWORD)), (0, 0));
}

#[test]
fn a_healthy_device_reboots_because_nobody_connects() {
    let outcome = run(&[(1, join(true)), (SETTLED_S, router(false)), (6 * 3_600, router(true))]);
    assert_eq!(outcome.boots, 1);
    has(&outcome, 6 * 3_600, "reports Joined");
}

#[test]
fn the_router_believes_for_90_s_that_the_station_is_still_there() {
    let outcome =
        run(&[(1, join(true)), (SETTLED_S, CUT), (SETTLED_S + 4 * STALE_MS / 1_000, ask(Place::AccessPoint, 1))]);
    has(&outcome, SETTLED_S, "JoinFailed(Refused)");
    has(&outcome, SETTLED_S, "reports Joined");
}

#[test]
fn modem_sleep_makes_answers_slow() {
    let outcome = run(&[(1, join(true))]);
    has(&outcome, 0, "Configure(RadioConfig");
    assert_eq!(lines(&outcome, 0, "power_save: true"), 0);
}

#[test]
fn settings_come_back_empty_or_read_only_after_a_reset() {
    let name = |name: &str| Step::Rename(name.to_owned());
    for bit in (0..600).step_by(7) {
        let outcome = run(&[(1, name("one")), (20, Step::AgeWritten { bit }), (30, CUT), (50, name("two")), (70, CUT)]);
        assert_eq!(lines(&outcome, 0, "CONFIG SET: OK"), 2, "bit {bit}\n{}", outcome.trace);
    }
    for seed in 0..40 {
        let age = Step::AgeUnwritten { seed, bits: 100 };
        let outcome = run(&[(1, name("one")), (20, age), (30, CUT), (50, name("two")), (70, CUT)]);
        assert_eq!(lines(&outcome, 0, "CONFIG SET: OK"), 2, "seed {seed}\n{}", outcome.trace);
    }
}
