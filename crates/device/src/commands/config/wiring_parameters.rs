//! `wiring.NAME`: what is wired, and how.

use sockeye_resp::Request;
use sockeye_wiring::{Rejected, Wiring};

use super::named_parameters::Family;
use super::parameter::{Refusal, refuse};
use crate::platform::Platform;
use crate::rewiring::check;
use crate::settings::Settings;

/// Changes what is wired, as far as the request does, and checks all of it.
pub(super) fn change<'a>(
    settings: &mut Settings,
    platform: &dyn Platform,
    request: &Request<'a>,
) -> Result<(), Refusal<'a>> {
    if Family::Wiring.pairs(request).next().is_none() {
        return Ok(());
    }
    let Some(pins) = platform.pins() else {
        return Err(refuse(format_args!("nothing can be wired to this device")));
    };
    let wiring = settings.wiring.get_or_insert_default();
    let len = |wiring: &Wiring, name: &str| wiring.get(name).map_or(0, str::len);
    Family::Wiring.set(request, wiring, len, |wiring, name, spec| {
        // A browser takes these at the end of a link for a folder (WHATWG URL, single-dot and double-dot path segments). A
        // wiring that older firmware has stored keeps such a name.
        if matches!(name, "." | "..") && !spec.is_empty() {
            return Err(refuse(format_args!("wiring.{name}: no link leads to a name of dots alone")));
        }
        wiring.set(name, spec).map_err(|error| refuse(format_args!("{}", Rejected { name, error })))
    })?;
    check(wiring, &pins, platform, true).map_err(|rejected| refuse(format_args!("{rejected}")))
}
