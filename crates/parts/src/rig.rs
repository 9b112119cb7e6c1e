//! A device's wiring over the models, in a time of its own.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use sockeye_wiring::driver::{Fault, Job};
use sockeye_wiring::limits::{INPUT_POLL_MS, STEP_MS};
use sockeye_wiring::sampler::{Report, Status, Todo};
use sockeye_wiring::{Hardware, Sampler, Spec, Wiring, drivers};

use crate::bench::Bench;

/// The wiring of a device whose pins are a [`Bench`], or others.
pub struct Rig<H = Bench> {
    /// The pins.
    pub bench: H,
    now_us: Rc<Cell<u64>>,
    wiring: Wiring,
    sampler: Sampler,
    /// The value of each key that has one.
    values: BTreeMap<String, i32>,
    /// Each sample: when, of which key, and its value.
    pub samples: Vec<(u64, String, i32)>,
}

impl Rig {
    /// With nothing on its pins.
    pub fn new() -> Self {
        let now_us = Rc::new(Cell::new(0));
        let clock = now_us.clone();
        Self::with(Bench::new(move || clock.get()), now_us)
    }
}

impl<H: Hardware> Rig<H> {
    /// With other pins, and the clock that they go by.
    pub fn with(bench: H, now_us: Rc<Cell<u64>>) -> Self {
        let (wiring, sampler) = (Wiring::new(), Sampler::new());
        Self { bench, now_us, wiring, sampler, values: BTreeMap::new(), samples: Vec::new() }
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        self.now_us.get() / 1_000
    }

    /// Gives a thing a spec; an empty one removes it.
    ///
    /// # Panics
    /// The wiring has no room for it.
    pub fn wire(&mut self, name: &str, spec: &str) {
        let before = self.wiring.clone();
        self.wiring.set(name, spec).unwrap();
        self.sampler.rewire(&before, &self.wiring, self.now_ms());
        self.values.retain(|key, _| key.split('.').next() != Some(name) || !spec.is_empty());
    }

    fn index(&self, name: &str) -> usize {
        self.wiring.iter().position(|(known, _)| known == name).unwrap()
    }

    /// How a thing is.
    ///
    /// # Panics
    /// There is no such thing.
    pub fn status(&self, name: &str) -> Status {
        self.sampler.status(self.index(name))
    }

    /// Why a thing has no value.
    ///
    /// # Panics
    /// There is no such thing.
    pub fn fault(&self, name: &str) -> Option<Fault> {
        self.status(name).fault
    }

    /// Sets a thing's output, in units of its last decimal.
    ///
    /// # Panics
    /// There is no such thing, or its pin refuses.
    pub fn set(&mut self, name: &str, value: i32) {
        let now_ms = self.now_ms();
        let thing = self.index(name);
        if let Some((pin, drive)) = self.sampler.drive(thing, value) {
            self.bench.drive(pin, drive).unwrap();
        }
        self.sampler.set(thing, value, now_ms);
    }

    /// A key's value, in units of its last decimal.
    pub fn get(&self, key: &str) -> Option<i32> {
        self.values.get(key).copied()
    }

    /// Runs for so many milliseconds.
    pub fn run(&mut self, ms: u64) {
        let end_ms = self.now_ms() + ms;
        while self.now_ms() < end_ms {
            let now_ms = self.now_ms();
            self.sampler.set_up(&self.wiring, &self.bench, now_ms);
            while let Some((thing, value)) = self.sampler.look(&self.wiring, &self.bench, now_ms) {
                self.note(thing.into(), 0, value);
            }
            match self.sampler.next(&self.wiring, now_ms) {
                Todo::Step(job) => self.step(job),
                Todo::Wait(ms) => {
                    let poll_ms = if self.sampler.has_inputs(&self.wiring) { INPUT_POLL_MS } else { u64::MAX };
                    let wait_ms = u64::from(ms).min(poll_ms).min(end_ms - now_ms).max(1);
                    self.now_us.set((now_ms + wait_ms) * 1_000);
                }
            }
        }
    }

    fn step(&mut self, mut job: Job) {
        let step = {
            let step = pin!(drivers::step(&self.bench, &mut job));
            step.poll(&mut Context::from_waker(Waker::noop()))
        };
        let result = match step {
            Poll::Ready(result) => result,
            // The models answer at once or never.
            Poll::Pending => {
                self.now_us.set(self.now_us.get() + STEP_MS * 1_000);
                Err(Fault::Hangs)
            }
        };
        match self.sampler.end(&self.wiring, &job, result, self.now_ms()) {
            Report::Stale | Report::Missed => {}
            Report::Lost { thing } => {
                let (name, _) = self.wiring.iter().nth(thing.into()).unwrap();
                self.values.retain(|key, _| key != name && !key.starts_with(&format!("{name}.")));
            }
            Report::Values { thing } => {
                for (reading, value) in job.values.iter().enumerate() {
                    if let Some(value) = value {
                        self.note(thing.into(), reading, *value);
                    }
                }
            }
        }
    }

    fn note(&mut self, thing: usize, reading: usize, value: i32) {
        let (name, text) = self.wiring.iter().nth(thing).unwrap();
        let suffix = Spec::parse(text).unwrap().driver.readings[reading].suffix;
        let key = if suffix.is_empty() { name.to_owned() } else { format!("{name}.{suffix}") };
        self.samples.push((self.now_ms(), key.clone(), value));
        self.values.insert(key, value);
    }
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}
