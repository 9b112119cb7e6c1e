//! WIRING: what can be wired, what is, and what answers on a bus.

use core::fmt::{self, Write};

use sockeye_wiring::driver::{Driver, Fault, Word};
use sockeye_wiring::drivers::DRIVERS;
use sockeye_wiring::limits::{PINS_TEXT_LEN_MAX, SPEC_LEN_MAX};
use sockeye_wiring::scan::{Found, ScanRequest};
use sockeye_wiring::{Spec, plan, scan as buses};

use crate::command::{CommandContext, CommandResult, Flow};
use crate::limits::{NAME_LEN_MAX, WIRING_SCAN_TIMEOUT_MS};
use crate::platform::WiringSetup;
use crate::rewiring;
use crate::sessions::session::Cursor;

const NO_PINS: &str = "ERR nothing can be wired to this device";
const BUSY: &str = "ERR another client scans a bus, try again";

impl CommandContext<'_, '_> {
    fn pins(&self) -> Result<WiringSetup, &'static str> {
        self.platform.pins().ok_or(NO_PINS)
    }
}

/// Names that a driver gives to keys: its readings', or the output's.
struct Keys(&'static Driver);

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readings = self.0.readings.iter().map(|reading| (reading.suffix, reading.unit));
        let output = self.0.output.map(|output| ("", output.unit));
        for (index, (suffix, unit)) in readings.chain(output).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let point = if suffix.is_empty() { "" } else { "." };
            let blank = if unit.is_empty() { "" } else { " " };
            write!(f, "{comma}NAME{point}{suffix}{blank}{unit}")?;
        }
        Ok(())
    }
}

pub(crate) fn drivers(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.pins()?;
    cx.list(
        DRIVERS.len(),
        |cx| cx.reply.array(DRIVERS.len()),
        |cx, index| {
            let Some(driver) = sockeye_wiring::drivers::nth(index) else { return };
            cx.reply.map(4);
            cx.reply.bulk(b"driver");
            cx.reply.bulk(driver.name.as_bytes());
            cx.reply.bulk(b"help");
            cx.reply.bulk(driver.help.as_bytes());
            cx.reply.bulk(if driver.output.is_some() { b"output" } else { b"readings" });
            cx.reply.bulk_fmt(format_args!("{}", Keys(driver)));
            cx.reply.bulk(b"words");
            let period = driver.period.map(Word::period);
            let words = || driver.words.iter().chain(&period);
            cx.reply.array(words().count());
            for word in words() {
                cx.reply.bulk_fmt(format_args!("{word}"));
            }
        },
    )
}

/// The abilities of a pin, for people.
fn abilities(pins: &WiringSetup, pin: u8) -> heapless::String<PINS_TEXT_LEN_MAX> {
    let mut text = heapless::String::new();
    for (index, ability) in pins.board.chip.abilities(pin).enumerate() {
        // All of them have room.
        let _ = write!(text, "{}{ability}", if index == 0 { "" } else { " " });
    }
    text
}

pub(crate) fn pins(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let pins = cx.pins()?;
    let len = pins.board.chip.numbers().count();
    cx.list(
        len,
        |cx| cx.reply.array(len),
        |cx, index| {
            let Some(pin) = pins.board.chip.numbers().nth(index) else { return };
            cx.reply.array(3);
            cx.reply.integer(pin.into());
            cx.reply.bulk(abilities(&pins, pin).as_bytes());
            let wiring = cx.state.wiring();
            let is_at =
                |text: &str| Spec::parse(text).is_ok_and(|spec| spec.args.pins().any(|(other, _)| other == pin));
            let mut users = wiring.iter().filter(|(_, text)| is_at(text)).map(|(name, _)| name);
            match (pins.board.user(pin), users.next()) {
                (Some(user), _) => cx.reply.bulk_fmt(format_args!("{user}")),
                // WIRING STATUS lists the other things on the bus.
                (None, user) => cx.reply.bulk(user.unwrap_or_default().as_bytes()),
            }
        },
    )
}

pub(crate) fn status(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let pins = cx.pins()?;
    let len = cx.state.settings.wiring.as_ref().map_or(0, |wiring| wiring.len());
    cx.list(
        len,
        |cx| cx.reply.array(len),
        |cx, index| {
            let things = cx.state.settings.wiring.as_ref();
            let Some((name, spec)) = things.and_then(|wiring| wiring.iter().nth(index)) else {
                return cx.reply.map(0);
            };
            // The reply is written to what the texts are borrowed from.
            let name = heapless::String::<NAME_LEN_MAX, u8>::try_from(name).unwrap_or_default();
            let spec = heapless::String::<SPEC_LEN_MAX, u8>::try_from(spec).unwrap_or_default();
            let status = cx.state.wired.sampler.status(index);
            let is_sampled = Spec::parse(&spec).is_ok_and(|spec| spec.driver.period.is_some());
            let text = match (status.fault, status.last_s) {
                (Some(fault), _) => fault.text(),
                (None, None) if is_sampled => "not sampled yet",
                (None, _) => "ok",
            };
            let why = cx.state.wired.is_set_aside.then(|| {
                let wiring = cx.state.settings.wiring.as_ref();
                wiring.and_then(|wiring| rewiring::check(wiring, &pins, cx.platform, false).err())
            });
            cx.reply.map(if status.last_s.is_some() { 5 } else { 4 });
            cx.reply.bulk(b"name");
            cx.reply.bulk(name.as_bytes());
            cx.reply.bulk(b"wiring");
            cx.reply.bulk(spec.as_bytes());
            cx.reply.bulk(b"status");
            match why {
                None => cx.reply.bulk(text.as_bytes()),
                Some(None) => cx.reply.bulk(b"set aside, because the device did not come up with it"),
                // Other firmware stored it, or another board.
                Some(Some(rejected)) => cx.reply.bulk_fmt(format_args!("set aside, because of {rejected}")),
            }
            if let Some(last_s) = status.last_s {
                cx.reply.bulk(b"age_s");
                cx.reply.integer(cx.now.uptime_s().saturating_sub(last_s.into()) as i64);
            }
            cx.reply.bulk(b"failed");
            cx.reply.integer(status.failed.into());
        },
    )
}

/// The bus that a request names: `sda=6 scl=7`, in any order, or `pin=4`.
fn bus(cx: &CommandContext<'_, '_>) -> Option<ScanRequest> {
    let (mut sda, mut scl, mut pin) = (None, None, None);
    for word in cx.request.args().skip(2) {
        let (name, number) = core::str::from_utf8(word).ok()?.split_once('=')?;
        let place = match name {
            "sda" => &mut sda,
            "scl" => &mut scl,
            "pin" => &mut pin,
            _ => return None,
        };
        let number = sockeye_wiring::number::decimal(number, 0)?;
        if place.replace(u8::try_from(number).ok()?).is_some() {
            return None;
        }
    }
    match (sda, scl, pin) {
        (Some(sda), Some(scl), None) => Some(ScanRequest::I2c { sda, scl }),
        (None, None, Some(pin)) => Some(ScanRequest::OneWire { pin }),
        _ => None,
    }
}

pub(crate) fn scan(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let pins = cx.pins()?;
    if let Cursor::Scan(number) = cx.session().cursor {
        if cx.state.wired.scan.count == number {
            if cx.is_timed_out {
                cx.session().cursor = Cursor::Start;
                cx.reply.null_array();
                return Ok(Flow::Continue);
            }
            return wait(cx, number);
        }
        cx.session().cursor = Cursor::Start;
        return scanned(cx);
    }
    let request = bus(cx).ok_or("ERR WIRING SCAN takes sda=PIN scl=PIN or pin=PIN")?;
    if cx.state.sessions.iter().any(|session| matches!(session.cursor, Cursor::Scan(_))) {
        return Err(BUSY);
    }
    let refused = plan::check_scan(cx.state.wiring(), pins.board, request).err();
    if let Some(error) = refused {
        cx.reply.error_fmt(format_args!("ERR {error}"));
        cx.state.count_error();
        return Ok(Flow::Continue);
    }
    let wired = &mut cx.state.wired;
    wired.scan.request = Some(request);
    wired.change();
    let number = wired.scan.count;
    wait(cx, number)
}

/// Nothing is written until the scan of this number has an outcome.
fn wait(cx: &mut CommandContext<'_, '_>, number: u16) -> CommandResult {
    let session = cx.session();
    session.event_pending = false;
    session.cursor = Cursor::Scan(number);
    Ok(Flow::Block { timeout_ms: WIRING_SCAN_TIMEOUT_MS })
}

/// Replies with the outcome of a scan.
fn scanned(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    match cx.state.wired.scan.found.take() {
        Some(Ok(Found::I2c(addresses))) => {
            let found = || (0_u8..128).filter(|address| addresses >> address & 1 == 1);
            cx.reply.array(found().count());
            for address in found() {
                cx.reply.array(2);
                cx.reply.bulk_fmt(format_args!("{address:#04x}"));
                cx.reply.bulk_fmt(format_args!("{}", Names(address)));
            }
        }
        Some(Ok(Found::OneWire(roms))) => {
            cx.reply.array(roms.len());
            for rom in roms {
                cx.reply.array(2);
                cx.reply.bulk_fmt(format_args!("{rom:016x}"));
                cx.reply.bulk(if rom >> 56 == DS18B20_FAMILY { b"ds18b20" } else { b"" });
            }
        }
        // Nobody is there.
        Some(Err(Fault::NoAnswer)) => cx.reply.array(0),
        Some(Err(fault)) => return cx.refuse(format_args!("ERR the bus can't be scanned: {fault}")),
        None => return Err(BUSY),
    }
    Ok(Flow::Continue)
}

/// The first byte of a DS18B20's ROM code.
const DS18B20_FAMILY: u64 = 0x28;

/// The drivers that may be at an I2C address.
struct Names(u8);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, driver) in buses::drivers(self.0).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { " " }, driver.name)?;
        }
        Ok(())
    }
}
