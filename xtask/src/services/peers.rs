//! The services as the programs of others see them: avahi, python-zeroconf and mdns-scan by mDNS, udhcpc and dhcpcd by
//! DHCP, dnsmasq by DNS.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, ensure};
use domain::base::Rtype;

use harness::namespace::TAP;
use harness::process::{bound, finish, show};
use harness::workspace::Workspace;

use super::{GUEST, GUEST_PORT, HOST, NAME, ask, question, records};

/// The programs, each with the Debian package that `cargo xtask setup` gets it from.
pub const PROGRAMS: [(&str, &str); 8] = [
    ("avahi-browse", "avahi-utils"),
    ("avahi-daemon", "avahi-daemon"),
    ("dbus-daemon", "dbus-daemon"),
    ("dhcpcd", "dhcpcd-base"),
    ("dnsmasq", "dnsmasq-base"),
    ("mdns-scan", "mdns-scan"),
    ("udhcpc", "udhcpc"),
    (PYTHON, "python3-zeroconf"),
];
/// Debian's, which has the packages.
const PYTHON: &str = "/usr/bin/python3";
/// How long a program may take to start; a busy machine takes a few seconds.
const START: Duration = Duration::from_secs(60);
/// Where dnsmasq listens, which asks the device.
const FORWARDER_PORT: u16 = 5300;
/// How often a program may look for the device.
const PROGRAM_TRIES: usize = 5;
/// Ends a program that would go on.
const TIMEOUT: &str = "timeout";

/// Asks with python-zeroconf: what it finds, and how long it takes to hear that there is no IPv6 address.
const ZEROCONF: &str = r#"
import sys, time
from zeroconf import DNSQuestionType, IPVersion, ServiceBrowser, Zeroconf
zeroconf = Zeroconf(interfaces=[sys.argv[1]], ip_version=IPVersion.V4Only)
name = sys.argv[2] + "._sockeye._tcp.local."
info = zeroconf.get_service_info("_sockeye._tcp.local.", name, 30000, question_type=DNSQuestionType.QM)
print("found", info.server, info.parsed_addresses(), info.port)
found = []
class Listener:
    def add_service(self, zeroconf, kind, name): found.append(name)
    def update_service(self, *_): pass
    def remove_service(self, zeroconf, kind, name): found.append("no " + name)
ServiceBrowser(zeroconf, "_sockeye._tcp.local.", Listener())
end = time.monotonic() + 30
while not found and time.monotonic() < end:
    time.sleep(0.1)
# A service that is taken back is heard of soon after.
time.sleep(2)
print("browsed", found)
zeroconf.close()
"#;

/// Ends with the test.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        // The program may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program, and waits until `is_ready` finds that it is.
fn start(command: &mut Command, log: &Path, is_ready: impl Fn() -> Result<bool>) -> Result<Background> {
    let log = fs::File::create(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let program = Background(command.spawn().with_context(|| show(command))?);
    let start = Instant::now();
    while !is_ready()? {
        ensure!(start.elapsed() < START, "{} does not start", show(command));
        thread::sleep(Duration::from_millis(50));
    }
    Ok(program)
}

/// Runs a program until all of `wanted` is in its output, a few times at most. Some programs look for a service for one
/// second only, and a machine may stall for longer.
fn expect(command: &[&str], bus: &str, wanted: &[&str]) -> Result<()> {
    let mut tries = 1;
    loop {
        let mut program = bound(TIMEOUT);
        program.args(["-k", "1", "60"]).args(command).env("DBUS_SYSTEM_BUS_ADDRESS", bus).stdin(Stdio::null());
        let output = finish(&mut program)?;
        let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let Some(missing) = wanted.iter().find(|wanted| !printed.contains(**wanted)) else { return Ok(()) };
        ensure!(tries < PROGRAM_TRIES, "{}: no {missing:?} in: {printed}", command.join(" "));
        println!("services: {} found nothing at try {tries}", command.join(" "));
        tries += 1;
    }
}

/// Runs all of them against the device.
pub fn all(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let folder = workspace.target.join("services-peers");
    fs::create_dir_all(&folder)?;
    let bus = format!("unix:path={}", folder.join("bus").display());
    let (guest, host) = (GUEST.to_string(), HOST.to_string());
    let local = format!("{NAME}.local");
    let instance = format!("{NAME}._sockeye._tcp.local");
    {
        // A bus of the test's own, where avahi is asked; who is on it is this test alone.
        if fs::exists(folder.join("bus"))? {
            fs::remove_file(folder.join("bus"))?;
        }
        let mut dbus = bound("dbus-daemon");
        dbus.args(["--session", "--nofork", &format!("--address={bus}")]);
        let _dbus = start(&mut dbus, &folder.join("dbus.log"), || Ok(fs::exists(folder.join("bus"))?))?;
        let config = folder.join("avahi.conf");
        let text = format!(
            "[server]\nhost-name=tester\nuse-ipv4=yes\nuse-ipv6=no\nallow-interfaces={TAP}\n\
             check-response-ttl=yes\nenable-dbus=yes\n[publish]\ndisable-publishing=yes\n"
        );
        fs::write(&config, text)?;
        let mut avahi = bound("avahi-daemon");
        avahi.args(["--no-drop-root", "--no-chroot", "--no-rlimits", "-f"]).arg(&config);
        let log = folder.join("avahi.log");
        // avahi looks for names that are its own before it answers.
        let is_ready = || Ok(fs::read_to_string(&log)?.contains("Server startup complete"));
        let _avahi = start(avahi.env("DBUS_SYSTEM_BUS_ADDRESS", &bus), &log, is_ready)?;
        let found = format!("=;{TAP};IPv4;{NAME};_sockeye._tcp;local;{local};{guest};{GUEST_PORT};");
        expect(&["avahi-browse", "-rpt", "_sockeye._tcp"], &bus, &[&found])?;
        expect(&["avahi-resolve", "-4", "-n", &local], &bus, &[&guest])?;
        expect(&["avahi-resolve", "-a", &guest], &bus, &[&local])?;
    }
    let server = format!("found {local}. ['{guest}'] {GUEST_PORT}");
    let browsed = format!("browsed ['{instance}.']");
    expect(&[PYTHON, "-c", ZEROCONF, &host, NAME], &bus, &[&server, &browsed])?;
    expect(&[TIMEOUT, "5", "mdns-scan"], &bus, &[&instance])?;
    let lease = format!("obtained from {guest}");
    // The script would set the address.
    expect(&["udhcpc", "-i", TAP, "-n", "-q", "-f", "-t", "5", "-s", "/bin/true"], &bus, &[&lease])?;
    forwarded(&folder)?;
    // dhcpcd leaves processes behind, which end with its PID namespace. dhcpcd passes its lease to a script in the
    // environment, which env prints.
    let bounded = ["unshare", "--mount", "--pid", "--fork", "--kill-child", TIMEOUT, "-k", "1", "50"];
    // dhcpcd would ask for the lease of the last run, which it keeps there.
    let forgotten = ["sh", "-c", "mount -t tmpfs none /var/lib/dhcpcd && exec \"$0\" \"$@\""];
    let dhcpcd = ["dhcpcd", "--nobackground", "--oneshot", "--ipv4only", "--noipv4ll", "--noarp", "--option", "1,3,6"];
    let rest = ["--config", "/dev/null", "--script", "/usr/bin/env", TAP];
    let told = [
        format!("from {guest}"),
        "leased 10.0.2.".to_owned(),
        "new_subnet_mask=255.255.255.0".to_owned(),
        format!("new_routers={guest}"),
        format!("new_dhcp_server_identifier={guest}"),
    ];
    expect(&[&bounded[..], &forgotten, &dhcpcd, &rest].concat(), &bus, &told.each_ref().map(String::as_str))?;
    Ok(vec!["avahi", "python-zeroconf", "mdns-scan", "udhcpc", "dhcpcd", "dnsmasq"])
}

/// dnsmasq in front of the device, as on a router: it asks the device's name server, and hands on what it hears. A
/// question for an IPv6 address is answered with none.
fn forwarded(folder: &Path) -> Result<()> {
    let mut dnsmasq = bound("dnsmasq");
    dnsmasq.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-hosts",
        "--no-resolv",
        "--bind-interfaces",
        "--user=root",
    ]);
    dnsmasq.args([format!("--port={FORWARDER_PORT}"), format!("--listen-address={HOST}"), format!("--server={GUEST}")]);
    let log = folder.join("dnsmasq.log");
    let is_ready = || Ok(fs::read_to_string(&log)?.contains("using nameserver"));
    let _dnsmasq = start(&mut dnsmasq, &log, is_ready)?;
    let socket = UdpSocket::bind((HOST, 0))?;
    for name in ["connectivitycheck.gstatic.com", "captive.apple.com"] {
        let found = ask(&socket, (HOST, FORWARDER_PORT), &question(name, Rtype::A)?, records)?;
        ensure!(found == [(name.to_owned(), GUEST.to_string())], "dnsmasq: {name} is {found:?}");
        let none = ask(&socket, (HOST, FORWARDER_PORT), &question(name, Rtype::AAAA)?, records)?;
        ensure!(none.is_empty(), "dnsmasq: {name} has {none:?}");
    }
    Ok(())
}
