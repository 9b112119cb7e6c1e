//! Ports for the tests that start programs. The tests of the client use this file too.

use std::mem::forget;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;

/// Ports that Linux gives to no client (`net.ipv4.ip_local_port_range`).
const PORTS: std::ops::Range<u16> = 22_000..32_000;

/// A port of loopback that nobody listens on, and that this function gives to nobody else on this machine until this
/// process ends. The mark of that is a UDP socket on the port of that number, which Linux closes with the process.
pub fn free_port() -> u16 {
    // Each process begins elsewhere, so that a port rests before it is used again.
    let first = process::id().wrapping_mul(61) % PORTS.len() as u32;
    let mut ports = PORTS.cycle().skip(first as usize).take(PORTS.len());
    ports.find(|port| take(*port)).expect("a port is free")
}

/// Takes the port, unless somebody has it.
fn take(port: u16) -> bool {
    let Ok(mark) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { return false };
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    if is_free {
        forget(mark);
    }
    is_free
}
