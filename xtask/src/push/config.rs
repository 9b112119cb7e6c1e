//! A device that runs is told by CONFIG SET where its samples go, which, and how often: into Redis, then to another
//! device, then nowhere.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::redis::{Redis, TOKEN, node};
use crate::cli::Cli;
use harness::daemon::Server;
use harness::daemon::free_port;
use harness::process::bound;
use harness::workspace::Workspace;

const LIMIT: Duration = Duration::from_secs(30);
/// Longer than the time between two samples.
const PERIOD_MS: u64 = 3_000;
/// So long nothing may come that is not wanted any more: samples are a second apart.
const SILENCE: Duration = Duration::from_secs(4);

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
    let len = |name: &str| Ok::<_, anyhow::Error>(stored.stream(&stream(name))?.len());
    let run_id = || {
        kitchen
            .ask(&["INFO", "server"])
            .map(|info| info.lines().find(|line| line.starts_with("run_id")).map(str::to_owned))
    };
    let first_run = run_id()?;
    sleep(SILENCE);
    ensure!(stored.ask(&["KEYS", "*"])?.trim().is_empty(), "it pushes before it is told to");

    set(kitchen, &["push.to", &format!("127.0.0.1:{port}"), "push.token", TOKEN, "push.names", "lm35"])?;
    stored.wait("that samples come", LIMIT, |_| Ok(len("lm35")? >= 3))?;
    ensure!(stored.ask(&["KEYS", "*"])?.trim() == stream("lm35"), "others come too");

    // Samples are as far apart as the period from now on.
    set(kitchen, &["push.period", &PERIOD_MS.to_string()])?;
    let known = len("lm35")?;
    stored.wait("that rarer samples come", LIMIT, |_| Ok(len("lm35")? >= known + 4))?;
    let times: Vec<_> = stored.stream(&stream("lm35"))?.keys().map(|(ms, _)| *ms).collect();
    let are_apart = times[known + 1..].windows(2).all(|pair| pair[1] - pair[0] >= PERIOD_MS);
    ensure!(are_apart, "the samples since are not {PERIOD_MS} ms apart: {times:?}");

    set(kitchen, &["push.names", "upt*", "push.period", "0"])?;
    stored.wait("that another reading comes", LIMIT, |_| Ok(len("uptime")? >= 3))?;
    let known = len("lm35")?;
    sleep(SILENCE);
    ensure!(len("lm35")? == known, "a reading that isn't wanted any more still comes");

    set(kitchen, &["push.to", &barn.address(), "push.token", "", "push.names", "lm35"])?;
    barn.wait("that the other device has the reading", LIMIT, |barn| {
        Ok(!barn.ask(&["GET", &format!("{node}.lm35")])?.trim().is_empty())
    })?;
    let known = len("uptime")?;
    sleep(SILENCE);
    ensure!(len("uptime")? == known, "Redis still gets samples");

    set(kitchen, &["push.to", ""])?;
    sleep(Duration::from_secs(1));
    let known = barn.stream(&stream("lm35"))?;
    sleep(SILENCE);
    ensure!(barn.stream(&stream("lm35"))? == known && kitchen.pushed("connected")? == 0, "samples come from nowhere");
    ensure!(run_id()? == first_run && first_run.is_some(), "the device has restarted");
    println!("push by CONFIG SET: to Redis, rarer, another reading, to a device, nowhere, without a restart");
    Ok(())
}
