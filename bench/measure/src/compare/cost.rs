//! Guest instructions of every server on the same exchanges.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::contenders::{self, Contender, FEW, MANY};
use super::results::{Instructions, Row};
use crate::exchanges::{self, GET_ARRAY, GET_INLINE, HELLO, IN, MGET, OUT, SET, SHORT};
use crate::guest::Guest;
use crate::profile::{self, What};
use harness::workspace::Workspace;

/// Connections that are open in turn, of programs for few and for many: all slots but one.
const IN_TURN: usize = FEW - 1;
const OPEN: [usize; 7] = [1, 2, 4, 7, 15, 23, MANY - 1];
/// How long a silence is measured.
const SECOND: Duration = Duration::from_secs(1);
/// The samples that a subscriber waits for.
const SAMPLES: u64 = 10;

/// Builds what is measured.
pub fn build(workspace: &Workspace) -> Result<()> {
    for contender in Contender::ALL {
        contender.build(workspace, FEW)?;
        contender.build(workspace, MANY)?;
    }
    contenders::build_shipped(workspace, "hello", FEW)?;
    contenders::build_shipped(workspace, "device", FEW)
}

/// Measures it, in a namespace with a tap.
pub fn measure(workspace: &Workspace) -> Result<Instructions> {
    let mut measured = Instructions::default();
    for contender in Contender::ALL {
        let name = contender.name();
        let few = contender.elf(workspace, FEW);
        let (idle, row) = Guest::run(workspace, "bench", &few, |guest| Ok((idle_second(guest)?, exchanges(guest)?)))?;
        measured.exchanges.insert(name.clone(), row);
        measured.idle_second.insert(name.clone(), idle);
        let many = contender.elf(workspace, MANY);
        measured.open.insert(name, Guest::run(workspace, "bench", &many, open)?);
    }
    measured.scheduling = scheduling(workspace)?;
    let hello = |guest: &mut Guest<'_>| exchanges::closed_by_server(guest, &HELLO);
    measured.hello = Guest::run(workspace, "bench", &contenders::shipped(workspace, "hello", FEW), hello)?;
    measured.device = Guest::run(workspace, "bench", &contenders::shipped(workspace, "device", FEW), device)?;
    Ok(measured)
}

fn exchanges(guest: &mut Guest<'_>) -> Result<Row> {
    row([
        ("kept open", exchanges::kept_open(guest, &SHORT, 1)?),
        ("7 in turn", exchanges::kept_open(guest, &SHORT, IN_TURN)?),
        ("connect, request, close", exchanges::cycle(guest, &SHORT)?),
        ("closed by server", exchanges::closed_by_server(guest, &HELLO)?),
        ("1,000 bytes in", exchanges::kept_open(guest, &IN, 1)?),
        ("1,000 bytes out", exchanges::kept_open(guest, &OUT, 1)?),
    ])
}

/// Those of Sockeye's instructions that lwIP's programs have none of.
fn scheduling(workspace: &Workspace) -> Result<Row> {
    let bench = Contender::Sockeye.elf(workspace, FEW);
    let device = contenders::shipped(workspace, "device", FEW);
    let exchanges = [
        ("kept open", &bench, What::Request),
        ("connect, request, close", &bench, What::Cycle),
        ("closed by server", &bench, What::Closed),
        ("1,000 bytes in", &bench, What::In),
        ("1,000 bytes out", &bench, What::Out),
        ("GET, inline", &device, What::Get),
        ("connect, GET, close", &device, What::DeviceCycle),
    ];
    let part = |what, elf| profile::scheduling(workspace, elf, what);
    exchanges.into_iter().map(|(name, elf, what)| Ok((name.to_owned(), part(what, elf)?))).collect()
}

fn row<const N: usize>(figures: [(&str, u64); N]) -> Result<Row> {
    Ok(figures.map(|(name, value)| (name.to_owned(), value)).into())
}

fn open(guest: &mut Guest<'_>) -> Result<BTreeMap<String, u64>> {
    let figure = |open: usize| Ok((open.to_string(), exchanges::kept_open(guest, &SHORT, open)?));
    OPEN.into_iter().map(figure).collect()
}

fn device(guest: &mut Guest<'_>) -> Result<Row> {
    row([
        // First, while nothing of clients is left to be done.
        ("a second without clients", idle_second(guest)?),
        ("GET, inline", exchanges::kept_open(guest, &GET_INLINE, 1)?),
        ("GET, array", exchanges::kept_open(guest, &GET_ARRAY, 1)?),
        ("GET, inline, 7 in turn", exchanges::kept_open(guest, &GET_INLINE, IN_TURN)?),
        ("MGET of 8", exchanges::kept_open(guest, &MGET, 1)?),
        ("SET of an output", exchanges::kept_open(guest, &SET, 1)?),
        ("connect, GET, close", exchanges::cycle(guest, &GET_INLINE)?),
        ("push to a subscriber", push(guest)?),
    ])
}

/// Instructions of a second in which no client is there. In some seconds the kernel still ends connections of before.
fn idle_second(guest: &mut Guest<'_>) -> Result<u64> {
    exchanges::median(|| {
        guest.instructions(|| {
            sleep(SECOND);
            Ok(())
        })
    })
}

/// Instructions of a sample that a subscriber is told: those of as many samples with it and without.
fn push(guest: &mut Guest<'_>) -> Result<u64> {
    let mut watch = subscribe()?;
    let mut other = subscribe()?;
    lines(&mut watch, 7, "$4")?;
    // A sample is pushed to both: from here on time runs from sample to sample.
    let two = guest.instructions(|| samples(&mut watch).and_then(|()| samples(&mut other)))?;
    drop(other);
    samples(&mut watch)?;
    let one = guest.instructions(|| samples(&mut watch))?;
    Ok(two.saturating_sub(one) / SAMPLES)
}

type Subscriber = BufReader<std::net::TcpStream>;

fn subscribe() -> Result<Subscriber> {
    let mut client = Guest::connect()?;
    client.write_all(b"SUBSCRIBE lm35\r\n")?;
    let mut client = BufReader::new(client);
    // The reply and one sample, whose time isn't known.
    lines(&mut client, 6, ":1")?;
    lines(&mut client, 7, "$4")?;
    Ok(client)
}

fn samples(client: &mut Subscriber) -> Result<()> {
    (0..SAMPLES).try_for_each(|_| lines(client, 7, "$4"))
}

/// Reads a reply of so many lines, of which the last or the last but one is known.
fn lines(client: &mut Subscriber, count: usize, known: &str) -> Result<()> {
    let mut read = Vec::new();
    for _ in 0..count {
        let mut line = String::new();
        client.read_line(&mut line)?;
        read.push(line.trim_end().to_owned());
    }
    ensure!(read.iter().rev().take(2).any(|line| line == known), "a wrong push: {read:?}");
    Ok(())
}
