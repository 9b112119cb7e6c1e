//! Lives of a device with slots: clients update it, get lost and make mistakes, and the power goes. Bytes decide what
//! happens, so that a fuzzer can choose it as well as a seed.
//!
//! The rules that are held:
//! - The bootloader always finds an image, and each image that it can load is one that the owner has signed.
//! - An image runs only on trial or after its confirmation. A trial is booted once.
//! - Each request is answered within [`REPLY_MS`], unless the power went or the device restarts.
//! - Nobody updates without access, and other clients are served.

use std::cell::Cell;
use std::sync::LazyLock;

use bytes::Bytes;
use embassy_time::Instant;
use resp_rs::resp3::parse_frame;
use sockeye_firmware_image::SignedImage;
use sockeye_firmware_update::limits::SENDER_SILENT_MS;
use sockeye_firmware_update::{Slot, UpdateState};
use sockeye_simulation::flash::Flash;

use crate::script::Device;
use crate::slots::{CHIP_ID, begin, bootload, flash, image, loadable, place, run, write};

/// Boots of one life, at most.
const BOOTS_MAX: usize = 16;
/// The longest that a reply takes, simulated milliseconds.
const REPLY_MS: u64 = 3_000;
const STEP_MS: u64 = 10;
/// Bytes of one FIRMWARE WRITE.
const CHUNK_LEN: usize = 512;
/// The longest that [`Step::Wait`] takes, in units of 100 ms.
const WAITS_MAX: u8 = 200;
/// How a reply begins that means yes.
const OK: &[u8] = b"+OK";

/// Images of the owner; the first comes with the device.
static IMAGES: LazyLock<[SignedImage; 3]> =
    LazyLock::new(|| ["0.1.0", "0.2.0", "0.3.0"].map(|version| image(CHIP_ID, version)));

/// How often what a life is for has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub trials: u32,
    pub confirmed: u32,
    pub not_confirmed: u32,
    pub rejected: u32,
    pub cuts: u32,
    pub denied: u32,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.trials += other.trials;
        self.confirmed += other.confirmed;
        self.not_confirmed += other.not_confirmed;
        self.rejected += other.rejected;
        self.cuts += other.cuts;
        self.denied += other.denied;
    }
}

/// One step of a life. A figure goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Announces an image; every eighth time anew.
    Begin,
    /// Sends the next chunks of the image that was begun.
    Send,
    /// Sends data at another offset.
    WrongOffset,
    /// Sends the next chunk with a bit that is wrong.
    Damaged,
    Try,
    Confirm,
    Abort,
    Status,
    /// Another client goes on.
    Client,
    /// The client has gone.
    Leave,
    Wait,
    /// The power goes now.
    Off,
    /// The power goes while flash is written.
    Cut,
    Restart,
    /// Another client sends any bytes.
    Raw,
    Set,
}

impl Step {
    pub const ALL: [Self; 16] = [
        Self::Begin,
        Self::Send,
        Self::WrongOffset,
        Self::Damaged,
        Self::Try,
        Self::Confirm,
        Self::Abort,
        Self::Status,
        Self::Client,
        Self::Leave,
        Self::Wait,
        Self::Off,
        Self::Cut,
        Self::Restart,
        Self::Raw,
        Self::Set,
    ];

    /// The step of a byte.
    fn of(byte: u8) -> Self {
        Self::ALL[usize::from(byte) % Self::ALL.len()]
    }

    /// The byte of a step.
    pub fn byte(self) -> u8 {
        self as u8
    }
}

/// One life.
struct Life<'d> {
    data: &'d [u8],
    flash: Flash,
    /// The image that was confirmed last.
    kept: usize,
    /// The image whose confirmation was sent, and not answered.
    may_be_kept: Option<usize>,
    /// An image may be booted on trial.
    may_be_tried: bool,
    tally: Tally,
}

/// Lives the life that these bytes describe, two for each step.
pub fn live(data: &[u8]) -> Tally {
    let flash = flash(data.len() as u64);
    place(&flash, Slot::Ota0, &IMAGES[0].bytes);
    let mut life = Life { data, flash, kept: 0, may_be_kept: None, may_be_tried: false, tally: Tally::default() };
    for _ in 0..BOOTS_MAX {
        if life.data.is_empty() {
            break;
        }
        life.boot();
    }
    life.tally
}

impl Life<'_> {
    fn boot(&mut self) {
        self.tally.cuts += u32::from(self.flash.is_off());
        self.flash.power_on();
        let slot = bootload(&self.flash).expect("always bootable");
        let booted = self.check_slot(slot).expect("it was just booted");
        self.check_slot(slot.other());
        let flash = self.flash.clone();
        run(&flash, slot, |device, status, is_restarting| {
            let is_trial = status.state == UpdateState::Trial;
            if is_trial {
                assert!(self.may_be_tried, "nobody tried it, or it was tried before");
                self.tally.trials += 1;
            } else {
                assert!(booted == self.kept || self.may_be_kept == Some(booted), "it was not confirmed");
                self.kept = booted;
            }
            (self.may_be_tried, self.may_be_kept) = (false, None);
            let mut day = Day {
                device,
                is_restarting,
                flash: &flash,
                booted,
                is_trial,
                client: 0,
                begun: None,
                next: 0,
                sender: None,
                is_released: false,
                is_off: false,
            };
            while let Some((&[step, figure], rest)) = self.data.split_first_chunk() {
                self.data = rest;
                self.step(&mut day, Step::of(step), figure);
                if day.is_over() {
                    break;
                }
            }
            if self.data.len() < 2 {
                self.data = &[];
            }
            if !day.is_over() {
                assert_eq!(day.request("lo9", b"PING\r\n").as_deref(), Some(&b"+PONG\r\n"[..]), "another is served");
            }
            self.tally.not_confirmed += u32::from(day.is_trial && self.may_be_kept.is_none());
        });
    }

    /// The number of the image in a slot, if the bootloader can load it.
    fn check_slot(&self, slot: Slot) -> Option<usize> {
        let bytes = loadable(&self.flash, slot)?;
        let index = IMAGES.iter().position(|image| image.bytes == bytes);
        assert!(index.is_some(), "an image that was not signed can be booted");
        index
    }

    fn step(&mut self, day: &mut Day<'_, '_>, step: Step, figure: u8) {
        let name = CLIENTS[day.client];
        let may_update = !name.starts_with("sta");
        let start = Instant::now();
        let reply = match step {
            Step::Begin => {
                let index = usize::from(figure) % IMAGES.len();
                let anew = if figure >> 5 == 0 { " RESTART" } else { "" };
                let reply = day.request(name, format!("{}{anew}\r\n", begin(&IMAGES[index])).as_bytes());
                if let Some(next) = reply.as_deref().and_then(integer) {
                    assert!(day.may_begin(name, start), "another is sending");
                    (day.begun, day.next) = (Some(index), next);
                    (day.sender, day.is_released) = (Some((name, start)), false);
                }
                reply
            }
            Step::Send => day.chunks(name, usize::from(figure % 32), 0),
            Step::Damaged => day.chunks(name, 1, 1 << (figure % 8)),
            Step::WrongOffset => day.write(name, usize::from(figure) * 100, &[figure; 128]),
            Step::Try => {
                let reply = day.request(name, b"FIRMWARE TRY 10\r\n");
                let is_refused = reply.as_ref().is_some_and(|reply| !reply.starts_with(OK));
                self.may_be_tried |= !is_refused;
                if reply.as_ref().is_some_and(|reply| reply.starts_with(OK)) {
                    for slot in [Slot::Ota0, Slot::Ota1] {
                        assert!(self.check_slot(slot).is_some(), "what is to be tried can be booted");
                    }
                }
                self.tally.rejected +=
                    u32::from(reply.as_ref().is_some_and(|reply| contains(reply, b"it is forgotten")));
                reply
            }
            Step::Confirm => {
                let reply = day.request(name, b"FIRMWARE CONFIRM\r\n");
                match &reply {
                    Some(reply) if reply.starts_with(OK) => {
                        assert!(day.is_trial, "there was nothing to confirm");
                        (self.kept, day.is_trial) = (day.booted, false);
                        self.tally.confirmed += 1;
                    }
                    None if day.is_trial => self.may_be_kept = Some(day.booted),
                    _ => {}
                }
                reply
            }
            Step::Abort => {
                let reply = day.request(name, b"FIRMWARE ABORT\r\n");
                // An image that was to be tried is forgotten, if the reply came before the restart.
                if reply.as_deref() == Some(b"+OK\r\n") {
                    self.may_be_tried = false;
                }
                reply
            }
            Step::Status => {
                let reply = day.request(name, b"FIRMWARE STATUS\r\n");
                assert!(reply.is_none_or(|reply| reply.starts_with(b"*16\r\n")), "anyone may look");
                return;
            }
            Step::Client => {
                day.client = usize::from(figure) % CLIENTS.len();
                return;
            }
            Step::Leave => return day.leave(name),
            Step::Wait => {
                (0..figure.min(WAITS_MAX)).for_each(|_| day.device.wait(100));
                return;
            }
            Step::Off => {
                day.is_off = true;
                return;
            }
            Step::Cut => return day.flash.cut_power_after(u32::from(figure) * 64),
            Step::Restart => {
                let reply = day.request(name, b"RESTART\r\n");
                day.wait_for_restart(reply.as_deref());
                reply
            }
            Step::Raw => {
                let (bytes, rest) = self.data.split_at(usize::from(figure).min(self.data.len()));
                self.data = rest;
                day.raw(bytes);
                // Whatever it was.
                (self.may_be_tried, self.may_be_kept) = (true, Some(day.booted));
                return;
            }
            Step::Set => {
                let reply = day.request(name, b"CONFIG SET device.name kitchen\r\n");
                if let Some(reply) = reply.as_ref().filter(|_| may_update) {
                    assert_eq!(reply.starts_with(b"-ERR this firmware is on trial"), day.is_trial, "settings on trial");
                }
                reply
            }
        };
        if step == Step::Try || step == Step::Abort {
            day.is_released = true;
            day.wait_for_restart(reply.as_deref());
        }
        if let Some(reply) = reply.filter(|_| !may_update) {
            assert!(reply.starts_with(b"-DENIED"), "without access: {}", reply.escape_ascii());
            self.tally.denied += 1;
        }
    }
}

/// The clients that update, one after the other; the last has no right to it.
const CLIENTS: [&str; 3] = ["ap1", "lo2", "sta3"];

/// A device from a boot to the next.
struct Day<'r, 'd> {
    device: &'r mut Device<'d>,
    is_restarting: &'r Cell<bool>,
    flash: &'r Flash,
    /// The image that runs.
    booted: usize,
    is_trial: bool,
    client: usize,
    /// The image that was begun, and the offset of what comes next.
    begun: Option<usize>,
    next: usize,
    /// The client that sends the image, and when it did last.
    sender: Option<(&'static str, Instant)>,
    /// The sender may have ended its update.
    is_released: bool,
    is_off: bool,
}

impl Day<'_, '_> {
    fn is_over(&self) -> bool {
        self.is_off || self.flash.is_off() || self.is_restarting.get()
    }

    /// Whether another image may be begun at this time.
    fn may_begin(&self, name: &str, at: Instant) -> bool {
        self.sender.is_none_or(|(sender, last)| {
            sender == name
                || self.is_released
                || !self.device.is_served(sender)
                || (at - last).as_millis() >= SENDER_SILENT_MS
        })
    }

    /// Sends a request, and gives what comes back. None if the power goes, or the connection is closed.
    fn request(&mut self, name: &str, request: &[u8]) -> Option<Vec<u8>> {
        if !self.device.is_served(name) {
            self.leave(name);
        }
        self.device.send(name, request);
        for _ in 0..REPLY_MS / STEP_MS {
            let reply = self.device.bytes(name);
            if !reply.is_empty() {
                assert_replies(&reply);
                return Some(reply);
            }
            if self.is_over() || !self.device.is_served(name) {
                return None;
            }
            self.device.wait(STEP_MS);
        }
        panic!("no reply to {}", request.escape_ascii());
    }

    /// Sends the next chunks of the image that was begun, with these bits flipped in each. Gives the last reply.
    fn chunks(&mut self, name: &str, count: usize, flips: u8) -> Option<Vec<u8>> {
        let image = &IMAGES[self.begun?];
        let mut last = None;
        for _ in 0..count {
            let mut data = image.bytes.get(self.next..)?.to_vec();
            data.truncate(CHUNK_LEN);
            let middle = data.len() / 2;
            *data.get_mut(middle)? ^= flips;
            let reply = self.write(name, self.next, &data)?;
            let is_taken = reply.starts_with(b":");
            last = Some(reply);
            if !is_taken {
                break;
            }
        }
        last
    }

    /// Sends data. The device takes data from the sender alone, and only at the next offset.
    fn write(&mut self, name: &str, offset: usize, data: &[u8]) -> Option<Vec<u8>> {
        let start = Instant::now();
        let reply = self.request(name, &write(offset, data))?;
        let is_sender = self.sender.is_some_and(|(sender, _)| sender == name);
        if is_sender {
            self.sender = self.sender.map(|(sender, _)| (sender, start));
        }
        if let Some(next) = integer(&reply) {
            assert!(is_sender && offset == self.next, "what another sends, or what belongs elsewhere");
            assert_eq!(next, offset + data.len());
            self.next = next;
        }
        Some(reply)
    }

    /// The client has gone, and comes back with its next request.
    fn leave(&mut self, name: &str) {
        self.sender = self.sender.filter(|(sender, _)| *sender != name);
        self.device.wire(name).0.borrow_mut().is_ended = true;
        self.device.run();
        self.device.forget(name);
    }

    /// A reply that announces a restart is followed by one.
    fn wait_for_restart(&mut self, reply: Option<&[u8]>) {
        if !reply.is_some_and(|reply| reply.starts_with(b"+OK restarting")) {
            return;
        }
        for _ in 0..REPLY_MS / STEP_MS {
            if self.is_over() {
                return;
            }
            self.device.wait(STEP_MS);
        }
        panic!("it does not restart");
    }

    /// A client that sends anything, and goes.
    fn raw(&mut self, bytes: &[u8]) {
        self.device.send("ap8", bytes);
        self.device.wait(STEP_MS);
        let replies = self.device.bytes("ap8");
        if !replies.starts_with(b"HTTP/1.1 ") {
            assert_replies(&replies);
        }
        self.leave("ap8");
    }
}

/// The bytes are whole replies.
fn assert_replies(bytes: &[u8]) {
    let mut rest = Bytes::copy_from_slice(bytes);
    while !rest.is_empty() {
        rest = match parse_frame(rest.clone()) {
            Ok((_, rest)) => rest,
            Err(error) => panic!("{error}: {}", rest.escape_ascii()),
        };
    }
}

/// The integer of a reply that is one.
fn integer(reply: &[u8]) -> Option<usize> {
    str::from_utf8(reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?).ok()?.parse().ok()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
