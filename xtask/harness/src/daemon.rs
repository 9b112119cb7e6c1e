//! A server under test: a process whose console goes to a file, and which never outlives its test.

use std::fs::{self, File};
use std::io::Write;
use std::mem::forget;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{SHORT, run_quietly, show};
use crate::workspace::Workspace;

/// The boot line after which a server answers.
const READY: &str = "listening on port";
/// The longest to wait for a line of the console; QEMU on a busy machine takes a few seconds.
const LINE_LIMIT: Duration = Duration::from_secs(60);
const LINE_POLL: Duration = Duration::from_millis(20);
/// The same where the line comes at once.
const ASK_POLL: Duration = Duration::from_millis(1);
/// How much of the console an error shows.
const TAIL_LINES: usize = 20;

/// A running server.
pub struct Server {
    child: Child,
    console: PathBuf,
}

impl Server {
    /// Starts `command` with its console in `target/consoles/NAME.log`, and waits until it listens.
    pub fn start(workspace: &Workspace, name: &str, command: Command) -> Result<Self> {
        let mut server = Self::start_silent(workspace, name, command)?;
        server.wait_for(READY)?;
        Ok(server)
    }

    /// The same for a program that doesn't say when it is ready.
    pub fn start_silent(workspace: &Workspace, name: &str, mut command: Command) -> Result<Self> {
        let folder = workspace.target.join("consoles");
        fs::create_dir_all(&folder)?;
        let console = folder.join(format!("{name}.log"));
        println!("$ {} > {}", show(&command), workspace.relative(&console).display());
        Ok(Self { child: spawn(&mut command, &console)?, console })
    }

    /// Waits until the console shows `text`.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait_for_times(text, 1)
    }

    /// How often the console shows `text`.
    pub fn times(&self, text: &str) -> usize {
        self.text().matches(text).count()
    }

    /// Waits until the console shows `text` so often.
    pub fn wait_for_times(&mut self, text: &str, times: usize) -> Result<()> {
        let start = Instant::now();
        while self.times(text) < times {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}) before it printed `{text}`; its console:\n{}", self.tail());
            }
            if start.elapsed() > LINE_LIMIT {
                bail!("no `{text}` within {} s; the server's console:\n{}", LINE_LIMIT.as_secs(), self.tail());
            }
            sleep(LINE_POLL);
        }
        Ok(())
    }

    /// The process's number. The launcher that binds the server to this program becomes the server, so the number is
    /// the server's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types on the console, and waits for the line that the server prints then, which contains `answer`.
    pub fn ask(&mut self, typed: &[u8], answer: &str) -> Result<String> {
        let lines = |text: &str| text.matches(answer).count();
        let known = lines(&self.text());
        self.child.stdin.as_mut().context("the console takes no input")?.write_all(typed)?;
        let start = Instant::now();
        while start.elapsed() < LINE_LIMIT {
            let text = self.text();
            // The last line may be printed by half.
            let printed = text.rsplit_once('\n').map_or("", |(printed, _)| printed);
            if lines(printed) > known {
                let line = printed.lines().rev().find(|line| line.contains(answer)).unwrap_or_default();
                return Ok(line.to_owned());
            }
            sleep(ASK_POLL);
        }
        bail!("no `{answer}` within {} s; the server's console:\n{}", LINE_LIMIT.as_secs(), self.tail())
    }

    /// Runs a test against the server. A failure shows the end of the console; a server that ended by itself is one.
    pub fn test(mut self, test: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if let Err(error) = test(&mut self) {
            println!("the server's console ends with\n{}", self.tail());
            return Err(error);
        }
        match self.child.try_wait()? {
            Some(status) => bail!("the server ended during the test ({status}); its console:\n{}", self.tail()),
            None => Ok(()),
        }
    }

    /// Stops the process until the value is dropped, as if the machine had no time for it.
    pub fn pause(&self) -> Result<Paused> {
        let paused = Paused(self.id());
        signal("STOP", paused.0)?;
        let start = Instant::now();
        while !is_stopped(paused.0)? {
            if start.elapsed() > LINE_LIMIT {
                bail!("the server doesn't stop within {} s", LINE_LIMIT.as_secs());
            }
            sleep(ASK_POLL);
        }
        Ok(paused)
    }

    /// All that the console shows so far.
    pub fn text(&self) -> String {
        fs::read(&self.console).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

/// A server whose process is stopped.
pub struct Paused(u32);

impl Drop for Paused {
    fn drop(&mut self) {
        // Fails only where the process is gone already.
        let _ = signal("CONT", self.0);
    }
}

/// The shell has `kill` where no package brings one.
fn signal(name: &str, id: u32) -> Result<()> {
    run_quietly(Command::new("sh").args(["-c", &format!("kill -s {name} {id}")]), SHORT)
}

/// Whether all threads of a process have stopped.
fn is_stopped(id: u32) -> Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // The state follows the name, which may have any character (proc(5)).
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        if !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T')) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Ports that Linux gives to no client (`net.ipv4.ip_local_port_range`).
const PORTS: Range<u16> = 22_000..32_000;

/// A port of this machine that nobody listens on, and that this function gives to nobody else on this machine until this
/// process ends. The mark of that is a UDP socket on the port of that number, which Linux closes with the process.
pub fn free_port() -> Result<u16> {
    // Each process begins elsewhere, so that a port rests before it is used again.
    let first = process::id().wrapping_mul(61) % PORTS.len() as u32;
    let mut ports = PORTS.cycle().skip(first as usize).take(PORTS.len());
    ports.find(|port| take(*port)).context("no port of loopback is free")
}

/// Takes the port, unless somebody has it.
fn take(port: u16) -> bool {
    let Ok(mark) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { return false };
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    if is_free {
        forget(mark);
    }
    is_free
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command, console: &Path) -> Result<Child> {
    let log = File::create(console)?;
    command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("can't start `{}`", show(command)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;

    fn workspace(name: &str) -> Workspace {
        let target = env::temp_dir().join(format!("sockeye-xtask-{name}-{}", std::process::id()));
        Workspace { root: target.clone(), target }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_free_port_is_none_that_was_given_before() {
        let ports: std::collections::BTreeSet<_> = (0..100).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 100);
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }

    /// A server may take its time to listen, and another process asks for a port meanwhile.
    #[test]
    fn a_port_that_was_given_is_not_given_to_another_process() {
        let port = free_port().unwrap();
        assert!(!take(port));
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "the server can listen");
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_given() {
        let port = free_port().unwrap();
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1));
        assert_ne!(free_port().unwrap(), port + 1, "{server:?}");
    }

    #[test]
    fn a_server_is_ended_when_its_test_is_over() {
        let workspace = workspace("ended");
        let server = Server::start(&workspace, "server", shell("echo listening on port 1; exec sleep 60")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", server.child.id()));
        assert!(process.exists());
        server.test(|_| Ok(())).unwrap();
        assert!(!process.exists());
        fs::remove_dir_all(&workspace.target).unwrap();
    }

    #[test]
    fn a_server_answers_what_is_typed() {
        let workspace = workspace("asked");
        let script = "echo listening on port 1; while read word; do echo heard $word; done; exec sleep 60";
        let server = Server::start(&workspace, "server", shell(script)).unwrap();
        server
            .test(|server| {
                assert_eq!(server.ask(b"one\n", "heard")?, "heard one");
                assert_eq!(server.ask(b"two\n", "heard")?, "heard two");
                Ok(())
            })
            .unwrap();
        fs::remove_dir_all(&workspace.target).unwrap();
    }

    #[test]
    fn a_server_that_is_paused_does_nothing() {
        let workspace = workspace("paused");
        let script = "echo listening on port 1; while read word; do echo heard $word; done";
        let server = Server::start(&workspace, "server", shell(script)).unwrap();
        server
            .test(|server| {
                let paused = server.pause()?;
                assert!(is_stopped(server.id())?);
                drop(paused);
                assert_eq!(server.ask(b"one\n", "heard")?, "heard one");
                Ok(())
            })
            .unwrap();
        fs::remove_dir_all(&workspace.target).unwrap();
    }

    #[test]
    fn a_server_that_ends_before_or_during_its_test_is_a_failure() {
        let workspace = workspace("fails");
        let before = Server::start(&workspace, "before", shell("echo no network; exit 1")).err().unwrap();
        assert!(before.to_string().contains("no network"), "{before}");
        let server = Server::start(&workspace, "during", shell("echo listening on port 1; read word")).unwrap();
        let during = server.test(|server| {
            server.child.stdin.as_mut().unwrap().write_all(b"end\n")?;
            while server.child.try_wait()?.is_none() {
                sleep(ASK_POLL);
            }
            Ok(())
        });
        assert!(during.unwrap_err().to_string().contains("ended during"));
        fs::remove_dir_all(&workspace.target).unwrap();
    }
}
