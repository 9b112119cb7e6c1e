//! A day of one reading: the minimum, mean and maximum of each minute and of each ten minutes.
//!
//! Minutes are counted from boot, so that no step of the clock moves a sample from one bucket into another.
//! [`DayClock`] gives the time that a client reads.

use crate::limits::{BUCKET_COUNT_MAX, CLOCK_SLACK_MS, DAY_MINUTES, DAY_TENS, MINUTE_MS, TEN_MINUTES};
use crate::platform::Now;
use crate::value::{Value, rescale};

/// The aggregate of the samples of some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The least sample, or a little less if it is far below the mean; see [`Spread`].
    pub(crate) minimum: i32,
    /// The mean, rounded to the nearest value.
    pub(crate) mean: i32,
    /// The greatest sample, or a little more if it is far above the mean.
    pub(crate) maximum: i32,
    /// Samples; what is more than [`BUCKET_COUNT_MAX`] in a bucket that is closed isn't counted.
    pub(crate) count: u32,
}

const COUNT_BITS: u32 = (BUCKET_COUNT_MAX + 1).trailing_zeros();
const SPREAD_BITS: u32 = 14;

impl Bucket {
    /// A sample by itself.
    pub(crate) const fn sample(value: i32) -> Self {
        Self { minimum: value, mean: value, maximum: value, count: 1 }
    }
}

/// How far the least or the greatest sample is from the mean, in 14 bits. A distance up to 1,023 is exact. A greater one
/// is rounded up to ten significant bits, which is up to 1/512 too much.
struct Spread(u16);

impl Spread {
    const MANTISSA_BITS: u32 = 9;

    const fn new(distance: u32) -> Self {
        let one = 1 << Self::MANTISSA_BITS;
        if distance < 2 * one {
            return Self(distance as u16);
        }
        let shift = u32::BITS - distance.leading_zeros() - (Self::MANTISSA_BITS + 1);
        let rounded = (distance as u64).div_ceil(1 << shift) as u32;
        // One more than ten bits hold is the least of the next power of two.
        let (shift, mantissa) = if rounded == 2 * one { (shift + 1, 0) } else { (shift, rounded - one) };
        Self(((shift + 1) << Self::MANTISSA_BITS | mantissa) as u16)
    }

    const fn distance(self) -> i64 {
        let (exponent, mantissa) = (self.0 >> Self::MANTISSA_BITS, self.0 & ((1 << Self::MANTISSA_BITS) - 1));
        match exponent {
            0 => mantissa as i64,
            exponent => ((1 << Self::MANTISSA_BITS) + mantissa as i64) << (exponent - 1),
        }
    }
}

/// A [`Bucket`] in 9 bytes: the mean, two spreads of 14 bits and a count of 12. All zero is no bucket.
#[derive(Debug, Clone, Copy)]
struct Packed([u8; 9]);

impl Packed {
    const NONE: Self = Self([0; 9]);

    fn new(bucket: Bucket) -> Self {
        let below = Spread::new(bucket.mean.abs_diff(bucket.minimum)).0;
        let above = Spread::new(bucket.maximum.abs_diff(bucket.mean)).0;
        let count = u64::from(bucket.count.min(BUCKET_COUNT_MAX));
        let rest = u64::from(below) << (SPREAD_BITS + COUNT_BITS) | u64::from(above) << COUNT_BITS | count;
        let ([m0, m1, m2, m3], [r0, r1, r2, r3, r4, ..]) = (bucket.mean.to_le_bytes(), rest.to_le_bytes());
        Self([m0, m1, m2, m3, r0, r1, r2, r3, r4])
    }

    fn bucket(self) -> Option<Bucket> {
        let [m0, m1, m2, m3, r0, r1, r2, r3, r4] = self.0;
        let mean = i32::from_le_bytes([m0, m1, m2, m3]);
        let rest = u64::from_le_bytes([r0, r1, r2, r3, r4, 0, 0, 0]);
        let spread = |shift: u32| Spread((rest >> shift) as u16 & ((1 << SPREAD_BITS) - 1)).distance();
        let count = rest as u32 & BUCKET_COUNT_MAX;
        let minimum = i64::from(mean).saturating_sub(spread(SPREAD_BITS + COUNT_BITS)).max(i32::MIN.into()) as i32;
        let maximum = i64::from(mean).saturating_add(spread(COUNT_BITS)).min(i32::MAX.into()) as i32;
        (count > 0).then_some(Bucket { minimum, mean, maximum, count })
    }
}

/// A bucket that samples are still added to. Without a sample its bounds mean nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum {
    sum: i64,
    minimum: i32,
    maximum: i32,
    count: u32,
}

impl Sum {
    pub(crate) const NONE: Self = Self { sum: 0, minimum: 0, maximum: 0, count: 0 };

    /// Adds what is kept of some samples; the mean counts as often as there were samples.
    pub(crate) fn add(&mut self, bucket: Bucket) {
        let first = self.count == 0;
        self.minimum = if first { bucket.minimum } else { self.minimum.min(bucket.minimum) };
        self.maximum = if first { bucket.maximum } else { self.maximum.max(bucket.maximum) };
        // 2^31 times 2^32 fits.
        self.sum = self.sum.saturating_add(i64::from(bucket.mean) * i64::from(bucket.count));
        self.count = self.count.saturating_add(bucket.count);
    }

    /// None before the first sample.
    pub(crate) fn bucket(self) -> Option<Bucket> {
        let count = i64::from(self.count);
        let half = if self.sum < 0 { -(count / 2) } else { count / 2 };
        let mean = (self.sum + half).checked_div(count)? as i32;
        Some(Bucket { minimum: self.minimum, mean, maximum: self.maximum, count: self.count })
    }
}

/// The newest buckets of one length: `N` that are closed, and the one before which they are.
#[derive(Debug)]
struct Ring<const N: usize> {
    closed: [Packed; N],
    open: Sum,
    /// Number of the open bucket, counted from boot.
    number: u32,
    /// How many closed buckets there are, those without a sample included.
    len: u8,
}

impl<const N: usize> Ring<N> {
    const NONE: Self = Self { closed: [Packed::NONE; N], open: Sum::NONE, number: 0, len: 0 };

    /// Adds a sample to bucket `number`. An older sample counts for the open bucket.
    fn add(&mut self, number: u32, value: Value) {
        if self.open.count == 0 && self.len == 0 {
            self.number = number;
        }
        let ahead = number.saturating_sub(self.number);
        if ahead > 0 {
            let open = core::mem::replace(&mut self.open, Sum::NONE);
            self.close(self.number, open.bucket().map_or(Packed::NONE, Packed::new));
            // More gaps than there are places leave nothing.
            (1..ahead.min(N as u32 + 1)).for_each(|offset| self.close(number - offset, Packed::NONE));
            self.len = u32::from(self.len).saturating_add(ahead).min(N as u32) as u8;
            self.number = number;
        }
        self.open.add(Bucket::sample(value.0));
    }

    fn close(&mut self, number: u32, bucket: Packed) {
        if let Some(place) = self.closed.get_mut(number as usize % N) {
            *place = bucket;
        }
    }

    /// Bucket `number`; None if it has no sample or is gone.
    fn bucket(&self, number: u32) -> Option<Bucket> {
        match self.number.checked_sub(number)? {
            0 => self.open.bucket(),
            age if age <= self.len.into() => self.closed.get(number as usize % N)?.bucket(),
            _ => None,
        }
    }

    /// All buckets that have a sample.
    fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.closed.iter().filter_map(|place| place.bucket()).chain(self.open.bucket())
    }

    /// Gives all values `to` decimals in the place of `from`.
    fn rescale(&mut self, from: u8, to: u8) {
        let scale = |value: i32| Value(value).rescaled(from, to).map_or(value, |value| value.0);
        for place in &mut self.closed {
            if let Some(Bucket { minimum, mean, maximum, count }) = place.bucket() {
                let (minimum, mean, maximum) = (scale(minimum), scale(mean), scale(maximum));
                *place = Packed::new(Bucket { minimum, mean, maximum, count });
            }
        }
        let Sum { sum, minimum, maximum, .. } = &mut self.open;
        (*minimum, *maximum) = (scale(*minimum), scale(*maximum));
        *sum = rescale(*sum, from, to).unwrap_or(*sum);
    }
}

/// A day of one reading: [`DAY_MINUTES`] minutes, and [`DAY_TENS`] times ten minutes.
///
/// The caller of [`App::with_days`](crate::App::with_days) provides as many as the device has RAM for. A reading takes
/// one with its first sample, if one is free.
#[derive(Debug)]
pub struct Day {
    /// One more than the number of the reading that has it; 0 while none has.
    owner: u8,
    minutes: Ring<DAY_MINUTES>,
    tens: Ring<DAY_TENS>,
}

impl Day {
    /// A day that no reading has. All of it is zero, so that a static of it takes no flash.
    pub const fn new() -> Self {
        Self { owner: 0, minutes: Ring::NONE, tens: Ring::NONE }
    }

    /// The day of reading `index`; None if it has none.
    pub(crate) fn of(days: &[Self], index: usize) -> Option<&Self> {
        days.iter().find(|day| usize::from(day.owner) == index + 1)
    }

    /// Whether reading `index` has a day, or has one with its next sample.
    pub(crate) fn is_for(days: &[Self], index: usize) -> bool {
        days.iter().any(|day| day.owner == 0 || usize::from(day.owner) == index + 1)
    }

    /// Adds a sample of reading `index`, which came `uptime_ms` after boot, if the reading has a day or can have one.
    pub(crate) fn add_to(days: &mut [Self], index: usize, value: Value, uptime_ms: u64) {
        let known = days.iter().position(|day| usize::from(day.owner) == index + 1);
        let Some(place) = known.or_else(|| days.iter().position(|day| day.owner == 0)) else {
            return;
        };
        if let Some(day) = days.get_mut(place) {
            day.owner = (index + 1) as u8;
            day.add(value, uptime_ms);
        }
    }

    /// Reading `index` is another one's from now on, or none: what was kept of it is forgotten.
    pub(crate) fn forget(days: &mut [Self], index: usize) {
        if let Some(day) = days.iter_mut().find(|day| usize::from(day.owner) == index + 1) {
            *day = Self::new();
        }
    }

    /// Whether the values of reading `index` have room for `to` decimals in the place of `from`.
    pub(crate) fn has_room(days: &[Self], index: usize, from: u8, to: u8) -> bool {
        let fits = |value: i32| Value(value).rescaled(from, to).is_some();
        Self::of(days, index).is_none_or(|day| {
            let mut buckets = day.minutes.buckets().chain(day.tens.buckets());
            buckets.all(|bucket| fits(bucket.minimum) && fits(bucket.maximum))
        })
    }

    /// Gives the values of reading `index` `to` decimals in the place of `from`, for which there [is
    /// room](Self::has_room).
    pub(crate) fn rescale(days: &mut [Self], index: usize, from: u8, to: u8) {
        if let Some(day) = days.iter_mut().find(|day| usize::from(day.owner) == index + 1) {
            day.minutes.rescale(from, to);
            day.tens.rescale(from, to);
        }
    }

    fn add(&mut self, value: Value, uptime_ms: u64) {
        let minute = minute(uptime_ms);
        self.minutes.add(minute, value);
        self.tens.add(minute / TEN_MINUTES, value);
    }

    /// The minute of the newest sample.
    pub(crate) fn newest(&self) -> u32 {
        self.minutes.number
    }

    /// The bucket of a minute.
    pub(crate) fn minute(&self, number: u32) -> Option<Bucket> {
        self.minutes.bucket(number)
    }

    /// The bucket of ten minutes with this number, which is a tenth of their minutes' numbers.
    pub(crate) fn ten(&self, number: u32) -> Option<Bucket> {
        self.tens.bucket(number)
    }
}

impl Default for Day {
    fn default() -> Self {
        Self::new()
    }
}

/// The minute in which something is that comes `uptime_ms` after boot. A device is up for less than 8,000 years.
pub(crate) fn minute(uptime_ms: u64) -> u32 {
    u32::try_from(uptime_ms / MINUTE_MS).unwrap_or(u32::MAX)
}

/// The time of a bucket minus its time since boot, milliseconds; 0 until the time of day is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayClock(i64);

impl DayClock {
    pub(crate) const ZERO: Self = Self(0);

    /// Follows the clock, if that was put right by more than [`CLOCK_SLACK_MS`].
    pub(crate) fn follow(&mut self, now: Now) {
        let offset_ms = (now.stamp_us() / 1_000) as i64 - now.uptime_ms() as i64;
        if offset_ms.abs_diff(self.0) > CLOCK_SLACK_MS {
            self.0 = offset_ms;
        }
    }

    /// The time of what was `uptime_ms` after boot, milliseconds since 1970, or since boot.
    pub(crate) fn stamp_ms(self, uptime_ms: u64) -> u64 {
        uptime_ms.saturating_add_signed(self.0)
    }

    /// When a sample with the time stamp `stamp_ms` came, milliseconds after boot; now if that is unknown.
    pub(crate) fn uptime_ms(self, stamp_ms: u64, now: Now) -> u64 {
        // Without the time of day, a device's stamps count from its own boot.
        let uptime_ms = now.unix_us.and_then(|_| stamp_ms.checked_add_signed(self.0.saturating_neg()));
        uptime_ms.filter(|uptime_ms| *uptime_ms <= now.uptime_ms()).unwrap_or(now.uptime_ms())
    }
}

const _: () = assert!(size_of::<Day>() <= crate::limits::DAY_SIZE_MAX);
const _: () = assert!(DAY_MINUTES <= DAY_TENS && DAY_TENS <= u8::MAX as usize);

#[cfg(test)]
mod tests;
