//! The errors of a spec or a wiring.

use core::fmt;

use crate::driver::Use;

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
    /// A spec is longer than [`SPEC_LEN_MAX`](crate::limits::SPEC_LEN_MAX).
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
    /// There are [`THINGS_MAX`](crate::limits::THINGS_MAX) things already.
    Things,
    /// All specs together are longer than [`TEXT_LEN_MAX`](crate::limits::TEXT_LEN_MAX).
    TextLength,
    /// There is no room for so many readings.
    Readings,
    /// There is no room for so many outputs.
    Outputs,
    /// The chip has no more channels or frequencies for pulses that go out.
    Pwm,
    /// The chip has no more counters.
    Counters,
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("name has other characters than a key, or is too long for the driver's readings"),
            Self::SpecLength => f.write_str("spec is too long"),
            Self::Control => f.write_str("spec has control characters"),
            Self::Driver("") => f.write_str("driver is missing; WIRING DRIVERS lists them"),
            Self::Driver(name) => write!(f, "unknown driver '{name}'; WIRING DRIVERS lists them"),
            Self::Word(name) => write!(f, "unknown word '{name}'"),
            Self::Missing(word) => write!(f, "word '{word}' is missing"),
            Self::Twice(word) => write!(f, "word '{word}' is given twice"),
            Self::Value { word, text } => write!(f, "'{word}' can't be '{text}'"),
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
            Self::Things => f.write_str("too many things are wired"),
            Self::TextLength => f.write_str("all specs together are too long"),
            Self::Readings => f.write_str("no room for so many readings"),
            Self::Outputs => f.write_str("no room for so many outputs"),
            Self::Pwm => f.write_str("chip has no more channels or frequencies for pwm and servo"),
            Self::Counters => f.write_str("chip has no more counters"),
        }
    }
}

impl core::error::Error for Error<'_> {}

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
