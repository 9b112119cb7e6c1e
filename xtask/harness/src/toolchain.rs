//! The compilers for chips.
//!
//! Two ways lead to a compiler for bare-metal RISC-V. Rustup's own targets are taken where rustup has them or can get
//! them. Elsewhere Debian's `rustc-web` packages bring the compiler and the library's source. `core` and `alloc` are
//! then built here, once, into a folder that rustup accepts as a toolchain.
//!
//! Xtensa (ESP32, ESP32-S3) is type-checked only, against `core` built from the same source. Upstream Rust has no
//! Xtensa inline assembly, so it can't build the hardware layer.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{LONG, SHORT, cargo, finish, read, run, run_quietly};
use crate::workspace::Workspace;

/// The instruction sets of the chips that can be built: ESP32-C3 (and QEMU), ESP32-C6.
pub const TARGETS: [&str; 2] = ["riscv32imc-unknown-none-elf", "riscv32imac-unknown-none-elf"];

/// Debian's packages of a compiler of its own, with the library's source. `lld-22` is what `rust-lld` points at.
pub const DEBIAN_PACKAGES: [&str; 6] =
    ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22", "rust-web-clippy"];
/// The oldest of them that builds the project, as in the manifests' `rust-version`.
const DEBIAN_MINOR_MIN: u32 = 95;

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const CLIPPY: &str = "/usr/bin/cargo-clippy";

/// A compiler that builds for the chips.
pub enum Embedded {
    /// The toolchain that runs this program, with rustup's targets.
    Rustup,
    /// A folder in rustup's layout, made of Debian's packages.
    Folder(PathBuf),
}

impl Embedded {
    /// The compiler that is there; `cargo xtask setup` makes one.
    pub fn find(workspace: &Workspace) -> Result<Self> {
        if rustup_lists("target", &TARGETS) {
            return Ok(Self::Rustup);
        }
        let folder = folder(workspace);
        if fs::read_to_string(stamp_file(&folder)).is_ok_and(|found| stamp(&folder).is_ok_and(|stamp| stamp == found)) {
            return Ok(Self::Folder(folder));
        }
        bail!("no compiler for the chips: run `cargo xtask setup`")
    }

    /// The version of its compiler, without the host.
    pub fn version(&self) -> Result<String> {
        let rustc = match self {
            Self::Rustup => PathBuf::from("rustc"),
            Self::Folder(toolchain) => toolchain.join("bin/rustc"),
        };
        Ok(read(Command::new(rustc).arg("--version"))?.trim().to_owned())
    }

    /// A `cargo` for chips that runs in a firmware folder.
    pub fn cargo(&self, firmware: &Path) -> Command {
        let mut command = cargo(firmware);
        if let Self::Folder(toolchain) = self {
            // Clippy asks SYSROOT, not the compiler, where the libraries are.
            command.env("RUSTUP_TOOLCHAIN", toolchain).env("SYSROOT", toolchain);
        }
        command
    }
}

/// Gets rustup's targets; false where rustup is absent or can't get them.
pub fn add_rustup_targets() -> bool {
    rustup_lists("target", &TARGETS)
        || run_quietly(Command::new("rustup").args(["target", "add"]).args(TARGETS), SHORT).is_ok()
}

/// A compiler with the library's source, for the type check of Xtensa.
pub struct Source {
    /// The compiler's own `cargo`, beside which a rustc can be named.
    pub cargo: PathBuf,
    /// The compiler.
    pub rustc: PathBuf,
}

impl Source {
    /// The running toolchain with its `rust-src`, or Debian's.
    pub fn find() -> Result<Self> {
        let sysroot = PathBuf::from(read(Command::new("rustc").args(["--print", "sysroot"]))?);
        let rustup = Self { cargo: sysroot.join("bin/cargo"), rustc: sysroot.join("bin/rustc") };
        if has_source(&sysroot) && rustup.cargo.is_file() {
            return Ok(rustup);
        }
        let debian = Self { cargo: CARGO.into(), rustc: RUSTC.into() };
        if debian_compiler().is_ok() {
            return Ok(debian);
        }
        bail!("no compiler with the library's source, which the Xtensa type check needs: run `cargo xtask setup`")
    }
}

/// Gets rustup's `rust-src`; false where rustup is absent or can't get it.
pub fn add_rustup_source() -> bool {
    rustup_lists("component", &["rust-src"])
        || run_quietly(Command::new("rustup").args(["component", "add", "rust-src"]), SHORT).is_ok()
}

fn rustup_lists(what: &str, wanted: &[&str]) -> bool {
    let Ok(listed) = read(Command::new("rustup").args([what, "list", "--installed"])) else {
        return false;
    };
    wanted.iter().all(|wanted| listed.lines().any(|line| line.trim() == *wanted))
}

fn has_source(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").is_file()
}

/// `rustc -vV` of Debian's compiler, if it is new enough and complete.
pub fn debian_compiler() -> Result<String> {
    let version = read(Command::new(RUSTC).arg("-vV"))?;
    let minor = version.strip_prefix("rustc 1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < DEBIAN_MINOR_MIN) {
        bail!("{RUSTC} is too old: {}", version.lines().next().unwrap_or_default());
    }
    let sysroot = PathBuf::from(read(Command::new(RUSTC).args(["--print", "sysroot"]))?);
    let linker = finish(Command::new("/usr/bin/rust-lld").args(["-flavor", "gnu", "--version"]));
    for (present, package) in [
        (has_source(&sysroot), "rust-web-src"),
        (Path::new(CARGO).is_file(), "cargo-web"),
        (Path::new(CLIPPY).is_file(), "rust-web-clippy"),
        (linker.is_ok_and(|linker| linker.status.success()), "rust-web-llvm or lld-22"),
    ] {
        if !present {
            bail!("Debian's package {package} is missing");
        }
    }
    Ok(version)
}

/// Makes the folder out of Debian's packages. Takes about a minute.
pub fn make_folder(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    let stamp = stamp(&folder)?;
    let build = workspace.target.join("toolchain-build");
    for stale in [&folder, &build] {
        if stale.exists() {
            fs::remove_dir_all(stale)?;
        }
    }
    build_libraries(&build)?;
    let rustlib = folder.join("lib/rustlib");
    for target in TARGETS {
        copy_libraries(&build.join("target").join(target).join("release"), &rustlib.join(target).join("lib"))?;
    }
    link_compiler(&folder, &rustlib)?;
    fs::remove_dir_all(&build)?;
    fs::write(stamp_file(&folder), stamp)?;
    Ok(())
}

/// `core` and `alloc` are built through a crate that is empty but for them.
fn build_libraries(build: &Path) -> Result<()> {
    fs::create_dir_all(build.join("src"))?;
    fs::write(build.join("src/lib.rs"), "#![no_std]\n")?;
    fs::write(
        build.join("Cargo.toml"),
        "[package]\nname = \"libraries\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n",
    )?;
    let mut command = Command::new(CARGO);
    command.current_dir(build).args(["build", "--quiet", "--release", "-Zbuild-std=core,alloc"]);
    for target in TARGETS {
        command.args(["--target", target]);
    }
    for name in ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", build.join("target"))
        // The firmware's fat LTO finds no bitcode otherwise.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes");
    run(&mut command, LONG)
}

/// Takes the libraries out of a build folder. Which of its folders they are in depends on cargo's version.
fn copy_libraries(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut found = 0;
    let mut folders = vec![from.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if is_library(&name) && !to.join(&name).exists() {
                fs::copy(&path, to.join(&name))?;
                found += 1;
            }
        }
    }
    if found != LIBRARIES.len() {
        bail!("{found} libraries in {}, {} were expected", from.display(), LIBRARIES.len());
    }
    Ok(())
}

const LIBRARIES: [&str; 3] = ["libcore-", "liballoc-", "libcompiler_builtins-"];

fn is_library(name: &str) -> bool {
    name.ends_with(".rlib") && LIBRARIES.iter().any(|library| name.starts_with(library))
}

/// The folder's programs are Debian's; its `rustc` finds the folder's libraries.
fn link_compiler(folder: &Path, rustlib: &Path) -> Result<()> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin)?;
    let sysroot = PathBuf::from(read(Command::new(RUSTC).args(["--print", "sysroot"]))?);
    let version = debian_compiler()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    for shared in [host, "src"] {
        symlink(sysroot.join("lib/rustlib").join(shared), rustlib.join(shared))?;
    }
    symlink(CARGO, bin.join("cargo"))?;
    symlink(CLIPPY, bin.join("cargo-clippy"))?;
    let rustc = bin.join("rustc");
    fs::write(&rustc, format!("#!/bin/sh\nexec {RUSTC} --sysroot '{}' \"$@\"\n", folder.display()))?;
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("toolchain")
}

fn stamp_file(folder: &Path) -> PathBuf {
    folder.join("made-from")
}

/// The folder's inputs: another compiler, other targets or another place make the folder stale.
fn stamp(folder: &Path) -> Result<String> {
    Ok(format!("{}\n{}\n{}\n", debian_compiler()?, TARGETS.join(" "), folder.display()))
}
