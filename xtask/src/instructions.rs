//! What a request costs, in guest instructions of the bare-metal image: exact, and the same on every machine.
//!
//! The guest runs under `-icount shift=0`, where its instruction counter counts instructions, and tells it to whoever
//! asks with a request that begins with `S`. What the guest spends waiting for an interrupt is not in it; the driver,
//! Ethernet, IP, TCP with its acknowledgements, the executor and the server are.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::namespace::{TAP, make_tap, run_inside};
use crate::qemu::{self, GUEST, GUEST_PORT, Network};
use crate::server::Server;
use crate::workspace::Workspace;

const BIN: &str = "bench";
/// The part of `ceilings.toml` that counts instructions; the others count bytes.
pub const CEILINGS: &str = "qemu-virt-bench";
const REQUEST: &[u8; 16] = b"GET temp 000001\n";
const COUNTER: &[u8; 16] = b"S..............\n";
const REPLY: &[u8; 13] = b"Hello, world\n";
/// Requests, and connections, of one measurement.
const REQUESTS: u64 = 500;
const CYCLES: u64 = 300;
/// Connections that are open in turn in the second measurement: all but one of the slots.
const IN_TURN: u64 = 7;
/// Measurements of which the median counts: a frame that comes in while another is worked on saves a wake-up.
const RUNS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(20);

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

/// The check: tasks, held against the ceilings.
pub fn check(workspace: &Workspace) -> Result<()> {
    job(workspace, &Args { joined: false, inside: false })
}

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.inside {
        return in_namespace(workspace, args.joined);
    }
    let settings: &[_] = if args.joined { &[("SOCKEYE_JOINED", "1")] } else { &[] };
    qemu::build_with(workspace, BIN, settings)?;
    let mut arguments = vec!["instructions", "--inside"];
    arguments.extend(args.joined.then_some("--joined"));
    run_inside(&arguments)
}

fn in_namespace(workspace: &Workspace, joined: bool) -> Result<()> {
    make_tap()?;
    let mut machine = qemu::machine(&qemu::built(workspace, BIN)?, &Network::Tap(TAP));
    machine.args(["-icount", "shift=0"]);
    let server = Server::start(workspace, "instructions", machine)?;
    server.test(|_| {
        let figures = measure()?;
        let ceilings = read_ceilings(workspace)?;
        let faults = report(&figures, if joined { None } else { Some(&ceilings) })?;
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(())
    })
}

/// Instructions by what they are for.
type Figures = BTreeMap<&'static str, u64>;

fn measure() -> Result<Figures> {
    let request = median(|| kept_open(1))?;
    let in_turn = median(|| kept_open(IN_TURN))?;
    let connection = in_turn.saturating_sub(request).div_ceil(IN_TURN - 1);
    let cycle = median(cycle)?;
    Ok(Figures::from([
        ("kept_open_request", request),
        ("kept_open_request_7_in_turn", in_turn),
        ("per_further_connection", connection),
        ("connect_request_close", cycle),
    ]))
}

fn median(measure: impl Fn() -> Result<u64>) -> Result<u64> {
    let mut runs = (0..RUNS).map(|_| measure()).collect::<Result<Vec<_>>>()?;
    runs.sort_unstable();
    Ok(runs[RUNS / 2])
}

/// Instructions of one request on connections that stay open, used in turn.
fn kept_open(connections: u64) -> Result<u64> {
    let mut clients = (0..connections).map(|_| connect()).collect::<Result<Vec<_>>>()?;
    for client in &mut clients {
        ask(client)?;
    }
    let asking = cost_of_asking(&mut clients[0])?;
    let before = counter(&mut clients[0])?;
    for request in 0..REQUESTS {
        ask(&mut clients[(request % connections) as usize])?;
    }
    let after = counter(&mut clients[0])?;
    Ok((after - before).saturating_sub(asking) / REQUESTS)
}

/// Instructions of a connection: connect, one request, close by the client.
fn cycle() -> Result<u64> {
    let mut watch = connect()?;
    let asking = cost_of_asking(&mut watch)?;
    let before = counter(&mut watch)?;
    for _ in 0..CYCLES {
        ask(&mut connect()?)?;
    }
    let after = counter(&mut watch)?;
    Ok((after - before).saturating_sub(asking) / CYCLES)
}

fn cost_of_asking(client: &mut TcpStream) -> Result<u64> {
    let first = counter(client)?;
    Ok(counter(client)? - first)
}

fn connect() -> Result<TcpStream> {
    let client = TcpStream::connect((GUEST, GUEST_PORT)).context("connect to the guest")?;
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    Ok(client)
}

fn exchange(client: &mut TcpStream, request: &[u8; 16]) -> Result<[u8; 13]> {
    client.write_all(request)?;
    let mut reply = [0; 13];
    client.read_exact(&mut reply).context("read the guest's reply")?;
    Ok(reply)
}

fn ask(client: &mut TcpStream) -> Result<()> {
    let reply = exchange(client, REQUEST)?;
    ensure!(&reply == REPLY, "a wrong reply: {}", reply.escape_ascii());
    Ok(())
}

fn counter(client: &mut TcpStream) -> Result<u64> {
    let reply = exchange(client, COUNTER)?;
    let text = str::from_utf8(&reply)?.trim();
    text.parse().with_context(|| format!("`{text}` is no count"))
}

fn read_ceilings(workspace: &Workspace) -> Result<BTreeMap<String, u64>> {
    let file = workspace.root.join("ceilings.toml");
    let mut all: BTreeMap<String, BTreeMap<String, u64>> = toml::from_str(&fs::read_to_string(&file)?)?;
    all.remove(CEILINGS).with_context(|| format!("no [{CEILINGS}] in {}", file.display()))
}

/// Prints the figures, and returns what is over its ceiling.
fn report(figures: &Figures, ceilings: Option<&BTreeMap<String, u64>>) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    println!("{:<32} {:>12} {:>8}", "rv32 instructions", "measured", "at most");
    for (name, measured) in figures {
        let Some(ceilings) = ceilings else {
            println!("{name:<32} {measured:>12}");
            continue;
        };
        let Some(ceiling) = ceilings.get(*name) else { bail!("no ceiling for {name}") };
        println!("{name:<32} {measured:>12} {ceiling:>8}");
        if measured > ceiling {
            faults.push(format!("{name}: {measured} instructions, at most {ceiling}"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instruction_too_many_is_a_fault() {
        let figures = Figures::from([("kept_open_request", 4201)]);
        let ceilings = |ceiling| BTreeMap::from([("kept_open_request".to_owned(), ceiling)]);
        assert_eq!(report(&figures, Some(&ceilings(4201))).unwrap(), Vec::<String>::new());
        assert_eq!(report(&figures, Some(&ceilings(4200))).unwrap().len(), 1);
        assert!(report(&figures, Some(&BTreeMap::new())).is_err(), "a figure without a ceiling");
        assert!(report(&figures, None).unwrap().is_empty());
    }
}
