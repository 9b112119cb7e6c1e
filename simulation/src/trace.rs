//! The events of a run, by the clock: printed when a check fails, and compared when a run is repeated.

use std::cell::RefCell;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use embassy_time::Instant;

use crate::tally::Tally;

/// Lines that are kept; the digest is over all.
const LINES_MAX: usize = 4_000;

#[derive(Default)]
struct State {
    lines: Vec<String>,
    forgotten: usize,
    digest: DefaultHasher,
    tally: Tally,
}

/// Lines with their times. Clones are the same trace.
#[derive(Clone, Default)]
pub struct Trace(Rc<RefCell<State>>);

impl Trace {
    /// Adds a line.
    pub fn note(&self, who: &str, what: impl fmt::Display) {
        let ms = Instant::now().as_millis();
        let what = what.to_string();
        let line = format!("{:>5}.{:03} {who:<8} {what}", ms / 1_000, ms % 1_000);
        let state = &mut *self.0.borrow_mut();
        state.tally.note(who, &what);
        line.hash(&mut state.digest);
        if state.lines.len() == LINES_MAX {
            state.lines.remove(0);
            state.forgotten += 1;
        }
        state.lines.push(line);
    }

    /// How often each event happened.
    pub fn tally(&self) -> Tally {
        self.0.borrow().tally.clone()
    }

    /// A number that two runs share only if they went the same way.
    pub fn digest(&self) -> u64 {
        self.0.borrow().digest.finish()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.borrow();
        if state.forgotten > 0 {
            writeln!(f, "  ({} lines before)", state.forgotten)?;
        }
        state.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
