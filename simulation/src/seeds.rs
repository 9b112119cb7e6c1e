//! Many seeds, and what is left of one that fails.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::mutation::Mutation;
use crate::plan::Plan;
use crate::tally::Tally;
use crate::world::{self, Outcome};

/// How many seeds went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How long they were, simulated seconds.
    pub seconds: u64,
    /// The longest that nobody could reach a device, seconds.
    pub longest_out_s: u64,
    /// How often each event happened.
    pub tally: Tally,
    /// The seeds that failed, and why.
    pub failures: Vec<(u64, String)>,
}

impl Summary {
    /// Adds those of others.
    pub fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.longest_out_s = self.longest_out_s.max(other.longest_out_s);
        self.tally.add(&other.tally);
        self.failures.extend(other.failures);
    }
}

/// Runs each seed.
pub fn run(seeds: Range<u64>, mutation: Mutation) -> Summary {
    // The outcome has the panic's message.
    std::panic::set_hook(Box::new(|_| ()));
    let mut summary = Summary::default();
    for seed in seeds {
        let outcome = world::run(&Plan::new(seed), seed, mutation);
        let failures = outcome.failure.map(|why| (seed, why)).into_iter().collect();
        let tally = outcome.trace.tally();
        summary.add(Summary { seconds: outcome.seconds, longest_out_s: outcome.longest_out_s, tally, failures });
    }
    summary
}

/// Leaves steps out of a seed's plan for as long as it fails without them.
pub fn shorten(seed: u64, mutation: Mutation) -> (Plan, Outcome) {
    let mut plan = Plan::new(seed);
    let mut outcome = world::run(&plan, seed, mutation);
    let mut index = plan.steps.len();
    while index > 0 {
        index -= 1;
        let shorter = plan.without(index);
        let run = world::run(&shorter, seed, mutation);
        if run.failure.is_some() {
            (plan, outcome) = (shorter, run);
        }
    }
    (plan, outcome)
}

/// Two lines of figures, and one for each failure.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}\n{}", self.seconds, self.longest_out_s, self.tally)?;
        self.failures.iter().try_for_each(|(seed, why)| writeln!(f, "{seed} {}", why.replace('\n', " ")))
    }
}

impl FromStr for Summary {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut lines = text.lines();
        let pair = |line: &str| line.split_once(' ').map(|(first, rest)| (first.to_owned(), rest.to_owned()));
        let (seconds, longest) = lines.next().and_then(pair).ok_or(())?;
        let tally = lines.next().and_then(Tally::parse).ok_or(())?;
        let failures = lines.map(|line| {
            let (seed, why) = pair(line).ok_or(())?;
            Ok((seed.parse().map_err(|_| ())?, why))
        });
        Ok(Self {
            seconds: seconds.parse().map_err(|_| ())?,
            longest_out_s: longest.parse().map_err(|_| ())?,
            tally,
            failures: failures.collect::<Result<_, ()>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_survives_the_way_to_the_parent() {
        let failures = vec![(3, "locked out".to_owned()), (9, "a slot is lost".to_owned())];
        let mut tally = Tally::default();
        tally.note("owner", "WIFI CONFIRM: OK");
        let summary = Summary { seconds: 7_000, longest_out_s: 42, tally, failures };
        assert_eq!(summary.to_string().parse(), Ok(summary));
        assert!("".parse::<Summary>().is_err() && "1 2\nx y".parse::<Summary>().is_err());
        assert!(format!("1 2\n{}\nx y", Tally::default()).parse::<Summary>().is_err());
    }
}
