//! `cargo xtask dist`: what a release consists of, in `target/dist`.
//!
//! For each chip that can be built, and for `hello` and `device`, a release has a merged image for
//! `espflash write-bin 0x0`. The parts that the page writes from a browser are beside it. The parts leave the settings
//! in flash alone; a merged image resets them. A release also has the partition table, checksums, the page, and the
//! licences of everything in the images.
//!
//! - `licences.rs`: the crates in an image and the packages in the page, with the texts of their licences.
//! - `page.rs`: the page and the manifests that ESP Web Tools reads.
//! - `browser.rs`: the page in a headless Chromium.

pub mod browser;
mod licences;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use harness::chip::{Chip, build, partition_table};
use harness::flash_image::{Part, merge, parts};
use harness::process::{download, read};
use harness::workspace::Workspace;

/// The programs of a release.
const PROGRAMS: [&str; 2] = ["device", "hello"];
/// The folder that pins the npm package.
const WEB: &str = "xtask/web";
/// The file of checksums, as `sha256sum --check` reads it.
const CHECKSUMS: &str = "SHA256SUMS";
/// The entries that say which program slot is booted: erased, the first is. In front of an update they may name the
/// second, and what is written to the first would not run.
const BOOT_CHOICE_OFFSET: usize = 0x9000;
const BOOT_CHOICE_LEN: usize = 0x2000;
/// The names of an image's parts, by their offset.
const PART_NAMES: [(usize, &str); 4] =
    [(0, "bootloader"), (0x8000, "partition-table"), (BOOT_CHOICE_OFFSET, "boot-choice"), (0x1_0000, "application")];

/// The steps after the release is made.
#[derive(clap::Args)]
pub struct Args {
    /// Opens the page in a headless Chromium, and fails unless it lists every part
    #[arg(long)]
    browser: bool,
}

/// One program for one chip.
pub struct Image {
    /// The chip.
    pub chip: Chip,
    /// The program.
    pub program: &'static str,
    /// The merged image's file.
    pub merged: String,
    /// The files that the page writes, each with its offset and length.
    pub parts: Vec<(String, usize, usize)>,
}

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let folder = workspace.target.join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut images = Vec::new();
    for program in PROGRAMS {
        for chip in Chip::BUILT {
            images.push(write_image(workspace, &folder, chip, program)?);
        }
    }
    fs::copy(partition_table(workspace), folder.join("partitions.csv"))?;
    let web = web_tools(workspace)?;
    copy_folder(&web.join("esp-web-tools/dist/web"), &folder.join("esp-web-tools"))?;
    fs::write(folder.join("LICENCES.txt"), licences::text(workspace, &web)?)?;
    page::write(workspace, &folder, &images)?;
    write_checksums(&folder)?;
    check(&folder, &images)?;
    println!(
        "dist: {} images, their parts and the page are in {}",
        images.len(),
        workspace.relative(&folder).display()
    );
    println!("try: python3 -m http.server --bind 127.0.0.1 --directory {} 8000", workspace.relative(&folder).display());
    println!("     then http://127.0.0.1:8000/ in Chrome or Edge, with the chip on USB");
    if args.browser { browser::check(workspace, &folder, &images) } else { Ok(()) }
}

fn write_image(workspace: &Workspace, folder: &Path, chip: Chip, program: &'static str) -> Result<Image> {
    let elf = build(workspace, chip, program, &[])?;
    let mut parts = parts(workspace, chip, &elf)?;
    let merged = format!("sockeye-{}-{program}.bin", chip.name());
    fs::write(folder.join(&merged), merge(&parts)?)?;
    parts.push(Part { offset: BOOT_CHOICE_OFFSET, bytes: vec![0xff; BOOT_CHOICE_LEN] });
    parts.sort_by_key(|part| part.offset);
    let name = |part: &Part| {
        let known = PART_NAMES.iter().find(|(offset, _)| *offset == part.offset);
        let (_, what) = known.with_context(|| format!("a part at {:#x}, which has no name", part.offset))?;
        Ok::<_, anyhow::Error>(format!("sockeye-{}-{program}-{what}.bin", chip.name()))
    };
    let mut files = Vec::new();
    for part in &parts {
        let file = name(part)?;
        fs::write(folder.join(&file), &part.bytes)?;
        files.push((file, part.offset, part.bytes.len()));
    }
    ensure!(files.len() == PART_NAMES.len(), "{merged} has {} parts, not {}", files.len(), PART_NAMES.len());
    Ok(Image { chip, program, merged, parts: files })
}

/// The folder of the pinned npm packages, installed if it is missing or old.
pub fn web_tools(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("web");
    fs::create_dir_all(&folder)?;
    let mut is_new = !folder.join("node_modules/.package-lock.json").is_file();
    for file in ["package.json", "package-lock.json"] {
        let wanted = fs::read(workspace.root.join(WEB).join(file))?;
        is_new |= fs::read(folder.join(file)).ok().as_ref() != Some(&wanted);
        fs::write(folder.join(file), wanted)?;
    }
    if is_new {
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        download(Command::new("npm").args(npm).current_dir(&folder))?;
    }
    Ok(folder.join("node_modules"))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let path = entry?.path();
        fs::copy(&path, to.join(path.file_name().context("an entry has a name")?))?;
    }
    Ok(())
}

/// Writes the checksums of every file beside them.
fn write_checksums(folder: &Path) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()))
        .map(|entry| entry.file_name())
        .collect();
    names.sort();
    let sums = read(Command::new("sha256sum").arg("--binary").args(names).current_dir(folder))?;
    Ok(fs::write(folder.join(CHECKSUMS), format!("{sums}\n"))?)
}

/// Holds what was written against itself: checksums, and each manifest's parts against the merged image.
fn check(folder: &Path, images: &[Image]) -> Result<()> {
    read(Command::new("sha256sum").args(["--check", "--strict", "--quiet", CHECKSUMS]).current_dir(folder))?;
    for program in PROGRAMS {
        let manifest = page::read_manifest(folder, program)?;
        for image in images.iter().filter(|image| image.program == program) {
            let merged = fs::read(folder.join(&image.merged))?;
            let family = page::chip_family(image.chip)?;
            let build = manifest.builds.iter().find(|build| build.chip_family == family);
            let build = build.with_context(|| format!("the manifest of {program} has no {family}"))?;
            let mut written = BTreeMap::new();
            for part in &build.parts {
                let bytes = fs::read(folder.join(&part.path)).with_context(|| format!("read {}", part.path))?;
                if merged.get(part.offset..part.offset + bytes.len()) != Some(&bytes[..]) {
                    bail!("{} at {:#x} is not what {} has there", part.path, part.offset, image.merged);
                }
                written.insert(part.offset, bytes.len());
            }
            let rest: Vec<_> = merged.iter().enumerate().filter(|(_, byte)| **byte != 0xff).map(|(at, _)| at).collect();
            let is_covered = |at: usize| written.range(..=at).next_back().is_some_and(|(start, len)| at < start + len);
            ensure!(rest.into_iter().all(is_covered), "{} has bytes that no part of the manifest has", image.merged);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release of one image per program and chip, in a folder of its own, with a merged image of 16 bytes.
    fn release(name: &str, part: &[u8]) -> (PathBuf, Result<()>) {
        let folder = std::env::temp_dir().join(format!("sockeye-xtask-dist-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut images = Vec::new();
        for program in PROGRAMS {
            let mut builds = Vec::new();
            for chip in Chip::BUILT {
                let merged = format!("{}-{program}.bin", chip.name());
                let file = format!("{}-{program}-application.bin", chip.name());
                fs::write(folder.join(&merged), [&[0xff; 4][..], b"program", &[0xff; 5]].concat()).unwrap();
                fs::write(folder.join(&file), part).unwrap();
                builds.push(format!(
                    r#"{{"chipFamily":"{}","parts":[{{"path":"{file}","offset":4}}]}}"#,
                    page::chip_family(chip).unwrap()
                ));
                images.push(Image { chip, program, merged, parts: vec![(file, 4, part.len())] });
            }
            let builds = builds.join(",");
            let manifest =
                format!(r#"{{"name":"n","version":"1","new_install_prompt_erase":true,"builds":[{builds}]}}"#);
            fs::write(folder.join(format!("manifest-{program}.json")), manifest).unwrap();
        }
        write_checksums(&folder).unwrap();
        let result = check(&folder, &images);
        (folder, result)
    }

    #[test]
    fn a_release_that_contradicts_itself_is_found() {
        for (name, part, fault) in [
            ("whole", &b"program"[..], None),
            ("other", b"progrem", Some("is not what")),
            ("short", b"progra", Some("that no part of the manifest has")),
        ] {
            let (folder, result) = release(name, part);
            match fault {
                None => result.unwrap(),
                Some(fault) => assert!(result.unwrap_err().to_string().contains(fault), "{name}"),
            }
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_file_that_was_changed_is_found() {
        let (folder, result) = release("changed", b"program");
        result.unwrap();
        fs::write(folder.join("manifest-hello.json"), "{}").unwrap();
        assert!(check(&folder, &[]).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
