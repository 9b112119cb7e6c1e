//! Images for flashing: a program with its network, bootloader and partition table merged in. Beside a device's image is
//! one for updates, which is signed by the owner's key.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use harness::chip::{Chip, build, partition_table};
use harness::firmware::UPDATE_KEY;
use harness::flash_image;
use harness::process::become_it;
use harness::usage::Usage;
use harness::workspace::Workspace;
use sockeye_firmware_image::{OwnerKey, SignedImage, write_unsigned};

use crate::setup;

/// The program that can be updated over the connection.
const UPDATED: &str = "device";

/// IEEE 802.11: an SSID has at most 32 bytes.
const SSID_LEN_MAX: usize = 32;
/// WPA2: a passphrase has 8 to 63 ASCII characters.
const PASSWORD_LEN_MIN: usize = 8;
const PASSWORD_LEN_MAX: usize = 63;

/// The inputs of an image.
#[derive(clap::Args)]
pub struct Args {
    /// The chip
    #[arg(value_enum)]
    chip: Chip,
    /// The program: hello or device
    bin: String,
    /// The device's own network is open instead of WPA2; anyone near can join
    #[arg(long)]
    open: bool,
    /// The network to join, 1 to 32 bytes; without it the device makes its own
    #[arg(long, value_name = "S")]
    ssid: Option<String>,
    /// Its WPA2 passphrase, 8 to 63 ASCII characters; none or empty for an open network
    #[arg(long, value_name = "P")]
    password: Option<String>,
    /// The key whose images the device takes as updates; PEM, and with its public half alone nothing is signed. Without it
    /// the user's, which is made at the first use
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Args {
    /// The firmware's build-time settings, if the arguments go together.
    fn settings(&self) -> Result<Vec<(&str, &str)>, Usage> {
        if self.key.is_some() && self.bin != UPDATED {
            return usage(format!("--key is for {UPDATED}: {} takes no updates over the connection", self.bin));
        }
        match &self.ssid {
            None if self.password.is_some() => usage("--password needs --ssid, the network to join"),
            None => Ok(if self.open { vec![("SOCKEYE_OPEN", "1")] } else { Vec::new() }),
            Some(_) if self.open => {
                usage("--open is for a device that makes its own network; an open one is joined without --password")
            }
            Some(ssid) => {
                let password = self.password.as_deref().unwrap_or_default();
                check_ssid(ssid)?;
                check_password(password)?;
                Ok(vec![("SOCKEYE_SSID", ssid), ("SOCKEYE_PASSWORD", password)])
            }
        }
    }

    /// The image's name: one that joins a network is not to be taken for one that doesn't.
    fn file_name(&self) -> String {
        let mode = if self.ssid.is_some() { "-sta" } else { "" };
        format!("sockeye-{}-{}{mode}.bin", self.chip.name(), self.bin)
    }

    fn build(&self, workspace: &Workspace, key: Option<&OwnerKey>) -> Result<PathBuf> {
        let key: Option<String> = key.map(|key| key.public().iter().map(|byte| format!("{byte:02x}")).collect());
        let mut settings = self.settings()?;
        settings.extend(key.as_deref().map(|key| (UPDATE_KEY, key)));
        build(workspace, self.chip, &self.bin, &settings)
    }

    /// The key of whoever may update the program: the one of the arguments, or the user's. None of a program that takes no
    /// updates.
    fn owner_key(&self) -> Result<Option<OwnerKey>> {
        if self.bin != UPDATED {
            return Ok(None);
        }
        let Some(path) = &self.key else {
            let path = OwnerKey::default_path()?;
            let (key, is_new) = OwnerKey::open_or_make(&path)?;
            if is_new {
                println!("made the key {}: keep a copy, devices take only what it has signed", path.display());
            }
            return Ok(Some(key));
        };
        OwnerKey::open(path).map(Some)
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

/// Makes the image, and prints the line that flashes it. Of a program that can be updated it also makes the image for
/// that, signs it, and prints the line that sends it.
pub fn make(workspace: &Workspace, args: &Args) -> Result<()> {
    args.settings()?;
    make_with(workspace, args, args.owner_key()?.as_ref())
}

fn make_with(workspace: &Workspace, args: &Args, key: Option<&OwnerKey>) -> Result<()> {
    let elf = args.build(workspace, key)?;
    let folder = workspace.target.join("images");
    fs::create_dir_all(&folder)?;
    let image = folder.join(args.file_name());
    fs::write(&image, flash_image::merge(&flash_image::parts(workspace, args.chip, &elf)?)?)?;
    println!("flash it: espflash write-bin 0x0 {}", workspace.relative(&image).display());
    println!("          (the whole flash; `cargo xtask flash` leaves a chip's settings as they are)");
    let Some(key) = key else { return Ok(()) };
    let update = folder.join(args.file_name().replace(".bin", "-update.bin"));
    let application = flash_image::application(workspace, args.chip, &elf)?;
    let shown = workspace.relative(&update);
    match SignedImage::sign(application.clone(), key) {
        Some(signed) => {
            signed.write(&update)?;
            println!("update with it: cargo run --release -- update HOST {}", shown.display());
        }
        None => {
            write_unsigned(&update, &application)?;
            println!("sign it as docs/update.md says: {}", shown.display());
        }
    }
    Ok(())
}

/// The images that the README names.
pub fn make_all(workspace: &Workspace) -> Result<()> {
    let args = |chip, bin: &str, ssid: Option<&str>| Args {
        chip,
        bin: bin.to_owned(),
        open: false,
        ssid: ssid.map(str::to_owned),
        password: None,
        key: None,
    };
    for chip in Chip::BUILT {
        for bin in ["hello", "device"] {
            make_with(workspace, &args(chip, bin, None), None)?;
        }
    }
    make_with(workspace, &args(Chip::Esp32c3, "hello", Some("example")), None)
}

/// Builds, flashes over USB, and shows the console.
pub fn flash(workspace: &Workspace, args: &Args) -> Result<()> {
    args.settings()?;
    let elf = args.build(workspace, args.owner_key()?.as_ref())?;
    let mut command = Command::new(setup::espflash(workspace)?);
    command.args(["flash", "--monitor", "--skip-update-check", "--chip", args.chip.name(), "--flash-size", "4mb"]);
    // espflash writes the first slot, so nothing may say that the second one is booted.
    command.args(["--erase-parts", "otadata"]);
    command.arg("--partition-table").arg(partition_table(workspace)).arg(elf);
    become_it(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(open: bool, ssid: Option<&str>, password: Option<&str>) -> Args {
        let [ssid, password] = [ssid, password].map(|text| text.map(str::to_owned));
        Args { chip: Chip::Esp32c3, bin: "hello".to_owned(), open, ssid, password, key: None }
    }

    fn check(open: bool, ssid: Option<&str>, password: Option<&str>, expected: Result<&[&str], &str>) {
        let args = args(open, ssid, password);
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
        check(false, None, None, Ok(&[]));
        check(true, None, None, Ok(&["SOCKEYE_OPEN=1"]));
        let open = ["SOCKEYE_SSID=barn", "SOCKEYE_PASSWORD="];
        check(false, Some("barn"), None, Ok(&open));
        check(false, Some("barn"), Some(""), Ok(&open));
        check(false, Some("barn"), Some("eight888"), Ok(&["SOCKEYE_SSID=barn", "SOCKEYE_PASSWORD=eight888"]));
    }

    #[test]
    fn arguments_that_contradict_each_other_are_refused() {
        check(false, None, Some("eight888"), Err("--password needs --ssid"));
        check(true, None, Some("eight888"), Err("--password needs --ssid"));
        check(true, Some("barn"), None, Err("--open is for"));
    }

    #[test]
    fn a_key_for_a_program_that_takes_no_updates_is_refused() {
        let hello = Args { key: Some("key.pem".into()), ..args(false, None, None) };
        assert!(hello.settings().is_err_and(|error| error.0.contains("hello takes no updates")));
        assert!(Args { bin: UPDATED.to_owned(), ..hello }.settings().is_ok());
    }

    #[test]
    fn names_and_passphrases_have_the_standards_lengths() {
        check(false, Some(""), None, Err("0 bytes"));
        check(false, Some(&"é".repeat(17)), None, Err("34 bytes"));
        assert!(check_ssid(&"s".repeat(32)).is_ok());
        for bad in ["seven77", "password\n", "pässwörter", &"p".repeat(64)] {
            check(false, Some("barn"), Some(bad), Err("8 to 63"));
        }
        assert!(check_password(&"p".repeat(63)).is_ok());
    }

    #[test]
    fn an_image_that_joins_a_network_has_another_name() {
        assert_eq!(args(false, None, None).file_name(), "sockeye-esp32c3-hello.bin");
        assert_eq!(args(false, Some("barn"), None).file_name(), "sockeye-esp32c3-hello-sta.bin");
    }
}
