//! The log of the bare-metal device: read, pushed, and over a panic, a watchdog's reset and RESTART.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::daemon::{Server, free_port};
use harness::emulator::{self, Network};
use harness::workspace::Workspace;

use crate::cli::Cli;

const SOON: Duration = Duration::from_secs(60);
/// The line that the machine prints when it has booted.
const LISTENING: &str = "listening on port";
/// The device's token, which must not be in its log.
const TOKEN: &str = "correct-horse-battery";
/// Lines in the log.
const LINES_MAX: usize = 64;

/// The restarts: each with its line in the log, and its name in INFO.
const RESTARTS: [(Restart, &str, &str); 3] = [
    (Restart::Type(b"panic\n"), "the device has restarted, because it panicked at device/src/parts.rs:", "panic"),
    (Restart::Type(b"reset\n"), "the device has restarted, reason: watchdog", "watchdog"),
    (Restart::Command, "the device has restarted, reason: software", "software"),
];

#[derive(Clone, Copy)]
enum Restart {
    /// A line that is typed on the console.
    Type(&'static [u8]),
    /// The command.
    Command,
}

/// The job.
pub fn job(workspace: &Workspace) -> Result<()> {
    let elf = emulator::build(workspace, "device", None)?;
    let port = free_port()?;
    let mut machine = emulator::machine(&elf, &Network::User(port));
    emulator::tell(workspace, &mut machine, "log", "panic=restart")?;
    let server = Server::start(workspace, "log", machine)?;
    let device = Cli::new("127.0.0.1", port, None);
    server.test(|server| {
        for (restart, told, reason) in RESTARTS {
            boot_again(server, &device, restart, told, reason)?;
        }
        let kept = no_secret(&device)?;
        wraps(server, &device)?;
        println!("log: {kept} lines over a panic, a reset and RESTART, without a secret; then {LINES_MAX} and no more");
        Ok(())
    })
}

/// All lines of the log, the oldest first.
fn lines(device: &Cli) -> Result<Vec<String>> {
    let text = device.ask(&["XRANGE", "log", "-", "+"])?;
    let fields: Vec<_> = text.lines().collect();
    let is_line = |entry: &&[&str]| matches!(entry, [_, "line", _, "level", "notice" | "verbose" | "warning"]);
    ensure!(fields.chunks(5).all(|entry| is_line(&entry)), "the log is {text}");
    Ok(fields.chunks(5).map(|entry| entry[2].to_owned()).collect())
}

/// Whether the device answers, and has a log with all of these lines in this order.
fn has(device: &Cli, wanted: &[&str]) -> Result<bool> {
    let lines = lines(device)?;
    let mut lines = lines.iter();
    Ok(wanted.iter().all(|wanted| lines.any(|line| line.starts_with(wanted))))
}

fn boot_again(server: &mut Server, device: &Cli, restart: Restart, told: &str, reason: &str) -> Result<()> {
    // A line of this boot, which the network's coming and going makes.
    device.wait("the log of a boot", SOON, |device| has(device, &["Sockeye", LISTENING]))?;
    let before = lines(device)?;
    let known = server.times(LISTENING);
    match restart {
        Restart::Type(line) => drop(server.ask(line, LISTENING)?),
        Restart::Command => drop(device.ask(&["RESTART"])?),
    }
    server.wait_for_times(LISTENING, known + 1)?;
    device.wait("the lines from before a restart, and its reason", SOON, |device| {
        let lines = lines(device)?;
        Ok(lines.starts_with(&before) && lines[before.len()..].iter().any(|line| line.starts_with(told)))
    })?;
    let info = device.ask(&["INFO", "device"])?;
    ensure!(info.contains(&format!("reset_reason:{reason}")), "{info}");
    if reason == "panic" {
        let panicked = "panicked at device/src/parts.rs:";
        ensure!(has(device, &[panicked, "Sockeye", told])?, "what the panic said: {:?}", lines(device)?);
        ensure!(info.contains("last_panic:panicked at"), "{info}");
    }
    Ok(())
}

/// Secrets that a client sends are not in the log. Gives the number of lines.
fn no_secret(device: &Cli) -> Result<usize> {
    device.ask(&["CONFIG", "SET", "wifi.ssid", "home", "wifi.password", TOKEN])?;
    device.ask(&["CONFIG", "SET", "ap.passphrase", TOKEN])?;
    device.ask(&["AUTH", TOKEN])?;
    let lines = lines(device)?;
    ensure!(!lines.iter().any(|line| line.contains(TOKEN)), "a secret is in {lines:?}");
    Ok(lines.len())
}

/// Restarts until the log is full, and once more.
fn wraps(server: &mut Server, device: &Cli) -> Result<()> {
    let mut known = lines(device)?;
    while known.len() < LINES_MAX {
        server.ask(b"reset\n", LISTENING)?;
        device.wait("the log of one more boot", SOON, |device| Ok(lines(device)? != known))?;
        known = lines(device)?;
    }
    server.ask(b"reset\n", LISTENING)?;
    device.wait("the log of the last boot", SOON, |device| {
        let lines = lines(device)?;
        let gone = known.windows(lines.len() / 2).position(|part| lines.starts_with(part));
        Ok(lines.len() == LINES_MAX && gone.is_some_and(|gone| gone > 0))
    })
}
