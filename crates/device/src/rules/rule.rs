//! A parsed rule, as `when cellar.temperature > 25 hysteresis 0.5 for 30s set fan 100 else 0`.

use core::iter::Peekable;

use sockeye_wiring::number::{decimal, duration_ms};

use crate::limits::{DECIMALS_MAX, RULE_FOR_MS_MAX, RULE_LEN_MAX};
use crate::rules::rule_error::RuleError;
use crate::value::{Decimal, Value};

/// A number with [`DECIMALS_MAX`] decimals, whatever decimals its text had. Every value of a reading is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fine(i64);

impl Fine {
    /// Reads a plain number.
    fn parse(text: &str) -> Option<Self> {
        decimal(text, DECIMALS_MAX).map(Self)
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Decimal> for Fine {
    fn from(decimal: Decimal) -> Self {
        let (Value(value), decimals) = decimal.parts();
        Self(i64::from(value) * 10_i64.pow(u32::from(DECIMALS_MAX - decimals.min(DECIMALS_MAX))))
    }
}

/// How a reading is compared with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            _ => return None,
        })
    }

    fn is_ordered(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// One comparison of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comparison<'a> {
    /// The reading's key.
    pub(crate) reading: &'a str,
    operator: Operator,
    threshold: Fine,
    hysteresis: Fine,
}

impl Comparison<'_> {
    /// Whether the comparison holds for a value. A comparison that held before holds until the value has gone back
    /// by the hysteresis.
    pub(crate) fn holds(&self, value: Fine, held_before: bool) -> bool {
        let back = if held_before { self.hysteresis } else { Fine(0) };
        match self.operator {
            Operator::Less => value < self.threshold.plus(back),
            Operator::LessOrEqual => value <= self.threshold.plus(back),
            Operator::Greater => value > self.threshold.minus(back),
            Operator::GreaterOrEqual => value >= self.threshold.minus(back),
            Operator::Equal => value == self.threshold,
            Operator::NotEqual => value != self.threshold,
        }
    }
}

/// How two comparisons are one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

/// A rule. Values for the output are texts, because the output has the number of their decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule<'a> {
    pub(crate) first: Comparison<'a>,
    pub(crate) second: Option<(Join, Comparison<'a>)>,
    /// How long the comparisons must hold without a break before the condition is true, milliseconds.
    pub(crate) for_ms: u32,
    /// The output's key.
    pub(crate) output: &'a str,
    /// The output's value while the condition is true.
    pub(crate) value: &'a str,
    /// The output's value while the condition is false; None leaves the output as it is.
    pub(crate) otherwise: Option<&'a str>,
    /// The output's value while a reading is lost; None leaves the output as it is.
    pub(crate) lost: Option<&'a str>,
    /// Of two rules that have a value for one output, the one with the greater priority sets it.
    pub(crate) priority: u8,
}

/// The words of a rule that are yet to be read.
struct Words<'a, I: Iterator<Item = &'a str>>(Peekable<I>);

impl<'a, I: Iterator<Item = &'a str>> Words<'a, I> {
    /// Takes the next word if it is this keyword, in any case.
    fn take(&mut self, keyword: &str) -> bool {
        // Not `next_if`, in which core keeps an assertion.
        let is_next = self.0.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        if is_next {
            self.0.next();
        }
        is_next
    }

    /// The next word, which is to be `what`.
    fn need(&mut self, what: &'static str) -> Result<&'a str, RuleError<'a>> {
        self.0.next().ok_or(RuleError::Missing(what))
    }

    /// The next word, which is to be this keyword.
    fn expect(&mut self, keyword: &'static str) -> Result<(), RuleError<'a>> {
        match self.take(keyword) {
            true => Ok(()),
            false => Err(self.0.peek().map_or(RuleError::Missing(keyword), |word| RuleError::Word(word))),
        }
    }

    fn comparison(&mut self) -> Result<Comparison<'a>, RuleError<'a>> {
        let reading = self.need("a reading")?;
        let word = self.need("an operator")?;
        let operator = Operator::parse(word).ok_or(RuleError::Operator(word))?;
        let word = self.need("a number")?;
        let threshold = Fine::parse(word).ok_or(RuleError::Number(word))?;
        let mut hysteresis = Fine(0);
        if self.take("hysteresis") {
            let word = self.need("a hysteresis")?;
            hysteresis = Fine::parse(word).filter(|number| number.0 >= 0).ok_or(RuleError::Number(word))?;
            if !operator.is_ordered() {
                return Err(RuleError::Hysteresis);
            }
        }
        Ok(Comparison { reading, operator, threshold, hysteresis })
    }
}

/// The number in `priority=N`, whose keyword may be in any case. None if the word is another.
fn priority_of(word: &str) -> Option<&str> {
    let (keyword, number) = word.split_once('=')?;
    keyword.eq_ignore_ascii_case("priority").then_some(number)
}

impl<'a> Rule<'a> {
    /// Reads a rule: words with blanks between them. Whether its reading and its output exist is for
    /// [`check`](crate::rules::check) to say.
    ///
    /// # Errors
    /// The first word that can't be where it is, or the word that is missing.
    pub(crate) fn parse(text: &'a str) -> Result<Self, RuleError<'a>> {
        if text.len() > RULE_LEN_MAX {
            return Err(RuleError::Length);
        }
        let mut words = Words(text.split(' ').filter(|word| !word.is_empty()).peekable());
        words.expect("when")?;
        let first = words.comparison()?;
        let join = match (words.take("and"), words.take("or")) {
            (true, _) => Some(Join::And),
            (_, true) => Some(Join::Or),
            _ => None,
        };
        let second = match join {
            Some(join) => Some((join, words.comparison()?)),
            None => None,
        };
        let mut for_ms = 0;
        if words.take("for") {
            let word = words.need("a time")?;
            let ms = duration_ms(word).and_then(|ms| u32::try_from(ms).ok());
            for_ms = ms.filter(|ms| *ms <= RULE_FOR_MS_MAX).ok_or(RuleError::Time(word))?;
        }
        words.expect("set")?;
        let (output, value) = (words.need("an output")?, words.need("a value")?);
        let (mut otherwise, mut lost, mut priority) = (None, None, None);
        while let Some(word) = words.0.next() {
            let is_twice = if word.eq_ignore_ascii_case("else") {
                otherwise.replace(words.need("a value")?).is_some()
            } else if word.eq_ignore_ascii_case("lost") {
                lost.replace(words.need("a value")?).is_some()
            } else if let Some(number) = priority_of(word) {
                let number = decimal(number, 0).and_then(|number| u8::try_from(number).ok());
                priority.replace(number.ok_or(RuleError::Priority)?).is_some()
            } else {
                return Err(RuleError::Word(word));
            };
            if is_twice {
                return Err(RuleError::Twice(word));
            }
        }
        let priority = priority.unwrap_or(0);
        Ok(Self { first, second, for_ms, output, value, otherwise, lost, priority })
    }

    /// Both comparisons, or the one.
    pub(crate) fn comparisons(&self) -> impl Iterator<Item = &Comparison<'a>> {
        core::iter::once(&self.first).chain(self.second.as_ref().map(|(_, comparison)| comparison))
    }

    /// All values that the rule may set.
    pub(crate) fn values(&self) -> impl Iterator<Item = &'a str> {
        core::iter::once(self.value).chain(self.otherwise).chain(self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_its_parts() {
        let text =
            "when cellar.temperature > 25 hysteresis 0.5 AND  door = 1 for 30s set fan 100 else 0 lost 20 priority=3";
        let rule = Rule::parse(text).unwrap();
        let readings: Vec<_> = rule.comparisons().map(|comparison| comparison.reading).collect();
        assert_eq!(readings, ["cellar.temperature", "door"]);
        assert_eq!(rule.second.map(|(join, _)| join), Some(Join::And));
        assert_eq!((rule.for_ms, rule.output, rule.priority), (30_000, "fan", 3));
        assert_eq!(rule.values().collect::<Vec<_>>(), ["100", "0", "20"]);
        let rule = Rule::parse("when a.b <= -1.5 or a.b != 0 set led 1").unwrap();
        assert_eq!(rule.second.map(|(join, _)| join), Some(Join::Or));
        assert_eq!((rule.for_ms, rule.otherwise, rule.lost, rule.priority), (0, None, None, 0));
        // Any order behind the value.
        assert!(Rule::parse("when a < 1 set led 1 priority=255 lost 0 else 0").is_ok());
        let any_case = "When a < 1 HYSTERESIS 2 Or b > 1 FOR 1s Set led 1 ELSE 0 Lost 0 PRIORITY=3";
        assert_eq!(Rule::parse(any_case), Rule::parse(&any_case.to_ascii_lowercase()));
        assert_eq!(Rule::parse(any_case).unwrap().priority, 3);
    }

    #[test]
    fn what_is_wrong_is_told_in_plain_words() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Rule::parse(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
        };
        check("", "'when' is missing");
        check("if a > 1 set b 1", "'if' is not expected here");
        check("when", "a reading is missing");
        check("when a", "an operator is missing");
        check("when a>1 set b 1", "'set' is no operator: < <= > >= = !=");
        check("when a == 1 set b 1", "'==' is no operator: < <= > >= = !=");
        check("when a > set b 1", "'set' is not a plain number with at most 6 decimals");
        check("when a > 1.1234567 set b 1", "'1.1234567' is not a plain number with at most 6 decimals");
        check("when a > 1 hysteresis -1 set b 1", "'-1' is not a plain number with at most 6 decimals");
        check("when a = 1 hysteresis 1 set b 1", "hysteresis goes with < <= > >= only");
        check("when a > 1 and set b 1", "'b' is no operator: < <= > >= = !=");
        check("when a > 1 and b > 1 or c > 1 set b 1", "'or' is not expected here");
        check("when a > 1 for 30 set b 1", "'30' is no time: 100ms, 30s, 5m, 2h, at most 1d");
        check("when a > 1 for 25h set b 1", "'25h' is no time: 100ms, 30s, 5m, 2h, at most 1d");
        check("when a > 1", "'set' is missing");
        check("when a > 1 set", "an output is missing");
        check("when a > 1 set b", "a value is missing");
        check("when a > 1 set b 1 else", "a value is missing");
        check("when a > 1 set b 1 else 0 else 0", "'else' is given twice");
        check("when a > 1 set b 1 priority=1 priority=1", "'priority=1' is given twice");
        check("when a > 1 set b 1 priority=256", "priority= takes 0 to 255");
        check("when a > 1 set b 1 2", "'2' is not expected here");
        check(
            &format!("when a > 1 set b 1{}", " ".repeat(RULE_LEN_MAX)),
            &format!("rule has more than {RULE_LEN_MAX} bytes"),
        );
    }

    /// Words that rules are made of, and some that they are not.
    const WORDS: [&str; 28] = [
        "when",
        "a",
        "kitchen.lm35",
        "<",
        "<=",
        ">",
        ">=",
        "=",
        "!=",
        "25",
        "-0.5",
        "9223372036854775807",
        "hysteresis",
        "and",
        "or",
        "for",
        "30s",
        "1d",
        "106751991167d",
        "set",
        "fan",
        "else",
        "lost",
        "priority=3",
        "priority=",
        "\u{e4}",
        "=",
        "",
    ];

    #[test]
    fn no_text_panics_and_what_is_read_is_read_again_alike() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut read = 0;
        for round in 0..200_000 {
            let mut text = if round % 2 == 0 { String::new() } else { "when a > 1 set b 1".to_owned() };
            for _ in 0..random.usize(..14) {
                // Words in a row, and a character here and there.
                let place = if random.bool() { text.len() } else { random.usize(..=text.len()) };
                let place = (0..=place).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0);
                match random.u8(..4) {
                    0 => text.insert(place, char::from(random.u8(..))),
                    _ => text.insert_str(place, &format!(" {}", WORDS[random.usize(..WORDS.len())])),
                }
            }
            match Rule::parse(&text) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(rule) => {
                    let blanks = text.replace(' ', "  ");
                    if blanks.len() <= RULE_LEN_MAX {
                        assert_eq!(Rule::parse(&blanks), Ok(rule));
                    }
                    let value = Value(random.i32(..)).with_decimals(random.u8(..7)).into();
                    for comparison in rule.comparisons() {
                        assert!(!comparison.holds(value, false) || comparison.holds(value, true), "{text}");
                    }
                    read += 1;
                }
            }
        }
        assert!(read > 1_000, "{read}");
    }

    #[test]
    fn a_comparison_that_holds_goes_on_within_its_hysteresis() {
        // Values from which a comparison begins to hold, go on holding, and no longer holds.
        let check = |operator: &str, [begins, goes_on, ends]: [&str; 3], only: &str| {
            let text = format!("when a {operator} 25 hysteresis 0.5 set b 1");
            let comparison = Rule::parse(&text).unwrap().first;
            let holds = |text: &str, before| comparison.holds(Fine::parse(text).unwrap(), before);
            assert!(holds(begins, false) && holds(goes_on, true) && !holds(goes_on, false), "{text}");
            assert!(!holds(ends, true) && !holds(only, false), "{text}");
        };
        check(">", ["25.000001", "24.6", "24.5"], "25");
        check(">=", ["25", "24.5", "24.499999"], "24.999999");
        check("<", ["24.999999", "25.4", "25.5"], "25");
        check("<=", ["25", "25.5", "25.500001"], "25.000001");
    }

    #[test]
    fn values_with_other_decimals_are_compared_exactly() {
        let equal = Rule::parse("when a = 23.5 set b 1").unwrap().first;
        let unequal = Rule::parse("when a != 23.5 set b 1").unwrap().first;
        for (value, decimals, is_equal) in [(235, 1, true), (2350, 2, true), (23, 0, false), (23_500_001, 6, false)] {
            let value = Value(value).with_decimals(decimals).into();
            assert_eq!((equal.holds(value, false), unequal.holds(value, false)), (is_equal, !is_equal));
        }
        let greatest = Value(i32::MAX).with_decimals(0).into();
        assert!(Rule::parse("when a > 9223372036854 set b 1").is_ok_and(|rule| !rule.first.holds(greatest, false)));
        assert!(Rule::parse("when a < -9223372036854 hysteresis 9223372036854 set b 1").is_ok());
    }
}
