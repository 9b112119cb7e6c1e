//! RULE: how the rules are.

use heapless::String;

use crate::bounded_text::write_start;
use crate::command::{CommandContext, CommandResult};
use crate::limits::{NAME_LEN_MAX, RULE_LEN_MAX, SPEC_ERROR_LEN_MAX};
use crate::rules::engine::problem;
use crate::rules::rule::Rule;

pub(crate) fn status(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let len = cx.state.settings.rules.len();
    cx.list(
        len,
        |cx| cx.reply.array(len),
        |cx, index| {
            let rules = &cx.state.settings.rules;
            let (Some((name, text)), Some(rule)) = (rules.iter().nth(index), cx.state.rules.get(index)) else {
                return cx.reply.map(0);
            };
            // The reply is written to what the texts are borrowed from.
            let name = String::<NAME_LEN_MAX, u8>::try_from(name).unwrap_or_default();
            let text = String::<RULE_LEN_MAX, u8>::try_from(text).unwrap_or_default();
            let rule = *rule;
            let mut words = String::<SPEC_ERROR_LEN_MAX, u8>::new();
            if let Some(problem) = problem(cx.catalog(), &text, &rule, cx.now) {
                write_start(&mut words, format_args!("{problem}"));
            }
            let left_ms = Rule::parse(&text).map_or(0, |parsed| rule.left_ms(&parsed, cx.now.uptime_ms()));
            cx.reply.map(if left_ms > 0 { 7 } else { 6 });
            cx.reply.bulk(b"name");
            cx.reply.bulk(name.as_bytes());
            cx.reply.bulk(b"rule");
            cx.reply.bulk(text.as_bytes());
            cx.reply.bulk(b"condition");
            cx.reply.bulk(rule.condition.name().as_bytes());
            cx.reply.bulk(b"since_s");
            cx.reply.integer(cx.now.uptime_s().saturating_sub(rule.since_s.into()) as i64);
            if left_ms > 0 {
                cx.reply.bulk(b"true_in_ms");
                cx.reply.integer(left_ms as i64);
            }
            cx.reply.bulk(b"fired");
            cx.reply.integer(rule.fired.into());
            cx.reply.bulk(b"problem");
            if words.is_empty() { cx.reply.null() } else { cx.reply.bulk(words.as_bytes()) }
        },
    )
}
