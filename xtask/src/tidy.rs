//! Rules about the tree that no compiler holds. Each is a function from what it reads to the faults that it finds,
//! so that its tests can plant a fault.
//!
//! - `sources.rs`: the Rust sources, parsed, without tests: what the next three read.
//! - `names.rs`: modules that have the same name.
//! - `circles.rs`: imports that run in a circle.
//! - `unused.rs`: public declarations that nothing uses.
//! - `places.rs`: where ARCHITECTURE.md says that things are.
//! - `imports.rs`: what each crate may import, against cargo's metadata and ARCHITECTURE.md.
//! - `comments.rs`: comments and documents, taken apart into sentences.
//! - `prose.rs`: sentences that break the rules of prose.
//! - `dead.rs`: Rust files and documents that nothing leads to.
//! - `mentions.rs`: paths and jobs that the documents name.
//! - `sizes.rs`: files that grew too long.
//! - `thin.rs`: how much code runs on chips only.
//! - `words.rs`: what no file may contain.
//! - `figures.rs`: figures of cost outside of their document.
//! - `limits.rs`: constants that belong into a crate's `limits.rs`.
//! - `chance.rs`: random numbers and the time of day in tests.
//! - `requirements.rs`: the demands of RFC 9293, each with a test or a reason.

mod chance;
mod circles;
mod comments;
mod dead;
mod figures;
mod imports;
mod limits;
mod mentions;
mod names;
mod places;
mod prose;
mod requirements;
mod sizes;
mod sources;
mod thin;
mod unused;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::measure;
use harness::firmware::FOLDERS;
use harness::process::read;
use harness::workspace::{Workspace, metadata};

/// The files of the tree by path from its root: their bytes, or nothing where they are a link elsewhere.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Runs every rule, and tells all faults at once.
pub fn job(workspace: &Workspace) -> Result<()> {
    let files = files(&workspace.root)?;
    let mut packages = Vec::new();
    for manifest in workspaces(&files) {
        packages.extend(metadata(&workspace.root.join(manifest))?.packages);
    }
    let mut faults = Vec::new();
    for name in FOLDERS {
        let manifest = format!("firmware/{name}/Cargo.toml");
        if !files.contains_key(&manifest) {
            faults.push(format!("{manifest} is missing"));
        }
    }
    let roots: Vec<_> = packages.iter().flat_map(|package| &package.targets).map(|target| &target.src_path).collect();
    let roots = roots.iter().filter_map(|path| path.strip_prefix(&workspace.root).ok()).map(|path| path.as_str());

    faults.extend(imports::faults(&imports::edges(&packages)));
    faults.extend(imports::documented(&files));
    faults.extend(dead::rust(&files, roots));
    faults.extend(dead::documents(&files));
    faults.extend(mentions::paths(&files));
    faults.extend(mentions::jobs(&files, &crate::job_names()));
    faults.extend(sizes::faults(&files));
    faults.extend(thin::faults(&files));
    faults.extend(words::faults(&files));
    faults.extend(limits::faults(&files));
    faults.extend(chance::faults(&files));
    faults.extend(requirements::faults(&files));
    faults.extend(figures::faults(&files));
    let unparsed = sources::unparsed(&files);
    if unparsed.is_empty() {
        let sources = sources::sources(&files);
        faults.extend(names::faults(&sources));
        faults.extend(circles::faults(&sources));
        faults.extend(unused::faults(&sources));
    }
    faults.extend(unparsed);
    faults.extend(places::faults(&files));
    faults.extend(prose::faults(&comments::sentences(&files)));
    if !faults.is_empty() {
        bail!("{} faults\n{}", faults.len(), faults.join("\n"));
    }
    println!("tidy: {} files, no fault", files.len());
    measure::check(workspace, "documents")
}

/// The files that git has, or would have after `git add`.
fn files(root: &Path) -> Result<Files> {
    let mut git = Command::new("git");
    let listed = read(git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    // A file that is deleted but not yet committed is listed and can't be read.
    Ok(paths.filter_map(|path| Some((path.to_owned(), fs::read(root.join(path)).ok()?))).collect())
}

/// The manifests of workspaces: the host's, and those of firmware and fuzzing.
fn workspaces(files: &Files) -> impl Iterator<Item = &str> {
    let manifests = texts(files, "Cargo.toml").filter(|(_, text)| text.lines().any(|line| line == "[workspace]"));
    manifests.map(|(path, _)| path)
}

/// The text of the files whose names end so.
fn texts<'a>(files: &'a Files, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let named = files.iter().filter(move |(path, _)| path.ends_with(ending));
    named.filter_map(|(path, bytes)| Some((path.as_str(), str::from_utf8(bytes).ok()?)))
}

/// The folder of a path; the root's is empty.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path seen from a folder, with `.` and `..` resolved; nothing where it leaves the tree.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether the tree has this file, or files in this folder.
fn has(files: &Files, path: &str) -> bool {
    let folder = format!("{path}/");
    files.contains_key(path) || path.is_empty() || files.keys().any(|file| file.starts_with(&folder))
}

#[cfg(test)]
fn planted(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_and_never_leave_the_tree() {
        assert_eq!(join("docs", "../README.md").as_deref(), Some("README.md"));
        assert_eq!(join("", "./docs/").as_deref(), Some("docs"));
        assert_eq!(join("docs", "../../secret"), None);
    }

    #[test]
    fn a_folder_is_there_if_a_file_in_it_is() {
        let files = planted(&[("crates/tcp/src/lib.rs", "")]);
        assert!(has(&files, "crates/tcp") && has(&files, "crates/tcp/src/lib.rs"));
        assert!(!has(&files, "crates/tc") && !has(&files, "crates/udp"));
    }
}
