//! TMP36: a thermometer with 750 mV at 25 °C and 10 mV for each degree (Analog Devices' data sheet, revision H).

use crate::driver::{Driver, Fault, Id, Job, Next, Use, celsius, every, gauge, pin};
use crate::drivers::adc::mean;
use crate::hardware::Hardware;

pub(super) const DRIVER: Driver = Driver {
    name: "tmp36",
    id: Id::Tmp36,
    help: "thermometer with an analog output of 10 mV for each degree, and 500 mV at 0",
    words: &[pin("pin", Use::Analog, "analog pin")],
    readings: &[gauge("", celsius(1), (-400, 1_250))],
    output: None,
    period: every(1_000, 100),
};

/// Less than it gives at -40 degrees.
const SHORT_MV: i32 = 50;

pub(super) fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let millivolts = mean(hardware, job, 1)? as i32;
    if millivolts < SHORT_MV {
        return Err(Fault::Short);
    }
    job.set(0, millivolts - 500);
    Ok(Next::DONE)
}
