//! XADD: samples of other devices come in.

use sockeye_resp::LossyUtf8;

use crate::command::{CommandContext, CommandResult, Flow};
use crate::commands::key_commands::WRONGTYPE;
use crate::commands::stream_commands::INVALID_ID;
use crate::keys::catalog::{HISTORY, Key};
use crate::keys::day::Day;
use crate::keys::history::{SampleId, StreamId};
use crate::keys::remote::{self, Number};
use crate::limits::RULES_LOOK_MS;
use crate::platform::Now;
use crate::rules::engine;

const EQUAL_OR_SMALLER: &str = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
const NOT_A_NUMBER: &str = "ERR value is not a plain number, or has too many digits";
const EXHAUSTED: &str = "ERR The stream has exhausted the last possible ID, unable to add more items";
const TOO_MANY: &str = "ERR too many remote readings: this device has no room for another one";
/// Options of Redis's XADD. A device keeps as many samples as it has room for, whatever a client would like.
const OPTIONS: [&[u8]; 4] = [b"NOMKSTREAM", b"MAXLEN", b"MINID", b"LIMIT"];

/// The ID that a client gives, or leaves to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// `*`
    Any,
    /// `ms-*`
    Ms(u64),
    /// `ms-seq`, or `ms` for `ms-0`
    Exactly(StreamId),
}

impl Wanted {
    fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"*" => Some(Self::Any),
            [ms @ .., b'-', b'*'] if !ms.contains(&b'-') => StreamId::parse(ms, 0).map(|id| Self::Ms(id.ms)),
            text => StreamId::parse(text, 0).map(Self::Exactly),
        }
    }

    /// The ID after `last`, unless the one that is wanted isn't.
    fn id(self, last: SampleId, now: Now) -> Result<SampleId, &'static str> {
        last.following().ok_or(EXHAUSTED)?;
        let id = match self {
            Self::Any => return Ok(last.next(now)),
            Self::Ms(ms) if ms == last.id().ms => last.id().next().filter(|id| id.ms == ms),
            Self::Ms(ms) => Some(StreamId { ms, seq: 0 }),
            Self::Exactly(id) => Some(id),
        };
        let id = id.filter(|id| *id > last.id()).ok_or(EQUAL_OR_SMALLER)?;
        SampleId::new(id).ok_or("ERR the ID is too great: a device has 48 bits of milliseconds and 16 of sequence")
    }
}

/// The checks are in Redis's order: the ID, the number of arguments, 0-0, the key's type, the last ID.
pub(crate) fn xadd(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if OPTIONS.iter().any(|option| cx.arg(2).eq_ignore_ascii_case(option)) {
        return Err("ERR XADD takes no options here: a device keeps as many samples as it has room for");
    }
    let wanted = Wanted::parse(cx.arg(2)).ok_or(INVALID_ID)?;
    if cx.request.len().is_multiple_of(2) {
        return Err("ERR wrong number of arguments for 'xadd' command");
    }
    if wanted == Wanted::Exactly(StreamId::MIN) {
        return Err("ERR The ID specified in XADD must be greater than 0-0");
    }
    let name = cx.arg(1).strip_prefix(HISTORY.as_bytes()).unwrap_or_default();
    let own = cx.state.wired.own;
    // A reading of another device would hide an output of the same name.
    let is_output = matches!(cx.find(name), Some(Key::Output(_)));
    let known = match cx.find(cx.arg(1)) {
        Some(Key::History(index)) if index >= own => Some(index),
        found if is_output || matches!(found, Some(Key::History(_))) => {
            let key = LossyUtf8(cx.arg(1));
            return cx.refuse(format_args!("ERR '{key}' is this device's own: only it can add to it"));
        }
        Some(_) => return Err(WRONGTYPE),
        None if remote::is_name(name) => None,
        None => return Err("ERR a device takes streams of the name history:NODE.NAME, of at most 48 bytes"),
    };
    if cx.request.len() != 5 || cx.arg(3) != b"value" {
        return Err("ERR a sample has the one field 'value'");
    }
    let decimals = known.and_then(|index| cx.catalog().reading(index)).map_or(0, |(_, decimals)| decimals);
    let number = Number::parse(cx.arg(4)).ok_or(NOT_A_NUMBER)?;
    let index = match known {
        Some(index) => index,
        None => {
            let is_named = |name: &str| engine::is_named(&cx.state.settings, name);
            let is_wanted = is_named(core::str::from_utf8(name).unwrap_or_default());
            own + cx.state.remotes.room(is_named, is_wanted, cx.now).ok_or(TOO_MANY)?
        }
    };
    let history = cx.histories.get_mut(index).ok_or(TOO_MANY)?;
    let last = if known.is_some() { history.last() } else { SampleId::default() };
    let id = wanted.id(last, cx.now)?;
    if known.is_none() {
        history.clear();
        Day::forget(cx.days, index);
        cx.state.sessions.iter_mut().for_each(|session| session.subscriber.forget(index as u8));
    }
    // More decimals need room in all values that are kept.
    let fits = |to| to <= decimals || history.has_room(decimals, to) && Day::has_room(cx.days, index, decimals, to);
    let value = number.decimal(decimals, fits).ok_or(NOT_A_NUMBER)?;
    let (latest, new_decimals) = value.parts();
    if new_decimals != decimals {
        history.rescale(decimals, new_decimals);
        Day::rescale(cx.days, index, decimals, new_decimals);
    }
    history.add(latest, id);
    cx.state.clock.follow(cx.now);
    // Samples that were delayed belong to the time of their ID.
    Day::add_to(cx.days, index, latest, cx.state.clock.uptime_ms(id.id().ms, cx.now));
    // A peer that is back sends samples that waited one right after the other. So a sample right behind another, or after
    // a silence, waits for the next look, which takes the last of them.
    let now_ms = cx.now.uptime_ms();
    let before_ms = known.and_then(|index| Some(cx.catalog().remote(index)?.uptime_ms()));
    let age_ms = before_ms.map(|before_ms| now_ms.saturating_sub(before_ms));
    let is_in_step = age_ms.is_none_or(|age_ms| (RULES_LOOK_MS..cx.state.remotes.expire_ms.into()).contains(&age_ms));
    cx.state.remotes.set(index - own, name, value, cx.now);
    cx.state.publish(core::str::from_utf8(name).unwrap_or_default(), index, value);
    if is_in_step {
        engine::step(cx.state, cx.platform, cx.now);
    }
    cx.reply.bulk_fmt(format_args!("{}", id.id()));
    Ok(Flow::Continue)
}
