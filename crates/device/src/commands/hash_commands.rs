//! `meta:NAME`: what there is to know about a reading or an output.

use crate::command::{Cx, Flow, Outcome};
use crate::commands::key_commands::WRONGTYPE;
use crate::keys::catalog::Key;
use crate::value::Decimal;

/// What a hash tells.
struct Meta<'a> {
    kind: &'static str,
    /// Not of other devices' readings: they send values only.
    described: Option<Described<'a>>,
    /// Of a reading of this device only.
    period_ms: Option<u32>,
    /// Since the latest sample, if there is one.
    age_ms: Option<u64>,
    /// After how long without a sample there is no value any more; of a reading of another device only.
    expire_ms: Option<u32>,
}

/// What a board says of what it has.
struct Described<'a> {
    unit: &'a str,
    minimum: Decimal,
    maximum: Decimal,
}

#[derive(Clone, Copy)]
enum Field {
    Kind,
    Unit,
    Minimum,
    Maximum,
    PeriodMs,
    AgeMs,
    ExpireMs,
}

const FIELDS: [(&str, Field); 7] = [
    ("kind", Field::Kind),
    ("unit", Field::Unit),
    ("minimum", Field::Minimum),
    ("maximum", Field::Maximum),
    ("period_ms", Field::PeriodMs),
    ("age_ms", Field::AgeMs),
    ("expire_ms", Field::ExpireMs),
];

impl Meta<'_> {
    fn fields(&self) -> impl Iterator<Item = (&'static str, Field)> {
        let has = |field: Field| match field {
            Field::Kind => true,
            Field::Unit | Field::Minimum | Field::Maximum => self.described.is_some(),
            Field::PeriodMs => self.period_ms.is_some(),
            Field::AgeMs => self.age_ms.is_some(),
            Field::ExpireMs => self.expire_ms.is_some(),
        };
        FIELDS.into_iter().filter(move |(_, field)| has(*field))
    }

    fn write(&self, field: Field, cx: &mut Cx<'_, '_>) {
        let number = match (field, &self.described) {
            (Field::Kind, _) => return cx.reply.bulk(self.kind.as_bytes()),
            (Field::Unit, Some(described)) => return cx.reply.bulk(described.unit.as_bytes()),
            (Field::Minimum, Some(described)) => return cx.reply.bulk(described.minimum.text().as_bytes()),
            (Field::Maximum, Some(described)) => return cx.reply.bulk(described.maximum.text().as_bytes()),
            (Field::PeriodMs, _) => self.period_ms.map(u64::from),
            (Field::ExpireMs, _) => self.expire_ms.map(u64::from),
            (Field::AgeMs | Field::Unit | Field::Minimum | Field::Maximum, _) => self.age_ms,
        };
        cx.reply.bulk_fmt(format_args!("{}", number.unwrap_or_default()));
    }
}

/// The hash that the first argument names; none if there is no such key.
fn meta<'c>(cx: &mut Cx<'c, '_>) -> Result<Option<Meta<'c>>, &'static str> {
    let (platform, now_ms) = (cx.platform, cx.now.uptime_ms());
    match cx.existing(cx.arg(1)) {
        None => Ok(None),
        Some(Key::ReadingMeta(index)) => {
            if let Some(remote) = cx.catalog().remote(index) {
                let age_ms = Some(now_ms.saturating_sub(remote.uptime_ms()));
                let expire_ms = Some(cx.state.remotes.expire_ms);
                return Ok(Some(Meta { kind: "remote", described: None, period_ms: None, age_ms, expire_ms }));
            }
            let latest = cx.state.latest.get(index).copied().flatten();
            let age_ms = latest.map(|latest| now_ms.saturating_sub(latest.uptime_ms));
            Ok(platform.readings().get(index).map(|info| {
                let minimum = info.minimum.with_decimals(info.decimals);
                let maximum = info.maximum.with_decimals(info.decimals);
                let described = Some(Described { unit: info.unit, minimum, maximum });
                Meta { kind: info.kind.name(), described, period_ms: Some(info.period_ms), age_ms, expire_ms: None }
            }))
        }
        Some(Key::OutputMeta(index)) => Ok(platform.outputs().get(index).map(|info| {
            let minimum = info.minimum.with_decimals(info.decimals);
            let maximum = info.maximum.with_decimals(info.decimals);
            let described = Some(Described { unit: info.unit, minimum, maximum });
            Meta { kind: info.kind.name(), described, period_ms: None, age_ms: None, expire_ms: None }
        })),
        Some(Key::Reading(_) | Key::Output(_) | Key::History(_)) => Err(WRONGTYPE),
    }
}

pub(crate) fn hgetall(cx: &mut Cx<'_, '_>) -> Outcome {
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

pub(crate) fn hkeys(cx: &mut Cx<'_, '_>) -> Outcome {
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

pub(crate) fn hget(cx: &mut Cx<'_, '_>) -> Outcome {
    let wanted = cx.arg(2);
    let meta = meta(cx)?;
    let field = meta.as_ref().and_then(|meta| meta.fields().find(|(name, _)| name.as_bytes() == wanted));
    match (meta, field) {
        (Some(meta), Some((_, field))) => meta.write(field, cx),
        _ => cx.reply.null(),
    }
    Ok(Flow::Continue)
}
