//! Lives of a device with slots, from seeds.

use crate::update_life::{Step, Tally, live};

/// Steps of a life.
const STEPS: usize = 60;

/// Lives that are lived in a test; `SOCKEYE_SEEDS` in the environment gives another number.
fn seeds() -> u64 {
    std::env::var("SOCKEYE_SEEDS").map_or(300, |seeds| seeds.parse().expect("a number"))
}

/// A life in which updates get somewhere: most steps are those of a client that knows what it does.
fn life(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut life = Vec::new();
    while life.len() < 2 * STEPS {
        let (step, figure) = match random.u8(..32) {
            0..6 => (Step::Begin, random.u8(..)),
            6..14 => (Step::Send, random.u8(..)),
            14..19 => (Step::Try, 0),
            19..23 => (Step::Confirm, 0),
            23 => (Step::Cut, random.u8(..)),
            24 => (Step::Wait, random.u8(..)),
            25 => (Step::Client, random.u8(..)),
            _ => (Step::ALL[random.usize(..Step::ALL.len())], random.u8(..)),
        };
        life.extend([step.byte(), figure]);
    }
    life
}

#[test]
fn lives_over_connections_end_with_a_signed_firmware_that_was_confirmed() {
    let mut all = Tally::default();
    let seeds = seeds();
    for seed in 0..seeds {
        let tally = live(&life(seed));
        all.add(tally);
    }
    let Tally { trials, confirmed, not_confirmed, rejected, cuts, denied } = all;
    let counts = [trials, confirmed, not_confirmed, rejected, cuts, denied];
    // An image that was damaged on its way, and is tried, is the rarest.
    assert!(counts.iter().all(|count| u64::from(*count) * 100 >= seeds), "{all:?}");
}
