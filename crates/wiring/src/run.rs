//! The loops that sample what is wired.

use embassy_futures::join::join;
use embassy_futures::select::select;
use embassy_time::{Duration, Timer, with_timeout};

use crate::driver::Fault;
use crate::drivers;
use crate::hardware::Hardware;
use crate::limits::{INPUT_IDLE_MS, INPUT_POLL_MS, SCAN_MS, STEP_MS};
use crate::sampler::{Report, Sampler, Todo};
use crate::scan::{Found, ScanRequest, scan};
use crate::wiring::Wiring;

/// The application as the wiring's loops use it.
pub trait Desk {
    /// Milliseconds since boot.
    fn now_ms(&self) -> u64;
    /// Works on the wiring that is in force and what is kept of its things.
    fn with<R>(&self, work: impl FnOnce(&Wiring, &mut Sampler) -> R) -> R;
    /// A reading of a thing has a new value, in units of its last decimal.
    fn sample(&self, thing: u8, reading: usize, value: i32);
    /// A thing's readings have no value any more.
    fn lose(&self, thing: u8);
    /// Waits until the wiring or an output was changed, or a scan was asked for, since the last time that this returned.
    async fn changed(&self);
    /// A scan that is asked for, once.
    fn scan(&self) -> Option<ScanRequest>;
    /// Reports the outcome of a scan.
    fn scanned(&self, result: Result<Found, Fault>);
}

/// Samples what is wired, for ever: sensors one step after another, and inputs beside them.
pub async fn run<H: Hardware, D: Desk>(hardware: &H, desk: &D) -> ! {
    match join(sample(hardware, desk), watch(hardware, desk)).await {}
}

/// Sets up pins and does steps of sensors. A step that doesn't end is given up. A change waits for the end of the step:
/// given up for each change, no step would end while an output changes all the time. No pin is set up meanwhile.
async fn sample<H: Hardware, D: Desk>(hardware: &H, desk: &D) -> core::convert::Infallible {
    loop {
        if let Some(request) = desk.scan() {
            let scan = with_timeout(Duration::from_millis(SCAN_MS), scan(hardware, request));
            desk.scanned(scan.await.unwrap_or(Err(Fault::Hangs)));
        }
        let now_ms = desk.now_ms();
        let todo = desk.with(|wiring, sampler| {
            sampler.set_up(wiring, hardware, now_ms);
            sampler.next(wiring, now_ms)
        });
        let mut job = match todo {
            Todo::Step(job) => job,
            Todo::Wait(wait_ms) => {
                select(Timer::after(Duration::from_millis(wait_ms.into())), desk.changed()).await;
                continue;
            }
        };
        let step = with_timeout(Duration::from_millis(STEP_MS), drivers::step(hardware, &mut job));
        let result = step.await.unwrap_or(Err(Fault::Hangs));
        let now_ms = desk.now_ms();
        match desk.with(|wiring, sampler| sampler.end(wiring, &job, result, now_ms)) {
            Report::Stale | Report::Missed => {}
            Report::Lost { thing } => desk.lose(thing),
            Report::Values { thing } => {
                for (reading, value) in job.values.iter().enumerate() {
                    if let Some(value) = value {
                        desk.sample(thing, reading, *value);
                    }
                }
            }
        }
    }
}

/// Polls inputs, and reports each change at once.
async fn watch<H: Hardware, D: Desk>(hardware: &H, desk: &D) -> core::convert::Infallible {
    loop {
        let now_ms = desk.now_ms();
        while let Some((thing, value)) = desk.with(|wiring, sampler| sampler.look(wiring, hardware, now_ms)) {
            desk.sample(thing, 0, value);
        }
        let has_inputs = desk.with(|wiring, sampler| sampler.has_inputs(wiring));
        Timer::after(Duration::from_millis(if has_inputs { INPUT_POLL_MS } else { INPUT_IDLE_MS })).await;
    }
}
