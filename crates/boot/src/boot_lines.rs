//! The lines that a device prints on the console: each step of the boot when it is reached, then how to reach the
//! device. Later lines report each change of its network.

use core::fmt::{self, Arguments, Display};
use core::net::{Ipv4Addr, SocketAddr};

use embassy_time::Duration;

use crate::address_text::AddressText;
use crate::line::Line;
use crate::uptime::Uptime;

/// The address of a device in its access point's network.
pub const AP_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// The port that a device listens on.
pub const PORT: u16 = 3000;
/// The default port of browsers, which an access point listens on too.
pub const PAGE_PORT: u16 = 80;

/// How a device reaches its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The device is an access point.
    AccessPoint,
    /// The device joins a network.
    Station,
}

impl Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessPoint => "access point",
            Self::Station => "station",
        })
    }
}

/// The name of a device's own network: `sockeye-` and the last two bytes of its MAC address.
pub struct NetworkName(pub [u8; 6]);

impl Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sockeye-{:02X}{:02X}", self.0[4], self.0[5])
    }
}

/// A MAC address, printed as is usual.
struct Mac([u8; 6]);

impl Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Prints the boot lines through `print`, which puts one line on the console.
#[derive(Clone, Copy)]
pub struct Boot<P> {
    print: P,
}

impl<P: Fn(Line<'_>)> Boot<P> {
    /// The first line: what runs, and on what. The version is that of all packages.
    pub fn new(print: P, program: &str, platform: &str) -> Self {
        Self::of_version(print, env!("CARGO_PKG_VERSION"), program, platform)
    }

    /// The same for a program that has another version.
    pub fn of_version(print: P, version: &str, program: &str, platform: &str) -> Self {
        let boot = Self { print };
        boot.notice(format_args!("Sockeye {version} {program} on {platform}"));
        boot
    }

    fn notice(&self, text: Arguments<'_>) {
        (self.print)(Line::Notice(text));
    }

    /// The access point is coming up. `passphrase` is WPA2's; without one the network is open.
    pub fn access_point(&self, name: &dyn Display, passphrase: Option<&str>) {
        self.notice(format_args!("mode: {}", Mode::AccessPoint));
        match passphrase {
            Some(passphrase) => {
                (self.print)(Line::Secret(format_args!("network: {name}, WPA2 passphrase: {passphrase}")));
            }
            None => self.notice(format_args!("network: {name}, open: anyone near can join")),
        }
    }

    /// The radio is about to be configured for the first time. With a passphrase that takes about a second, for which
    /// nothing else runs: WPA2 hashes it 4,096 times (IEEE 802.11, J.4.1).
    pub fn radio_starting(&self) {
        self.notice(format_args!("starting the radio"));
    }

    /// The station is looking for its network.
    pub fn station(&self, name: &dyn Display) {
        self.notice(format_args!("mode: {}", Mode::Station));
        self.notice(format_args!("network: joining {name}"));
    }

    /// The network is up.
    pub fn network_up(&self, address: Ipv4Addr) {
        self.notice(format_args!("network up, address {}", AddressText(address)));
    }

    /// The classic server listens; `reach` is where a client reaches it. Says what to type next.
    pub fn listening(&self, port: u16, slots: usize, reach: SocketAddr) {
        let (ip, to, reach) = (AddressText(reach.ip()), u32::from(reach.port()), AddressText(reach));
        let port = u32::from(port);
        self.notice(format_args!("listening on port {port}, {slots} slots"));
        self.notice(format_args!("try: echo hello | nc {ip} {to}"));
        self.notice(format_args!("     node clients/node/hello.js {ip} {to}"));
        self.notice(format_args!("     a browser: http://{reach}/"));
    }

    /// The same for the device.
    pub fn device_listening(&self, port: u16, slots: usize, reach: SocketAddr) {
        let (ip, to, reach) = (AddressText(reach.ip()), u32::from(reach.port()), AddressText(reach));
        let port = u32::from(port);
        self.notice(format_args!("listening on port {port}, {slots} slots"));
        self.notice(format_args!("try: redis-cli -h {ip} -p {to} GET lm35"));
        self.notice(format_args!("     printf 'GET lm35\\nQUIT\\n' | nc {ip} {to}"));
        self.notice(format_args!("     a browser: http://{reach}/"));
    }

    /// The device has restarted for this reason, which is no failure.
    pub fn restarted(&self, reason: &str) {
        self.notice(format_args!("the device has restarted, reason: {reason}"));
    }

    /// Something failed that the device can do without.
    pub fn warning(&self, what: &dyn Display) {
        (self.print)(Line::Warning(format_args!("{what}")));
    }

    /// A client with this MAC address joined the access point, or left it.
    pub fn client(&self, mac: [u8; 6], joined: bool) {
        let what = if joined { "joined" } else { "left" };
        self.notice(format_args!("{} {} {what} the network", Uptime::now(), Mac(mac)));
    }

    /// The station is in its network, and has no address yet.
    pub fn joined(&self, name: &dyn Display) {
        self.notice(format_args!("{} joined {name}, waiting for an address", Uptime::now()));
    }

    /// The station tries again to join after `pause`.
    pub fn next_try(&self, pause: Duration) {
        let ms = pause.as_millis();
        self.notice(format_args!("{} next try in {}.{} s", Uptime::now(), ms / 1000, ms % 1000 / 100));
    }

    /// The station could not join its network, or is no longer in it.
    pub fn join_failed(&self, name: &dyn Display, why: &dyn Display) {
        self.notice(format_args!("{} not in {name}: {why}", Uptime::now()));
    }

    /// The network is gone, and the address with it.
    pub fn network_down(&self) {
        self.notice(format_args!("{} network down", Uptime::now()));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn addresses_and_names_are_printed_as_on_labels() {
        let mac = [0x02, 0x00, 0x0a, 0xff, 0x0b, 0xc1];
        assert_eq!(Mac(mac).to_string(), "02:00:0a:ff:0b:c1");
        assert_eq!(NetworkName(mac).to_string(), "sockeye-0BC1");
    }
}
