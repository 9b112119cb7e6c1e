//! espflash, which makes images.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::chip::{Chip, partition_table};
use crate::process::{LONG, on_path, read, run};
use crate::workspace::Workspace;

/// The version of espflash that the images are made with.
pub const VERSION: &str = "4.7.0";

/// An espflash of the right version: one on PATH, or the one that setup installed.
pub fn find(workspace: &Workspace) -> Result<PathBuf> {
    let own = workspace.tools().join("bin/espflash");
    let wanted = format!("espflash {VERSION}");
    [on_path("espflash"), own.is_file().then_some(own)]
        .into_iter()
        .flatten()
        .find(|espflash| read(Command::new(espflash).arg("--version")).is_ok_and(|version| version == wanted))
        .with_context(|| format!("{wanted} is missing: run `cargo xtask setup`"))
}

/// Has espflash write an image: the application alone, or merged with bootloader and partition table.
pub fn save(workspace: &Workspace, chip: Chip, elf: &Path, image: &Path, merged: bool) -> Result<()> {
    let mut command = Command::new(find(workspace)?);
    command.args(["save-image", "--skip-update-check", "--chip", chip.name(), "--flash-size", "4mb"]);
    command.arg("--partition-table").arg(partition_table(workspace));
    if merged {
        command.arg("--merge");
    }
    run(command.arg(elf).arg(image), LONG)
}
