//! Whether rules fit the device, before they are stored.

use sockeye_wiring::plan::Key;
use sockeye_wiring::{Spec, Wiring};

use crate::keys::remote::{self, Remotes};
use crate::platform::{Platform, device_name};
use crate::rules::engine::{in_range, things};
use crate::rules::rule::Rule;
use crate::rules::rule_error::RuleError;
use crate::settings::Settings;
use crate::value::Value;

/// The keys that a device has with certain settings.
struct Names<'a> {
    platform: &'a dyn Platform,
    settings: &'a Settings,
    /// None if nothing can be wired.
    wiring: Option<&'a Wiring>,
}

/// Checks all rules of `settings` against the readings and outputs that the device has with them. `before` are the
/// settings in force, and `remotes` the readings of other devices.
///
/// # Errors
/// The name of the first rule that can't be, and why.
pub(crate) fn check<'a>(
    settings: &'a Settings,
    before: &Settings,
    platform: &dyn Platform,
    remotes: &Remotes,
) -> Result<(), (&'a str, RuleError<'a>)> {
    let [old, new] = [before, settings].map(|settings| Names::new(settings, platform));
    for (index, (name, text)) in settings.rules.iter().enumerate() {
        let reject = |error| (name, error);
        let rule = Rule::parse(text).map_err(reject)?;
        let is_in_force = before.rules.get(name) == Some(text);
        for comparison in rule.comparisons() {
            let reading = comparison.reading;
            let may_be_remote = remotes.max() > 0
                && remote::is_name(reading.as_bytes())
                && match is_in_force {
                    // Another device's reading, unless this change has removed a reading here.
                    true => !old.is_reading(reading),
                    false => !new.is_own(reading) || remotes.find(reading.as_bytes()).is_some(),
                };
            if !new.is_reading(reading) && !may_be_remote {
                let is_output = new.output(reading).is_some();
                let error = if is_output { RuleError::NotReading(reading) } else { RuleError::Reading(reading) };
                return Err(reject(error));
            }
        }
        let Some(range) = new.output(rule.output) else {
            let is_reading = new.is_reading(rule.output);
            let error = if is_reading { RuleError::NotOutput(rule.output) } else { RuleError::Output(rule.output) };
            return Err(reject(error));
        };
        rule.values().try_for_each(|value| in_range(value, range).map(drop)).map_err(reject)?;
        for (other, text) in settings.rules.iter().take(index) {
            let earlier = Rule::parse(text).ok();
            let place = |rule: Rule<'a>| (rule.output, rule.priority);
            if earlier.is_some_and(|earlier| place(earlier) == place(rule)) {
                return Err(reject(RuleError::Conflict(other)));
            }
        }
    }
    Ok(())
}

impl<'a> Names<'a> {
    fn new(settings: &'a Settings, platform: &'a dyn Platform) -> Self {
        let wiring = settings.wiring.as_ref().filter(|_| platform.pins().is_some());
        Self { platform, settings, wiring }
    }

    fn is_reading(&self, name: &str) -> bool {
        let is_wired = |(thing, spec): (&str, &str)| {
            let is_it = |suffix| Key { name: thing, suffix }.is(name.as_bytes());
            Spec::parse(spec).is_ok_and(|spec| spec.driver.readings.iter().any(|reading| is_it(reading.suffix)))
        };
        self.platform.readings().iter().any(|info| info.name == name)
            || self.wiring.is_some_and(|wiring| things(wiring, name).any(is_wired))
    }

    /// Decimals, least and greatest value of an output.
    fn output(&self, name: &str) -> Option<(u8, Value, Value)> {
        if let Some(info) = self.platform.outputs().iter().find(|info| info.name == name) {
            return Some((info.decimals, info.minimum, info.maximum));
        }
        let output = Spec::parse(self.wiring?.get(name)?).ok()?.driver.output?;
        Some((output.decimals, Value(output.minimum), Value(output.maximum)))
    }

    /// Whether the node of a name is this device, or has the name of something that this device has.
    fn is_own(&self, name: &str) -> bool {
        let own = device_name(self.settings, self.platform);
        name.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'))
            || self.platform.readings().iter().any(|info| info.name.split('.').next() == name.split('.').next())
            || self.wiring.is_some_and(|wiring| things(wiring, name).next().is_some())
    }
}
