//! Mutants of the TCP engine: small changes of its code, each of which a test should notice.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;

use harness::process::{cargo, on_path, show};
use harness::workspace::Workspace;

const PACKAGE: &str = "sockeye-tcp-engine";
const PROGRAM: &str = "cargo-mutants";
/// The least part of the mutants that compile, of a hundred, which a test must notice.
const CAUGHT_PERCENT_MIN: usize = 95;
/// How long the tests of one mutant may take, seconds. A mutant that waits without end is noticed by that.
const TEST_S: &str = "8";

#[derive(ClapArgs)]
pub struct Args {
    /// Only the mutants of this file, such as receive.rs
    #[arg(long)]
    file: Option<String>,
}

pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if on_path(PROGRAM).is_none() {
        bail!("{PROGRAM} is missing: `cargo install {PROGRAM} --locked` brings it");
    }
    let output = workspace.target.join("mutants");
    fs::create_dir_all(&output)?;
    let mut command = cargo(&workspace.root);
    command.args(["mutants", "--package", PACKAGE, "--timeout", TEST_S, "--no-shuffle", "--output"]).arg(&output);
    command.args(args.file.iter().flat_map(|file| ["--file", file]));
    // The search of all states takes longer than all other tests together, and notices few mutants that they miss.
    command.args(["--", "--lib", "--", "--skip", "model"]);
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").stdin(Stdio::null());
    println!("$ {}", show(&command));
    // The status is a failure where one mutant was missed, and is no measure. A run takes an hour, so there is no limit.
    command.status().with_context(|| format!("can't start {PROGRAM}"))?;
    check(&output.join("mutants.out"))
}

/// Holds the counts of a run against the least part.
fn check(output: &Path) -> Result<()> {
    let count = |name: &str| -> Result<usize> { Ok(fs::read_to_string(output.join(name))?.lines().count()) };
    // A mutant that takes too long was noticed.
    let (caught, missed) = (count("caught.txt")? + count("timeout.txt")?, count("missed.txt")?);
    println!("{caught} mutants were noticed and {missed} were not");
    if caught * 100 < CAUGHT_PERCENT_MIN * (caught + missed) || caught == 0 {
        bail!("less than {CAUGHT_PERCENT_MIN} % of the mutants were noticed; {} has the others", output.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_part_is_held() {
        let output = std::env::temp_dir().join(format!("mutants-{}", std::process::id()));
        fs::create_dir_all(&output).unwrap();
        for (caught, timeout, missed, passes) in
            [(94, 1, 5, true), (94, 0, 5, false), (0, 0, 0, false), (1, 0, 0, true)]
        {
            for (name, count) in [("caught.txt", caught), ("timeout.txt", timeout), ("missed.txt", missed)] {
                fs::write(output.join(name), "a mutant\n".repeat(count)).unwrap();
            }
            assert_eq!(check(&output).is_ok(), passes, "{caught} {timeout} {missed}");
        }
        fs::remove_dir_all(&output).unwrap();
        assert!(check(&output).is_err(), "no run");
    }
}
