//! The measuring program in `bench/measure`: its jobs are jobs of `cargo xtask` too.

use std::process::Command;

use anyhow::Result;
use harness::process::{LONG, become_it, cargo, run};
use harness::workspace::Workspace;

/// The arguments of a measuring job, passed on as they are.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// Options of the measuring program; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

impl Args {
    /// Whether the job begins with building programs to measure, so that their compilers must be there.
    pub fn builds(&self) -> bool {
        !self.options.iter().any(|option| ["--document", "--help", "-h"].contains(&option.as_str()))
    }
}

/// Becomes the measuring program with these options, so that its exit status is this one's.
pub fn job(workspace: &Workspace, name: &str, args: &Args) -> Result<()> {
    become_it(command(workspace, name).args(&args.options))
}

/// A job without options, as a check.
pub fn check(workspace: &Workspace, name: &str) -> Result<()> {
    run(&mut command(workspace, name), LONG)
}

fn command(workspace: &Workspace, name: &str) -> Command {
    let mut command = cargo(&workspace.root);
    command.args(["run", "--quiet", "--locked", "--package", "sockeye-measure", "--", name]);
    command
}
