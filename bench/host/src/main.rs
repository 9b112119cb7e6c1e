//! The servers that are compared on a host, each on the tap device `tap0` as 10.0.2.15, port 3000:
//! `sockeye-bench-host sockeye | embassy-net | picoserve`.
//!
//! All run on one thread and answer what `exchange.rs` of the board qemu-virt says, but picoserve, which serves HTTP.

#[path = "../../../firmware/qemu-virt/src/exchange.rs"]
mod exchange;
mod peers;
mod sockeye;

use std::env;
use std::process::ExitCode;

use core::net::Ipv4Addr;
use embassy_executor::{Executor, Spawner};
use embassy_net::{Config, Ipv4Cidr, StaticConfigV4};
use embassy_net_tuntap::TunTapDevice;
use static_cell::StaticCell;

/// The port that is served.
const PORT: u16 = 3000;
/// Clients served at once, and the one more that each server has room for.
const SLOTS: usize = 8;
/// Bytes that a connection buffers, each way.
const BUFFER_LEN: usize = 1024;
/// Bytes that are read at once.
const READ_LEN: usize = 128;
const TAP: &str = "tap0";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 15];

#[derive(Clone, Copy)]
enum Server {
    Sockeye,
    EmbassyNet,
    Picoserve,
}

fn main() -> ExitCode {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let server = match env::args().nth(1).as_deref() {
        Some("sockeye") => Server::Sockeye,
        Some("embassy-net") => Server::EmbassyNet,
        Some("picoserve") => Server::Picoserve,
        _ => {
            eprintln!("usage: sockeye-bench-host sockeye|embassy-net|picoserve");
            return ExitCode::from(2);
        }
    };
    let device = match TunTapDevice::new(TAP) {
        Ok(mut device) => {
            device.set_hardware_address(MAC);
            device
        }
        Err(error) => {
            eprintln!("error: {TAP}: {error}");
            return ExitCode::FAILURE;
        }
    };
    EXECUTOR.init(Executor::new()).run(|spawner| start(spawner, server, device))
}

fn start(spawner: Spawner, server: Server, device: TunTapDevice) {
    match server {
        Server::Sockeye => spawner.spawn(sockeye::start(spawner, device).expect("one task")),
        Server::EmbassyNet => peers::start(spawner, device, false),
        Server::Picoserve => peers::start(spawner, device, true),
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
