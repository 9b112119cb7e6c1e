//! The sensor node that is an example, on bare metal, and a Redis where it expects one.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::redis::Redis;
use crate::cli::Cli;
use harness::daemon::Server;
use harness::daemon::free_port;
use harness::emulator::{self, Network};
use harness::workspace::Workspace;

/// Where the guest finds this machine's port of Redis: the example says `10.0.2.2:6379`.
const PORT: u16 = 6379;
const LIMIT: Duration = Duration::from_secs(60);

/// The test. The namespace has no other Redis.
pub fn check(workspace: &Workspace) -> Result<()> {
    let _redis = Redis::start(workspace, "push-sensor", PORT, None)?;
    let stored = Cli::new("127.0.0.1", PORT, None);
    let machine = emulator::machine(&emulator::built(workspace, "sensor")?, &Network::User(free_port()?));
    Server::start_silent(workspace, "push-sensor", machine)?.test(|_| {
        let stream = "history:greenhouse.lm35";
        stored.wait("that the sensor's samples come", LIMIT, |stored| Ok(stored.stream(stream)?.len() >= 3))?;
        let samples = stored.stream(stream)?;
        let is_its = |value: &String| value.parse::<f32>().is_ok_and(|value| (20.0..30.0).contains(&value));
        ensure!(samples.values().all(is_its), "{samples:?}");
        println!("the sensor node: {} samples", samples.len());
        Ok(())
    })
}
