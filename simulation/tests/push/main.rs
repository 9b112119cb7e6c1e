//! Samples on their way from one device to its peer, in simulated time. Connections are cut at any byte, peers vanish,
//! refuse and restart, and the sender reboots. The loop, the client and the outbox are the device's own. The peer is a
//! device too, or keeps its streams over a restart as Redis does.
//!
//! `SOCKEYE_SEEDS` says how many runs of each kind there are, 1,000 without it; a run that fails names its seed, and
//! `SOCKEYE_SEED` repeats that one.

mod hostile;
mod net;
mod peer;
mod run;

use sockeye_device::Outbox;
use sockeye_endpoint::limits::PUSH_FUTURE_SIZE_MAX;
use sockeye_endpoint::{PushBuffers, push};

use crate::net::Net;
use crate::peer::Keeps;
use crate::run::{Clock, Plan, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs `plan` with many seeds.
fn check(plan: Plan) {
    let seeds = match number("SOCKEYE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SOCKEYE_SEEDS").unwrap_or(1_000),
    };
    for seed in seeds {
        let caught = std::panic::catch_unwind(|| run(plan, seed));
        assert!(caught.is_ok(), "seed {seed} of {plan:?}");
    }
}

#[test]
fn nothing_is_lost_or_doubled_without_faults() {
    for clock in [Clock::Never, Clock::Always, Clock::Later] {
        let ran = run(Plan { clock, keeps: Keeps::Everything, has_faults: false }, 1);
        assert_eq!((ran.generated, ran.stored, ran.connections), (ran.generated, ran.generated, 1));
    }
}

#[test]
fn field_17_a_peer_that_refuses_xinfo_stream_gets_the_samples() {
    let ran = run(Plan { clock: Clock::Always, keeps: Keeps::WithoutXinfo, has_faults: false }, 1);
    assert_eq!((ran.stored, ran.connections), (ran.generated, 1));
}

#[test]
fn a_peer_that_keeps_its_streams_has_each_sample_once() {
    for clock in [Clock::Never, Clock::Always, Clock::Later] {
        check(Plan { clock, keeps: Keeps::Everything, has_faults: true });
    }
}

#[test]
fn a_peer_that_forgets_is_sent_all_that_it_has_not_had() {
    for clock in [Clock::Never, Clock::Later] {
        check(Plan { clock, keeps: Keeps::Nothing, has_faults: true });
    }
}

/// Pointers are at most twice as long here as on the chips for which the limit is.
#[test]
fn the_future_of_the_loop_is_small() {
    let (outbox, net) = (Outbox::new(&[]), Net::default());
    let mut buffers = PushBuffers::sized();
    let pushing = push(&outbox, &(), &net, &net, &mut buffers, || 0);
    assert!(size_of_val(&pushing) <= 2 * PUSH_FUTURE_SIZE_MAX, "{} bytes", size_of_val(&pushing));
}

/// The faults do happen: runs without a lost reply, a drop or a reboot would prove little.
#[test]
fn runs_meet_what_they_are_for() {
    let plan = Plan { clock: Clock::Never, keeps: Keeps::Everything, has_faults: true };
    let runs: Vec<_> = (0..30).map(|seed| run(plan, seed)).collect();
    let count = |is: fn(&run::Ran) -> bool| runs.iter().filter(|ran| is(ran)).count();
    assert!(count(|ran| ran.repeated > 0) > 5, "replies are lost");
    assert!(count(|ran| ran.dropped > 0) > 5, "outboxes are full");
    assert!(count(|ran| ran.boots > 1) > 5, "senders reboot");
    assert!(count(|ran| ran.restarts > 0) > 5, "peers restart");
    assert!(count(|ran| ran.connections > 5) > 5, "connections are cut");
}
