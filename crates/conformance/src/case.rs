//! One case: a name, what it needs, and how it runs.

use crate::target::Target;

/// The result of a case: a detail worth printing, or why the case failed.
pub type CaseResult = anyhow::Result<String>;

/// One thing that the server has to do.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    /// Whether it needs raw frames, or the right to take addresses away.
    pub needs_tap: bool,
    pub run: fn(&Target) -> CaseResult,
}

impl Case {
    pub const fn new(name: &'static str, run: fn(&Target) -> CaseResult) -> Self {
        Self { name, needs_tap: false, run }
    }

    pub const fn on_tap(name: &'static str, run: fn(&Target) -> CaseResult) -> Self {
        Self { name, needs_tap: true, run }
    }
}
