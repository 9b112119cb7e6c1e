//! The server: INFO, TIME, MONITOR, RESTART, and what is always empty.

use crate::command::{CommandContext, CommandResult, Flow};
use crate::replies::info::Info;

pub(crate) fn info(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let session = cx.state.sessions.get(cx.key);
    let place = (session.id, session.cursor);
    let info = Info {
        state: cx.state,
        histories: cx.histories,
        platform: cx.platform,
        is_log_shown: cx.state.may_write(cx.key),
        outbox: cx.environment.outbox,
        health: cx.platform.health(),
        now: cx.now,
        request: *cx.request,
    };
    let progress =
        cx.environment.document.borrow_mut().reply(place, cx.now.uptime_ms(), cx.reply, |out| info.write(out));
    cx.go_on(progress)
}

pub(crate) fn time(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let stamp_us = cx.now.stamp_us();
    cx.reply.array(2);
    cx.reply.bulk_fmt(format_args!("{}", stamp_us / 1_000_000));
    cx.reply.bulk_fmt(format_args!("{}", stamp_us % 1_000_000));
    Ok(Flow::Continue)
}

pub(crate) fn monitor(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let next = cx.state.monitor.next;
    // Monitoring begins with the next command, because a command is reported after it was run.
    cx.session().monitor.get_or_insert(next.wrapping_add(1));
    cx.state.monitor.is_watched = true;
    cx.ok()
}

pub(crate) fn restart(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let is_left = cx.is_firmware_left_by_restart();
    cx.reply.simple(if is_left {
        "OK restarting into the firmware before, as this one was not confirmed"
    } else {
        "OK"
    });
    cx.state.restart();
    Ok(Flow::Close)
}

pub(crate) fn empty_array(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.array(0);
    Ok(Flow::Continue)
}

pub(crate) fn empty_map(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.map(0);
    Ok(Flow::Continue)
}
