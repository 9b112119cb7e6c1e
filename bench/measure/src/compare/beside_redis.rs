//! The simulated device beside a redis-server on this machine, by redis-benchmark.

use std::process::Command;

use anyhow::{Context, Result};

use harness::process::{LONG, cargo, read, run, show};
use harness::redis_server;
use harness::workspace::Workspace;

use super::results::Redis;

const PROGRAM: &str = "tests/clients/benchmark.py";
const REQUESTS: &str = "50000";

/// Builds the device.
pub fn build(workspace: &Workspace) -> Result<()> {
    redis_server::server(workspace)?;
    run(cargo(&workspace.root).args(["build", "--locked", "--release", "--package", "sockeye"]), LONG)
}

/// Runs both in turn.
pub fn measure(workspace: &Workspace) -> Result<Redis> {
    let mut command = Command::new("python3");
    command.arg(workspace.root.join(PROGRAM)).args(["--requests", REQUESTS, "--sockeye"]);
    command.arg(workspace.release_program("sockeye")).env("PATH", redis_server::path(workspace)?);
    println!("$ {}", show(&command));
    serde_json::from_str(&read(&mut command)?).with_context(|| format!("read what {PROGRAM} printed"))
}
