//! Servers on a tap device of this machine, in turn: rates as ratios, and the processor time that a server takes.

use std::collections::BTreeMap;
use std::fs;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::contenders::FEW;
use super::results::{Rates, Row};
use super::{lwip, wire};
use crate::exchanges::{Exchange, GET_INLINE, SHORT};
use crate::guest::Guest;
use harness::daemon::Server;
use harness::process::{LONG, bound, cargo, run};
use harness::workspace::{BENCH_HOST, Workspace};

const ROUNDS: usize = 5;
/// How long one measurement lasts.
const LAST: Duration = Duration::from_millis(1_500);
/// The ticks of /proc/PID/stat.
const TICK_US: u64 = 10_000;

/// The servers. The first is the one that the others are compared with.
const SERVERS: [&str; 5] = ["Sockeye", DEVICE, "embassy-net", "lwIP -O2 LTO", "HTTP, picoserve"];
const DEVICE: &str = "Sockeye device, GET inline";

/// Builds what is measured.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mut command = cargo(&workspace.root.join(BENCH_HOST));
    command.args(["build", "--locked", "--release"]).env("CARGO_TARGET_DIR", workspace.target.join(BENCH_HOST));
    run(&mut command, LONG)?;
    lwip::build_host(workspace, FEW, &lwip_program(workspace))
}

fn lwip_program(workspace: &Workspace) -> PathBuf {
    workspace.target.join("bench/programs/lwIP-host")
}

fn command(workspace: &Workspace, server: &str) -> Command {
    let rust = |argument: &str| {
        let mut command = bound(workspace.target.join(BENCH_HOST).join("release/sockeye-bench-host"));
        command.arg(argument);
        command
    };
    match server {
        "Sockeye" => rust("sockeye"),
        DEVICE => rust("device"),
        "embassy-net" => rust("embassy-net"),
        "HTTP, picoserve" => rust("picoserve"),
        _ => bound(lwip_program(workspace)),
    }
}

/// Measures with client and server on one processor. On two processors, an exchange is mostly the time in which an idle
/// processor is woken. Whether one is idle depends on the machine's other work.
pub fn measure(workspace: &Workspace) -> Result<Rates> {
    // A thread of its own, so that nothing after it is bound.
    let measured = thread::scope(|scope| scope.spawn(|| on_one_processor().and_then(|()| rounds(workspace))).join());
    measured.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Binds this thread, and the processes that it starts, to one processor of those that it may use.
fn on_one_processor() -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let first = (0..CpuSet::MAX_CPU).find(|processor| allowed.is_set(*processor)).context("find a processor")?;
    let mut one = CpuSet::new();
    one.set(first);
    Ok(sched_setaffinity(None, &one)?)
}

/// Measures all in turn, as often as there are rounds, and takes medians.
fn rounds(workspace: &Workspace) -> Result<Rates> {
    let mut runs: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for server in SERVERS {
            let mut row = Row::new();
            Server::start(workspace, "bench-rates", command(workspace, server))?.test(|started| {
                row = rates(server, started.id())?;
                Ok(())
            })?;
            runs.entry(server).or_default().push(row);
        }
    }
    let mut rates = Rates::default();
    for server in SERVERS {
        let medians = runs[server][0].keys().map(|what| {
            let values = |of: &str| runs[of].iter().map(|row| row[what]).collect::<Vec<_>>();
            // A ratio of each round, since what else the machine does changes from round to round.
            let ratios =
                values(server).into_iter().zip(values(SERVERS[0])).map(|(value, first)| value * 100 / first.max(1));
            (what.clone(), median(values(server)), median(ratios.collect()))
        });
        for (what, value, percent) in medians.collect::<Vec<_>>() {
            rates.medians.entry(server.to_owned()).or_default().insert(what.clone(), value);
            rates.percent_of_sockeye.entry(server.to_owned()).or_default().insert(what, percent);
        }
    }
    Ok(rates)
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn rates(server: &str, process: u32) -> Result<Row> {
    let exchange = match server {
        DEVICE => GET_INLINE,
        _ if server.starts_with("HTTP") => wire::http()?,
        _ => SHORT,
    };
    let mut row = Row::new();
    let mut clients = (0..FEW).map(|_| Guest::connect()).collect::<Result<Vec<_>>>()?;
    let mut kept_open = |connections: usize, name: &str, row: &mut Row| {
        let mut turn = 0;
        operations(process, name, row, || {
            turn = (turn + 1) % connections;
            exchange.run(&mut clients[turn])
        })
    };
    kept_open(1, "kept open", &mut row)?;
    kept_open(FEW, "8 in turn", &mut row)?;
    drop(clients);
    operations(process, "connect, request, close", &mut row, || cycle(&exchange))?;
    Ok(row)
}

fn cycle(exchange: &Exchange) -> Result<()> {
    exchange.run(&mut Guest::connect()?)
}

/// Operations a second, and nanoseconds of the server's processor time for each.
fn operations(process: u32, name: &str, row: &mut Row, mut operation: impl FnMut() -> Result<()>) -> Result<()> {
    operation()?;
    let (start, cpu_us) = (Instant::now(), processor_us(process)?);
    let mut count = 0;
    while start.elapsed() < LAST {
        operation()?;
        count += 1;
    }
    let used_us = processor_us(process)? - cpu_us;
    row.insert(format!("{name}, per second"), (count as f64 / start.elapsed().as_secs_f64()) as u64);
    row.insert(format!("{name}, ns"), used_us * 1_000 / count);
    Ok(())
}

/// Processor time that a process has used, in itself and in the kernel.
fn processor_us(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything.
    let (_, fields) = text.rsplit_once(')').context("read a process's figures")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * TICK_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::process::read;

    #[test]
    fn client_and_server_have_one_processor() {
        let counted = thread::spawn(|| {
            on_one_processor()?;
            // Of the processors that a process which was started from here may use.
            read(&mut Command::new("nproc"))
        });
        assert_eq!(counted.join().expect("no panic").expect("nproc is in coreutils").trim(), "1");
    }
}
