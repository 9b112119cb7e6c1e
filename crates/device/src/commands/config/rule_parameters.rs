//! `rule.NAME`: what the device does by itself.

use sockeye_resp::Request;
use sockeye_wiring::named_texts::TextError;

use super::named_parameters::Family;
use super::parameter::{Refusal, refuse};
use crate::limits::RULES_MAX;
use crate::platform::Platform;
use crate::rules::check::check;
use crate::rules::rule_error::RuleError;
use crate::settings::Settings;
use crate::state::State;

/// Changes the rules, as far as the request does.
pub(super) fn change<'a>(settings: &mut Settings, request: &Request<'a>) -> Result<(), Refusal<'a>> {
    let len = |settings: &Settings, name: &str| settings.rules.get(name).map_or(0, str::len);
    Family::Rules.set(request, settings, len, |settings, name, text| {
        settings.rules.set(name, text, RULES_MAX).map_err(|error| {
            let error = match error {
                TextError::Name => RuleError::Name,
                TextError::Control => RuleError::Control,
                TextError::Count => RuleError::Count,
                TextError::Length => RuleError::TextLength,
            };
            refuse(format_args!("rule.{name}: {error}"))
        })
    })
}

/// Checks all rules, if the request changes them or what is wired.
pub(super) fn check_all(settings: &Settings, state: &State, platform: &dyn Platform) -> Result<(), Refusal<'static>> {
    let is_changed = settings.rules != state.settings.rules || settings.wiring != state.settings.wiring;
    if !is_changed {
        return Ok(());
    }
    check(settings, &state.settings, platform, &state.remotes)
        .map_err(|(name, error)| refuse(format_args!("rule.{name}: {error}")))
}
