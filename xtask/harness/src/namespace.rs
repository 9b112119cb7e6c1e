//! A network of the tests' own: a namespace that this program makes for a copy of itself, with a tap device in it.
//! Nothing sent there can leave the machine, and the machine's own network can't disturb it.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{LONG, SHORT, bound, is_root, run, run_quietly};

/// The tap device.
pub const TAP: &str = "tap0";
/// The bridge between the guests of one test.
const BRIDGE: &str = "bridge0";
/// This side's address on it.
const HOST: &str = "10.0.2.2/24";

/// ARP requests, one a second, after which a host of a network of [`make_network`] is unreachable.
const ARP_REQUESTS: &str = "60";

/// Runs this program again, with these arguments, in a network namespace of its own.
pub fn run_inside(arguments: &[&str]) -> Result<()> {
    run_inside_for(arguments, LONG)
}

/// The same for at most `limit`.
pub fn run_inside_for(arguments: &[&str], limit: Duration) -> Result<()> {
    let mut command = bound("unshare");
    if !is_root() {
        // In a user namespace of its own a process may make what else only root may.
        command.arg("--map-root-user");
    }
    command.args(["--net", "--"]).arg(env::current_exe()?).args(arguments);
    run(&mut command, limit).context("in a network namespace")
}

/// Makes the tap device; refuses to where there is any other network.
pub fn make_tap() -> Result<()> {
    begin()?;
    ip(&["tuntap", "add", TAP, "mode", "tap"]).context("a tap device needs /dev/net/tun")?;
    finish(TAP)
}

/// Makes a tap device with a network of its own, on which this side has `address`, such as `10.1.0.2/24`. `mtu` is that
/// of its IP packets. Many such devices may be in one namespace, which [`begin`] has begun.
pub fn make_network(tap: &str, address: &str, mtu: usize) -> Result<()> {
    run_quietly(Command::new("ip").args(["tuntap", "add", tap, "mode", "tap"]), SHORT)
        .context("a tap device needs /dev/net/tun")?;
    set(&format!("ipv6/conf/{tap}/disable_ipv6"), "1")?;
    // A guest that has to wait for this machine's processor may answer the third ARP request too late.
    for requests in ["mcast_solicit", "ucast_solicit"] {
        set(&format!("ipv4/neigh/{tap}/{requests}"), ARP_REQUESTS)?;
    }
    run_quietly(Command::new("ip").args(["addr", "add", address, "dev", tap]), SHORT)?;
    run_quietly(Command::new("ip").args(["link", "set", tap, "mtu", &mtu.to_string(), "up"]), SHORT)
}

/// Makes a tap device for each of several guests, and a bridge between them, which this side is on.
pub fn make_bridge(taps: &[&str]) -> Result<()> {
    begin()?;
    ip(&["link", "add", BRIDGE, "type", "bridge"]).context("a bridge needs the kernel's bridges")?;
    for tap in taps {
        ip(&["tuntap", "add", tap, "mode", "tap"]).context("a tap device needs /dev/net/tun")?;
        set(&format!("ipv6/conf/{tap}/disable_ipv6"), "1")?;
        ip(&["link", "set", tap, "master", BRIDGE])?;
        ip(&["link", "set", tap, "up"])?;
    }
    finish(BRIDGE)
}

/// Brings loopback up, in a namespace that has nothing else.
pub fn begin() -> Result<()> {
    let others = interfaces()?;
    if !others.is_empty() {
        bail!("not in an empty network namespace: it has {}", others.join(", "));
    }
    ip(&["link", "set", "lo", "up"])
}

/// Gives this side its address, on this device.
fn finish(device: &str) -> Result<()> {
    // Without IPv6 the kernel sends nothing of its own accord, so tests see their own frames only.
    set(&format!("ipv6/conf/{device}/disable_ipv6"), "1")?;
    // Thousands of closed connections would else keep their ports for a minute.
    set("ipv4/tcp_max_tw_buckets", "0")?;
    ip(&["addr", "add", HOST, "dev", device])?;
    ip(&["link", "set", device, "up"])
}

fn ip(arguments: &[&str]) -> Result<()> {
    run(Command::new("ip").args(arguments), SHORT)
}

fn set(name: &str, value: &str) -> Result<()> {
    let file = format!("/proc/sys/net/{name}");
    // A kernel without IPv6 has nothing to turn off.
    if name.starts_with("ipv6/") && !fs::exists(&file)? {
        return Ok(());
    }
    fs::write(&file, value).with_context(|| format!("write {value} to {file}"))
}

/// The network interfaces but loopback, and but the tunnels that some kernels put into every namespace.
fn interfaces() -> Result<Vec<String>> {
    let table = fs::read_to_string("/proc/net/dev")?;
    let names = table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned());
    let idle = ["lo", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"];
    Ok(names.filter(|name| !idle.contains(&name.as_str())).collect())
}
