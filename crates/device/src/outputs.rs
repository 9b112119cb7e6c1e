//! Setting an output: the one way, for clients and for rules.

use crate::keys::wired::Wired;
use crate::platform::{Now, OutputError, Platform};
use crate::value::Value;

/// Decimals, least and greatest value of an output; None if there is no such output.
pub(crate) fn range(platform: &dyn Platform, wired: &Wired, output: usize) -> Option<(u8, Value, Value)> {
    match platform.outputs().get(output) {
        Some(info) => Some((info.decimals, info.minimum, info.maximum)),
        None => wired.output_range(output),
    }
}

/// Sets an output to a value within its range. `values` are those of all outputs.
///
/// # Errors
/// The output is as it was.
pub(crate) fn set(
    platform: &dyn Platform,
    wired: &mut Wired,
    values: &mut [Value],
    (output, value): (usize, Value),
    now: Now,
) -> Result<(), OutputError> {
    if output < platform.outputs().len() {
        platform.apply(output, value)?;
    } else {
        drive(platform, wired, (output, value), now)?;
    }
    if let Some(known) = values.get_mut(output) {
        *known = value;
    }
    Ok(())
}

/// Drives the output of a thing.
fn drive(
    platform: &dyn Platform,
    wired: &mut Wired,
    (output, value): (usize, Value),
    now: Now,
) -> Result<(), OutputError> {
    let thing = wired.thing(output).ok_or(OutputError)?;
    match wired.sampler.drive(thing, value.0) {
        Some((pin, drive)) => platform.drive(pin, drive)?,
        // A step does it.
        None => wired.change(),
    }
    wired.sampler.set(thing, value.0, now.uptime_ms());
    Ok(())
}
