//! The Node.js clients: their own tests, then `hello.js` against a server on the host and in QEMU.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::conformance::host_server;
use harness::daemon::{Server, free_port};
use harness::emulator::{self, Network};
use harness::process::{SHORT, finish, run, show};
use harness::workspace::Workspace;

use crate::programs;

/// The longest that all of the clients' own tests may take.
const TESTS: Duration = Duration::from_secs(300);
/// The message that the client is to send.
const MESSAGE: &str = "hello from Node";

/// The job.
pub fn job(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace)?;
    run(Command::new("node").args(["--test", "--test-reporter=spec"]).current_dir(&folder), TESTS)?;

    programs::host(workspace)?;
    let (command, address) = host_server(workspace)?;
    let (_, port) = address.rsplit_once(':').expect("an address has a port");
    against(workspace, "node-host", command, port)?;
    refused(workspace, port)?;

    let elf = emulator::build(workspace, "hello", None)?;
    let port = free_port()?;
    against(workspace, "node-qemu", emulator::machine(&elf, &Network::User(port)), &port.to_string())
}

fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.root.join("clients/node");
    if !folder.join("hello.js").is_file() {
        bail!("there is no clients/node/hello.js");
    }
    Ok(folder)
}

fn client(workspace: &Workspace, port: &str) -> Result<Command> {
    // `timeout` ends a client that doesn't end by itself.
    let mut command = Command::new("timeout");
    command.arg(SHORT.as_secs().to_string()).arg("node").current_dir(folder(workspace)?);
    command.args(["hello.js", "127.0.0.1", port, MESSAGE]);
    Ok(command)
}

/// The client prints the server's answer, and the server's console shows what the client sent.
fn against(workspace: &Workspace, name: &str, command: Command, port: &str) -> Result<()> {
    let server = Server::start(workspace, name, command)?;
    server.test(|server| {
        let mut client = client(workspace, port)?;
        println!("$ {}", show(&client));
        let output = finish(&mut client)?;
        let [printed, complaint] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        if !output.status.success() || !printed.contains("Hello World") {
            bail!("the client ended with {} and printed: {printed}{complaint}", output.status);
        }
        print!("{printed}");
        server.wait_for(MESSAGE)
    })
}

/// Nobody listens any more: the client says so and ends with status 1.
fn refused(workspace: &Workspace, port: &str) -> Result<()> {
    let output = finish(&mut client(workspace, port)?)?;
    if output.status.code() != Some(1) || output.stderr.is_empty() {
        bail!(
            "refused, the client ended with {} and complained: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
