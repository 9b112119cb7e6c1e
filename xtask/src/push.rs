//! A device that pushes its samples: into Redis through a proxy that cuts connections, and from one bare-metal guest to
//! another over a bridge. CONFIG SET changes the peer while the device runs. The example of a sensor node is run too.
//!
//! - `cli.rs`: asking a server with redis-cli.
//! - `proxy.rs`: a proxy that cuts connections at any byte.
//! - `redis.rs`: the simulated device and Redis.
//! - `config.rs`: the same without options, told by CONFIG SET.
//! - `sensor.rs`: the example and Redis.
//! - `guests.rs`: two guests.

mod config;
mod guests;
mod proxy;
mod redis;
mod sensor;

use anyhow::Result;

use harness::emulator;
use harness::namespace::{begin, run_inside};
use harness::workspace::Workspace;

use crate::programs;

/// The parts to test.
#[derive(clap::Args)]
pub struct Args {
    /// Connections that are cut on the way to Redis
    #[arg(long, default_value_t = 200)]
    cuts: u32,
    /// Where the cuts are: the same number, the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Set by this program where it runs itself again in a namespace that it made.
    #[arg(long, hide = true)]
    inside: bool,
}

/// The job. All programs are built before the network is gone.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.inside {
        begin()?;
        redis::check(workspace, args.cuts, args.seed)?;
        config::check(workspace)?;
        sensor::check(workspace)?;
        return guests::check(workspace);
    }
    programs::host(workspace)?;
    for bin in ["device", "sensor"] {
        emulator::build(workspace, bin, None)?;
    }
    run_inside(&["push", "--inside", "--cuts", &args.cuts.to_string(), "--seed", &args.seed.to_string()])
}
