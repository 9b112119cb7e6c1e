//! One case: a name, what it needs, and how it runs.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::target::Target;

/// The result of a case: a detail worth printing, or why the case failed.
pub type CaseResult = anyhow::Result<String>;

/// A case took longer than it may. The server may be to blame, or a machine that stalled: only another run can tell. A
/// fault of the server makes each run slow.
#[derive(Debug)]
pub struct TooSlow(String);

impl TooSlow {
    /// Says what took so long.
    pub fn error(what: impl Into<String>) -> anyhow::Error {
        Self(what.into()).into()
    }

    /// Whether this is why a case failed.
    pub fn is_in(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| cause.is::<Self>())
    }
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for TooSlow {}

/// Fails with [`TooSlow`] where something took as long as `max` or longer.
pub fn within(max: Duration, elapsed: Duration, what: &str) -> anyhow::Result<()> {
    if elapsed < max { Ok(()) } else { Err(TooSlow::error(format!("{what} took {elapsed:.1?}"))) }
}

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
