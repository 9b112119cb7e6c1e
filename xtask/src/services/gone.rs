//! Hosts that have gone: they ask, and when they are answered nobody has their addresses. And a peer that comes back.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use domain::base::Rtype;
use edge_dhcp::{DhcpOption, MessageType, Options, Packet};

use harness::namespace::TAP;
use harness::process::{SHORT, run_quietly};

use super::{GUEST, MDNS, MDNS_PORT, NAME, question};

/// The hosts' addresses, by their last number.
const HOSTS: std::ops::Range<u8> = 100..110;
/// Where the device pushes to.
pub const PEER: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 2, 50), 6379);
/// How long the device may take to reach a peer that is back. Its longest pause is a minute, an attempt may be under way,
/// and a busy machine gets as much again.
const BACK: Duration = Duration::from_secs(150);

fn address(change: &str, address: Ipv4Addr) -> Result<()> {
    run_quietly(Command::new("ip").args(["addr", change, &format!("{address}/24"), "dev", TAP]), SHORT)
}

/// Whether this side answers ARP.
fn set_arp(is_on: bool) -> Result<()> {
    // 8: for no address (the kernel's ip-sysctl).
    let file = format!("/proc/sys/net/ipv4/conf/{TAP}/arp_ignore");
    fs::write(&file, if is_on { "0" } else { "8" }).with_context(|| format!("write {file}"))
}

/// Ten hosts ask DNS, mDNS and DHCP, answer no ARP, and go.
pub fn ask_and_go() -> Result<()> {
    let hosts = || HOSTS.map(|last| Ipv4Addr::new(10, 0, 2, last));
    set_arp(false)?;
    for host in hosts() {
        address("add", host)?;
        let plain = UdpSocket::bind((host, 0))?;
        plain.send_to(&question("connectivitycheck.gstatic.com", Rtype::A)?, (GUEST, 53))?;
        plain.send_to(&question(&format!("{NAME}.local"), Rtype::A)?, (MDNS, MDNS_PORT))?;
        let options = [DhcpOption::MessageType(MessageType::Inform)];
        let mac = [2, 0, 0, 0, 1, host.octets()[3]];
        let inform = Packet::new_request(mac, 9, 0, Some(host), false, Options::new(&options));
        let mut bytes = [0; 576];
        let inform = inform.encode(&mut bytes).map_err(|error| anyhow!("{error:?}"))?;
        UdpSocket::bind((host, 68)).context("the port of DHCP's clients")?.send_to(inform, (GUEST, 67))?;
    }
    for host in hosts() {
        address("del", host)?;
    }
    set_arp(true)
}

/// The peer comes back, and the device finds it. How long that took.
pub fn peer_comes_back() -> Result<Duration> {
    address("add", PEER.0)?;
    let listener = TcpListener::bind(PEER)?;
    listener.set_nonblocking(true)?;
    let back = Instant::now();
    while back.elapsed() < BACK {
        if listener.accept().is_ok() {
            address("del", PEER.0)?;
            return Ok(back.elapsed());
        }
        thread::sleep(Duration::from_millis(50));
    }
    bail!("the device doesn't reach a peer that has come back")
}
