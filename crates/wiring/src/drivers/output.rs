//! A level that goes out: a relay, a light.

use crate::driver::{Driver, INVERT, Id, Output, Use, choice, number, pin};
use crate::hardware::PinMode;
use crate::spec::SpecArgs;

pub(super) const DRIVER: Driver = Driver {
    name: "output",
    id: Id::Output,
    help: "level of a pin: a relay, a light",
    words: &[
        pin("pin", Use::Output, "pin"),
        number("initial", (0, 1), (0, ""), 0, "value after a start"),
        INVERT,
        choice("drive", &["both", "low"], 0, "levels that are driven; a resistor does the other"),
    ],
    readings: &[],
    output: Some(Output { unit: "", decimals: 0, minimum: 0, maximum: 1, is_switch: true }),
    period: None,
};

pub(super) fn is_high(args: &SpecArgs, value: i32) -> bool {
    (value != 0) != args.is("invert")
}

pub(super) fn mode(args: &SpecArgs, value: i32) -> PinMode {
    PinMode::Output { is_open_drain: args.is("drive"), is_high: is_high(args, value) }
}
