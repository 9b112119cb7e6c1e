//! Whether a platform describes a device that can be.

use core::fmt;

use crate::keys::catalog::LOG;
use crate::keys::history::History;
use crate::keys::label::own;
use crate::limits::{DECIMALS_MAX, NAME_LEN_MAX, OUTPUTS_MAX, READINGS_MAX};
use crate::names::is_name_byte;
use crate::platform::Platform;

/// The platform's readings and outputs are not a valid device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupError {
    /// More readings or outputs than [`READINGS_MAX`] or [`OUTPUTS_MAX`].
    TooMany,
    /// Fewer histories than readings.
    TooFewHistories,
    /// A name is empty, too long, the log's, or has other characters than letters, digits, `.`, `_` and `-`.
    Name,
    /// Two have the same name.
    SameName,
    /// More decimals than [`DECIMALS_MAX`].
    Decimals,
    /// A minimum is above its maximum, or an initial value is not between them.
    Range,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many readings or outputs",
            Self::TooFewHistories => "a reading has no history",
            Self::Name => "a name can't be a key",
            Self::SameName => "two readings or outputs have the same name",
            Self::Decimals => "too many decimals",
            Self::Range => "a minimum is above its maximum",
        })
    }
}

impl core::error::Error for SetupError {}

/// Whether `platform` describes a device that can be, for which `histories` are enough.
pub(super) fn check(platform: &dyn Platform, histories: &[History]) -> Result<(), SetupError> {
    let (readings, outputs) = (platform.readings(), platform.outputs());
    if readings.len() > READINGS_MAX || outputs.len() > OUTPUTS_MAX {
        return Err(SetupError::TooMany);
    }
    if histories.len() < own(platform) {
        return Err(SetupError::TooFewHistories);
    }
    let decimals = readings.iter().map(|info| info.decimals).chain(outputs.iter().map(|info| info.decimals));
    if decimals.max().is_some_and(|decimals| decimals > DECIMALS_MAX) {
        return Err(SetupError::Decimals);
    }
    let is_ordered = readings.iter().all(|info| info.minimum <= info.maximum)
        && outputs.iter().all(|info| (info.minimum..=info.maximum).contains(&info.initial));
    if !is_ordered {
        return Err(SetupError::Range);
    }
    let names = || readings.iter().map(|info| info.name).chain(outputs.iter().map(|info| info.name));
    let is_name =
        |name: &str| (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_name_byte) && name != LOG;
    if !names().all(is_name) {
        return Err(SetupError::Name);
    }
    let is_twice = names().enumerate().any(|(index, name)| names().skip(index + 1).any(|other| other == name));
    if is_twice { Err(SetupError::SameName) } else { Ok(()) }
}
