//! The bare-metal image in QEMU: the ESP32-C3's instruction set, and a real network card's model.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::firmware::{Build, Firmware};
use crate::process::bound;
use crate::toolchain::{Embedded, TARGETS};
use crate::workspace::Workspace;

const FOLDER: &str = "qemu-virt";
/// The guest's address, on QEMU's user network and on the tests' own.
pub const GUEST: &str = "10.0.2.15";
/// The port that the guest listens on.
pub const GUEST_PORT: u16 = 3000;

/// How the guest's network card is connected.
pub enum Network {
    /// A port of this machine leads to the guest; needs no rights.
    User(u16),
    /// A tap device: every frame as it is.
    Tap(&'static str),
    /// A tap device on a bridge with other guests, and the guest's address, which its card's address ends with too.
    Bridged(&'static str, &'static str),
}

/// Builds a program for the board, with as many slots as said, else its default.
pub fn build(workspace: &Workspace, bin: &str, slots: Option<&str>) -> Result<PathBuf> {
    let settings: Vec<_> = slots.map(|slots| ("SOCKEYE_SLOTS", slots)).into_iter().collect();
    build_with(workspace, bin, &settings)
}

/// The same with any build-time settings.
pub fn build_with(workspace: &Workspace, bin: &str, settings: &[(&str, &str)]) -> Result<PathBuf> {
    let toolchain = Embedded::find(workspace)?;
    let build = Build { bin, target: TARGETS[0], features: &[], settings };
    Firmware::open(workspace, FOLDER)?.build(&toolchain, &build)
}

/// Where `build` leaves a program.
pub fn built(workspace: &Workspace, bin: &str) -> Result<PathBuf> {
    Ok(Firmware::open(workspace, FOLDER)?.elf(TARGETS[0], bin))
}

/// Where the machine reads the words that it is told, in memory that no program uses.
const WORDS_ADDRESS: u32 = 0x8010_0000;

/// Has the machine told these words, `KEY=VALUE` each, through a file of this name in the target folder.
pub fn tell(workspace: &Workspace, machine: &mut Command, name: &str, words: &str) -> Result<()> {
    let file = workspace.target.join(format!("{name}.cfg"));
    fs::create_dir_all(&workspace.target)?;
    fs::write(&file, words)?;
    machine.arg("-device").arg(format!("loader,file={},addr={WORDS_ADDRESS:#x},force-raw=on", option_value(&file)));
    Ok(())
}

/// A path as the value of one of QEMU's options, which a comma would end.
pub fn option_value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// Bytes of the file of a flash bank: QEMU takes no other.
const BANK_LEN: u64 = 32 * 1024 * 1024;
/// Bytes of it that the programs use.
const FLASH_LEN: usize = 4 * 1024 * 1024;
/// The address of the first slot for images.
const FIRST_SLOT: usize = 0x1_0000;
const ERASED: u8 = 0xff;

/// Makes the file of an erased flash with this image in its first slot, as a cable leaves a chip.
pub fn make_flash(file: &Path, image: &[u8]) -> Result<()> {
    let mut bytes = vec![ERASED; FLASH_LEN];
    let slot = bytes.get_mut(FIRST_SLOT..FIRST_SLOT + image.len()).context("the image is larger than the flash")?;
    slot.copy_from_slice(image);
    fs::write(file, bytes).with_context(|| format!("write {}", file.display()))?;
    // The rest is a hole.
    Ok(File::options().write(true).open(file)?.set_len(BANK_LEN)?)
}

/// The machine with its console on standard output, and a program in its RAM.
pub fn machine(elf: &Path, network: &Network) -> Command {
    let mut command = bare_machine(network);
    command.arg("-kernel").arg(elf);
    command
}

/// The machine with its console on standard output, and with a watchdog. Its bootloader starts an image of the file of its flash.
pub fn machine_with_flash(bootloader: &Path, flash: &Path, network: &Network) -> Command {
    let mut command = bare_machine(network);
    command.arg("-device").arg(format!("loader,file={},cpu-num=0", option_value(bootloader)));
    command.args(["-device", "i6300esb", "-action", "watchdog=reset"]);
    command.arg("-drive").arg(format!("if=pflash,unit=1,format=raw,file={}", option_value(flash)));
    command
}

/// The machine without a program.
fn bare_machine(network: &Network) -> Command {
    let mut command = bound("qemu-system-riscv32");
    command.args(["-machine", "virt", "-m", "16M", "-bios", "none"]);
    command.args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
    let backend = match network {
        Network::User(port) => {
            format!("user,id=n,hostfwd=tcp:127.0.0.1:{port}-{GUEST}:{GUEST_PORT}")
        }
        Network::Tap(name) | Network::Bridged(name, _) => format!("tap,id=n,ifname={name},script=no,downscript=no"),
    };
    let card = match network {
        Network::User(_) | Network::Tap(_) => "virtio-net-device,netdev=n".to_owned(),
        Network::Bridged(_, address) => {
            let last = address.rsplit('.').next().unwrap_or_default();
            format!("virtio-net-device,netdev=n,mac=52:54:00:12:34:{last}")
        }
    };
    command.args(["-netdev", &backend, "-device", &card]);
    command.args(["-global", "virtio-mmio.force-legacy=false"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_path_ends_no_option() {
        assert_eq!(option_value(Path::new("/a b,c/d.bin")), "/a b,,c/d.bin");
    }
}
