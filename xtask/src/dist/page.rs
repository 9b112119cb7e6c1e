//! The page that flashes from a browser, and the manifests that ESP Web Tools reads for it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use harness::chip::Chip;
use harness::workspace::{Workspace, metadata};
use serde::{Deserialize, Serialize};

use super::{Image, PROGRAMS};

/// The page, with places for what the release has.
const TEMPLATE: &str = include_str!("../../web/index.html");

/// A manifest of ESP Web Tools: what can be written, by the chip that is found.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    /// The name that the dialog shows.
    pub name: String,
    /// The release's version.
    pub version: String,
    /// Whether the dialog asks to erase all flash first: only who wants to lose the settings says yes.
    pub new_install_prompt_erase: bool,
    /// One for each chip.
    pub builds: Vec<Build>,
}

/// The parts for one chip.
#[derive(Serialize, Deserialize)]
pub struct Build {
    /// The chip, as ESP Web Tools calls it.
    #[serde(rename = "chipFamily")]
    pub chip_family: String,
    /// The parts to write.
    pub parts: Vec<ManifestPart>,
}

/// A file and where it is written.
#[derive(Serialize, Deserialize)]
pub struct ManifestPart {
    /// The file, from the manifest on.
    pub path: String,
    /// The first byte's address in flash.
    pub offset: usize,
}

/// Writes the manifests and the page.
pub fn write(workspace: &Workspace, folder: &Path, images: &[Image]) -> Result<()> {
    let packages = metadata(&workspace.root.join("Cargo.toml"))?.packages;
    let package = packages.iter().find(|package| package.name.as_str() == "sockeye").context("there is no sockeye")?;
    let version = package.version.to_string();
    for program in PROGRAMS {
        let builds = images.iter().filter(|image| image.program == program).map(build).collect::<Result<_>>()?;
        let name = format!("Sockeye {program}");
        let manifest = Manifest { name, version: version.clone(), new_install_prompt_erase: true, builds };
        fs::write(folder.join(file_name(program)), serde_json::to_string_pretty(&manifest)? + "\n")?;
    }
    fs::write(folder.join("index.html"), TEMPLATE.replace("VERSION", &version))?;
    Ok(())
}

fn build(image: &Image) -> Result<Build> {
    let parts = image.parts.iter().map(|(path, offset, _)| ManifestPart { path: path.clone(), offset: *offset });
    Ok(Build { chip_family: chip_family(image.chip)?.to_owned(), parts: parts.collect() })
}

/// The manifest that was written for a program.
pub fn read_manifest(folder: &Path, program: &str) -> Result<Manifest> {
    let file = folder.join(file_name(program));
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))
}

fn file_name(program: &str) -> String {
    format!("manifest-{program}.json")
}

/// A chip as ESP Web Tools calls it.
pub fn chip_family(chip: Chip) -> Result<&'static str> {
    match chip {
        Chip::Esp32c3 => Ok("ESP32-C3"),
        Chip::Esp32c6 => Ok("ESP32-C6"),
        Chip::Esp32 | Chip::Esp32s3 => bail!("{} can't be built here", chip.name()),
    }
}
