//! Measures the costs of Sockeye: `cargo xtask bench`, `instructions`, `profile` and `size` run this program.
//!
//! # Layout
//! - `compare.rs` and its folder: what Sockeye costs beside others, and docs/performance.md.
//! - `instructions.rs`: what a request costs, held against `ceilings.toml`.
//! - `profile.rs`: where those instructions go.
//! - `size.rs`, `footprint.rs`: memory and code size, held against `ceilings.toml`, and docs/footprint.md.
//! - `guest.rs`: a program in QEMU whose instructions are counted; `exchanges.rs`: the exchanges, from the client's side.
//! - `parts.rs`: the crate that an instruction belongs to, by the line tables of an image.
//! - `tables.rs`: tables of figures for documents.

mod compare;
mod exchanges;
mod footprint;
mod guest;
mod instructions;
mod parts;
mod profile;
mod size;
mod tables;

use std::env;
use std::fs;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use harness::usage;
use harness::workspace::Workspace;

/// Measures the costs of Sockeye
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Measures Sockeye beside others and writes docs/performance.md (root, Debian)
    Bench(compare::Args),
    /// The cost of a request in guest instructions, held against ceilings.toml
    Instructions(instructions::Args),
    /// Where the instructions of an exchange go, by crate and function
    Profile(profile::Args),
    /// Memory and code size of the firmware, held against ceilings.toml
    Size(size::Args),
    /// Fails if docs/performance.md or docs/footprint.md is not what its figures make
    #[command(hide = true)]
    Documents,
}

fn main() -> ExitCode {
    let job = match usage::parse(Cli::try_parse()) {
        Ok(Cli { job }) => job,
        Err(status) => return status,
    };
    usage::exit_code(Workspace::find().and_then(|workspace| run(job, &workspace)))
}

fn run(job: Job, workspace: &Workspace) -> Result<()> {
    match job {
        Job::Bench(args) => compare::job(workspace, &args),
        Job::Instructions(args) => instructions::job(workspace, &args),
        Job::Profile(args) => profile::job(workspace, &args),
        Job::Size(args) => size::job(workspace, &args),
        Job::Documents => documents(workspace),
    }
}

/// Fails with one line for each document that its figures do not make.
fn documents(workspace: &Workspace) -> Result<()> {
    let faults: Vec<_> =
        [compare::document_fault(workspace), footprint::document_fault(workspace)].into_iter().flatten().collect();
    if faults.is_empty() { Ok(()) } else { bail!("{}", faults.join("\n")) }
}

/// The fault of a document in the tree, which has to be `expected`, made from the figures of `file`; None if there is
/// no fault. With `SOCKEYE_BLESS` in the environment the document is written, for a change of its text that needs no
/// new figures.
fn stale_document(workspace: &Workspace, document: &str, expected: &str, file: &str, remedy: &str) -> Option<String> {
    let path = workspace.root.join(document);
    if env::var_os("SOCKEYE_BLESS").is_some()
        && let Err(error) = fs::write(&path, expected)
    {
        return Some(format!("{document}: {error}"));
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    (found != expected).then(|| format!("{document} isn't what {file} makes: run {remedy}"))
}
