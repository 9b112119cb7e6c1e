//! `wiring.NAME`: what is wired, and how.

use sockeye_resp::Request;
use sockeye_wiring::Rejected;

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
    // Removed things make room for added ones, whatever the order in the request.
    for is_removed in [true, false] {
        for (name, spec) in Family::Wiring.pairs(request).filter(|(_, spec)| spec.is_empty() == is_removed) {
            let (Ok(name), Ok(spec)) = (str::from_utf8(name), str::from_utf8(spec)) else {
                return Err(refuse(format_args!("wiring is not UTF-8")));
            };
            wiring.set(name, spec).map_err(|error| refuse(format_args!("{}", Rejected { name, error })))?;
        }
    }
    check(wiring, &pins, platform).map_err(|rejected| refuse(format_args!("{rejected}")))
}
