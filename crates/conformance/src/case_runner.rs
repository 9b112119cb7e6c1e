//! Runs the cases one after the other and prints a line for each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::case::{Case, CaseResult, TooSlow};
use crate::limits::{BETWEEN_CASES_MAX, CASE_MAX, CYCLE_MAX, SETTLE_AGAIN_MAX, SLOW_RUNS};
use crate::slots;
use crate::target::Target;

const BEFORE_THE_CASE: &str = "before the case began";

/// Returns whether all passed.
pub fn run(cases: &[Case], target: &Target) -> bool {
    let (mut passed, mut failed) = (0, 0);
    let mut hanging: Option<&str> = None;
    let mut settle_max = BETWEEN_CASES_MAX;
    for case in cases {
        let outcome = match hanging {
            None => until_quick_enough(|| run_within_limit(case, target, settle_max)).unwrap_or_else(|| {
                hanging = Some(case.name);
                Err(anyhow!("still not at its end after its time limit"))
            }),
            Some(name) => Err(anyhow!("not run, because {name} hangs")),
        };
        match outcome {
            Ok(detail) => {
                passed += 1;
                println!("ok   {}  {detail}", case.name);
            }
            Err(error) => {
                failed += 1;
                // A server that is dead by now costs the cases after this one no such wait.
                if error.to_string() == BEFORE_THE_CASE {
                    settle_max = SETTLE_AGAIN_MAX;
                }
                println!("FAIL {} {error:#}", case.name);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    failed == 0
}

/// `None` if the case doesn't end. Its thread can't be stopped, so nothing after it would be fair.
fn run_within_limit(case: &Case, target: &Target, settle_max: Duration) -> Option<CaseResult> {
    let cycles = u32::try_from(target.cycles).unwrap_or(u32::MAX);
    let limit: Duration = CASE_MAX + CYCLE_MAX * cycles;
    let (sender, receiver) = mpsc::channel();
    let (case, target) = (*case, target.clone());
    thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| run_on_free_slots(&case, &target, settle_max)))
            .unwrap_or_else(|_| Err(anyhow!("the case itself panicked")));
        // Nobody listens any more if the time limit has passed.
        let _ = sender.send(outcome);
    });
    receiver.recv_timeout(limit).ok()
}

/// Connections that the case before left open must not count against this one.
fn run_on_free_slots(case: &Case, target: &Target, settle_max: Duration) -> CaseResult {
    slots::all_usable(target, settle_max).context(BEFORE_THE_CASE)?;
    (case.run)(target)
}

/// Runs a case again that was too slow, a few times at most. Every other failure counts at once.
fn until_quick_enough(mut run: impl FnMut() -> Option<CaseResult>) -> Option<CaseResult> {
    for number in 1..SLOW_RUNS {
        match run() {
            Some(Err(error)) if TooSlow::is_in(&error) && error.to_string() != BEFORE_THE_CASE => {
                println!("slow at run {number}: {error:#}");
            }
            outcome => return outcome,
        }
    }
    run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_slow_is_run_again() {
        let runs = |fails: fn(usize) -> CaseResult| {
            let mut count = 0;
            let outcome = until_quick_enough(|| {
                count += 1;
                Some(fails(count))
            });
            (count, outcome.is_some_and(|outcome| outcome.is_ok()))
        };
        let slow = || TooSlow::error("the answer took 3 s");
        assert_eq!(runs(|_| Ok(String::new())), (1, true));
        assert_eq!(runs(|_| Err(anyhow!("no answer"))), (1, false));
        assert_eq!(runs(|_| Err(TooSlow::error("3 s")).context("to GET")), (SLOW_RUNS, false));
        assert_eq!(runs(|count| if count < 3 { Err(TooSlow::error("3 s")) } else { Ok(String::new()) }), (3, true));
        assert!(TooSlow::is_in(&slow()) && !TooSlow::is_in(&anyhow!("no answer")));
    }
}
