//! When which thing is sampled, and what becomes of it: without IO and without a clock.

use sockeye_backoff::Backoff;

use crate::driver::{Driver, Fault, Id, Job, Next};
use crate::drivers::{self, Debounce};
use crate::hardware::{Drive, Hardware};
use crate::limits::{MISSED_SAMPLES_MAX, READINGS_MAX, SAMPLE_PAUSES, STEPS_MAX, THINGS_MAX, WAIT_MS_MAX};
use crate::spec::Spec;
use crate::wiring::Wiring;

/// The state of one thing. Times wrap after 49 days, which is longer than any period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// When its next step is due, milliseconds since boot.
    due_ms: u32,
    /// When its sample began, milliseconds since boot.
    began_ms: u32,
    /// When it last had a value, seconds since boot, if it has had one.
    last_s: Option<core::num::NonZeroU32>,
    /// Samples that failed.
    failed: u32,
    memory: [u32; 2],
    /// The value of its output.
    output: i32,
    stage: u8,
    /// Steps of this sample.
    steps: u8,
    backoff: Backoff,
    fault: Option<Fault>,
    /// Its pin is set up, if its driver needs that.
    is_set_up: bool,
}

impl State {
    const NEW: Self = Self {
        due_ms: 0,
        began_ms: 0,
        last_s: None,
        failed: 0,
        memory: [0; 2],
        output: 0,
        stage: 0,
        steps: 0,
        backoff: Backoff::new(),
        fault: None,
        is_set_up: false,
    };

    fn is_due(&self, now_ms: u64) -> bool {
        wait_ms(self.due_ms, now_ms) == 0
    }

    /// Notes a failure: the sample begins anew after a pause. True if the thing keeps the value that it has.
    fn fail(&mut self, fault: Fault, driver: &Driver, now_ms: u64) -> bool {
        self.failed = self.failed.saturating_add(1);
        let has_value = self.fault.is_none() && self.last_s.is_some() && !driver.readings.is_empty();
        let is_kept = has_value && self.backoff.failures() < MISSED_SAMPLES_MAX;
        if !is_kept {
            self.fault = Some(fault);
        }
        (self.stage, self.steps, self.memory) = (0, 0, [0; 2]);
        let pause_ms = self.backoff.next_ms(&SAMPLE_PAUSES, 0).max(driver.period.map_or(0, |period| period.minimum_ms));
        self.due_ms = (now_ms as u32).wrapping_add(pause_ms);
        is_kept
    }
}

/// How long until a time that wraps, milliseconds; 0 if it is past.
fn wait_ms(due_ms: u32, now_ms: u64) -> u32 {
    let wait = due_ms.wrapping_sub(now_ms as u32) as i32;
    wait.max(0).unsigned_abs()
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Why it has no value; None if it has one, or is an output that works, or was not sampled yet.
    pub fault: Option<Fault>,
    /// When it last had a value, seconds since boot, rounded up; None before the first.
    pub last_s: Option<u32>,
    /// Samples that failed since it was wired.
    pub failed: u32,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The thing was removed or wired otherwise meanwhile: the step counts for nothing.
    Stale,
    /// The sample failed, and the thing keeps its value: no more than [`MISSED_SAMPLES_MAX`] in a row have failed.
    Missed,
    /// The job's values are new; there may be none yet.
    Values {
        /// The thing's number in the wiring that is in force now.
        thing: u8,
    },
    /// The thing has no value any more, as from now.
    Lost {
        /// The same.
        thing: u8,
    },
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Todo {
    /// This step, now.
    Step(Job),
    /// Nothing for so many milliseconds.
    Wait(u32),
}

/// The states of all things that are wired.
///
/// Each method takes the wiring that is in force, whose things it numbers in their order.
#[derive(Debug)]
pub struct Sampler {
    states: [State; THINGS_MAX],
    /// Pins to release before others are set up, by number.
    leaving: u64,
    /// The thing that a step is under way for; None if there is none, or the thing was removed or wired otherwise.
    under_way: Option<u8>,
    /// The thing that was looked at last, so that one that is always due leaves the others their turn.
    last: u8,
}

impl Sampler {
    /// Memory for one: all of it is zero, so that a static of it takes no flash. A state without a fault is not zero.
    pub const ZERO: Self = {
        let state = State { fault: Some(Fault::NoAnswer), ..State::NEW };
        Self { states: [state; THINGS_MAX], leaving: 0, under_way: None, last: 0 }
    };

    /// Of no things.
    pub const fn new() -> Self {
        Self { states: [State::NEW; THINGS_MAX], leaving: 0, under_way: None, last: 0 }
    }

    /// Another wiring is in force. Things whose spec is the same go on as they are, and so does a step that is under way
    /// for one of them. A step for another thing counts for nothing.
    pub fn rewire(&mut self, before: &Wiring, after: &Wiring, now_ms: u64) {
        let under_way = self.under_way.take().and_then(|thing| before.iter().nth(thing.into()));
        self.under_way = under_way.and_then(|thing| Some(after.iter().position(|other| other == thing)? as u8));
        let mut states = [State::NEW; THINGS_MAX];
        for ((name, text), state) in after.iter().zip(&mut states) {
            let mut olds = before.iter().zip(&self.states);
            if let Some((_, old)) = olds.find(|((known, old), _)| (*known, *old) == (name, text)) {
                *state = *old;
            } else if let Ok(spec) = Spec::parse(text) {
                state.due_ms = now_ms as u32;
                state.output = drivers::initial(&spec.args);
            }
        }
        for (name, text) in before.iter() {
            if after.get(name) != Some(text)
                && let Ok(spec) = Spec::parse(text)
            {
                self.leaving |= spec.args.pins().filter(|(pin, _)| *pin < 64).fold(0, |pins, (pin, _)| pins | 1 << pin);
            }
        }
        self.states = states;
    }

    /// Releases pins that are not used any more, and sets up those of new things.
    pub fn set_up(&mut self, wiring: &Wiring, hardware: &impl Hardware, now_ms: u64) {
        let leaving = core::mem::take(&mut self.leaving);
        (0..64).filter(|pin| leaving >> pin & 1 == 1).for_each(|pin| hardware.release(pin));
        for ((_, text), state) in wiring.iter().zip(&mut self.states) {
            if state.is_set_up || !state.is_due(now_ms) {
                continue;
            }
            let Ok(spec) = Spec::parse(text) else { continue };
            let mode = drivers::mode(spec.driver, &spec.args, state.output);
            match mode.map_or(Ok(()), |(pin, mode)| hardware.set_up(pin, mode)) {
                Ok(()) => {
                    state.is_set_up = true;
                    if let Some(plan) = drivers::drive_plan(spec.driver, &spec.args) {
                        state.memory = plan;
                    }
                    // The fault of an earlier setup is over.
                    (state.fault, state.backoff) = (None, Backoff::new());
                }
                // A thing that isn't set up has no value to keep.
                Err(_) => _ = state.fail(Fault::Hardware, spec.driver, now_ms),
            }
        }
    }

    /// Returns the next thing to do.
    pub fn next(&mut self, wiring: &Wiring, now_ms: u64) -> Todo {
        let mut wait = WAIT_MS_MAX;
        let len = wiring.len();
        let start = usize::from(self.last) + 1;
        for index in (start..start + len).filter_map(|index| index.checked_rem(len)) {
            let (Some((_, text)), Some(state)) = (wiring.iter().nth(index), self.states.get_mut(index)) else {
                continue;
            };
            let Ok(spec) = Spec::parse(text) else { continue };
            if spec.driver.period.is_none() && state.is_set_up {
                continue;
            }
            let until = wait_ms(state.due_ms, now_ms);
            if until > 0 || !state.is_set_up {
                wait = wait.min(until);
                continue;
            }
            if state.steps == 0 {
                state.began_ms = now_ms as u32;
            }
            self.last = index as u8;
            self.under_way = Some(index as u8);
            return Todo::Step(Job {
                driver: spec.driver,
                args: spec.args,
                stage: state.stage,
                now_ms,
                memory: state.memory,
                output: state.output,
                values: [None; READINGS_MAX],
            });
        }
        Todo::Wait(wait)
    }

    /// The step that is under way has ended.
    pub fn end(&mut self, wiring: &Wiring, job: &Job, result: Result<Next, Fault>, now_ms: u64) -> Report {
        let Some(thing) = self.under_way.take() else { return Report::Stale };
        let spec = wiring.iter().nth(thing.into()).and_then(|(_, text)| Spec::parse(text).ok());
        let (Some(spec), Some(state)) = (spec, self.states.get_mut(usize::from(thing))) else {
            return Report::Stale;
        };
        state.steps = state.steps.saturating_add(1);
        let result = match result {
            _ if !job.is_in_range() => Err(Fault::Range),
            Ok(Next::Step { .. }) if state.steps >= STEPS_MAX => Err(Fault::NotReady),
            result => result,
        };
        match result {
            Ok(Next::Step { stage, after_ms }) => {
                (state.stage, state.memory) = (stage, job.memory);
                state.due_ms = (now_ms as u32).wrapping_add(after_ms.min(WAIT_MS_MAX));
                Report::Values { thing }
            }
            Ok(Next::Done { stage }) => {
                (state.stage, state.memory, state.steps) = (stage, job.memory, 0);
                (state.fault, state.backoff) = (None, Backoff::new());
                state.last_s = core::num::NonZeroU32::new(now_ms.div_ceil(1_000).max(1) as u32);
                // From one begin to the next, unless the sample took longer than that.
                let next_ms = state.began_ms.wrapping_add(spec.period_ms);
                let is_late = wait_ms(next_ms, now_ms) == 0;
                state.due_ms = if is_late { now_ms as u32 } else { next_ms };
                // An output that was set meanwhile.
                if state.output != job.output {
                    state.due_ms = now_ms as u32;
                }
                Report::Values { thing }
            }
            Err(fault) => match state.fail(fault, job.driver, now_ms) {
                true => Report::Missed,
                false => Report::Lost { thing },
            },
        }
    }

    /// Whether there are inputs to look at.
    pub fn has_inputs(&self, wiring: &Wiring) -> bool {
        wiring.iter().any(|(_, text)| is_input(text))
    }

    /// Looks at all inputs, and gives the first that has changed and its value; to be repeated until there is none.
    pub fn look(&mut self, wiring: &Wiring, hardware: &impl Hardware, now_ms: u64) -> Option<(u8, i32)> {
        for (index, ((_, text), state)) in wiring.iter().zip(&mut self.states).enumerate() {
            if !state.is_set_up || !is_input(text) {
                continue;
            }
            let Ok(spec) = Spec::parse(text) else { continue };
            let mut debounce = Debounce::from_memory(state.memory);
            let changed = debounce.look(hardware, &spec.args, now_ms);
            state.memory = debounce.to_memory();
            if let Some(value) = changed {
                state.last_s = core::num::NonZeroU32::new(now_ms.div_ceil(1_000).max(1) as u32);
                return Some((index as u8, value));
            }
        }
        None
    }

    /// The pin and the drive for a value of a thing's output. None if a step drives it, or if the pin isn't set up yet.
    /// The setup then takes the value that is [set](Self::set).
    pub fn drive(&self, index: usize, value: i32) -> Option<(u8, Drive)> {
        let state = self.states.get(index).filter(|state| state.is_set_up)?;
        drivers::planned_drive(state.memory, value)
    }

    /// Sets a thing's output, in units of its last decimal. Where a step does it, that is due at once.
    pub fn set(&mut self, index: usize, value: i32, now_ms: u64) {
        if let Some(state) = self.states.get_mut(index) {
            state.output = value;
            if state.fault.is_none() {
                state.due_ms = now_ms as u32;
            }
        }
    }

    /// The value of a thing's output, in units of its last decimal.
    pub fn output(&self, index: usize) -> i32 {
        self.states.get(index).map_or(0, |state| state.output)
    }

    /// How a thing is.
    pub fn status(&self, index: usize) -> Status {
        let state = self.states.get(index).copied().unwrap_or(State::NEW);
        Status { fault: state.fault, last_s: state.last_s.map(core::num::NonZeroU32::get), failed: state.failed }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a spec is that of an input, without parsing it, because the check runs a hundred times a second.
fn is_input(text: &str) -> bool {
    let driver = text.split(' ').find(|word| !word.is_empty());
    driver.and_then(drivers::find).is_some_and(|driver| driver.id == Id::Input)
}
