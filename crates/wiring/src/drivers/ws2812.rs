//! WS2812B: a strip of lights of one colour (Worldsemi's data sheet of the WS2812B).

use crate::driver::{Driver, Fault, Id, Job, Next, Output, Use, every, number, pin};
use crate::hardware::Hardware;
use crate::limits::PIXELS_MAX;

pub(super) const DRIVER: Driver = Driver {
    name: "ws2812",
    id: Id::Ws2812,
    help: "strip of lights of one colour: red * 65536 + green * 256 + blue",
    words: &[
        pin("pin", Use::Pixels, "data pin"),
        number("length", (1, PIXELS_MAX as i32), (0, ""), 1, "number of lights"),
        number("initial", (0, 0xff_ffff), (0, ""), 0, "value after a start"),
    ],
    readings: &[],
    output: Some(Output { unit: "", decimals: 0, minimum: 0, maximum: 0xff_ffff, is_switch: false }),
    // The color is sent when it changes, and once each period, for a strip that was without power.
    period: every(10_000, 100),
};

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let [_, red, green, blue] = job.output.to_be_bytes();
    let len = job.args.get("length") as u16;
    let sent = hardware.pixels(job.args.pin("pin"), [green, red, blue], len).await;
    sent.map(|()| Next::DONE).map_err(|_| Fault::Hardware)
}
