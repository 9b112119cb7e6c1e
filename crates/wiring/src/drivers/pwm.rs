//! Pulses of a fixed frequency that go out: a fan, a dimmed light.

use crate::driver::{Driver, INVERT, Id, Output, Use, number, pin};
use crate::hardware::PinMode;
use crate::limits::{PWM_HZ_MAX, PWM_HZ_MIN};
use crate::number::rounded;
use crate::spec::SpecArgs;

/// Values are tenths of a percent.
const FULL: i32 = 1_000;

pub(super) const DRIVER: Driver = Driver {
    name: "pwm",
    id: Id::Pwm,
    help: "pulses of a fixed frequency: a fan, a dimmed light",
    words: &[
        pin("pin", Use::Pwm, "pin"),
        number("frequency", (PWM_HZ_MIN as i32, PWM_HZ_MAX as i32), (0, "Hz"), 1_000, "pulses a second"),
        number("initial", (0, FULL), (1, "%"), 0, "value after a start"),
        INVERT,
    ],
    readings: &[],
    output: Some(Output { unit: "%", decimals: 1, minimum: 0, maximum: FULL, is_switch: false }),
    period: None,
};

pub(super) fn duty(args: &SpecArgs, value: i32) -> u16 {
    let value = if args.is("invert") { FULL - value } else { value };
    rounded(i64::from(value) * i64::from(u16::MAX), FULL.into()).clamp(0, u16::MAX.into()) as u16
}

pub(super) fn mode(args: &SpecArgs, value: i32) -> PinMode {
    PinMode::Pwm { frequency_hz: args.get("frequency") as u32, duty: duty(args, value) }
}
