//! The servers tested from outside, by the `conformance` program: on the host over loopback, and in QEMU over a tap.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use harness::daemon::{Server, free_port};
use harness::emulator::{self, GUEST, GUEST_PORT, Network};
use harness::namespace::{TAP, make_tap, run_inside};
use harness::process::{bound, run};
use harness::workspace::Workspace;

use crate::programs;

/// The slots that the suite is told of, and that both servers have.
const SLOTS: &str = "8";
/// The longest that the suite may take.
const SUITE: Duration = Duration::from_secs(600);

/// The servers to test.
#[derive(clap::Args)]
pub struct Args {
    /// One target, instead of both
    #[arg(value_enum)]
    target: Option<Target>,
    /// Set by this program where it runs itself again in a namespace that it made.
    #[arg(long, hide = true)]
    inside: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The program on this machine
    Host,
    /// The bare-metal image
    Qemu,
}

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.inside {
        return in_namespace(workspace);
    }
    if args.target != Some(Target::Qemu) {
        host(workspace)?;
    }
    if args.target != Some(Target::Host) {
        qemu(workspace)?;
    }
    Ok(())
}

/// The suite against the host program.
fn host(workspace: &Workspace) -> Result<()> {
    programs::host(workspace)?;
    programs::conformance(workspace)?;
    let (command, address) = host_server(workspace)?;
    let server = Server::start(workspace, "conformance-host", command)?;
    server.test(|_| run(suite(workspace, "host", &address).arg("--slots").arg(SLOTS), SUITE))
}

/// The suite against the bare-metal image. All programs are built before the network is gone.
fn qemu(workspace: &Workspace) -> Result<()> {
    programs::conformance(workspace)?;
    emulator::build(workspace, "hello", None)?;
    run_inside(&["conformance", "qemu", "--inside"])
}

fn in_namespace(workspace: &Workspace) -> Result<()> {
    make_tap()?;
    let elf = emulator::built(workspace, "hello")?;
    let machine = emulator::machine(&elf, &Network::Tap(TAP));
    let server = Server::start(workspace, "conformance-qemu", machine)?;
    let address = format!("{GUEST}:{GUEST_PORT}");
    server.test(|_| run(suite(workspace, "qemu", &address).args(["--slots", SLOTS, "--tap", TAP]), SUITE))
}

fn suite(workspace: &Workspace, target: &str, address: &str) -> Command {
    let mut command = bound(workspace.release_program("conformance"));
    command.args(["--target", target, "--address", address]);
    command
}

/// The host's hello server on a port that was free a moment ago, and its address.
pub fn host_server(workspace: &Workspace) -> Result<(Command, String)> {
    let address = format!("{}:{}", Ipv4Addr::LOCALHOST, free_port()?);
    let mut command = bound(workspace.release_program("sockeye"));
    command.args(["hello", "--listen", &address, "--slots", SLOTS]);
    Ok((command, address))
}
