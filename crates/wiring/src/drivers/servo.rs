//! A servo: a pulse 50 times a second, whose length is an angle.

use crate::driver::{Driver, Id, Output, Use, number, pin};
use crate::hardware::PinMode;
use crate::number::rounded;
use crate::spec::SpecArgs;

/// Pulses a second.
pub(crate) const FREQUENCY_HZ: u32 = 50;
const PERIOD_US: i64 = 1_000_000 / FREQUENCY_HZ as i64;
const DEGREES: i32 = 180;

pub(super) const DRIVER: Driver = Driver {
    name: "servo",
    id: Id::Servo,
    help: "servo: pulses whose length is an angle",
    words: &[
        pin("pin", Use::Pwm, "pin"),
        number("minimum", (200, 3_000), (0, "us"), 500, "pulse at 0 degrees"),
        number("maximum", (200, 3_000), (0, "us"), 2_500, "pulse at 180 degrees"),
        number("initial", (0, DEGREES), (0, "°"), 90, "value after a start"),
    ],
    readings: &[],
    output: Some(Output { unit: "°", decimals: 0, minimum: 0, maximum: DEGREES, is_switch: false }),
    period: None,
};

pub(super) fn duty(args: &SpecArgs, value: i32) -> u16 {
    let (minimum, maximum) = (args.get("minimum"), args.get("maximum"));
    let pulse = minimum * i64::from(DEGREES) + (maximum - minimum) * i64::from(value);
    rounded(pulse * i64::from(u16::MAX), PERIOD_US * i64::from(DEGREES)).clamp(0, u16::MAX.into()) as u16
}

pub(super) fn mode(args: &SpecArgs, value: i32) -> PinMode {
    PinMode::Pwm { frequency_hz: FREQUENCY_HZ, duty: duty(args, value) }
}
