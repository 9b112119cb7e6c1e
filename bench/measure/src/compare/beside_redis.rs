//! The simulated device beside a redis-server on this machine, by redis-benchmark.

use std::process::Command;

use anyhow::{Context, Result};

use super::results::Redis;
use crate::process::{LONG, cargo, read, run, show};
use crate::redis;
use crate::workspace::Workspace;

const PROGRAM: &str = "tests/clients/benchmark.py";
const REQUESTS: &str = "50000";

/// Builds the device.
pub fn build(workspace: &Workspace) -> Result<()> {
    redis::server(workspace)?;
    run(cargo(&workspace.root).args(["build", "--locked", "--release", "--package", "sockeye"]), LONG)
}

/// Runs both in turn.
pub fn measure(workspace: &Workspace) -> Result<Redis> {
    let mut command = Command::new("python3");
    command.arg(workspace.root.join(PROGRAM)).args(["--requests", REQUESTS, "--sockeye"]);
    command.arg(workspace.release_program("sockeye")).env("PATH", redis::path(workspace)?);
    println!("$ {}", show(&command));
    serde_json::from_str(&read(&mut command)?).with_context(|| format!("read what {PROGRAM} printed"))
}
