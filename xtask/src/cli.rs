//! Asking a device or a Redis with redis-cli.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use harness::process::{bound, read};

const POLL: Duration = Duration::from_millis(100);

/// A server's address, and the token that it wants.
#[derive(Clone)]
pub struct Cli {
    host: String,
    port: u16,
    token: Option<&'static str>,
}

/// The entries of a stream: what each ID has.
pub type Entries = BTreeMap<(u64, u64), String>;

impl Cli {
    pub fn new(host: &str, port: u16, token: Option<&'static str>) -> Self {
        Self { host: host.to_owned(), port, token }
    }

    /// As `push.to` takes it.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = bound("redis-cli");
        command.args(["-h", &self.host, "-p", &self.port.to_string()]);
        if let Some(token) = self.token {
            command.args(["--no-auth-warning", "-a", token]);
        }
        command.args(words);
        command
    }

    /// The answer to a command.
    pub fn ask(&self, words: &[&str]) -> Result<String> {
        read(&mut self.command(words))
    }

    /// All of a stream. An ID that is there twice, or isn't greater than the one before, is an error.
    pub fn stream(&self, key: &str) -> Result<Entries> {
        let text = self.ask(&["XRANGE", key, "-", "+"])?;
        let lines: Vec<_> = text.lines().collect();
        let mut entries = Entries::new();
        for entry in lines.chunks(3) {
            let [id, "value", value] = entry else { bail!("{key} has an entry {entry:?}") };
            let (ms, seq) = id.split_once('-').context("an ID")?;
            let id = (ms.parse()?, seq.parse()?);
            if entries.last_key_value().is_some_and(|(last, _)| *last >= id) {
                bail!("{key} has {id:?} where it should not be");
            }
            entries.insert(id, (*value).to_owned());
        }
        Ok(entries)
    }

    /// A figure of a device's push, as INFO has it.
    pub fn pushed(&self, name: &str) -> Result<u32> {
        let info = self.ask(&["INFO", "device"])?;
        let line = info.lines().find_map(|line| line.strip_prefix("push:")).context("INFO has no push")?;
        let figure = line.trim().split(',').find_map(|figure| figure.strip_prefix(name)?.strip_prefix('='));
        Ok(figure.with_context(|| format!("no {name} in {line}"))?.parse()?)
    }

    /// Waits until `is_so`, which may fail as long as the server isn't there.
    pub fn wait(&self, what: &str, limit: Duration, is_so: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        loop {
            let result = is_so(self);
            if matches!(result, Ok(true)) {
                return Ok(());
            }
            if start.elapsed() > limit {
                let why = result.err().map(|error| format!(": {error:#}")).unwrap_or_default();
                bail!("{what} isn't so after {} s{why}", limit.as_secs());
            }
            sleep(POLL);
        }
    }
}
