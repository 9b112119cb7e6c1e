//! The errors of a spec or a wiring.

use core::fmt;

use crate::driver::{Kind, Use};
use crate::limits::{KEY_LEN_MAX, SPEC_LEN_MAX, TEXT_LEN_MAX, THINGS_MAX, UNIT_LEN_MAX};
use crate::number::{Fixed, UNITS};

/// The users of a pin beside things that are wired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken<'a> {
    /// The flash memory.
    Flash,
    /// The console.
    Console,
    /// USB.
    Usb,
    /// The board, such as `button`.
    Board(&'a str),
    /// A thing of this name.
    Thing(&'a str),
}

impl fmt::Display for Taken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash => f.write_str("the flash"),
            Self::Console => f.write_str("the console"),
            Self::Usb => f.write_str("USB"),
            Self::Board(name) => write!(f, "the board's {name}"),
            Self::Thing(name) => write!(f, "'{name}'"),
        }
    }
}

/// The ability that a pin lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unable {
    /// The pin isn't connected to the first analog converter; the second is the radio's.
    Analog,
    /// The pin can't drive a line.
    Output,
    /// The pin has no resistors to pull it up or down.
    Pull,
}

/// Why a spec or a wiring is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error<'a> {
    /// A name has other characters than letters, digits, `.`, `_` and `-`, or none, or too many for the thing's keys.
    Name,
    /// A spec is longer than [`SPEC_LEN_MAX`].
    SpecLength,
    /// A spec has control characters.
    Control,
    /// There is no such driver.
    Driver(&'a str),
    /// The driver has no such word.
    Word(&'a str),
    /// A word that must be given is missing.
    Missing(&'a str),
    /// A word is given twice.
    Twice(&'a str),
    /// A word can't have this value.
    Value {
        /// The word.
        word: &'a str,
        /// The given text.
        text: &'a str,
        /// The values that the word takes.
        kind: Kind,
    },
    /// The period is shorter than the driver's least.
    Period {
        /// The driver's least, milliseconds.
        minimum_ms: u32,
    },
    /// The chip has no such pin, or doesn't lead it out.
    NoPin(u8),
    /// The pin is used already.
    PinTaken {
        /// The pin.
        pin: u8,
        /// By whom.
        by: Taken<'a>,
    },
    /// One spec names a pin twice.
    SamePin(u8),
    /// The pin can't do what it would be used for.
    PinUnable {
        /// The pin.
        pin: u8,
        /// The ability that the pin lacks.
        unable: Unable,
    },
    /// A strapping pin: what is wired to it may keep the chip from booting.
    Strapping(u8),
    /// Another thing has the same address on the same bus.
    SameAddress(&'a str),
    /// Another thing or the device has the same key.
    SameKey {
        /// The key's first part: the name of the thing that is refused.
        name: &'a str,
        /// The key's part after a point; empty if there is none.
        suffix: &'static str,
    },
    /// There are [`THINGS_MAX`] things already.
    Things,
    /// All specs together are longer than [`TEXT_LEN_MAX`].
    TextLength,
    /// All things together have more readings than this, for which there is room.
    Readings(usize),
    /// All things together have more outputs than this, for which there is room.
    Outputs(usize),
    /// The chip has no more channels or frequencies for pulses that go out.
    Pwm {
        /// The chip's channels.
        channels: u8,
        /// The frequencies that they can have at once.
        frequencies: u8,
    },
    /// The chip has no more counters than this.
    Counters(u8),
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => {
                write!(f, "name takes letters, digits, '.', '_' and '-', and its keys {KEY_LEN_MAX} bytes at most")
            }
            Self::SpecLength => write!(f, "spec has more than {SPEC_LEN_MAX} bytes"),
            Self::Control => f.write_str("spec has control characters"),
            Self::Driver("") => f.write_str("driver is missing; WIRING DRIVERS lists them"),
            Self::Driver(name) => write!(f, "unknown driver '{name}'; WIRING DRIVERS lists them"),
            Self::Word(name) => write!(f, "unknown word '{name}'"),
            Self::Missing(word) => write!(f, "word '{word}' is missing"),
            Self::Twice(word) => write!(f, "word '{word}' is given twice"),
            Self::Value { word, text, kind } => write!(f, "'{word}' can't be '{text}'{}", Limits(*kind)),
            Self::Period { minimum_ms } => write!(f, "period is shorter than {minimum_ms}ms, the driver's least"),
            Self::NoPin(pin) => write!(f, "chip has no pin {pin}"),
            Self::PinTaken { pin, by } => write!(f, "pin {pin} is used by {by}"),
            Self::SamePin(pin) => write!(f, "pin {pin} is given twice"),
            Self::PinUnable { pin, unable: Unable::Analog } => write!(f, "pin {pin} can't measure a voltage"),
            Self::PinUnable { pin, unable: Unable::Output } => write!(f, "pin {pin} is an input only"),
            Self::PinUnable { pin, unable: Unable::Pull } => write!(f, "pin {pin} has no pull-up or pull-down"),
            Self::Strapping(pin) => {
                write!(f, "pin {pin} decides how the chip boots; strapping=yes uses it all the same")
            }
            Self::SameAddress(name) => write!(f, "'{name}' has the same address on the same bus"),
            Self::SameKey { name, suffix: "" } => write!(f, "key '{name}' is used already"),
            Self::SameKey { name, suffix } => write!(f, "key '{name}.{suffix}' is used already"),
            Self::Things => write!(f, "{THINGS_MAX} things are wired already"),
            Self::TextLength => {
                write!(f, "all names and specs have more than {TEXT_LEN_MAX} bytes, with 2 for each thing")
            }
            Self::Readings(room) => write!(f, "all things have more than {room} readings"),
            Self::Outputs(room) => write!(f, "all things have more than {room} outputs"),
            Self::Pwm { channels, frequencies } => {
                write!(f, "chip has {channels} channels for pwm and servo, with {frequencies} frequencies")
            }
            Self::Counters(count) => write!(f, "chip counts at {count} pins at most"),
        }
    }
}

impl core::error::Error for Error<'_> {}

/// The values that a word takes, behind a colon; nothing if the words' list says it.
struct Limits(Kind);

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Number { minimum, maximum, decimals, unit } => {
                let (minimum, maximum) = (Fixed(minimum.into(), decimals), Fixed(maximum.into(), decimals));
                let blank = if unit.is_empty() { "" } else { " " };
                write!(f, ": {minimum} to {maximum}{blank}{unit}")?;
                if decimals == 0 { Ok(()) } else { write!(f, ", with at most {decimals} decimals") }
            }
            Kind::Duration { maximum_ms } => {
                let maximum_ms = i64::from(maximum_ms);
                let (unit, scale) = UNITS.into_iter().rfind(|(_, scale)| maximum_ms % scale == 0).unwrap_or(("ms", 1));
                write!(f, ": 20ms, 30s, at most {}{unit}", maximum_ms / scale)
            }
            Kind::Unit => write!(f, ": at most {UNIT_LEN_MAX} bytes"),
            Kind::Pin(_) | Kind::Choice(_) | Kind::YesNo | Kind::Address(_) | Kind::Rom => Ok(()),
        }
    }
}

/// A wiring that is refused, and because of which thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected<'a> {
    /// The thing's name.
    pub name: &'a str,
    /// Why.
    pub error: Error<'a>,
}

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wiring.{}: {}", self.name, self.error)
    }
}

impl core::error::Error for Rejected<'_> {}

/// The ability that a use needs of a pin, for lists of abilities.
impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sda => "sda",
            Self::Scl => "scl",
            Self::OneWire => "1-wire",
            Self::Pulses => "pulses",
            Self::Analog => "analog",
            Self::Input => "input",
            Self::Output => "output",
            Self::Pwm => "pwm",
            Self::Pixels => "pixels",
        })
    }
}
