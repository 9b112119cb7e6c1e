//! The wired things while the device runs: their keys, and the data that is kept of them.

use core::task::Waker;

use embassy_sync::waitqueue::WakerRegistration;
use sockeye_wiring::driver::{Fault, Figure};
use sockeye_wiring::limits::THINGS_MAX;
use sockeye_wiring::named_texts::{Place, WantedName};
use sockeye_wiring::scan::{Found, ScanRequest};
use sockeye_wiring::{Sampler, Spec, Wiring};

use crate::keys::label::Label;
use crate::limits::{OUTPUTS_MAX, READINGS_MAX};
use crate::platform::{OutputInfo, ReadingInfo, ValueKind};
use crate::settings::Settings;
use crate::value::Value;

/// Nothing is wired.
static NOTHING: Wiring = Wiring::new();

/// An output of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OutputSlot {
    /// Place of the thing in the wiring.
    thing: u8,
    /// Place of the driver among all drivers.
    driver: u8,
    /// Place of the thing's name in the wiring's text.
    name: Place,
}

/// A reading of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    /// Place of the thing in the wiring.
    thing: u8,
    /// Place of the reading in its driver.
    reading: u8,
    /// Decimals of its values.
    decimals: u8,
    /// Place of the driver among all drivers.
    driver: u8,
    /// Where the thing's name is in the wiring's text.
    name: Place,
    /// Whether the reading's key has more than the thing's name.
    has_suffix: bool,
}

impl Slot {
    /// Memory for one, all zero.
    const ZERO: Self = Self { thing: 0, reading: 0, decimals: 0, driver: 0, name: Place::ZERO, has_suffix: false };

    /// The reading's part of its key, after the thing's name and a point; empty if the key is the name.
    fn suffix(&self) -> &'static str {
        if !self.has_suffix {
            return "";
        }
        let driver = sockeye_wiring::drivers::nth(self.driver.into());
        driver.and_then(|driver| driver.readings.get(usize::from(self.reading))).map_or("", |reading| reading.suffix)
    }
}

/// The request of a scan, and its outcome.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) request: Option<ScanRequest>,
    pub(crate) found: Option<Result<Found, Fault>>,
    /// Scans that were over since boot; the count may wrap.
    pub(crate) count: u16,
}

/// The wired things, and the numbers of their readings and outputs.
///
/// A reading or an output keeps its number as long as the spec of its thing stays the same, whatever other things come
/// and go. Histories, subscriptions and queued samples refer to a reading by its number.
pub(crate) struct Wired {
    pub(crate) sampler: Sampler,
    readings: [Option<Slot>; READINGS_MAX],
    /// The thing that an output is of.
    outputs: [Option<OutputSlot>; OUTPUTS_MAX],
    /// Readings that are another thing's or none now, a bit for each: their samples are to be forgotten.
    pub(crate) left: u32,
    /// The wiring isn't used, because the device did not come up with it, or because it isn't possible.
    pub(crate) is_set_aside: bool,
    pub(crate) scan: Scan,
    /// Readings that the board has anyway, and places for those that are wired.
    pub(crate) own: usize,
    /// Readings and outputs that are wired now.
    count: u8,
    is_changed: bool,
    /// Readings or outputs came or went.
    is_rewired: bool,
    waker: WakerRegistration,
}

impl Wired {
    /// Memory for one: all of it is zero, so that a static of it takes no flash. None is not zero in a scan, nor in a
    /// reading's slot.
    pub(crate) const ZERO: Self = {
        let scan =
            Scan { request: Some(ScanRequest::I2c { sda: 0, scl: 0 }), found: Some(Ok(Found::I2c(0))), count: 0 };
        Self::with(0, Sampler::ZERO, Some(Slot::ZERO), scan)
    };

    /// Nothing is wired, to a board that has so many readings and places for those that are wired.
    pub(crate) const fn new(own: usize) -> Self {
        Self::with(own, Sampler::new(), None, Scan { request: None, found: None, count: 0 })
    }

    const fn with(own: usize, sampler: Sampler, slot: Option<Slot>, scan: Scan) -> Self {
        Self {
            own,
            count: 0,
            sampler,
            readings: [slot; READINGS_MAX],
            outputs: [None; OUTPUTS_MAX],
            left: 0,
            is_set_aside: false,
            scan,
            is_changed: false,
            is_rewired: false,
            waker: WakerRegistration::new(),
        }
    }

    /// Another wiring is in force. `own` are the readings and outputs that the board has anyway, which come first.
    pub(crate) fn rewire(&mut self, before: &Wiring, after: &Wiring, own: (usize, usize), now_ms: u64) {
        self.sampler.rewire(before, after, now_ms);
        // Where the things that stay are from now on.
        let mut places = [None; THINGS_MAX];
        for (thing, place) in before.iter().zip(&mut places) {
            *place = after.iter().position(|other| other == thing).map(|place| place as u8);
        }
        let moved = |thing: u8| places.get(usize::from(thing)).copied().flatten();
        for (index, slot) in self.readings.iter_mut().enumerate() {
            let Some(old) = *slot else { continue };
            *slot = moved(old.thing).map(|thing| Slot { thing, name: after.place(thing.into()), ..old });
            if slot.is_none() {
                self.left |= 1 << index;
            }
        }
        for slot in &mut self.outputs {
            let Some(old) = *slot else { continue };
            *slot = moved(old.thing).map(|thing| OutputSlot { thing, name: after.place(thing.into()), ..old });
        }
        for (thing, (_, text)) in after.iter().enumerate() {
            let is_old = places.contains(&Some(thing as u8));
            let Some(spec) = Spec::parse(text).ok().filter(|_| !is_old) else { continue };
            let driver = sockeye_wiring::drivers::index(spec.driver);
            for (reading, known) in spec.driver.readings.iter().enumerate() {
                let slot = Slot {
                    thing: thing as u8,
                    reading: reading as u8,
                    decimals: spec.decimals(reading),
                    driver,
                    has_suffix: !known.suffix.is_empty(),
                    name: after.place(thing),
                };
                // There is room: that was checked.
                if let Some(free) = self.readings.iter_mut().skip(own.0).find(|slot| slot.is_none()) {
                    *free = Some(slot);
                }
            }
            if spec.driver.output.is_some()
                && let Some(free) = self.outputs.iter_mut().skip(own.1).find(|slot| slot.is_none())
            {
                *free = Some(OutputSlot { thing: thing as u8, driver, name: after.place(thing) });
            }
        }
        self.count = (self.readings.iter().flatten().count() + self.outputs.iter().flatten().count()) as u8;
        self.is_rewired = true;
        self.change();
    }

    /// Whether readings or outputs came or went since the last call.
    pub(crate) fn take_rewired(&mut self) -> bool {
        core::mem::take(&mut self.is_rewired)
    }

    /// Wakes the wiring's loop, which waits for a change.
    pub(crate) fn change(&mut self) {
        self.is_changed = true;
        self.waker.wake();
    }

    /// Whether something was changed since the last call; otherwise whoever waits is woken then.
    pub(crate) fn take_change(&mut self, waker: &Waker) -> bool {
        self.waker.register(waker);
        core::mem::take(&mut self.is_changed)
    }

    /// The key and the decimals of a reading.
    pub(crate) fn reading<'a>(&self, wiring: &'a Wiring, index: usize) -> Option<(Label<'a>, u8)> {
        let slot = self.readings.get(index)?.as_ref()?;
        Some((Label { name: wiring.at(slot.name), suffix: slot.suffix() }, slot.decimals))
    }

    /// Decimals of a reading's values.
    pub(crate) fn decimals(&self, index: usize) -> Option<u8> {
        self.readings.get(index)?.as_ref().map(|slot| slot.decimals)
    }

    /// The number of the reading whose key is a thing's name.
    #[inline]
    pub(crate) fn find_plain(&self, wiring: &Wiring, name: &WantedName<'_>) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let mut slots = self.readings.iter();
        slots.position(|slot| slot.as_ref().is_some_and(|slot| !slot.has_suffix && wiring.is_at(slot.name, name)))
    }

    /// The number of the reading whose key is a thing's name, a point and a suffix.
    pub(crate) fn find_with_suffix(&self, wiring: &Wiring, name: &[u8]) -> Option<usize> {
        let is_it = |slot: &Slot| match wiring.rest(slot.name, name) {
            Some([b'.', rest @ ..]) => slot.has_suffix && slot.suffix().as_bytes() == rest,
            _ => false,
        };
        self.readings.iter().position(|slot| slot.as_ref().is_some_and(is_it))
    }

    /// The number of a thing's reading.
    pub(crate) fn number(&self, thing: u8, reading: usize) -> Option<usize> {
        let is_it = |slot: &Slot| slot.thing == thing && usize::from(slot.reading) == reading;
        self.readings.iter().position(|slot| slot.as_ref().is_some_and(is_it))
    }

    /// The numbers of all of a thing's readings.
    pub(crate) fn numbers(&self, thing: u8) -> impl Iterator<Item = usize> + '_ {
        let is_of = move |slot: &Option<Slot>| slot.is_some_and(|slot| slot.thing == thing);
        self.readings.iter().enumerate().filter(move |(_, slot)| is_of(slot)).map(|(index, _)| index)
    }

    /// The spec of the thing that a reading is of, and the reading's description; its name is the thing's.
    pub(crate) fn info<'a>(&self, wiring: &'a Wiring, index: usize) -> Option<(&'a str, ReadingInfo<'a>)> {
        let slot = self.readings.get(index)?.as_ref()?;
        let (name, text) = wiring.iter().nth(slot.thing.into())?;
        let spec = Spec::parse(text).ok()?;
        let reading = spec.driver.readings.get(usize::from(slot.reading))?;
        let kind = match reading.figure {
            Figure::Gauge => ValueKind::Gauge,
            Figure::Counter => ValueKind::Counter,
            Figure::Switch => ValueKind::Switch,
        };
        let info = ReadingInfo {
            name,
            unit: spec.unit(text, slot.reading.into()),
            kind,
            decimals: slot.decimals,
            minimum: Value(reading.minimum),
            maximum: Value(reading.maximum),
            period_ms: spec.period_ms,
        };
        Some((text, info))
    }

    /// The thing that an output is of.
    pub(crate) fn thing(&self, output: usize) -> Option<usize> {
        self.outputs.get(output).copied().flatten().map(|slot| slot.thing.into())
    }

    /// Decimals, least and greatest value of an output, without its spec.
    pub(crate) fn output_range(&self, index: usize) -> Option<(u8, Value, Value)> {
        let slot = self.outputs.get(index).copied().flatten()?;
        let output = sockeye_wiring::drivers::nth(slot.driver.into())?.output?;
        Some((output.decimals, Value(output.minimum), Value(output.maximum)))
    }

    /// The description of an output, and its spec.
    pub(crate) fn output<'a>(&self, wiring: &'a Wiring, index: usize) -> Option<(&'a str, OutputInfo<'a>)> {
        let thing = self.thing(index)?;
        let (name, text) = wiring.iter().nth(thing)?;
        let spec = Spec::parse(text).ok()?;
        let output = spec.driver.output?;
        let info = OutputInfo {
            name,
            unit: output.unit,
            kind: if output.is_switch { ValueKind::Switch } else { ValueKind::Level },
            decimals: output.decimals,
            minimum: Value(output.minimum),
            maximum: Value(output.maximum),
            initial: Value(sockeye_wiring::drivers::initial(&spec.args)),
        };
        Some((text, info))
    }

    /// The number of the output that has this key.
    pub(crate) fn find_output(&self, wiring: &Wiring, name: &[u8]) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let is_it = |index: &usize| self.output_name(wiring, *index).is_some_and(|known| known.as_bytes() == name);
        (0..OUTPUTS_MAX).find(is_it)
    }

    /// The wiring of these settings, as far as it is used.
    pub(crate) fn used<'a>(&self, settings: &'a Settings) -> &'a Wiring {
        match &settings.wiring {
            Some(wiring) if !self.is_set_aside => wiring,
            _ => &NOTHING,
        }
    }

    /// The name of an output, without looking at its spec.
    pub(crate) fn output_name<'a>(&self, wiring: &'a Wiring, index: usize) -> Option<&'a str> {
        self.outputs.get(index).copied().flatten().map(|slot| wiring.at(slot.name))
    }
}

/// RAM of a chip; a host's pointers are larger.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use crate::limits::WIRED_SIZE_MAX;
    assert!(size_of::<Wired>() + size_of::<Option<Wiring>>() <= WIRED_SIZE_MAX);
};
