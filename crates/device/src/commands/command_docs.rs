//! COMMAND: the device's commands, from the command table.

use crate::command::{Access, Command, CommandContext, CommandResult, CommandTable, Flow, Group};
use crate::glob;

pub(crate) fn count(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.integer(commands(cx.table).count() as i64);
    Ok(Flow::Continue)
}

/// All commands, without their subcommands.
fn commands(table: &'static CommandTable) -> impl Iterator<Item = &'static Command> {
    table.rows.iter().filter(|command| command.parent().is_none())
}

pub(crate) fn command(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    describe_all(cx)
}

pub(crate) fn info(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.request.len() == 2 {
        return describe_all(cx);
    }
    let len = cx.request.len() - 2;
    cx.list(
        len,
        |cx| cx.reply.array(len),
        |cx, index| match cx.table.by_any_name(cx.arg(index + 2)) {
            // Subcommands are named in COMMAND INFO of their own; with all of them, CLIENT would be too long a part.
            Some(command) => describe(cx, command, 0),
            None => cx.reply.null_array(),
        },
    )
}

/// The table from front to back, which is commands, each with its subcommands in it.
fn describe_all(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.list(
        cx.table.rows.len(),
        |cx| cx.reply.array(commands(cx.table).count()),
        |cx, index| {
            if let Some(command) = cx.table.rows.get(index) {
                describe(cx, command, cx.table.subcommands(command).count());
            }
        },
    )
}

/// One command as COMMAND INFO has it; `subs` of its subcommands follow.
fn describe(cx: &mut CommandContext<'_, '_>, command: &Command, subs: usize) {
    cx.reply.array(10);
    cx.reply.bulk(command.name.as_bytes());
    cx.reply.integer(command.arity.into());
    statuses(cx, flags(command));
    for position in [command.keys.first, command.keys.last, command.keys.step] {
        cx.reply.integer(position.into());
    }
    let group = match command.group {
        Group::Connection => "@connection",
        Group::Generic => "@keyspace",
        Group::Hash => "@hash",
        Group::Pubsub => "@pubsub",
        Group::Server => "@admin",
        Group::Stream => "@stream",
        Group::String => "@string",
        Group::Transactions => "@transaction",
        Group::Firmware | Group::Rule | Group::Wifi | Group::Wiring => "@admin",
        Group::TimeSeries => "@timeseries",
    };
    let access = match command.access {
        Access::Open | Access::Read => "@read",
        Access::Write => "@write",
    };
    statuses(cx, [Some(group), Some(access)]);
    // Hints for proxies, and key specifications: the positions above say it all.
    cx.reply.set(0);
    cx.reply.set(0);
    // Redis sends an array of subcommands, and an empty set where there can be none.
    match command.has_subcommands() {
        true => cx.reply.array(subs),
        false => cx.reply.set(0),
    }
}

fn flags(command: &Command) -> [Option<&'static str>; 5] {
    let has_keys = command.keys.first > 0;
    [
        (has_keys && command.access == Access::Read).then_some("readonly"),
        (command.access == Access::Write).then_some(if has_keys { "write" } else { "admin" }),
        (command.access == Access::Open).then_some("no_auth"),
        (command.group == Group::Pubsub).then_some("pubsub"),
        (command.name == "xread").then_some("blocking"),
    ]
}

fn statuses<const N: usize>(cx: &mut CommandContext<'_, '_>, statuses: [Option<&'static str>; N]) {
    cx.reply.set(statuses.iter().flatten().count());
    for status in statuses.into_iter().flatten() {
        cx.reply.simple(status);
    }
}

pub(crate) fn docs(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.request.len() > 2 {
        let known = cx.request.args().skip(2).filter(|name| cx.table.by_any_name(name).is_some()).count();
        return cx.list(
            cx.request.len() - 2,
            |cx| cx.reply.map(known),
            |cx, index| {
                if let Some(command) = cx.table.by_any_name(cx.arg(index + 2)) {
                    document(cx, command, false);
                }
            },
        );
    }
    cx.list(
        cx.table.rows.len(),
        |cx| cx.reply.map(commands(cx.table).count()),
        |cx, index| {
            if let Some(command) = cx.table.rows.get(index) {
                document(cx, command, true);
            }
        },
    )
}

/// One command as COMMAND DOCS has it. Its subcommands follow, if they shall.
fn document(cx: &mut CommandContext<'_, '_>, command: &Command, with_subcommands: bool) {
    let has_subcommands = with_subcommands && command.has_subcommands();
    let arguments = Arguments(command.syntax).count();
    let fields = 3 + usize::from(arguments > 0) + usize::from(has_subcommands);
    cx.reply.bulk(command.name.as_bytes());
    cx.reply.map(fields);
    for (name, text) in [("summary", command.summary), ("since", command.since), ("group", command.group.name())] {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(text.as_bytes());
    }
    if arguments > 0 {
        cx.reply.bulk(b"arguments");
        cx.reply.array(arguments);
        Arguments(command.syntax).for_each(|argument| write_argument(cx, argument));
    }
    if has_subcommands {
        cx.reply.bulk(b"subcommands");
        cx.reply.map(cx.table.subcommands(command).count());
    }
}

fn write_argument(cx: &mut CommandContext<'_, '_>, argument: &str) {
    let optional = argument.strip_prefix('[').and_then(|argument| argument.strip_suffix(']'));
    cx.reply.map(if optional.is_some() { 3 } else { 2 });
    cx.reply.bulk(b"name");
    cx.reply.bulk(optional.unwrap_or(argument).as_bytes());
    cx.reply.bulk(b"type");
    cx.reply.bulk(b"string");
    if optional.is_some() {
        cx.reply.bulk(b"flags");
        cx.reply.set(1);
        cx.reply.simple("optional");
    }
}

/// The words of a command's syntax; what is in brackets is one.
struct Arguments(&'static str);

impl Iterator for Arguments {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        let text = self.0.trim_start();
        let mut depth = 0;
        let end = text.find(|c| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0 && c == ' '
        });
        let (argument, rest) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
        self.0 = rest;
        (!argument.is_empty()).then_some(argument)
    }
}

pub(crate) fn list(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let filter = Filter::parse(cx)?;
    let len = cx.table.rows.iter().filter(|command| filter.matches(command)).count();
    cx.list(
        len,
        |cx| cx.reply.array(len),
        |cx, index| {
            if let Some(command) = cx.table.rows.iter().filter(|command| filter.matches(command)).nth(index) {
                cx.reply.bulk(command.name.as_bytes());
            }
        },
    )
}

/// Which commands to list.
enum Filter<'a> {
    Commands,
    Pattern(&'a [u8]),
    /// There are no modules and no categories.
    NoneOfThem,
}

impl<'a> Filter<'a> {
    fn parse(cx: &CommandContext<'a, '_>) -> Result<Self, &'static str> {
        let is = |index, word: &[u8]| cx.arg(index).eq_ignore_ascii_case(word);
        match cx.request.len() {
            2 => Ok(Self::Commands),
            5 if is(2, b"FILTERBY") && is(3, b"PATTERN") => Ok(Self::Pattern(cx.arg(4))),
            5 if is(2, b"FILTERBY") && (is(3, b"MODULE") || is(3, b"ACLCAT")) => Ok(Self::NoneOfThem),
            _ => Err("ERR syntax error"),
        }
    }

    fn matches(&self, command: &Command) -> bool {
        match self {
            Self::Commands => command.parent().is_none(),
            Self::Pattern(pattern) => command.parent().is_none() && glob::matches(pattern, command.name.as_bytes()),
            Self::NoneOfThem => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn syntax_is_split_at_the_top() {
        let check = |syntax, expected: &[&str]| {
            assert_eq!(Arguments(syntax).collect::<std::vec::Vec<_>>(), expected);
        };
        check("", &[]);
        check("key [key ...]", &["key", "[key ...]"]);
        check("[a [b]] c", &["[a [b]]", "c"]);
    }
}
