//! All checks, in an order that fails early: what is quick first, what is built once before what uses it.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    checks, chips, clients, conformance, fuzz, image, measure, node, package, panics, push, services, setup, simulate,
    tcp, tidy,
};
use harness::workspace::Workspace;

/// Some check failed. The counts have said so, and they are the last line of all output.
#[derive(Debug)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a check failed")
    }
}

impl std::error::Error for Failed {}

type Check = fn(&Workspace) -> Result<()>;

const CHECKS: [(&str, Check); 21] = [
    ("setup", setup::job),
    ("tidy", tidy::job),
    ("fmt", checks::fmt),
    ("clippy", checks::clippy),
    ("unit", checks::unit),
    ("simulate", simulate::check),
    ("tcp", tcp::check),
    ("fuzz", fuzz::check),
    ("doc", checks::doc),
    ("package", package::job),
    ("conformance host", conformance::host),
    ("conformance qemu", conformance::qemu),
    ("instructions", |workspace| measure::check(workspace, "instructions")),
    ("panics", panics::job),
    ("node", node::job),
    ("clients", clients::job),
    ("push", push::check),
    ("services", services::check),
    ("chips", chips::job),
    ("images", image::make_all),
    ("size", |workspace| measure::check(workspace, "size")),
];

/// Runs every check, whatever fails, and ends with the counts.
pub fn job(workspace: &Workspace) -> Result<()> {
    run_checks(workspace, &CHECKS)
}

fn run_checks(workspace: &Workspace, checks: &[(&str, Check)]) -> Result<()> {
    let start = Instant::now();
    let mut lines = Vec::new();
    let mut failed = 0;
    for (name, check) in checks {
        println!("\n== {name}");
        let start = Instant::now();
        let result = check(workspace);
        let seconds = seconds(start.elapsed());
        match result {
            Ok(()) => lines.push(format!("passed {seconds:>5} s  {name}")),
            Err(error) => {
                println!("error: {error:#}");
                failed += 1;
                lines.push(format!("FAILED {seconds:>5} s  {name}"));
            }
        }
        println!("== {}", lines.last().expect("one was just added"));
    }
    println!("\n{}\nin all {} s", lines.join("\n"), seconds(start.elapsed()));
    println!("{} passed, {failed} failed", checks.len() - failed);
    if failed > 0 { Err(Failed.into()) } else { Ok(()) }
}

fn seconds(time: Duration) -> u64 {
    time.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::path::PathBuf;

    #[test]
    fn one_failure_fails_the_suite_and_the_rest_still_runs() {
        let folder = std::env::temp_dir().join(format!("sockeye-xtask-suite-{}", std::process::id()));
        let workspace = Workspace { root: PathBuf::new(), target: folder.clone() };
        let leave_trace: Check = |workspace| Ok(std::fs::create_dir(&workspace.target)?);
        let result = run_checks(&workspace, &[("bad", |_| bail!("broken")), ("good", leave_trace)]);
        assert!(result.unwrap_err().is::<Failed>());
        std::fs::remove_dir(&folder).unwrap();
        assert!(run_checks(&workspace, &[("good", |_| Ok(()))]).is_ok());
    }
}
