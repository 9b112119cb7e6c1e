//! The images of the updates: builds of the device with several versions, and what is to be refused.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use harness::emulator;
use harness::firmware::VERSION;
use harness::workspace::Workspace;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};
use sockeye_firmware_image::{OwnerKey, Recipe, SignedImage};

/// The version of the release image.
pub const FIRST: &str = env!("CARGO_PKG_VERSION");
/// The versions of the other builds.
pub const SECOND: &str = "0.2.0";
pub const THIRD: &str = "0.3.0";
/// The program that panics at its start, and the one that hangs.
pub const BROKEN: &str = "broken";
pub const HUNG: &str = "hung";
const DEVICE: &str = "device";
const BOOTLOADER: &str = "bootloader";

/// The ID of the board qemu-virt in images (`VIRT_CHIP_ID` in `crates/firmware-update/src/update_error.rs`).
const CHIP_ID: u16 = 0x5601;
/// The ID of another chip, the ESP32-C3.
const OTHER_CHIP_ID: u16 = 5;
/// The project in images of the device.
const PROJECT: &str = "sockeye-device";

/// Where the builds are kept.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("updates")
}

/// Builds all programs, and keeps them. The release image is built last, so that it stays where other jobs look for it.
pub fn build(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    fs::create_dir_all(&folder)?;
    let builds: [(&str, &str, &[_]); 6] = [
        (BOOTLOADER, BOOTLOADER, &[]),
        (BROKEN, BROKEN, &[]),
        (HUNG, HUNG, &[]),
        (DEVICE, SECOND, &[(VERSION, SECOND)]),
        (DEVICE, THIRD, &[(VERSION, THIRD)]),
        (DEVICE, FIRST, &[]),
    ];
    for (bin, name, settings) in builds {
        let elf = emulator::build_with(workspace, bin, settings)?;
        fs::copy(&elf, folder.join(name)).with_context(|| format!("keep {name}"))?;
    }
    Ok(())
}

/// The images, and what boots them.
pub struct Images {
    pub folder: PathBuf,
    pub bootloader: PathBuf,
    /// The owner's public key, in hexadecimal digits.
    pub key: String,
}

impl Images {
    /// Makes and signs images of what was built.
    pub fn make(workspace: &Workspace) -> Result<Self> {
        let folder = folder(workspace);
        let images = Self {
            bootloader: folder.join(BOOTLOADER),
            key: {
                let (key, _) = OwnerKey::open_or_make(&folder.join("key.pem"))?;
                key.public().iter().map(|byte| format!("{byte:02x}")).collect()
            },
            folder,
        };
        let [owner, stranger] =
            ["key.pem", "stranger.pem"].map(|file| OwnerKey::open_or_make(&images.folder.join(file)));
        let ((owner, _), (stranger, _)) = (owner?, stranger?);
        for name in [FIRST, SECOND, THIRD, BROKEN, HUNG] {
            images.sign(name, name, CHIP_ID, &owner)?;
        }
        images.sign(SECOND, "strange", CHIP_ID, &stranger)?;
        images.sign(SECOND, "other-chip", OTHER_CHIP_ID, &owner)?;
        Ok(images)
    }

    /// The file of an image.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.bin"))
    }

    fn sign(&self, program: &str, name: &str, chip_id: u16, key: &OwnerKey) -> Result<()> {
        let image = image(&self.folder.join(program), chip_id, program)?;
        SignedImage::sign(image, key).context("the key is a private one")?.write(&self.file(name))
    }
}

/// The image of a program: what its ELF file has loaded.
fn image(elf: &Path, chip_id: u16, version: &str) -> Result<Vec<u8>> {
    let bytes = fs::read(elf).with_context(|| format!("read {}", elf.display()))?;
    anyhow::ensure!(FileKind::parse(&*bytes)? == FileKind::Elf32, "{} is no ELF file of 32 bits", elf.display());
    let header = FileHeader32::<Endianness>::parse(&*bytes)?;
    let endian = header.endian()?;
    let mut segments = Vec::new();
    for segment in header.program_headers(endian, &*bytes)? {
        let data = segment.data(endian, &*bytes).ok().context("a segment outside of its file")?;
        if segment.p_type(endian) == PT_LOAD && !data.is_empty() {
            segments.push((segment.p_paddr(endian), data.to_vec()));
        }
    }
    Recipe { chip_id, project: PROJECT, version, entry: header.e_entry(endian), segments: &segments }.build()
}
