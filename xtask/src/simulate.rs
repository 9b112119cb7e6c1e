//! The device in simulated time, seed by seed.

use anyhow::Result;
use clap::Args as ClapArgs;

use crate::checks;
use harness::process::{LONG, run};
use harness::workspace::Workspace;

/// Seeds in `cargo xtask test`.
const CHECK_SEEDS: u64 = 500;

#[derive(ClapArgs)]
pub struct Args {
    /// How many seeds
    #[arg(long, default_value_t = CHECK_SEEDS)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Just this one, with all that happens
    #[arg(long)]
    seed: Option<u64>,
}

pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut command = checks::simulation(workspace);
    command.args(["run", "--locked", "--release", "--quiet", "--package", "sockeye-simulation", "--"]);
    match args.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args(["--from", &args.from.to_string(), "--seeds", &args.seeds.to_string()]),
    };
    run(&mut command, LONG)
}

/// As many seeds as `cargo xtask test` has time for.
pub fn check(workspace: &Workspace) -> Result<()> {
    job(workspace, &Args { seeds: CHECK_SEEDS, from: 0, seed: None })
}
