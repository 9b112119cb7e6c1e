//! Property tests, seed by seed. `cargo xtask unit` runs them with the one seed of `.cargo/config.toml`.

use anyhow::{Context, Result};
use clap::{Args as ClapArgs, value_parser};

use harness::process::{LONG, cargo, run};
use harness::workspace::Workspace;

use crate::checks;

/// Seeds of a run.
const SEEDS: u64 = 100;
/// The test programs of the main workspace that have property tests.
const PROGRAMS: [&str; 4] = ["http", "properties", "replies", "requests"];
/// That of the simulation, and its module.
const SIMULATED: (&str, &str) = ("device", "split");
/// The variable that proptest reads.
const VARIABLE: &str = "PROPTEST_RNG_SEED";

#[derive(ClapArgs)]
pub struct Args {
    /// How many seeds
    #[arg(long, default_value_t = SEEDS, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
}

pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    for seed in args.from..args.from.saturating_add(args.seeds) {
        let mut command = cargo(&workspace.root);
        command.args(["test", "--locked", "--workspace", "--quiet"]);
        command.args(PROGRAMS.iter().flat_map(|program| ["--test", program]));
        let mut simulated = checks::simulation(workspace);
        simulated.args(["test", "--locked", "--quiet", "--test", SIMULATED.0, SIMULATED.1]);
        for mut command in [command, simulated] {
            command.env(VARIABLE, seed.to_string());
            run(&mut command, LONG).with_context(|| format!("seed {seed}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::path::{Path, PathBuf};

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| match path.is_dir() {
                true if path.ends_with("target") => Vec::new(),
                true => sources(&path),
                false => Vec::from_iter((path.extension() == Some(OsStr::new("rs"))).then_some(path)),
            })
            .collect()
    }

    #[test]
    fn every_file_of_property_tests_is_run_with_more_seeds() {
        let root = Path::new(ROOT);
        let is_one = |path: &PathBuf| fs::read_to_string(path).unwrap().contains("\nproptest! {");
        let files = ["crates", "simulation"].iter().flat_map(|name| sources(&root.join(name))).filter(is_one);
        let mut names: Vec<_> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        let mut known: Vec<_> = PROGRAMS.iter().copied().chain([SIMULATED.1]).collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn a_run_without_a_seed_of_its_own_has_the_one_seed() {
        let config = fs::read_to_string(Path::new(ROOT).join(".cargo/config.toml")).unwrap();
        assert!(config.contains(&format!("{VARIABLE} = ")));
        assert!(std::env::var(VARIABLE).is_ok_and(|seed| seed.parse::<u64>().is_ok()));
    }
}
