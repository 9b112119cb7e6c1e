//! The parts of a driver: its words, its readings or its output, and the results of its steps.

use core::fmt;

use crate::limits::{DEBOUNCE_MS_MAX, PERIOD_MS_MAX, READINGS_MAX};
use crate::number::{Fixed, TENS};
use crate::spec::{PERIOD, SpecArgs};

/// Which driver's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the drivers' names")]
pub enum Id {
    Ds18b20,
    Dht22,
    Dht11,
    Bme280,
    Bmp280,
    Sht4x,
    Sht3x,
    Aht20,
    Bh1750,
    Ina219,
    Ads1115,
    Scd4x,
    Adc,
    Lm35,
    Tmp36,
    Ntc,
    Input,
    Counter,
    Output,
    Pwm,
    Servo,
    Ws2812,
}

/// The use of a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Data of an I2C bus, which several devices share.
    Sda,
    /// Clock of an I2C bus.
    Scl,
    /// A 1-Wire bus, which several devices share.
    OneWire,
    /// A line with one sensor that answers in pulses.
    Pulses,
    /// An analog voltage.
    Analog,
    /// A level or edges that come in.
    Input,
    /// A level that goes out.
    Output,
    /// Pulses of a fixed frequency that go out.
    Pwm,
    /// Bits for a strip of WS2812.
    Pixels,
}

impl Use {
    /// Whether devices with different addresses can be at one pin.
    pub(crate) const fn is_shared(self) -> bool {
        matches!(self, Self::Sda | Self::Scl | Self::OneWire)
    }

    /// Whether the pin has to drive the line.
    pub(crate) const fn is_driven(self) -> bool {
        !matches!(self, Self::Analog | Self::Input)
    }
}

/// The permitted values of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A pin's number.
    Pin(Use),
    /// A number in units of its last decimal.
    Number {
        /// The least.
        minimum: i32,
        /// The greatest.
        maximum: i32,
        /// Decimals that it may have.
        decimals: u8,
        /// Its unit; may be empty.
        unit: &'static str,
    },
    /// One of some texts; the value is its place among them.
    Choice(&'static [&'static str]),
    /// `yes` or `no`; the value is 1 or 0.
    YesNo,
    /// An I2C address, such as `0x76`.
    Address(&'static [u8]),
    /// The ROM code of a 1-Wire device: 16 hexadecimal digits, the family first, as they are on the wire.
    Rom,
    /// The unit of a reading, at most [`UNIT_LEN_MAX`](crate::limits::UNIT_LEN_MAX) bytes.
    Unit,
    /// A duration such as `20ms`, milliseconds.
    Duration {
        /// The greatest, milliseconds.
        maximum_ms: u32,
    },
}

/// One word of a driver's spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The name before the `=`.
    pub name: &'static str,
    /// The permitted values after the `=`.
    pub kind: Kind,
    /// Its value if it isn't given, as a parsed number; None if it must be given.
    pub default: Option<i64>,
    /// One line for people.
    pub help: &'static str,
}

impl Word {
    /// The word for how often a driver samples.
    pub fn period(period: Period) -> Self {
        let kind = Kind::Duration { maximum_ms: PERIOD_MS_MAX };
        Self { name: PERIOD, kind, default: Some(period.default_ms.into()), help: "how often it is sampled" }
    }
}

/// As documentation writes it: `pin=PIN`, and in `[]` with its default what may be left out.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(default) = self.default else {
            return write!(f, "{}=PIN", self.name);
        };
        write!(f, "[{}=", self.name)?;
        match self.kind {
            Kind::Pin(_) => write!(f, "{default}")?,
            Kind::Number { decimals, unit, .. } => {
                write!(f, "{}", Fixed(default, decimals))?;
                if !unit.is_empty() {
                    return write!(f, "] {unit}");
                }
            }
            Kind::Choice(texts) => {
                // The default first.
                let (first, rest) = (texts.get(default as usize), texts.iter().enumerate());
                f.write_str(first.copied().unwrap_or_default())?;
                for (_, text) in rest.filter(|(index, _)| *index as i64 != default) {
                    write!(f, "|{text}")?;
                }
            }
            Kind::YesNo => f.write_str("no|yes")?,
            Kind::Address(addresses) => {
                for (index, address) in addresses.iter().enumerate() {
                    write!(f, "{}{address:#04x}", if index == 0 { "" } else { "|" })?;
                }
            }
            Kind::Rom => f.write_str("ROM")?,
            Kind::Unit => f.write_str("UNIT")?,
            Kind::Duration { .. } => write!(f, "{default}ms")?,
        }
        f.write_str("]")
    }
}

/// The kind of a reading's figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The value goes up and down.
    Gauge,
    /// The value only goes up, until the device boots or the wiring changes.
    Counter,
    /// 0 or 1.
    Switch,
}

/// A reading of a driver. Values are in units of its last decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The suffix of its key, after the thing's name and a point; empty if its key is the thing's name.
    pub suffix: &'static str,
    /// The unit; may be empty.
    pub unit: &'static str,
    /// Decimals of its values.
    pub decimals: u8,
    /// The least value that it can have.
    pub minimum: i32,
    /// The greatest value that it can have.
    pub maximum: i32,
    /// The kind of its figure.
    pub figure: Figure,
}

/// The range of a driver's output. Values are in units of its last decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// The unit; may be empty.
    pub unit: &'static str,
    /// Decimals of its values.
    pub decimals: u8,
    /// The least value that it takes.
    pub minimum: i32,
    /// The greatest value that it takes.
    pub maximum: i32,
    /// Set for an output that is on or off.
    pub is_switch: bool,
}

/// How often a driver samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Unless its spec gives another, milliseconds.
    pub default_ms: u32,
    /// At most, milliseconds: the sensor is that slow.
    pub minimum_ms: u32,
}

/// A driver, as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// The first word of its spec.
    pub name: &'static str,
    /// Which code runs.
    pub id: Id,
    /// One line for people.
    pub help: &'static str,
    /// Its words, beside `period` and `strapping`.
    pub words: &'static [Word],
    /// Its readings.
    pub readings: &'static [Reading],
    /// Its output, if it has one.
    pub output: Option<Output>,
    /// How often it samples; None if it never does.
    pub period: Option<Period>,
}

/// Why a thing has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody answers on the bus.
    NoAnswer,
    /// A checksum is wrong.
    Checksum,
    /// A line is held low, or a voltage is at the end of the range.
    Short,
    /// Nothing is connected, by the voltage.
    Open,
    /// Another device answers at the address.
    OtherDevice,
    /// The sensor lacks the calibration that came with it.
    Uncalibrated,
    /// The sensor was not ready in time.
    NotReady,
    /// The measured value is impossible.
    Range,
    /// The bus did not come to an end.
    Hangs,
    /// The chip has no channel left for it, or its hardware failed.
    Hardware,
}

impl Fault {
    /// As WIRING STATUS shows it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoAnswer => "no answer",
            Self::Checksum => "wrong checksum",
            Self::Short => "short circuit",
            Self::Open => "not connected",
            Self::OtherDevice => "another device answers",
            Self::Uncalibrated => "calibration missing",
            Self::NotReady => "not ready in time",
            Self::Range => "value out of range",
            Self::Hangs => "bus hangs",
            Self::Hardware => "hardware failed",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The result of a driver's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The sample goes on with another step. Others run meanwhile.
    Step {
        /// Which step.
        stage: u8,
        /// After so many milliseconds.
        after_ms: u32,
    },
    /// The sample is complete.
    Done {
        /// The step that the next sample begins with, as long as none fails.
        stage: u8,
    },
}

impl Next {
    /// The sample is complete, and the next begins with the first step.
    pub const DONE: Self = Self::Done { stage: 0 };
}

/// One step of one sample: the driver's inputs, and its measured values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The driver.
    pub driver: &'static Driver,
    /// The words of the thing's spec.
    pub args: SpecArgs,
    /// Which step; 0 is the first, and the one after each fault.
    pub stage: u8,
    /// Milliseconds since boot.
    pub now_ms: u64,
    /// The driver's memory from step to step; zeros after a fault.
    pub memory: [u32; 2],
    /// The value of the thing's output, in units of its last decimal.
    pub output: i32,
    /// The measured values, in the order of the readings.
    pub values: [Option<i32>; READINGS_MAX],
}

impl Job {
    /// Whether all that was measured is within the readings' ranges.
    pub(crate) fn is_in_range(&self) -> bool {
        let mut readings = self.driver.readings.iter().zip(&self.values);
        readings.all(|(reading, value)| value.is_none_or(|value| (reading.minimum..=reading.maximum).contains(&value)))
    }

    /// Notes a value of a reading; a reading that the driver doesn't have is ignored.
    pub(crate) fn set(&mut self, reading: usize, value: i32) {
        if let Some(slot) = self.values.get_mut(reading) {
            *slot = Some(value);
        }
    }
}

/// A value that has room in a reading.
///
/// # Errors
/// The value has none, and the nearest that has would not be true.
pub(crate) fn fit(value: i64) -> Result<i32, Fault> {
    i32::try_from(value).map_err(|_| Fault::Range)
}

// The functions below make tables of drivers short.

pub(crate) const fn pin(name: &'static str, used: Use, help: &'static str) -> Word {
    Word { name, kind: Kind::Pin(used), default: None, help }
}

pub(crate) const fn number(
    name: &'static str,
    (minimum, maximum): (i32, i32),
    (decimals, unit): (u8, &'static str),
    default: i64,
    help: &'static str,
) -> Word {
    Word { name, kind: Kind::Number { minimum, maximum, decimals, unit }, default: Some(default), help }
}

pub(crate) const fn choice(
    name: &'static str,
    texts: &'static [&'static str],
    default: i64,
    help: &'static str,
) -> Word {
    Word { name, kind: Kind::Choice(texts), default: Some(default), help }
}

pub(crate) const fn yes_no(name: &'static str, help: &'static str) -> Word {
    Word { name, kind: Kind::YesNo, default: Some(0), help }
}

pub(crate) const fn debounce(default_ms: i64, help: &'static str) -> Word {
    Word { name: "debounce", kind: Kind::Duration { maximum_ms: DEBOUNCE_MS_MAX }, default: Some(default_ms), help }
}

/// The first of the addresses is the one without this word.
pub(crate) const fn address(addresses: &'static [u8]) -> Word {
    let default = match addresses {
        [first, ..] => Some(*first as i64),
        [] => None,
    };
    Word { name: "address", kind: Kind::Address(addresses), default, help: "I2C address" }
}

pub(crate) const SDA: Word = pin("sda", Use::Sda, "data pin of the I2C bus");
pub(crate) const SCL: Word = pin("scl", Use::Scl, "clock pin of the I2C bus");
pub(crate) const INVERT: Word = yes_no("invert", "low is 1");
pub(crate) const PULL: &[&str] = &["none", "up", "down"];

pub(crate) const fn gauge(
    suffix: &'static str,
    (unit, decimals): (&'static str, u8),
    (minimum, maximum): (i32, i32),
) -> Reading {
    Reading { suffix, unit, decimals, minimum, maximum, figure: Figure::Gauge }
}

pub(crate) const fn every(default_ms: u32, minimum_ms: u32) -> Option<Period> {
    Some(Period { default_ms, minimum_ms })
}

/// Degrees Celsius with so many decimals: 1 in units of the last one.
pub(crate) const fn celsius(decimals: u8) -> (&'static str, u8) {
    assert!((decimals as usize) < TENS.len());
    ("°C", decimals)
}

const _: () = assert!(PERIOD_MS_MAX <= i32::MAX as u32);
