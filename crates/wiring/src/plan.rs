//! Whether a whole wiring is possible on a board.

use crate::chip::{BoardPins, Chip};
use crate::driver::{Id, Kind, Use};
use crate::error::{Error, Rejected, Taken, Unable};
use crate::limits::KEY_LEN_MAX;
use crate::named_texts::is_name;
use crate::scan::ScanRequest;
use crate::spec::Spec;
use crate::wiring::Wiring;

/// How much room the device has for things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Readings that all things together may have.
    pub readings: usize,
    /// Outputs that all things together may have.
    pub outputs: usize,
}

/// A key in two parts: a thing's name, and what its reading adds to it, which may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The thing's name.
    pub name: &'a str,
    /// The reading's own part, after a point; empty if there is none.
    pub suffix: &'static str,
}

impl<'a> Key<'a> {
    fn taken(self) -> Error<'a> {
        Error::SameKey { name: self.name, suffix: self.suffix }
    }

    /// Length of the whole, bytes.
    pub fn len(self) -> usize {
        self.name.len() + if self.suffix.is_empty() { 0 } else { 1 + self.suffix.len() }
    }

    /// Never: a name has at least one byte.
    pub fn is_empty(self) -> bool {
        self.name.is_empty()
    }

    /// The bytes of the whole.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let point = if self.suffix.is_empty() { None } else { Some(b'.') };
        self.name.bytes().chain(point).chain(self.suffix.bytes())
    }

    /// Whether the whole is this text.
    pub fn is(self, text: &[u8]) -> bool {
        self.len() == text.len() && self.bytes().eq(text.iter().copied())
    }

    fn is_key(self, other: Key<'_>) -> bool {
        self.len() == other.len() && self.bytes().eq(other.bytes())
    }
}

/// The keys of a thing: its readings', and its output's.
pub fn keys<'a>(name: &'a str, spec: &Spec) -> impl Iterator<Item = Key<'a>> + use<'a> {
    let driver = spec.driver;
    let readings = driver.readings.iter().map(|reading| reading.suffix);
    readings.chain(driver.output.map(|_| "")).map(move |suffix| Key { name, suffix })
}

/// Checks a whole wiring: each spec by itself, and each against those before it and against the board.
///
/// `is_used` is whether the device has a key already that no wiring makes.
///
/// # Errors
/// The first thing that can't be, and why.
pub fn check<'a>(
    wiring: &'a Wiring,
    board: &BoardPins,
    room: Room,
    is_used: impl Fn(Key<'_>) -> bool,
) -> Result<(), Rejected<'a>> {
    let (mut readings, mut outputs, mut counters) = (0, 0, 0_usize);
    let mut channels = Channels::default();
    for (index, (name, text)) in wiring.iter().enumerate() {
        let reject = |error| Rejected { name, error };
        let spec = Spec::parse(text).map_err(reject)?;
        check_name(name, &spec, &is_used).map_err(reject)?;
        check_pins(&spec, board).map_err(reject)?;
        // Earlier things were checked before.
        for (other, text) in wiring.iter().take(index) {
            if let Ok(before) = Spec::parse(text) {
                check_pair((name, &spec), (other, &before)).map_err(reject)?;
            }
        }
        readings += spec.driver.readings.len();
        outputs += usize::from(spec.driver.output.is_some());
        counters += usize::from(spec.driver.id == Id::Counter);
        if readings > room.readings {
            return Err(reject(Error::Readings(room.readings)));
        }
        if outputs > room.outputs {
            return Err(reject(Error::Outputs(room.outputs)));
        }
        if counters > board.chip.counters.into() {
            return Err(reject(Error::Counters(board.chip.counters)));
        }
        if let Some(frequency_hz) = frequency_hz(&spec)
            && !channels.add(frequency_hz, board.chip)
        {
            let (channels, frequencies) = (board.chip.pwm_channels, board.chip.pwm_frequencies);
            return Err(reject(Error::Pwm { channels, frequencies }));
        }
    }
    Ok(())
}

fn check_name<'a>(name: &'a str, spec: &Spec, is_used: impl Fn(Key<'_>) -> bool) -> Result<(), Error<'a>> {
    if !is_name(name) || keys(name, spec).any(|key| key.len() > KEY_LEN_MAX) {
        return Err(Error::Name);
    }
    match keys(name, spec).find(|key| is_used(*key)) {
        Some(key) => Err(key.taken()),
        None => Ok(()),
    }
}

/// Whether the board's pins can do what a spec asks of them.
fn check_pins(spec: &Spec, board: &BoardPins) -> Result<(), Error<'static>> {
    for (index, (pin, used)) in spec.args.pins().enumerate() {
        check_pin((pin, used), board, spec.is_strapping_allowed)?;
        if spec.args.pins().take(index).any(|(other, _)| other == pin) {
            return Err(Error::SamePin(pin));
        }
        if spec.args.get("pull") != 0 && Chip::is_in(board.chip.inputs_only, pin) {
            return Err(Error::PinUnable { pin, unable: Unable::Pull });
        }
    }
    Ok(())
}

fn check_pin((pin, used): (u8, Use), board: &BoardPins, is_strapping_allowed: bool) -> Result<(), Error<'static>> {
    let chip = board.chip;
    if !chip.has(pin) {
        return Err(Error::NoPin(pin));
    }
    if let Some(by) = board.user(pin) {
        return Err(Error::PinTaken { pin, by });
    }
    if used == Use::Analog && !Chip::is_in(chip.analog, pin) {
        return Err(Error::PinUnable { pin, unable: Unable::Analog });
    }
    if used.is_driven() && Chip::is_in(chip.inputs_only, pin) {
        return Err(Error::PinUnable { pin, unable: Unable::Output });
    }
    if Chip::is_in(chip.strapping, pin) && !is_strapping_allowed {
        return Err(Error::Strapping(pin));
    }
    Ok(())
}

/// Checks whether a bus can be scanned: its pins are free, or are those of the same bus already.
///
/// # Errors
/// Why they aren't.
pub fn check_scan<'a>(wiring: &'a Wiring, board: &BoardPins, request: ScanRequest) -> Result<(), Error<'a>> {
    let pins = match request {
        ScanRequest::I2c { sda, scl } => [(sda, Use::Sda), (scl, Use::Scl)],
        ScanRequest::OneWire { pin } => [(pin, Use::OneWire); 2],
    };
    for (pin, used) in pins {
        check_pin((pin, used), board, true)?;
        for (name, text) in wiring.iter() {
            let Ok(spec) = Spec::parse(text) else { continue };
            if spec.args.pins().any(|other| other.0 == pin && other.1 != used) {
                return Err(Error::PinTaken { pin, by: Taken::Thing(name) });
            }
        }
    }
    match pins {
        [(sda, Use::Sda), (scl, Use::Scl)] if sda == scl => Err(Error::SamePin(sda)),
        _ => Ok(()),
    }
}

/// Whether a thing can be beside another.
fn check_pair<'a>((name, spec): (&'a str, &Spec), (other, before): (&'a str, &Spec)) -> Result<(), Error<'a>> {
    if let Some(key) = keys(name, spec).find(|key| keys(other, before).any(|used| key.is_key(used))) {
        return Err(key.taken());
    }
    let mut shared = 0;
    for (pin, used) in spec.args.pins() {
        if let Some((_, taken)) = before.args.pins().find(|(taken, _)| *taken == pin) {
            if used != taken || !used.is_shared() {
                return Err(Error::PinTaken { pin, by: Taken::Thing(other) });
            }
            shared += 1;
        }
    }
    if shared == 0 {
        return Ok(());
    }
    if shared < spec.args.pins().count()
        && let Some((pin, _)) = spec.args.pins().find(|(pin, _)| before.args.pins().any(|(taken, _)| taken == *pin))
    {
        // The buses share one of their two wires.
        return Err(Error::PinTaken { pin, by: Taken::Thing(other) });
    }
    let is_any = |spec: &Spec| spec.args.address() == Some(0) && has_rom(spec);
    if is_any(spec) || is_any(before) || spec.args.address() == before.args.address() {
        return Err(Error::SameAddress(other));
    }
    Ok(())
}

fn has_rom(spec: &Spec) -> bool {
    spec.driver.words.iter().any(|word| word.kind == Kind::Rom)
}

/// Frequency of a thing's pulses; None if it has none that go out.
pub(crate) fn frequency_hz(spec: &Spec) -> Option<u32> {
    match spec.driver.id {
        Id::Pwm => Some(spec.args.get("frequency") as u32),
        Id::Servo => Some(crate::drivers::servo::FREQUENCY_HZ),
        _ => None,
    }
}

/// Channels for pulses that go out, and their frequencies.
#[derive(Default)]
struct Channels {
    frequencies: heapless::Vec<u32, 8, u8>,
    count: u8,
}

impl Channels {
    /// False if the chip has none left.
    fn add(&mut self, frequency_hz: u32, chip: &Chip) -> bool {
        self.count += 1;
        let is_new = !self.frequencies.contains(&frequency_hz);
        let has_room = !is_new || self.frequencies.push(frequency_hz).is_ok();
        has_room && self.count <= chip.pwm_channels && self.frequencies.len() <= chip.pwm_frequencies.into()
    }
}
