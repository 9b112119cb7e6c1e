//! The figures, kept in a file beside the document that is made of them, so that one part can be measured again.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use harness::workspace::Workspace;

/// The file, from the repository's root.
const FILE: &str = "bench/results.toml";

/// Figures by what they are of. Tables keep their order by number, not by name.
pub type Row = BTreeMap<String, u64>;

/// All parts; those that were never measured are absent.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The machine and the versions of what was built and run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machine: BTreeMap<String, String>,
    /// Instructions of an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Instructions>,
    /// RAM and flash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Bytes and packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
    /// How soon a client is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Servers on a tap of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// The device beside Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
}

/// Bytes of the images.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    /// By program and kind, on the board in QEMU.
    pub programs: BTreeMap<String, Row>,
}

/// Bytes, packets and instructions of a hundred operations, by protocol.
#[derive(Default, Serialize, Deserialize)]
pub struct Wire {
    /// On a connection that stays open, one operation right after the other.
    pub at_once: BTreeMap<String, Row>,
    /// The same with a pause after each.
    pub one_by_one: BTreeMap<String, Row>,
    /// Each on a connection of its own.
    pub connection: BTreeMap<String, Row>,
}

/// How soon a client is answered.
#[derive(Default, Serialize, Deserialize)]
pub struct Latency {
    /// Microseconds in which part of the replies came, and instructions of each, by what others do meanwhile.
    pub replies: BTreeMap<String, Row>,
    /// Instructions from `main` to the end of the first reply.
    pub boot: Row,
}

/// Operations a second, and the server's processor time for each.
#[derive(Default, Serialize, Deserialize)]
pub struct Rates {
    /// By server.
    pub medians: BTreeMap<String, Row>,
    /// Of Sockeye's in the same round, the median of them.
    pub percent_of_sockeye: BTreeMap<String, Row>,
}

/// Requests per second of the simulated device and of a redis-server.
#[derive(Serialize, Deserialize)]
pub struct Redis {
    /// The redis-server's version.
    pub redis_version: String,
    /// Clients at once.
    pub clients: u64,
    /// Requests of each run.
    pub requests: u64,
    /// The request.
    pub tests: Vec<RedisTest>,
}

/// One kind of request.
#[derive(Serialize, Deserialize)]
pub struct RedisTest {
    /// redis-benchmark's name of it.
    pub test: String,
    /// Medians of the runs.
    pub redis_per_s: u64,
    /// The same.
    pub sockeye_per_s: u64,
    /// Sockeye's part of Redis's rate in each run.
    pub ratios_percent: Vec<u64>,
}

/// Guest instructions of one exchange.
#[derive(Default, Serialize, Deserialize)]
pub struct Instructions {
    /// By server and exchange.
    pub exchanges: BTreeMap<String, Row>,
    /// Of Sockeye's, those that run tasks and take interrupts, by exchange: found by a profile.
    #[serde(default)]
    pub scheduling: Row,
    /// By server and connections that are open.
    pub open: BTreeMap<String, BTreeMap<String, u64>>,
    /// The device, by what a client sends.
    pub device: Row,
    /// The classic server as it is shipped, which prints each request on the console.
    pub hello: u64,
    /// A second in which nobody sends anything, by program.
    pub idle_second: Row,
}

impl Results {
    /// The results of earlier runs; empty if there is no such file.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let file = workspace.root.join(FILE);
        if !file.is_file() {
            return Ok(Self::default());
        }
        toml::from_str(&fs::read_to_string(file)?).with_context(|| format!("read {FILE}"))
    }

    /// Keeps them.
    pub fn write(&self, workspace: &Workspace) -> Result<()> {
        let head = "# What `cargo xtask bench` measured last; docs/performance.md is made of it.\n";
        fs::write(workspace.root.join(FILE), format!("{head}\n{}", toml::to_string(self)?))?;
        Ok(())
    }
}
