//! `meta:NAME`: the description of a reading or an output.

use heapless::String;
use sockeye_wiring::limits::SPEC_LEN_MAX;

use crate::command::{CommandContext, CommandResult, Flow, integer};
use crate::commands::key_commands::{WRONGTYPE, scan_cursor};
use crate::glob;
use crate::keys::catalog::Key;
use crate::keys::day::Day;
use crate::value::Decimal;

/// The fields of a `meta:` hash.
struct Meta {
    kind: &'static str,
    /// Not of other devices' readings: they send values only.
    described: Option<Described>,
    /// The driver and its words; only of what is wired.
    wiring: Option<String<SPEC_LEN_MAX, u8>>,
    /// Of a reading of this device only.
    period_ms: Option<u32>,
    /// Since the latest sample, if there is one.
    age_ms: Option<u64>,
    /// The history of a reading: `day`, or `samples` if there is no RAM for its day.
    history: Option<&'static str>,
    /// After how long without a sample there is no value any more; of a reading of another device only.
    expire_ms: Option<u32>,
}

/// The board's description of a reading or an output.
struct Described {
    unit: String<SPEC_LEN_MAX, u8>,
    minimum: Decimal,
    maximum: Decimal,
}

#[derive(Clone, Copy)]
enum Field {
    Kind,
    Unit,
    Wiring,
    Minimum,
    Maximum,
    PeriodMs,
    AgeMs,
    ExpireMs,
    History,
}

const FIELDS: [(&str, Field); 9] = [
    ("kind", Field::Kind),
    ("unit", Field::Unit),
    ("minimum", Field::Minimum),
    ("maximum", Field::Maximum),
    ("period_ms", Field::PeriodMs),
    ("age_ms", Field::AgeMs),
    ("expire_ms", Field::ExpireMs),
    ("history", Field::History),
    ("wiring", Field::Wiring),
];

impl Meta {
    fn fields(&self) -> impl Iterator<Item = (&'static str, Field)> {
        let has = |field: Field| match field {
            Field::Kind => true,
            Field::Unit | Field::Minimum | Field::Maximum => self.described.is_some(),
            Field::Wiring => self.wiring.is_some(),
            Field::PeriodMs => self.period_ms.is_some(),
            Field::AgeMs => self.age_ms.is_some(),
            Field::ExpireMs => self.expire_ms.is_some(),
            Field::History => self.history.is_some(),
        };
        FIELDS.into_iter().filter(move |(_, field)| has(*field))
    }

    fn write(&self, field: Field, cx: &mut CommandContext<'_, '_>) {
        let number = match (field, &self.described) {
            (Field::History, _) => return cx.reply.bulk(self.history.unwrap_or_default().as_bytes()),
            (Field::Kind, _) => return cx.reply.bulk(self.kind.as_bytes()),
            (Field::Unit, Some(described)) => return cx.reply.bulk(described.unit.as_bytes()),
            (Field::Minimum, Some(described)) => return described.minimum.reply(cx.reply),
            (Field::Maximum, Some(described)) => return described.maximum.reply(cx.reply),
            (Field::Wiring, _) => return cx.reply.bulk(self.wiring.as_deref().unwrap_or_default().as_bytes()),
            (Field::PeriodMs, _) => self.period_ms.map(u64::from),
            (Field::ExpireMs, _) => self.expire_ms.map(u64::from),
            (Field::AgeMs | Field::Unit | Field::Minimum | Field::Maximum, _) => self.age_ms,
        };
        cx.reply.bulk_fmt(format_args!("{}", number.unwrap_or_default()));
    }
}

/// A text of what is wired, which may be configured otherwise while the reply is written.
fn text(text: &str) -> String<SPEC_LEN_MAX, u8> {
    // The string has room, because a unit is shorter than the spec that has it.
    text.try_into().unwrap_or_default()
}

/// The hash that the first argument names; none if there is no such key.
fn meta(cx: &mut CommandContext<'_, '_>) -> Result<Option<Meta>, &'static str> {
    let (platform, now_ms) = (cx.platform, cx.now.uptime_ms());
    match cx.existing(cx.arg(1)) {
        None => Ok(None),
        Some(Key::ReadingMeta(index)) => {
            let history = Some(if Day::is_for(cx.days, index) { "day" } else { "samples" });
            if let Some(remote) = cx.catalog().remote(index) {
                let age_ms = Some(now_ms.saturating_sub(remote.uptime_ms()));
                let expire_ms = Some(cx.state.remotes.expire_ms);
                return Ok(Some(Meta {
                    kind: "remote",
                    described: None,
                    wiring: None,
                    period_ms: None,
                    age_ms,
                    history,
                    expire_ms,
                }));
            }
            let latest = cx.state.latest.get(index).copied().flatten();
            let age_ms = latest.map(|latest| now_ms.saturating_sub(latest.uptime_ms));
            Ok(cx.state.catalog(platform).info(index).map(|(info, spec)| {
                let minimum = info.minimum.with_decimals(info.decimals);
                let maximum = info.maximum.with_decimals(info.decimals);
                let described = Some(Described { unit: text(info.unit), minimum, maximum });
                let (kind, wiring) = (info.kind.name(), spec.map(text));
                Meta { kind, described, wiring, period_ms: Some(info.period_ms), age_ms, history, expire_ms: None }
            }))
        }
        Some(Key::OutputMeta(index)) => Ok(cx.state.catalog(platform).output(index).map(|(info, spec)| {
            let minimum = info.minimum.with_decimals(info.decimals);
            let maximum = info.maximum.with_decimals(info.decimals);
            let described = Some(Described { unit: text(info.unit), minimum, maximum });
            let (kind, wiring) = (info.kind.name(), spec.map(text));
            Meta { kind, described, wiring, period_ms: None, age_ms: None, history: None, expire_ms: None }
        })),
        Some(Key::Reading(_) | Key::Output(_) | Key::History(_) | Key::Log) => Err(WRONGTYPE),
    }
}

pub(crate) fn hgetall(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let Some(meta) = meta(cx)? else {
        cx.reply.map(0);
        return Ok(Flow::Continue);
    };
    cx.reply.map(meta.fields().count());
    for (name, field) in meta.fields() {
        cx.reply.bulk(name.as_bytes());
        meta.write(field, cx);
    }
    Ok(Flow::Continue)
}

pub(crate) fn hkeys(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let Some(meta) = meta(cx)? else {
        cx.reply.array(0);
        return Ok(Flow::Continue);
    };
    cx.reply.array(meta.fields().count());
    for (name, _) in meta.fields() {
        cx.reply.bulk(name.as_bytes());
    }
    Ok(Flow::Continue)
}

pub(crate) fn hget(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let wanted = cx.arg(2);
    let meta = meta(cx)?;
    let field = meta.as_ref().and_then(|meta| meta.fields().find(|(name, _)| name.as_bytes() == wanted));
    match (meta, field) {
        (Some(meta), Some((_, field))) => meta.write(field, cx),
        _ => cx.reply.null(),
    }
    Ok(Flow::Continue)
}

pub(crate) fn hlen(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let len = meta(cx)?.map_or(0, |meta| meta.fields().count());
    cx.reply.integer(len as i64);
    Ok(Flow::Continue)
}

pub(crate) fn hexists(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let wanted = cx.arg(2);
    let exists = meta(cx)?.is_some_and(|meta| meta.fields().any(|(name, _)| name.as_bytes() == wanted));
    cx.reply.integer(exists.into());
    Ok(Flow::Continue)
}

pub(crate) fn hmget(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let meta = meta(cx)?;
    cx.reply.array(cx.request.len() - 2);
    for wanted in cx.request.args().skip(2) {
        let field = meta.as_ref().and_then(|meta| meta.fields().find(|(name, _)| name.as_bytes() == wanted));
        match (&meta, field) {
            (Some(meta), Some((_, field))) => meta.write(field, cx),
            _ => cx.reply.null(),
        }
    }
    Ok(Flow::Continue)
}

/// All fields at once, as Redis gives them of a small hash: the cursor is always 0.
pub(crate) fn hscan(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    scan_cursor(cx.arg(2))?;
    let mut pattern = &b"*"[..];
    let mut index = 3;
    while let Some(option) = cx.request.arg(index) {
        let value = cx.request.arg(index + 1).ok_or("ERR syntax error")?;
        if option.eq_ignore_ascii_case(b"MATCH") {
            pattern = value;
        } else if !option.eq_ignore_ascii_case(b"COUNT") || integer(value)? < 1 {
            return Err("ERR syntax error");
        }
        index += 2;
    }
    let meta = meta(cx)?;
    let found = || meta.iter().flat_map(Meta::fields).filter(|(name, _)| glob::matches(pattern, name.as_bytes()));
    cx.reply.array(2);
    cx.reply.bulk(b"0");
    cx.reply.array(2 * found().count());
    for (name, field) in found() {
        cx.reply.bulk(name.as_bytes());
        if let Some(meta) = &meta {
            meta.write(field, cx);
        }
    }
    Ok(Flow::Continue)
}
