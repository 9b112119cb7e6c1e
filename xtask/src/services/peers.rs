//! The services as the programs of others see them: avahi, python-zeroconf and mdns-scan by mDNS, udhcpc by DHCP.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, ensure};

use harness::namespace::TAP;
use harness::process::{bound, finish, show};
use harness::workspace::Workspace;

use super::{GUEST, GUEST_PORT, HOST, NAME};

/// The programs, each with the Debian package that `cargo xtask setup` gets it from.
pub const PROGRAMS: [(&str, &str); 6] = [
    ("avahi-browse", "avahi-utils"),
    ("avahi-daemon", "avahi-daemon"),
    ("dbus-daemon", "dbus-daemon"),
    ("mdns-scan", "mdns-scan"),
    ("udhcpc", "udhcpc"),
    (PYTHON, "python3-zeroconf"),
];
/// Debian's, which has the packages.
const PYTHON: &str = "/usr/bin/python3";
/// How long a program may take to start; a busy machine takes a few seconds.
const START: Duration = Duration::from_secs(60);
/// Ends a program that would go on.
const TIMEOUT: &str = "timeout";

/// Asks with python-zeroconf: what it finds, and how long it takes to hear that there is no IPv6 address.
const ZEROCONF: &str = r#"
import sys, time
from zeroconf import DNSQuestionType, IPVersion, ServiceBrowser, Zeroconf
zeroconf = Zeroconf(interfaces=[sys.argv[1]], ip_version=IPVersion.V4Only)
name = sys.argv[2] + "._sockeye._tcp.local."
info = zeroconf.get_service_info("_sockeye._tcp.local.", name, 5000, question_type=DNSQuestionType.QM)
print("found", info.server, info.parsed_addresses(), info.port)
found = []
class Listener:
    def add_service(self, zeroconf, kind, name): found.append(name)
    def update_service(self, *_): pass
    def remove_service(self, zeroconf, kind, name): found.append("no " + name)
ServiceBrowser(zeroconf, "_sockeye._tcp.local.", Listener())
time.sleep(3)
print("browsed", found)
zeroconf.close()
"#;

/// Ends with the test.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
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

/// What a program prints within so many seconds, which has to have all of these in it.
fn expect(command: &[&str], bus: &str, wanted: &[&str]) -> Result<String> {
    let mut program = bound(TIMEOUT);
    program.args(["-k", "1", "15"]).args(command).env("DBUS_SYSTEM_BUS_ADDRESS", bus).stdin(Stdio::null());
    let output = finish(&mut program)?;
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    for wanted in wanted {
        ensure!(printed.contains(wanted), "{}: no {wanted:?} in: {printed}", command[0]);
    }
    Ok(printed)
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
    Ok(vec!["avahi", "python-zeroconf", "mdns-scan", "udhcpc"])
}
