//! The `sockeye` program: the servers on a host, and the simulated device.
//!
//! # Layout
//! - `main.rs`: the command line.
//! - `net.rs`: listening on the host's TCP.
//! - `serve.rs`: running a server until Ctrl-C.
//! - `sim.rs`: the simulated device, which boots as the chip does.
//! - `device`: the device on a simulated board: its sensors, its settings.
//! - `loopback_air.rs` and its folder: networks in the air, for a person to play with.
//! - `update.rs` and its folder: sending an image to a device.
//! - `identity.rs`: what makes a simulated device one of its own: MAC address and passphrase.

mod device;
mod identity;
mod limits;
mod loopback_air;
mod net;
mod serve;
mod sim;
mod update;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum, value_parser};
use sockeye_boot::{Mode, PORT};
use sockeye_device::limits::{TOKEN_LEN_MAX, TOKEN_LEN_MIN};
use sockeye_firmware_image::OwnerKey;
use sockeye_firmware_update::limits::{CONFIRM_S, CONFIRM_S_MAX, CONFIRM_S_MIN};

use crate::limits::SLOTS;
use crate::update::Update;

/// Exit status for arguments that can't be used, as for arguments that can't be parsed.
const USAGE: u8 = 2;
/// Exit status of an update that the device does not keep.
const NOT_UPDATED: u8 = 1;

/// A lean TCP server for the ESP32, on this machine.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The classic server: prints each request, answers `Hello World`, closes
    Hello {
        /// Address and port to listen on
        #[arg(long, value_name = "IP:PORT", default_value_t = LISTEN.into())]
        listen: SocketAddr,
        /// Clients served at once, 1 to 64
        #[arg(long, value_name = "N", default_value_t = SLOTS)]
        slots: usize,
    },
    /// The simulated device: boots as the chip does, and serves
    Sim {
        /// How the device reaches its network
        #[arg(long, value_enum, default_value_t = SimMode::Ap)]
        mode: SimMode,
        /// Networks in the air, for the device to join; it begins with its own
        #[arg(long, value_enum, conflicts_with = "mode")]
        air: Option<Air>,
        /// Address and port of this machine where the device is reachable
        #[arg(long, value_name = "IPV4:PORT", default_value_t = LISTEN)]
        listen: SocketAddrV4,
        /// Folder that keeps the device's identity, settings and log between runs
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
        /// The device has been on for a day, and has measured since
        #[arg(long)]
        day: bool,
        /// Key whose images the device takes; PEM, its public half is enough
        #[arg(long, value_name = "FILE", requires = "state")]
        update_key: Option<PathBuf>,
        /// Device or Redis that samples are pushed to
        #[arg(long, value_name = "HOST:PORT")]
        push_to: Option<String>,
        /// The peer's token or password
        #[arg(long, value_name = "TOKEN", requires = "push_to")]
        push_token: Option<String>,
        /// Readings that are pushed: a pattern as in KEYS
        #[arg(long, value_name = "PATTERN", requires = "push_to", default_value = "*")]
        push_names: String,
        /// Least time between two samples of a reading that are pushed; 0 for all
        #[arg(long, value_name = "MS", requires = "push_to", default_value_t = 0)]
        push_period_ms: u32,
    },
    /// Sends firmware to a device, tries it, and keeps it once it is reachable
    Update {
        /// The device
        #[arg(value_name = "HOST[:PORT]", value_parser = host)]
        host: String,
        /// The image; its signature is FILE.sig
        #[arg(value_name = "FILE")]
        image: PathBuf,
        /// The device's token
        #[arg(long, value_name = "TOKEN", value_parser = token)]
        token: Option<String>,
        /// Seconds for which the device waits until the new firmware is confirmed, 10 to 600
        #[arg(long, value_name = "S", default_value_t = CONFIRM_S, allow_negative_numbers = true)]
        #[arg(value_parser = value_parser!(u16).range(CONFIRM_RANGE))]
        confirm_within: u16,
        /// Begin anew where a part was sent before
        #[arg(long)]
        anew: bool,
    },
    /// Makes an image for the simulated device, and signs it
    Image {
        /// The version that the device then tells
        version: String,
        /// Where the image goes; its signature goes to FILE.sig
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The key; PEM. Without it the user's, which is made at the first use
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Bytes of payload, as a chip's image would have
        #[arg(long, value_name = "N", default_value_t = 65_536)]
        payload: usize,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum SimMode {
    /// Access point: the device makes its own network
    Ap,
    /// Station: the device joins a network
    Sta,
}

#[derive(Clone, Copy, ValueEnum)]
enum Air {
    /// Three networks, of which one has no flaw
    Demo,
}

const CONFIRM_RANGE: RangeInclusive<i64> = CONFIRM_S_MIN as i64..=CONFIRM_S_MAX as i64;
const DAY: Duration = Duration::from_secs(86_400);
const LISTEN: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT);

/// The command line, or the exit status where there is nothing to run: help was asked for, or it can't be parsed. An
/// error takes one line.
fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let text = error.render();
        if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            eprintln!("{}", first_paragraph(&text.to_string()));
            return ExitCode::from(USAGE);
        }
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    })
}

/// The text, if it is a device's name or address.
fn host(text: &str) -> Result<String, &'static str> {
    update::parse_host(text).map(|_| text.to_owned())
}

/// The text, if a device can have it as its token.
fn token(text: &str) -> Result<String, String> {
    match text.len() {
        TOKEN_LEN_MIN..=TOKEN_LEN_MAX => Ok(text.to_owned()),
        _ => Err(format!("a token has {TOKEN_LEN_MIN} to {TOKEN_LEN_MAX} bytes")),
    }
}

/// The first paragraph in one line. The first line of an error can end in a colon, and those after it name the arguments.
fn first_paragraph(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    let mut failed = USAGE;
    let result = match cli.command {
        Command::Hello { listen, slots } => serve::hello(listen, slots),
        Command::Sim { mode, air, listen, state, day, update_key, push_to, push_token, push_names, push_period_ms } => {
            let mode = match mode {
                SimMode::Ap => Mode::AccessPoint,
                SimMode::Sta => Mode::Station,
            };
            let before = if day { DAY } else { Duration::ZERO };
            let token = push_token.unwrap_or_default();
            let push = push_to.map(|to| sim::push_settings(&to, &token, &push_names, push_period_ms)).transpose();
            let key = update_key.map(|path| OwnerKey::open(&path).map(|key| key.public())).transpose();
            push.and_then(|push| match air {
                Some(Air::Demo) => sim::run_in_air(listen, (state, key?), (push, before)),
                None => sim::run(mode, listen, (state.as_deref(), key?), (push, before)),
            })
        }
        Command::Update { host, image, token, confirm_within, anew } => update::read(&image).and_then(|signed| {
            failed = NOT_UPDATED;
            update::run(
                &Update {
                    host: &host,
                    image: &image,
                    token: token.as_deref(),
                    confirm_s: confirm_within,
                    is_anew: anew,
                },
                &signed,
            )
        }),
        Command::Image { version, file, key, payload } => update::make_image(&version, payload, key.as_deref(), &file),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(failed)
        }
    }
}
