//! Transfers between Linux's TCP and a device's through a bad wire, in a network namespace: the program in
//! `simulation/bad-wire`. Each transfer has a tap device.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use harness::namespace::{begin, make_network, run_inside_for};
use harness::process::{LONG, bound, read, run};
use harness::workspace::Workspace;

use crate::checks;

const PACKAGE: &str = "sockeye-bad-wire";
/// The program, in the folder of what is built.
const PROGRAM: &str = "release/bad-wire";
/// The longest run: 10 MB where each seventh frame is lost take more than an hour.
const LIMIT: Duration = Duration::from_secs(6 * 60 * 60);

#[derive(clap::Args)]
pub struct Args {
    /// Options of the program; `--help` lists them, `--transfers 100 --len 10000000 --beside --at-once 200 --limit-s 20000`
    /// is the long run
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

/// Set by this program where it runs itself again in a namespace that it made.
const INSIDE: &str = "inside";

/// The job. The program is built before the network is gone.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if let Some((INSIDE, options)) = args.options.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return inside(workspace, options);
    }
    build(workspace)?;
    let options = args.options.iter().map(String::as_str);
    run_inside_for(&["bad-wire", INSIDE].into_iter().chain(options).collect::<Vec<_>>(), LIMIT)
}

/// Builds the program.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mut command = checks::simulation(workspace);
    run(command.args(["build", "--locked", "--release", "--quiet", "--package", PACKAGE]), LONG)
}

/// Makes the networks that the program asks for, and runs it.
fn inside(workspace: &Workspace, options: &[String]) -> Result<()> {
    let program = || -> Command {
        let mut command = bound(workspace.target.join("simulation").join(PROGRAM));
        command.args(options);
        command
    };
    begin()?;
    let networks = read(program().arg("--networks"))?;
    for network in networks.lines() {
        let mut words = network.split(' ');
        let mut word = || words.next().context("a tap device, an address and an MTU");
        make_network(word()?, word()?, word()?.parse()?)?;
    }
    run(&mut program(), LIMIT)
}
