//! The programs that the other jobs need on this machine. Each thing that is missing is named, then installed; what is
//! there is left alone, so that a second run takes no time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use harness::firmware;
use harness::flash_image::ESPFLASH_VERSION;
use harness::process::{cargo, download, finish, is_root, on_path, read};
use harness::redis_server;
use harness::toolchain::{self, Embedded, Source};
use harness::workspace::{BENCH_BOARD, BENCH_HOST, Workspace};

use crate::checks::{FUZZ, SIMULATION};
use crate::dist;
use crate::services::peers;

/// A program that a job starts, and the Debian packages that bring it; the first one that Debian has is taken.
struct Program {
    name: &'static str,
    packages: &'static [&'static str],
    /// Whether the program is needed in this tree.
    needed: fn(&Workspace) -> bool,
}

const PROGRAMS: [Program; 7] = [
    Program { name: "qemu-system-riscv32", packages: &["qemu-system-riscv", "qemu-system-misc"], needed: always },
    Program { name: "redis-cli", packages: &["redis-tools"], needed: always },
    Program { name: "c++", packages: &["g++"], needed: always },
    Program { name: "ip", packages: &["iproute2"], needed: always },
    Program { name: "node", packages: &["nodejs"], needed: always },
    Program { name: "npm", packages: &["npm"], needed: always },
    Program { name: "python3", packages: &["python3-venv"], needed: always },
];

fn always(_: &Workspace) -> bool {
    true
}

/// Installs what is missing.
pub fn job(workspace: &Workspace) -> Result<()> {
    let mut apt = Apt::default();
    for program in PROGRAMS.iter().filter(|program| (program.needed)(workspace) && on_path(program.name).is_none()) {
        step(&format!("{} is missing", program.name));
        let package = apt.first_available(program.packages)?;
        apt.install(&[package]).with_context(|| format!("install a package that has {}", program.name))?;
    }
    for (program, package) in peers::PROGRAMS {
        // A package of python's brings no program.
        let has_it = on_path(program).is_some() && !package.starts_with("python3-");
        if !has_it && !finish(Command::new("dpkg").args(["-s", package])).is_ok_and(|output| output.status.success()) {
            step(&format!("{package} is missing"));
            apt.install(&[package])?;
        }
    }
    redis_server::set_up(workspace)?;
    chip_compiler(workspace, &mut apt)?;
    node_packages(workspace)?;
    dist::web_tools(workspace)?;
    crates(workspace)?;
    step("everything that the jobs need is here");
    Ok(())
}

/// The programs of the comparison with others: a C compiler for the board, with a C library.
pub fn bench() -> Result<()> {
    const COMPILER: &str = "riscv64-unknown-elf-gcc";
    let has_library = || {
        // A file that it doesn't find it names as it was asked for.
        let file = read(Command::new(COMPILER).arg("--print-file-name=picolibc.specs"));
        file.is_ok_and(|file| Path::new(&file).is_absolute())
    };
    if on_path(COMPILER).is_none() || !has_library() {
        step("a C compiler for the board or its library is missing");
        Apt::default().install(&["gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf", "xz-utils"])?;
    }
    Ok(())
}

fn step(what: &str) {
    println!("setup: {what}");
}

/// A compiler for the chips, and one with the library's source: rustup's, else Debian's.
fn chip_compiler(workspace: &Workspace, apt: &mut Apt) -> Result<()> {
    if Embedded::find(workspace).is_err() {
        step("no compiler for the chips; asking rustup for its targets");
        if !toolchain::add_rustup_targets() {
            step("rustup has no targets for the chips; making a toolchain out of Debian's packages");
            debian_compiler(apt)?;
            step("building the core library for the chips, once: about a minute");
            toolchain::make_folder(workspace)?;
        }
    }
    if Source::find().is_err() {
        step("no library source for the Xtensa type check; asking rustup for rust-src");
        if !toolchain::add_rustup_source() {
            step("rustup has no rust-src; taking Debian's");
            debian_compiler(apt)?;
        }
    }
    Ok(())
}

fn debian_compiler(apt: &mut Apt) -> Result<()> {
    if toolchain::debian_compiler().is_err() {
        apt.install(&toolchain::DEBIAN_PACKAGES)?;
        toolchain::debian_compiler().context("Debian's packages bring no usable compiler")?;
    }
    Ok(())
}

/// The crates of all lock files, so that no later job needs the registry. Cargo is quick where all are there.
fn crates(workspace: &Workspace) -> Result<()> {
    let firmware = firmware::FOLDERS.map(|name| format!("firmware/{name}"));
    let others = ["", SIMULATION, FUZZ, BENCH_HOST, BENCH_BOARD].into_iter();
    for folder in others.chain(firmware.iter().map(String::as_str)) {
        download(cargo(&workspace.root.join(folder)).args(["fetch", "--locked", "--quiet"]))?;
    }
    Ok(())
}

fn node_lock(workspace: &Workspace) -> PathBuf {
    workspace.root.join("clients/node/package-lock.json")
}

/// The Node.js clients' libraries, if they have any.
fn node_packages(workspace: &Workspace) -> Result<()> {
    let lock = node_lock(workspace);
    let folder = lock.parent().expect("a file has a folder");
    // npm writes this file last, so its age says whether the lock file has changed since.
    let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let (wanted, installed) = (modified(&lock), modified(&folder.join("node_modules/.package-lock.json")));
    if wanted.is_none() || installed >= wanted {
        return Ok(());
    }
    step("the Node.js clients' libraries are missing or old");
    download(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// The espflash program, which writes images over USB: one on PATH, or one that is built here at its first use.
pub fn espflash(workspace: &Workspace) -> Result<PathBuf> {
    let own = workspace.tools().join("bin/espflash");
    let wanted = format!("espflash {ESPFLASH_VERSION}");
    let is_right =
        |espflash: &Path| read(Command::new(espflash).arg("--version")).is_ok_and(|version| version == wanted);
    if let Some(espflash) = on_path("espflash").filter(|espflash| is_right(espflash)) {
        return Ok(espflash);
    }
    if !is_right(&own) {
        step("espflash is missing or of another version; building it, once: about four minutes");
        let mut command = Command::new("cargo");
        command.args(["install", "espflash", "--version", ESPFLASH_VERSION, "--locked", "--quiet", "--root"]);
        // Its own build folder, as this one's profile and lock are not espflash's.
        command.arg(workspace.tools()).env("CARGO_TARGET_DIR", workspace.target.join("tools-build"));
        download(&mut command)?;
        std::fs::remove_dir_all(workspace.target.join("tools-build"))?;
    }
    Ok(own)
}

/// Has apt try a download again.
const APT_RETRIES: &str = "--option=Acquire::Retries=5";

/// Debian's package manager, with its lists brought up to date once, before the first use.
#[derive(Default)]
struct Apt {
    updated: bool,
}

impl Apt {
    fn update(&mut self) -> Result<()> {
        if self.updated {
            return Ok(());
        }
        if on_path("apt-get").is_none() {
            bail!("this is no Debian: install it yourself, then run `cargo xtask setup` again");
        }
        download(as_root().args(["apt-get", "update", "--quiet", APT_RETRIES]))?;
        self.updated = true;
        Ok(())
    }

    fn first_available(&mut self, packages: &[&'static str]) -> Result<&'static str> {
        self.update()?;
        let known = |package: &str| {
            let policy = finish(Command::new("apt-cache").args(["show", "--no-all-versions", package]));
            policy.is_ok_and(|policy| policy.status.success() && !policy.stdout.is_empty())
        };
        let found = packages.iter().copied().find(|package| known(package));
        found.with_context(|| format!("Debian has no package {}", packages.join(" or ")))
    }

    fn install(&mut self, packages: &[&str]) -> Result<()> {
        self.update()?;
        let mut command = as_root();
        command.args(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", APT_RETRIES]).args(packages);
        download(&mut command)
    }
}

/// The start of a command line that needs root.
fn as_root() -> Command {
    let mut command = Command::new(if is_root() { "env" } else { "sudo" });
    if !is_root() {
        command.arg("env");
    }
    command.arg("DEBIAN_FRONTEND=noninteractive");
    command
}
