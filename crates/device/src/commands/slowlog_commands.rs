//! SLOWLOG: commands that took long.

use crate::command::{CommandContext, CommandResult, Flow, parse_integer};

pub(crate) fn get(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.request.len() > 3 {
        return Err("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
    }
    let count = match cx.request.arg(2) {
        // Redis's default.
        None => 10,
        Some(count) => {
            let count = parse_integer(count).filter(|count| *count >= -1);
            count.ok_or("ERR count should be greater than or equal to -1")?
        }
    };
    let all = cx.state.slow_log.len();
    let len = usize::try_from(count).unwrap_or(all).min(all);
    cx.list(len, |cx| cx.reply.array(len), write_entry)
}

/// Entry `index`. If others came while the reply is sent, it is one of those instead: still an entry, as promised.
fn write_entry(cx: &mut CommandContext<'_, '_>, index: usize) {
    let Some(slow) = cx.state.slow_log.iter().nth(index) else {
        cx.reply.null_array();
        return;
    };
    cx.reply.array(6);
    cx.reply.integer(slow.id.into());
    cx.reply.integer(slow.unix_s as i64);
    cx.reply.integer(slow.duration_us.into());
    cx.reply.array(slow.args.len());
    for arg in &slow.args {
        cx.reply.bulk(arg.as_bytes());
    }
    cx.reply.bulk_fmt(format_args!("{}", slow.peer));
    cx.reply.bulk(slow.name.as_bytes());
}

pub(crate) fn len(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let len = cx.state.slow_log.len();
    cx.reply.integer(len as i64);
    Ok(Flow::Continue)
}

pub(crate) fn reset(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.state.slow_log.clear();
    cx.ok()
}
