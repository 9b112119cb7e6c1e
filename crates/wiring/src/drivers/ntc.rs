//! NTC thermistors: a resistor whose resistance falls by the beta equation.
//!
//! The thermistor and a fixed resistor divide the supply. With its resistance R, that at 25 °C R25, and its beta B, the
//! temperature is T = 1 / (1 / 298.15 K + ln(R / R25) / B).

use crate::driver::{Driver, Fault, Id, Job, Next, Use, celsius, choice, every, gauge, number, pin};
use crate::drivers::adc::mean;
use crate::hardware::Hardware;

pub(super) const DRIVER: Driver = Driver {
    name: "ntc",
    id: Id::Ntc,
    help: "thermistor in a divider with a fixed resistor",
    words: &[
        pin("pin", Use::Analog, "analog pin, between the two"),
        number("beta", (500, 10_000), (0, "K"), 3_950, "beta of the thermistor"),
        number("resistance", (100, 10_000_000), (0, "Ohm"), 10_000, "resistance of the thermistor at 25 degrees"),
        number("series", (100, 10_000_000), (0, "Ohm"), 10_000, "the fixed resistor"),
        number("supply", (500, 5_500), (0, "mV"), 3_300, "voltage across both"),
        choice("to", &["ground", "supply"], 0, "where the thermistor's other end is"),
    ],
    readings: &[gauge("", celsius(1), (-550, 1_500))],
    output: None,
    period: every(1_000, 100),
};

const KELVIN: f32 = 273.15;
/// Voltages closer to an end than this part of the supply are no thermistor's.
const END_PART: i64 = 200;

pub(super) fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let supply = job.args.get("supply") * 16;
    let at_pin = mean(hardware, job, 16)?;
    // The voltage across the thermistor, sixteenths of a millivolt.
    let across = if job.args.get("to") == 0 { at_pin } else { supply - at_pin };
    if across < supply / END_PART {
        return Err(Fault::Short);
    }
    if across > supply - supply / END_PART {
        return Err(Fault::Open);
    }
    let number = |name| job.args.int(name) as f32;
    let ratio = across as f32 / (supply - across) as f32 * number("series") / number("resistance");
    let kelvin = 1.0 / (1.0 / (KELVIN + 25.0) + libm::logf(ratio) / number("beta"));
    job.set(0, libm::roundf((kelvin - KELVIN) * 10.0) as i32);
    Ok(Next::DONE)
}
