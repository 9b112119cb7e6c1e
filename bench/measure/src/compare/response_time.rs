//! How soon a client is answered: after boot, while other clients stall, and while one reads slowly.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::contenders::{self, Contender, FEW, MANY};
use super::results::{Latency, Row};
use crate::exchanges::{Exchange, GET_INLINE, SHORT};
use crate::guest::Guest;
use harness::workspace::Workspace;

/// Requests of one measurement.
const REQUESTS: usize = 2_000;
/// A slow reader asks for all of a device's health, over and over, and reads it so slowly that it always waits.
const LONG_REQUEST: &[u8] = b"INFO\r\n";
const SLOW_READ_LEN: usize = 64;
const SLOW_PAUSE: Duration = Duration::from_millis(10);
const SLOW_WINDOW: usize = 8;

/// The servers that are compared.
const CONTENDERS: [Contender; 3] = [Contender::Sockeye, Contender::EmbassyNet, Contender::Lwip(1)];

/// Builds what is measured.
pub fn build(workspace: &Workspace) -> Result<()> {
    CONTENDERS.into_iter().try_for_each(|contender| contender.build(workspace, MANY))?;
    contenders::build_shipped(workspace, "hello", FEW)?;
    contenders::build_shipped(workspace, "device", FEW)
}

/// Measures it, in a namespace with a tap.
pub fn measure(workspace: &Workspace) -> Result<Latency> {
    let mut latency = Latency::default();
    for contender in CONTENDERS {
        for stalled in [0, 7, MANY - 1] {
            let elf = contender.elf(workspace, MANY);
            let row = Guest::run(workspace, "bench", &elf, |guest| beside_stalled(guest, &SHORT, stalled))?;
            latency.replies.insert(format!("{}, {stalled} of {MANY} stalled", contender.name()), row);
        }
    }
    let device = contenders::shipped(workspace, "device", FEW);
    for stalled in [0, FEW - 1] {
        let row = Guest::run(workspace, "bench", &device, |guest| beside_stalled(guest, &GET_INLINE, stalled))?;
        latency.replies.insert(format!("Sockeye device, {stalled} of {FEW} stalled"), row);
    }
    let row = Guest::run(workspace, "bench", &device, beside_slow_reader)?;
    latency.replies.insert("Sockeye device, a slow reader served".to_owned(), row);
    for (bin, exchange) in [("hello", &SHORT), ("device", &GET_INLINE)] {
        let elf = contenders::shipped(workspace, bin, FEW);
        latency
            .boot
            .insert(format!("Sockeye {bin}"), Guest::run(workspace, "bench", &elf, |guest| boot(guest, exchange))?);
    }
    Ok(latency)
}

/// Instructions from `main` to the end of the first reply.
fn boot(guest: &mut Guest<'_>, exchange: &Exchange) -> Result<u64> {
    let mut client = Guest::connect()?;
    client.write_all(exchange.request)?;
    // Whatever the answer is: the classic has another than the measured exchanges.
    client.read_exact(&mut [0])?;
    Ok(guest.figures()?.instructions)
}

/// Replies while other clients have sent half a request and are silent.
fn beside_stalled(guest: &mut Guest<'_>, exchange: &Exchange, stalled: usize) -> Result<Row> {
    let half = &exchange.request[..exchange.request.len() / 2];
    let stall = |_| {
        let mut client = Guest::connect()?;
        client.write_all(half)?;
        Ok(client)
    };
    let others = (0..stalled).map(stall).collect::<Result<Vec<_>>>()?;
    let row = replies(guest, exchange)?;
    drop(others);
    Ok(row)
}

fn beside_slow_reader(guest: &mut Guest<'_>) -> Result<Row> {
    let mut slow = Guest::connect()?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_slowly(&mut slow, &done));
        let row = replies(guest, &GET_INLINE);
        done.store(true, Ordering::Relaxed);
        reader.join().expect("the slow reader doesn't panic")?;
        row
    })
}

fn read_slowly(client: &mut TcpStream, done: &AtomicBool) -> Result<()> {
    let requests = LONG_REQUEST.repeat(SLOW_WINDOW);
    while !done.load(Ordering::Relaxed) {
        client.write_all(&requests)?;
        for _ in 0..SLOW_WINDOW {
            let mut bytes = [0; SLOW_READ_LEN];
            client.read_exact(&mut bytes)?;
            sleep(SLOW_PAUSE);
        }
    }
    Ok(())
}

/// Microseconds from request to reply on one connection, as percentiles, and what the guest executed for each.
fn replies(guest: &mut Guest<'_>, exchange: &Exchange) -> Result<Row> {
    let mut client = Guest::connect()?;
    exchange.run(&mut client)?;
    let mut times_us = Vec::with_capacity(REQUESTS);
    let instructions = guest.instructions(|| {
        for _ in 0..REQUESTS {
            let start = Instant::now();
            exchange.run(&mut client)?;
            times_us.push(start.elapsed().as_micros() as u64);
        }
        Ok(())
    })?;
    times_us.sort_unstable();
    let at = |permille: usize| times_us[(REQUESTS * permille / 1000).min(REQUESTS - 1)];
    Ok(BTreeMap::from([
        ("half".to_owned(), at(500)),
        ("90 %".to_owned(), at(900)),
        ("99 %".to_owned(), at(990)),
        ("all".to_owned(), at(1000)),
        ("instructions".to_owned(), instructions / REQUESTS as u64),
    ]))
}
