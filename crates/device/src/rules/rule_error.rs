//! The errors of a rule.

use core::fmt;

use crate::limits::{DECIMALS_MAX, NAME_LEN_MAX, RULE_LEN_MAX, RULES_MAX, RULES_TEXT_LEN_MAX};
use crate::value::Value;

/// Why a rule is refused, or can't do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleError<'a> {
    /// A rule is longer than [`RULE_LEN_MAX`].
    Length,
    /// The rule ends where this should come.
    Missing(&'static str),
    /// A word that can't be where it is.
    Word(&'a str),
    /// A word that is given twice.
    Twice(&'a str),
    /// A word in the place of an operator.
    Operator(&'a str),
    /// A word in the place of a number.
    Number(&'a str),
    /// A word in the place of a time.
    Time(&'a str),
    /// A hysteresis of `=` or `!=`.
    Hysteresis,
    /// A priority out of range.
    Priority,
    /// No reading has this key.
    Reading(&'a str),
    /// The key of a condition is an output's.
    NotReading(&'a str),
    /// No output has this key.
    Output(&'a str),
    /// The key of an output is a reading's.
    NotOutput(&'a str),
    /// A value that is no number with the output's decimals.
    Value(&'a str, u8),
    /// A value that the output doesn't take: the least and the greatest that it takes, and their decimals.
    Range(&'a str, (Value, Value), u8),
    /// Another rule has the same output and the same priority.
    Conflict(&'a str),
    /// The name has other characters than a key, or is too long.
    Name,
    /// A rule has control characters.
    Control,
    /// There are as many rules as there may be.
    Count,
    /// All rules together are too long.
    TextLength,
}

impl fmt::Display for RuleError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "rule has more than {RULE_LEN_MAX} bytes"),
            Self::Missing(what) if what.starts_with("a") => write!(f, "{what} is missing"),
            Self::Missing(keyword) => write!(f, "'{keyword}' is missing"),
            Self::Word(word) => write!(f, "'{word}' is not expected here"),
            Self::Twice(word) => write!(f, "'{word}' is given twice"),
            Self::Operator(word) => write!(f, "'{word}' is no operator: < <= > >= = !="),
            Self::Number(word) => write!(f, "'{word}' is not a plain number with at most {DECIMALS_MAX} decimals"),
            Self::Time(word) => write!(f, "'{word}' is no time: 100ms, 30s, 5m, 2h, at most 1d"),
            Self::Hysteresis => f.write_str("hysteresis goes with < <= > >= only"),
            Self::Priority => f.write_str("priority= takes 0 to 255"),
            Self::Reading(name) => write!(f, "there is no reading '{name}'"),
            Self::NotReading(name) => write!(f, "'{name}' is an output: a condition takes a reading"),
            Self::Output(name) => write!(f, "there is no output '{name}'"),
            Self::NotOutput(name) => write!(f, "'{name}' is a reading: only outputs can be set"),
            Self::Value(value, decimals) => write!(f, "'{value}' is not a number with at most {decimals} decimals"),
            Self::Range(value, (minimum, maximum), decimals) => {
                let (minimum, maximum) = (minimum.with_decimals(*decimals), maximum.with_decimals(*decimals));
                write!(f, "{value} is out of range: {minimum} to {maximum}")
            }
            Self::Conflict(other) => write!(f, "rule.{other} sets the same output: priority= says which of them wins"),
            Self::Name => {
                write!(f, "name takes letters, digits, '.', '_' and '-', {NAME_LEN_MAX} at most")
            }
            Self::Control => f.write_str("rule has control characters"),
            Self::Count => write!(f, "there are {RULES_MAX} rules already"),
            Self::TextLength => {
                write!(f, "all names and rules have more than {RULES_TEXT_LEN_MAX} bytes, with 2 for each rule")
            }
        }
    }
}
