//! The fuzz targets, built with the coverage that libFuzzer needs. In `cargo xtask test` a target runs through the same
//! inputs each time, so that no run passes by luck. With `--seconds` a target runs for a time, on other inputs each time.
//!
//! The flags are those that `cargo fuzz` would give, without its sanitizer, which needs a compiler that isn't stable:
//! the code under test has no `unsafe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;

use harness::process::{LONG, bound, cargo, finish, read, run, show};
use harness::usage::Usage;
use harness::workspace::Workspace;

const FOLDER: &str = "fuzz";
/// Target, dictionary, longest input in bytes, runs in `cargo xtask test`. The runs are what half a minute has time for.
const TARGETS: [(&str, &str, u32, u32); 8] = [
    ("request", "resp.dict", 1_600, 400_000),
    ("reply", "resp.dict", 512, 500_000),
    ("session", "session.dict", 4_096, 60_000),
    ("wiring", "wiring.dict", 2_048, 100_000),
    ("segments", "segments.dict", 1_024, 600_000),
    ("frames", "segments.dict", 512, 4_000),
    ("log", "resp.dict", 2_048, 120_000),
    ("firmware", "session.dict", 512, 6_000),
];
/// Targets that take what `request` takes and must fail: name, the message of the failure, most runs until then. The
/// fault of `canary` takes one to two million.
const CANARIES: [(&str, &str, u32); 2] =
    [("canary", "the planted fault was found", 20_000_000), ("leak", "the runs keep memory", 2_000)];
/// How a program starts at the same addresses each time. libFuzzer draws from them, too.
const FIXED_ADDRESSES: [&str; 2] = ["setarch", "--addr-no-randomize"];
/// The seed of libFuzzer for runs that have a number of inputs and no time.
const SEED: u32 = 1;
/// The longest that one input may take: it ends an input without an end, and no input on a machine that stalls.
const INPUT_SECONDS: u32 = 120;

const COVERAGE: [&str; 8] = [
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

#[derive(ClapArgs)]
pub struct Args {
    /// One target; without it all of them at once, and those that must fail
    target: Option<String>,
    /// How long each target runs, on other inputs each time; without it the same inputs each time
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
}

pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let Some(name) = &args.target else {
        return all(workspace, args.seconds);
    };
    if !TARGETS.iter().any(|(known, ..)| known == name) {
        let names = TARGETS.map(|(known, ..)| known).join(", ");
        return Err(Usage(format!("there is no target {name}; there are {names}")).into());
    }
    target(workspace, &build(workspace)?, name, args.seconds)
}

fn all(workspace: &Workspace, seconds: Option<u32>) -> Result<()> {
    let binaries = build(workspace)?;
    thread::scope(|scope| {
        let runs = TARGETS.map(|(name, ..)| {
            let binaries = &binaries;
            scope.spawn(move || target(workspace, binaries, name, seconds))
        });
        runs.into_iter().try_for_each(|run| run.join().expect("it doesn't panic"))
    })?;
    CANARIES.iter().try_for_each(|canary| fails(workspace, &binaries, canary))
}

/// Builds all targets; gives the folder with the programs.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let target_dir = workspace.target.join(FOLDER);
    // A named target keeps the flags away from build scripts and macros.
    let host = host()?;
    let mut command = cargo(&workspace.root.join(FOLDER));
    command.args(["build", "--locked", "--release", "--bins", "--target", &host]);
    command.env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\x1f")).env("CARGO_TARGET_DIR", &target_dir);
    run(&mut command, LONG)?;
    Ok(target_dir.join(host).join("release"))
}

fn host() -> Result<String> {
    let version = read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc doesn't tell its host")
}

/// Runs a target; fails if it finds anything, and says which input it was.
fn target(workspace: &Workspace, binaries: &Path, name: &str, seconds: Option<u32>) -> Result<()> {
    let (_, dictionary, len_max, runs) = TARGETS.iter().find(|(known, ..)| *known == name).context("no such target")?;
    let found = workspace.target.join("fuzz/found");
    let corpus = match seconds {
        Some(_) => workspace.target.join("fuzz/corpus").join(name),
        None => empty(workspace.target.join("fuzz/check").join(name))?,
    };
    let mut command = libfuzzer(workspace, binaries, name, (name, dictionary, *len_max), &corpus, &found)?;
    match seconds {
        Some(seconds) => command.arg(format!("-max_total_time={seconds}")),
        None => same_inputs(&mut command, *runs),
    };
    println!("$ {}", show(&command));
    let output = finish(&mut command)?;
    let text = String::from_utf8_lossy(&output.stderr);
    let runs = text.lines().find(|line| line.starts_with("Done ")).unwrap_or("it ended before its time");
    println!("fuzz: {name}: {runs}");
    if !output.status.success() {
        bail!("{name} found an input that breaks it, kept in {}:\n{}", found.display(), told(&text));
    }
    Ok(())
}

/// A canary must fail; otherwise the silence of the targets means nothing.
fn fails(workspace: &Workspace, binaries: &Path, (name, message, runs): &(&str, &str, u32)) -> Result<()> {
    let folder = workspace.target.join("fuzz/canary").join(name);
    let (corpus, found) = (empty(folder.join("corpus"))?, empty(folder.join("found"))?);
    let (seeds, dictionary, len_max, _) = TARGETS[0];
    let mut command = libfuzzer(workspace, binaries, name, (seeds, dictionary, len_max), &corpus, &found)?;
    same_inputs(&mut command, *runs);
    println!("$ {}", show(&command));
    let output = finish(&mut command)?;
    if output.status.success() || !String::from_utf8_lossy(&output.stderr).contains(message) {
        bail!("{name} did not fail in {runs} runs");
    }
    println!("fuzz: {name}: {message}, as it must be");
    Ok(())
}

fn same_inputs(command: &mut Command, runs: u32) -> &mut Command {
    // Without `-reload=0` each second of a run adds what is new in the corpus' folder.
    command.args([format!("-seed={SEED}"), format!("-runs={runs}"), "-reload=0".to_owned()])
}

/// Whether this machine can start a program so. Some containers can't; there the inputs differ from run to run.
fn has_fixed_addresses() -> bool {
    let mut command = Command::new(FIXED_ADDRESSES[0]);
    command.args(&FIXED_ADDRESSES[1..]).arg("true").stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The path of a folder without what an earlier run left in it.
fn empty(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(folder)
}

fn libfuzzer(
    workspace: &Workspace,
    binaries: &Path,
    name: &str,
    (seeds, dictionary, len_max): (&str, &str, u32),
    corpus: &Path,
    found: &Path,
) -> Result<Command> {
    let folder = workspace.root.join(FOLDER);
    fs::create_dir_all(corpus)?;
    fs::create_dir_all(found)?;
    let program = binaries.join(name);
    let mut command = match has_fixed_addresses() {
        true => {
            let mut command = bound(FIXED_ADDRESSES[0]);
            command.args(&FIXED_ADDRESSES[1..]).arg(program);
            command
        }
        false => bound(program),
    };
    command.env("RUST_BACKTRACE", "0").arg(corpus).arg(folder.join("seeds").join(seeds));
    command.arg(format!("-dict={}", folder.join(dictionary).display()));
    command.arg(format!("-artifact_prefix={}/{name}-", found.display()));
    command.arg(format!("-max_len={len_max}")).arg(format!("-timeout={INPUT_SECONDS}")).arg("-rss_limit_mb=1024");
    Ok(command)
}

/// The part of libFuzzer's output that a person needs: the fault and the input.
fn told(text: &str) -> String {
    let is_told = |line: &&str| line.contains("panicked at") || line.contains("ERROR:") || line.contains("Test unit");
    let lines = text.lines().zip(text.lines().skip(1).chain([""]));
    let told = lines.filter(|(line, _)| is_told(line)).flat_map(|(line, next)| [line, next]);
    told.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_seeds_and_a_dictionary() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(FOLDER);
        for (name, dictionary, ..) in TARGETS {
            let seeds = fs::read_dir(folder.join("seeds").join(name));
            assert!(seeds.is_ok_and(|mut seeds| seeds.next().is_some()), "{name} has no seeds");
            assert!(folder.join(dictionary).is_file(), "{dictionary}");
        }
    }

    #[test]
    fn a_fault_is_told_with_its_input() {
        let text =
            "INFO: x\nthread panicked at a.rs:1:\nbroken\n==1== ERROR: libFuzzer\n    #0\nTest unit written to a";
        let told = told(text);
        assert_eq!(
            told,
            "thread panicked at a.rs:1:\nbroken\n==1== ERROR: libFuzzer\n    #0\nTest unit written to a\n"
        );
    }
}
