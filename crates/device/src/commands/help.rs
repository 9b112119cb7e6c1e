//! HELP of every command that has subcommands: its lines are made from the table.

use crate::command::{CommandContext, CommandResult};
use crate::commands::Upper;

pub(crate) fn help(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let command = cx.table.by_any_name(cx.arg(0)).ok_or("ERR syntax error")?;
    // A line of introduction, two for each subcommand, and two for HELP itself.
    let len = 3 + 2 * cx.table.subcommands(command).count();
    cx.list(
        len,
        |cx| cx.reply.array(len),
        |cx, index| {
            let name = Upper(command.name);
            let Some(index) = index.checked_sub(1) else {
                cx.line(format_args!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
                return;
            };
            let Some(sub) = cx.table.subcommands(command).nth(index / 2) else {
                return match index % 2 {
                    0 => cx.line(format_args!("HELP")),
                    _ => cx.line(format_args!("    Print this help.")),
                };
            };
            let (_, name) = sub.name.split_once('|').unwrap_or_default();
            let blank = if sub.syntax.is_empty() { "" } else { " " };
            match index % 2 {
                0 => cx.line(format_args!("{}{blank}{}", Upper(name), sub.syntax)),
                _ => cx.line(format_args!("    {}", sub.summary)),
            }
        },
    )
}
