//! The chips, and the programs for them.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::firmware::{Build, Firmware};
use crate::toolchain::{Embedded, TARGETS};
use crate::usage::Usage;
use crate::workspace::Workspace;

/// The firmware's folder.
pub const FOLDER: &str = "esp32";

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
    pub fn target(self) -> Result<&'static str> {
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
