//! The page of one reading: its value, and charts of its last hour and its last day.

use core::fmt::Write;

use super::chart::Span;
use super::progress::{PageProgress, Scale};
use super::style::STYLE;
use super::{Out, Page, Written};
use crate::limits::{CHART_HEIGHT, HOUR_COLUMNS, MINUTE_MS};
use crate::sessions::page_view::PageView;

/// A chart's words: its title, and the times below it.
struct Words {
    title: &'static str,
    times: [&'static str; 5],
}

const HOUR: Words = Words { title: "Last hour", times: ["60 min", "45", "30", "15", "now"] };
const DAY: Words = Words { title: "Last 24 hours", times: ["24 h", "18", "12", "6", "now"] };

impl Page<'_> {
    /// Writes a part of the page. None after the last, and if the reading has gone.
    pub(super) fn reading_part(
        &self,
        reading: usize,
        progress: &mut PageProgress,
        out: &mut Out<'_>,
    ) -> Option<Written> {
        let catalog = self.state.catalog(self.platform);
        let (label, _) = catalog.reading(reading)?;
        let device = self.state.device_name(self.platform);
        if let Some(written) = self.head_part(progress, format_args!("{label} - {device}"), out) {
            return Some(written);
        }
        let part = u32::from(progress.part).checked_sub(1 + STYLE.len() as u32)?;
        let (hour, day) = (self.span(progress, HOUR_COLUMNS, MINUTE_MS), self.day_span(progress));
        let Some(part) = part.checked_sub(1) else {
            let prefix = PageView::prefix(progress.view.is_still());
            let head = write!(out, "<header><a class=k href=\"{prefix}\">{device}</a><h1>{label}</h1><div class=v>");
            let value = head.and_then(|()| self.write_value(reading, out));
            return Some(value.and_then(|()| out.write_str("</div></header><main>\n")));
        };
        match part.checked_sub(hour.parts() + 2) {
            None => self.figure(reading, (hour, part), &HOUR, &mut progress.scale, out),
            Some(part) => match part.checked_sub(day.parts() + 2) {
                None => self.figure(reading, (day, part), &DAY, &mut progress.scale, out),
                Some(0) => Some(self.figures(reading, (hour, day), progress.view, out)),
                Some(_) => None,
            },
        }
    }

    /// Writes part `part` of a chart with its axes: the start, the columns, the end.
    fn figure(
        &self,
        reading: usize,
        (span, part): (Span, u32),
        words: &Words,
        scale: &mut Scale,
        out: &mut Out<'_>,
    ) -> Option<Written> {
        let series = self.series(reading)?;
        let Some(columns) = part.checked_sub(1) else {
            // The scale stays as it is until the chart's end.
            let known = span.scale(&series);
            *scale = known.unwrap_or(Scale::NONE);
            return Some(self.figure_start(reading, span, words, known, out));
        };
        Some(match columns < span.parts() {
            true => self.chart_part(reading, (span, columns), *scale, &series, out),
            false => {
                let start = out.write_str("</svg><div class=x>");
                let times =
                    start.and_then(|()| words.times.iter().try_for_each(|time| write!(out, "<span>{time}</span>")));
                times.and_then(|()| out.write_str("</div></div>\n"))
            }
        })
    }

    fn figure_start(
        &self,
        reading: usize,
        span: Span,
        words: &Words,
        scale: Option<Scale>,
        out: &mut Out<'_>,
    ) -> Written {
        write!(out, "<h2>{}</h2>", words.title)?;
        let Some(scale) = scale else {
            // The columns that follow are empty.
            return write!(
                out,
                "<p>Nothing was measured.</p><div class=c><div class=y></div><svg aria-hidden=true viewBox=\"0 0 {} {CHART_HEIGHT}\">",
                span.columns - 1
            );
        };
        let text = |value| self.decimal(reading, value);
        out.write_str("<div class=c><div class=y>")?;
        for value in [scale.high, scale.middle(), scale.low] {
            write!(out, "<span>{}</span>", text(value))?;
        }
        let (low, high, width) = (text(scale.low), text(scale.high), span.columns - 1);
        write!(
            out,
            "</div><svg role=img aria-label=\"{}: {low} to {high}\" viewBox=\"0 -2 {width} {}\" \
             preserveAspectRatio=none><path class=g d=\"",
            words.title,
            CHART_HEIGHT + 4
        )?;
        for y in [0, CHART_HEIGHT / 2, CHART_HEIGHT] {
            write!(out, "M0 {y}H{width}")?;
        }
        for quarter in 0..=4 {
            write!(out, "M{} 0V{CHART_HEIGHT}", width * quarter / 4)?;
        }
        out.write_str("\"/>\n")
    }

    /// The figures of both charts, as a table.
    fn figures(&self, reading: usize, (hour, day): (Span, Span), view: PageView, out: &mut Out<'_>) -> Written {
        out.write_str("<h2>In figures</h2><table><tr><td><th scope=col class=n>lowest<th scope=col class=n>mean<th scope=col class=n>highest")?;
        if let Some(series) = self.series(reading) {
            for (words, span) in [(&HOUR, hour), (&DAY, day)] {
                if let Some(bucket) = span.whole(&series) {
                    write!(out, "<tr><th scope=row>{}", words.title)?;
                    for value in [bucket.minimum, bucket.mean, bucket.maximum] {
                        write!(out, "<td class=n>{}", self.decimal(reading, value))?;
                    }
                }
            }
        }
        out.write_str("</table>")?;
        let catalog = self.state.catalog(self.platform);
        let label = catalog.reading(reading).map_or("".into(), |(label, _)| label);
        self.end(view, label, out)
    }
}
