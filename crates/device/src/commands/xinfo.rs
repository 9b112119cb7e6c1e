//! XINFO: what there is to know about a stream.

use crate::command::{Cx, Flow, Outcome};
use crate::commands::key_commands::WRONGTYPE;
use crate::keys::catalog::Key;
use crate::keys::history::StreamId;

/// The fields of Redis's that mean something here; its inner trees and consumer groups don't.
pub(crate) fn stream(cx: &mut Cx<'_, '_>) -> Outcome {
    let index = match cx.existing(cx.arg(2)) {
        Some(Key::History(index)) => index,
        Some(_) => return Err(WRONGTYPE),
        None => return Err("ERR no such key"),
    };
    if cx.request.len() > 3 {
        return Err("ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.");
    }
    // It exists, so it has a history with a sample in it.
    let history = cx.histories.get(index).ok_or("ERR no such key")?;
    let samples = history.range(StreamId::MIN, StreamId::MAX);
    let ends = [samples.first, samples.first.wrapping_add(u32::from(samples.len).saturating_sub(1))];
    let (len, last) = (history.len(), history.last().id());
    cx.reply.map(5);
    cx.reply.bulk(b"length");
    cx.reply.integer(len as i64);
    cx.reply.bulk(b"last-generated-id");
    cx.reply.bulk_fmt(format_args!("{last}"));
    cx.reply.bulk(b"groups");
    cx.reply.integer(0);
    for (name, number) in [&b"first-entry"[..], b"last-entry"].into_iter().zip(ends) {
        cx.reply.bulk(name);
        cx.write_sample(index, number);
    }
    Ok(Flow::Continue)
}
