//! Updates of the bare-metal device over TCP, by the `sockeye` program. The machine boots from its flash, so that a real
//! image is replaced by another one.
//!
//! - `builds.rs`: the images.
//! - `machine.rs`: a machine that boots from its flash, and the sender.
//! - `meddler.rs`: a proxy that cuts connections and changes bytes.
//! - `frames.rs`: what passed on the machine's network.

mod builds;
mod frames;
mod machine;
mod meddler;

use std::io::{Read, Write};
use std::iter::repeat;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::emulator::GUEST_PORT;
use harness::workspace::Workspace;

use crate::programs;
use crate::updates::builds::{BROKEN, FIRST, Images, SECOND, THIRD};
use crate::updates::machine::Machine;
use crate::updates::meddler::Harm;

pub use crate::updates::builds::build;

/// How often, and with which builds.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of all cases
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// Takes what `cargo xtask programs` has built
    #[arg(long)]
    built: bool,
}

/// A setting that must survive, and its value.
const SETTING: (&str, &str) = ("device.name", "kitchen");
/// Why an image that nobody has confirmed is gone.
const NOT_CONFIRMED: &str = "its trial ended without FIRMWARE CONFIRM";
/// Seconds of a trial that nobody confirms: enough to ask the device, on a busy machine too.
const TRIAL_S: &str = "20";
/// The error to a change of settings during a trial.
const ON_TRIAL: &str = "this firmware is on trial and stores no settings";
/// The file of frames.
const FRAMES: &str = "frames.pcap";
/// Bytes of an erase block of the machine's flash.
const SECTOR_LEN: u64 = 4096;
/// Requests of another client that an update must leave answered.
const PINGS_MIN: usize = 20;

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if !args.built {
        programs::host(workspace)?;
        builds::build(workspace)?;
    }
    let images = Images::make(workspace)?;
    for time in 1..=args.times {
        run(workspace, &images)?;
        println!("updates: run {time} of {}: all cases passed", args.times);
    }
    Ok(())
}

/// All cases, one after the other on one machine.
fn run(workspace: &Workspace, images: &Images) -> Result<()> {
    let machine = &mut Machine::new(workspace, images)?;
    machine.check(FIRST, "idle", "")?;
    refused(machine)?;
    resumed(machine)?;
    let stored = machine.device.ask(&["CONFIG", "SET", SETTING.0, SETTING.1])?;
    ensure!(stored.trim() == "OK", "{stored}");
    served(machine)?;
    not_confirmed(machine)?;
    broken(machine)?;
    damaged(machine)
}

/// An image that the owner has not signed, and one for another chip.
fn refused(machine: &mut Machine<'_>) -> Result<()> {
    machine.sender("strange", None).fails("the signature is not by the key that this firmware was built with")?;
    machine.check(FIRST, "idle", "")?;
    machine.sender("other-chip", None).fails("the image is for another chip, esp32c3")?;
    machine.check(FIRST, "receiving", "")?;
    println!("updates: an image by another key and one for another chip are refused");
    Ok(())
}

/// 1 to 2: through connections that are cut, a restart of the machine, and a cut of its power.
fn resumed(machine: &mut Machine<'_>) -> Result<()> {
    // The first connection asks for the status.
    let harms = [None, Some(Harm::CutAfter(50_000)), Some(Harm::CutAfter(90_000))];
    let proxy = meddler::start(machine.port(), harms)?;
    let mut sender = machine.sender(SECOND, Some(proxy)).start()?;
    sender.wait_for("40% of")?;
    machine.reset()?;
    sender.wait_for("70% of")?;
    sender.stop()?;
    machine.cut_power();
    machine.switch_on(None)?;
    machine.check(FIRST, "receiving", "")?;
    let progress = machine.sender(SECOND, None).succeeds()?;
    ensure!(progress.contains("going on at byte"), "the sender began anew:\n{progress}");
    machine.check(SECOND, "idle", "")?;
    machine.reset()?;
    machine.check(SECOND, "idle", "")?;
    println!("updates: {FIRST} to {SECOND} over cut connections, a restart and a power cut, and confirmed");
    Ok(())
}

/// 2 to 3, which was sent, and nobody confirms it: the time of the trial ends.
fn not_confirmed(machine: &mut Machine<'_>) -> Result<()> {
    let tried = machine.device.ask(&["FIRMWARE", "TRY", TRIAL_S])?;
    ensure!(tried.starts_with("OK"), "{tried}");
    machine.wait_for(THIRD, "trial")?;
    let refused = machine.device.ask(&["CONFIG", "SET", SETTING.0, "cellar"])?;
    ensure!(refused.contains(ON_TRIAL), "a trial stores settings: {refused}");
    machine.wait_for(SECOND, "ready")?;
    machine.check(SECOND, "ready", NOT_CONFIRMED)?;
    check_setting(machine)?;
    println!("updates: {SECOND} to {THIRD}, which nobody confirmed, and back with the settings as they were");
    Ok(())
}

/// 2 to an image that panics at its start.
fn broken(machine: &mut Machine<'_>) -> Result<()> {
    machine.sender(BROKEN, None).fails(&format!("runs {SECOND} again: {NOT_CONFIRMED}"))?;
    machine.check(SECOND, "ready", NOT_CONFIRMED)?;
    ensure!(machine.times("this firmware is broken") == 1, "the broken image was started once");
    check_setting(machine)?;
    println!("updates: {SECOND} to an image that panics at its start, and back");
    Ok(())
}

/// A byte is changed on the way. The same image is taken once it comes as it was signed, over the same flash.
fn damaged(machine: &mut Machine<'_>) -> Result<()> {
    // The first connection asks for the status.
    let proxy = meddler::start(machine.port(), [None, Some(Harm::ChangeData(100))])?;
    let failure = "what is in flash is not what was signed";
    machine.sender(THIRD, Some(proxy)).fails(failure)?;
    machine.check(SECOND, "idle", failure)?;
    machine.sender(THIRD, None).succeeds()?;
    machine.check(THIRD, "idle", "")?;
    check_setting(machine)?;
    println!("updates: {SECOND} to {THIRD} with a byte changed is refused, and as it was signed it is kept");
    Ok(())
}

fn check_setting(machine: &Machine<'_>) -> Result<()> {
    let (name, value) = SETTING;
    let found = machine.device.ask(&["CONFIG", "GET", name])?;
    ensure!(found.lines().eq([name, value]), "{name} is {found}");
    Ok(())
}

/// Sends 3, and does not try it. Meanwhile another client asks again and again. Between a request of the other client
/// and its reply the machine erases one sector at most.
fn served(machine: &mut Machine<'_>) -> Result<()> {
    machine.cut_power();
    machine.switch_on(Some(FRAMES))?;
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = {
        let (port, is_over) = (machine.port(), is_over.clone());
        thread::spawn(move || ask(port, &is_over))
    };
    // One connection asks for the status, and one sends. The connections that would try the image get nowhere.
    let harms = [None, None].into_iter().chain(repeat(Some(Harm::CutAfter(0))));
    let proxy = meddler::start(machine.port(), harms)?;
    let mut sender = machine.sender(THIRD, Some(proxy)).start()?;
    sender.wait_for("100% of")?;
    is_over.store(true, Ordering::SeqCst);
    let asked = asking.join().expect("the client does not panic")?;
    sender.stop()?;
    machine.check(SECOND, "ready", "")?;
    let (erases, most) = erases(machine)?;
    ensure!(asked >= PINGS_MIN && erases >= PINGS_MIN, "{asked} requests beside {erases} erases are too few");
    ensure!(most <= 1, "a reply to another client was held for {most} erases");
    println!("updates: beside {erases} erases {asked} requests of another client, each held for one erase at most");
    Ok(())
}

/// Pings in a row until it is over, and how many were answered.
fn ask(port: u16, is_over: &AtomicBool) -> Result<usize> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let (mut answered, mut reply) = (0, [0; PONG.len()]);
    while !is_over.load(Ordering::SeqCst) {
        stream.write_all(PING)?;
        stream.read_exact(&mut reply)?;
        ensure!(reply == *PONG, "another client got {:?}", String::from_utf8_lossy(&reply));
        answered += 1;
    }
    Ok(answered)
}

const PING: &[u8] = b"PING\r\n";
const PONG: &[u8; 7] = b"+PONG\r\n";

/// How many sectors were erased, and how many of them at most between a ping and its reply. The frames tell it without a
/// clock: the reply to the first FIRMWARE WRITE of a sector comes after the erase of the sector.
fn erases(machine: &Machine<'_>) -> Result<(usize, usize)> {
    let payloads = frames::payloads(&machine.images.folder.join(FRAMES), GUEST_PORT)?;
    let (mut erases, mut most, mut since_ping, mut reached) = (0, 0, None, 0);
    for payload in payloads {
        match (payload.is_sent, &payload.bytes[..]) {
            (false, PING) => since_ping = Some(0),
            (true, bytes) if bytes == PONG => {
                most = most.max(since_ping.take().unwrap_or(0));
            }
            (true, bytes) => {
                // Replies are offsets: `:512\r\n`.
                for offset in
                    String::from_utf8_lossy(bytes).lines().filter_map(|line| line.strip_prefix(':')?.parse().ok())
                {
                    let offset: u64 = offset;
                    if offset.div_ceil(SECTOR_LEN) > reached {
                        reached = offset.div_ceil(SECTOR_LEN);
                        erases += 1;
                        since_ping = since_ping.map(|count| count + 1);
                    }
                }
            }
            _ => {}
        }
    }
    Ok((erases, most))
}
