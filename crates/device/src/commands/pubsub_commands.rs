//! SUBSCRIBE and its kin: pushes of samples, and of the lines of the log.

use crate::command::{CommandContext, CommandResult, Flow};
use crate::glob;
use crate::keys::catalog::LOG;
use crate::keys::label::Label;
use crate::limits::{CHANNEL_LEN_MAX, SUBSCRIPTIONS_MAX};
use crate::sessions::session::{Cursor, Session};
use crate::sessions::subscriber::Scope;

pub(crate) fn subscribe(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    subscribe_to(cx, Scope::Channel)
}

pub(crate) fn psubscribe(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    subscribe_to(cx, Scope::Pattern)
}

/// Subscribes to all arguments, or to none of them, so that a refused client has no subscription in part.
fn subscribe_to(cx: &mut CommandContext<'_, '_>, scope: Scope) -> CommandResult {
    let request = cx.request;
    let names = || request.args().skip(1);
    if names().any(|name| name.len() > CHANNEL_LEN_MAX || core::str::from_utf8(name).is_err()) {
        return Err("ERR no channel has such a name");
    }
    if scope == Scope::Channel {
        names().try_for_each(|name| cx.check_log_access(name))?;
    }
    let subscriber = &cx.session().subscriber;
    let added = names().enumerate().filter(|(index, name)| {
        let is_repeated = names().take(*index).any(|earlier| earlier == *name);
        !is_repeated && !subscriber.has(scope, name)
    });
    if subscriber.len() + added.count() > SUBSCRIPTIONS_MAX {
        return Err("ERR too many subscriptions: a connection has at most 8 channels and patterns");
    }
    let kind: &[u8] = if scope == Scope::Channel { b"subscribe" } else { b"psubscribe" };
    cx.list(
        request.len() - 1,
        |_| (),
        |cx, index| {
            let name = cx.arg(index + 1);
            // There is room, and the name fits: both were looked at above.
            let _ = cx.session().subscriber.add(scope, name);
            if let Some(log) = cx.environment.log.filter(|_| scope == Scope::Channel && name == LOG.as_bytes()) {
                cx.session().subscriber.log.get_or_insert(log.next());
            }
            let count = cx.session().subscriber.len();
            tell(cx, kind, Some(name), count);
        },
    )
}

pub(crate) fn unsubscribe(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    unsubscribe_from(cx, Scope::Channel)
}

pub(crate) fn punsubscribe(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    unsubscribe_from(cx, Scope::Pattern)
}

fn unsubscribe_from(cx: &mut CommandContext<'_, '_>, scope: Scope) -> CommandResult {
    let kind: &[u8] = if scope == Scope::Channel { b"unsubscribe" } else { b"punsubscribe" };
    if cx.request.len() == 1 {
        return unsubscribe_from_all(cx, scope, kind);
    }
    let len = cx.request.len() - 1;
    cx.list(
        len,
        |_| (),
        |cx, index| {
            let name = cx.arg(index + 1);
            remove(cx, scope, name);
            let count = cx.session().subscriber.len();
            tell(cx, kind, Some(name), count);
        },
    )
}

fn remove(cx: &mut CommandContext<'_, '_>, scope: Scope, name: &[u8]) {
    let subscriber = &mut cx.session().subscriber;
    subscriber.remove(scope, name);
    if scope == Scope::Channel && name == LOG.as_bytes() {
        subscriber.log = None;
    }
}

fn unsubscribe_from_all(cx: &mut CommandContext<'_, '_>, scope: Scope, kind: &[u8]) -> CommandResult {
    if cx.session().subscriber.first(scope).is_none() {
        let count = cx.session().subscriber.len();
        tell(cx, kind, None, count);
        return Ok(Flow::Continue);
    }
    // Eight subscriptions fit in the buffer, which is empty because the commands are long ones.
    while let Some(subscription) = cx.session().subscriber.first(scope) {
        let name = heapless::String::<CHANNEL_LEN_MAX, u8>::try_from(subscription.text()).unwrap_or_default();
        remove(cx, scope, name.as_bytes());
        let count = cx.session().subscriber.len();
        tell(cx, kind, Some(name.as_bytes()), count);
    }
    cx.session().cursor = Cursor::Start;
    Ok(Flow::Continue)
}

fn tell(cx: &mut CommandContext<'_, '_>, kind: &[u8], name: Option<&[u8]>, count: usize) {
    cx.reply.push(3);
    cx.reply.bulk(kind);
    match name {
        Some(name) => cx.reply.bulk(name),
        None => cx.reply.null(),
    }
    cx.reply.integer(count as i64);
}

/// The readings and the log, as far as they have subscribers by name. Another channel is not listed, because nothing
/// comes.
pub(crate) fn channels(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.request.len() > 3 {
        return cx.refuse(format_args!(
            "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP."
        ));
    }
    let pattern = cx.request.arg(2).unwrap_or(b"*");
    let (catalog, sessions) = (cx.state.catalog(cx.platform), &cx.state.sessions);
    let found = || {
        let log = catalog.has_log.then_some(LOG.into());
        let names = catalog.names().chain(log).map(Label::text);
        names.filter(|name| {
            let name = name.as_bytes();
            let is_wanted = |session: &Session| session.subscriber.has(Scope::Channel, name);
            glob::matches(pattern, name) && sessions.iter().any(is_wanted)
        })
    };
    cx.reply.array(found().count());
    for name in found() {
        cx.reply.bulk(name.as_bytes());
    }
    Ok(Flow::Continue)
}

pub(crate) fn numsub(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let channels = cx.request.len() - 2;
    cx.list(
        channels,
        |cx| cx.reply.array(2 * channels),
        |cx, index| {
            let name = cx.arg(index + 2);
            let subscribers = cx.state.sessions.iter().filter(|session| session.subscriber.has(Scope::Channel, name));
            let count = subscribers.count();
            cx.reply.bulk(name);
            cx.reply.integer(count as i64);
        },
    )
}

/// As in Redis, a pattern counts once, however many have subscribed to it.
pub(crate) fn numpat(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let sessions = &cx.state.sessions;
    let patterns = sessions.iter().enumerate().flat_map(|(number, session)| {
        session.subscriber.of(Scope::Pattern).filter(move |pattern| {
            let mut earlier = sessions.iter().take(number);
            !earlier.any(|other| other.subscriber.has(Scope::Pattern, pattern.text().as_bytes()))
        })
    });
    let count = patterns.count();
    cx.reply.integer(count as i64);
    Ok(Flow::Continue)
}
