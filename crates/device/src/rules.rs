//! Rules: a device sets an output by itself, when a reading of its own or of another device asks for it.
//!
//! docs/rules.md has what a rule does, in every case. The rules are looked at whenever a reading has a new value or has
//! none any more, when the settings change, and every [`RULES_LOOK_MS`](crate::limits::RULES_LOOK_MS).
//!
//! - `rule`: a parsed rule; `rule_error`: why it is refused.
//! - `rule_state`: its condition as time goes by.
//! - `engine`: all rules with all readings and outputs.
//! - `check`: whether rules fit the device, before they are stored.

pub(crate) mod check;
pub(crate) mod engine;
pub(crate) mod rule;
pub(crate) mod rule_error;
pub(crate) mod rule_state;
