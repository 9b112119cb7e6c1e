//! Images for flashing: a program with its mode and network, bootloader and partition table merged in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::Usage;
use crate::chips::{Chip, build, partition_table};
use crate::process::{LONG, become_it, run};
use crate::setup::espflash;
use crate::workspace::Workspace;

/// IEEE 802.11: an SSID has at most 32 bytes.
const SSID_LEN_MAX: usize = 32;
/// WPA2: a passphrase has 8 to 63 ASCII characters.
const PASSWORD_LEN_MIN: usize = 8;
const PASSWORD_LEN_MAX: usize = 63;

/// What an image is made of.
#[derive(clap::Args)]
pub struct Args {
    /// The chip
    #[arg(value_enum)]
    chip: Chip,
    /// The program: hello or device
    bin: String,
    /// How the device reaches its network
    #[arg(long, value_enum)]
    mode: Mode,
    /// ap: an open network instead of WPA2; anyone near can join
    #[arg(long)]
    open: bool,
    /// sta: the network to join, 1 to 32 bytes
    #[arg(long, value_name = "S")]
    ssid: Option<String>,
    /// sta: its WPA2 passphrase, 8 to 63 ASCII characters; none or empty for an open network
    #[arg(long, value_name = "P")]
    password: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Access point: the device makes its own network
    Ap,
    /// Station: the device joins a network
    Sta,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Ap => "ap",
            Self::Sta => "sta",
        }
    }
}

impl Args {
    /// The firmware's build-time settings, if the arguments go together.
    fn settings(&self) -> Result<Vec<(&str, &str)>, Usage> {
        let mut settings = vec![("SOCKEYE_MODE", self.mode.name())];
        match self.mode {
            Mode::Ap => {
                if self.ssid.is_some() || self.password.is_some() {
                    return usage("--ssid and --password are for --mode sta; an access point makes its own");
                }
                if self.open {
                    settings.push(("SOCKEYE_OPEN", "1"));
                }
            }
            Mode::Sta => {
                if self.open {
                    return usage("--open is for --mode ap; a station joins an open network if --password is empty");
                }
                let Some(ssid) = &self.ssid else {
                    return usage("--mode sta needs --ssid");
                };
                let password = self.password.as_deref().unwrap_or_default();
                check_ssid(ssid)?;
                check_password(password)?;
                settings.extend([("SOCKEYE_SSID", ssid.as_str()), ("SOCKEYE_PASSWORD", password)]);
            }
        }
        Ok(settings)
    }

    fn build(&self, workspace: &Workspace) -> Result<PathBuf> {
        build(workspace, self.chip, &self.bin, &self.settings()?)
    }
}

fn usage<T>(message: impl Into<String>) -> Result<T, Usage> {
    Err(Usage(message.into()))
}

fn check_ssid(ssid: &str) -> Result<(), Usage> {
    match ssid.len() {
        1..=SSID_LEN_MAX => Ok(()),
        len => usage(format!("--ssid has {len} bytes; it must have 1 to {SSID_LEN_MAX}")),
    }
}

fn check_password(password: &str) -> Result<(), Usage> {
    let printable = password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match password.len() {
        0 => Ok(()),
        PASSWORD_LEN_MIN..=PASSWORD_LEN_MAX if printable => Ok(()),
        _ => usage(format!(
            "--password must be empty or have {PASSWORD_LEN_MIN} to {PASSWORD_LEN_MAX} printable ASCII characters"
        )),
    }
}

/// Makes the image, and prints the line that flashes it.
pub fn make(workspace: &Workspace, args: &Args) -> Result<()> {
    let elf = args.build(workspace)?;
    let folder = workspace.target.join("images");
    fs::create_dir_all(&folder)?;
    let name = format!("sockeye-{}-{}-{}.bin", args.chip.name(), args.bin, args.mode.name());
    let image = folder.join(name);
    save(workspace, args.chip, &elf, &image, true)?;
    println!("flash it: espflash write-bin 0x0 {}", workspace.relative(&image).display());
    Ok(())
}

/// The images that the README names.
pub fn make_all(workspace: &Workspace) -> Result<()> {
    let args = |chip, bin: &str, mode, ssid: Option<&str>| Args {
        chip,
        bin: bin.to_owned(),
        mode,
        open: false,
        ssid: ssid.map(str::to_owned),
        password: None,
    };
    for chip in Chip::BUILT {
        for bin in ["hello", "device"] {
            make(workspace, &args(chip, bin, Mode::Ap, None))?;
        }
    }
    make(workspace, &args(Chip::Esp32c3, "hello", Mode::Sta, Some("example")))
}

/// Has espflash write an image: the application alone, or merged with bootloader and partition table.
pub fn save(workspace: &Workspace, chip: Chip, elf: &Path, image: &Path, merged: bool) -> Result<()> {
    let mut command = Command::new(espflash(workspace)?);
    command.args(["save-image", "--skip-update-check", "--chip", chip.name(), "--flash-size", "4mb"]);
    command.arg("--partition-table").arg(partition_table(workspace));
    if merged {
        command.arg("--merge");
    }
    run(command.arg(elf).arg(image), LONG)
}

/// Builds, flashes over USB, and shows the console.
pub fn flash(workspace: &Workspace, args: &Args) -> Result<()> {
    let elf = args.build(workspace)?;
    let mut command = Command::new(espflash(workspace)?);
    command.args(["flash", "--monitor", "--skip-update-check", "--chip", args.chip.name(), "--flash-size", "4mb"]);
    command.arg("--partition-table").arg(partition_table(workspace)).arg(elf);
    become_it(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mode: Mode, open: bool, ssid: Option<&str>, password: Option<&str>, expected: Result<&[&str], &str>) {
        let [ssid, password] = [ssid, password].map(|text| text.map(str::to_owned));
        let args = Args { chip: Chip::Esp32c3, bin: "hello".to_owned(), mode, open, ssid, password };
        let settings = args
            .settings()
            .map(|settings| settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>());
        match (settings, expected) {
            (Ok(settings), Ok(expected)) => assert_eq!(settings, expected),
            (Err(error), Err(expected)) => assert!(error.0.contains(expected), "{error}"),
            (settings, expected) => panic!("{settings:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn settings_follow_from_the_arguments() {
        check(Mode::Ap, false, None, None, Ok(&["SOCKEYE_MODE=ap"]));
        check(Mode::Ap, true, None, None, Ok(&["SOCKEYE_MODE=ap", "SOCKEYE_OPEN=1"]));
        let open = ["SOCKEYE_MODE=sta", "SOCKEYE_SSID=barn", "SOCKEYE_PASSWORD="];
        check(Mode::Sta, false, Some("barn"), None, Ok(&open));
        check(Mode::Sta, false, Some("barn"), Some(""), Ok(&open));
        let closed = ["SOCKEYE_MODE=sta", "SOCKEYE_SSID=barn", "SOCKEYE_PASSWORD=eight888"];
        check(Mode::Sta, false, Some("barn"), Some("eight888"), Ok(&closed));
    }

    #[test]
    fn arguments_that_contradict_each_other_are_refused() {
        check(Mode::Ap, false, Some("barn"), None, Err("for --mode sta"));
        check(Mode::Ap, true, None, Some("eight888"), Err("for --mode sta"));
        check(Mode::Sta, true, Some("barn"), None, Err("for --mode ap"));
        check(Mode::Sta, false, None, Some("eight888"), Err("needs --ssid"));
    }

    #[test]
    fn names_and_passphrases_have_the_standards_lengths() {
        check(Mode::Sta, false, Some(""), None, Err("0 bytes"));
        check(Mode::Sta, false, Some(&"é".repeat(17)), None, Err("34 bytes"));
        assert!(check_ssid(&"s".repeat(32)).is_ok());
        for bad in ["seven77", "password\n", "pässwörter", &"p".repeat(64)] {
            check(Mode::Sta, false, Some("barn"), Some(bad), Err("8 to 63"));
        }
        assert!(check_password(&"p".repeat(63)).is_ok());
    }
}
