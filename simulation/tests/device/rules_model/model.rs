//! The semantics of docs/rules.md, computed from all looks at the readings since a rule began.

use std::collections::BTreeMap;
use std::fmt;

/// Looks of a rule that a failure shows.
const LOOKS_SHOWN: usize = 8;

/// The values of all readings at one time; a reading without a value is not there.
pub type Values = BTreeMap<String, f64>;

#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub reading: String,
    pub operator: &'static str,
    pub number: f64,
    pub hysteresis: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub first: Comparison,
    pub second: Option<(&'static str, Comparison)>,
    pub for_ms: u64,
    pub output: String,
    pub value: f64,
    pub otherwise: Option<f64>,
    pub lost: Option<f64>,
    pub priority: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Unknown,
    Lost,
    Is(bool),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Lost => f.write_str("lost"),
            Self::Is(is) => write!(f, "{is}"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.reading, self.operator, self.number)?;
        if self.hysteresis > 0.0 { write!(f, " hysteresis {}", self.hysteresis) } else { Ok(()) }
    }
}

/// As a client sets it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "when {}", self.first)?;
        if let Some((join, second)) = &self.second {
            write!(f, " {join} {second}")?;
        }
        if self.for_ms > 0 {
            write!(f, " for {}ms", self.for_ms)?;
        }
        write!(f, " set {} {}", self.output, self.value)?;
        if let Some(value) = self.otherwise {
            write!(f, " else {value}")?;
        }
        if let Some(value) = self.lost {
            write!(f, " lost {value}")?;
        }
        if self.priority > 0 { write!(f, " priority={}", self.priority) } else { Ok(()) }
    }
}

impl Comparison {
    /// Whether the comparison holds at the last of these looks. None if the reading has no value there. `goes_on` if
    /// looks without a value don't count.
    fn holds(&self, looks: &[(u64, Values)], goes_on: bool) -> Option<bool> {
        let ((_, values), mut before) = looks.split_last()?;
        let value = *values.get(&self.reading)?;
        while let Some(((_, values), earlier)) = before.split_last()
            && goes_on
            && !values.contains_key(&self.reading)
        {
            before = earlier;
        }
        let begins = match self.operator {
            "<" => value < self.number,
            "<=" => value <= self.number,
            ">" => value > self.number,
            ">=" => value >= self.number,
            "=" => value == self.number,
            _ => value != self.number,
        };
        if begins || self.hysteresis == 0.0 {
            return Some(begins);
        }
        let is_within = match self.operator {
            "<" => value < self.number + self.hysteresis,
            "<=" => value <= self.number + self.hysteresis,
            ">" => value > self.number - self.hysteresis,
            _ => value >= self.number - self.hysteresis,
        };
        Some(is_within && self.holds(before, goes_on) == Some(true))
    }
}

impl Rule {
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        std::iter::once(&self.first).chain(self.second.as_ref().map(|(_, second)| second))
    }

    /// The keys of all that the rule names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.comparisons().map(|comparison| comparison.reading.as_str()).chain([self.output.as_str()])
    }

    /// The condition without `for`, at the last of these looks.
    fn now(&self, looks: &[(u64, Values)], began_ms: u64, silence_ms: u64) -> Condition {
        let outcome = |comparison: &Comparison| match comparison.holds(looks, self.lost.is_none()) {
            Some(holds) => Condition::Is(holds),
            None => {
                let had_value = looks.iter().any(|(_, values)| values.contains_key(&comparison.reading));
                let is_late = looks.last().is_some_and(|(ms, _)| ms - began_ms >= silence_ms);
                if had_value || is_late { Condition::Lost } else { Condition::Unknown }
            }
        };
        let first = outcome(&self.first);
        let Some((join, second)) = &self.second else { return first };
        let both = [first, outcome(second)];
        let decides = Condition::Is(*join == "or");
        if both.contains(&decides) {
            return decides;
        }
        let missing = [Condition::Lost, Condition::Unknown].into_iter().find(|missing| both.contains(missing));
        missing.unwrap_or(Condition::Is(*join == "and"))
    }

    /// The condition at the last of these looks, all since the rule began.
    pub fn condition(&self, looks: &[(u64, Values)], began_ms: u64, silence_ms: u64) -> Condition {
        let condition = self.now(looks, began_ms, silence_ms);
        if condition != Condition::Is(true) || self.for_ms == 0 {
            return condition;
        }
        let (now_ms, _) = looks[looks.len() - 1];
        for len in (1..=looks.len()).rev() {
            let before = self.now(&looks[..len], began_ms, silence_ms);
            if before == Condition::Lost && self.lost.is_none() {
                // The loss is no break if the condition was true before.
                let is_lost = |len: &usize| self.now(&looks[..*len], began_ms, silence_ms) == Condition::Lost;
                let len = (0..len).rev().find(|len| !is_lost(len)).unwrap_or(0);
                let was_true = len > 0 && self.condition(&looks[..len], began_ms, silence_ms) == Condition::Is(true);
                return Condition::Is(was_true);
            }
            if before != Condition::Is(true) {
                return Condition::Is(false);
            }
            if looks[len - 1].0 + self.for_ms <= now_ms {
                return Condition::Is(true);
            }
        }
        Condition::Is(false)
    }

    pub fn value_in(&self, condition: Condition) -> Option<f64> {
        match condition {
            Condition::Unknown => None,
            Condition::Lost => self.lost,
            Condition::Is(true) => Some(self.value),
            Condition::Is(false) => self.otherwise,
        }
    }
}

/// A rule in force.
#[derive(Debug, Clone)]
pub struct Active {
    pub name: String,
    pub rule: Rule,
    /// Different for each time that a rule began.
    id: u32,
    began_ms: u64,
    looks: Vec<(u64, Values)>,
    pub condition: Condition,
    pub fired: u32,
}

/// An output.
#[derive(Debug, Clone, Default)]
pub struct Output {
    pub value: f64,
    /// The rule that decides, its condition, and how often the condition had changed.
    decision: Option<(u32, u32)>,
    /// The value that the output did not take.
    owed: Option<f64>,
    pub is_broken: bool,
}

/// The device's rules and outputs by the model.
#[derive(Debug, Default)]
pub struct Model {
    pub rules: Vec<Active>,
    pub outputs: BTreeMap<String, Output>,
    silence_ms: u64,
    ids: u32,
    changes: BTreeMap<u32, u32>,
}

/// The rules, and what they saw last.
impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Active { name, rule, began_ms, looks, condition, .. } in &self.rules {
            writeln!(f, "{name} since {began_ms}: {rule}: {condition}")?;
            for (ms, values) in &looks[looks.len().saturating_sub(LOOKS_SHOWN)..] {
                let values = values.iter().filter(|(reading, _)| rule.names().any(|name| name == *reading));
                writeln!(f, "    {ms} {values:?}", values = values.collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }
}

impl Model {
    /// No rules. A reading without a first value is lost after `silence_ms`.
    pub fn new(silence_ms: u64) -> Self {
        Self { silence_ms, ..Self::default() }
    }

    /// A boot with these rules: outputs have their first values.
    pub fn boot(&mut self, rules: &[(String, Rule)], outputs: &[(&str, f64)]) {
        self.rules.clear();
        self.outputs = outputs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Output { value: *value, ..Output::default() }))
            .collect();
        rules.iter().for_each(|(name, rule)| self.begin(name, rule.clone(), 0));
    }

    fn begin(&mut self, name: &str, rule: Rule, now_ms: u64) {
        self.ids += 1;
        let name = name.to_owned();
        let (id, began_ms, looks) = (self.ids, now_ms, Vec::new());
        self.rules.push(Active { name, rule, id, began_ms, looks, condition: Condition::Unknown, fired: 0 });
    }

    /// These rules are in force from now on, and the things of `rewired` have another wiring.
    pub fn change(&mut self, rules: &[(String, Rule)], rewired: &[&str], now_ms: u64) {
        let before = std::mem::take(&mut self.rules);
        for (name, rule) in rules {
            let is_same = |active: &&Active| active.name == *name && active.rule == *rule;
            let is_touched = rule.names().any(|key| rewired.contains(&key));
            match before.iter().find(is_same).filter(|_| !is_touched) {
                Some(active) => self.rules.push(active.clone()),
                None => self.begin(name, rule.clone(), now_ms),
            }
        }
    }

    /// The device looks at its rules.
    pub fn look(&mut self, now_ms: u64, values: &Values) {
        for active in &mut self.rules {
            active.looks.push((now_ms, values.clone()));
            let condition = active.rule.condition(&active.looks, active.began_ms, self.silence_ms);
            if condition != active.condition {
                active.condition = condition;
                *self.changes.entry(active.id).or_default() += 1;
            }
        }
        for (name, output) in &mut self.outputs {
            let having =
                |active: &&mut Active| active.rule.output == *name && active.rule.value_in(active.condition).is_some();
            let decider = self.rules.iter_mut().filter(having).max_by_key(|active| active.rule.priority);
            let decision =
                decider.as_ref().map(|active| (active.id, self.changes.get(&active.id).copied().unwrap_or(0)));
            if decision != output.decision {
                output.owed = decider.as_ref().and_then(|active| active.rule.value_in(active.condition));
                output.decision = decision;
            }
            if let (Some(value), Some(active), false) = (output.owed, decider, output.is_broken) {
                (output.value, output.owed) = (value, None);
                active.fired += 1;
            }
        }
    }

    /// A person has set an output.
    pub fn set(&mut self, name: &str, value: f64) {
        if let Some(output) = self.outputs.get_mut(name) {
            (output.value, output.owed) = (value, None);
        }
    }
}
