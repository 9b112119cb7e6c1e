//! The history of one reading, from old to new: ten minutes, minutes and samples. Each time is in one point only.

use crate::keys::day::{Bucket, Day, DayClock, Sum};
use crate::keys::history::History;
use crate::limits::{
    BUCKET_COUNT_MAX, CLOCK_SLACK_MS, DAY_MINUTES, DAY_TENS, HISTORY_LEN, MINUTE_MS, RANGE_SLACK, TEN_MINUTES,
};

/// Where ten minutes end and minutes begin, and where minutes end and samples begin. A reply in parts keeps to what its
/// first part was made for, whatever comes meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The minute of the newest sample; 0 of a reading without a day.
    pub(crate) newest: u32,
    /// Number of the first sample that is a point by itself.
    pub(crate) first_sample: u32,
    /// Minutes up to the newest whose samples are points by themselves.
    pub(crate) as_samples: u8,
}

/// A point that a client reads: a sample, or the bucket of one minute or ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// When it was, or when it began, milliseconds since 1970, or since boot.
    pub(crate) ms: u64,
    pub(crate) bucket: Bucket,
}

/// The history of one reading: its samples, and its day if it has one. Its points have indices below
/// [`len`](Self::len); where nothing was measured, there is no point.
#[derive(Clone, Copy)]
pub(crate) struct Series<'a> {
    history: &'a History,
    day: Option<&'a Day>,
    clock: DayClock,
    plan: Plan,
}

impl Plan {
    fn new(history: &History, day: Option<&Day>, clock: DayClock) -> Self {
        let oldest = history.next().wrapping_sub(history.len() as u32);
        let Some(day) = day else {
            return Self { newest: 0, first_sample: oldest, as_samples: 0 };
        };
        let newest = day.newest();
        let mut plan = Self { newest, first_sample: history.next(), as_samples: 0 };
        // The oldest sample may go before it is sent.
        let is_full = history.len() == HISTORY_LEN;
        let mut spare = (history.len() as u32).saturating_sub(if is_full { RANGE_SLACK } else { 0 });
        let mut minute = newest;
        while minute >= plan.first_minute() {
            let count = day.minute(minute).map_or(0, |bucket| bucket.count);
            let first = plan.first_sample.wrapping_sub(count);
            if count > spare
                || count >= BUCKET_COUNT_MAX
                || !is_within(history, (first, plan.first_sample), minute, clock)
            {
                break;
            }
            spare -= count;
            plan.first_sample = first;
            plan.as_samples += 1;
            let Some(before) = minute.checked_sub(1) else { break };
            minute = before;
        }
        plan
    }

    /// The first minute that is a point by itself. The oldest that is kept may go while a reply is sent.
    fn first_minute(self) -> u32 {
        self.newest.saturating_sub(DAY_MINUTES as u32 - 1).next_multiple_of(TEN_MINUTES)
    }

    /// The first ten minutes that are a point. The oldest that are kept may go while a reply is sent.
    fn first_ten(self) -> u32 {
        (self.newest / TEN_MINUTES).saturating_sub(DAY_TENS as u32 - 1)
    }

    /// Points of minutes, and of ten minutes before them.
    fn buckets(self) -> (usize, usize) {
        let minutes = (self.newest + 1).saturating_sub(self.first_minute() + u32::from(self.as_samples));
        (minutes as usize, (self.first_minute() / TEN_MINUTES).saturating_sub(self.first_ten()) as usize)
    }
}

/// Whether the samples of these numbers have time stamps of this minute. False if the clock was put right meanwhile, or
/// if another device gave the samples stamps of its own.
fn is_within(history: &History, (first, end): (u32, u32), minute: u32, clock: DayClock) -> bool {
    if first == end {
        return true;
    }
    let start_ms = clock.stamp_ms(u64::from(minute) * MINUTE_MS);
    let stamp_ms = |number| history.entry(number).map(|entry| entry.id.ms);
    let (Some(first_ms), Some(last_ms)) = (stamp_ms(first), stamp_ms(end.wrapping_sub(1))) else {
        return false;
    };
    first_ms + CLOCK_SLACK_MS >= start_ms && last_ms < start_ms + MINUTE_MS + CLOCK_SLACK_MS
}

impl<'a> Series<'a> {
    pub(crate) fn new(history: &'a History, day: Option<&'a Day>, clock: DayClock) -> Self {
        Self { history, day, clock, plan: Plan::new(history, day, clock) }
    }

    /// The same points as those of an earlier series.
    pub(crate) fn resumed(history: &'a History, day: Option<&'a Day>, clock: DayClock, plan: Plan) -> Self {
        Self { history, day, clock, plan }
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    /// One more than the greatest index.
    pub(crate) fn len(&self) -> usize {
        let (minutes, tens) = if self.day.is_some() { self.plan.buckets() } else { (0, 0) };
        tens + minutes + HISTORY_LEN
    }

    /// The point of an index; None if nothing is kept of that time.
    pub(crate) fn point(&self, index: usize) -> Option<Point> {
        let Some(day) = self.day else { return self.sample(index) };
        let (minutes, tens) = self.plan.buckets();
        let at = |minute: u32, bucket: Option<Bucket>| {
            Some(Point { ms: self.clock.stamp_ms(u64::from(minute) * MINUTE_MS), bucket: bucket? })
        };
        if index < tens {
            let number = self.plan.first_ten() + index as u32;
            return at(number * TEN_MINUTES, day.ten(number));
        }
        if index < tens + minutes {
            let minute = self.plan.first_minute() + (index - tens) as u32;
            return at(minute, day.minute(minute));
        }
        self.sample(index - tens - minutes)
    }

    fn sample(&self, offset: usize) -> Option<Point> {
        let entry = self.history.entry(self.plan.first_sample.wrapping_add(offset as u32))?;
        Some(Point { ms: entry.id.ms, bucket: Bucket::sample(entry.value.0) })
    }

    /// The first and the last point.
    pub(crate) fn ends(&self) -> Option<(Point, Point)> {
        let points = || (0..self.len()).filter_map(|index| self.point(index));
        Some((points().next()?, points().next_back()?))
    }

    /// How many points there are.
    pub(crate) fn count(&self) -> usize {
        (0..self.len()).filter(|index| self.point(*index).is_some()).count()
    }
}

/// Which points are asked for, and how they are put together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    /// The newest first.
    pub(crate) is_reverse: bool,
    /// None gives each point by itself.
    pub(crate) groups: Option<Groups>,
}

/// Spans of time whose points are put together: each so long, one of them beginning at `align_ms`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Groups {
    pub(crate) len_ms: u64,
    pub(crate) align_ms: u64,
}

/// Points that are put together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    /// Of a single point its time; otherwise the beginning of the span.
    pub(crate) ms: u64,
    sum: Sum,
    /// The mean of the point that comes first in time, and of the last.
    pub(crate) first: i32,
    pub(crate) last: i32,
}

impl Group {
    pub(crate) fn bucket(&self) -> Option<Bucket> {
        self.sum.bucket()
    }

    fn add(&mut self, point: Point, is_reverse: bool) {
        self.sum.add(point.bucket);
        if is_reverse {
            self.first = point.bucket.mean;
        } else {
            self.last = point.bucket.mean;
        }
    }
}

impl Groups {
    /// The beginning of the span that a time is in.
    fn start(self, ms: u64) -> u64 {
        let len_ms = self.len_ms.max(1);
        match ms.checked_sub(self.align_ms) {
            Some(after_ms) => ms - after_ms % len_ms,
            // No time is before 0.
            None => match (self.align_ms - ms) % len_ms {
                0 => ms,
                before_ms => ms.saturating_sub(len_ms - before_ms),
            },
        }
    }
}

impl Window {
    /// The next group from the `step`th point on, counted in the direction in which the window goes, and the step after
    /// it. None after the last.
    pub(crate) fn next(&self, series: &Series<'_>, step: usize) -> Option<(Group, usize)> {
        let len = series.len();
        let point = |step: usize| {
            let index = if self.is_reverse { len.checked_sub(step + 1)? } else { step };
            series.point(index).filter(|point| (self.from_ms..=self.to_ms).contains(&point.ms))
        };
        let mut points = (step..len).filter_map(|step| Some((step, point(step)?)));
        let (step, first) = points.next()?;
        let start = |ms| self.groups.map_or(ms, |groups| groups.start(ms));
        let (ms, mean) = (start(first.ms), first.bucket.mean);
        let mut group = Group { ms, sum: Sum::NONE, first: mean, last: mean };
        group.add(first, self.is_reverse);
        if self.groups.is_none() {
            return Some((group, step + 1));
        }
        for (step, point) in points {
            if start(point.ms) != ms {
                return Some((group, step));
            }
            group.add(point, self.is_reverse);
        }
        Some((group, len))
    }

    /// How many groups there are, or `max` if there are more.
    pub(crate) fn count(&self, series: &Series<'_>, max: usize) -> usize {
        let (mut count, mut step) = (0, 0);
        while let Some((_, next)) = self.next(series, step).filter(|_| count < max) {
            (count, step) = (count + 1, next);
        }
        count
    }
}

#[cfg(test)]
mod tests;
