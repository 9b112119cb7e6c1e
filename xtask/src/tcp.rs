//! Two TCP hosts on a bad link in simulated time, and the table of RFC 9293 section 3.10.7.

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, value_parser};

use harness::process::{LONG, cargo, run};
use harness::workspace::Workspace;

use crate::checks;

/// Seeds of each pair in `cargo xtask test`.
const CHECK_SEEDS: u64 = 20_000;
/// The highest first seed, and the most seeds: their sum is a seed too.
const SEEDS_MAX: u64 = u32::MAX as u64;
/// The pairs of hosts, as the simulation names them.
const PAIRS: [&str; 4] = ["own-own", "own-smoltcp", "smoltcp-own", "smoltcp-smoltcp"];
const PACKAGE: &str = "sockeye-tcp-simulation";
const ENGINE: &str = "sockeye-tcp-engine";

#[derive(ClapArgs)]
pub struct Args {
    /// How many seeds of each pair; 1000000 is the long run
    #[arg(long, default_value_t = CHECK_SEEDS, value_parser = value_parser!(u64).range(1..=SEEDS_MAX))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u64).range(..=SEEDS_MAX))]
    from: u64,
    /// One pair, client first; own is the engine
    #[arg(long, value_parser = PAIRS)]
    pair: Option<String>,
    /// Just this seed, with every packet
    #[arg(long)]
    seed: Option<u64>,
    /// A file for the packets of that seed, which Wireshark opens
    #[arg(long, requires = "seed")]
    pcap: Option<String>,
}

pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut options = vec![format!("--from={}", args.from), format!("--seeds={}", args.seeds)];
    options.extend(args.pair.iter().map(|pair| format!("--pair={pair}")));
    options.extend(args.seed.iter().map(|seed| format!("--seed={seed}")));
    options.extend(args.pcap.iter().map(|path| format!("--pcap={path}")));
    let seeds = simulate(workspace, &options);
    if args.seed.is_some() {
        return seeds;
    }
    let table = simulate(workspace, &["--table".to_owned()]);
    match (seeds, table, search(workspace)) {
        (Ok(()), Ok(()), Ok(())) => Ok(()),
        _ => bail!("a rule of TCP was broken"),
    }
}

/// All states of two connections, with more faults than a debug build has time for.
fn search(workspace: &Workspace) -> Result<()> {
    let mut command = cargo(&workspace.root);
    command.args(["test", "--locked", "--release", "--quiet", "--package", ENGINE, "--lib", "--", "--ignored"]);
    run(&mut command, LONG)
}

fn simulate(workspace: &Workspace, options: &[String]) -> Result<()> {
    let mut command = checks::simulation(workspace);
    command.args(["run", "--locked", "--release", "--quiet", "--package", PACKAGE, "--"]).args(options);
    run(&mut command, LONG)
}
