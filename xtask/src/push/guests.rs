//! Two bare-metal guests on one bridge: `kitchen` measures a temperature and pushes it to `barn`.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cli::Cli;
use harness::daemon::Server;
use harness::emulator::{self, GUEST_PORT, Network};
use harness::namespace::make_bridge;
use harness::workspace::Workspace;

const TOKEN: &str = "correct-horse";
/// `kitchen`'s reading at `barn`, and its samples.
const REMOTE: &str = "kitchen.lm35";
const STREAM: &str = "history:kitchen.lm35";
/// The messages that a subscriber waits for.
const MESSAGES: usize = 4;
/// The samples that wait before `barn` is started again. An outbox has room for 64, so a machine may take half a minute
/// to start it.
const WAITING: u32 = 8;
const LIMIT: Duration = Duration::from_secs(60);

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
    kitchen.test(|kitchen| {
        reads(&b)?;
        listens(workspace, &b)?;
        barn = outlives_a_restart(workspace, kitchen, &a, &b, barn.take()).map(Some)?;
        value(&b).map(drop)
    })?;
    expires(&b)?;
    let last = *b.stream(STREAM)?.keys().last().context("samples")?;
    let kitchen = KITCHEN.start(workspace)?;
    let barn = barn.context("barn was started again")?;
    kitchen.test(|_| barn.test(|_| goes_on_after_a_reboot(&b, last)))
}

/// Waits until `kitchen` has a value at `barn`, where a value lasts for as long as samples come.
fn value(b: &Cli) -> Result<f64> {
    let value = Cell::new(None);
    b.wait("a value", LIMIT, |b| {
        value.set(b.ask(&["GET", REMOTE])?.parse().ok());
        Ok(value.get().is_some())
    })?;
    value.get().context("a value")
}

/// `kitchen`'s temperature, read from `barn`.
fn reads(b: &Cli) -> Result<()> {
    let celsius = value(b)?;
    ensure!((20.0..30.0).contains(&celsius), "it has {celsius} degrees");
    ensure!(b.ask(&["TYPE", STREAM])? == "stream");
    ensure!(b.ask(&["HGET", "meta:kitchen.lm35", "kind"])? == "remote");
    println!("guests: barn says that it has {celsius} degrees in kitchen");
    Ok(())
}

/// A subscriber at `barn` is told of each of `kitchen`'s samples, in order and once.
fn listens(workspace: &Workspace, b: &Cli) -> Result<()> {
    let known = b.stream(STREAM)?;
    let last = *known.keys().last().context("samples")?;
    let subscriber = Server::start_silent(workspace, "push-subscriber", b.command(&["SUBSCRIBE", REMOTE]))?;
    let mut told = Vec::new();
    subscriber.test(|subscriber| {
        let message = format!("message\n{REMOTE}\n");
        subscriber.wait_for_times(&message, MESSAGES)?;
        // A message's value follows its channel. The last may be printed by half.
        let text = subscriber.text();
        told.extend(text.split(&message).skip(1).take(MESSAGES - 1).map(|value| value.trim_end().to_owned()));
        Ok(())
    })?;
    let stored: Vec<_> = b.stream(STREAM)?.into_iter().filter(|(id, _)| *id > last).map(|(_, value)| value).collect();
    ensure!(stored.windows(told.len()).any(|values| values == told), "told {told:?}, stored {stored:?}");
    println!("guests: a subscriber at barn was told of each of {MESSAGES} samples");
    Ok(())
}

/// `barn` is killed, and started again: what `kitchen` measured meanwhile is there, once.
fn outlives_a_restart(
    workspace: &Workspace,
    kitchen: &Server,
    a: &Cli,
    b: &Cli,
    barn: Option<Server>,
) -> Result<Server> {
    // The test has to know the samples that `barn` has when it is killed, so none may come in between. Frames that
    // `kitchen` has sent are in the queue of `barn`'s network card, before those of the question.
    let paused = kitchen.pause()?;
    let mut known = b.stream(STREAM)?;
    drop(barn);
    drop(paused);
    a.wait("that samples wait for barn", LIMIT, |a| Ok(a.pushed("waiting")? >= WAITING))?;
    let barn = BARN.start(workspace)?;
    a.wait("a new connection", LIMIT, |a| Ok(a.pushed("connected")? == 1 && a.pushed("waiting")? == 0))?;
    ensure!(a.pushed("dropped")? == 0, "the outbox was too small");
    let later = b.stream(STREAM)?;
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
    b.wait("that there is no value", LIMIT, |b| Ok(b.ask(&["GET", REMOTE])?.is_empty()))?;
    ensure!(b.ask(&["TYPE", REMOTE])? == "none");
    ensure!(!b.stream(STREAM)?.is_empty());
    println!("guests: kitchen is gone, and so is its value");
    Ok(())
}

/// `kitchen` has no clock: after a reboot its time since boot begins anew, and its stream at `barn` goes on.
fn goes_on_after_a_reboot(b: &Cli, last: (u64, u64)) -> Result<()> {
    value(b)?;
    b.wait("three samples", LIMIT, |b| Ok(b.stream(STREAM)?.keys().filter(|id| **id > last).count() >= 3))?;
    println!("guests: kitchen is back, and its stream goes on");
    Ok(())
}
