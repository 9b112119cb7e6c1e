//! Two bare-metal guests on one bridge: `kitchen` measures a temperature and pushes it to `barn`.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cli::Cli;
use harness::daemon::Server;
use harness::emulator::{self, GUEST_PORT, Network};
use harness::namespace::make_bridge;
use harness::workspace::Workspace;

const TOKEN: &str = "correct-horse";
/// How long after its last sample a remote reading has no value any more, at `barn`.
const EXPIRE_MS: u64 = 5_000;
/// How long `barn` is away: less than the 64 samples of an outbox.
const AWAY: Duration = Duration::from_secs(8);
const LIMIT: Duration = Duration::from_secs(30);

/// A guest: its name, the device of its network card, its address, what it is told.
struct Guest {
    name: &'static str,
    tap: &'static str,
    address: &'static str,
    words: &'static str,
}

const KITCHEN: Guest = Guest {
    name: "kitchen",
    tap: "tap0",
    address: "10.0.2.15",
    words: "push.to=10.0.2.16:3000 push.token=correct-horse push.names=lm35",
};
const BARN: Guest =
    Guest { name: "barn", tap: "tap1", address: "10.0.2.16", words: "auth.token=correct-horse remote.expire=5" };

impl Guest {
    fn start(&self, workspace: &Workspace) -> Result<Server> {
        let Self { name, tap, address, words } = self;
        let elf = emulator::built(workspace, "device")?;
        let mut machine = emulator::machine(&elf, &Network::Bridged(tap, address));
        let words = format!("address={address} device.name={name} {words}");
        emulator::tell(workspace, &mut machine, &format!("push-{name}"), &words)?;
        Server::start(workspace, &format!("push-{name}"), machine)
    }
}

/// The test.
pub fn check(workspace: &Workspace) -> Result<()> {
    make_bridge(&[KITCHEN.tap, BARN.tap])?;
    let mut barn = Some(BARN.start(workspace)?);
    let kitchen = KITCHEN.start(workspace)?;
    let a = Cli::new(KITCHEN.address, GUEST_PORT, None);
    let b = Cli::new(BARN.address, GUEST_PORT, Some(TOKEN));
    kitchen.test(|_| {
        reads(&b)?;
        listens(&b)?;
        barn = outlives_a_restart(workspace, &a, &b, barn.take()).map(Some)?;
        Ok(())
    })?;
    expires(&b)?;
    let kitchen = KITCHEN.start(workspace)?;
    let barn = barn.context("barn was started again")?;
    kitchen.test(|_| barn.test(|_| goes_on_after_a_reboot(&b)))
}

/// `kitchen`'s temperature, read from `barn`.
fn reads(b: &Cli) -> Result<()> {
    b.wait("a value", LIMIT, |b| Ok(!b.ask(&["GET", "kitchen.lm35"])?.is_empty()))?;
    let celsius: f64 = b.ask(&["GET", "kitchen.lm35"])?.parse()?;
    ensure!((20.0..30.0).contains(&celsius), "it has {celsius} degrees");
    ensure!(b.ask(&["TYPE", "history:kitchen.lm35"])? == "stream");
    ensure!(b.ask(&["HGET", "meta:kitchen.lm35", "kind"])? == "remote");
    println!("guests: barn says that it has {celsius} degrees in kitchen");
    Ok(())
}

/// A subscriber at `barn` is told of each of `kitchen`'s samples.
fn listens(b: &Cli) -> Result<()> {
    let mut subscriber = Subscriber(b.command(&["SUBSCRIBE", "kitchen.lm35"]).stdout(Stdio::piped()).spawn()?);
    sleep(Duration::from_secs(5));
    subscriber.0.kill()?;
    let mut text = String::new();
    let output = subscriber.0.stdout.take().context("its output")?;
    std::io::Read::read_to_string(&mut { output }, &mut text)?;
    let messages = text.matches("message\nkitchen.lm35\n").count();
    ensure!((3..=6).contains(&messages), "{messages} messages in 5 s:\n{text}");
    println!("guests: a subscriber at barn was told of {messages} samples in 5 s");
    Ok(())
}

struct Subscriber(Child);

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `barn` is killed, and started again: what `kitchen` measured meanwhile is there, once.
fn outlives_a_restart(workspace: &Workspace, a: &Cli, b: &Cli, barn: Option<Server>) -> Result<Server> {
    // Just after a sample there is time until the next.
    let len = b.ask(&["XLEN", "history:kitchen.lm35"])?;
    b.wait("a further sample", LIMIT, |b| Ok(b.ask(&["XLEN", "history:kitchen.lm35"])? != len))?;
    let mut known = b.stream("history:kitchen.lm35")?;
    drop(barn);
    sleep(AWAY);
    let barn = BARN.start(workspace)?;
    a.wait("a new connection", LIMIT, |a| Ok(a.pushed("connected")? == 1 && a.pushed("waiting")? == 0))?;
    ensure!(a.pushed("dropped")? == 0, "the outbox was too small");
    let later = b.stream("history:kitchen.lm35")?;
    let both = later.keys().filter(|id| known.contains_key(id)).count();
    known.extend(later.clone());
    let last = *known.keys().last().context("samples")?;
    let mut measured = a.stream("history:lm35")?;
    measured.retain(|id, _| *id <= last);
    // A device keeps its last 64 samples. Samples of the first second may be older than the setting of the peer.
    known.retain(|id, _| measured.first_key_value().is_some_and(|(first, _)| id >= first));
    ensure!(measured == known, "measured {measured:?}\nat barn {known:?}");
    ensure!(both == 0, "{both} samples were sent again to a peer that had answered for them");
    println!(
        "guests: barn was away, and has all of {} samples, {} of them since, each once",
        measured.len(),
        later.len()
    );
    Ok(barn)
}

/// `kitchen` is gone: its value goes, its history stays.
fn expires(b: &Cli) -> Result<()> {
    let limit = Duration::from_millis(EXPIRE_MS) + Duration::from_secs(3);
    ensure!(!b.ask(&["GET", "kitchen.lm35"])?.is_empty(), "there is a value at first");
    b.wait("that there is no value", limit, |b| Ok(b.ask(&["GET", "kitchen.lm35"])?.is_empty()))?;
    ensure!(b.ask(&["TYPE", "kitchen.lm35"])? == "none");
    ensure!(!b.stream("history:kitchen.lm35")?.is_empty());
    println!("guests: kitchen is gone, and so is its value");
    Ok(())
}

/// `kitchen` has no clock: after a reboot its time since boot begins anew, and its stream at `barn` goes on.
fn goes_on_after_a_reboot(b: &Cli) -> Result<()> {
    let before = b.stream("history:kitchen.lm35")?;
    let last = *before.keys().last().context("samples")?;
    b.wait("a value", LIMIT, |b| Ok(!b.ask(&["GET", "kitchen.lm35"])?.is_empty()))?;
    b.wait("three samples", LIMIT, |b| {
        Ok(b.stream("history:kitchen.lm35")?.keys().filter(|id| **id > last).count() >= 3)
    })?;
    println!("guests: kitchen is back, and its stream goes on");
    Ok(())
}
