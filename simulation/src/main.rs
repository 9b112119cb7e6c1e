//! Runs many seeds, and tells of those that fail. See [`sockeye_simulation`].

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use sockeye_simulation::mutation::Mutation;
use sockeye_simulation::plan::Plan;
use sockeye_simulation::seeds::{self, Summary};
use sockeye_simulation::world;

/// Seeds that one process runs: network stacks live as long as their process.
const CHUNK: u64 = 50;
/// In so many seeds everything happens that is in the plans for a purpose.
const ALL_HAPPENS: u64 = 500;
/// How many of what happened are printed in one line.
const KINDS_IN_LINE: usize = 6;
/// Failures that are told in full.
const FAILURES_SHOWN: usize = 1;

/// The device in simulated time, seed by seed
#[derive(Parser)]
struct Cli {
    /// How many seeds
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Just this one, with all that happens
    #[arg(long)]
    seed: Option<u64>,
    /// Without this protection, which must be noticed
    #[arg(long, value_enum, default_value_t = Without::Nothing)]
    without: Without,
    /// Runs the seeds in this process, and prints what its parent reads
    #[arg(long, hide = true)]
    worker: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Without {
    Nothing,
    Rollback,
    Commit,
    Timeouts,
    Poll,
    Rejoin,
    Subscription,
    Wake,
}

impl Without {
    fn mutation(self) -> Mutation {
        match self {
            Self::Nothing => Mutation::None,
            Self::Rollback => Mutation::NoRollback,
            Self::Commit => Mutation::ReplyBeforeCommit,
            Self::Timeouts => Mutation::NoTimeouts,
            Self::Poll => Mutation::NoPoll,
            Self::Rejoin => Mutation::NoRejoin,
            Self::Subscription => Mutation::SubscribePerWait,
            Self::Wake => Mutation::NoWake,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_good = match (cli.seed, cli.worker) {
        (Some(seed), _) => show(seed, cli.without.mutation()),
        (None, true) => {
            print!("{}", seeds::run(cli.from..cli.from + cli.seeds, cli.without.mutation()));
            true
        }
        (None, false) => all(&cli),
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one seed, and prints all of it.
fn show(seed: u64, mutation: Mutation) -> bool {
    let plan = Plan::new(seed);
    let outcome = world::run(&plan, seed, mutation);
    println!("{plan}\n{}", outcome.trace);
    match &outcome.failure {
        None => println!("seed {seed}: {} simulated seconds, nothing is wrong", outcome.seconds),
        Some(why) => println!("seed {seed}: {why}"),
    }
    outcome.failure.is_none()
}

/// Runs all seeds, as many processes at once as the machine has cores.
fn all(cli: &Cli) -> bool {
    let start = Instant::now();
    let end = cli.from + cli.seeds;
    let mut chunks = (cli.from..end).step_by(CHUNK as usize).map(|from| (from, CHUNK.min(end - from)));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running: Vec<Child> = chunks.by_ref().take(cores).map(|chunk| worker(cli, chunk)).collect();
    let mut summary = Summary::default();
    while !running.is_empty() {
        let child = running.remove(0);
        let output = child.wait_with_output().expect("a worker ends");
        match String::from_utf8_lossy(&output.stdout).parse::<Summary>() {
            Ok(part) if output.status.success() => summary.add(part),
            _ => summary.failures.push((cli.from, format!("a worker died: {}", output.status))),
        }
        running.extend(chunks.next().map(|chunk| worker(cli, chunk)));
    }
    summary.failures.sort_unstable();
    for (seed, why) in summary.failures.iter().take(FAILURES_SHOWN) {
        tell(*seed, why, cli.without.mutation());
    }
    for kinds in summary.tally.named().collect::<Vec<_>>().chunks(KINDS_IN_LINE) {
        let kinds: Vec<_> = kinds.iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("{}", kinds.join(", "));
    }
    let hours = summary.seconds as f64 / 3_600.0;
    println!(
        "{} seeds, {hours:.0} simulated hours in {:.1} s; longest out of reach {} s; {} failed{}",
        cli.seeds,
        start.elapsed().as_secs_f64(),
        summary.longest_out_s,
        summary.failures.len(),
        summary.failures.iter().take(20).map(|(seed, _)| format!(" {seed}")).collect::<String>(),
    );
    // A plan that never does what it is for proves nothing.
    let missing = if cli.seeds < ALL_HAPPENS { Vec::new() } else { summary.tally.missing() };
    if !missing.is_empty() {
        println!("never happened: {}", missing.join(", "));
    }
    summary.failures.is_empty() && missing.is_empty()
}

fn worker(cli: &Cli, (from, seeds): (u64, u64)) -> Child {
    // The program that runs, also where another build has replaced its file.
    let program = Path::new("/proc/self/exe");
    let program =
        if program.exists() { program.into() } else { std::env::current_exe().expect("this program has a path") };
    let without = cli.without.to_possible_value().expect("none is hidden");
    Command::new(program)
        .args(["--worker", "--from", &from.to_string(), "--seeds", &seeds.to_string(), "--without", without.get_name()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts")
}

/// Prints the shortest plan of a seed that fails still, and what happens in it.
fn tell(seed: u64, why: &str, mutation: Mutation) {
    let (plan, outcome) = seeds::shorten(seed, mutation);
    println!("seed {seed}: {why}\n\nThe shortest plan that fails still:\n{plan}\n{}", outcome.trace);
    println!("seed {seed}: {why}\nshortened: {}\n", outcome.failure.unwrap_or_default());
}
