//! All checks, in an order that fails early: quick checks first, then builds, then the checks that use the builds.
//!
//! Compilers take all cores, and tests of servers mostly wait. So the checks after the builds run in lanes, one beside
//! the other. A lane's output goes to a file, and is shown when its check has ended. Checks of exact counts run alone,
//! after the lanes.

use std::fmt;
use std::fs::{self, File};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::process::{bound, show};
use harness::workspace::Workspace;
use wait_timeout::ChildExt;

/// Some check failed. The counts have said so, and they are the last line of all output.
#[derive(Debug)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a check failed")
    }
}

impl std::error::Error for Failed {}

/// A job of `cargo xtask` with its arguments, as they are typed.
type Check = &'static str;

/// One after the other, on the terminal.
const FIRST: [Check; 6] = ["setup", "tidy", "fmt", "clippy", "unit", "programs"];
/// Beside one another; the checks of a lane one after the other. The checks of the simulation share a lane. Cargo's
/// builds of its tests and of its programs have different features, and replace each other's programs while they run.
const LANES: [&[Check]; 4] = [
    &["fuzz", "panics", "chips", "dist", "images", "doc", "package"],
    &["simulate", "tcp", "redis", "bad-wire", "conformance host", "node", "services"],
    &["conformance qemu", "push --cuts 25", "wiring", "log", "updates --built"],
    &["clients"],
];
/// One after the other again: they measure, or build other variants of what the lanes use.
const LAST: [Check; 2] = ["instructions", "size"];

/// The longest that one check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Runs every check, whatever fails, and ends with the counts.
pub fn job(workspace: &Workspace) -> Result<()> {
    let program = std::env::current_exe().context("find this program")?;
    let command = |check: &str| {
        let mut command = bound(&program);
        command.args(check.split(' '));
        command
    };
    run_checks(workspace, &command, &FIRST, &LANES, &LAST)
}

fn run_checks(
    workspace: &Workspace,
    command: &(impl Fn(&str) -> Command + Sync),
    first: &[Check],
    lanes: &[&[Check]],
    last: &[Check],
) -> Result<()> {
    let report = Report::default();
    first.iter().for_each(|check| report.run(check, |_| on_terminal(command(check))));
    thread::scope(|scope| {
        for lane in lanes {
            let report = &report;
            scope.spawn(move || {
                lane.iter().for_each(|check| report.run_aside(check, || into_file(workspace, check, command(check))));
            });
        }
    });
    last.iter().for_each(|check| report.run(check, |_| on_terminal(command(check))));
    report.end()
}

/// The checks that have ended so far. The holder of the lock may print.
#[derive(Default)]
struct Report {
    ended: Mutex<Vec<(String, bool)>>,
    start: Start,
}

/// When all began.
struct Start(Instant);

impl Default for Start {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Report {
    /// Runs a check that has the terminal to itself.
    fn run(&self, check: &str, run: impl FnOnce(&str) -> Result<()>) {
        println!("\n== {check}");
        let start = Instant::now();
        let result = run(check);
        self.add(&mut self.ended.lock().expect("nobody panics"), check, start, result);
    }

    /// Runs a check beside others, and shows its output when it has ended.
    fn run_aside(&self, check: &str, run: impl FnOnce() -> (String, Result<()>)) {
        let start = Instant::now();
        let (output, result) = run();
        let mut ended = self.ended.lock().expect("nobody panics");
        println!("\n== {check}\n{}", output.trim_end());
        self.add(&mut ended, check, start, result);
    }

    fn add(&self, ended: &mut Vec<(String, bool)>, check: &str, start: Instant, result: Result<()>) {
        let has_passed = result.is_ok();
        if let Err(error) = result {
            println!("error: {error:#}");
        }
        let word = if has_passed { "passed" } else { "FAILED" };
        let line = format!("{word} {:>5} s  {check}", start.elapsed().as_secs());
        println!("== {line}");
        ended.push((line, has_passed));
    }

    fn end(&self) -> Result<()> {
        let ended = self.ended.lock().expect("nobody panics");
        let failed = ended.iter().filter(|(_, has_passed)| !has_passed).count();
        let lines: Vec<_> = ended.iter().map(|(line, _)| line.as_str()).collect();
        println!("\n{}\nin all {} s", lines.join("\n"), self.start.0.elapsed().as_secs());
        println!("{} passed, {failed} failed", ended.len() - failed);
        if failed > 0 { Err(Failed.into()) } else { Ok(()) }
    }
}

fn on_terminal(mut command: Command) -> Result<()> {
    wait(&mut command)
}

/// Runs the check with its output in `target/checks/NAME.log`, and returns that output too.
fn into_file(workspace: &Workspace, check: &str, command: Command) -> (String, Result<()>) {
    let path = workspace.target.join("checks").join(format!("{}.log", check.replace(' ', "-")));
    let result = write_file(&path, command);
    let output = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    (output, result)
}

fn write_file(path: &std::path::Path, mut command: Command) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
    wait(command.stdout(file.try_clone()?).stderr(file))
}

fn wait(command: &mut Command) -> Result<()> {
    let mut child = command.spawn().with_context(|| format!("can't start `{}`", show(command)))?;
    match child.wait_timeout(CHECK_LIMIT)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{status}"),
        None => {
            child.kill()?;
            child.wait()?;
            bail!("it took longer than {} s", CHECK_LIMIT.as_secs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn run(first: &[Check], lanes: &[&[Check]], last: &[Check]) -> (PathBuf, Result<()>) {
        let name = format!("sockeye-xtask-suite-{}-{:?}", std::process::id(), thread::current().id());
        let target = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&target);
        fs::create_dir_all(&target).unwrap();
        let workspace = Workspace { root: PathBuf::new(), target: target.clone() };
        let command = |check: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", check]).current_dir(&target);
            command
        };
        let result = run_checks(&workspace, &command, first, lanes, last);
        (target, result)
    }

    #[test]
    fn one_failure_fails_the_suite_and_the_rest_still_runs() {
        let (target, result) = run(&["exit 3", "mkdir a"], &[&["false", "mkdir b"], &["mkdir c"]], &["mkdir d"]);
        assert!(result.unwrap_err().is::<Failed>());
        ["a", "b", "c", "d"].iter().for_each(|trace| assert!(target.join(trace).is_dir(), "{trace}"));
        fs::remove_dir_all(&target).unwrap();
        for (first, lanes, last) in
            [(&["false"][..], "true", "true"), (&["true"], "false", "true"), (&["true"], "true", "false")]
        {
            let (target, result) = run(first, &[&[lanes]], &[last]);
            assert!(result.is_err());
            fs::remove_dir_all(&target).unwrap();
        }
        let (target, result) = run(&["true"], &[&["echo it is; echo here >&2"]], &["true"]);
        assert!(result.is_ok());
        assert_eq!(fs::read(target.join("checks/echo-it-is;-echo-here->&2.log")).unwrap(), b"it is\nhere\n");
        fs::remove_dir_all(&target).unwrap();
    }

    #[test]
    fn the_checks_of_the_simulation_share_a_lane() {
        let in_lane =
            |lane: &&[Check]| ["simulate", "tcp", "redis", "bad-wire"].iter().any(|check| lane.contains(check));
        assert_eq!(LANES.iter().filter(|lane| in_lane(lane)).count(), 1);
    }

    #[test]
    fn every_check_is_a_job() {
        let known = crate::job_names();
        for check in FIRST.iter().chain(LANES.into_iter().flatten()).chain(&LAST) {
            let job = check.split(' ').next().unwrap_or_default();
            assert!(known.iter().any(|name| name == job), "{check}");
        }
    }
}
