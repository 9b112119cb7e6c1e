//! XINFO: the description of a stream.

use sockeye_resp::LossyUtf8;

use crate::command::{CommandContext, CommandResult, Flow};
use crate::commands::stream_commands::Stream;
use crate::keys::history::StreamId;

/// The fields of Redis, in its order. A history is as one node of Redis's radix tree, has lost nothing but its oldest
/// samples, and has no consumer groups.
pub(crate) fn stream(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let stream = cx.stream(cx.arg(2))?.ok_or("ERR no such key")?;
    if cx.request.len() > 3 {
        return Err("ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.");
    }
    let samples = cx.range(stream, StreamId::MIN, StreamId::MAX);
    let ends = [samples.first, samples.first.wrapping_add(u32::from(samples.len).saturating_sub(1))];
    let last = match stream {
        Stream::History(index) => cx.histories.get(index).map(|history| history.last().id()),
        Stream::Log => cx.environment.log.map(|log| log.last()),
    };
    let last = last.unwrap_or(StreamId::MIN);
    let (len, added) = (samples.len, cx.next_entry(stream));
    let first = cx.entry_id(stream, samples.first).unwrap_or(StreamId::MIN);
    cx.reply.map(10);
    for (name, number) in [("length", len.into()), ("radix-tree-keys", 1), ("radix-tree-nodes", 2)] {
        cx.reply.bulk(name.as_bytes());
        cx.reply.integer(number);
    }
    for (name, id) in [("last-generated-id", last), ("max-deleted-entry-id", StreamId::MIN)] {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk_fmt(format_args!("{id}"));
    }
    cx.reply.bulk(b"entries-added");
    cx.reply.integer(added.into());
    cx.reply.bulk(b"recorded-first-entry-id");
    cx.reply.bulk_fmt(format_args!("{first}"));
    cx.reply.bulk(b"groups");
    cx.reply.integer(0);
    for (name, number) in [&b"first-entry"[..], b"last-entry"].into_iter().zip(ends) {
        cx.reply.bulk(name);
        cx.write_entry(stream, number);
    }
    Ok(Flow::Continue)
}

/// The stream that argument 2 names.
fn check_stream(cx: &mut CommandContext<'_, '_>) -> Result<(), &'static str> {
    cx.stream(cx.arg(2))?.map(drop).ok_or("ERR no such key")
}

/// A history has no consumer groups.
pub(crate) fn groups(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    check_stream(cx)?;
    cx.reply.array(0);
    Ok(Flow::Continue)
}

/// A history has no consumer groups.
pub(crate) fn consumers(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    check_stream(cx)?;
    let (key, group) = (LossyUtf8(cx.arg(2)), LossyUtf8(cx.arg(3)));
    cx.refuse(format_args!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}
