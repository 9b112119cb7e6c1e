//! The names of readings.

use core::fmt::{self, Write};

use heapless::String;

use crate::limits::{READINGS_MAX, REMOTE_NAME_LEN_MAX};
use crate::platform::Platform;

/// Readings that the board has anyway, and places for those that are wired.
pub(crate) fn own(platform: &dyn Platform) -> usize {
    if platform.pins().is_some() { READINGS_MAX } else { platform.readings().len() }
}

/// The name of a reading: in two parts where a thing has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label<'a> {
    pub(crate) name: &'a str,
    /// The part after a point; empty if there is none.
    pub(crate) suffix: &'static str,
}

impl<'a> From<&'a str> for Label<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, suffix: "" }
    }
}

impl Label<'_> {
    /// The whole.
    pub(crate) fn text(self) -> String<REMOTE_NAME_LEN_MAX, u8> {
        let mut text = String::new();
        // A name is no longer than that.
        let _ = write!(text, "{self}");
        text
    }
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.suffix.is_empty() {
            return Ok(());
        }
        f.write_str(".")?;
        f.write_str(self.suffix)
    }
}
