//! Charts as SVG: columns of equal time, each with the mean of what was measured in it.

use core::fmt::{self, Write};

use super::progress::Scale;
use super::{Out, Page, Written};
use crate::keys::day::{Bucket, Sum};
use crate::keys::series::{Groups, Series, Window};
use crate::limits::{CHART_COLUMNS_PER_PART, CHART_HEIGHT};

/// The time that a chart shows, and in how many columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) columns: u32,
    pub(super) column_ms: u64,
    /// When the first column begins, as a reading's points tell the time.
    pub(super) from_ms: u64,
}

impl Span {
    /// The columns up to a time.
    pub(super) fn until(to_ms: u64, columns: u32, column_ms: u64) -> Self {
        // The last column has the time itself.
        let from_ms = (to_ms + 1).saturating_sub(u64::from(columns) * column_ms);
        Self { columns, column_ms, from_ms }
    }

    /// How many parts of a page draw it.
    pub(super) fn parts(self) -> u32 {
        self.columns.div_ceil(CHART_COLUMNS_PER_PART)
    }

    /// The buckets of the columns from one to another, the last not included, with each column's number.
    fn buckets<'s>(self, series: &'s Series<'_>, from: u32, to: u32) -> impl Iterator<Item = (u32, Bucket)> + 's {
        let at = move |column: u32| self.from_ms + u64::from(column) * self.column_ms;
        let groups = Groups { len_ms: self.column_ms, align_ms: self.from_ms };
        let to_ms = at(to).saturating_sub(1);
        let window = Window { from_ms: at(from), to_ms, is_reverse: false, groups: Some(groups) };
        let mut step = 0;
        core::iter::from_fn(move || {
            let (group, next) = window.next(series, step)?;
            step = next;
            let column = group.ms.saturating_sub(self.from_ms).checked_div(self.column_ms)?;
            Some((column as u32, group.bucket()?))
        })
    }

    /// All of it as one; None if nothing was measured.
    pub(super) fn whole(self, series: &Series<'_>) -> Option<Bucket> {
        let mut sum = Sum::NONE;
        self.buckets(series, 0, self.columns).for_each(|(_, bucket)| sum.add(bucket));
        sum.bucket()
    }

    /// The values at the edges; none if nothing was measured.
    pub(super) fn scale(self, series: &Series<'_>) -> Option<Scale> {
        self.whole(series).map(|bucket| Scale { low: bucket.minimum, high: bucket.maximum })
    }
}

/// How the line goes on that joins means.
struct Line {
    /// The column that was drawn last.
    last: Option<u32>,
    /// The line goes over as many columns, and begins anew after more without a sample.
    reach: u32,
    /// Nothing is drawn yet of the line but its beginning.
    is_dot: bool,
}

impl Line {
    fn draw(&mut self, column: u32, y: i64, out: &mut Out<'_>) -> fmt::Result {
        let is_near = self.last.is_some_and(|last| column - last <= self.reach);
        self.last = Some(column);
        let is_dot = core::mem::replace(&mut self.is_dot, !is_near);
        match (is_near, is_dot) {
            // A line of no length shows as a dot.
            (false, _) => write!(out, "M{column} {y}h0"),
            (true, true) => write!(out, "L{column} {y}"),
            (true, false) => write!(out, " {column} {y}"),
        }
    }
}

impl Page<'_> {
    /// Over how many columns the line of a reading goes: a sensor that is read seldom leaves some empty.
    fn reach(&self, reading: usize, span: Span) -> u32 {
        let info = self.state.catalog(self.platform).info(reading);
        let period_ms = info.map_or(span.column_ms, |(info, _)| info.period_ms.into());
        u32::try_from((2 * period_ms).div_ceil(span.column_ms.max(1))).unwrap_or(u32::MAX).max(1)
    }

    /// Writes the line of a whole chart.
    pub(super) fn sparkline(&self, reading: usize, span: Span, series: &Series<'_>, out: &mut Out<'_>) -> Written {
        let scale = span.scale(series).unwrap_or(Scale::NONE);
        let mut line = Line { last: None, reach: self.reach(reading, span), is_dot: false };
        write!(out, "<path class=l d=\"")?;
        for (column, bucket) in span.buckets(series, 0, span.columns) {
            line.draw(column, scale.y(bucket.mean, CHART_HEIGHT), out)?;
        }
        out.write_str("\"/>")
    }

    /// Writes one part of a chart: from the least to the greatest value of each column, and the line of the means.
    pub(super) fn chart_part(
        &self,
        reading: usize,
        (span, part): (Span, u32),
        scale: Scale,
        series: &Series<'_>,
        out: &mut Out<'_>,
    ) -> Written {
        let from = part * CHART_COLUMNS_PER_PART;
        let to = (from + CHART_COLUMNS_PER_PART).min(span.columns);
        out.write_str("<path class=b d=\"")?;
        for (column, bucket) in span.buckets(series, from, to) {
            let (top, bottom) = (scale.y(bucket.maximum, CHART_HEIGHT), scale.y(bucket.minimum, CHART_HEIGHT));
            if top < bottom {
                write!(out, "M{column} {top}V{bottom}")?;
            }
        }
        out.write_str("\"/><path class=l d=\"")?;
        let mut line = Line { last: None, reach: self.reach(reading, span), is_dot: false };
        // The line begins where that of the part before has ended.
        for (column, bucket) in span.buckets(series, from.saturating_sub(line.reach.min(2)), to) {
            line.draw(column, scale.y(bucket.mean, CHART_HEIGHT), out)?;
        }
        out.write_str("\"/>\n")
    }
}
