//! BH1750FVI: ambient light (Rohm's data sheet 11046EDT01).

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, every, gauge};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "bh1750",
    id: Id::Bh1750,
    help: "ambient light",
    words: &[SDA, SCL, address(&[0x23, 0x5c])],
    readings: &[gauge("", ("lx", 1), (0, 546_125))],
    output: None,
    period: every(10_000, 200),
};

/// Measure once with high resolution, and then power down.
const MEASURE: u8 = 0x20;
/// The measurement takes 180 ms at most.
const MEASUREMENT_MS: u32 = 180;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    if job.stage == 0 {
        sensor.write(&[MEASURE]).await?;
        return Ok(Next::Step { stage: 1, after_ms: MEASUREMENT_MS });
    }
    let raw = u16::from_be_bytes(sensor.read().await?);
    // 1.2 steps for a lux.
    job.set(0, rounded(i64::from(raw) * 100, 12) as i32);
    Ok(Next::DONE)
}
