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

use std::fs;
use std::io::{Read, Write};
use std::iter::repeat;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::emulator::GUEST_PORT;
use harness::workspace::Workspace;

use crate::programs;
use crate::updates::builds::{BROKEN, FIRST, HUNG, Images, SECOND, THIRD};
use crate::updates::frames::Payload;
use crate::updates::machine::{ERASE_MS, Machine};
use crate::updates::meddler::{Gate, Harm};

pub use crate::updates::builds::build;

/// How often, and with which builds.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of all cases
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
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
/// Requests of another client that an update must leave answered.
const PINGS_MIN: usize = 20;
/// The longest that a reply may be held, microseconds: one erase of a sector, and 10 ms of work. Two erases are more, and
/// so is a signature with an erase.
const HELD_MAX_US: u64 = ERASE_MS * 1_000 + 10_000;
/// Between two requests of the other client.
const PING_PAUSE: Duration = Duration::from_millis(5);

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
    served(machine)?;
    not_confirmed(machine)?;
    broken(machine, BROKEN, "this firmware is broken")?;
    broken(machine, HUNG, "this firmware hangs")?;
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
    let len = usize::try_from(fs::metadata(machine.images.file(SECOND))?.len())?;
    let gate = Gate::new(len / 100 * 45);
    // The first connection asks for the status.
    let cut = [None, Some(Harm::CutAfter(50_000)), Some(Harm::CutAfter(90_000))];
    let proxy = meddler::start(machine.port(), cut.into_iter().chain(repeat(Some(Harm::Hold(gate.clone())))))?;
    let mut sender = machine.sender(SECOND, Some(proxy)).start()?;
    sender.wait_for("40% of")?;
    machine.reset()?;
    gate.raise(len / 100 * 75);
    sender.wait_for("70% of")?;
    sender.stop()?;
    machine.cut_power();
    machine.switch_on()?;
    machine.check(FIRST, "receiving", "")?;
    let progress = machine.sender(SECOND, None).succeeds()?;
    ensure!(progress.contains("going on at byte"), "the sender began anew:\n{progress}");
    machine.check(SECOND, "idle", "")?;
    // A firmware that was just confirmed stores settings.
    let stored = machine.device.ask(&["CONFIG", "SET", SETTING.0, SETTING.1])?;
    ensure!(stored.trim() == "OK", "{stored}");
    machine.reset()?;
    machine.check(SECOND, "idle", "")?;
    check_setting(machine)?;
    println!("updates: {FIRST} to {SECOND} over cut connections, a restart and a power cut, and confirmed");
    Ok(())
}

/// 2 to 3, which was sent, and nobody confirms it: the time of the trial ends.
fn not_confirmed(machine: &mut Machine<'_>) -> Result<()> {
    try_third(machine)?;
    machine.wait_for(THIRD, "trial")?;
    let refused = machine.device.ask(&["CONFIG", "SET", SETTING.0, "cellar"])?;
    ensure!(refused.contains(ON_TRIAL), "a trial stores settings: {refused}");
    machine.wait_for(SECOND, "ready")?;
    machine.check(SECOND, "ready", NOT_CONFIRMED)?;
    check_setting(machine)?;
    println!("updates: {SECOND} to {THIRD}, which nobody confirmed, and back with the settings as they were");
    Ok(())
}

fn try_third(machine: &Machine<'_>) -> Result<()> {
    let tried = machine.device.ask(&["FIRMWARE", "TRY", TRIAL_S])?;
    ensure!(tried.starts_with("OK"), "{tried}");
    Ok(())
}

/// 2 to an image that panics at its start, or hangs until the watchdog restarts the machine.
fn broken(machine: &mut Machine<'_>, image: &str, printed: &str) -> Result<()> {
    machine.sender(image, None).fails(&format!("runs {SECOND} again: {NOT_CONFIRMED}"))?;
    machine.check(SECOND, "ready", NOT_CONFIRMED)?;
    ensure!(machine.times(printed) == 1, "the image was not started once");
    check_setting(machine)?;
    println!("updates: {SECOND} to an image that is {image} at its start, and back");
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

/// Sends 3 and tries it. Meanwhile another client asks again and again, and no reply is held for longer than the erase of
/// one sector takes. The machine's own time is measured, which passes by what the machine does. Then the power is cut in
/// the trial.
fn served(machine: &mut Machine<'_>) -> Result<()> {
    machine.cut_power();
    let frames = machine.images.folder.join("frames.pcap");
    machine.switch_on_counted(&frames)?;
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
    sender.stop()?;
    machine.check(SECOND, "ready", "")?;
    try_third(machine)?;
    is_over.store(true, Ordering::SeqCst);
    asking.join().expect("the client does not panic")?;
    machine.cut_power();
    machine.switch_on()?;
    machine.wait_for(THIRD, "trial")?;
    machine.cut_power();
    machine.switch_on()?;
    machine.check(SECOND, "ready", NOT_CONFIRMED)?;
    check_setting(machine)?;
    check_held(&frames::payloads(&frames, GUEST_PORT)?)
}

/// From FIRMWARE BEGIN to the reply to FIRMWARE TRY.
fn check_held(payloads: &[Payload]) -> Result<()> {
    let has = |payload: &Payload, words: &[u8]| payload.bytes.windows(words.len()).any(|bytes| bytes == words);
    let is_offset = |payload: &Payload| payload.is_sent && payload.bytes.first() == Some(&b':');
    let begin = payloads.iter().position(|payload| has(payload, BEGIN)).context("nothing was begun")?;
    let first = payloads.iter().position(is_offset).context("nothing was received")?;
    let last = payloads.iter().rposition(is_offset).context("nothing was received")?;
    let tried = payloads.iter().position(|payload| has(payload, TRIED)).context("nothing was tried")?;
    let (held_us, answered) = held(&payloads[begin..=tried]);
    let took_ms = (payloads[last].at_us - payloads[first].at_us) / 1_000;
    let len = offset(&payloads[last].bytes).context("the last reply is no offset")?;
    let rate = len / took_ms.max(1);
    println!("updates: received {len} bytes in {took_ms} ms of the machine's time, {rate} KB/s");
    println!("updates: {answered} requests of another client meanwhile, each answered within {held_us} us");
    ensure!(answered >= PINGS_MIN && held_us > ERASE_MS * 1_000 / 2, "no request was there during an erase");
    ensure!(held_us <= HELD_MAX_US, "a reply was held for longer than an erase");
    Ok(())
}

/// The offset in the last reply of these.
fn offset(replies: &[u8]) -> Option<u64> {
    let (_, last) = std::str::from_utf8(replies).ok()?.rsplit_once(':')?;
    last.trim_end().parse().ok()
}

/// Pings in a row until it is over.
fn ask(port: u16, is_over: &AtomicBool) -> Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reply = [0; PONG.len()];
    while !is_over.load(Ordering::SeqCst) {
        stream.write_all(PING)?;
        stream.read_exact(&mut reply)?;
        ensure!(reply == PONG, "another client got {:?}", String::from_utf8_lossy(&reply));
        thread::sleep(PING_PAUSE);
    }
    Ok(())
}

const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"+PONG\r\n";
const BEGIN: &[u8] = b"BEGIN";
/// The reply to FIRMWARE TRY.
const TRIED: &[u8] = b"+OK restarting";

/// The longest time in which a ping was not answered, microseconds of the machine's time, and how many were.
fn held(payloads: &[Payload]) -> (u64, usize) {
    let (mut asked_us, mut longest, mut answered) = (None, 0, 0);
    for payload in payloads {
        match (payload.is_sent, &payload.bytes[..]) {
            (false, PING) => asked_us = Some(payload.at_us),
            (true, PONG) => {
                if let Some(asked_us) = asked_us.take() {
                    longest = longest.max(payload.at_us - asked_us);
                    answered += 1;
                }
            }
            _ => {}
        }
    }
    (longest, answered)
}
