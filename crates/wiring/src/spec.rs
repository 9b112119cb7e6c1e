//! A parsed spec: a driver's name and its words, as `bme280 sda=6 scl=7 period=10s`.

use crate::driver::{Driver, Kind, Use, Word};
use crate::drivers;
use crate::error::Error;
use crate::limits::{DECIMALS_MAX, PERIOD_MS_MAX, SPEC_LEN_MAX, UNIT_LEN_MAX, WORDS_MAX};
use crate::number::{decimal, duration_ms, hexadecimal};

/// The words that every driver has.
pub(crate) const PERIOD: &str = "period";
pub(crate) const STRAPPING: &str = "strapping";

/// The values of a driver's words, by the words' places in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecArgs {
    words: &'static [Word],
    values: [i64; WORDS_MAX],
}

impl SpecArgs {
    /// The value of a word; 0 if the driver has no such word.
    pub fn get(&self, name: &str) -> i64 {
        let named = self.words.iter().zip(self.values).find(|(word, _)| word.name == name);
        named.map_or(0, |(_, value)| value)
    }

    /// The value of a word whose range fits in 32 bits.
    pub(crate) fn int(&self, name: &str) -> i32 {
        crate::number::narrow(self.get(name))
    }

    /// The number of a pin.
    pub(crate) fn pin(&self, name: &str) -> u8 {
        self.get(name) as u8
    }

    /// Whether a word is `yes`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name) != 0
    }

    /// The pins, and what each is used for.
    pub fn pins(&self) -> impl Iterator<Item = (u8, Use)> + '_ {
        self.words.iter().zip(self.values).filter_map(|(word, value)| match word.kind {
            Kind::Pin(used) => Some((value as u8, used)),
            _ => None,
        })
    }

    /// The address on a bus that can be shared: an I2C address, or a ROM code, where 0 is whichever is there. None for
    /// a driver that shares no bus.
    pub fn address(&self) -> Option<u64> {
        let is_address = |word: &Word| matches!(word.kind, Kind::Address(_) | Kind::Rom);
        let found = self.words.iter().zip(self.values).find(|(word, _)| is_address(word));
        found.map(|(_, value)| value as u64)
    }
}

/// A thing's driver and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The driver.
    pub driver: &'static Driver,
    /// The values of its words.
    pub args: SpecArgs,
    /// How often it samples, milliseconds; 0 if it never does.
    pub period_ms: u32,
    /// Set if the thing may use strapping pins.
    pub is_strapping_allowed: bool,
}

impl Spec {
    /// Reads a spec: the driver's name, and then its words in any order, with blanks between them.
    ///
    /// # Errors
    /// The driver or a word is unknown. A word is missing, comes twice or has an invalid value. The text is too long or
    /// has control characters.
    ///
    /// ```
    /// use sockeye_wiring::Spec;
    ///
    /// let spec = Spec::parse("ds18b20 pin=4 period=10s")?;
    /// assert_eq!((spec.driver.name, spec.args.get("pin"), spec.period_ms), ("ds18b20", 4, 10_000));
    /// # Ok::<(), sockeye_wiring::Error<'static>>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error<'_>> {
        if text.len() > SPEC_LEN_MAX {
            return Err(Error::SpecLength);
        }
        if text.chars().any(char::is_control) {
            return Err(Error::Control);
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let driver = words.next().unwrap_or_default();
        let driver = drivers::find(driver).ok_or(Error::Driver(driver))?;
        let mut values: [Option<i64>; WORDS_MAX] = [None; WORDS_MAX];
        let (mut period_ms, mut strapping) = (None, None);
        for word in words {
            let (name, text) = word.split_once('=').ok_or(Error::Word(word))?;
            let twice = if name == STRAPPING {
                let value = yes_no(text).ok_or(Error::Value { word: STRAPPING, text, kind: Kind::YesNo })?;
                strapping.replace(value != 0).is_some()
            } else if let (PERIOD, Some(period)) = (name, driver.period) {
                let kind = Kind::Duration { maximum_ms: PERIOD_MS_MAX };
                let value = value(kind, text).and_then(|value| u32::try_from(value).ok());
                let value = value.ok_or(Error::Value { word: PERIOD, text, kind })?;
                if value < period.minimum_ms {
                    return Err(Error::Period { minimum_ms: period.minimum_ms });
                }
                period_ms.replace(value).is_some()
            } else {
                let known = driver.words.iter().zip(&mut values).find(|(known, _)| known.name == name);
                let (known, slot) = known.ok_or(Error::Word(name))?;
                let value = value(known.kind, text).ok_or(Error::Value { word: known.name, text, kind: known.kind })?;
                slot.replace(value).is_some()
            };
            if twice {
                return Err(Error::Twice(name));
            }
        }
        let mut args = SpecArgs { words: driver.words, values: [0; WORDS_MAX] };
        for ((word, given), value) in driver.words.iter().zip(values).zip(&mut args.values) {
            *value = given.or(word.default).ok_or(Error::Missing(word.name))?;
        }
        let period_ms = period_ms.or(driver.period.map(|period| period.default_ms)).unwrap_or(0);
        Ok(Self { driver, args, period_ms, is_strapping_allowed: strapping == Some(true) })
    }

    fn has(&self, name: &str) -> bool {
        self.driver.words.iter().any(|word| word.name == name)
    }

    /// The decimals of a reading; those of `adc` are a word of its spec.
    pub fn decimals(&self, reading: usize) -> u8 {
        let known = self.driver.readings.get(reading).map_or(0, |reading| reading.decimals);
        let decimals = if self.has("decimals") { self.args.get("decimals") as u8 } else { known };
        decimals.min(DECIMALS_MAX)
    }

    /// The unit of a reading; that of `adc` is a word of its spec, which `text` must be.
    pub fn unit<'a>(&self, text: &'a str, reading: usize) -> &'a str {
        let given = || text.split(' ').find_map(|word| word.strip_prefix("unit="));
        let known = self.driver.readings.get(reading).map_or("", |reading| reading.unit);
        if self.has("unit") { given().unwrap_or(known) } else { known }
    }
}

fn yes_no(text: &str) -> Option<i64> {
    match text {
        "yes" => Some(1),
        "no" => Some(0),
        _ => None,
    }
}

/// The value of a word; None if it can't have it.
fn value(kind: Kind, text: &str) -> Option<i64> {
    match kind {
        Kind::Pin(_) => decimal(text, 0).filter(|value| (0..=i64::from(u8::MAX)).contains(value)),
        Kind::Number { minimum, maximum, decimals, .. } => {
            decimal(text, decimals).filter(|value| (minimum.into()..=maximum.into()).contains(value))
        }
        Kind::Choice(texts) => texts.iter().position(|known| *known == text).map(|place| place as i64),
        Kind::YesNo => yes_no(text),
        Kind::Address(addresses) => {
            let value = match text.strip_prefix("0x") {
                Some(digits) => i64::try_from(hexadecimal(digits)?).ok()?,
                None => decimal(text, 0)?,
            };
            addresses.iter().any(|address| i64::from(*address) == value).then_some(value)
        }
        Kind::Rom => {
            // The family is the first byte on the wire, and the checksum the last.
            let rom = hexadecimal(text).filter(|_| text.len() == 16)?;
            let bytes = rom.to_be_bytes();
            (rom != 0 && crate::crc::one_wire(&bytes) == 0).then_some(rom as i64)
        }
        // The unit stays in the spec's text.
        Kind::Unit => (text.len() <= UNIT_LEN_MAX).then_some(0),
        Kind::Duration { maximum_ms } => duration_ms(text).filter(|value| *value <= maximum_ms.into()),
    }
}
