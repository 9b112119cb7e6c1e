//! Bytes and packets of reading one value, counted at the interface: RESP against HTTP, and the classic.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::contenders::{self, FEW};
use super::results::{Row, Wire};
use crate::exchanges::{Exchange, GET_ARRAY, GET_INLINE, HELLO};
use crate::guest::Guest;
use harness::namespace::TAP;
use harness::workspace::Workspace;

/// A `GET` as curl sends it.
const HTTP: &[u8] = b"GET /lm35 HTTP/1.1\r\nHost: 10.0.2.15:3000\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
/// The operations of one measurement.
pub const OPERATIONS: u64 = 100;
/// Longer than any acknowledgement is put off, and than a silence that says that all of a reply is here.
const PAUSE: Duration = Duration::from_millis(60);
const SILENCE: Duration = Duration::from_millis(500);

/// Builds what is measured.
pub fn build(workspace: &Workspace) -> Result<()> {
    contenders::build_shipped(workspace, "hello", FEW)?;
    contenders::build_shipped(workspace, "device", FEW)?;
    contenders::build_picoserve(workspace)
}

/// Measures it, in a namespace with a tap.
pub fn measure(workspace: &Workspace) -> Result<Wire> {
    let mut wire = Wire::default();
    let device = contenders::shipped(workspace, "device", FEW);
    Guest::run(workspace, "bench", &device, |guest| {
        resource(guest, &mut wire, "RESP, inline", &GET_INLINE)?;
        resource(guest, &mut wire, "RESP, array", &GET_ARRAY)
    })?;
    let picoserve = contenders::picoserve(workspace);
    Guest::run(workspace, "bench", &picoserve, |guest| resource(guest, &mut wire, "HTTP, picoserve", &http()?))?;
    let hello = contenders::shipped(workspace, "hello", FEW);
    Guest::run(workspace, "bench", &hello, |guest| {
        let one = || {
            let mut client = Guest::connect()?;
            HELLO.run(&mut client)?;
            ensure!(client.read(&mut [0])? == 0, "more than the reply");
            Ok(())
        };
        wire.connection.insert("classic hello".to_owned(), count(guest, one)?);
        Ok(())
    })?;
    Ok(wire)
}

/// The exchange with picoserve, which listens.
pub fn http() -> Result<Exchange> {
    Ok(Exchange { request: HTTP, reply: b"HTTP/1.1 200 ", reply_len: reply_len(HTTP)? })
}

/// One way to read a value: on a connection that stays open, at once and one by one, and on one of its own.
fn resource(guest: &mut Guest<'_>, wire: &mut Wire, name: &str, exchange: &Exchange) -> Result<()> {
    let mut client = Guest::connect()?;
    exchange.run(&mut client)?;
    wire.at_once.insert(name.to_owned(), count(guest, || exchange.run(&mut client))?);
    let single = || {
        exchange.run(&mut client)?;
        sleep(PAUSE);
        Ok(())
    };
    wire.one_by_one.insert(name.to_owned(), count(guest, single)?);
    drop(client);
    wire.connection.insert(name.to_owned(), count(guest, || exchange.run(&mut Guest::connect()?))?);
    Ok(())
}

/// The costs of all operations: bytes and packets at the interface, and instructions.
fn count(guest: &mut Guest<'_>, mut operation: impl FnMut() -> Result<()>) -> Result<Row> {
    // Packets that are still under way belong to the operation before.
    operation()?;
    sleep(PAUSE);
    let before = counters()?;
    let instructions = guest.instructions(|| {
        (0..OPERATIONS).try_for_each(|_| operation())?;
        sleep(PAUSE);
        Ok(())
    })?;
    let mut row: Row = counters()?.into_iter().map(|(name, after)| (name.to_owned(), after - before[name])).collect();
    row.insert("instructions".to_owned(), instructions);
    Ok(row)
}

/// The interface's counters. The interface is the client's: its sent packets are the device's received ones.
fn counters() -> Result<BTreeMap<&'static str, u64>> {
    let table = fs::read_to_string("/proc/net/dev")?;
    counters_of(&table, TAP).with_context(|| format!("no {TAP} in the kernel's table of interfaces"))
}

fn counters_of(table: &str, interface: &str) -> Option<BTreeMap<&'static str, u64>> {
    let line = table.lines().find_map(|line| line.trim().strip_prefix(interface)?.strip_prefix(':'))?;
    let values: Vec<u64> = line.split_whitespace().map_while(|value| value.parse().ok()).collect();
    let [bytes_from, packets_from, _, _, _, _, _, _, bytes_to, packets_to, ..] = values[..] else { return None };
    Some(BTreeMap::from([
        ("bytes to", bytes_to),
        ("bytes from", bytes_from),
        ("packets to", packets_to),
        ("packets from", packets_from),
    ]))
}

/// How long the reply is that a request gets on a connection that stays open.
fn reply_len(request: &[u8]) -> Result<usize> {
    let mut client = Guest::connect()?;
    client.set_read_timeout(Some(SILENCE))?;
    client.write_all(request)?;
    let mut reply = [0; 1024];
    let mut len = 0;
    loop {
        match client.read(&mut reply[len..]) {
            Ok(0) => return Ok(len),
            Ok(more) => len += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(len),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let table =
            "Inter-|   Receive\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n  tap0: 10 20 0 0 0 0 0 0 30 40 0 0 0 0 0 0\n";
        let counters = counters_of(table, "tap0").unwrap();
        assert_eq!(counters["bytes to"], 30);
        assert_eq!(counters["packets from"], 20);
        assert!(counters_of(table, "tap1").is_none());
    }
}
