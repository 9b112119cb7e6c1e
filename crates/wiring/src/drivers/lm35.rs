//! LM35: a thermometer with a voltage of 10 mV for each degree (Texas Instruments' data sheet SNIS159H).

use crate::driver::{Driver, Fault, Id, Job, Next, Use, celsius, every, gauge, pin};
use crate::drivers::adc::mean;
use crate::hardware::Hardware;

/// The coldest that it can measure on one supply (figure 1), and the hottest that every chip's converter measures well.
const MINIMUM: i32 = 20;
const MAXIMUM: i32 = 1_000;

pub(super) const DRIVER: Driver = Driver {
    name: "lm35",
    id: Id::Lm35,
    help: "thermometer with an analog output of 10 mV for each degree, from 2 degrees",
    words: &[pin("pin", Use::Analog, "analog pin")],
    readings: &[gauge("", celsius(1), (MINIMUM, MAXIMUM))],
    output: None,
    period: every(1_000, 100),
};

pub(super) fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    // A millivolt is a tenth of a degree.
    let tenths = mean(hardware, job, 1)? as i32;
    if tenths < MINIMUM {
        return Err(Fault::Short);
    }
    job.set(0, tenths);
    Ok(Next::DONE)
}
