//! Where things are: the repository, and the folder for everything that is built.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace of the servers that are compared on this machine.
pub const BENCH_HOST: &str = "bench/host";
/// The workspace of the servers that Sockeye is compared with on the board qemu-virt.
pub const BENCH_BOARD: &str = "bench/board";

/// The repository and its target folder.
pub struct Workspace {
    /// The repository's root.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the user's settings put it.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo where the workspace of this program is.
    pub fn find() -> Result<Self> {
        let xtask = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let metadata = metadata(&Path::new(&xtask).join("Cargo.toml"))?;
        let std_path = |path: Utf8PathBuf| path.into_std_path_buf();
        Ok(Self { root: std_path(metadata.workspace_root), target: std_path(metadata.target_directory) })
    }

    /// A program that `cargo build --release` left.
    pub fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// Where setup puts programs that only the jobs use.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// A path as the user may type it: relative to the repository where it lies inside.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// The packages, targets and direct dependencies of one workspace. Needs no network.
pub fn metadata(manifest: &Path) -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .with_context(|| format!("cargo metadata of {}", manifest.display()))
}
