//! That seeds pass, that a seed goes the same way each time, and that the checks notice what is missing.

use std::ops::Range;

use sockeye_simulation::mutation::Mutation;
use sockeye_simulation::plan::Plan;
use sockeye_simulation::world::{self, Outcome};

fn run(seed: u64, mutation: Mutation) -> Outcome {
    world::run(&Plan::new(seed), seed, mutation)
}

#[test]
fn nothing_is_wrong() {
    for seed in 0..20 {
        let outcome = run(seed, Mutation::None);
        assert_eq!(outcome.failure, None, "seed {seed}\n{}\n{}", Plan::new(seed), outcome.trace);
    }
}

#[test]
fn a_seed_goes_the_same_way_each_time() {
    for seed in 0..10 {
        let [first, second] = [(); 2].map(|()| run(seed, Mutation::None).trace.digest());
        assert_eq!(first, second, "seed {seed}");
    }
    assert_ne!(run(1, Mutation::None).trace.digest(), run(2, Mutation::None).trace.digest());
}

/// Some seed of these fails, and says why.
fn is_noticed(mutation: Mutation, seeds: Range<u64>, why: &str) {
    let failures: Vec<_> = seeds.filter_map(|seed| run(seed, mutation).failure).collect();
    assert!(failures.iter().any(|failure| failure.contains(why)), "{mutation:?}: {failures:?}");
}

#[test]
fn a_reply_before_its_commit_is_noticed() {
    is_noticed(Mutation::ReplyBeforeCommit, 0..60, "the name is");
}

#[test]
fn missing_time_outs_are_noticed() {
    is_noticed(Mutation::NoTimeouts, 0..40, "slots are lost");
}

#[test]
fn a_missing_way_back_is_noticed() {
    is_noticed(Mutation::NoRollback, 0..60, "locked out");
}

#[test]
fn a_driver_that_is_not_asked_is_noticed() {
    is_noticed(Mutation::NoPoll, 0..80, "leaving took");
}

#[test]
fn a_station_that_does_not_join_again_is_noticed() {
    is_noticed(Mutation::NoRejoin, 0..80, "does not join again");
}

#[test]
fn events_between_two_waits_are_missed() {
    is_noticed(Mutation::SubscribePerWait, 0..20, "the count of clients is");
}

#[test]
fn a_network_stack_that_is_not_woken_is_noticed() {
    is_noticed(Mutation::NoWake, 0..80, "no address");
}
