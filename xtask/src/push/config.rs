//! A device that runs is told by CONFIG SET where its samples go, which, and how often: into Redis, then to another
//! device, then nowhere.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::redis::{Redis, TOKEN, node};
use crate::cli::{Cli, Entries};
use harness::daemon::Server;
use harness::daemon::free_port;
use harness::process::bound;
use harness::workspace::Workspace;

const LIMIT: Duration = Duration::from_secs(60);
/// Samples that show that they come, or that they don't: these are a second apart.
const SOME: usize = 3;
/// Longer than the time between two samples.
const PERIOD_MS: u64 = 3_000;
/// Periods that are watched.
const PERIODS: usize = 4;
/// The least time that the watched periods take. The first sample may be a period late, which the next doesn't make up
/// for. The last may be half a second early: the sample closest to the time is the one. A stall changes neither.
const SPAN_MS_MIN: u64 = (PERIODS as u64 - 1) * PERIOD_MS - 500;

/// The test.
pub fn check(workspace: &Workspace) -> Result<()> {
    let port = free_port()?;
    let _redis = Redis::start(workspace, "push-config", port, Some(TOKEN))?;
    let stored = Cli::new("127.0.0.1", port, Some(TOKEN));
    let (receiver, barn) = device(workspace, "push-receiver")?;
    let (sender, kitchen) = device(workspace, "push-sender")?;
    sender.test(|_| receiver.test(|_| walk(&kitchen, &barn, &stored, port)))
}

/// A simulated device that was told nothing when it was started.
fn device(workspace: &Workspace, name: &str) -> Result<(Server, Cli)> {
    let port = free_port()?;
    // The device needs a folder, because its settings have to last.
    let state = workspace.target.join(format!("{name}-state"));
    if state.exists() {
        fs::remove_dir_all(&state)?;
    }
    fs::create_dir_all(&state)?;
    let mut command = bound(workspace.release_program("sockeye"));
    command.args(["sim", "--listen", &format!("127.0.0.1:{port}"), "--state"]).arg(&state);
    Ok((Server::start(workspace, name, command)?, Cli::new("127.0.0.1", port, None)))
}

fn set(device: &Cli, pairs: &[&str]) -> Result<()> {
    let answer = device.ask(&[&["CONFIG", "SET"], pairs].concat())?;
    ensure!(answer.trim() == "OK", "CONFIG SET {pairs:?}: {answer}");
    Ok(())
}

fn walk(kitchen: &Cli, barn: &Cli, stored: &Cli, port: u16) -> Result<()> {
    let node = node(kitchen)?;
    let stream = |name: &str| format!("history:{node}.{name}");
    let own = |name: &str| format!("history:{name}");
    let run_id = || {
        kitchen
            .ask(&["INFO", "server"])
            .map(|info| info.lines().find(|line| line.starts_with("run_id")).map(str::to_owned))
    };
    let first_run = run_id()?;
    kitchen.wait("some samples", LIMIT, |kitchen| Ok(kitchen.stream(&own("lm35"))?.len() >= SOME))?;
    ensure!(stored.ask(&["KEYS", "*"])?.trim().is_empty(), "it pushes before it is told to");

    set(kitchen, &["push.to", &format!("127.0.0.1:{port}"), "push.token", TOKEN, "push.names", "lm35"])?;
    stored.wait("that samples come", LIMIT, |stored| Ok(stored.stream(&stream("lm35"))?.len() >= SOME))?;
    ensure!(stored.ask(&["KEYS", "*"])?.trim() == stream("lm35"), "others come too");

    set(kitchen, &["push.period", &PERIOD_MS.to_string()])?;
    let since = end(kitchen, &own("lm35"))?;
    let times = || Ok::<_, anyhow::Error>(times_after(&stored.stream(&stream("lm35"))?, since));
    stored.wait("that rarer samples come", LIMIT, |_| Ok(times()?.len() > PERIODS))?;
    let times = times()?;
    ensure!(times[PERIODS] - times[0] >= SPAN_MS_MIN, "the samples since are not {PERIOD_MS} ms apart: {times:?}");

    set(kitchen, &["push.names", "upt*", "push.period", "0"])?;
    let since = end(kitchen, &own("lm35"))?;
    stored.wait("that another reading comes", LIMIT, |stored| Ok(stored.stream(&stream("uptime"))?.len() >= SOME))?;
    wait_for_more(kitchen, &own("lm35"), since)?;
    let later = times_after(&stored.stream(&stream("lm35"))?, since);
    ensure!(later.is_empty(), "a reading that isn't wanted any more still comes: {later:?} after {since:?}");

    set(kitchen, &["push.to", &barn.address(), "push.token", "", "push.names", "lm35"])?;
    let since = end(kitchen, &own("uptime"))?;
    barn.wait("that the other device has the reading", LIMIT, |barn| {
        Ok(!barn.ask(&["GET", &format!("{node}.lm35")])?.trim().is_empty())
    })?;
    wait_for_more(kitchen, &own("uptime"), since)?;
    let later = times_after(&stored.stream(&stream("uptime"))?, since);
    ensure!(later.is_empty(), "Redis still gets samples: {later:?} after {since:?}");

    set(kitchen, &["push.to", ""])?;
    let since = end(kitchen, &own("lm35"))?;
    kitchen.wait("that the connection ends", LIMIT, |kitchen| Ok(kitchen.pushed("connected")? == 0))?;
    wait_for_more(kitchen, &own("lm35"), since)?;
    let later = times_after(&barn.stream(&stream("lm35"))?, since);
    ensure!(later.is_empty() && kitchen.pushed("connected")? == 0, "samples come from nowhere: {later:?}");
    ensure!(run_id()? == first_run && first_run.is_some(), "the device has restarted");
    println!("push by CONFIG SET: to Redis, rarer, another reading, to a device, nowhere, without a restart");
    Ok(())
}

/// The ID of a stream's last sample.
fn end(server: &Cli, key: &str) -> Result<(u64, u64)> {
    let samples = server.stream(key)?;
    Ok(*samples.keys().last().with_context(|| format!("{key} has no sample"))?)
}

/// When those samples were measured, milliseconds, that have a later ID than this. A sample has one ID everywhere, since
/// the device has a clock.
fn times_after(samples: &Entries, since: (u64, u64)) -> Vec<u64> {
    samples.keys().filter(|id| **id > since).map(|(ms, _)| *ms).collect()
}

/// Waits until the device has measured some samples since this one: these may not go where samples went before.
fn wait_for_more(device: &Cli, key: &str, since: (u64, u64)) -> Result<()> {
    let what = format!("that more samples are measured in {key}");
    device.wait(&what, LIMIT, |device| Ok(times_after(&device.stream(key)?, since).len() > SOME))
}
