//! A line for the console.

use core::fmt::{self, Arguments, Display};

/// A line for the console.
#[derive(Debug, Clone, Copy)]
pub enum Line<'a> {
    /// Tells more than most people look for.
    Verbose(Arguments<'a>),
    /// Tells what the device does.
    Notice(Arguments<'a>),
    /// Tells what has failed. On the console `warning: ` is before it.
    Warning(Arguments<'a>),
    /// Has a secret in it, so its place is on the console and nowhere else.
    Secret(Arguments<'a>),
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verbose(text) | Self::Notice(text) | Self::Secret(text) => text.fmt(f),
            Self::Warning(text) => write!(f, "warning: {text}"),
        }
    }
}
