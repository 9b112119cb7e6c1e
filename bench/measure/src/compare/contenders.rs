//! The programs that are measured, built and put aside: the next build of the same program takes its place.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::lwip;
use harness::emulator;
use harness::firmware::{Build, Firmware};
use harness::toolchain::{Embedded, TARGETS};
use harness::workspace::{BENCH_BOARD, Workspace};

/// Clients served at once by programs for few connections, and by those for many.
pub const FEW: usize = 8;
/// The same for many.
pub const MANY: usize = 32;

/// A server that answers the measured exchanges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Sockeye's server and listener.
    Sockeye,
    /// embassy-net's own sockets.
    EmbassyNet,
    /// C on lwIP, by the place among its variants.
    Lwip(usize),
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sockeye, Self::Lwip(0), Self::Lwip(1), Self::Lwip(2), Self::EmbassyNet];

    /// The name in tables.
    pub fn name(self) -> String {
        match self {
            Self::Sockeye => "Sockeye".to_owned(),
            Self::EmbassyNet => "embassy-net".to_owned(),
            Self::Lwip(variant) => format!("lwIP {}", lwip::VARIANTS[variant].0),
        }
    }

    /// Where its program for this many clients is.
    pub fn elf(self, workspace: &Workspace, slots: usize) -> PathBuf {
        let name = self.name().replace(' ', "");
        elf(workspace, &format!("{name}-{slots}"))
    }

    /// Builds it.
    pub fn build(self, workspace: &Workspace, slots: usize) -> Result<()> {
        let to = self.elf(workspace, slots);
        match self {
            Self::Sockeye => put_aside(&emulator::build(workspace, "bench", Some(&slots.to_string()))?, &to),
            Self::EmbassyNet => put_aside(&build_peer(workspace, "embassy-net", slots)?, &to),
            Self::Lwip(variant) => lwip::build(workspace, lwip::VARIANTS[variant].1, slots, &to),
        }
    }
}

/// Where a program is put aside.
fn elf(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target.join("bench/programs").join(format!("{name}.elf"))
}

/// Where a program of Sockeye as it is shipped is.
pub fn shipped(workspace: &Workspace, bin: &str, slots: usize) -> PathBuf {
    elf(workspace, &format!("{bin}-{slots}"))
}

/// Builds it.
pub fn build_shipped(workspace: &Workspace, bin: &str, slots: usize) -> Result<()> {
    put_aside(&emulator::build(workspace, bin, Some(&slots.to_string()))?, &shipped(workspace, bin, slots))
}

/// Where picoserve's program is.
pub fn picoserve(workspace: &Workspace) -> PathBuf {
    elf(workspace, "picoserve")
}

/// Builds it.
pub fn build_picoserve(workspace: &Workspace) -> Result<()> {
    put_aside(&build_peer(workspace, "picoserve", FEW)?, &picoserve(workspace))
}

/// Builds one of the Rust programs that Sockeye is compared with.
fn build_peer(workspace: &Workspace, bin: &str, slots: usize) -> Result<PathBuf> {
    let toolchain = Embedded::find(workspace)?;
    let slots = slots.to_string();
    let build = Build { bin, target: TARGETS[0], features: &[], settings: &[("SOCKEYE_SLOTS", &slots)] };
    Firmware::open_folder(workspace, BENCH_BOARD)?.build(&toolchain, &build)
}

fn put_aside(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file has a folder")?)?;
    fs::copy(from, to).with_context(|| format!("copy {}", from.display()))?;
    Ok(())
}
