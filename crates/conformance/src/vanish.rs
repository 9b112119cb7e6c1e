//! Peers that go away without a sign: power cut, out of range, Wi-Fi off.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::case::{Case, CaseResult};
use crate::limits::{REPLY_MAX, VANISHED_RECOVER_MAX};
use crate::raw::{Peer, RawConnection};
use crate::slots;
use crate::target::Target;

pub const CASES: &[Case] = &[
    Case::on_tap("host_vanishes", host_vanishes),
    Case::on_tap("peers_vanish_in_every_phase", peers_vanish_in_every_phase),
];

/// The address on our side of the tap; who makes the network namespace has set it.
const OWN_ADDRESS: &str = "10.0.2.2/24";
const HOST: u8 = 74;

/// The whole host is away, until this is dropped: no address, no ARP.
struct Absence<'a> {
    tap: &'a str,
}

impl<'a> Absence<'a> {
    fn begin(tap: &'a str) -> Result<Self> {
        let absence = Self { tap };
        ip(&["link", "set", tap, "arp", "off"])?;
        ip(&["addr", "del", OWN_ADDRESS, "dev", tap])?;
        Ok(absence)
    }

    fn end(self) -> Result<()> {
        std::mem::ManuallyDrop::new(self).come_back()
    }

    fn come_back(&self) -> Result<()> {
        ip(&["link", "set", self.tap, "arp", "on"])?;
        ip(&["addr", "replace", OWN_ADDRESS, "dev", self.tap])
    }
}

impl Drop for Absence<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.come_back() {
            eprintln!("the address on {} is lost: {error:#}", self.tap);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("running ip")?;
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// The clients of all slots vanish together with their host, which stays away until the server has noticed.
fn host_vanishes(target: &Target) -> CaseResult {
    let tap = target.tap.as_deref().context("this case needs --tap")?;
    let held = slots::hold(target, target.slots)?;
    let absence = Absence::begin(tap)?;
    for client in held {
        // Leaves no socket that could say FIN once the host is back.
        client.reset()?;
    }
    let away = target.idle + Duration::from_secs(4);
    thread::sleep(away);
    absence.end()?;
    let free_after = slots::all_usable(target, VANISHED_RECOVER_MAX)?;
    Ok(format!("away for {:.0} s, slots free {:.1} s after the return", away.as_secs_f32(), free_after.as_secs_f32()))
}

/// How far a connection gets before its peer is gone.
type Phase = (&'static str, fn(&mut Peer, u16) -> Result<()>);

const PHASES: &[Phase] = &[
    ("after the handshake", |peer, port| RawConnection::open(peer, port, 1).map(|_| ())),
    ("after the request", |peer, port| RawConnection::open(peer, port, 1)?.say(peer, b"hello\n")),
    ("after the server's FIN", |peer, port| {
        let mut connection = RawConnection::open(peer, port, 1)?;
        connection.say(peer, b"hello\n")?;
        connection.read_reply(peer, REPLY_MAX)?.expect_hello()
    }),
];

fn peers_vanish_in_every_phase(target: &Target) -> CaseResult {
    let mut details = Vec::new();
    for (index, (phase, reach_phase)) in PHASES.iter().enumerate() {
        let first_port = 44_000 + 100 * u16::try_from(index)?;
        let mut peer = Peer::new(target, HOST)?;
        for port in first_port..first_port + u16::try_from(target.slots)? {
            reach_phase(&mut peer, port).with_context(|| format!("port {port}, {phase}"))?;
        }
        // From here on nobody answers for that address.
        drop(peer);
        let free_after =
            slots::all_usable(target, VANISHED_RECOVER_MAX).with_context(|| format!("vanished {phase}"))?;
        details.push(format!("{phase} {:.1} s", free_after.as_secs_f32()));
    }
    Ok(format!("slots free: {}", details.join(", ")))
}
