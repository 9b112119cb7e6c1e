//! The page in a headless Chromium, without a chip. The page loads, and ESP Web Tools accepts the browser. Every part
//! of every manifest is listed and can be fetched.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::daemon::{Server, free_port};
use harness::process::{bound, finish, on_path, show};
use harness::workspace::Workspace;

use super::{Image, page};

/// The names that Chromium goes by.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The longest that Chromium may take.
const LIMIT: Duration = Duration::from_secs(90);
/// How long the page has to fetch and show what is there, in the browser's own time.
const BUDGET_MS: &str = "20000";
/// The page's mark that all parts are listed.
const READY: &str = "data-state=\"ready\"";
/// The attribute that ESP Web Tools sets where the browser can reach a serial port.
const SUPPORTED: &str = "install-supported";

/// The browser of this machine.
///
/// # Errors
/// There is none.
pub fn chromium() -> Result<PathBuf> {
    let found = PROGRAMS.iter().find_map(|name| on_path(name));
    found.context("there is no Chromium: install Debian's package chromium")
}

/// Opens the page and reads what it shows. Leaves a picture of it beside the release.
pub fn check(workspace: &Workspace, folder: &Path, images: &[Image]) -> Result<()> {
    let chromium = chromium()?;
    let port = free_port()?.to_string();
    let mut server = bound("python3");
    server.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(folder).arg(&port);
    Server::start_silent(workspace, "dist-page", server)?.test(|_| {
        wait_for(&port)?;
        let address = format!("http://127.0.0.1:{port}/");
        let picture = workspace.target.join("dist-page.png");
        let shown = open(&chromium, workspace, &address, &[&format!("--screenshot={}", picture.display())])?;
        ensure!(shown.contains(READY), "the page is not ready: {}", tail(&shown));
        let buttons = shown.matches(SUPPORTED).count();
        ensure!(buttons >= super::PROGRAMS.len(), "ESP Web Tools doesn't find this browser fit: {}", tail(&shown));
        for image in images {
            let family = page::chip_family(image.chip)?;
            for (file, offset, len) in &image.parts {
                let row = format!("<td>{family}</td><td>{offset:#x}</td><td>{file}</td><td>{len}</td>");
                ensure!(shown.contains(&row), "the page doesn't list {file} at {offset:#x} for {family}");
            }
        }
        println!("dist: Chromium lists every part; its picture is {}", workspace.relative(&picture).display());
        Ok(())
    })
}

fn wait_for(port: &str) -> Result<()> {
    let start = Instant::now();
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        if start.elapsed() > LIMIT {
            bail!("the page's server does not listen");
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The page after its scripts have run, as HTML.
fn open(chromium: &Path, workspace: &Workspace, address: &str, more: &[&str]) -> Result<String> {
    let mut command = Command::new("timeout");
    command.arg(LIMIT.as_secs().to_string()).arg(chromium);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]);
    command.arg(format!("--user-data-dir={}", workspace.target.join("dist-browser").display()));
    command.args(["--window-size=900,1100", &format!("--virtual-time-budget={BUDGET_MS}"), "--dump-dom"]);
    command.args(more).arg(address);
    println!("$ {}", show(&command));
    let output = finish(&mut command)?;
    ensure!(
        output.status.success(),
        "Chromium ended with {}: {}",
        output.status,
        tail(&String::from_utf8_lossy(&output.stderr))
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn tail(text: &str) -> &str {
    let start = text.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
    &text[start..]
}
