//! The server: INFO, TIME, MONITOR, and what is always empty.

use crate::command::{Cx, Flow, Outcome};
use crate::replies::info;

pub(crate) fn info(cx: &mut Cx<'_, '_>) -> Outcome {
    if info::is_empty(&cx.request) {
        cx.reply.verbatim(*b"txt", "");
        return Ok(Flow::Continue);
    }
    Ok(Flow::Text)
}

pub(crate) fn time(cx: &mut Cx<'_, '_>) -> Outcome {
    let stamp_us = cx.now.stamp_us();
    cx.reply.array(2);
    cx.reply.bulk_fmt(format_args!("{}", stamp_us / 1_000_000));
    cx.reply.bulk_fmt(format_args!("{}", stamp_us % 1_000_000));
    Ok(Flow::Continue)
}

pub(crate) fn monitor(cx: &mut Cx<'_, '_>) -> Outcome {
    let next = cx.state.monitor.next;
    // It begins with the next command, as this one is told of after it was run.
    cx.session().monitor.get_or_insert(next.wrapping_add(1));
    cx.state.monitor.is_watched = true;
    cx.ok()
}

pub(crate) fn empty_array(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.reply.array(0);
    Ok(Flow::Continue)
}

pub(crate) fn empty_map(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.reply.map(0);
    Ok(Flow::Continue)
}

pub(crate) fn zero(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.reply.integer(0);
    Ok(Flow::Continue)
}
