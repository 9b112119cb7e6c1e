//! Running other programs: shown before they start, bounded in time, with errors that name them.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use wait_timeout::ChildExt;

/// The longest that a compiler, an installer or a test program may take.
pub const LONG: Duration = Duration::from_secs(20 * 60);
/// The longest for what should take seconds.
pub const SHORT: Duration = Duration::from_secs(120);

/// Before each further try of a download.
const DOWNLOAD_PAUSES: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];

/// `cargo` for the host's crates, run in `folder`.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder);
    command
}

/// The folder of cargo's downloads and settings, which is the user's.
pub fn cargo_home() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    home.context("there is no home directory")
}

/// The start of a command that the kernel ends when this program dies, however it dies.
pub fn bound(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Shows the command, runs it on this terminal, and fails unless it ends well within `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<()> {
    println!("$ {}", show(command));
    wait(command, limit)
}

/// As `run` for what needs the network: tried again after a while where it fails, as a server may fail for a moment.
pub fn download(command: &mut Command) -> Result<()> {
    retry(&DOWNLOAD_PAUSES, || run(command, LONG))
}

fn retry(pauses: &[Duration], mut run: impl FnMut() -> Result<()>) -> Result<()> {
    for pause in pauses {
        match run() {
            Ok(()) => return Ok(()),
            Err(error) => println!("{error:#}; once more in {} s", pause.as_secs()),
        }
        sleep(*pause);
    }
    run()
}

/// Shows the command and becomes it, so that signals reach it alone and it ends with the terminal.
pub fn become_it(command: &mut Command) -> Result<()> {
    println!("$ {}", show(command));
    Err(command.exec()).with_context(|| format!("can't start `{}`", show(command)))
}

/// As `run`, with nothing on the terminal but the error.
pub fn run_quietly(command: &mut Command, limit: Duration) -> Result<()> {
    wait(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()), limit)
}

fn wait(command: &mut Command, limit: Duration) -> Result<()> {
    let mut child = command.spawn().with_context(|| format!("can't start `{}`", show(command)))?;
    match child.wait_timeout(limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{}` failed ({status})", show(command)),
        None => {
            child.kill()?;
            child.wait()?;
            bail!("`{}` took longer than {} s", show(command), limit.as_secs())
        }
    }
}

/// The standard output of a program that ends by itself at once.
pub fn read(command: &mut Command) -> Result<String> {
    let output = finish(command)?;
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", show(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Status and both outputs of a program that ends by itself at once.
pub fn finish(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("can't start `{}`", show(command)))
}

/// The command as a person would type it; arguments are quoted only where they need it.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quote).collect::<Vec<_>>().join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
}

/// The first program of this name on PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_download_is_tried_again_and_not_for_ever() {
        let pauses = [Duration::ZERO; 3];
        for (good_at, is_good) in [(0, true), (3, true), (4, false)] {
            let mut tries = 0;
            let result = retry(&pauses, || {
                tries += 1;
                if tries > good_at { Ok(()) } else { bail!("no answer") }
            });
            assert_eq!((tries, result.is_ok()), ((good_at + 1).min(4), is_good));
        }
    }

    #[test]
    fn a_failed_command_is_named_with_its_status() {
        let error = run_quietly(&mut shell("exit 3"), SHORT).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c 'exit 3'` failed (exit status: 3)");
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let error = run_quietly(&mut shell("exec sleep 60"), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("took longer"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = read(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
