//! The library crates as packages that others can add: each has what a package needs, and builds from its own archive.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cargo_metadata::Package;
use harness::process::{LONG, cargo, cargo_home, run};
use harness::workspace::{Workspace, metadata};

/// The crates that are published, each after those that it needs.
const PUBLISHED: [&str; 5] = ["sockeye-resp", "sockeye-server", "sockeye-tcp-engine", "sockeye-tcp", "sockeye-client"];

/// Checks their manifests, makes all archives, and builds each of them from the archives alone.
pub fn job(workspace: &Workspace) -> Result<()> {
    let packages = metadata(&workspace.root.join("Cargo.toml"))?.packages;
    for name in PUBLISHED {
        let package = packages.iter().find(|package| package.name.as_str() == name);
        let faults = faults(package.with_context(|| format!("there is no crate {name}"))?);
        if !faults.is_empty() {
            bail!("{name} can't be published: {}", faults.join(", "));
        }
    }
    let mut command = cargo(&workspace.root);
    // Packages what is not committed yet too: the check is for the crates, not for the state of the tree. Cargo resolves a
    // lock file for each package, and would ask the registry's index for it. The crates of the workspace's lock file are
    // here and will do, so a registry that doesn't answer fails nothing.
    command.args(["package", "--locked", "--offline", "--allow-dirty"]);
    for name in PUBLISHED {
        command.args(["--package", name]);
    }
    let place = Place::new(workspace)?;
    run(command.env("CARGO_HOME", place.home()).env("CARGO_TARGET_DIR", place.target()), LONG)
}

/// A home of cargo and a build folder that no run has used. For cargo a version of a package is the same for ever. So a
/// crate would be built on the archives that an earlier run has left, and not on those of this tree.
struct Place(PathBuf);

impl Place {
    /// The home has the user's downloads and settings, and no unpacked package.
    fn new(workspace: &Workspace) -> Result<Self> {
        let place = Self(workspace.target.join("packages"));
        place.clear()?;
        fs::create_dir_all(place.home().join("registry"))?;
        let user = cargo_home()?;
        for shared in ["registry/index", "registry/cache", "config.toml"] {
            if user.join(shared).exists() {
                symlink(user.join(shared), place.home().join(shared))?;
            }
        }
        Ok(place)
    }

    fn home(&self) -> PathBuf {
        self.0.join("home")
    }

    fn target(&self) -> PathBuf {
        self.0.join("target")
    }

    fn clear(&self) -> Result<()> {
        if self.0.exists() {
            fs::remove_dir_all(&self.0).with_context(|| format!("remove {}", self.0.display()))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next run removes what this one can't.
        let _ = self.clear();
    }
}

/// The missing fields of a manifest.
fn faults(package: &Package) -> Vec<&'static str> {
    [
        (package.publish.is_some(), "publish is restricted"),
        (package.description.is_none(), "no description"),
        (package.license.is_none(), "no license"),
        (package.readme.is_none(), "no readme"),
        (package.keywords.is_empty() || package.keywords.len() > 5, "not 1 to 5 keywords"),
        (package.categories.is_empty(), "no categories"),
        (package.rust_version.is_none(), "no rust-version"),
        (package.metadata.get("docs").is_none(), "no settings for its documentation"),
        (
            package
                .dependencies
                .iter()
                .any(|dependency| dependency.path.is_some() && dependency.req.to_string() == "*"),
            "a path without a version",
        ),
    ]
    .into_iter()
    .filter_map(|(is_fault, what)| is_fault.then_some(what))
    .collect()
}
