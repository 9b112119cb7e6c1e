//! The list of cases, in the order in which they run.

use crate::case::Case;
use crate::target::Target;
use crate::{basic, browser, cycles, hostile, overload, raw, stalled, vanish};

/// The cases that `target` can run.
pub fn for_target(target: &Target) -> Vec<Case> {
    [
        basic::CASES,
        browser::CASES,
        overload::CASES,
        stalled::CASES,
        hostile::CASES,
        cycles::CASES,
        raw::handshake::CASES,
        raw::segments::CASES,
        raw::packets::CASES,
        vanish::CASES,
    ]
    .into_iter()
    .flatten()
    .filter(|case| !case.needs_tap || target.tap.is_some())
    .copied()
    .collect()
}
