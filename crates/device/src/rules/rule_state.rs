//! A rule's condition as time goes by.

use crate::limits::{RULES_MAX, RULES_SIZE_MAX};
use crate::rules::rule::{Fine, Join, Rule};

/// The condition of a rule, or the outcome of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// A reading has had no value yet.
    Unknown,
    False,
    True,
    /// A reading has no value any more, or has had none for too long.
    Lost,
}

impl Condition {
    /// As RULE STATUS has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::False => "false",
            Self::True => "true",
            Self::Lost => "lost",
        }
    }

    /// Two outcomes as one. A value that is missing counts only where the other outcome doesn't decide.
    fn join(self, join: Join, other: Self) -> Self {
        let (decides, is_else) = match join {
            Join::And => (Self::False, Self::True),
            Join::Or => (Self::True, Self::False),
        };
        if self == decides || other == decides {
            decides
        } else if self == Self::Lost || other == Self::Lost {
            Self::Lost
        } else if self == Self::Unknown || other == Self::Unknown {
            Self::Unknown
        } else {
            is_else
        }
    }
}

/// A comparison's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Past {
    /// The reading has had a value since the rule began.
    had_value: bool,
    /// The comparison held at the last look.
    held: bool,
}

/// A rule's past, since boot or since the rule was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuleState {
    /// Since when the comparisons hold without a break, milliseconds since boot; meaningless while they don't. The loss of a
    /// reading is no break for a condition that was true, in a rule without `lost`.
    held_ms: u64,
    /// When the rule began, milliseconds since boot. The number wraps after 49 days; `is_late` is set long before.
    began_ms: u32,
    /// Since when the condition is what it is, seconds since boot.
    pub(crate) since_s: u32,
    /// How often the rule has set its output.
    pub(crate) fired: u32,
    pasts: [Past; 2],
    holds: bool,
    /// A reading without a first value is lost by now.
    is_late: bool,
    pub(crate) condition: Condition,
    /// Of the rules of its output this one decided at the last look.
    pub(crate) decides: bool,
    /// The output did not take the value that the rule has for it.
    pub(crate) is_owed: bool,
}

/// The states of all rules, in the order of their texts.
pub(crate) type RuleStates = [RuleState; RULES_MAX];

const _: () = assert!(size_of::<RuleStates>() <= RULES_SIZE_MAX);

impl RuleState {
    /// Of a rule that begins with the boot; all zero.
    pub(crate) const ZERO: Self = Self {
        held_ms: 0,
        began_ms: 0,
        since_s: 0,
        fired: 0,
        pasts: [Past { had_value: false, held: false }; 2],
        holds: false,
        is_late: false,
        condition: Condition::Unknown,
        decides: false,
        is_owed: false,
    };

    /// Of a rule that begins now.
    pub(crate) fn begin(now_ms: u64) -> Self {
        Self { began_ms: now_ms as u32, since_s: (now_ms / 1_000) as u32, ..Self::ZERO }
    }

    /// Looks at the readings. `value` gives the value of a reading, and None while it has none. `silence_ms` is how long a
    /// reading may have no first value before it is lost. True if the condition is another than before.
    pub(crate) fn look(
        &mut self,
        rule: &Rule<'_>,
        now_ms: u64,
        silence_ms: u32,
        value: impl Fn(&str) -> Option<Fine>,
    ) -> bool {
        self.is_late |= (now_ms as u32).wrapping_sub(self.began_ms) >= silence_ms;
        let is_late = self.is_late;
        let mut outcomes = [Condition::Unknown; 2];
        for ((comparison, past), outcome) in rule.comparisons().zip(&mut self.pasts).zip(&mut outcomes) {
            *outcome = match value(comparison.reading) {
                Some(value) => {
                    let held = comparison.holds(value, past.held);
                    *past = Past { had_value: true, held };
                    if held { Condition::True } else { Condition::False }
                }
                None => {
                    // Without `lost` the output stays as it is, and the comparison goes on with the next value.
                    past.held &= rule.lost.is_none();
                    if past.had_value || is_late { Condition::Lost } else { Condition::Unknown }
                }
            };
        }
        let [first, second] = outcomes;
        let joined = rule.second.map_or(first, |(join, _)| first.join(join, second));
        let was_true = matches!(self.condition, Condition::True | Condition::Lost);
        let goes_on = joined == Condition::Lost && was_true && self.holds && rule.lost.is_none();
        let held = core::mem::replace(&mut self.holds, joined == Condition::True || goes_on);
        if self.holds && !held {
            self.held_ms = now_ms;
        }
        let is_waiting = self.holds && self.left_ms(rule, now_ms) > 0;
        let condition = if is_waiting { Condition::False } else { joined };
        let is_changed = condition != self.condition;
        if is_changed {
            (self.condition, self.since_s) = (condition, (now_ms / 1_000) as u32);
        }
        is_changed
    }

    /// For each comparison, whether its reading has had a value since the rule began.
    pub(crate) fn had_values(&self) -> impl Iterator<Item = bool> {
        self.pasts.into_iter().map(|past| past.had_value)
    }

    /// How long the comparisons must go on to hold before the condition is true, milliseconds. 0 if they hold for long
    /// enough, or don't hold.
    pub(crate) fn left_ms(&self, rule: &Rule<'_>, now_ms: u64) -> u64 {
        let until_ms = if self.holds { self.held_ms + u64::from(rule.for_ms) } else { 0 };
        until_ms.saturating_sub(now_ms)
    }
}

impl<'a> Rule<'a> {
    /// The output's value in this condition; None if the rule has none.
    pub(crate) fn value_in(&self, condition: Condition) -> Option<&'a str> {
        match condition {
            Condition::Unknown => None,
            Condition::True => Some(self.value),
            Condition::False => self.otherwise,
            Condition::Lost => self.lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::value::Value;

    const SILENCE_MS: u32 = 60_000;

    /// Looks at the rule `text` at these times, with these values of `a` and `b`, and gives the conditions.
    fn conditions(text: &str, looks: &[(u64, Option<i32>, Option<i32>)]) -> Vec<&'static str> {
        let (rule, mut state) = (Rule::parse(text).unwrap(), RuleState::ZERO);
        let look = |(now_ms, a, b): &(u64, Option<i32>, Option<i32>)| {
            let values = BTreeMap::from([("a", *a), ("b", *b)]);
            let before = state.condition;
            let fine = |name: &str| values[name].map(|value| Value(value).with_decimals(0).into());
            let is_changed = state.look(&rule, *now_ms, SILENCE_MS, fine);
            assert_eq!(is_changed, state.condition != before);
            state.condition.name()
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_reading_without_a_value_is_unknown_at_first_and_lost_later() {
        let looks = [(0, None, None), (59_999, None, None), (60_000, None, None), (60_001, Some(2), None)];
        assert_eq!(conditions("when a > 1 set x 1", &looks), ["unknown", "unknown", "lost", "true"]);
        let looks = [(0, Some(1), None), (1, None, None), (2, Some(1), None)];
        assert_eq!(conditions("when a > 1 set x 1", &looks), ["false", "lost", "false"]);
    }

    #[test]
    fn a_condition_is_true_once_it_has_held_for_long_enough() {
        let looks = [
            (0, Some(2), None),
            (9_999, Some(2), None),
            (10_000, Some(2), None),
            (10_001, Some(1), None),
            (10_002, Some(2), None),
            (15_000, None, None),
            (16_000, Some(2), None),
            (20_002, Some(2), None),
            (26_000, Some(2), None),
        ];
        let expected = ["false", "false", "true", "false", "false", "lost", "false", "false", "true"];
        assert_eq!(conditions("when a > 1 for 10s set x 1", &looks), expected);
        assert_eq!(conditions("when a > 1 for 10s set x 1 lost 0", &looks), expected);
    }

    #[test]
    fn two_comparisons_are_decided_by_one_where_that_is_enough() {
        use Condition::{False, Lost, True, Unknown};
        let all = [Unknown, False, True, Lost];
        for first in all {
            for second in all {
                assert_eq!(first.join(Join::And, second), second.join(Join::And, first));
                assert_eq!(first.join(Join::Or, second), second.join(Join::Or, first));
            }
        }
        assert_eq!(all.map(|other| False.join(Join::And, other)), [False; 4]);
        assert_eq!(all.map(|other| True.join(Join::Or, other)), [True; 4]);
        assert_eq!(all.map(|other| True.join(Join::And, other)), all);
        assert_eq!(all.map(|other| False.join(Join::Or, other)), all);
        assert_eq!([Unknown.join(Join::And, Lost), Unknown.join(Join::Or, Lost)], [Lost; 2]);
        let looks = [(0, Some(2), None), (1, Some(2), Some(2)), (2, None, Some(0)), (3, None, Some(2))];
        assert_eq!(conditions("when a > 1 and b > 1 set x 1", &looks), ["unknown", "true", "false", "lost"]);
    }

    #[test]
    fn with_lost_hysteresis_and_time_begin_anew_after_a_loss_and_without_it_they_go_on() {
        let looks = [(0, Some(26), None), (1, Some(24), None), (2, None, None), (3, Some(24), None)];
        assert_eq!(conditions("when a > 25 hysteresis 2 set x 1 lost 0", &looks), ["true", "true", "lost", "false"]);
        assert_eq!(conditions("when a > 25 hysteresis 2 set x 1", &looks), ["true", "true", "lost", "true"]);
        let looks = [(0, Some(2), None), (5, None, None), (6, Some(2), None), (15, Some(2), None), (16, Some(2), None)];
        for text in ["when a > 1 for 10ms set x 1", "when a > 1 for 10ms set x 1 lost 0"] {
            assert_eq!(conditions(text, &looks), ["false", "lost", "false", "false", "true"], "{text}");
        }
        let looks = [(0, Some(2), None), (10, Some(2), None), (11, None, None), (12, None, None), (13, Some(2), None)];
        let before = ["false", "true", "lost", "lost"];
        assert_eq!(conditions("when a > 1 for 10ms set x 1", &looks), [&before[..], &["true"]].concat());
        assert_eq!(conditions("when a > 1 for 10ms set x 1 lost 0", &looks), [&before[..], &["false"]].concat());
    }
}
