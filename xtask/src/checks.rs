//! The checks that cargo brings: formatting, clippy, tests, documentation.

use std::process::Command;

use anyhow::Result;
use cargo_metadata::TargetKind;

use harness::chip::Chip;
use harness::firmware::{self, Firmware};
use harness::process::{LONG, SHORT, cargo, on_path, run};
use harness::redis_server;
use harness::toolchain::{Embedded, TARGETS};
use harness::workspace::{BENCH_BOARD as BOARD, BENCH_HOST as HOST, Workspace, metadata};

/// Workspaces of the host beside the main one: one needs a clock of its own, one a compiler's flags.
pub const SIMULATION: &str = "simulation";
pub const FUZZ: &str = "fuzz";

/// Formatting, of every workspace.
pub fn fmt(workspace: &Workspace) -> Result<()> {
    run(cargo(&workspace.root).args(["fmt", "--all", "--check"]), SHORT)?;
    for name in [SIMULATION, FUZZ, BOARD, HOST] {
        run(cargo(&workspace.root.join(name)).args(["fmt", "--all", "--check"]), SHORT)?;
    }
    for name in firmware::FOLDERS {
        let folder = Firmware::open(workspace, name)?.folder;
        run(cargo(&folder).args(["fmt", "--all", "--check"]), SHORT)?;
    }
    Ok(())
}

/// Clippy, warnings denied: host crates with their tests, and each firmware folder for one chip. A check leaves no
/// program behind, so workspaces of the same profile share a build folder, and with it what they have in common.
pub fn clippy(workspace: &Workspace) -> Result<()> {
    let deny = ["--", "--deny", "warnings"];
    run(cargo(&workspace.root).args(["clippy", "--locked", "--workspace", "--all-targets"]).args(deny), LONG)?;

    run(simulation(workspace).args(["clippy", "--locked", "--all-targets"]).args(deny), LONG)?;

    let mut command = cargo(&workspace.root.join(FUZZ));
    command.args(["clippy", "--locked", "--bins"]).args(deny).env("CARGO_TARGET_DIR", &workspace.target);
    run(&mut command, LONG)?;

    let toolchain = Embedded::find(workspace)?;
    let virt = Firmware::open(workspace, "qemu-virt")?;
    let mut command = virt.cargo(&toolchain, &[]);
    command.args(["clippy", "--locked", "--release", "--workspace", "--bins", "--target", TARGETS[0]]);
    run(command.args(deny), LONG)?;

    let mut command = cargo(&workspace.root.join(HOST));
    command.args(["clippy", "--locked", "--bins"]).args(deny).env("CARGO_TARGET_DIR", &workspace.target);
    run(&mut command, LONG)?;

    let board = Firmware::open_folder(workspace, BOARD)?;
    let mut command = board.cargo(&toolchain, &[]);
    command.args(["clippy", "--locked", "--release", "--bins", "--target", TARGETS[0]]).args(deny);
    run(command.env("CARGO_TARGET_DIR", &virt.target), LONG)?;

    let esp32 = Firmware::open(workspace, "esp32")?;
    let mut command = esp32.cargo(&toolchain, &[]);
    command.args(["clippy", "--locked", "--release", "--bins", "--features", Chip::Esp32c3.name()]);
    run(command.args(["--target", TARGETS[0]]).args(deny), LONG)
}

/// Unit tests, by nextest where it is installed, and doc tests.
pub fn unit(workspace: &Workspace) -> Result<()> {
    let tests: &[&str] = if on_path("cargo-nextest").is_some() {
        &["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]
    } else {
        &["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]
    };
    run(cargo(&workspace.root).args(tests), LONG)?;
    run(simulation(workspace).args(["test", "--locked", "--no-fail-fast"]), LONG)?;
    run(cargo(&workspace.root).args(["test", "--locked", "--workspace", "--doc"]), LONG)
}

/// The codec, the client and the device against Redis itself. The workspace's tests are selected by name, not by package:
/// for one package alone cargo would build the libraries again, with other features.
pub fn against_redis(workspace: &Workspace) -> Result<()> {
    let path = redis_server::path(workspace)?;
    let tests = ["test", "--locked", "--workspace", "--test", "redis", "--test", "walks", "--", "--ignored"];
    run(cargo(&workspace.root).args(tests).env("PATH", &path), LONG)?;
    let device = ["test", "--locked", "--test", "device", "--", "--ignored"];
    run(simulation(workspace).args(device).env("PATH", &path), LONG)
}

/// `cargo` for the simulation, whose target folder is its own.
pub fn simulation(workspace: &Workspace) -> Command {
    let mut command = cargo(&workspace.root.join(SIMULATION));
    command.env("CARGO_TARGET_DIR", workspace.target.join(SIMULATION));
    command
}

/// The library crates' documentation, warnings denied.
pub fn doc(workspace: &Workspace) -> Result<()> {
    let mut command = cargo(&workspace.root);
    command.args(["doc", "--locked", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings");
    for package in metadata(&workspace.root.join("Cargo.toml"))?.packages {
        if package.targets.iter().any(|target| target.kind.contains(&TargetKind::Lib)) {
            command.args(["--package", package.name.as_str()]);
        }
    }
    run(&mut command, LONG)
}
