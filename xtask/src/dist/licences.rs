//! The licences of everything in a release: the crates that the images were linked from, the radio's binary libraries,
//! the bootloader, and the page's packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use harness::chip::{Chip, FOLDER};
use harness::workspace::Workspace;

/// The starts of the names of files with a licence.
const TEXTS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];
/// The licences that are in no package's manifest.
const BEYOND: &str = "\
The images also have Espressif's binary libraries for Wi-Fi, which come with esp-wifi-sys and are under the Apache
License 2.0, and Espressif's second-stage bootloader out of ESP-IDF, which comes with espflash and is under the same.
The core library of Rust is under MIT OR Apache-2.0.
";

/// The whole text.
pub fn text(workspace: &Workspace, npm: &Path) -> Result<String> {
    let mut list = BTreeMap::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for chip in Chip::BUILT {
        let metadata = crates(workspace, chip)?;
        for package in linked(&metadata)? {
            let licence = package.license.clone().unwrap_or_else(|| "see its text".to_owned());
            let name = format!("{} {}", package.name, package.version);
            let folder = package.manifest_path.parent().context("a manifest has a folder")?;
            add_texts(&mut texts, &name, folder.as_std_path())?;
            list.insert(name, licence);
        }
    }
    ensure!(list.len() > 50, "only {} crates are in the images: the graph was not read", list.len());
    for folder in npm_folders(npm)? {
        let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.join("package.json"))?)?;
        let field = |name: &str| manifest[name].as_str().unwrap_or("unknown").to_owned();
        let name = format!("{} {} (in the page)", field("name"), field("version"));
        add_texts(&mut texts, &name, &folder)?;
        list.insert(name, field("license"));
    }
    let mut text = format!("What this release is made of, and under which licences.\n\n{BEYOND}\n");
    for (name, licence) in &list {
        text += &format!("{name}: {licence}\n");
    }
    for (body, names) in &texts {
        let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        text += &format!("\n{}\n{names}\n\n{}\n", "-".repeat(80), body.trim_end());
    }
    Ok(text)
}

fn crates(workspace: &Workspace, chip: Chip) -> Result<Metadata> {
    let manifest = workspace.root.join("firmware").join(FOLDER).join("Cargo.toml");
    let mut command = MetadataCommand::new();
    command.manifest_path(&manifest).features(CargoOpt::SomeFeatures(vec![chip.name().to_owned()]));
    command.other_options(["--locked".to_owned(), "--filter-platform".to_owned(), chip.target()?.to_owned()]);
    command.exec().with_context(|| format!("cargo metadata of {}", manifest.display()))
}

/// The packages that the programs are linked from: neither those of build scripts, nor procedural macros.
fn linked(metadata: &Metadata) -> Result<Vec<&Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolved nothing")?;
    let root = resolve.root.as_ref().context("the firmware is no package")?;
    let package = |id: &PackageId| metadata.packages.iter().find(|package| package.id == *id);
    let is_macro =
        |package: &Package| package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro));
    let mut found = BTreeMap::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        let Some(package) = package(id).filter(|package| !is_macro(package)) else { continue };
        if found.insert(id, package).is_some() {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == *id);
        let deps = node.into_iter().flat_map(|node| &node.deps);
        let normal = deps.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        open.extend(normal.map(|dep| &dep.pkg));
    }
    Ok(found.into_values().collect())
}

/// The packages under `node_modules`, those of a scope included.
fn npm_folders(modules: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(modules)? {
        let path = entry?.path();
        let is_scope = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('@'));
        if is_scope {
            for entry in fs::read_dir(&path)? {
                folders.push(entry?.path());
            }
        } else {
            folders.push(path);
        }
    }
    folders.retain(|folder| folder.join("package.json").is_file());
    folders.sort();
    Ok(folders)
}

fn add_texts(texts: &mut BTreeMap<String, BTreeSet<String>>, name: &str, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && TEXTS.iter().any(|start| file.starts_with(start)) {
            let body = String::from_utf8_lossy(&fs::read(&path)?).replace('\r', "");
            texts.entry(body).or_default().insert(name.to_owned());
        }
    }
    Ok(())
}
