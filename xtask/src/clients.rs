//! Redis clients against the device: of today and of years ago, on the host and in QEMU.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use harness::daemon::Server;
use harness::daemon::free_port;
use harness::emulator::{self, Network};
use harness::process::{LONG, bound, run};
use harness::workspace::Workspace;

use crate::programs;

/// The longest that all clients may take against one device.
const MATRIX: Duration = Duration::from_secs(15 * 60);
const PROGRAM: &str = "tests/clients/run.py";

/// The job.
pub fn job(workspace: &Workspace) -> Result<()> {
    if !workspace.root.join(PROGRAM).is_file() {
        bail!("there is no {PROGRAM}");
    }
    run(matrix(workspace).arg("--setup"), LONG)?;

    programs::host(workspace)?;
    let port = free_port()?.to_string();
    let mut device = bound(workspace.release_program("sockeye"));
    device.args(["sim", "--listen", &format!("127.0.0.1:{port}")]);
    let device = Server::start(workspace, "clients-host", device)?;
    device.test(|_| run(matrix(workspace).args(["127.0.0.1", &port]), MATRIX))?;

    let elf = emulator::build(workspace, "device", None)?;
    let port = free_port()?;
    let device = Server::start(workspace, "clients-qemu", emulator::machine(&elf, &Network::User(port)))?;
    device.test(|_| run(matrix(workspace).args(["127.0.0.1", &port.to_string(), "--kind", "qemu"]), MATRIX))
}

fn matrix(workspace: &Workspace) -> Command {
    let mut command = Command::new("python3");
    command.arg(workspace.root.join(PROGRAM));
    command
}
