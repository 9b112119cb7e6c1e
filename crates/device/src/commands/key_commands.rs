//! The keys: reading them, finding them, and switching outputs.

use sockeye_resp::LossyUtf8;

use crate::command::{CommandContext, CommandResult, Flow, integer, parse_integer};
use crate::keys::catalog::{Catalog, Key, KeySet, find_plain_reading};
use crate::keys::day::Day;
use crate::keys::history::History;
use crate::limits::{DECIMAL_LEN_MAX, SCAN_COUNT, SCAN_KEYS_MAX};
use crate::log_ring::LogMemory;
use crate::outputs;
use crate::platform::{OutputInfo, ReadingInfo};
use crate::rules::engine;
use crate::sessions::session::Cursor;
use crate::state::State;
use crate::value::{Decimal, Latest, Value};

pub(crate) const WRONGTYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

impl CommandContext<'_, '_> {
    /// All that keys come from.
    pub(crate) fn catalog(&self) -> Catalog<'_> {
        self.state.catalog(self.platform)
    }

    /// The key of this name, whether it has a value now or not.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Key> {
        Key::find(&self.catalog(), name)
    }

    #[inline]
    fn exists(&self, catalog: &Catalog<'_>, key: Key) -> bool {
        let is_shown = key != Key::Log || self.state.may_write(self.key);
        is_shown && key.exists(catalog, self.histories, self.now)
    }

    /// The key of this name, if it has a value now.
    pub(crate) fn existing(&mut self, name: &[u8]) -> Option<Key> {
        let catalog = &self.catalog();
        let key = Key::find(catalog, name).filter(|key| self.exists(catalog, *key));
        self.count_look(key.is_some());
        key
    }

    /// Replies with the value of the key of this name; with null if the key has none now.
    ///
    /// # Errors
    /// The key is of another type than those with one value; nothing is written.
    #[inline(always)]
    fn reply_with_value(&mut self, name: &[u8]) -> Result<(), &'static str> {
        let State { wired, settings, latest, .. } = &*self.state;
        let board = self.environment.readings;
        let value = match find_plain_reading(board, wired, wired.used(settings), name) {
            // Without a value there is no such key.
            Some(index) => latest.get(index).copied().flatten().and_then(|latest| {
                let decimals = board.get(index).map(|info| info.decimals).or_else(|| wired.decimals(index))?;
                Some(latest.value.with_decimals(decimals))
            }),
            None => self.other_value(name)?,
        };
        self.count_look(value.is_some());
        match value {
            Some(value) => value.reply(self.reply),
            None => self.reply.null(),
        }
        Ok(())
    }

    /// The value of the key of this name that [`find_plain_reading`] does not find; None if the key has none now.
    ///
    /// # Errors
    /// The key is of another type than those with one value, which counts as a hit.
    #[inline(never)]
    fn other_value(&mut self, name: &[u8]) -> Result<Option<Decimal>, &'static str> {
        let catalog = &self.catalog();
        let reading = catalog.find_reading_with_point(name).map(Key::Reading);
        let key = reading.or_else(|| Key::find_other(catalog, name)).filter(|key| self.exists(catalog, *key));
        let value = key.map(|key| self.value(catalog, key).ok_or(WRONGTYPE)).transpose();
        if value.is_err() {
            self.count_look(true);
        }
        value
    }

    fn count_look(&mut self, is_hit: bool) {
        let counts = &mut self.state.counts;
        let count = if is_hit { &mut counts.hits } else { &mut counts.misses };
        *count = count.wrapping_add(1);
    }

    /// The value of a reading; None if the reading has none now.
    #[inline]
    fn reading(&self, catalog: &Catalog<'_>, index: usize) -> Option<Decimal> {
        let latest = catalog.latest(index, self.now)?;
        Some(latest.value.with_decimals(catalog.decimals(index)?))
    }

    /// The value of a key that has one.
    fn value(&self, catalog: &Catalog<'_>, key: Key) -> Option<Decimal> {
        match key {
            Key::Reading(index) => self.reading(catalog, index),
            Key::Output(index) => {
                let value = self.state.outputs.get(index)?;
                let decimals = match self.platform.outputs().get(index) {
                    Some(info) => info.decimals,
                    None => self.state.wired.output_range(index)?.0,
                };
                Some(value.with_decimals(decimals))
            }
            Key::History(_) | Key::ReadingMeta(_) | Key::OutputMeta(_) | Key::Log => None,
        }
    }
}

pub(crate) fn get(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply_with_value(cx.arg(1))?;
    Ok(Flow::Continue)
}

pub(crate) fn mget(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.array(cx.request.len() - 1);
    for name in cx.request.args().skip(1) {
        if cx.reply_with_value(name).is_err() {
            cx.reply.null();
        }
    }
    Ok(Flow::Continue)
}

pub(crate) fn exists(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let count = cx.request.args().skip(1).filter(|name| cx.existing(name).is_some()).count();
    cx.reply.integer(count as i64);
    Ok(Flow::Continue)
}

pub(crate) fn type_name(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let key = cx.existing(cx.arg(1));
    cx.reply.simple(key.map_or("none", Key::type_name));
    Ok(Flow::Continue)
}

/// How long a key lives, milliseconds; None if nothing ends it. Only the reading of another device ends by itself.
fn time_to_live_ms(cx: &CommandContext<'_, '_>, key: Key) -> Option<u64> {
    let Key::Reading(index) = key else { return None };
    let remote = cx.catalog().remote(index)?;
    let age_ms = cx.now.uptime_ms().saturating_sub(remote.uptime_ms());
    Some(u64::from(cx.state.remotes.expire_ms).saturating_sub(age_ms))
}

/// TTL and PTTL: -2 for no such key, -1 for one that doesn't expire.
fn write_time_to_live(cx: &mut CommandContext<'_, '_>, convert: fn(u64) -> u64) -> CommandResult {
    let time = match cx.existing(cx.arg(1)) {
        None => -2,
        Some(key) => time_to_live_ms(cx, key).map_or(-1, |ms| convert(ms) as i64),
    };
    cx.reply.integer(time);
    Ok(Flow::Continue)
}

/// Rounded, as Redis does.
pub(crate) fn ttl(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    write_time_to_live(cx, |ms| (ms + 500) / 1_000)
}

pub(crate) fn pttl(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    write_time_to_live(cx, |ms| ms)
}

pub(crate) fn strlen(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let len = match cx.existing(cx.arg(1)) {
        Some(key) => cx.value(&cx.catalog(), key).ok_or(WRONGTYPE)?.len(),
        None => 0,
    };
    cx.reply.integer(len as i64);
    Ok(Flow::Continue)
}

/// The encodings that Redis has for such values.
pub(crate) fn object_encoding(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let encoding = match cx.existing(cx.arg(2)) {
        None => {
            cx.reply.null();
            return Ok(Flow::Continue);
        }
        Some(Key::History(_) | Key::Log) => "stream",
        Some(Key::ReadingMeta(_) | Key::OutputMeta(_)) => "listpack",
        Some(key @ (Key::Reading(_) | Key::Output(_))) => {
            let value = cx.value(&cx.catalog(), key).ok_or(WRONGTYPE)?;
            if parse_integer(value.encode(&mut [0; DECIMAL_LEN_MAX])).is_some() { "int" } else { "embstr" }
        }
    };
    cx.reply.bulk(encoding.as_bytes());
    Ok(Flow::Continue)
}

pub(crate) fn dbsize(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let keys = cx.keys(|_| true);
    cx.reply.integer(keys.len() as i64);
    Ok(Flow::Continue)
}

impl CommandContext<'_, '_> {
    /// The keys that have a value and that are `wanted`.
    fn keys(&self, wanted: impl Fn(Key) -> bool) -> KeySet {
        let keys = Key::all(self.catalog()).filter(|(_, key)| self.exists(&self.catalog(), *key) && wanted(*key));
        keys.map(|(number, _)| number).collect()
    }

    /// Writes the key of this number, which was promised to the client. If it is gone meanwhile, because the reading
    /// of another device made room for a third one's, there is only an empty name to give.
    fn write_key(&mut self, number: usize) {
        let catalog = self.state.catalog(self.platform);
        match Key::all(catalog).find(|(known, _)| *known == number) {
            Some((_, key)) => self.reply.bulk_fmt(format_args!("{}", key.name(catalog))),
            None => self.reply.bulk(b""),
        }
    }
}

pub(crate) fn keys(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let mut keys = match cx.session().cursor {
        Cursor::Keys(keys) => keys,
        _ => {
            let keys = cx.keys(|key| key.name(cx.catalog()).matches(cx.arg(1)));
            cx.reply.array(keys.len());
            keys
        }
    };
    while let Some(number) = keys.first() {
        if !cx.part(|cx| cx.write_key(number)) {
            cx.session().cursor = Cursor::Keys(keys);
            return Ok(Flow::OutputFull);
        }
        keys.remove(number);
    }
    cx.session().cursor = Cursor::Start;
    Ok(Flow::Continue)
}

/// The cursor of SCAN or HSCAN.
pub(crate) fn scan_cursor(text: &[u8]) -> Result<u64, &'static str> {
    let is_cursor = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = core::str::from_utf8(text).ok().filter(|_| is_cursor);
    text.and_then(|text| text.parse().ok()).ok_or("ERR invalid cursor")
}

pub(crate) fn scan(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let cursor = scan_cursor(cx.arg(1))?;
    let (mut pattern, mut count, mut type_name) = (&b"*"[..], SCAN_COUNT, None);
    let mut index = 2;
    while let Some(option) = cx.request.arg(index) {
        let value = cx.request.arg(index + 1).ok_or("ERR syntax error")?;
        if option.eq_ignore_ascii_case(b"COUNT") {
            let wanted = usize::try_from(integer(value)?).ok().filter(|count| *count > 0);
            count = wanted.ok_or("ERR syntax error")?;
        } else if option.eq_ignore_ascii_case(b"MATCH") {
            pattern = value;
        } else if option.eq_ignore_ascii_case(b"TYPE") {
            type_name = Some(value);
        } else {
            return Err("ERR syntax error");
        }
        index += 2;
    }
    let looked_at = Key::all(cx.catalog())
        .filter(|(number, key)| *number as u64 >= cursor && cx.exists(&cx.catalog(), *key))
        .take(count.min(SCAN_KEYS_MAX));
    let (mut keys, mut next) = (KeySet::default(), None);
    for (number, key) in looked_at {
        next = Some(number + 1);
        let is_type = type_name.is_none_or(|name| name.eq_ignore_ascii_case(key.type_name().as_bytes()));
        if is_type && key.name(cx.catalog()).matches(pattern) {
            keys.insert(number);
        }
    }
    let is_left =
        |from: usize| Key::all(cx.catalog()).any(|(number, key)| number >= from && cx.exists(&cx.catalog(), key));
    let next = next.filter(|next| is_left(*next)).unwrap_or(0);
    cx.reply.array(2);
    cx.reply.bulk_fmt(format_args!("{next}"));
    cx.reply.array(keys.len());
    while let Some(number) = keys.first() {
        cx.write_key(number);
        keys.remove(number);
    }
    Ok(Flow::Continue)
}

pub(crate) fn memory_usage(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if let Some(option) = cx.request.arg(3) {
        let is_samples = option.eq_ignore_ascii_case(b"SAMPLES") && cx.request.len() == 5;
        if !is_samples || integer(cx.arg(4))? < 0 {
            return Err("ERR syntax error");
        }
    }
    let bytes = match cx.existing(cx.arg(2)) {
        None => {
            cx.reply.null();
            return Ok(Flow::Continue);
        }
        Some(Key::Reading(_)) => size_of::<Option<Latest>>(),
        Some(Key::Output(_)) => size_of::<Value>(),
        Some(Key::History(index)) => size_of::<History>() + Day::of(cx.days, index).map_or(0, |_| size_of::<Day>()),
        Some(Key::ReadingMeta(_)) => size_of::<ReadingInfo<'_>>(),
        Some(Key::OutputMeta(_)) => size_of::<OutputInfo<'_>>(),
        Some(Key::Log) => size_of::<LogMemory>(),
    };
    cx.reply.integer(bytes as i64);
    Ok(Flow::Continue)
}

/// Options of Redis's SET. A device has use for none of them, and a client that gives one counts on it.
const SET_OPTIONS: [&[u8]; 8] = [b"NX", b"XX", b"GET", b"EX", b"PX", b"EXAT", b"PXAT", b"KEEPTTL"];

pub(crate) fn set(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if let Some(option) = cx.request.arg(3) {
        let is_known = SET_OPTIONS.iter().any(|known| option.eq_ignore_ascii_case(known));
        let text = "ERR SET takes no options here: an output keeps its value until it is set again";
        return Err(if is_known { text } else { "ERR syntax error" });
    }
    let name = LossyUtf8(cx.arg(1));
    let index = match cx.find(cx.arg(1)) {
        Some(Key::Output(index)) => index,
        Some(Key::Reading(_)) => {
            return cx.refuse(format_args!("ERR '{name}' is a reading: only outputs can be set"));
        }
        Some(_) => return cx.refuse(format_args!("ERR '{name}' can't be set: only outputs can")),
        None => return cx.refuse(format_args!("ERR there is no output '{name}'")),
    };
    let Some((decimals, minimum, maximum)) = outputs::range(cx.platform, &cx.state.wired, index) else {
        return cx.refuse(format_args!("ERR there is no output '{name}'"));
    };
    let Some(value) = Value::parse(cx.arg(2), decimals) else {
        return cx.refuse(format_args!("ERR value is not a number with at most {decimals} decimals"));
    };
    if !(minimum..=maximum).contains(&value) {
        let (minimum, maximum) = (minimum.with_decimals(decimals), maximum.with_decimals(decimals));
        return cx.refuse(format_args!("ERR value is out of range: {minimum} to {maximum}"));
    }
    let State { wired, outputs: values, .. } = &mut *cx.state;
    if outputs::set(cx.platform, wired, values, (index, value), cx.now).is_err() {
        return cx.refuse(format_args!("ERR the output '{name}' failed; it is as it was"));
    }
    engine::output_was_set(cx.state, cx.arg(1));
    cx.ok()
}
