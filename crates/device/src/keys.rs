//! The keys that a device has: fixed, few, and each of one type.

use core::fmt;

use crate::app::State;
use crate::history::History;
use crate::limits::{KEYS_MAX, OUTPUTS_MAX, READINGS_MAX};
use crate::platform::{OutputInfo, Platform, ReadingInfo};

/// What precedes the name of a reading in the key of its history.
pub(crate) const HISTORY: &str = "history:";
/// What precedes the name of a reading or output in the key that describes it.
pub(crate) const META: &str = "meta:";

/// A key. The number is the reading's or the output's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A reading: its latest value.
    Reading(usize),
    /// An output: its value.
    Output(usize),
    /// Past samples of a reading.
    History(usize),
    /// What there is to know about a reading.
    ReadingMeta(usize),
    /// What there is to know about an output.
    OutputMeta(usize),
}

impl Key {
    /// The key of this name, whether it has a value now or not.
    pub(crate) fn find(platform: &dyn Platform, name: &[u8]) -> Option<Self> {
        let reading = |name: &[u8]| platform.readings().iter().position(|info| info.name.as_bytes() == name);
        let output = |name: &[u8]| platform.outputs().iter().position(|info| info.name.as_bytes() == name);
        if let Some(of) = name.strip_prefix(HISTORY.as_bytes()) {
            return reading(of).map(Self::History);
        }
        if let Some(of) = name.strip_prefix(META.as_bytes()) {
            return reading(of).map(Self::ReadingMeta).or_else(|| output(of).map(Self::OutputMeta));
        }
        reading(name).map(Self::Reading).or_else(|| output(name).map(Self::Output))
    }

    /// The name of its type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Reading(_) | Self::Output(_) => "string",
            Self::History(_) => "stream",
            Self::ReadingMeta(_) | Self::OutputMeta(_) => "hash",
        }
    }

    /// Whether it has a value: a reading has none before its first sample.
    pub(crate) fn exists(self, state: &State, histories: &[History]) -> bool {
        match self {
            Self::Reading(index) => state.latest.get(index).is_some_and(Option::is_some),
            Self::History(index) => histories.get(index).is_some_and(|history| history.len() > 0),
            Self::Output(_) | Self::ReadingMeta(_) | Self::OutputMeta(_) => true,
        }
    }

    /// All keys that the platform gives rise to, in an order that never changes, as SCAN's cursor counts them.
    pub(crate) fn all(platform: &dyn Platform) -> impl Iterator<Item = (usize, Self)> {
        let (readings, outputs) = (platform.readings().len(), platform.outputs().len());
        let key = move |number: usize| {
            let (block, index) = match number {
                0.. if number < 3 * READINGS_MAX => (number / READINGS_MAX, number % READINGS_MAX),
                _ => (3 + (number - 3 * READINGS_MAX) / OUTPUTS_MAX, (number - 3 * READINGS_MAX) % OUTPUTS_MAX),
            };
            match block {
                0 => (index < readings).then_some(Self::Reading(index)),
                1 => (index < readings).then_some(Self::History(index)),
                2 => (index < readings).then_some(Self::ReadingMeta(index)),
                3 => (index < outputs).then_some(Self::Output(index)),
                _ => (index < outputs).then_some(Self::OutputMeta(index)),
            }
        };
        (0..KEYS_MAX).filter_map(move |number| Some((number, key(number)?)))
    }

    /// The key as a client writes it.
    pub(crate) fn name(self, platform: &dyn Platform) -> Name<'_> {
        let reading = |index: usize| platform.readings().get(index).map_or("", |info: &ReadingInfo<'_>| info.name);
        let output = |index: usize| platform.outputs().get(index).map_or("", |info: &OutputInfo<'_>| info.name);
        match self {
            Self::Reading(index) => Name { prefix: "", name: reading(index) },
            Self::Output(index) => Name { prefix: "", name: output(index) },
            Self::History(index) => Name { prefix: HISTORY, name: reading(index) },
            Self::ReadingMeta(index) => Name { prefix: META, name: reading(index) },
            Self::OutputMeta(index) => Name { prefix: META, name: output(index) },
        }
    }
}

/// A key's name in its two parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'a> {
    prefix: &'static str,
    name: &'a str,
}

impl Name<'_> {
    pub(crate) fn matches(&self, pattern: &[u8]) -> bool {
        let mut key = heapless::Vec::<u8, { crate::limits::KEY_LEN_MAX }>::new();
        let parts = [self.prefix, self.name];
        let fits = parts.iter().all(|part| key.extend_from_slice(part.as_bytes()).is_ok());
        fits && crate::glob::matches(pattern, &key)
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix)?;
        f.write_str(self.name)
    }
}
