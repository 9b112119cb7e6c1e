//! `wiring.NAME`: what is wired, and how.

use core::fmt::{self, Write};

use heapless::String;
use sockeye_resp::Request;
use sockeye_wiring::Rejected;
use sockeye_wiring::limits::SPEC_LEN_MAX;

use super::parameter::{Refusal, matches, pairs};
use crate::command::CommandContext;
use crate::limits::KEY_LEN_MAX;
use crate::platform::Platform;
use crate::rewiring::check;
use crate::settings::Settings;

/// The prefix of a thing's name in a parameter.
const PREFIX: &str = "wiring.";

/// The name of the thing that a parameter is of.
pub(super) fn name(parameter: &[u8]) -> Option<&[u8]> {
    let (prefix, name) = parameter.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX.as_bytes()).then_some(name)
}

/// The parameter of a thing.
fn parameter(name: &str) -> String<KEY_LEN_MAX, u8> {
    let mut parameter = String::new();
    // A thing's name is shorter than a key.
    let _ = write!(parameter, "{PREFIX}{name}");
    parameter
}

/// The names and specs of what is wired that CONFIG GET asks for.
pub(super) fn found<'c>(cx: &'c CommandContext<'_, '_>) -> impl Iterator<Item = (&'c str, &'c str)> {
    let request = cx.request;
    let wiring = cx.state.settings.wiring.as_ref().filter(|_| cx.platform.pins().is_some());
    wiring.into_iter().flat_map(|wiring| wiring.iter()).filter(move |(name, _)| {
        let mut parameter = parameter(name);
        parameter.make_ascii_lowercase();
        request.args().skip(2).any(|pattern| matches(pattern, &parameter))
    })
}

/// Writes one of these; nothing is left of one that was removed meanwhile.
pub(super) fn write(cx: &mut CommandContext<'_, '_>, index: usize) {
    // A spec is no longer than that.
    let copy = |spec: &str| String::<SPEC_LEN_MAX, u8>::try_from(spec).unwrap_or_default();
    let found = found(cx).nth(index).map(|(name, spec)| (parameter(name), copy(spec)));
    let (name, spec) = found.unwrap_or_default();
    cx.reply.bulk(name.as_bytes());
    cx.reply.bulk(spec.as_bytes());
}

/// Changes what is wired, as far as the request does, and checks all of it.
pub(super) fn change<'a>(
    settings: &mut Settings,
    platform: &dyn Platform,
    request: &Request<'a>,
) -> Result<(), Refusal<'a>> {
    let mut things = pairs(request).filter_map(|(parameter, spec)| Some((name(parameter)?, spec))).peekable();
    if things.peek().is_none() {
        return Ok(());
    }
    let Some(pins) = platform.pins() else {
        return Err(refuse(format_args!("nothing can be wired to this device")));
    };
    let wiring = settings.wiring.get_or_insert_default();
    // Removed things make room for added ones, whatever the order in the request.
    for is_removed in [true, false] {
        let things = pairs(request).filter_map(|(parameter, spec)| Some((name(parameter)?, spec)));
        for (name, spec) in things.filter(|(_, spec)| spec.is_empty() == is_removed) {
            let (Ok(name), Ok(spec)) = (str::from_utf8(name), str::from_utf8(spec)) else {
                return Err(refuse(format_args!("wiring is not UTF-8")));
            };
            wiring.set(name, spec).map_err(|error| refuse(format_args!("{}", Rejected { name, error })))?;
        }
    }
    check(wiring, &pins, platform, true).map_err(|rejected| refuse(format_args!("{rejected}")))
}

fn refuse(why: fmt::Arguments<'_>) -> Refusal<'static> {
    let mut text = String::new();
    // A longer one is cut where it no longer fits.
    let _ = text.write_fmt(why);
    Refusal::Wiring(text)
}
