//! A day of history, in the words of RedisTimeSeries.

use sockeye_resp::Protocol;

use crate::command::{CommandContext, CommandResult, Flow, parse_integer};
use crate::commands::key_commands::WRONGTYPE;
use crate::commands::ts_labels::{Filters, Shown};
use crate::keys::catalog::Key;
use crate::keys::day::Day;
use crate::keys::history::History;
use crate::keys::series::{Group, Groups, Plan, Series, Window};
use crate::limits::{DECIMAL_LEN_MAX, HISTORY_LEN};
use crate::sessions::session::Cursor;
use crate::value::Value;

/// The function that aggregates points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregation {
    Avg,
    Min,
    Max,
    First,
    Last,
    Count,
}

const AGGREGATIONS: [(&str, Aggregation); 6] = [
    ("avg", Aggregation::Avg),
    ("min", Aggregation::Min),
    ("max", Aggregation::Max),
    ("first", Aggregation::First),
    ("last", Aggregation::Last),
    ("count", Aggregation::Count),
];

/// The arguments of a range.
struct Range {
    window: Window,
    aggregation: Option<(&'static str, Aggregation)>,
    /// The offset of a bucket's time from its beginning, milliseconds.
    stamp_ms: u64,
    /// At most so many points of a reading.
    count: usize,
    shown: Shown,
    /// None in a request that names its key.
    filters: Option<Filters>,
}

/// How the spans of an aggregation lie.
#[derive(Clone, Copy)]
enum Align {
    Zero,
    Start,
    End,
    At(u64),
}

fn time(text: &[u8]) -> Option<u64> {
    u64::try_from(parse_integer(text)?).ok()
}

impl Range {
    /// Reads the arguments from `first` on: two times, and then options, in any order.
    fn parse(cx: &CommandContext<'_, '_>, first: usize, is_reverse: bool) -> Result<Self, &'static str> {
        let (from, to) = (cx.arg(first), cx.arg(first + 1));
        let from_ms = if from == b"-" { Some(0) } else { time(from) }.ok_or("ERR TSDB: wrong fromTimestamp")?;
        let to_ms = if to == b"+" { Some(u64::MAX) } else { time(to) }.ok_or("ERR TSDB: wrong toTimestamp")?;
        let (mut aggregation, mut len_ms, mut align, mut stamp) = (None, 0, None, None);
        let (mut count, mut shown, mut filters) = (usize::MAX, Shown::None, None);
        let mut index = first + 2;
        while let Some(option) = cx.request.arg(index) {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let value = cx.request.arg(index + 1);
            if is(b"LATEST") {
                // There are no compactions that may lag.
                index += 1;
            } else if is(b"COUNT") {
                let wanted = value.ok_or("ERR TSDB: COUNT argument is missing").map(parse_integer)?;
                let wanted = wanted.filter(|count| *count >= 0).ok_or("ERR TSDB: Couldn't parse COUNT")?;
                count = usize::try_from(wanted).unwrap_or(usize::MAX);
                index += 2;
            } else if is(b"ALIGN") {
                align = Some(match value.ok_or("ERR TSDB: unknown ALIGN parameter")? {
                    text if text.eq_ignore_ascii_case(b"start") || text == b"-" => Align::Start,
                    text if text.eq_ignore_ascii_case(b"end") || text == b"+" => Align::End,
                    text => Align::At(time(text).ok_or("ERR TSDB: unknown ALIGN parameter")?),
                });
                index += 2;
            } else if is(b"AGGREGATION") {
                let (Some(name), Some(len)) = (value, cx.request.arg(index + 2)) else {
                    return Err("ERR TSDB: Couldn't parse AGGREGATION");
                };
                let known = AGGREGATIONS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
                aggregation = Some(*known.ok_or("ERR TSDB: Unknown aggregation type")?);
                let len = parse_integer(len).ok_or("ERR TSDB: Couldn't parse bucketDuration")?;
                let len = u64::try_from(len).ok().filter(|len| *len > 0);
                len_ms = len.ok_or("ERR TSDB: bucketDuration must be greater than zero")?;
                index += 3;
            } else if is(b"BUCKETTIMESTAMP") {
                stamp = Some(match value {
                    Some(b"-" | b"start" | b"low") => 0,
                    Some(b"+" | b"end" | b"high") => 2,
                    Some(b"~" | b"mid") => 1,
                    _ => return Err("ERR TSDB: unknown BUCKETTIMESTAMP parameter"),
                });
                index += 2;
            } else if is(b"EMPTY") {
                return Err("ERR TSDB: EMPTY is refused: where this device has measured nothing, it tells nothing");
            } else if is(b"FILTER_BY_TS") || is(b"FILTER_BY_VALUE") {
                return Err("ERR TSDB: FILTER_BY_TS and FILTER_BY_VALUE are refused by this device");
            } else if first == 1 && is(b"WITHLABELS") && shown == Shown::None {
                shown = Shown::All;
                index += 1;
            } else if first == 1 && is(b"SELECTED_LABELS") && shown == Shown::None {
                shown = Shown::selected(cx, index + 1)?;
                index += 1 + if let Shown::Selected { count, .. } = shown { count } else { 0 };
            } else if first == 1 && is(b"FILTER") {
                if cx.request.args().skip(index).any(|arg| arg.eq_ignore_ascii_case(b"GROUPBY")) {
                    return Err("ERR TSDB: GROUPBY is refused by this device");
                }
                if value.is_none() {
                    return Err("ERR TSDB: missing labels for filter argument");
                }
                filters = Some(Filters::parse(cx, index + 1)?);
                break;
            } else {
                return Err("ERR syntax error");
            }
        }
        if first == 1 && filters.is_none() {
            return Err("ERR TSDB: missing FILTER argument");
        }
        if align.is_some() && aggregation.is_none() {
            return Err("ERR TSDB: ALIGN parameter can only be used with AGGREGATION");
        }
        let align_ms = match align.unwrap_or(Align::Zero) {
            Align::Zero => 0,
            Align::Start if from == b"-" => {
                return Err("ERR TSDB: start alignment can only be used with explicit start timestamp");
            }
            Align::End if to == b"+" => {
                return Err("ERR TSDB: end alignment can only be used with explicit end timestamp");
            }
            Align::Start => from_ms,
            Align::End => to_ms,
            Align::At(ms) => ms,
        };
        let groups = aggregation.map(|_| Groups { len_ms, align_ms });
        let stamp_ms = len_ms / 2 * stamp.unwrap_or(0) + if stamp == Some(2) { len_ms % 2 } else { 0 };
        let window = Window { from_ms, to_ms, is_reverse, groups };
        Ok(Self { window, aggregation, stamp_ms, count, shown, filters })
    }

    fn write(&self, cx: &mut CommandContext<'_, '_>, group: &Group, decimals: u8) {
        let Some(bucket) = group.bucket() else { return cx.reply.null() };
        let (value, decimals) = match self.aggregation.map(|(_, aggregation)| aggregation) {
            None | Some(Aggregation::Avg) => (bucket.mean, decimals),
            Some(Aggregation::Min) => (bucket.minimum, decimals),
            Some(Aggregation::Max) => (bucket.maximum, decimals),
            Some(Aggregation::First) => (group.first, decimals),
            Some(Aggregation::Last) => (group.last, decimals),
            Some(Aggregation::Count) => (i32::try_from(bucket.count).unwrap_or(i32::MAX), 0),
        };
        cx.write_point(group.ms.saturating_add(self.stamp_ms), Value(value), decimals);
    }
}

/// How far a range's reply is.
#[derive(Clone, Copy)]
struct Progress {
    /// The reading whose points are being written, and how many readings there are yet, with this one.
    reading: u8,
    readings: u8,
    step: u16,
    /// Points that are promised of this reading; [`NOT_BEGUN`] before.
    left: u16,
    plan: Plan,
}

/// Nothing of a reading is written yet.
const NOT_BEGUN: u16 = u16::MAX;

/// A reply can't be completed: what was promised isn't there any more.
struct Gone;

impl Progress {
    fn cursor(self) -> Cursor {
        let Self { reading, readings, step, left, plan } = self;
        let Plan { newest, first_sample, as_samples } = plan;
        Cursor::Series { reading, readings, step, left, newest, first_sample, as_samples }
    }

    fn of(cursor: Cursor) -> Option<Self> {
        let Cursor::Series { reading, readings, step, left, newest, first_sample, as_samples } = cursor else {
            return None;
        };
        let plan = Plan { newest, first_sample, as_samples };
        Some(Self { reading, readings, step, left, plan })
    }
}

impl CommandContext<'_, '_> {
    /// The reading whose key, or the key of whose history, is `name`.
    fn timed(&self, name: &[u8]) -> Result<usize, &'static str> {
        match self.find(name) {
            Some(Key::Reading(index) | Key::History(index)) => Ok(index),
            Some(_) => Err(WRONGTYPE),
            None => Err("ERR TSDB: the key does not exist"),
        }
    }

    fn stored(&self, reading: usize) -> Option<(&History, Option<&Day>)> {
        Some((self.histories.get(reading)?, Day::of(self.days, reading)))
    }

    /// All that is kept of a reading.
    pub(super) fn series(&self, reading: usize) -> Option<Series<'_>> {
        let (history, day) = self.stored(reading)?;
        Some(Series::new(history, day, self.state.clock))
    }

    /// Writes a time and a value: a number of RESP3, or the text of one, as RedisTimeSeries does.
    pub(super) fn write_point(&mut self, ms: u64, value: Value, decimals: u8) {
        self.reply.array(2);
        self.reply.integer(i64::try_from(ms).unwrap_or(i64::MAX));
        self.reply.number(value.with_decimals(decimals).text(&mut [0; DECIMAL_LEN_MAX]));
    }

    /// Writes the points of a reading that are left, as many as there is room for. True if all are written.
    fn write_points(&mut self, range: &Range, progress: &mut Progress) -> Result<bool, Gone> {
        let reading = usize::from(progress.reading);
        let decimals = self.catalog().reading(reading).ok_or(Gone)?.1;
        while progress.left > 0 {
            let (history, day) = self.stored(reading).ok_or(Gone)?;
            let series = Series::resumed(history, day, self.state.clock, progress.plan);
            let (group, next) = range.window.next(&series, progress.step.into()).ok_or(Gone)?;
            if !self.part(|cx| range.write(cx, &group, decimals)) {
                return Ok(false);
            }
            (progress.step, progress.left) = (next as u16, progress.left - 1);
        }
        Ok(true)
    }

    /// The progress of a reading of which nothing is written yet.
    fn begin_series(&self, range: &Range, reading: usize, readings: u8) -> Result<Progress, Gone> {
        let series = self.series(reading).ok_or(Gone)?;
        let left = range.window.count(&series, range.count) as u16;
        Ok(Progress { reading: reading as u8, readings, step: 0, left, plan: series.plan() })
    }

    /// Goes on with a range when there is more room, or ends it.
    fn range_done(&mut self, result: Result<Option<Progress>, Gone>) -> CommandResult {
        let (cursor, flow) = match result {
            Ok(None) => (Cursor::Start, Flow::Continue),
            Ok(Some(progress)) => (progress.cursor(), Flow::OutputFull),
            Err(Gone) => (Cursor::Start, Flow::Abort),
        };
        self.session().cursor = cursor;
        Ok(flow)
    }

    /// Whether this is the first call for a request. Times follow the clock then, but not within a reply.
    fn begin(&mut self) -> bool {
        let is_first = Progress::of(self.session().cursor).is_none();
        if is_first {
            self.state.clock.follow(self.now);
        }
        is_first
    }
}

pub(crate) fn range(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    one(cx, false)
}

pub(crate) fn revrange(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    one(cx, true)
}

pub(crate) fn mrange(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    many(cx, false)
}

pub(crate) fn mrevrange(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    many(cx, true)
}

fn one(cx: &mut CommandContext<'_, '_>, is_reverse: bool) -> CommandResult {
    let range = Range::parse(cx, 2, is_reverse)?;
    let result = if cx.begin() {
        let reading = cx.timed(cx.arg(1))?;
        cx.begin_series(&range, reading, 1).inspect(|progress| cx.reply.array(progress.left.into()))
    } else {
        Progress::of(cx.session().cursor).ok_or(Gone)
    };
    let result = result.and_then(|mut progress| {
        let is_written = cx.write_points(&range, &mut progress)?;
        Ok((!is_written).then_some(progress))
    });
    cx.range_done(result)
}

fn many(cx: &mut CommandContext<'_, '_>, is_reverse: bool) -> CommandResult {
    let range = Range::parse(cx, 1, is_reverse)?;
    let filters = range.filters.ok_or("ERR syntax error")?;
    let progress = if cx.begin() {
        let readings = filters.readings(cx).count() as u8;
        match cx.reply.protocol() {
            Protocol::Resp2 => cx.reply.array(readings.into()),
            Protocol::Resp3 => cx.reply.map(readings.into()),
        }
        let plan = Plan { newest: 0, first_sample: 0, as_samples: 0 };
        Progress { reading: 0, readings, step: 0, left: NOT_BEGUN, plan }
    } else {
        match Progress::of(cx.session().cursor) {
            Some(progress) => progress,
            None => return Ok(Flow::Abort),
        }
    };
    let result = many_on(cx, &range, filters, progress);
    cx.range_done(result)
}

/// Writes the readings that are left; None if all are written.
fn many_on(
    cx: &mut CommandContext<'_, '_>,
    range: &Range,
    filters: Filters,
    mut progress: Progress,
) -> Result<Option<Progress>, Gone> {
    while progress.readings > 0 {
        if progress.left == NOT_BEGUN {
            let reading = filters.readings(cx).find(|reading| *reading >= progress.reading.into()).ok_or(Gone)?;
            let begun = cx.begin_series(range, reading, progress.readings)?;
            let is_written = cx.part(|cx| {
                cx.write_head(reading, range.shown, |cx| {
                    cx.reply.map(1);
                    cx.reply.bulk(b"aggregators");
                    cx.reply.array(range.aggregation.iter().count());
                    if let Some((name, _)) = range.aggregation {
                        cx.reply.bulk(name.as_bytes());
                    }
                });
                cx.reply.array(begun.left.into());
            });
            if !is_written {
                return Ok(Some(progress));
            }
            progress = begun;
        }
        if !cx.write_points(range, &mut progress)? {
            return Ok(Some(progress));
        }
        progress =
            Progress { reading: progress.reading + 1, readings: progress.readings - 1, left: NOT_BEGUN, ..progress };
    }
    Ok(None)
}

impl CommandContext<'_, '_> {
    /// Writes the start of a reading's entry: its key, its labels, and in RESP3 the parts that `more` writes. One part
    /// follows.
    fn write_head(&mut self, reading: usize, shown: Shown, more: impl Fn(&mut Self)) {
        let is_resp3 = self.reply.protocol() == Protocol::Resp3;
        if !is_resp3 {
            self.reply.array(3);
        }
        self.write_reading_key(reading);
        if is_resp3 {
            self.reply.array(3);
        }
        shown.write(self, reading);
        if is_resp3 {
            more(self);
        }
    }

    fn write_reading_key(&mut self, reading: usize) {
        let catalog = self.state.catalog(self.platform);
        match catalog.reading(reading) {
            Some((name, _)) => self.reply.bulk_fmt(format_args!("{name}")),
            None => self.reply.bulk(b""),
        }
    }

    /// The newest sample, or nothing.
    fn write_last(&mut self, reading: usize) {
        let decimals = self.catalog().reading(reading).map_or(0, |(_, decimals)| decimals);
        let newest = self.histories.get(reading).and_then(|history| history.entry(history.next().wrapping_sub(1)));
        match newest {
            Some(entry) => self.write_point(entry.id.ms, entry.value, decimals),
            None => self.reply.array(0),
        }
    }
}

/// LATEST changes nothing: there are no compactions that may lag.
pub(crate) fn get(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let is_plain = match cx.request.arg(2) {
        None => true,
        Some(option) => option.eq_ignore_ascii_case(b"LATEST") && cx.request.len() == 3,
    };
    if !is_plain {
        return Err("ERR syntax error");
    }
    let reading = cx.timed(cx.arg(1))?;
    cx.write_last(reading);
    Ok(Flow::Continue)
}

pub(crate) fn mget(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let (mut shown, mut index) = (Shown::None, 1);
    let filters = loop {
        let option = cx.request.arg(index).ok_or("ERR TSDB: missing FILTER argument")?;
        index += 1;
        if option.eq_ignore_ascii_case(b"FILTER") {
            break Filters::parse(cx, index)?;
        } else if option.eq_ignore_ascii_case(b"WITHLABELS") && shown == Shown::None {
            shown = Shown::All;
        } else if option.eq_ignore_ascii_case(b"SELECTED_LABELS") && shown == Shown::None {
            shown = Shown::selected(cx, index)?;
            index += if let Shown::Selected { count, .. } = shown { count } else { 0 };
        } else if !option.eq_ignore_ascii_case(b"LATEST") {
            return Err("ERR syntax error");
        }
    };
    let count = filters.readings(cx).count();
    let header = |cx: &mut CommandContext<'_, '_>| match cx.reply.protocol() {
        Protocol::Resp2 => cx.reply.array(count),
        Protocol::Resp3 => cx.reply.map(count),
    };
    cx.list(count, header, |cx, item| {
        // A reading that has gone meanwhile leaves its place empty.
        let reading = filters.readings(cx).nth(item).unwrap_or(usize::MAX);
        let is_resp3 = cx.reply.protocol() == Protocol::Resp3;
        if !is_resp3 {
            cx.reply.array(3);
        }
        cx.write_reading_key(reading);
        if is_resp3 {
            cx.reply.array(2);
        }
        shown.write(cx, reading);
        cx.write_last(reading);
    })
}

pub(crate) fn queryindex(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let filters = Filters::parse(cx, 1)?;
    let count = filters.readings(cx).count();
    cx.list(
        count,
        |cx| cx.reply.set(count),
        |cx, item| {
            let reading = filters.readings(cx).nth(item).unwrap_or(usize::MAX);
            cx.write_reading_key(reading);
        },
    )
}

/// How long points are kept, milliseconds: a day, or of a reading without one so many samples.
fn retention_ms(cx: &CommandContext<'_, '_>, reading: usize) -> u64 {
    let is_day = Day::of(cx.days, reading).is_some();
    let period_ms = cx.catalog().info(reading).map_or(0, |(info, _)| info.period_ms);
    let samples_ms = u64::from(period_ms) * HISTORY_LEN as u64;
    if is_day { 24 * 3_600_000 } else { samples_ms }
}

pub(crate) fn info(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let reading = cx.timed(cx.arg(1))?;
    cx.begin();
    let retention_ms = retention_ms(cx, reading);
    let day_len = Day::of(cx.days, reading).map_or(0, |_| size_of::<Day>());
    let len = (size_of::<History>() + day_len) as i64;
    let (count, ends) = cx.series(reading).map_or((0, None), |series| (series.count(), series.ends()));
    let (first_ms, last_ms) = ends.map_or((0, 0), |(first, last)| (first.ms, last.ms));
    let numbers = [
        ("totalSamples", count as i64),
        ("memoryUsage", len),
        ("firstTimestamp", first_ms as i64),
        ("lastTimestamp", last_ms as i64),
        ("retentionTime", retention_ms as i64),
        ("chunkCount", 1),
        ("chunkSize", len),
    ];
    cx.reply.map(numbers.len() + 5);
    for (name, number) in numbers {
        cx.reply.bulk(name.as_bytes());
        cx.reply.integer(number);
    }
    cx.reply.bulk(b"chunkType");
    cx.reply.simple("compressed");
    cx.reply.bulk(b"duplicatePolicy");
    cx.reply.null();
    cx.reply.bulk(b"labels");
    Shown::All.write(cx, reading);
    cx.reply.bulk(b"sourceKey");
    cx.reply.null();
    cx.reply.bulk(b"rules");
    cx.reply.map(0);
    Ok(Flow::Continue)
}
