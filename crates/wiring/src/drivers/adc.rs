//! A voltage at a pin, with a scale and an offset, and what other analog sensors share.

use crate::driver::{Driver, Fault, Id, Job, Kind, Next, Use, Word, every, fit, gauge, number, pin};
use crate::hardware::{Hardware, Range};
use crate::limits::{CONVERSIONS, DECIMALS_MAX, LOW_RANGE_MV};
use crate::number::{TENS, rounded};

pub(super) const DRIVER: Driver = Driver {
    name: "adc",
    id: Id::Adc,
    help: "voltage at a pin: millivolts times scale, plus offset",
    words: &[
        pin("pin", Use::Analog, "analog pin"),
        number("scale", (i32::MIN, i32::MAX), (6, ""), 1_000_000, "units for a millivolt"),
        number("offset", (i32::MIN, i32::MAX), (3, ""), 0, "units at 0 mV"),
        Word { name: "unit", kind: Kind::Unit, default: Some(0), help: "unit of the reading" },
        number("decimals", (0, DECIMALS_MAX as i32), (0, ""), 0, "decimals of the reading"),
    ],
    readings: &[gauge("", ("mV", 0), (i32::MIN, i32::MAX))],
    output: None,
    period: every(1_000, 100),
};

pub(super) fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let sum = i64::from(sum(hardware, job)?);
    let decimals = job.args.get("decimals") as usize;
    // Millionths of a unit, times the number of conversions.
    let millionths = sum * job.args.get("scale") + i64::from(CONVERSIONS) * job.args.get("offset") * 1_000;
    let ten = TENS.get(decimals).copied().unwrap_or(1);
    job.set(0, fit(rounded(millionths, i64::from(CONVERSIONS) * (1_000_000 / ten)))?);
    Ok(Next::DONE)
}

/// The sum of [`CONVERSIONS`] conversions at the job's pin, millivolts: in the more exact range, if they are within it.
fn sum(hardware: &impl Hardware, job: &Job) -> Result<u32, Fault> {
    let pin = job.args.pin("pin");
    let sum = |range| {
        let mut conversions = (0..CONVERSIONS).map(|_| hardware.millivolts(pin, range).map(u32::from));
        conversions.try_fold(0, |sum, millivolts| Some(sum + millivolts?)).ok_or(Fault::Hardware)
    };
    match sum(Range::Low)? {
        low if low <= CONVERSIONS * u32::from(LOW_RANGE_MV) => Ok(low),
        _ => sum(Range::Full),
    }
}

/// The rounded mean of them, in so many parts of a millivolt.
pub(super) fn mean(hardware: &impl Hardware, job: &Job, parts: i64) -> Result<i64, Fault> {
    Ok(rounded(i64::from(sum(hardware, job)?) * parts, CONVERSIONS.into()))
}
