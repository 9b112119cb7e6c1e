//! `meta:NAME`: what there is to know about a reading or an output.

use crate::command::{Cx, Flow, Outcome};
use crate::commands::keyspace::WRONGTYPE;
use crate::keys::Key;
use crate::platform::Kind;
use crate::value::Decimal;

/// What a hash tells.
struct Meta<'a> {
    kind: Kind,
    unit: &'a str,
    minimum: Decimal,
    maximum: Decimal,
    /// Of a reading only.
    period_ms: Option<u32>,
    /// Since the latest sample, if there is one.
    age_ms: Option<u64>,
}

#[derive(Clone, Copy)]
enum Field {
    Kind,
    Unit,
    Minimum,
    Maximum,
    PeriodMs,
    AgeMs,
}

const FIELDS: [(&str, Field); 6] = [
    ("kind", Field::Kind),
    ("unit", Field::Unit),
    ("minimum", Field::Minimum),
    ("maximum", Field::Maximum),
    ("period_ms", Field::PeriodMs),
    ("age_ms", Field::AgeMs),
];

impl Meta<'_> {
    fn fields(&self) -> impl Iterator<Item = (&'static str, Field)> {
        let has = |field: Field| match field {
            Field::PeriodMs => self.period_ms.is_some(),
            Field::AgeMs => self.age_ms.is_some(),
            _ => true,
        };
        FIELDS.into_iter().filter(move |(_, field)| has(*field))
    }

    fn write(&self, field: Field, cx: &mut Cx<'_, '_>) {
        match field {
            Field::Kind => cx.reply.bulk(self.kind.name().as_bytes()),
            Field::Unit => cx.reply.bulk(self.unit.as_bytes()),
            Field::Minimum => cx.reply.bulk(self.minimum.text().as_bytes()),
            Field::Maximum => cx.reply.bulk(self.maximum.text().as_bytes()),
            Field::PeriodMs => cx.reply.bulk_fmt(format_args!("{}", self.period_ms.unwrap_or_default())),
            Field::AgeMs => cx.reply.bulk_fmt(format_args!("{}", self.age_ms.unwrap_or_default())),
        }
    }
}

/// The hash that the first argument names; none if there is no such key.
fn meta<'c>(cx: &mut Cx<'c, '_>) -> Result<Option<Meta<'c>>, &'static str> {
    let platform = cx.platform;
    match cx.existing(cx.arg(1)) {
        None => Ok(None),
        Some(Key::ReadingMeta(index)) => {
            let latest = cx.state.latest.get(index).copied().flatten();
            let age_ms = latest.map(|latest| cx.now.uptime_ms().saturating_sub(latest.uptime_ms));
            Ok(platform.readings().get(index).map(|info| Meta {
                kind: info.kind,
                unit: info.unit,
                minimum: info.minimum.with_decimals(info.decimals),
                maximum: info.maximum.with_decimals(info.decimals),
                period_ms: Some(info.period_ms),
                age_ms,
            }))
        }
        Some(Key::OutputMeta(index)) => Ok(platform.outputs().get(index).map(|info| Meta {
            kind: info.kind,
            unit: info.unit,
            minimum: info.minimum.with_decimals(info.decimals),
            maximum: info.maximum.with_decimals(info.decimals),
            period_ms: None,
            age_ms: None,
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
