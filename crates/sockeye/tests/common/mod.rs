//! Ports for the tests that start programs. The tests of the client use this file too.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that Linux gives to no client (`net.ipv4.ip_local_port_range`).
const PORTS: std::ops::Range<u16> = 22_000..32_000;

/// A port of loopback that nobody listens on. No client's connection takes the port before the program does. No other
/// process's test is likely to, since each begins elsewhere.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let port = |number: u32| PORTS.start + (number % PORTS.len() as u32) as u16;
    let mut ports = PORTS.map(|_| port(process::id().wrapping_mul(61) + TAKEN.fetch_add(1, Ordering::Relaxed)));
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a port is free")
}
