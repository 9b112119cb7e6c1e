//! Runs many seeds of two TCP hosts on a bad link, and tells of those that fail. See [`sockeye_tcp_simulation`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sockeye_tcp_simulation::capture::Capture;
use sockeye_tcp_simulation::cells;
use sockeye_tcp_simulation::run::{Outcome, Pair, Record, Stack, is_ours, run};
use sockeye_tcp_simulation::watch::{Fault, Kind};

/// Faults of a pair that are told in full.
const SHOWN: usize = 5;

/// Two TCP hosts on a bad link in simulated time, seed by seed
#[derive(Parser)]
struct Cli {
    /// How many seeds of each pair
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One pair, client first, such as smoltcp-smoltcp; without it all of them
    #[arg(long)]
    pair: Option<String>,
    /// Just this seed, with every packet
    #[arg(long)]
    seed: Option<u64>,
    /// A file for the packets of that seed, which Wireshark opens
    #[arg(long, requires = "seed")]
    pcap: Option<PathBuf>,
    /// The table of RFC 9293 section 3.10.7, put to each stack
    #[arg(long)]
    table: bool,
    /// With the rows of smoltcp that differ
    #[arg(long, requires = "table")]
    rows: bool,
}

/// All pairs: smoltcp with itself is the bar that ours is held against.
const PAIRS: [Pair; 4] = [
    [Stack::Own, Stack::Own],
    [Stack::Own, Stack::Smoltcp],
    [Stack::Smoltcp, Stack::Own],
    [Stack::Smoltcp, Stack::Smoltcp],
];

/// Stacks, and whether a cell that differs from the table fails the run.
const STACKS: [(Stack, bool); 2] = [(Stack::Own, true), (Stack::Smoltcp, false)];

fn name(pair: Pair) -> String {
    format!("{}-{}", pair[0].name(), pair[1].name())
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.table {
        let differing = STACKS.map(|(stack, must_hold)| table(stack, must_hold || cli.rows) && must_hold);
        return if differing.contains(&true) { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let pairs: Vec<_> =
        PAIRS.into_iter().filter(|pair| cli.pair.as_ref().is_none_or(|only| *only == name(*pair))).collect();
    if pairs.is_empty() {
        eprintln!("there is no such pair: {}", PAIRS.map(name).join(", "));
        return ExitCode::from(2);
    }
    let mut is_good = true;
    for pair in pairs {
        is_good &= match cli.seed {
            Some(seed) => one(seed, pair, &cli),
            None => many(cli.from..cli.from + cli.seeds, pair),
        };
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Puts every cell of the table to a stack, and prints the rows that differ if `shown`. True if any does.
fn table(stack: Stack, shown: bool) -> bool {
    let mut rows = BTreeMap::<usize, (u64, cells::Difference)>::new();
    let mut count = 0;
    for difference in cells::all().filter_map(|cell| {
        count += 1;
        cells::check(stack, cell)
    }) {
        rows.entry(difference.row).or_insert_with(|| (0, difference.clone())).0 += 1;
    }
    for (row, (cells, first)) in rows.iter().filter(|_| shown) {
        println!("  {} row {row}, {cells} cells, such as {first}", stack.name());
    }
    let differing: u64 = rows.values().map(|(cells, _)| cells).sum();
    println!("{}: {count} cells of RFC 9293 section 3.10.7, {differing} differ, in {} rows", stack.name(), rows.len());
    differing > 0
}

/// Runs one seed and prints its packets. False if ours breaks a rule.
fn one(seed: u64, pair: Pair, cli: &Cli) -> bool {
    let capture = cli.pcap.as_ref().map(|path| Capture::create(path));
    let capture = match capture.transpose() {
        Ok(capture) => capture,
        Err(error) => {
            eprintln!("the capture can't be created: {error}");
            return false;
        }
    };
    let mut record = Record { log: true, capture };
    let result = run(seed, pair, &mut record);
    if let Some(Err(error)) = record.capture.map(Capture::finish) {
        eprintln!("the capture can't be written: {error}");
    }
    match &result {
        Ok(Outcome { packets, micros, gave_up }) => {
            let seconds = *micros as f64 / 1e6;
            println!("{} seed {seed}: {packets} packets, {seconds:.1} s, given up: {gave_up}", name(pair));
        }
        Err(fault) => println!("{} seed {seed}: {fault}", name(pair)),
    }
    !result.is_err_and(|fault| is_ours(&fault, pair))
}

/// Runs seeds on all cores and prints the counts. False if ours breaks a rule.
fn many(seeds: std::ops::Range<u64>, pair: Pair) -> bool {
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                let seeds = seeds.clone().skip(core as usize).step_by(cores as usize);
                scope.spawn(move || Summary::of(seeds, pair))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a panic of a host is caught")).collect::<Vec<_>>()
    });
    let mut all = Summary::default();
    for part in parts {
        all.add(part);
    }
    all.faults.sort_unstable_by_key(|(seed, _)| *seed);
    let ours = |(_, fault): &&(u64, Fault)| is_ours(fault, pair);
    for (seed, fault) in all.faults.iter().filter(ours).take(SHOWN) {
        println!("  {} seed {seed}: {fault}", name(pair));
    }
    if let Some((seed, fault)) = all.faults.iter().find(|fault| !ours(fault)) {
        println!("  {} seed {seed}, smoltcp's: {fault}", name(pair));
    }
    let ours = all.faults.iter().filter(ours).count();
    let mut kinds = BTreeMap::<Kind, u64>::new();
    for (_, fault) in &all.faults {
        *kinds.entry(fault.kind).or_default() += 1;
    }
    let kinds: String = kinds.iter().map(|(kind, count)| format!(", {} {count}", kind.name())).collect();
    println!(
        "{}: {} seeds, {} packets, {} simulated hours, {:.1} s; given up {}; faults of ours {ours}, of smoltcp's {}{kinds}",
        name(pair),
        seeds.end - seeds.start,
        all.packets,
        all.micros / 3_600_000_000,
        start.elapsed().as_secs_f64(),
        all.gave_up,
        all.faults.len() - ours,
    );
    ours == 0
}

#[derive(Default)]
struct Summary {
    packets: u64,
    micros: u64,
    gave_up: u64,
    faults: Vec<(u64, Fault)>,
}

impl Summary {
    fn of(seeds: impl Iterator<Item = u64>, pair: Pair) -> Self {
        let mut summary = Self::default();
        for seed in seeds {
            match run(seed, pair, &mut Record::default()) {
                Ok(outcome) => {
                    summary.packets += outcome.packets;
                    summary.micros += outcome.micros;
                    summary.gave_up += u64::from(outcome.gave_up);
                }
                Err(fault) => summary.faults.push((seed, fault)),
            }
        }
        summary
    }

    fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.micros += other.micros;
        self.gave_up += other.gave_up;
        self.faults.extend(other.faults);
    }
}
