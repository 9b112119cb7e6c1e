//! Stalled clients are nobody else's business.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::case::{Case, CaseResult};
use crate::limits::RECOVER_MAX;
use crate::slots;
use crate::target::Target;
use crate::test_client::ask;

pub const CASES: &[Case] = &[Case::new("latency_beside_stalled_clients", latency_beside_stalled_clients)];

/// Requests behind each median.
const REQUEST_COUNT: usize = 50;
/// Below this, a difference is the machine's noise and not the server's.
const NOISE_FLOOR: Duration = Duration::from_millis(1);

/// Noise only ever makes the server look slower, so the best of a few comparisons is the truest.
fn latency_beside_stalled_clients(target: &Target) -> CaseResult {
    const TRY_COUNT: usize = 3;
    // The first requests warm caches on both sides; they count for neither median.
    median_latency(target)?;
    let mut tries = Vec::new();
    for _ in 0..TRY_COUNT {
        let (idle, beside) = compare(target)?;
        let figures =
            format!("median {beside:.1?} beside {} stalled, {idle:.1?} on the idle server", target.slots_but_one());
        if beside <= (idle * 2).max(NOISE_FLOOR) {
            return Ok(figures);
        }
        tries.push(figures);
    }
    bail!("{}", tries.join("; "))
}

/// The median on the idle server, and the one beside stalled clients on all slots but one.
fn compare(target: &Target) -> Result<(Duration, Duration)> {
    let idle = median_latency(target).context("idle server")?;
    let stalled = slots::hold(target, target.slots_but_one())?;
    let beside = median_latency(target).context("beside stalled clients")?;
    for client in &stalled {
        ensure!(client.is_quiet()?, "a stalled client was sent away");
    }
    drop(stalled);
    slots::all_usable(target, RECOVER_MAX)?;
    Ok((idle, beside))
}

/// Half of the requests, from connecting to the end of the reply, are faster than this.
fn median_latency(target: &Target) -> Result<Duration> {
    let mut latencies = Vec::with_capacity(REQUEST_COUNT);
    for _ in 0..REQUEST_COUNT {
        let begin = Instant::now();
        ask(target, b"how fast?\n")?.expect_hello()?;
        latencies.push(begin.elapsed());
    }
    latencies.sort_unstable();
    Ok(latencies[REQUEST_COUNT / 2])
}
