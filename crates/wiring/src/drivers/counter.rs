//! Pulses that come in: how many, and how many a second.

use crate::driver::{
    Driver, Fault, Figure, Id, Job, Next, PULL, Reading, Use, choice, debounce, every, fit, gauge, pin,
};
use crate::drivers::input::pull;
use crate::hardware::{Hardware, PinMode};
use crate::number::rounded;
use crate::spec::SpecArgs;

pub(super) const DRIVER: Driver = Driver {
    name: "counter",
    id: Id::Counter,
    help: "falling edges at a pin: their number, and their rate",
    words: &[
        pin("pin", Use::Input, "pin"),
        choice("pull", PULL, 1, "the chip's weak resistor"),
        debounce(0, "how long the level must be high before an edge"),
    ],
    readings: &[
        Reading { suffix: "", unit: "", decimals: 0, minimum: 0, maximum: i32::MAX, figure: Figure::Counter },
        gauge("rate", ("Hz", 2), (0, i32::MAX)),
    ],
    output: None,
    period: every(1_000, 100),
};

pub(super) fn mode(args: &SpecArgs) -> PinMode {
    PinMode::Counter { pull: pull(args), debounce_ms: args.get("debounce") as u16 }
}

/// Its memory is the count of the sample before, and when that was; there was none if the next begins with stage 0.
pub(super) fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let (count, now_ms) = (hardware.count(job.args.pin("pin")), job.now_ms as u32);
    let [last, last_ms] = job.memory;
    let passed_ms = now_ms.wrapping_sub(last_ms);
    if job.stage != 0 && passed_ms > 0 {
        // Hundredths of a hertz.
        job.set(1, fit(rounded(i64::from(count.wrapping_sub(last)) * 100_000, passed_ms.into()))?);
    }
    job.set(0, count.min(i32::MAX as u32) as i32);
    job.memory = [count, now_ms];
    Ok(Next::Done { stage: 1 })
}
