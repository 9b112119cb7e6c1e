//! The list of cases, in the order in which they run.

use crate::target::Target;
use crate::{basic, cycles, hostile, http, latency, overload, raw, vanish};

/// What a case found: a detail worth printing, or why it failed.
pub type Outcome = anyhow::Result<String>;

/// One thing that the server has to do.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    /// Whether it needs raw frames, or the right to take addresses away.
    pub needs_tap: bool,
    pub run: fn(&Target) -> Outcome,
}

impl Case {
    pub const fn new(name: &'static str, run: fn(&Target) -> Outcome) -> Self {
        Self { name, needs_tap: false, run }
    }

    pub const fn on_tap(name: &'static str, run: fn(&Target) -> Outcome) -> Self {
        Self { name, needs_tap: true, run }
    }
}

/// The cases that `target` can run.
pub fn for_target(target: &Target) -> Vec<Case> {
    [
        basic::CASES,
        http::CASES,
        overload::CASES,
        latency::CASES,
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
