//! Readings of other devices, which they send here with XADD.

use heapless::String;

use crate::limits::{DECIMALS_MAX, REMOTE_NAME_LEN_MAX, REMOTES_MAX};
use crate::names::is_name_byte;
use crate::platform::Now;
use crate::value::{Decimal, Latest, Value, rescale};

/// A reading of another device.
pub(crate) struct Remote {
    /// `NODE.NAME`.
    name: String<REMOTE_NAME_LEN_MAX, u8>,
    /// Decimals of all of its values.
    pub(crate) decimals: u8,
    /// The sample that came last, and when it came.
    latest: Latest,
}

/// The readings of other devices, each with a history behind those of the board's own readings.
pub(crate) struct Remotes {
    slots: [Option<Remote>; REMOTES_MAX],
    /// How many there are histories for.
    max: usize,
    /// How long after its last sample a reading has no value any more.
    pub(crate) expire_ms: u32,
}

impl Remotes {
    /// Room for `max` readings, or [`REMOTES_MAX`] if that is less.
    pub(crate) const fn new(max: usize, expire_ms: u32) -> Self {
        let max = if max < REMOTES_MAX { max } else { REMOTES_MAX };
        Self { slots: [const { None }; REMOTES_MAX], max, expire_ms }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&Remote> {
        self.slots.get(slot)?.as_ref()
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|remote| remote.name.as_bytes() == name))
    }

    /// The sample that came last, unless that is too long ago.
    pub(crate) fn latest(&self, slot: usize, now: Now) -> Option<Latest> {
        let latest = self.get(slot)?.latest;
        let age_ms = now.uptime_ms().saturating_sub(latest.uptime_ms);
        (age_ms < u64::from(self.expire_ms)).then_some(latest)
    }

    /// The slot for a reading that isn't known yet: a free slot, or that of the reading that has been silent for
    /// longest. To a reading that a rule names (`is_wanted`) one that no rule names gives up its slot even with a value.
    /// `is_named` tells whether a rule names a reading. The caller empties the slot's history. None if there is no such
    /// slot.
    pub(crate) fn room(&self, is_named: impl Fn(&str) -> bool, is_wanted: bool, now: Now) -> Option<usize> {
        let rank = |slot: usize| {
            let remote = self.get(slot)?;
            let (is_named, has_value) = (is_named(&remote.name), self.latest(slot, now).is_some());
            let is_left = !has_value || is_wanted && !is_named;
            is_left.then_some(((is_named, has_value, remote.latest.uptime_ms), slot))
        };
        let free = (0..self.max).find(|slot| self.get(*slot).is_none());
        free.or_else(|| (0..self.max).filter_map(rank).min().map(|(_, slot)| slot))
    }

    /// The reading is no more.
    pub(crate) fn remove(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = None;
        }
    }

    /// A sample came: it is the latest now. A reading that had another name before begins anew.
    pub(crate) fn set(&mut self, slot: usize, name: &[u8], value: Decimal, now: Now) {
        let (value, decimals) = value.parts();
        let latest = Latest { value, uptime_ms: now.uptime_ms() };
        let name = core::str::from_utf8(name).ok().and_then(|name| String::try_from(name).ok());
        if let (Some(slot), Some(name)) = (self.slots.get_mut(slot), name) {
            *slot = Some(Remote { name, decimals, latest });
        }
    }
}

impl Remote {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// When its last sample came, since boot.
    pub(crate) fn uptime_ms(&self) -> u64 {
        self.latest.uptime_ms
    }
}

/// Whether a reading of another device can have this name: `NODE.NAME` of letters, digits, `.`, `_` and `-`.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let dot = name.iter().position(|byte| *byte == b'.');
    name.len() <= REMOTE_NAME_LEN_MAX
        && name.iter().copied().all(is_name_byte)
        && dot.is_some_and(|dot| dot > 0 && dot + 1 < name.len())
}

/// Decimals of a number that are kept until it is rounded.
const KEPT_DECIMALS: u8 = DECIMALS_MAX + 1;

/// A plain number of any number of decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    /// In units of the decimal after the last that a value can have, by which that one is rounded. Further decimals are cut
    /// off: halves are rounded away from zero, so they decide nothing.
    value: i64,
    /// Decimals that the number was written with, as far as they are kept.
    decimals: u8,
}

impl Number {
    /// Reads digits, after a `-` perhaps, with digits after a point perhaps. None for everything else, such as an exponent,
    /// and for a number that is out of range.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, text) = match text {
            [b'-', text @ ..] => (true, text),
            text => (false, text),
        };
        let mut parts = text.splitn(2, |byte| *byte == b'.');
        let (whole, fraction) = (parts.next()?, parts.next());
        let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if !is_number(whole) || !fraction.is_none_or(is_number) {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        let mut digits =
            whole.iter().chain(fraction.iter().chain(core::iter::repeat(&b'0')).take(KEPT_DECIMALS.into()));
        let value = digits
            .try_fold(0i64, |value, byte| value.checked_mul(10)?.checked_add(i64::from(*byte) - i64::from(b'0')))?;
        let value = if is_negative { -value } else { value };
        Some(Self { value, decimals: fraction.len().min(DECIMALS_MAX.into()) as u8 })
    }

    /// The number with as many decimals as it was written with, or as `least` if those are more. If it has no room for
    /// them, or `fits` says that they are too many, it has fewer. None if the number has no room at all.
    pub(crate) fn decimal(self, least: u8, fits: impl Fn(u8) -> bool) -> Option<Decimal> {
        let most = self.decimals.max(least);
        (0..=most).rev().find_map(|decimals| {
            let value = i32::try_from(rescale(self.value, KEPT_DECIMALS, decimals)?).ok()?;
            fits(decimals).then(|| Value(value).with_decimals(decimals))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { uptime_us: ms * 1_000, unix_us: None }
    }

    #[test]
    fn names_have_a_node() {
        for name in ["a.b", "sockeye-3f2a.chip.temperature", "a..", "a_.-"] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for name in ["", "a", ".", ".b", "a.", "a b.c", "a:b.c", &format!("a.{}", "x".repeat(REMOTE_NAME_LEN_MAX))] {
            assert!(!is_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn numbers_have_their_own_decimals() {
        let check = |text: &str, least, expected: Option<&str>| {
            let value = Number::parse(text.as_bytes()).and_then(|number| number.decimal(least, |_| true));
            assert_eq!(value.map(|value| value.to_string()).as_deref(), expected, "{text} {least}");
        };
        check("23.5", 0, Some("23.5"));
        check("23.5", 2, Some("23.50"));
        check("-7", 0, Some("-7"));
        check("-0.000001", 0, Some("-0.000001"));
        check("0.0000001", 0, Some("0.000000"));
        check("21.299999999999997", 0, Some("21.300000"));
        check("2147.25", 6, Some("2147.250000"));
        check("2147.5", 6, Some("2147.50000"));
        check("2148.5", 6, Some("2148.50000"));
        check("-2147483648.4", 0, Some("-2147483648"));
        check("2147483647.4999999", 0, Some("2147483647"));
        check("2147483647.5", 0, None);
        check("999999999999", 0, None);
        check("9999999999999999999999", 0, None);
        for text in ["", "-", "7.", ".7", "nan", "1e3", "1.2.3", "+1", "--1"] {
            check(text, 0, None);
        }
        let coarse = Number::parse(b"1.55").and_then(|number| number.decimal(0, |decimals| decimals < 2));
        assert_eq!(coarse, Some(Value(16).with_decimals(1)));
    }

    #[test]
    fn who_is_silent_for_longest_makes_room() {
        let mut remotes = Remotes::new(2, 60_000);
        let value = Value(1).with_decimals(0);
        let room = |remotes: &Remotes, ms| remotes.room(|_| false, false, at(ms));
        assert_eq!(room(&remotes, 0), Some(0));
        remotes.set(0, b"a.x", value, at(0));
        assert_eq!(room(&remotes, 0), Some(1));
        remotes.set(1, b"b.x", value, at(5));
        let expired_ms = u64::from(remotes.expire_ms);
        assert_eq!(room(&remotes, expired_ms - 1), None);
        assert_eq!(room(&remotes, expired_ms + 9), Some(0));
        remotes.set(0, b"a.x", value, at(expired_ms));
        assert_eq!(room(&remotes, expired_ms + 9), Some(1));
        assert!(remotes.latest(0, at(expired_ms + 9)).is_some() && remotes.latest(1, at(expired_ms + 9)).is_none());
    }

    #[test]
    fn a_reading_that_a_rule_names_has_room_before_others() {
        let mut remotes = Remotes::new(3, 60_000);
        let value = Value(1).with_decimals(0);
        for (slot, (name, ms)) in [("a.x", 3), ("b.x", 1), ("c.x", 2)].into_iter().enumerate() {
            remotes.set(slot, name.as_bytes(), value, at(ms));
        }
        let room = |names: &[&str], is_wanted, ms| remotes.room(|name| names.contains(&name), is_wanted, at(ms));
        // All have values.
        assert_eq!([room(&[], false, 9), room(&[], true, 9), room(&["b.x"], true, 9)], [None, Some(1), Some(2)]);
        assert_eq!(room(&["a.x", "b.x", "c.x"], true, 9), None);
        // The second and the third have expired.
        assert_eq!([room(&["b.x"], false, 60_002), room(&["b.x"], true, 60_002)], [Some(2); 2]);
        assert_eq!([room(&["b.x", "c.x"], false, 60_002), room(&["b.x", "c.x"], true, 60_002)], [Some(1), Some(0)]);
    }

    #[test]
    fn without_histories_there_is_no_room() {
        assert_eq!(Remotes::new(0, 1).room(|_| false, true, at(0)), None);
        assert_eq!(Remotes::new(REMOTES_MAX + 3, 1).max(), REMOTES_MAX);
    }
}
