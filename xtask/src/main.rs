//! Every check and build of Sockeye, as `cargo xtask JOB`. CI calls the same jobs.
//!
//! # Layout
//! - `suite.rs`: all jobs in order, which is `cargo xtask test`.
//! - `setup.rs`: what the other jobs need on this machine.
//! - `checks.rs`: formatting, clippy, unit tests, documentation.
//! - `simulate.rs`: the device in simulated time. `tcp.rs`: two TCP hosts in simulated time.
//! - `bad_wire.rs`: Linux's TCP and ours through a bad wire.
//! - `fuzz.rs`: the fuzz targets, built and run. `properties.rs`: property tests with more seeds.
//! - `tidy.rs` and its folder: rules about the tree that no compiler holds.
//! - `chips.rs`, `image.rs`: the ESP32 firmware, built, checked, made into images, flashed.
//! - `dist.rs` and its folder: a release.
//! - `qemu.rs`: the bare-metal image in QEMU.
//! - `push.rs` and its folder: a device that pushes its samples.
//! - `updates.rs` and its folder: updates of the bare-metal device over TCP.
//! - `conformance.rs`, `namespace.rs`, `node.rs`, `clients.rs`: the servers tested from outside.
//! - `measure.rs`: the measuring program in `bench/measure`.
//! - `device_page.rs`: the device's page in a browser.
//! - `package.rs`: the library crates as packages that others can add.
//! - `programs.rs`: what the tests of servers run, built.
//! - `panics.rs`: the release image searched for panics of ours.
//! - `services.rs`: the services of a device's own network, tested from outside.
//!
//! `xtask/harness` has the code that the jobs share with the measuring program.

mod bad_wire;
mod checks;
mod chips;
mod cli;
mod clients;
mod conformance;
mod device_page;
mod dist;
mod fuzz;
mod image;
mod log;
mod measure;
mod mutants;
mod node;
mod package;
mod panics;
mod programs;
mod properties;
mod push;
mod qemu;
mod services;
mod setup;
mod simulate;
mod suite;
mod tcp;
mod tidy;
mod updates;
mod wiring;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use harness::usage;
use harness::workspace::Workspace;

/// Every check and build of Sockeye
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    job: Option<Job>,
}

#[derive(Subcommand)]
enum Job {
    /// Everything below that checks, in order, with counts at the end
    Test,
    /// Installs what the other jobs need and is missing
    Setup,
    /// Rules about the tree: imports, dead files, paths in docs, file sizes
    Tidy,
    /// Formatting of every Rust file
    Fmt,
    /// Clippy on host crates and firmware, warnings denied
    Clippy,
    /// Unit tests and doc tests
    Unit,
    /// Builds the host's programs and the bare-metal images that the tests run
    Programs,
    /// The codec, the client and the device against Redis itself
    Redis,
    /// The device in simulated time, seed by seed
    Simulate(simulate::Args),
    /// Two TCP hosts on a bad link, seed by seed, and the RFC's table of segments
    Tcp(tcp::Args),
    /// Transfers between Linux and a device through a bad wire, in real time
    BadWire(bad_wire::Args),
    /// Mutants of the TCP engine, of which tests must notice 95 in 100 (an hour)
    Mutants(mutants::Args),
    /// Fuzzes the codec and whole sessions
    Fuzz(fuzz::Args),
    /// Property tests with other inputs than those of `unit`, seed by seed
    Properties(properties::Args),
    /// The library crates' documentation, warnings denied
    Doc,
    /// Builds the ESP32-C3 and -C6 firmware, type-checks it for ESP32 and ESP32-S3
    Chips,
    /// Makes a merged image that one espflash line flashes
    Image(image::Args),
    /// A release: images, parts, checksums, licences, and a page that flashes
    Dist(dist::Args),
    /// Builds, flashes over USB and shows the chip's console
    Flash(image::Args),
    /// The images that the README names, each made once
    Images,
    /// The library crates as packages, each built from its archive
    Package,
    /// Boots the bare-metal image of BIN in QEMU, until Ctrl-C
    Qemu(qemu::Args),
    /// Tests the server from outside, on the host and in QEMU
    Conformance(conformance::Args),
    /// Redis clients against the device, on the host and in QEMU
    Clients,
    /// The device's page in Chromium: axe-core's rules, and pictures of it
    Page(device_page::Args),
    /// A device that pushes: into Redis over cut connections, from guest to guest
    Push(push::Args),
    /// Updates of the device in QEMU: kept, not confirmed, broken, refused, resumed
    Updates(updates::Args),
    /// Wired parts of the device in QEMU: read, pulled out, plugged in, restarted
    Wiring,
    /// The device's log in QEMU: over a panic, a watchdog's reset and RESTART
    Log,
    /// The cost of a request in guest instructions, held against ceilings.toml
    Instructions(measure::Args),
    /// Measures Sockeye beside others and writes docs/performance.md (root, Debian)
    Bench(measure::Args),
    /// Where the instructions of an exchange go, by crate and function
    Profile(measure::Args),
    /// Tests the Node.js clients, alone and against host and QEMU
    Node,
    /// The services of a device for a phone: DHCP, DNS, mDNS, the page
    Services(services::Args),
    /// Shows that the device's own steps can't panic, from its release image
    Panics,
    /// Memory and code size of the firmware, held against ceilings.toml
    Size(measure::Args),
}

fn main() -> ExitCode {
    let job = match usage::parse(Cli::try_parse()) {
        Ok(Cli { job: Some(job) }) => job,
        Ok(Cli { job: None }) => {
            list_jobs();
            return ExitCode::SUCCESS;
        }
        Err(status) => return status,
    };
    match Workspace::find().and_then(|workspace| run(job, &workspace)) {
        Err(error) if error.is::<suite::Failed>() => ExitCode::FAILURE,
        result => usage::exit_code(result),
    }
}

fn run(job: Job, workspace: &Workspace) -> Result<()> {
    match job {
        Job::Test => suite::job(workspace),
        Job::Setup => setup::job(workspace),
        Job::Tidy => tidy::job(workspace),
        Job::Fmt => checks::fmt(workspace),
        Job::Clippy => checks::clippy(workspace),
        Job::Unit => checks::unit(workspace),
        Job::Programs => programs::job(workspace),
        Job::Redis => checks::against_redis(workspace),
        Job::Simulate(args) => simulate::job(workspace, &args),
        Job::Tcp(args) => tcp::job(workspace, &args),
        Job::BadWire(args) => bad_wire::job(workspace, &args),
        Job::Mutants(args) => mutants::job(workspace, &args),
        Job::Fuzz(args) => fuzz::job(workspace, &args),
        Job::Properties(args) => properties::job(workspace, &args),
        Job::Doc => checks::doc(workspace),
        Job::Chips => chips::job(workspace),
        Job::Image(args) => image::make(workspace, &args),
        Job::Dist(args) => dist::job(workspace, &args),
        Job::Flash(args) => image::flash(workspace, &args),
        Job::Images => image::make_all(workspace),
        Job::Package => package::job(workspace),
        Job::Qemu(args) => qemu::job(workspace, &args),
        Job::Conformance(args) => conformance::job(workspace, &args),
        Job::Clients => clients::job(workspace),
        Job::Page(args) => device_page::job(workspace, &args),
        Job::Push(args) => push::job(workspace, &args),
        Job::Updates(args) => updates::job(workspace, &args),
        Job::Wiring => wiring::job(workspace),
        Job::Log => log::job(workspace),
        Job::Instructions(args) => measure::job(workspace, "instructions", &args),
        Job::Bench(args) => bench(workspace, &args),
        Job::Profile(args) => measure::job(workspace, "profile", &args),
        Job::Node => node::job(workspace),
        Job::Services(args) => services::job(workspace, &args),
        Job::Panics => panics::job(workspace),
        Job::Size(args) => measure::job(workspace, "size", &args),
    }
}

fn bench(workspace: &Workspace, args: &measure::Args) -> Result<()> {
    if args.builds() {
        setup::bench()?;
    }
    measure::job(workspace, "bench", args)
}

fn list_jobs() {
    println!("cargo xtask JOB, where JOB is");
    for job in Cli::command().get_subcommands() {
        let about = job.get_about().map(ToString::to_string).unwrap_or_default();
        println!("  {:<12} {about}", job.get_name());
    }
}

/// The names of all jobs, for the check that the documents name no other.
fn job_names() -> Vec<String> {
    Cli::command().get_subcommands().map(|job| job.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::usage::one_line;

    #[test]
    fn bad_arguments_are_told_in_one_line() {
        let told = |arguments: &[&str]| match Cli::try_parse_from(arguments) {
            Ok(_) => panic!("{arguments:?} parses"),
            Err(error) => one_line(&error.to_string()),
        };
        assert_eq!(told(&["xtask", "paint"]), "error: unrecognized subcommand 'paint'");
        assert_eq!(
            told(&["xtask", "image", "esp32c4", "hello"]),
            "error: invalid value 'esp32c4' for '<CHIP>' [possible values: esp32c3, esp32c6, esp32, esp32s3]"
        );
        assert_eq!(
            told(&["xtask", "image"]),
            "error: the following required arguments were not provided: <CHIP> <BIN>"
        );
        // A run of nothing passes, and a time of 0 is one without an end.
        for [job, option, value] in [
            ["tcp", "--seeds", "0"],
            ["tcp", "--from", "18446744073709551615"],
            ["tcp", "--pair", "own-linux"],
            ["simulate", "--seeds", "0"],
            ["properties", "--seeds", "0"],
            ["updates", "--times", "0"],
            ["fuzz", "--seconds", "0"],
        ] {
            let error = told(&["xtask", job, option, value]);
            assert!(error.starts_with(&format!("error: invalid value '{value}' for '{option} <")), "{error}");
        }
    }

    #[test]
    fn every_job_has_a_line_in_the_list() {
        for job in Cli::command().get_subcommands() {
            let about = job.get_about().map(ToString::to_string).unwrap_or_default();
            assert!((10..80).contains(&about.len()), "{}: {about:?}", job.get_name());
        }
    }
}
