//! One request: its command is looked up, admitted, run and accounted for.

use sockeye_resp::Request;

use crate::command::{Command, CommandContext, Flow, Unknown};
use crate::command_table::TABLE;
use crate::commands;
use crate::limits::{REPLY_LEN_MAX, SLOWLOG_SLOWER_THAN_US, TX_LEN};
use crate::sessions::session::Cursor;
use crate::state::State;

/// Runs one request, or goes on with it.
pub(super) fn run(cx: &mut CommandContext<'_, '_>) -> Flow {
    let now_us = cx.now.uptime_us;
    let session = cx.session();
    session.last_us = now_us;
    if !matches!(session.cursor, Cursor::Start) {
        return go_on(cx);
    }
    let command = TABLE.find(cx.request);
    let room = if cx.reply.has_most_room() { 0 } else { room(&command, cx.request) };
    let mut attempt = None;
    if cx.reply.begin(room).is_err() {
        // The reply may be short enough all the same.
        let is_repeatable = command.is_ok_and(|(_, command)| command.is_repeatable);
        let is_queued = cx.session().transaction.is_open();
        if !is_repeatable || is_queued || cx.reply.begin(0).is_err() {
            return Flow::OutputFull;
        }
        attempt = Some(cx.state.counts);
    }
    let flow = commands::run(cx, command);
    if let Some(counts) = attempt.filter(|_| cx.reply.is_overflowed()) {
        cx.reply.rewind();
        cx.state.counts = counts;
        cx.session().cursor = Cursor::Start;
        return Flow::OutputFull;
    }
    // The arguments of an unknown command may be those of a secret one that was mistyped.
    let is_secret = command.map_or(true, |(_, command)| command.is_secret);
    account(cx, is_secret);
    flow
}

/// Goes on with a request whose reply's first part is written.
#[cold]
fn go_on(cx: &mut CommandContext<'_, '_>) -> Flow {
    // The command was looked up and admitted then.
    match TABLE.get(cx.session().command) {
        Some(command) => commands::go_on(cx, command),
        None => Flow::Abort,
    }
}

/// Notes a request that was run, for MONITOR and the slow log.
fn account(cx: &mut CommandContext<'_, '_>, is_secret: bool) {
    let State { counts, slow_log, monitor, sessions, .. } = &mut *cx.state;
    counts.commands = counts.commands.wrapping_add(1);
    let duration_us = cx.platform.elapsed_us(cx.now.uptime_us as u32);
    if duration_us >= SLOWLOG_SLOWER_THAN_US {
        slow_log.append(cx.request, is_secret, sessions.get(cx.key), cx.now, duration_us);
    }
    if !is_secret && monitor.wake(sessions) {
        monitor.append(cx.request, sessions.get(cx.key).peer, cx.now);
    }
}

/// Room that a reply may need in a buffer that holds others. A reply may have the request's first argument in it.
fn room(command: &Result<(u8, &Command), Unknown>, request: &Request<'_>) -> usize {
    let is_long = command.as_ref().is_ok_and(|(_, command)| command.is_long);
    if is_long { TX_LEN } else { REPLY_LEN_MAX + request.arg(1).map_or(0, <[u8]>::len) }
}
