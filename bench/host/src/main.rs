//! The servers that are compared on a host, each on the tap device `tap0` as 10.0.2.15, port 3000:
//! `sockeye-bench-host sockeye | device | embassy-net | picoserve`.
//!
//! All servers run on one thread, which waits for the tap device itself. embassy's executor for Linux would be woken by
//! another thread that waits, and the kernel's part in that costs more than a server. All answer the exchanges of
//! `bench/exchange`, except the device, which speaks RESP, and picoserve, which serves HTTP.

mod device;
mod others;
mod sockeye;
mod tap;

use core::convert::Infallible;
use core::net::Ipv4Addr;
use std::env;
use std::io;
use std::process::ExitCode;

use async_executor::LocalExecutor;
use embassy_net::{Config, Ipv4Cidr, StaticConfigV4};
use peers::PORT;

use crate::tap::Tap;

/// Runs the tasks of a server.
type Executor = &'static LocalExecutor<'static>;

/// Clients served at once, and the one more that each server has room for.
const SLOTS: usize = 8;
const TAP: &str = "tap0";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 15];

fn main() -> ExitCode {
    let start: fn(Executor, Tap) = match env::args().nth(1).as_deref() {
        Some("sockeye") => |executor, tap| sockeye::start(executor, tap, |_| &sockeye::Answer),
        Some("device") => |executor, tap| sockeye::start(executor, tap, device::handler),
        Some("embassy-net") => |executor, tap| others::start(executor, tap, false),
        Some("picoserve") => |executor, tap| others::start(executor, tap, true),
        _ => {
            eprintln!("usage: sockeye-bench-host sockeye|device|embassy-net|picoserve");
            return ExitCode::from(2);
        }
    };
    match run(start) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("error: {TAP}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the tasks that `start` begins. The tasks run in turn while any can run.
fn run(start: fn(Executor, Tap)) -> io::Result<Infallible> {
    let (tap, readable) = Tap::open(TAP, MAC)?;
    let executor: Executor = Box::leak(Box::new(LocalExecutor::new()));
    start(executor, tap);
    loop {
        while executor.try_tick() {}
        readable.wait()?;
    }
}

/// The address of every server.
fn config() -> Config {
    let address = Ipv4Cidr::new(ADDRESS, 24);
    Config::ipv4_static(StaticConfigV4 { address, gateway: None, dns_servers: Default::default() })
}

fn listening() {
    println!("listening on port {PORT}");
}
