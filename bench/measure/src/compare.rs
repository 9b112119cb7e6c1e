//! `cargo xtask bench`: what Sockeye costs, beside what others cost on the same exchanges, and the document of it.
//!
//! # Layout
//! - `contenders.rs`, `lwip.rs`: the programs that are compared.
//! - `cost.rs`: instructions of all of them; `memory.rs`: RAM and flash.
//! - `wire.rs`: bytes and packets; `response_time.rs`: how soon a client is answered.
//! - `beside_redis.rs`: the device beside Redis.
//! - `rates.rs`: servers on a tap of this machine.
//! - `results.rs`: what was measured; `report.rs`: the document that is made of it; `host_machine.rs`: where.

mod beside_redis;
mod contenders;
mod cost;
mod host_machine;
mod lwip;
mod memory;
mod rates;
mod report;
mod response_time;
mod results;
mod targets;
mod wire;

use anyhow::Result;
use clap::ValueEnum;

use harness::namespace::{make_tap, run_inside};
use harness::workspace::Workspace;
use results::Results;

pub use report::fault as document_fault;

/// The parts to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Parts, instead of all; the others stay in the document as they were measured last
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only writes the document again, from what was measured last
    #[arg(long, conflicts_with = "parts")]
    document: bool,
    /// Set by this program where it runs itself again in a namespace that it made.
    #[arg(long, hide = true)]
    inside: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Guest instructions
    Instructions,
    /// RAM and flash
    Memory,
    /// Bytes and packets
    Wire,
    /// How soon a client is answered
    Latency,
    /// Servers on a tap of this machine
    Rates,
    /// The device beside Redis
    Redis,
}

impl Part {
    fn build(self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Instructions => cost::build(workspace),
            Self::Memory => memory::build(workspace),
            Self::Wire => wire::build(workspace),
            Self::Latency => response_time::build(workspace),
            Self::Rates => rates::build(workspace),
            Self::Redis => beside_redis::build(workspace),
        }
    }

    fn measure(self, workspace: &Workspace, results: &mut Results) -> Result<()> {
        match self {
            Self::Instructions => results.instructions = Some(cost::measure(workspace)?),
            Self::Memory => results.memory = Some(memory::measure(workspace)?),
            Self::Wire => results.wire = Some(wire::measure(workspace)?),
            Self::Latency => results.latency = Some(response_time::measure(workspace)?),
            Self::Rates => results.rates = Some(rates::measure(workspace)?),
            Self::Redis => results.redis = Some(beside_redis::measure(workspace)?),
        }
        Ok(())
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The job. All programs are built before the network is gone.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.document {
        return report::write(workspace, &Results::read(workspace)?);
    }
    let parts = if args.parts.is_empty() { Part::value_variants() } else { &args.parts };
    if args.inside {
        make_tap()?;
        let mut results = Results::read(workspace)?;
        // One part that fails leaves the others as they were measured.
        for part in parts {
            part.measure(workspace, &mut results)?;
            results.write(workspace)?;
        }
        return Ok(());
    }
    parts.iter().try_for_each(|part| part.build(workspace))?;
    let names: Vec<_> = parts.iter().map(|part| part.name()).collect();
    run_inside(&[&["bench", "--inside"][..], &names.iter().map(String::as_str).collect::<Vec<_>>()].concat())?;
    let mut results = Results::read(workspace)?;
    results.machine = host_machine::describe();
    results.write(workspace)?;
    report::write(workspace, &results)
}
