//! The device's page in a browser: what a person would trip over, and pictures of it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args as ClapArgs;

use harness::daemon::{Server, free_port};
use harness::process::{bound, download, run};
use harness::workspace::Workspace;

use crate::cli::Cli;
use crate::dist::browser::chromium;
use crate::programs;

const FOLDER: &str = "tests/page";
/// The port of a device, and of `sim` unless it is told another. The pictures of documents show it, so that port must be
/// free to write them.
const DEFAULT_PORT: u16 = 3000;
/// The longest that all pages may take.
const LIMIT: Duration = Duration::from_secs(300);
/// Commands before the page is opened: two rules, of which one looks at another device's reading, and that reading.
const COMMANDS: [&[&str]; 4] = [
    &["CONFIG", "SET", "rule.light", "when lm35 < 50 hysteresis 0.5 for 2s set led 1 else 0"],
    &["CONFIG", "SET", "rule.heater", "when kitchen.temperature < 19.5 and lm35 < 18 set relay 1 else 0 lost 0"],
    &["XADD", "history:kitchen.temperature", "*", "value", "20.4"],
    &["XADD", "history:kitchen.temperature", "*", "value", "20.6"],
];
/// The longest until the device answers, and until the rules have their conditions.
const READY: Duration = Duration::from_secs(60);
/// The pictures that documents show.
const PICTURES: [&str; 3] = ["page-readings-desktop-light", "page-readings-phone-dark", "page-reading-phone-light"];

#[derive(ClapArgs)]
pub struct Args {
    /// Writes the pictures of docs/ anew
    #[arg(long)]
    write: bool,
}

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let chromium = chromium()?;
    let folder = workspace.root.join(FOLDER);
    let install = ["install", "--no-package-lock", "--no-audit", "--no-fund"];
    download(Command::new("npm").args(install).current_dir(&folder))?;
    programs::host(workspace)?;
    let pictures = workspace.target.join("page");
    fs::create_dir_all(&pictures).with_context(|| format!("make {}", pictures.display()))?;
    let port = if args.write { DEFAULT_PORT } else { free_port()? };
    let address = format!("127.0.0.1:{port}");
    let mut device = bound(workspace.release_program("sockeye"));
    device.args(["sim", "--day", "--listen", &address]);
    Server::start(workspace, "page", device)?.test(|_| {
        let cli = Cli::new("127.0.0.1", port, None);
        cli.wait("the device", READY, |cli| Ok(cli.ask(&["PING"])?.trim() == "PONG"))?;
        for command in COMMANDS {
            let reply = cli.ask(command)?;
            ensure!(!reply.contains("ERR"), "{command:?}: {reply}");
        }
        cli.wait("the light", READY, |cli| Ok(cli.ask(&["GET", "led"])?.trim() == "1"))?;
        let mut node = Command::new("timeout");
        node.arg(LIMIT.as_secs().to_string()).args(["node", "page.js"]).current_dir(&folder);
        run(node.arg(&chromium).arg(format!("http://{address}")).arg(&pictures), LIMIT)
    })?;
    for picture in PICTURES.iter().filter(|_| args.write) {
        let file = format!("{picture}.png");
        let to = workspace.root.join("docs").join(&file);
        fs::copy(pictures.join(&file), &to).with_context(|| format!("write {}", to.display()))?;
    }
    Ok(())
}
