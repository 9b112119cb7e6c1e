//! The cost of a request, in guest instructions of the bare-metal images: exact, and the same on every machine.
//!
//! All of the guest's instructions are counted: interrupts, driver, Ethernet, IP, TCP with its acknowledgements, the
//! executor and the server. In the device's image the device is counted too. The most stack that the same exchanges take
//! is held against its ceiling too, bytes.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::exchanges::{self, GET_ARRAY, GET_INLINE, HELLO, IN, MGET, OUT, RESET, SET, SHORT};
use crate::guest::Guest;
use harness::emulator;
use harness::namespace::{make_tap, run_inside};
use harness::workspace::Workspace;

const BENCH: &str = "bench";
const DEVICE: &str = "device";
/// The part of `ceilings.toml` that counts instructions; the others count bytes.
pub const CEILINGS: &str = "instructions";
/// Connections that are open in turn in the second measurement: all but one of the slots.
const IN_TURN: usize = 7;
/// Measurements of a program while a figure is over its ceiling, of which the least counts. On a busy machine frames come
/// in one by one, and each of them wakes the guest.
const TRIES_MAX: usize = 4;

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// All slots as one future instead of a task for each; printed, and held against nothing
    #[arg(long)]
    joined: bool,
    /// Set by this program where it runs itself again in a namespace that it made.
    #[arg(long, hide = true)]
    inside: bool,
}

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.inside {
        return in_namespace(workspace, args.joined);
    }
    let settings: &[_] = if args.joined { &[("SOCKEYE_JOINED", "1")] } else { &[] };
    emulator::build_with(workspace, BENCH, settings)?;
    emulator::build(workspace, DEVICE, None)?;
    let mut arguments = vec!["instructions", "--inside"];
    arguments.extend(args.joined.then_some("--joined"));
    run_inside(&arguments)
}

fn in_namespace(workspace: &Workspace, joined: bool) -> Result<()> {
    make_tap()?;
    let bench_elf = emulator::built(workspace, BENCH)?;
    let measure_bench = || Guest::run(workspace, "instructions-bench", &bench_elf, bench);
    if joined {
        report(&measure_bench()?, None);
        return Ok(());
    }
    let ceilings = read_ceilings(workspace)?;
    let mut figures = least(&ceilings, measure_bench)?;
    let device_elf = emulator::built(workspace, DEVICE)?;
    figures.extend(least(&ceilings, || Guest::run(workspace, "instructions-device", &device_elf, device))?);
    let faults = report(&figures, Some(&ceilings));
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// Instructions by what they are for.
type Figures = BTreeMap<&'static str, u64>;

/// The server alone: 16 bytes in, 13 out.
fn bench(guest: &mut Guest<'_>) -> Result<Figures> {
    let request = exchanges::kept_open(guest, &SHORT, 1)?;
    let in_turn = exchanges::kept_open(guest, &SHORT, IN_TURN)?;
    Ok(Figures::from([
        ("kept_open_request", request),
        ("kept_open_request_7_in_turn", in_turn),
        ("per_further_connection", in_turn.saturating_sub(request).div_ceil(IN_TURN as u64 - 1)),
        ("connect_request_close", exchanges::cycle(guest, &SHORT)?),
        ("closed_by_server", exchanges::closed_by_server(guest, &HELLO)?),
        ("1000_bytes_in", exchanges::kept_open(guest, &IN, 1)?),
        ("1000_bytes_out", exchanges::kept_open(guest, &OUT, 1)?),
        ("stack_bytes", guest.figures()?.stack),
    ]))
}

/// The device, by what clients of Redis send.
fn device(guest: &mut Guest<'_>) -> Result<Figures> {
    Ok(Figures::from([
        ("device_get_inline", exchanges::kept_open(guest, &GET_INLINE, 1)?),
        ("device_get_array", exchanges::kept_open(guest, &GET_ARRAY, 1)?),
        ("device_mget_8", exchanges::kept_open(guest, &MGET, 1)?),
        ("device_set", exchanges::kept_open(guest, &SET, 1)?),
        ("device_connect_get_close", exchanges::cycle(guest, &GET_INLINE)?),
        ("device_stack_bytes", {
            RESET.run(&mut Guest::connect()?)?;
            guest.figures()?.stack
        }),
    ]))
}

/// Measures once, and again while a figure is over its ceiling. Gives the least of each figure.
fn least(ceilings: &BTreeMap<String, u64>, mut measure: impl FnMut() -> Result<Figures>) -> Result<Figures> {
    let mut least = measure()?;
    for _ in 1..TRIES_MAX {
        let over = least.iter().find(|(name, measured)| ceilings.get(**name).is_some_and(|most| *measured > most));
        let Some((name, measured)) = over else { break };
        println!("{name}: {measured} is over its ceiling; once more, and the least counts");
        for (name, again) in measure()? {
            least.entry(name).and_modify(|measured| *measured = again.min(*measured)).or_insert(again);
        }
    }
    Ok(least)
}

fn read_ceilings(workspace: &Workspace) -> Result<BTreeMap<String, u64>> {
    let file = workspace.root.join("ceilings.toml");
    let mut all: BTreeMap<String, BTreeMap<String, u64>> = toml::from_str(&fs::read_to_string(&file)?)?;
    all.remove(CEILINGS).with_context(|| format!("no [{CEILINGS}] in {}", file.display()))
}

/// Prints the figures, and returns what is over its ceiling, and what has none.
fn report(figures: &Figures, ceilings: Option<&BTreeMap<String, u64>>) -> Vec<String> {
    let mut faults = Vec::new();
    println!("{:<32} {:>12} {:>8}", "rv32 instructions", "measured", "at most");
    for (name, measured) in figures {
        match ceilings.map(|ceilings| ceilings.get(*name)) {
            None => println!("{name:<32} {measured:>12}"),
            Some(None) => {
                println!("{name:<32} {measured:>12}     none");
                faults.push(format!("no ceiling for {name}"));
            }
            Some(Some(ceiling)) => {
                println!("{name:<32} {measured:>12} {ceiling:>8}");
                if measured > ceiling {
                    faults.push(format!("{name}: {measured} instructions, at most {ceiling}"));
                }
            }
        }
    }
    let unused = ceilings.into_iter().flat_map(BTreeMap::keys).filter(|name| !figures.contains_key(name.as_str()));
    faults.extend(unused.map(|name| format!("a ceiling for {name}, which nothing measures")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_busy_machine_adds_is_measured_again() {
        let ceilings = BTreeMap::from([("one".to_owned(), 10), ("two".to_owned(), 10)]);
        for (runs, expected) in [
            (&[[10, 10]][..], [10, 10]),
            (&[[11, 10], [10, 99]], [10, 10]),
            (&[[99, 11], [11, 99], [99, 10], [10, 99]], [10, 10]),
            (&[[11, 9], [12, 9], [13, 9], [14, 9]], [11, 9]),
        ] {
            let mut left = runs.iter();
            let figures = least(&ceilings, || {
                let [one, two] = *left.next().expect("no more tries than that");
                Ok(Figures::from([("one", one), ("two", two)]))
            });
            assert_eq!(figures.unwrap(), Figures::from([("one", expected[0]), ("two", expected[1])]));
            assert!(left.next().is_none(), "as many tries as that: {runs:?}");
        }
    }

    #[test]
    fn one_instruction_too_many_is_a_fault() {
        let figures = Figures::from([("kept_open_request", 4201)]);
        let ceilings = |ceiling| BTreeMap::from([("kept_open_request".to_owned(), ceiling)]);
        assert_eq!(report(&figures, Some(&ceilings(4201))), Vec::<String>::new());
        assert_eq!(report(&figures, Some(&ceilings(4200))).len(), 1);
        assert_eq!(report(&figures, Some(&BTreeMap::new())), ["no ceiling for kept_open_request"]);
        assert_eq!(report(&Figures::new(), Some(&ceilings(1))).len(), 1, "a ceiling without a figure");
        assert!(report(&figures, None).is_empty());
    }
}
