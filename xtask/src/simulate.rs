//! The device in simulated time, seed by seed.

use anyhow::Result;
use clap::{Args as ClapArgs, value_parser};

use crate::checks;
use harness::process::{LONG, run};
use harness::workspace::Workspace;

/// Seeds in `cargo xtask test`.
const CHECK_SEEDS: u64 = 500;
/// Seeds that the program of the unit tests runs through; more are worth an optimized one.
const SEEDS_UNOPTIMIZED_MAX: u64 = 1000;

#[derive(ClapArgs)]
pub struct Args {
    /// How many seeds
    #[arg(long, default_value_t = CHECK_SEEDS, value_parser = value_parser!(u64).range(1..))]
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
    command.args(["run", "--locked", "--quiet", "--bin", "simulate"]);
    // The unit tests have built the program, at a lower level of optimization: for a few seeds it need not be another.
    if args.seeds > SEEDS_UNOPTIMIZED_MAX {
        command.arg("--release");
    }
    command.arg("--");
    match args.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args(["--from", &args.from.to_string(), "--seeds", &args.seeds.to_string()]),
    };
    run(&mut command, LONG)
}
