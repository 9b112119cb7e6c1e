//! What must hold in every run.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::trace::Trace;

/// How long the device may be out of reach, seconds, when nothing happens to it, its flash or the networks around it.
pub const OUT_OF_REACH_S_MAX: u64 = 180;
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

    /// What was found first.
    pub fn get(&self) -> Option<String> {
        self.first.borrow().clone()
    }
}

/// What is known of a setting from outside: the value that was acknowledged last, and those that were asked for since
/// and never answered, each of which may or may not be in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<T> {
    sure: T,
    maybe: Vec<T>,
}

impl<T: Clone + PartialEq + fmt::Debug> Known<T> {
    /// This value, for sure.
    pub fn new(sure: T) -> Self {
        Self { sure, maybe: Vec::new() }
    }

    /// The value that was acknowledged last.
    pub fn sure(&self) -> &T {
        &self.sure
    }

    /// Another value is asked for.
    pub fn asked(&mut self, value: T) {
        self.maybe.push(value);
    }

    /// It was acknowledged.
    pub fn acknowledged(&mut self, value: T) {
        self.sure = value;
        self.maybe.clear();
    }

    /// It was refused.
    pub fn refused(&mut self, value: &T) {
        self.maybe.retain(|maybe| maybe != value);
    }

    /// This is in force. An error if it can't be.
    pub fn observed(&mut self, value: &T) -> Result<(), String> {
        if *value == self.sure {
            return Ok(());
        }
        if self.maybe.contains(value) {
            self.sure = value.clone();
            return Ok(());
        }
        Err(format!("{value:?} instead of {:?}, or perhaps one of {:?}", self.sure, self.maybe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_in_force_and_what_was_asked_for_may_be() {
        let mut known = Known::new(0);
        known.asked(1);
        known.asked(2);
        assert!(known.observed(&0).is_ok() && known.observed(&3).is_err());
        assert!(known.observed(&2).is_ok(), "it was carried out, and its answer lost");
        known.asked(4);
        known.refused(&4);
        assert!(known.observed(&4).is_err());
        known.asked(5);
        known.acknowledged(5);
        assert!(known.observed(&5).is_ok() && known.observed(&2).is_err());
    }
}
