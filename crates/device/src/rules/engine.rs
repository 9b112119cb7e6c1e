//! All rules with all readings and outputs.

use core::fmt;

use sockeye_wiring::Wiring;

use crate::keys::catalog::Catalog;
use crate::keys::remote;
use crate::limits::RULES_MAX;
use crate::outputs;
use crate::platform::{Now, Platform};
use crate::rules::rule::{Fine, Rule};
use crate::rules::rule_error::RuleError;
use crate::rules::rule_state::{RuleState, RuleStates};
use crate::settings::Settings;
use crate::state::State;
use crate::value::Value;

/// The value of a reading, if it has one.
fn value(catalog: Catalog<'_>, name: &str, now: Now) -> Option<Fine> {
    let index = catalog.find_reading(name.as_bytes())?;
    let latest = catalog.latest(index, now)?;
    Some(latest.value.with_decimals(catalog.decimals(index)?).into())
}

/// Looks at all rules, and sets the outputs of those whose condition has changed.
pub(crate) fn step(state: &mut State, platform: &dyn Platform, now: Now) {
    if state.settings.rules.is_empty() {
        return;
    }
    let State { settings, rules: states, wired, remotes, latest, outputs, monitor, sessions, .. } = state;
    let settings = &*settings;
    let mut parsed = [None; RULES_MAX];
    for ((_, text), rule) in settings.rules.iter().zip(&mut parsed) {
        *rule = Rule::parse(text).ok();
    }
    let (now_ms, silence_ms) = (now.uptime_ms(), remotes.expire_ms);
    let mut is_changed = [false; RULES_MAX];
    let catalog = Catalog { platform, remotes, latest, wired, settings, has_log: false };
    for ((rule, state), is_changed) in parsed.iter().zip(states.iter_mut()).zip(&mut is_changed) {
        if let Some(rule) = rule {
            *is_changed = state.look(rule, now_ms, silence_ms, |name| value(catalog, name, now));
        }
    }
    for (index, ((name, _), is_changed)) in settings.rules.iter().zip(is_changed).enumerate() {
        let decision = decision(&parsed, states, index);
        let Some(state) = states.get_mut(index) else { return };
        let Some((rule, text)) = decision else {
            (state.decides, state.is_owed) = (false, false);
            continue;
        };
        let decided = core::mem::replace(&mut state.decides, true);
        if is_changed || !decided || state.is_owed {
            let catalog = Catalog { platform, remotes, latest, wired, settings, has_log: false };
            let target = target(catalog, &rule, text);
            let set = target.ok().and_then(|(output, value)| {
                outputs::set(platform, wired, outputs, (output, value), now).ok()?;
                Some(())
            });
            state.is_owed = set.is_none();
            if set.is_some() {
                state.fired = state.fired.wrapping_add(1);
                if monitor.wake(sessions) {
                    monitor.append_rule(name, [rule.output, text], now);
                }
            }
        }
    }
}

/// The rule of this number, and the value that it has for its output. None if it has no value, or if a rule of the same
/// output has a value and a greater priority.
fn decision<'a>(rules: &'a [Option<Rule<'a>>], states: &RuleStates, index: usize) -> Option<(Rule<'a>, &'a str)> {
    let value = |index: usize| {
        let rule = rules.get(index)?.as_ref()?;
        Some((rule, rule.value_in(states.get(index)?.condition)?))
    };
    let (rule, text) = value(index)?;
    let is_overruled = (0..rules.len())
        .filter_map(value)
        .any(|(other, _)| other.output == rule.output && other.priority > rule.priority);
    if is_overruled { None } else { Some((*rule, text)) }
}

/// The output of a rule, and a value for it in units of its last decimal.
fn target<'a>(catalog: Catalog<'_>, rule: &Rule<'a>, text: &'a str) -> Result<(usize, Value), RuleError<'a>> {
    let output = catalog.find_output(rule.output.as_bytes()).ok_or(RuleError::Output(rule.output))?;
    let range = outputs::range(catalog.platform, catalog.wired, output).ok_or(RuleError::Output(rule.output))?;
    Ok((output, in_range(text, range)?))
}

/// A value within an output's range, whose decimals, least and greatest value these are.
pub(crate) fn in_range(text: &str, (decimals, minimum, maximum): (u8, Value, Value)) -> Result<Value, RuleError<'_>> {
    let value = Value::parse(text.as_bytes(), decimals).ok_or(RuleError::Value(text, decimals))?;
    if (minimum..=maximum).contains(&value) {
        Ok(value)
    } else {
        Err(RuleError::Range(text, (minimum, maximum), decimals))
    }
}

/// Whether a rule names this reading.
pub(crate) fn is_named(settings: &Settings, key: &str) -> bool {
    let mut rules = settings.rules.iter().filter_map(|(_, text)| Rule::parse(text).ok());
    rules.any(|rule| rule.comparisons().any(|comparison| comparison.reading == key))
}

/// A client has set an output: no rule sets it before a condition changes.
pub(crate) fn output_was_set(state: &mut State, name: &[u8]) {
    if state.settings.rules.is_empty() {
        return;
    }
    for ((_, text), state) in state.settings.rules.iter().zip(&mut state.rules) {
        if Rule::parse(text).is_ok_and(|rule| rule.output.as_bytes() == name) {
            state.is_owed = false;
        }
    }
}

/// Other settings are in force in the place of `before`. A rule goes on if its text is the same, and the wiring of what
/// it names. All others begin now.
pub(crate) fn changed(state: &mut State, before: &Settings, now: Now) {
    let (old, after) = (state.rules, &state.settings);
    state.rules = [RuleState::begin(now.uptime_ms()); RULES_MAX];
    for (rule, state) in after.rules.iter().zip(&mut state.rules) {
        let place = before.rules.iter().position(|known| known == rule);
        let is_touched = Rule::parse(rule.1).is_ok_and(|rule| {
            let mut names = rule.comparisons().map(|comparison| comparison.reading).chain([rule.output]);
            names.any(|name| is_rewired(name, before, after))
        });
        if let Some(known) = place.and_then(|place| old.get(place)).filter(|_| !is_touched) {
            *state = *known;
        }
    }
}

/// Whether a change of settings has changed the thing that a key is of.
fn is_rewired(key: &str, before: &Settings, after: &Settings) -> bool {
    match (&before.wiring, &after.wiring) {
        (Some(before), Some(after)) => !things(before, key).eq(things(after, key)),
        (before, after) => before != after,
    }
}

/// The things, with their specs, that a key may be of: its name is theirs, or theirs and a part after a point.
pub(crate) fn things<'a>(wiring: &'a Wiring, key: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_of = |thing: &str| key.strip_prefix(thing).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    wiring.iter().filter(move |(thing, _)| is_of(thing))
}

/// Why a rule can't do all of its work now. `Display` gives it in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem<'a> {
    /// The rule itself, its reading or its output.
    Rule(RuleError<'a>),
    /// The output did not take the value.
    Failed(&'a str),
    /// A reading of the device has no value.
    NoValue(&'a str),
    /// No sample of another device's reading has come.
    NoSample(&'a str),
    /// No sample of another device's reading has come for so long that it has no value any more.
    Silent(&'a str),
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(error) => error.fmt(f),
            Self::Failed(name) => write!(f, "the output '{name}' failed"),
            Self::NoValue(name) => write!(f, "'{name}' has no value"),
            Self::NoSample(name) => write!(f, "no sample of '{name}' has come"),
            Self::Silent(name) => write!(f, "'{name}' is silent"),
        }
    }
}

/// The first problem of a rule; None if it has none.
pub(crate) fn problem<'a>(catalog: Catalog<'_>, text: &'a str, state: &RuleState, now: Now) -> Option<Problem<'a>> {
    let rule = match Rule::parse(text) {
        Ok(rule) => rule,
        Err(error) => return Some(Problem::Rule(error)),
    };
    if let Some(error) = rule.values().find_map(|text| target(catalog, &rule, text).err()) {
        return Some(Problem::Rule(error));
    }
    if state.is_owed {
        return Some(Problem::Failed(rule.output));
    }
    let mut readings = rule.comparisons().map(|comparison| comparison.reading).zip(state.had_values());
    readings.find_map(|(name, had_value)| match catalog.find_reading(name.as_bytes()) {
        Some(index) if catalog.latest(index, now).is_some() => None,
        Some(index) if catalog.remote(index).is_some() => Some(Problem::Silent(name)),
        Some(_) => Some(Problem::NoValue(name)),
        // Another reading has taken its place meanwhile.
        None if had_value => Some(Problem::Silent(name)),
        None if remote::is_name(name.as_bytes()) => Some(Problem::NoSample(name)),
        None => Some(Problem::Rule(RuleError::Reading(name))),
    })
}
