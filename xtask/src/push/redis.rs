//! The simulated device pushes into Redis, which keeps its streams in an append-only file, while connections are cut and
//! Redis is killed and started again. In the end its streams have exactly the device's samples.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::proxy::Proxy;
use crate::cli::{Cli, Entries};
use harness::daemon::Server;
use harness::daemon::free_port;
use harness::process::bound;
use harness::workspace::Workspace;

pub const TOKEN: &str = "correct-horse";
/// Two readings, so that the outbox lasts for half a minute.
const PATTERN: &str = "[lu]*";
const READINGS: [&str; 2] = ["lm35", "uptime"];
/// One cut of so many is followed by a restart of Redis.
const CUTS_FOR_RESTART: u32 = 10;
/// The longest that Redis is away.
const AWAY_MS: u64 = 1_500;
/// How often the device is asked for its samples, of which it keeps 64.
const LOOK: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(60);

/// Redis, which keeps its streams in a folder.
pub struct Redis {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    token: Option<&'static str>,
    server: Child,
}

impl Redis {
    /// Starts it with an empty folder of this name, and waits until it answers.
    pub fn start(workspace: &Workspace, name: &str, port: u16, token: Option<&'static str>) -> Result<Self> {
        let folder = workspace.target.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let program = harness::redis_server::server(workspace)?;
        let server = spawn(&program, &folder, port, token)?;
        let redis = Self { program, folder, port, token, server };
        let cli = Cli::new("127.0.0.1", port, token);
        cli.wait("that Redis answers", LIMIT, |cli| Ok(cli.ask(&["PING"])? == "PONG"))?;
        Ok(redis)
    }

    /// Kills it as a power cut of its machine's service would, and starts it again after `away`.
    fn restart(&mut self, away: Duration) -> Result<()> {
        self.server.kill()?;
        self.server.wait()?;
        sleep(away);
        self.server = spawn(&self.program, &self.folder, self.port, self.token)?;
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn spawn(program: &Path, folder: &Path, port: u16, token: Option<&str>) -> Result<Child> {
    let mut command: Command = bound(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "yes"]);
    // By default Redis answers before it writes, where an earlier fsync takes long: a slow disk would lose samples that
    // have been answered for. Without fsync it writes first, and what is written outlives the process.
    command.args(["--appendfsync", "no", "--requirepass", token.unwrap_or_default(), "--dir"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("can't start redis-server")
}

/// The test.
pub fn check(workspace: &Workspace, cuts: u32, seed: u64) -> Result<()> {
    let port = free_port()?;
    let mut redis = Redis::start(workspace, "push-redis", port, Some(TOKEN))?;
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), seed)?;
    let device_port = free_port()?;
    let mut device = bound(workspace.release_program("sockeye"));
    device.args(["sim", "--listen", &format!("127.0.0.1:{device_port}"), "--push-to"]);
    device.args([&format!("127.0.0.1:{}", proxy.port), "--push-token", TOKEN, "--push-names", PATTERN]);
    let server = Server::start(workspace, "push-device", device)?;
    let (device, stored) = (Cli::new("127.0.0.1", device_port, None), Cli::new("127.0.0.1", port, Some(TOKEN)));
    server.test(|_| {
        let mut random = fastrand::Rng::with_seed(seed);
        let node = node(&device)?;
        let (mut sent, mut looked) = (READINGS.map(|_| Entries::new()), Instant::now());
        let (mut restarts, mut known) = (0, 0);
        // Of each few connections one loses a reply, so the second condition ends soon after the first.
        while proxy.cuts() < cuts || proxy.lost() == 0 {
            sleep(Duration::from_millis(50));
            let now = proxy.cuts();
            if now / CUTS_FOR_RESTART != known / CUTS_FOR_RESTART {
                redis.restart(Duration::from_millis(random.u64(..AWAY_MS)))?;
                restarts += 1;
            }
            known = now;
            if looked.elapsed() > LOOK {
                look(&device, &mut sent)?;
                looked = Instant::now();
            }
        }
        proxy.calm();
        look(&device, &mut sent)?;
        let ends = sent.each_ref().map(|sent| *sent.keys().last().expect("samples"));
        let is_there = |stored: &Cli| {
            let are = READINGS.iter().zip(ends).map(|(name, end)| {
                Ok(stored.stream(&format!("history:{node}.{name}"))?.keys().last().is_some_and(|last| *last >= end))
            });
            are.collect::<Result<Vec<_>>>().map(|are| are.iter().all(|is| *is))
        };
        stored.wait("that all samples are there", LIMIT, is_there)?;
        ensure!(device.pushed("dropped")? == 0, "the outbox was too small for this test");
        let mut samples = 0;
        for ((name, sent), end) in READINGS.iter().zip(&sent).zip(ends) {
            let mut stored = stored.stream(&format!("history:{node}.{name}"))?;
            stored.retain(|id, _| *id <= end);
            samples += sent.len();
            compare(name, sent, &stored)?;
        }
        // A sample whose reply was lost is sent again, and the reply to that is not lost any more.
        device.wait("that a sample is sent again", LIMIT, |device| Ok(device.pushed("repeated")? > 0))?;
        let (lost, repeated, connections) = (proxy.lost(), device.pushed("repeated")?, device.pushed("connections")?);
        println!(
            "push to Redis: {known} cuts, {lost} of them lost a reply, {restarts} restarts, {connections} connections, \
             {repeated} samples sent again that had arrived: {samples} samples, each stored once"
        );
        Ok(())
    })
}

/// The device's name.
pub fn node(device: &Cli) -> Result<String> {
    let text = device.ask(&["CONFIG", "GET", "device.name"])?;
    Ok(text.lines().last().context("the device has no name")?.to_owned())
}

/// Takes down the device's own samples.
fn look(device: &Cli, sent: &mut [Entries]) -> Result<()> {
    for (name, sent) in READINGS.iter().zip(sent) {
        let samples = device.stream(&format!("history:{name}"))?;
        let is_gapless = sent.is_empty() || samples.keys().any(|id| sent.contains_key(id));
        ensure!(is_gapless, "the device was asked for its samples too late");
        sent.extend(samples);
    }
    Ok(())
}

fn compare(name: &str, sent: &Entries, stored: &Entries) -> Result<()> {
    let missing: Vec<_> = sent.keys().filter(|id| !stored.contains_key(id)).collect();
    let strange: Vec<_> = stored.keys().filter(|id| !sent.contains_key(id)).collect();
    if sent != stored {
        bail!("{name}: of {} samples {missing:?} are missing, and {strange:?} were never measured", sent.len());
    }
    Ok(())
}
