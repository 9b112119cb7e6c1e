//! A firmware workspace: a folder with its own Cargo.lock, built by the compiler for chips.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_metadata::TargetKind;
use serde::Deserialize;

use crate::process::{LONG, cargo_home, run};
use crate::toolchain::Embedded;
use crate::usage::Usage;
use crate::workspace::{Workspace, metadata};

/// The names of the firmware folders.
pub const FOLDERS: [&str; 2] = ["esp32", "qemu-virt"];

/// The variables that the firmware reads at build time. Each is set by a job or not at all: never taken from the user's
/// environment.
const SETTINGS: [&str; 7] =
    ["SOCKEYE_JOINED", "SOCKEYE_OPEN", "SOCKEYE_PASSWORD", "SOCKEYE_SLOTS", "SOCKEYE_SSID", UPDATE_KEY, VERSION];

/// The setting with the public key of whoever may update the firmware: 64 hexadecimal digits.
pub const UPDATE_KEY: &str = "SOCKEYE_UPDATE_KEY";

/// The setting with the version that the device of the board qemu-virt tells, instead of its package's.
pub const VERSION: &str = "SOCKEYE_VERSION";

/// One folder under `firmware/`.
pub struct Firmware {
    /// The folder; cargo has to run in it, because its `.cargo/config.toml` counts.
    pub folder: PathBuf,
    /// Where it is built.
    pub target: PathBuf,
    /// The repository's root.
    root: PathBuf,
    /// The names of its programs, each with its package.
    pub bins: BTreeMap<String, String>,
}

/// The program to build of a firmware workspace.
pub struct Build<'a> {
    /// The program.
    pub bin: &'a str,
    /// The compiler's target.
    pub target: &'a str,
    /// The chip's feature, where the workspace has several chips.
    pub features: &'a [&'a str],
    /// Build-time settings, in the environment.
    pub settings: &'a [(&'a str, &'a str)],
}

impl Firmware {
    /// Reads the folder. A folder without a manifest is an error: nothing passes for being absent.
    pub fn open(workspace: &Workspace, name: &str) -> Result<Self> {
        Self::open_folder(workspace, &format!("firmware/{name}"))
    }

    /// The same for a folder elsewhere that is built for a board.
    pub fn open_folder(workspace: &Workspace, path: &str) -> Result<Self> {
        let folder = workspace.root.join(path);
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            bail!("there is no {path}/Cargo.toml");
        }
        let mut bins = BTreeMap::new();
        for package in metadata(&manifest)?.packages {
            let programs = package.targets.into_iter().filter(|target| target.kind.contains(&TargetKind::Bin));
            bins.extend(programs.map(|program| (program.name, package.name.to_string())));
        }
        Ok(Self { folder, target: workspace.target.join(path), root: workspace.root.clone(), bins })
    }

    /// The package of a program. Fails where the folder has no such program, and names those that it has.
    pub fn require(&self, bin: &str) -> Result<&str> {
        if let Some(package) = self.bins.get(bin) {
            return Ok(package);
        }
        let bins: Vec<_> = self.bins.keys().map(String::as_str).collect();
        Err(Usage(format!("no program `{bin}` in {}, only: {}", self.folder.display(), bins.join(", "))).into())
    }

    /// A cargo command for chips, with the settings given and no others.
    pub fn cargo(&self, toolchain: &Embedded, settings: &[(&str, &str)]) -> Command {
        let mut command = toolchain.cargo(&self.folder);
        // A RUSTFLAGS in the environment would replace the folder's own, and with them its linker scripts.
        for name in SETTINGS.iter().chain(&["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"]) {
            command.env_remove(name);
        }
        command.env("CARGO_TARGET_DIR", &self.target).envs(settings.iter().copied());
        command
    }

    /// The environment of the folder's own config, for a cargo that runs elsewhere and doesn't read it.
    pub fn environment(&self) -> Result<BTreeMap<String, String>> {
        #[derive(Deserialize)]
        struct Config {
            #[serde(default)]
            env: BTreeMap<String, String>,
        }
        let text = fs::read_to_string(self.folder.join(".cargo/config.toml"))?;
        let config: Config = toml::from_str(&text).context("read the firmware's .cargo/config.toml")?;
        Ok(config.env)
    }

    /// Builds a program and returns its ELF file.
    pub fn build(&self, toolchain: &Embedded, build: &Build<'_>) -> Result<PathBuf> {
        // By its package, so that Cargo doesn't unite features with what other packages ask for.
        let package = self.require(build.bin)?;
        let mut command = self.cargo(toolchain, build.settings);
        command.args(["build", "--locked", "--release", "--package", package, "--bin", build.bin]);
        command.args(["--target", build.target]);
        command.arg("--config").arg(rust_flags(&self.root, build.target)?);
        if !build.features.is_empty() {
            command.arg("--features").arg(OsStr::new(&build.features.join(",")));
        }
        run(&mut command, LONG)?;
        Ok(self.elf(build.target, build.bin))
    }

    /// Where cargo leaves a program.
    pub fn elf(&self, target: &str, bin: &str) -> PathBuf {
        self.target.join(target).join("release").join(bin)
    }
}

/// Keeps rustc from warning at each crate that target features of `.cargo/config.toml` are unstable: that is no lint, so
/// nothing narrower turns it off. Lints are clippy's business, whose job builds without this and denies them.
const NO_WARNINGS: &str = "-Awarnings";

/// A setting of cargo that adds to the folder's own flags. Files are named from their package's folder on, and ours from
/// the repository's. The message of a panic then fits where it is kept, the image is 9 KB smaller, and the same wherever
/// it was built.
fn rust_flags(root: &Path, target: &str) -> Result<String> {
    let sources = cargo_home()?.join("registry/src");
    let mut folders = vec![root.to_path_buf()];
    // Absent where all packages are vendored, or in the folder of another cargo.
    for registry in fs::read_dir(&sources).into_iter().flatten() {
        folders.push(registry?.path());
    }
    folders.sort_unstable();
    let mut flags: Vec<_> =
        folders.iter().map(|folder| format!("--remap-path-prefix={}/=", folder.display())).collect();
    flags.push(NO_WARNINGS.to_owned());
    Ok(format!("target.{target}.rustflags={flags:?}"))
}
