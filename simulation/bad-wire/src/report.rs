//! The results of a run.

use anyhow::Result;

use crate::device::Stack;
use crate::plan::{End, LOSSES, Plan};
use crate::transfer::Outcome;

/// The transfers that have ended.
#[derive(Default)]
pub struct Report {
    outcomes: Vec<(Stack, Outcome)>,
    /// Failed transfers, of ours and of embassy-net's.
    failed: [usize; 2],
}

impl Report {
    /// Adds a transfer, and prints it.
    pub fn add(&mut self, plan: Plan, stack: Stack, result: Result<Outcome>) {
        let head = format!("{:>3} {:<11} {}", plan.number, stack.name(), plan.describe());
        match result {
            Ok(outcome) => {
                println!(
                    "{head}: {} bytes in {:.1} s, sent {:.2} times, {} given up{}",
                    plan.content.len,
                    outcome.seconds,
                    outcome.redundancy(),
                    outcome.given_up,
                    if outcome.device.has_wrapped { ", device's numbers pass 2^32" } else { "" },
                );
                self.outcomes.push((stack, outcome));
            }
            Err(error) => {
                println!("{head}: FAILED: {error:#}");
                self.failed[stack as usize] += 1;
            }
        }
    }

    /// Whether a transfer of ours has failed.
    pub fn has_failed(&self) -> bool {
        self.failed[Stack::Sockeye as usize] > 0
    }

    /// Prints the sums, as rows of a table: medians by loss, direction and stack.
    pub fn print(&self) {
        println!("\n| lost | from | TCP of the device | transfers | goodput, bytes/s | sent, times | given up |");
        for (loss, sender) in (0..LOSSES.len()).flat_map(|loss| [End::Linux, End::Device].map(|end| (loss, end))) {
            for stack in [Stack::Sockeye, Stack::EmbassyNet] {
                let is_one = |(its, outcome): &&(Stack, Outcome)| {
                    *its == stack && outcome.plan.loss == loss && outcome.plan.sender == sender
                };
                let of: Vec<_> = self.outcomes.iter().filter(is_one).map(|(_, outcome)| outcome).collect();
                let median = |value: fn(&Outcome) -> f64| {
                    let mut values: Vec<_> = of.iter().map(|outcome| value(outcome)).collect();
                    values.sort_by(f64::total_cmp);
                    values.get(values.len() / 2).copied()
                };
                let (Some(goodput), Some(sent)) = (median(Outcome::goodput), median(Outcome::redundancy)) else {
                    continue;
                };
                let given_up: u32 = of.iter().map(|outcome| outcome.given_up).sum();
                println!(
                    "| {} % | {} | {} | {} | {goodput:.0} | {sent:.3} | {given_up} |",
                    LOSSES[loss] / 10,
                    sender.name(),
                    stack.name(),
                    of.len(),
                );
            }
        }
        let wrapped =
            self.outcomes.iter().filter(|(stack, outcome)| *stack == Stack::Sockeye && outcome.device.has_wrapped);
        println!(
            "{} transfers: {} of ours have failed, {} of embassy-net's; the device's numbers have passed 2^32 in {} of ours",
            self.outcomes.len() + self.failed.iter().sum::<usize>(),
            self.failed[0],
            self.failed[1],
            wrapped.count(),
        );
    }
}
