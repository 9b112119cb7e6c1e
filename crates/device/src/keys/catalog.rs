//! The keys that a device has: few, and each of one type.

use core::fmt;

use heapless::String;
use sockeye_wiring::Wiring;
use sockeye_wiring::named_texts::WantedName;

use crate::keys::history::History;
use crate::keys::label::Label;
use crate::keys::remote::{Remote, Remotes};
use crate::keys::wired::Wired;
use crate::limits::{KEYS_MAX, OUTPUTS_MAX, READINGS_MAX, REMOTES_MAX};
use crate::platform::{Now, OutputInfo, Platform, ReadingInfo};
use crate::settings::Settings;
use crate::value::Latest;

/// The prefix of a reading's name in the key of its history.
pub(crate) const HISTORY: &str = "history:";
/// The prefix of a reading's or an output's name in the key that describes it.
pub(crate) const META: &str = "meta:";
/// The key of the log, which is a channel too. No reading and no output has this name.
pub(crate) const LOG: &str = "log";

/// All that keys come from: the board's readings and outputs, and the readings of other devices. A reading's number is
/// its history's: the board's own come first.
#[derive(Clone, Copy)]
pub(crate) struct Catalog<'a> {
    pub(crate) platform: &'a dyn Platform,
    pub(crate) remotes: &'a Remotes,
    /// The latest samples of the readings of this device.
    pub(crate) latest: &'a [Option<Latest>],
    pub(crate) wired: &'a Wired,
    pub(crate) settings: &'a Settings,
    /// The device has a log.
    pub(crate) has_log: bool,
}

impl<'a> Catalog<'a> {
    /// The name and the decimals of a reading.
    pub(crate) fn reading(&self, index: usize) -> Option<(Label<'a>, u8)> {
        match self.platform.readings().get(index) {
            Some(info) => Some((info.name.into(), info.decimals)),
            None if index < self.wired.own => self.wired.reading(self.wiring(), index),
            None => self.remote(index).map(|remote| (remote.name().into(), remote.decimals)),
        }
    }

    /// The decimals of a reading.
    pub(crate) fn decimals(&self, index: usize) -> Option<u8> {
        match self.wired.decimals(index) {
            Some(decimals) => Some(decimals),
            None => self.reading(index).map(|(_, decimals)| decimals),
        }
    }

    /// The wiring, as far as it is used.
    fn wiring(&self) -> &'a Wiring {
        self.wired.used(self.settings)
    }

    /// The description of a reading of this device, with the spec of its thing if the reading is wired.
    pub(crate) fn info(&self, index: usize) -> Option<(ReadingInfo<'a>, Option<&'a str>)> {
        match self.platform.readings().get(index) {
            Some(info) => Some((*info, None)),
            None => self.wired.info(self.wiring(), index).map(|(spec, info)| (info, Some(spec))),
        }
    }

    /// The description of an output, with the spec of its thing if the output is wired.
    pub(crate) fn output(&self, index: usize) -> Option<(OutputInfo<'a>, Option<&'a str>)> {
        match self.platform.outputs().get(index) {
            Some(info) => Some((*info, None)),
            None => self.wired.output(self.wiring(), index).map(|(spec, info)| (info, Some(spec))),
        }
    }

    fn output_name(&self, index: usize) -> Option<&'a str> {
        match self.platform.outputs().get(index) {
            Some(info) => Some(info.name),
            None => self.wired.output_name(self.wiring(), index),
        }
    }

    /// The number of the output that has this key.
    pub(crate) fn find_output(&self, name: &[u8]) -> Option<usize> {
        let own = self.platform.outputs().iter().position(|info| info.name.as_bytes() == name);
        own.or_else(|| self.wired.find_output(self.wiring(), name))
    }

    /// The reading of another device that has this number.
    pub(crate) fn remote(&self, index: usize) -> Option<&'a Remote> {
        self.remotes.get(self.slot(index)?)
    }

    /// The value of a reading, if it has one.
    pub(crate) fn latest(&self, index: usize, now: Now) -> Option<Latest> {
        match self.slot(index) {
            Some(slot) => self.remotes.latest(slot, now),
            None => self.latest.get(index).copied().flatten(),
        }
    }

    /// The names of all readings.
    pub(crate) fn names(self) -> impl Iterator<Item = Label<'a>> {
        let count = self.wired.own + REMOTES_MAX;
        (0..count).filter_map(move |index| self.reading(index).map(|(name, _)| name))
    }

    fn slot(&self, index: usize) -> Option<usize> {
        index.checked_sub(self.wired.own)
    }

    /// The number of the reading that has this key, of this device or of another.
    pub(crate) fn find_reading(&self, name: &[u8]) -> Option<usize> {
        let plain = find_plain_reading(self.platform.readings(), self.wired, self.wiring(), name);
        plain.or_else(|| self.find_reading_with_point(name))
    }

    /// The number of the reading that has this key: one of several of a thing, or one of another device.
    #[inline(never)]
    pub(crate) fn find_reading_with_point(&self, name: &[u8]) -> Option<usize> {
        if !name.contains(&b'.') {
            return None;
        }
        let wired = self.wired.find_with_suffix(self.wiring(), name);
        wired.or_else(|| self.remotes.find(name).map(|slot| self.wired.own + slot))
    }
}

/// The number of the reading of this device that has this key: one of the board's own, or the only one of a thing.
// Inlined where clients read values: nothing in it is a call.
#[inline(always)]
pub(crate) fn find_plain_reading(
    board: &[ReadingInfo<'_>],
    wired: &Wired,
    wiring: &Wiring,
    name: &[u8],
) -> Option<usize> {
    let name = WantedName::new(name);
    let own = board.iter().position(|info| name.is(info.name.as_bytes()));
    own.or_else(|| wired.find_plain(wiring, &name))
}

/// A key. The number is the reading's or the output's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A reading: its latest value.
    Reading(usize),
    /// An output: its value.
    Output(usize),
    /// Past samples of a reading.
    History(usize),
    /// The description of a reading.
    ReadingMeta(usize),
    /// The description of an output.
    OutputMeta(usize),
    /// The log. Sessions without the access of MONITOR have no such key.
    Log,
}

impl Key {
    /// The key of this name, whether it has a value now or not.
    #[inline]
    pub(crate) fn find(catalog: &Catalog<'_>, name: &[u8]) -> Option<Self> {
        // Names of readings and outputs have no colon, so the order makes no difference.
        match catalog.find_reading(name) {
            Some(index) => Some(Self::Reading(index)),
            None => Self::find_other(catalog, name),
        }
    }

    /// The key of this name that is no reading.
    #[inline(never)]
    pub(crate) fn find_other(catalog: &Catalog<'_>, name: &[u8]) -> Option<Self> {
        let reading = |name: &[u8]| catalog.find_reading(name);
        let output = |name: &[u8]| catalog.find_output(name);
        if let Some(of) = name.strip_prefix(HISTORY.as_bytes()) {
            return reading(of).map(Self::History);
        }
        if let Some(of) = name.strip_prefix(META.as_bytes()) {
            return reading(of).map(Self::ReadingMeta).or_else(|| output(of).map(Self::OutputMeta));
        }
        let log = || (catalog.has_log && name == LOG.as_bytes()).then_some(Self::Log);
        output(name).map(Self::Output).or_else(log)
    }

    /// The name of its type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Reading(_) | Self::Output(_) => "string",
            Self::History(_) | Self::Log => "stream",
            Self::ReadingMeta(_) | Self::OutputMeta(_) => "hash",
        }
    }

    /// Whether it has a value: a reading has none before its first sample, and one of another device none after a
    /// silence.
    pub(crate) fn exists(self, catalog: &Catalog<'_>, histories: &[History], now: Now) -> bool {
        match self {
            Self::Reading(index) => catalog.latest(index, now).is_some(),
            Self::History(index) => histories.get(index).is_some_and(|history| history.len() > 0),
            Self::Output(_) | Self::ReadingMeta(_) | Self::OutputMeta(_) | Self::Log => true,
        }
    }

    /// All keys that there are, each with a number that doesn't change while the key is there, as SCAN's cursor counts
    /// them.
    pub(crate) fn all(catalog: Catalog<'_>) -> impl Iterator<Item = (usize, Self)> {
        let own = catalog.wired.own;
        let reading = move |kind: usize, index: usize| match kind {
            0 => Self::Reading(index),
            1 => Self::History(index),
            _ => Self::ReadingMeta(index),
        };
        let key = move |number: usize| {
            const OUTPUTS: usize = 3 * READINGS_MAX;
            const REMOTES: usize = OUTPUTS + 2 * OUTPUTS_MAX;
            const LOG: usize = KEYS_MAX - 1;
            match number {
                0..OUTPUTS => {
                    let index = number % READINGS_MAX;
                    let is_there = index < own && catalog.reading(index).is_some();
                    is_there.then(|| reading(number / READINGS_MAX, index))
                }
                OUTPUTS..REMOTES => {
                    let (kind, index) = ((number - OUTPUTS) / OUTPUTS_MAX, (number - OUTPUTS) % OUTPUTS_MAX);
                    let key = if kind == 0 { Self::Output(index) } else { Self::OutputMeta(index) };
                    catalog.output_name(index).map(|_| key)
                }
                LOG => catalog.has_log.then_some(Self::Log),
                _ => {
                    let (kind, slot) = ((number - REMOTES) / REMOTES_MAX, (number - REMOTES) % REMOTES_MAX);
                    catalog.remotes.get(slot).map(|_| reading(kind, own + slot))
                }
            }
        };
        (0..KEYS_MAX).filter_map(move |number| Some((number, key(number)?)))
    }

    /// The key as a client writes it.
    pub(crate) fn name(self, catalog: Catalog<'_>) -> Name<'_> {
        let reading = |index: usize| catalog.reading(index).map_or("".into(), |(label, _)| label);
        let output = |index: usize| catalog.output_name(index).unwrap_or_default().into();
        match self {
            Self::Reading(index) => Name { prefix: "", name: reading(index) },
            Self::Output(index) => Name { prefix: "", name: output(index) },
            Self::History(index) => Name { prefix: HISTORY, name: reading(index) },
            Self::ReadingMeta(index) => Name { prefix: META, name: reading(index) },
            Self::OutputMeta(index) => Name { prefix: META, name: output(index) },
            Self::Log => Name { prefix: "", name: LOG.into() },
        }
    }
}

/// A key's name in its two parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'a> {
    prefix: &'static str,
    name: Label<'a>,
}

impl Name<'_> {
    pub(crate) fn matches(&self, pattern: &[u8]) -> bool {
        let mut key = String::<{ crate::limits::KEY_LEN_MAX }, u8>::new();
        let point = if self.name.suffix.is_empty() { "" } else { "." };
        let parts = [self.prefix, self.name.name, point, self.name.suffix];
        let fits = parts.iter().all(|part| key.push_str(part).is_ok());
        fits && crate::glob::matches(pattern, key.as_bytes())
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix)?;
        self.name.fmt(f)
    }
}

/// Some of the keys, by number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeySet([u32; KEYS_MAX.div_ceil(u32::BITS as usize)]);

impl KeySet {
    pub(crate) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / u32::BITS as usize) {
            *word |= 1 << (number % u32::BITS as usize);
        }
    }

    pub(crate) fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / u32::BITS as usize) {
            *word &= !(1 << (number % u32::BITS as usize));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The least number.
    pub(crate) fn first(&self) -> Option<usize> {
        let (index, word) = self.0.iter().enumerate().find(|(_, word)| **word != 0)?;
        Some(index * u32::BITS as usize + word.trailing_zeros() as usize)
    }
}

impl FromIterator<usize> for KeySet {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut keys = Self::default();
        numbers.into_iter().for_each(|number| keys.insert(number));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_keys_has_each_number_once() {
        let numbers = [0, 31, 32, KEYS_MAX - 1];
        let mut keys: KeySet = numbers.into_iter().chain([31]).collect();
        assert_eq!(keys.len(), 4);
        for number in numbers {
            assert_eq!(keys.first(), Some(number));
            keys.remove(number);
        }
        assert_eq!((keys.first(), keys.len()), (None, 0));
    }
}
