//! Wired parts of the bare-metal device: scanned, read, pulled out, plugged in, restarted, and set aside. Before that a
//! rule sets an output, also after a restart.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::daemon::{Server, free_port};
use harness::emulator::{self, Network};
use harness::workspace::Workspace;

use crate::cli::Cli;

/// The parts on the pins of the simulated board, beside those of the factory's wiring.
const WIRED: [(&str, &str); 7] = [
    ("wiring.room", "bme280 sda=6 scl=7"),
    ("wiring.light", "bh1750 sda=6 scl=7"),
    ("wiring.cellar", "ds18b20 pin=4 rom=28a051000000001a"),
    ("wiring.attic", "dht22 pin=5 period=2s"),
    ("wiring.tank", "adc pin=1"),
    ("wiring.meter", "counter pin=3"),
    ("wiring.door", "input pin=10"),
];
/// The keys that these give.
const KEYS: [&str; 11] = [
    "room.temperature",
    "room.humidity",
    "room.pressure",
    "light",
    "cellar",
    "attic.temperature",
    "attic.humidity",
    "tank",
    "meter",
    "meter.rate",
    "door",
];
/// A sensor that was plugged in again has a value after its longest pause and a sample.
const BACK: Duration = Duration::from_secs(90);
/// For events that come within seconds, and on a busy machine later.
const SOON: Duration = Duration::from_secs(60);
/// The line that the machine prints when it has booted.
const LISTENING: &str = "listening on port";
/// Boots that fail before the wiring is set aside.
const FAILED_BOOTS: usize = 2;

/// The job.
pub fn job(workspace: &Workspace) -> Result<()> {
    let elf = emulator::build(workspace, "device", None)?;
    let port = free_port()?;
    let server = Server::start(workspace, "wiring", emulator::machine(&elf, &Network::User(port)))?;
    let device = Cli::new("127.0.0.1", port, None);
    server.test(|server| {
        follow_rule(server, &device)?;
        wire(&device)?;
        pull_out(server, &device)?;
        restart(server, &device)?;
        set_aside(server, &device)?;
        println!("wiring: {} readings, pulled out, plugged in, restarted, set aside", KEYS.len());
        Ok(())
    })
}

fn has(device: &Cli, keys: &[&str], count: usize) -> Result<bool> {
    Ok(device.ask(&[&["EXISTS"], keys].concat())?.trim() == count.to_string())
}

/// With the wiring from the factory.
fn follow_rule(server: &mut Server, device: &Cli) -> Result<()> {
    let is_on = |device: &Cli| Ok(device.ask(&["GET", "led"])?.trim() == "1");
    let stored = device.ask(&["CONFIG", "SET", "rule.light", "when lm35 > 5 for 1s set led 1 lost 0"])?;
    ensure!(stored.trim() == "OK", "{stored}");
    device.wait("that a rule sets an output", SOON, is_on)?;
    restart_machine(server, device)?;
    device.wait("that a rule sets an output after a restart", SOON, is_on)?;
    let status = device.ask(&["RULE", "STATUS"])?;
    ensure!(status.lines().any(|line| line == "true"), "{status}");
    let removed = device.ask(&["CONFIG", "SET", "rule.light", ""])?;
    ensure!(removed.trim() == "OK", "{removed}");
    Ok(())
}

fn wire(device: &Cli) -> Result<()> {
    let found = device.ask(&["WIRING", "SCAN", "sda=6", "scl=7"])?;
    ensure!(found.split_whitespace().eq(["0x23", "bh1750", "0x76", "bme280", "bmp280"]), "a scan found {found}");
    let found = device.ask(&["WIRING", "SCAN", "pin=4"])?;
    ensure!(found.matches("ds18b20").count() == 2, "a scan found {found}");
    let words: Vec<_> = WIRED.iter().flat_map(|(name, spec)| [*name, *spec]).collect();
    // The board's eight things are too many.
    let refused = device.ask(&[&["CONFIG", "SET"], words.as_slice()].concat())?;
    ensure!(refused.contains("8 things are wired already"), "ten things: {refused}");
    let words = [&["CONFIG", "SET", "wiring.led", "", "wiring.relay", ""], words.as_slice()].concat();
    let stored = device.ask(&words)?;
    ensure!(stored.trim() == "OK", "{stored}");
    device.wait("that all is read", SOON, |device| has(device, &KEYS, KEYS.len()))
}

fn pull_out(server: &mut Server, device: &Cli) -> Result<()> {
    server.ask(b"dht22 bme280\n", "pulled out")?;
    let left = ["attic.humidity", "room.pressure", "light", "cellar"];
    device.wait("that what is pulled out has no value", SOON, |device| has(device, &left, 2))?;
    let status = device.ask(&["WIRING", "STATUS"])?;
    ensure!(status.matches("no answer").count() == 2, "{status}");
    server.ask(b"\n", "pulled out")?;
    device.wait("that all is read again", BACK, |device| has(device, &KEYS, KEYS.len()))
}

fn restart_machine(server: &mut Server, device: &Cli) -> Result<()> {
    let known = server.times(LISTENING);
    let answer = device.ask(&["RESTART"])?;
    ensure!(answer.trim() == "OK", "{answer}");
    server.wait_for_times(LISTENING, known + 1)
}

fn restart(server: &mut Server, device: &Cli) -> Result<()> {
    restart_machine(server, device)?;
    device.wait("that all is read after a restart", SOON, |device| has(device, &KEYS, KEYS.len()))
}

/// Boots that fail set the wiring aside, and whoever changes it puts it in force again.
fn set_aside(server: &mut Server, device: &Cli) -> Result<()> {
    for _ in 0..FAILED_BOOTS {
        server.ask(b"reset\n", LISTENING)?;
    }
    device.wait("that the wiring is set aside", SOON, |device| {
        Ok(device.ask(&["WIRING", "STATUS"])?.contains("set aside") && has(device, &KEYS, 0)?)
    })?;
    device.ask(&["CONFIG", "SET", "wiring.tank", "adc pin=1 period=2s"])?;
    device.wait("that all is read after a change", SOON, |device| has(device, &KEYS, KEYS.len()))
}
