//! Streams: past samples of a reading, the lines of the log, and waiting for the next of either.

use sockeye_resp::Protocol;

use crate::command::{CommandContext, CommandResult, Flow, integer, parse_integer};
use crate::commands::DENIED;
use crate::commands::key_commands::WRONGTYPE;
use crate::keys::catalog::{Key, LOG};
use crate::keys::history::{Samples, StreamId};
use crate::limits::{BLOCK_MS_MAX, STREAMS_MAX};
use crate::sessions::session::Cursor;

pub(crate) const INVALID_ID: &str = "ERR Invalid stream ID specified as stream command argument";

/// A stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The history of the reading of this number.
    History(usize),
    /// The log.
    Log,
}

impl Stream {
    fn of(key: Key) -> Option<Self> {
        match key {
            Key::History(index) => Some(Self::History(index)),
            Key::Log => Some(Self::Log),
            _ => None,
        }
    }
}

impl CommandContext<'_, '_> {
    /// Whether the session may read the log: it needs the access of MONITOR.
    ///
    /// # Errors
    /// The error with the reason, if `name` is the log's.
    pub(crate) fn check_log_access(&self, name: &[u8]) -> Result<(), &'static str> {
        let is_log = self.environment.log.is_some() && name == LOG.as_bytes();
        if is_log && !self.state.may_write(self.key) { Err(DENIED) } else { Ok(()) }
    }

    /// The stream of this name; none if it has no sample yet, or there is no such key.
    pub(crate) fn stream(&mut self, name: &[u8]) -> Result<Option<Stream>, &'static str> {
        self.check_log_access(name)?;
        match self.existing(name) {
            Some(key) => Stream::of(key).map(Some).ok_or(WRONGTYPE),
            None => Ok(None),
        }
    }

    /// The entries of a stream from one ID to another, both included.
    pub(crate) fn range(&self, stream: Stream, from: StreamId, to: StreamId) -> Samples {
        let samples = match stream {
            Stream::History(index) => self.histories.get(index).map(|history| history.range(from, to)),
            Stream::Log => self.environment.log.map(|log| log.range(from, to)),
        };
        samples.unwrap_or(Samples::NONE)
    }

    /// Number of the entry that comes next.
    pub(crate) fn next_entry(&self, stream: Stream) -> u32 {
        let next = match stream {
            Stream::History(index) => self.histories.get(index).map(|history| history.next()),
            Stream::Log => self.environment.log.map(|log| log.next()),
        };
        next.unwrap_or_default()
    }

    /// The ID of the entry of this number; None if it is there no more.
    pub(crate) fn entry_id(&self, stream: Stream, number: u32) -> Option<StreamId> {
        match stream {
            Stream::History(index) => self.histories.get(index)?.entry(number).map(|entry| entry.id),
            Stream::Log => self.environment.log?.line(number).map(|line| line.id),
        }
    }

    /// Writes the entry of this number.
    pub(crate) fn write_entry(&mut self, stream: Stream, number: u32) {
        match stream {
            Stream::History(index) => self.write_sample(index, number),
            Stream::Log => self.write_log_line(number),
        }
    }

    fn write_log_line(&mut self, number: u32) {
        let Some(line) = self.environment.log.and_then(|log| log.line(number)) else {
            return self.reply.null();
        };
        self.reply.array(2);
        self.reply.bulk_fmt(format_args!("{}", line.id));
        self.reply.array(4);
        for text in ["line", line.text.as_str(), "level", line.level.name()] {
            self.reply.bulk(text.as_bytes());
        }
    }

    fn write_sample(&mut self, index: usize, number: u32) {
        let decimals = self.catalog().reading(index).map_or(0, |(_, decimals)| decimals);
        let Some(entry) = self.histories.get(index).and_then(|history| history.entry(number)) else {
            return self.reply.null();
        };
        self.reply.array(2);
        self.reply.bulk_fmt(format_args!("{}", entry.id));
        self.reply.array(2);
        self.reply.bulk(b"value");
        entry.value.with_decimals(decimals).reply(self.reply);
    }

    /// Writes as many samples of a stream as there is room for, and takes them off `left`. Returns true once all are
    /// written.
    ///
    /// # Errors
    /// [`Gone`] if a sample was overwritten before it was written. The array's length was sent before, so the reply can't
    /// be completed.
    fn samples(&mut self, stream: Stream, left: &mut Samples, is_reverse: bool) -> Result<bool, Gone> {
        while let Some(offset) = left.len.checked_sub(1) {
            let number = if is_reverse { left.first.wrapping_add(offset.into()) } else { left.first };
            let is_there = self.entry_id(stream, number).is_some();
            let is_written = is_there.then(|| self.part(|cx| cx.write_entry(stream, number))).ok_or(Gone)?;
            if !is_written {
                return Ok(false);
            }
            left.len = offset;
            if !is_reverse {
                left.first = left.first.wrapping_add(1);
            }
        }
        Ok(true)
    }
}

/// A sample that was promised is there no more.
struct Gone;

pub(crate) fn xlen(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let stream = cx.stream(cx.arg(1))?;
    let len = stream.map_or(0, |stream| cx.range(stream, StreamId::MIN, StreamId::MAX).len);
    cx.reply.integer(len.into());
    Ok(Flow::Continue)
}

pub(crate) fn xrange(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    range(cx, false)
}

pub(crate) fn xrevrange(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    range(cx, true)
}

fn range(cx: &mut CommandContext<'_, '_>, is_reverse: bool) -> CommandResult {
    let (from, to) = if is_reverse { (cx.arg(3), cx.arg(2)) } else { (cx.arg(2), cx.arg(3)) };
    let stream = match cx.session().cursor {
        Cursor::Samples { samples, .. } => {
            // The stream existed when the first part was written, and the request names it.
            let Some(stream) = cx.find(cx.arg(1)).and_then(Stream::of) else {
                return Ok(Flow::Abort);
            };
            (stream, samples)
        }
        _ => {
            let from = bound(from, 0)?;
            let from = if from.is_exclusive { from.id.next() } else { Some(from.id) };
            let from = from.ok_or("ERR invalid start ID for the interval")?;
            let to = bound(to, u64::MAX)?;
            let to = if to.is_exclusive { to.id.previous() } else { Some(to.id) };
            let to = to.ok_or("ERR invalid end ID for the interval")?;
            let count = range_count(cx)?;
            let Some(stream) = cx.stream(cx.arg(1))? else {
                cx.reply.array(0);
                return Ok(Flow::Continue);
            };
            if count == Some(0) {
                cx.reply.null_array();
                return Ok(Flow::Continue);
            }
            let mut samples = cx.range(stream, from, to);
            let len = count.unwrap_or(u8::MAX).min(samples.len);
            if is_reverse {
                samples.first = samples.first.wrapping_add((samples.len - len).into());
            }
            samples.len = len;
            cx.reply.array(len.into());
            (stream, samples)
        }
    };
    let (stream, mut samples) = stream;
    match cx.samples(stream, &mut samples, is_reverse) {
        Ok(true) => {
            cx.session().cursor = Cursor::Start;
            Ok(Flow::Continue)
        }
        Ok(false) => {
            cx.session().cursor = Cursor::Samples { stream: 0, ready: 0, samples };
            Ok(Flow::OutputFull)
        }
        Err(Gone) => Ok(Flow::Abort),
    }
}

/// One end of a range.
struct Bound {
    id: StreamId,
    is_exclusive: bool,
}

fn bound(text: &[u8], seq: u64) -> Result<Bound, &'static str> {
    let (is_exclusive, text) = match text {
        [b'(', text @ ..] => (true, text),
        text => (false, text),
    };
    let id = match text {
        b"-" if !is_exclusive => StreamId::MIN,
        b"+" if !is_exclusive => StreamId::MAX,
        text => StreamId::parse(text, seq).ok_or(INVALID_ID)?,
    };
    Ok(Bound { id, is_exclusive })
}

/// The COUNT of a range. More than there can be is all, and less than none is none.
fn range_count(cx: &CommandContext<'_, '_>) -> Result<Option<u8>, &'static str> {
    match (cx.request.arg(4), cx.request.arg(5), cx.request.len()) {
        (None, ..) => Ok(None),
        (Some(option), Some(count), 6) if option.eq_ignore_ascii_case(b"COUNT") => {
            Ok(Some(integer(count)?.clamp(0, u8::MAX.into()) as u8))
        }
        _ => Err("ERR syntax error"),
    }
}

/// The arguments of XREAD.
struct Read {
    /// At most so many samples of each stream.
    count: u8,
    /// How long to wait for a sample, milliseconds, 0 for ever; none for not at all.
    block_ms: Option<u32>,
    /// Where the keys begin, and how many there are; as many IDs follow.
    keys: usize,
    streams: usize,
}

impl Read {
    fn parse(cx: &mut CommandContext<'_, '_>) -> Result<Option<Self>, &'static str> {
        let (mut count, mut block_ms) = (u8::MAX, None);
        let mut index = 1;
        while let Some(option) = cx.request.arg(index) {
            let value = cx.request.arg(index + 1);
            match value {
                Some(timeout) if option.eq_ignore_ascii_case(b"BLOCK") => {
                    let timeout = parse_integer(timeout).ok_or("ERR timeout is not an integer or out of range")?;
                    let timeout = u64::try_from(timeout).map_err(|_| "ERR timeout is negative")?;
                    block_ms = Some(u32::try_from(timeout).unwrap_or(BLOCK_MS_MAX));
                    index += 2;
                }
                Some(text) if option.eq_ignore_ascii_case(b"COUNT") => {
                    let wanted = u8::try_from(integer(text)?.max(0)).unwrap_or(u8::MAX);
                    count = if wanted == 0 { u8::MAX } else { wanted };
                    index += 2;
                }
                Some(_) if option.eq_ignore_ascii_case(b"STREAMS") => {
                    let keys = index + 1;
                    let args = cx.request.len() - keys;
                    if !args.is_multiple_of(2) {
                        return cx
                            .refuse(format_args!(
                                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be \
                                 specified."
                            ))
                            .map(|_| None);
                    }
                    return Ok(Some(Self { count, block_ms, keys, streams: args / 2 }));
                }
                Some(_) if option.eq_ignore_ascii_case(b"GROUP") => {
                    return Err("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
                }
                _ => return Err("ERR syntax error"),
            }
        }
        Err("ERR syntax error")
    }

    /// The samples of the request's stream `index`; none if there are none.
    fn samples(&self, cx: &CommandContext<'_, '_>, index: usize) -> Result<Option<Samples>, &'static str> {
        let from = match cx.arg(self.keys + self.streams + index) {
            b"$" => None,
            b">" => {
                return Err("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                            <consumer> option.");
            }
            id => Some(StreamId::parse(id, 0).ok_or(INVALID_ID)?),
        };
        let Some(stream) = cx.find(cx.arg(self.keys + index)).and_then(Stream::of) else {
            return Ok(None);
        };
        let known = || cx.state.sessions.get(cx.key).next.get(index).copied().unwrap_or_default();
        let mut samples = match (from, stream) {
            (Some(id), _) => id.next().map_or(Samples::NONE, |from| cx.range(stream, from, StreamId::MAX)),
            (None, Stream::History(index)) => {
                cx.histories.get(index).map_or(Samples::NONE, |history| history.since(known()))
            }
            (None, Stream::Log) => cx.environment.log.map_or(Samples::NONE, |log| log.since(known())),
        };
        samples.len = samples.len.min(self.count);
        Ok((samples.len > 0).then_some(samples))
    }
}

pub(crate) fn xread(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let Some(read) = Read::parse(cx)? else {
        return Ok(Flow::Continue);
    };
    if read.streams > STREAMS_MAX {
        return Err("ERR too many streams: XREAD takes at most 8 at once");
    }
    let cursor = cx.session().cursor;
    if let Cursor::Samples { stream, ready, samples } = cursor {
        return read_on(cx, &read, ready, stream.into(), samples);
    }
    if matches!(cursor, Cursor::Start) {
        remember(cx, &read)?;
    }
    // A line that an interrupt adds after this look ends the wait.
    let log_next = cx.next_entry(Stream::Log);
    let mut ready = 0u8;
    for index in 0..read.streams {
        ready |= u8::from(read.samples(cx, index)?.is_some()) << index;
    }
    if ready > 0 {
        let len = ready.count_ones() as usize;
        match cx.reply.protocol() {
            Protocol::Resp2 => cx.reply.array(len),
            Protocol::Resp3 => cx.reply.map(len),
        }
        return read_on(cx, &read, ready, 0, Samples::NONE);
    }
    let (is_over, session) = (cx.is_timed_out || cx.is_in_exec(), cx.state.sessions.get_mut(cx.key));
    session.event_pending = false;
    match read.block_ms {
        Some(timeout_ms) if !is_over => {
            session.cursor = Cursor::Blocked { log_next };
            Ok(Flow::Block { timeout_ms })
        }
        _ => {
            session.cursor = Cursor::Start;
            cx.reply.null_array();
            Ok(Flow::Continue)
        }
    }
}

/// Looks at all keys, and notes where their streams end: that is what `$` means, also after a wait.
fn remember(cx: &mut CommandContext<'_, '_>, read: &Read) -> Result<(), &'static str> {
    for index in 0..read.streams {
        let name = cx.arg(read.keys + index);
        cx.stream(name)?;
        let next = cx.find(name).and_then(Stream::of).map_or(0, |stream| cx.next_entry(stream));
        if let Some(known) = cx.session().next.get_mut(index) {
            *known = next;
        }
    }
    Ok(())
}

/// Writes the streams that are `ready` from `index` on, of whose samples `left` are yet to come; none if the stream
/// hasn't begun.
fn read_on(cx: &mut CommandContext<'_, '_>, read: &Read, ready: u8, index: usize, mut left: Samples) -> CommandResult {
    let more = |cx: &mut CommandContext<'_, '_>, index: usize, samples| {
        cx.session().cursor = Cursor::Samples { stream: index as u8, ready, samples };
        Ok(Flow::OutputFull)
    };
    for index in (index..read.streams).filter(|index| ready >> index & 1 == 1) {
        let name = cx.arg(read.keys + index);
        let Some(stream) = cx.find(name).and_then(Stream::of) else {
            return Ok(Flow::Abort);
        };
        if left.len == 0 {
            // The stream had samples when they were counted, and the newest is always there.
            let Some(samples) = read.samples(cx, index)? else {
                return Ok(Flow::Abort);
            };
            let is_written = cx.part(|cx| {
                if cx.reply.protocol() == Protocol::Resp2 {
                    cx.reply.array(2);
                }
                cx.reply.bulk(name);
                cx.reply.array(samples.len.into());
            });
            if !is_written {
                return more(cx, index, left);
            }
            left = samples;
        }
        match cx.samples(stream, &mut left, false) {
            Ok(true) => (),
            Ok(false) => return more(cx, index, left),
            Err(Gone) => return Ok(Flow::Abort),
        }
    }
    cx.session().cursor = Cursor::Start;
    Ok(Flow::Continue)
}
