//! Tests a `hello` server from outside, over real connections, wherever it runs.
//!
//! # Layout
//! `main` reads the arguments, and `case_runner` runs the cases that `suite` lists. The cases are in files by subject:
//! - `basic`, `browser`, `overload`, `stalled`, `hostile`, `cycles` and `vanish` use the machine's own TCP stack,
//!   through `test_client`, `slots` and `answer`.
//! - `raw` builds TCP segments by hand.
//!
//! `limits` has every time limit.

mod answer;
mod basic;
mod browser;
mod case;
mod case_runner;
mod cycles;
mod hostile;
mod limits;
mod overload;
mod raw;
mod slots;
mod stalled;
mod suite;
mod target;
mod test_client;
mod vanish;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

use crate::target::Target;

/// Tests a Sockeye hello server from outside.
#[derive(Parser)]
#[command(name = "conformance", version)]
struct Arguments {
    /// Where the server runs.
    #[arg(long)]
    target: Kind,
    /// The server's address and port.
    #[arg(long, value_name = "IP:PORT")]
    address: SocketAddr,
    /// Connections that the server serves at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    slots: u16,
    /// How long the server waits for a client that sends nothing.
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2_000..))]
    idle_ms: u32,
    /// Connections of the endurance case; 1000 on qemu, 500 on the host where nothing is said.
    #[arg(long, value_name = "N")]
    cycles: Option<u16>,
    /// The interface towards the server, for the cases with raw frames; only in a network namespace of its own.
    #[arg(long, value_name = "NAME")]
    tap: Option<String>,
    /// Run only the cases whose names contain this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The program on this machine, over loopback.
    Host,
    /// The bare-metal image in QEMU.
    Qemu,
}

impl Kind {
    fn default_cycles(self) -> u16 {
        match self {
            Kind::Host => 500,
            Kind::Qemu => 1_000,
        }
    }
}

impl Arguments {
    fn check(&self) -> Result<(), &'static str> {
        let Some(tap) = &self.tap else {
            return Ok(());
        };
        if self.target != Kind::Qemu {
            return Err("--tap needs --target qemu");
        }
        if !self.address.is_ipv4() {
            return Err("--tap needs an IPv4 address");
        }
        if !target::is_alone_with(tap).unwrap_or(false) {
            return Err("--tap needs a network namespace with nothing but loopback and the tap");
        }
        Ok(())
    }

    fn into_target(self) -> Target {
        Target {
            address: self.address,
            slots: self.slots.into(),
            idle: Duration::from_millis(self.idle_ms.into()),
            cycles: self.cycles.unwrap_or(self.target.default_cycles()).into(),
            tap: self.tap,
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if let Err(reason) = arguments.check() {
        Arguments::command().error(ErrorKind::ArgumentConflict, reason).exit()
    }
    let only = arguments.only.take().unwrap_or_default();
    let target = arguments.into_target();
    let mut cases = suite::for_target(&target);
    cases.retain(|case| case.name.contains(&only));
    if cases.is_empty() {
        Arguments::command()
            .error(ErrorKind::InvalidValue, format!("no case of this target has {only} in its name"))
            .exit()
    }
    if case_runner::run(&cases, &target) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
