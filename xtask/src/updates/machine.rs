//! A machine that boots from its flash, and the sender of its updates.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::daemon::{Server, free_port};
use harness::emulator::{self, Network};
use harness::process::{bound, finish, show};
use harness::workspace::Workspace;

use crate::cli::Cli;
use crate::updates::builds::{FIRST, Images};

/// The line that the machine prints when it has booted.
const LISTENING: &str = "listening on port";
/// A machine on a busy host boots within this time, and ends a trial that nobody confirms.
const SOON: Duration = Duration::from_secs(120);

/// An erase of a sector takes a chip so long, typically, milliseconds.
pub const ERASE_MS: u64 = 45;

/// A machine with a flash of its own.
pub struct Machine<'w> {
    workspace: &'w Workspace,
    pub images: &'w Images,
    flash: PathBuf,
    port: u16,
    pub device: Cli,
    server: Option<Server>,
}

impl<'w> Machine<'w> {
    /// With the first version in its flash, and switched on.
    pub fn new(workspace: &'w Workspace, images: &'w Images) -> Result<Self> {
        let (flash, port) = (images.folder.join("flash.bin"), free_port()?);
        emulator::make_flash(&flash, &std::fs::read(images.file(FIRST))?)?;
        let device = Cli::new("127.0.0.1", port, None);
        let mut machine = Self { workspace, images, flash, port, device, server: None };
        machine.switch_on()?;
        Ok(machine)
    }

    /// A new process with the same flash.
    pub fn switch_on(&mut self) -> Result<()> {
        self.switch_on_with("", &[])
    }

    /// The same on a clock that counts instructions, 8 ns each, so that a busy host does not slow the machine's time. An
    /// erase takes as long as on a chip. All frames of the network card go to a file. A filter passes the frames on each
    /// 500 us of the machine's time. Without its timer QEMU may stamp a frame with the time of the last timer. While the
    /// machine is busy, that is up to 100 ms ago.
    pub fn switch_on_counted(&mut self, frames: &Path) -> Result<()> {
        let steps = "filter-buffer,id=steps,netdev=n,queue=tx,interval=500";
        let frames = format!("filter-dump,id=frames,netdev=n,file={}", emulator::option_value(frames));
        self.switch_on_with(
            &format!(" flash.erase={ERASE_MS}"),
            &["-icount", "shift=3", "-object", steps, "-object", &frames],
        )
    }

    fn switch_on_with(&mut self, words: &str, options: &[&str]) -> Result<()> {
        let network = Network::User(self.port);
        let mut command = emulator::machine_with_flash(&self.images.bootloader, &self.flash, &network);
        emulator::tell(self.workspace, &mut command, "updates", &format!("update.key={}{words}", self.images.key))?;
        command.args(options);
        self.server = Some(Server::start(self.workspace, "updates", command)?);
        self.wait_for_device()
    }

    /// Ends the process at once: what is not in the file of its flash is lost.
    pub fn cut_power(&mut self) {
        self.server = None;
    }

    /// Restarts the machine, as a watchdog does.
    pub fn reset(&mut self) -> Result<()> {
        self.server()?.ask(b"reset\n", LISTENING).map(drop)?;
        self.wait_for_device()
    }

    /// How often the console shows `text`.
    pub fn times(&self, text: &str) -> usize {
        self.server.as_ref().map_or(0, |server| server.times(text))
    }

    fn server(&mut self) -> Result<&mut Server> {
        self.server.as_mut().context("the machine is off")
    }

    pub fn wait_for_device(&self) -> Result<()> {
        self.device.wait("that the device answers", SOON, |device| Ok(device.ask(&["PING"])?.trim() == "PONG"))
    }

    /// Waits until this version runs, in this state.
    pub fn wait_for(&self, version: &str, state: &str) -> Result<()> {
        self.device.wait(&format!("that {version} is {state}"), SOON, |device| is(device, version, state))
    }

    /// This version runs, in this state, and the last update failed for this reason.
    pub fn check(&self, version: &str, state: &str, failure: &str) -> Result<()> {
        let status = self.device.ask(&["FIRMWARE", "STATUS"])?;
        // An empty last line is none.
        let told = status.lines().nth(FAILURE_LINE).unwrap_or_default();
        let is_so =
            is(&self.device, version, state)? && told.contains(failure) && told.is_empty() == failure.is_empty();
        ensure!(is_so, "expected {version}, {state}, `{failure}`, but it is\n{status}");
        Ok(())
    }

    /// The sender of an image, to this port of loopback or else to the machine's.
    pub fn sender(&self, image: &str, port: Option<u16>) -> Sender {
        let mut command = bound(self.workspace.release_program("sockeye"));
        command.arg("update").arg(format!("127.0.0.1:{}", port.unwrap_or(self.port))).arg(self.images.file(image));
        // A sender on a busy host has time to confirm. No test waits for the end of this: broken images end their trials.
        command.args(["--confirm-within", "120"]);
        Sender(command)
    }

    /// The address of the machine.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The lines of FIRMWARE STATUS that have the version, the state, and the reason of the last failure.
const VERSION_LINE: usize = 1;
const STATE_LINE: usize = 7;
const FAILURE_LINE: usize = 15;

fn is(device: &Cli, version: &str, state: &str) -> Result<bool> {
    let status = device.ask(&["FIRMWARE", "STATUS"])?;
    let lines: Vec<_> = status.lines().collect();
    Ok(lines.get(VERSION_LINE) == Some(&version) && lines.get(STATE_LINE) == Some(&state))
}

/// The program that sends an image.
pub struct Sender(Command);

impl Sender {
    /// Sends the image and confirms it. Returns what the sender has said about its progress.
    pub fn succeeds(mut self) -> Result<String> {
        let output = finish(&mut self.0)?;
        let progress = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "`{}` failed:\n{progress}", show(&self.0));
        Ok(progress)
    }

    /// Fails with this sentence.
    pub fn fails(mut self, sentence: &str) -> Result<()> {
        let output = finish(&mut self.0)?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success(), "`{}` did not fail", show(&self.0));
        ensure!(error.contains(sentence), "`{}` says not `{sentence}` but\n{error}", show(&self.0));
        Ok(())
    }

    /// Starts it, to be watched.
    pub fn start(mut self) -> Result<Watched> {
        let mut child = self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let progress = BufReader::new(child.stderr.take().context("the sender's progress")?);
        Ok(Watched { child, progress })
    }
}

/// A sender that runs.
pub struct Watched {
    child: Child,
    progress: BufReader<ChildStderr>,
}

impl Watched {
    /// Waits for a line of its progress with `text`.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        let mut said = String::new();
        while !said.lines().last().is_some_and(|line| line.contains(text)) {
            let len = self.progress.read_line(&mut said)?;
            ensure!(len > 0, "the sender ended before it said `{text}`, but\n{said}");
        }
        Ok(())
    }

    /// Ends it at once.
    pub fn stop(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Both fail only where the process is gone already.
        let _ = (self.child.kill(), self.child.wait());
    }
}
