//! The rules that hold in every run.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::trace::Trace;

/// How long the device may be out of reach, seconds, when nothing happens to it, its flash or the networks around it.
pub const OUT_OF_REACH_S_MAX: u64 = 50;
/// How long an answer may take in calm air, milliseconds. The radio listens on another channel for 100 at a time.
pub const ANSWER_MS_MAX: u64 = 400;
/// How long after the last client has gone every slot is free, seconds.
pub const SLOTS_FREE_S: u64 = 60;

/// The first thing that was found wrong. Clones are the same.
#[derive(Clone)]
pub struct Verdict {
    first: Rc<RefCell<Option<String>>>,
    trace: Trace,
}

impl Verdict {
    /// Nothing yet.
    pub fn new(trace: Trace) -> Self {
        Self { first: Rc::default(), trace }
    }

    /// Something is wrong.
    pub fn fail(&self, what: impl fmt::Display) {
        self.trace.note("CHECK", &what);
        self.first.borrow_mut().get_or_insert_with(|| what.to_string());
    }

    /// The first fault.
    pub fn get(&self) -> Option<String> {
        self.first.borrow().clone()
    }
}

/// The values that a setting may have, by the answers to clients. After an answer one value is possible. After a
/// request without an answer, the value before it is possible too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<T> {
    possible: Vec<T>,
    /// The possible values before the request that is under way.
    before: Option<Vec<T>>,
}

impl<T: Clone + PartialEq + fmt::Debug> Known<T> {
    /// This value, for sure.
    pub fn new(value: T) -> Self {
        Self { possible: vec![value], before: None }
    }

    /// Whether this may be the value.
    pub fn may_be(&self, value: &T) -> bool {
        self.possible.contains(value)
    }

    /// A change is asked for.
    pub fn asked(&mut self, change: impl Fn(&T) -> T) {
        self.before = Some(self.possible.clone());
        for value in self.possible.clone().iter().map(change) {
            if !self.possible.contains(&value) {
                self.possible.push(value);
            }
        }
    }

    /// The request was acknowledged.
    pub fn acknowledged(&mut self, change: impl Fn(&T) -> T) {
        if let Some(before) = self.before.take() {
            self.possible = before.iter().map(change).collect();
        }
    }

    /// The request was refused.
    pub fn refused(&mut self) {
        if let Some(before) = self.before.take() {
            self.possible = before;
        }
    }

    /// Notes the value.
    ///
    /// # Errors
    /// The value is impossible.
    pub fn observed(&mut self, value: &T) -> Result<(), String> {
        if !self.may_be(value) {
            return Err(format!("{value:?} instead of {:?}", self.possible));
        }
        (self.possible, self.before) = (vec![value.clone()], None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_in_force_and_what_was_asked_for_may_be() {
        let mut known = Known::new(0);
        known.asked(|_| 1);
        known.asked(|old| old + 10);
        assert!([0, 1, 10, 11].iter().all(|value| known.may_be(value)) && !known.may_be(&2));
        known.acknowledged(|old| old + 10);
        assert!(known.clone().observed(&1).is_err(), "it was acknowledged later");
        assert!(known.observed(&11).is_ok() && !known.may_be(&10), "the one without an answer was carried out");
        known.asked(|_| 4);
        known.refused();
        assert!(known.observed(&4).is_err() && known.observed(&11).is_ok());
    }
}
