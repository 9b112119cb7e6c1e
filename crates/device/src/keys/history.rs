//! Past samples of a reading, as a stream of Redis.

use core::fmt;

use crate::limits::HISTORY_LEN;
use crate::platform::Now;
use crate::value::Value;

/// A stream's ID: milliseconds, and a number among those of the same millisecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Milliseconds since 1970 if the device knew the time, since boot otherwise.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// The least ID.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The greatest ID.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// Reads `ms` or `ms-seq`; without the number it is `seq`.
    pub fn parse(text: &[u8], seq: u64) -> Option<Self> {
        match text.iter().position(|&byte| byte == b'-') {
            Some(dash) => Some(Self { ms: digits(text.get(..dash)?)?, seq: digits(text.get(dash + 1..)?)? }),
            None => Some(Self { ms: digits(text)?, seq }),
        }
    }

    /// The next greater ID.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The next lesser ID.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The ID of a sample in 8 bytes: 48 bits of milliseconds, which last 8,900 years, and 16 of number. Because the
/// number is at the low end, one more than the last ID of a millisecond is the first of the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SampleId(u64);

impl SampleId {
    const SEQ_BITS: u32 = 16;

    /// The least.
    pub(crate) const ZERO: Self = Self(0);
    /// The greatest.
    pub(crate) const MAX: Self = Self(u64::MAX);

    /// None if the ID is too great.
    pub(crate) fn new(id: StreamId) -> Option<Self> {
        let fits = id.ms >> (u64::BITS - Self::SEQ_BITS) == 0 && id.seq >> Self::SEQ_BITS == 0;
        fits.then_some(Self(id.ms << Self::SEQ_BITS | id.seq))
    }

    /// The ID itself, or the next greater one that a sample can have; the greatest if there is none.
    pub(crate) fn at_least(id: StreamId) -> Self {
        let next_ms = || Some(StreamId { ms: id.ms.checked_add(1)?, seq: 0 });
        Self::new(id).or_else(|| Self::new(next_ms()?)).unwrap_or(Self::MAX)
    }

    /// The ID of a sample that comes now: the time, or the one after this if the clock stood still or was put back.
    pub(crate) fn next(self, now: Now) -> Self {
        let time = Self((now.stamp_us() / 1_000) << Self::SEQ_BITS);
        time.max(Self(self.0.saturating_add(1)))
    }

    /// The next greater one.
    pub(crate) fn following(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// The same so many milliseconds later.
    pub(crate) fn later(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1 << Self::SEQ_BITS)))
    }

    /// The ID as it is kept.
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    /// The ID that was kept so.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn id(self) -> StreamId {
        StreamId { ms: self.0 >> Self::SEQ_BITS, seq: self.0 & ((1 << Self::SEQ_BITS) - 1) }
    }
}

/// The last [`HISTORY_LEN`] samples of one reading.
///
/// The caller of [`App::new`](crate::App::new) provides one for each reading.
#[derive(Debug)]
pub struct History {
    ids: [SampleId; HISTORY_LEN],
    values: [Value; HISTORY_LEN],
    /// Number of the next sample, counted since boot; it may wrap.
    next: u32,
    len: u8,
    last: SampleId,
}

/// A sample as a stream's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamEntry {
    pub(crate) id: StreamId,
    pub(crate) value: Value,
}

/// Samples that follow each other, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Samples {
    /// Number of the first, the oldest.
    pub(crate) first: u32,
    pub(crate) len: u8,
}

impl Samples {
    pub(crate) const NONE: Self = Self { first: 0, len: 0 };
}

impl History {
    /// A history without a sample.
    pub const fn new() -> Self {
        Self { ids: [SampleId(0); HISTORY_LEN], values: [Value(0); HISTORY_LEN], next: 0, len: 0, last: SampleId(0) }
    }

    /// Adds a sample that comes now.
    pub(crate) fn append(&mut self, value: Value, now: Now) {
        self.add(value, self.last.next(now));
    }

    /// Adds a sample whose ID is greater than the last.
    pub(crate) fn add(&mut self, value: Value, id: SampleId) {
        self.last = id;
        let slot = self.next as usize % HISTORY_LEN;
        self.ids[slot] = self.last;
        self.values[slot] = value;
        self.next = self.next.wrapping_add(1);
        self.len = (self.len + 1).min(HISTORY_LEN as u8);
    }

    /// Forgets all samples.
    pub(crate) fn clear(&mut self) {
        (self.next, self.len, self.last) = (0, 0, SampleId(0));
    }

    /// Whether all values have room for `to` decimals in the place of `from`.
    pub(crate) fn has_room(&self, from: u8, to: u8) -> bool {
        self.values.iter().take(self.len.into()).all(|value| value.rescaled(from, to).is_some())
    }

    /// Gives all values `to` decimals in the place of `from`, for which there [is room](Self::has_room).
    pub(crate) fn rescale(&mut self, from: u8, to: u8) {
        // The slots that hold no sample yet hold zeros, or what was there before.
        self.values.iter_mut().for_each(|value| *value = value.rescaled(from, to).unwrap_or(*value));
    }

    /// The ID of the last sample; 0-0 before the first.
    pub(crate) fn last(&self) -> SampleId {
        self.last
    }

    pub(crate) fn len(&self) -> usize {
        self.len.into()
    }

    /// Number of the sample that comes next.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// The samples that came since this was the next one's number, as many as there still are.
    pub(crate) fn since(&self, next: u32) -> Samples {
        let len = self.next.wrapping_sub(next).min(self.len.into());
        Samples { first: self.next.wrapping_sub(len), len: len as u8 }
    }

    /// The sample of this number, unless it is gone or yet to come.
    pub(crate) fn entry(&self, number: u32) -> Option<StreamEntry> {
        let age = self.next.wrapping_sub(number);
        let is_there = (1..=u32::from(self.len)).contains(&age);
        let slot = number as usize % HISTORY_LEN;
        is_there.then(|| StreamEntry { id: self.ids[slot].id(), value: self.values[slot] })
    }

    /// The samples from one ID to another, both included.
    pub(crate) fn range(&self, from: StreamId, to: StreamId) -> Samples {
        let oldest = self.next.wrapping_sub(self.len.into());
        let numbers = (0..self.len).map(|offset| oldest.wrapping_add(offset.into()));
        let mut entries = numbers.filter_map(|number| Some((number, self.entry(number)?.id)));
        let Some((first, _)) = entries.by_ref().find(|(_, id)| *id >= from).filter(|(_, id)| *id <= to) else {
            return Samples { first: self.next, len: 0 };
        };
        let others = entries.take_while(|(_, id)| *id <= to).count();
        Samples { first, len: 1 + others as u8 }
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { uptime_us: ms * 1_000, unix_us: None }
    }

    fn ids(history: &History) -> std::vec::Vec<std::string::String> {
        let all = history.range(StreamId::MIN, StreamId::MAX);
        let numbers = (0..u32::from(all.len)).map(|offset| all.first.wrapping_add(offset));
        numbers.map(|number| std::format!("{}", history.entry(number).unwrap().id)).collect()
    }

    #[test]
    fn ids_grow_over_clock_steps() {
        let mut history = History::new();
        for ms in [5, 5, 7, 2, 6, 9] {
            history.append(Value(0), at(ms));
        }
        assert_eq!(ids(&history), ["5-0", "5-1", "7-0", "7-1", "7-2", "9-0"]);
        // Far in the past for longer than a millisecond has numbers.
        for _ in 0..70_000 {
            let before = history.last;
            history.append(Value(0), at(1));
            assert!(history.last > before);
        }
        assert_eq!(history.last.id(), StreamId { ms: 10, seq: 70_000 - 65_536 });
    }

    #[test]
    fn the_oldest_sample_goes() {
        let mut history = History::new();
        for ms in 1..=HISTORY_LEN as u64 + 3 {
            history.append(Value(ms as i32), at(ms));
        }
        assert_eq!(history.len(), HISTORY_LEN);
        assert_eq!(ids(&history).first().unwrap(), "4-0");
        assert_eq!(history.entry(2), None);
        assert_eq!(history.entry(3).unwrap().value, Value(4));
        assert_eq!(history.entry(HISTORY_LEN as u32 + 3), None);
    }

    #[test]
    fn numbers_may_wrap() {
        let mut history = History { next: u32::MAX - 1, ..History::new() };
        for ms in 1..=4 {
            history.append(Value(0), at(ms));
        }
        assert_eq!(ids(&history), ["1-0", "2-0", "3-0", "4-0"]);
    }

    #[test]
    fn ranges_include_their_ends() {
        let mut history = History::new();
        for ms in [10, 20, 30] {
            history.append(Value(0), at(ms));
        }
        let check = |from: &str, to: &str, first, len| {
            let id = |text: &str| StreamId::parse(text.as_bytes(), 0).unwrap();
            let samples = history.range(id(from), id(to));
            assert_eq!(samples, Samples { first, len }, "{from} {to}");
        };
        check("0", "99", 0, 3);
        check("10", "30", 0, 3);
        check("10-1", "30", 1, 2);
        check("11", "29", 1, 1);
        check("21", "29", 3, 0);
        check("31", "99", 3, 0);
        check("30", "10", 3, 0);
    }

    #[test]
    fn an_id_of_redis_is_at_most_as_great_as_that_of_a_sample() {
        let check = |ms, seq, expected: (u64, u64)| {
            let id = SampleId::at_least(StreamId { ms, seq }).id();
            assert_eq!((id.ms, id.seq), expected, "{ms}-{seq}");
        };
        check(5, 65_535, (5, 65_535));
        check(5, 65_536, (6, 0));
        check((1 << 48) - 1, 65_536, ((1 << 48) - 1, 65_535));
        check(u64::MAX, u64::MAX, ((1 << 48) - 1, 65_535));
    }

    #[test]
    fn ids_are_read_strictly() {
        let check = |text: &str, expected: Option<(u64, u64)>| {
            let id = StreamId::parse(text.as_bytes(), 9);
            assert_eq!(id.map(|id| (id.ms, id.seq)), expected, "{text:?}");
        };
        check("5", Some((5, 9)));
        check("5-3", Some((5, 3)));
        check("18446744073709551615-18446744073709551615", Some((u64::MAX, u64::MAX)));
        for text in ["", "-", "5-", "-5", "5-3-1", "+5", " 5", "a", "18446744073709551616", "5-*", "$", "(5"] {
            check(text, None);
        }
    }
}
