//! The ESP32 firmware: built where upstream Rust can, type-checked where it can't.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use harness::chip::{Chip, FOLDER, build};
use harness::firmware::Firmware;
use harness::process::{LONG, run};
use harness::toolchain::Source;
use harness::workspace::Workspace;

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

/// A full type check without an Xtensa compiler: a target that is Xtensa by name and RISC-V in its body. The check
/// proves types, and nothing about assembly, code generation, linking or fit in memory.
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
