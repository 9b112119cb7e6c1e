//! The ESP32 firmware: built where upstream Rust can, type-checked where it can't.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::Usage;
use crate::firmware::{Build, Firmware};
use crate::process::{LONG, run};
use crate::toolchain::{Embedded, Source, TARGETS};
use crate::workspace::Workspace;

/// The firmware's folder.
const FOLDER: &str = "esp32";

/// A chip that the firmware knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Chip {
    /// RISC-V, rv32imc
    Esp32c3,
    /// RISC-V, rv32imac
    Esp32c6,
    /// Xtensa
    Esp32,
    /// Xtensa
    Esp32s3,
}

impl Chip {
    /// The chips that upstream Rust builds for.
    pub const BUILT: [Self; 2] = [Self::Esp32c3, Self::Esp32c6];
    /// The chips that it only checks.
    pub const CHECKED: [Self; 2] = [Self::Esp32, Self::Esp32s3];

    /// Its name, which is its cargo feature and espflash's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Esp32c3 => "esp32c3",
            Self::Esp32c6 => "esp32c6",
            Self::Esp32 => "esp32",
            Self::Esp32s3 => "esp32s3",
        }
    }

    /// The compiler's target, for chips that can be built.
    fn target(self) -> Result<&'static str> {
        match self {
            Self::Esp32c3 => Ok(TARGETS[0]),
            Self::Esp32c6 => Ok(TARGETS[1]),
            Self::Esp32 | Self::Esp32s3 => Err(Usage(format!(
                "{} is an Xtensa chip: upstream Rust can only type-check it (`cargo xtask chips`); \
                 to build for it, install Espressif's compiler with espup",
                self.name()
            ))
            .into()),
        }
    }
}

/// Builds every program for the RISC-V chips, then checks all of it for the Xtensa chips.
pub fn job(workspace: &Workspace) -> Result<()> {
    let firmware = Firmware::open(workspace, FOLDER)?;
    for chip in Chip::BUILT {
        for bin in firmware.bins.keys() {
            build(workspace, chip, bin, &[])?;
        }
    }
    for chip in Chip::CHECKED {
        check_xtensa(workspace, &firmware, chip)?;
    }
    Ok(())
}

/// Builds one program and returns its ELF file.
pub fn build(workspace: &Workspace, chip: Chip, bin: &str, settings: &[(&str, &str)]) -> Result<PathBuf> {
    let target = chip.target()?;
    let toolchain = Embedded::find(workspace)?;
    let features = [chip.name()];
    Firmware::open(workspace, FOLDER)?.build(&toolchain, &Build { bin, target, features: &features, settings })
}

/// The table of flash partitions that every image carries.
pub fn partition_table(workspace: &Workspace) -> PathBuf {
    workspace.root.join("firmware").join(FOLDER).join("partitions.csv")
}

/// A full type check without an Xtensa compiler: a target that is Xtensa by name and RISC-V in its body. It proves
/// types, and nothing about assembly, code generation, linking or fit in memory.
fn check_xtensa(workspace: &Workspace, firmware: &Firmware, chip: Chip) -> Result<()> {
    let source = Source::find()?;
    let target = workspace.target.join("xtensa");
    fs::create_dir_all(&target).context("make the build folder")?;
    let spec = workspace.root.join(format!("xtask/targets/xtensa-{}-none-elf.json", chip.name()));
    let mut command = Command::new(&source.cargo);
    for name in ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
        // Outside the firmware's folder its config isn't read: with both architectures on, its two runners clash.
        .current_dir("/")
        .args(["check", "--release", "--locked", "--bins", "-Zbuild-std=core,alloc", "-Zjson-target-spec"])
        .arg("--manifest-path")
        .arg(firmware.folder.join("Cargo.toml"))
        .args(["--features", chip.name(), "--target"])
        .arg(spec)
        .envs(firmware.environment()?)
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTC", &source.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "--cfg target_arch=\"xtensa\" -A explicit_builtin_cfgs_in_flags")
        // riscv-rt takes the instruction set from the target's name, and this name tells it nothing.
        .env("RISCV_RT_BASE_ISA", "rv32i")
        .env("RISCV_RT_LLVM_ARCH_PATCH", "rv32imac");
    println!("{}: type check only, as upstream Rust has no Xtensa inline assembly", chip.name());
    run(&mut command, LONG)
}
