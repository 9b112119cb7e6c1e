//! Rules against a model, seed by seed: the production device with its wiring, its flash and its clients.
//!
//! Sensors and outputs fail, other devices fall silent, people set outputs, rules and wiring change, and clocks jump. The
//! device restarts, and its power is cut while settings are written. After each event the model says what every
//! output and every condition must be. No output ever gets a value that is out of its range.
//!
//! `SOCKEYE_SEEDS` is the number of runs, [`SEEDS`] unless given. A run that fails names its seed, and `SOCKEYE_SEED`
//! repeats that one.

mod model;
mod run;

/// Runs in the suite.
const SEEDS: u64 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn rules_do_what_the_model_says() {
    let seeds = match number("SOCKEYE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SOCKEYE_SEEDS").unwrap_or(SEEDS),
    };
    let mut all = run::Counts::default();
    for seed in seeds.clone() {
        let ran = std::panic::catch_unwind(|| run::run(seed));
        all.add(&ran.unwrap_or_else(|_| panic!("seed {seed}")));
    }
    // Everything has happened that the runs are for.
    let counts = all.each();
    assert!(seeds.end - seeds.start < 100 || counts.iter().all(|(_, count)| *count > 20), "{counts:?}");
}
