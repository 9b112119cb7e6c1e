//! The programs that the tests of servers run, built before the tests, so that the tests only wait for one another. The
//! servers of the benchmark on a host are built too: nothing else of the suite links these.

use anyhow::Result;
use harness::emulator;
use harness::process::{LONG, cargo, run};
use harness::workspace::{BENCH_HOST, Workspace};

use crate::{bad_wire, updates};

/// The bare-metal programs, but for the device, of which there are several builds.
const IMAGES: [&str; 3] = ["hello", "sensor", "bench"];

/// Builds all of them.
pub fn job(workspace: &Workspace) -> Result<()> {
    host(workspace)?;
    conformance(workspace)?;
    bad_wire::build(workspace)?;
    bench_host(workspace)?;
    IMAGES.iter().try_for_each(|bin| emulator::build(workspace, bin, None).map(drop))?;
    updates::build(workspace)
}

/// Builds `sockeye`, by itself as `cargo run --release` does: with another program its libraries would have other
/// features, and be compiled twice.
pub fn host(workspace: &Workspace) -> Result<()> {
    run(cargo(&workspace.root).args(["build", "--locked", "--release", "--package", "sockeye"]), LONG)
}

/// Builds the conformance suite.
pub fn conformance(workspace: &Workspace) -> Result<()> {
    run(cargo(&workspace.root).args(["build", "--locked", "--release", "--package", "sockeye-conformance"]), LONG)
}

/// Links the servers that `cargo xtask bench` compares on a host. Clippy does not find a symbol that nobody defines.
fn bench_host(workspace: &Workspace) -> Result<()> {
    let mut command = cargo(&workspace.root.join(BENCH_HOST));
    run(command.args(["build", "--locked"]).env("CARGO_TARGET_DIR", &workspace.target), LONG)
}
