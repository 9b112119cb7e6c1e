//! SHT40, SHT41, SHT45: temperature and humidity (Sensirion's data sheet of the SHT4x, version 6.6).

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, celsius, every, gauge};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "sht4x",
    id: Id::Sht4x,
    help: "temperature and humidity: SHT40, SHT41, SHT45",
    words: &[SDA, SCL, address(&[0x44, 0x45, 0x46])],
    readings: &[gauge("temperature", celsius(2), (-4_500, 13_000)), gauge("humidity", ("%", 2), (0, 10_000))],
    output: None,
    period: every(10_000, 100),
};

/// Measure with high precision.
const MEASURE: u8 = 0xfd;
/// The measurement takes 8.3 ms at most.
const MEASUREMENT_MS: u32 = 9;
/// The greatest word.
pub(super) const FULL: i64 = 65_535;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    if job.stage == 0 {
        sensor.write(&[MEASURE]).await?;
        return Ok(Next::Step { stage: 1, after_ms: MEASUREMENT_MS });
    }
    let [raw, humidity] = sensor.words().await?;
    job.set(0, temperature(raw));
    // By the data sheet a value beyond 0 or 100 % is to be taken for that (4.6).
    job.set(1, (rounded(i64::from(humidity) * 12_500, FULL) - 600).clamp(0, 10_000) as i32);
    Ok(Next::DONE)
}

/// Hundredths of a degree, by the formula of all of Sensirion's sensors.
pub(super) fn temperature(raw: u16) -> i32 {
    rounded(i64::from(raw) * 17_500 - 4_500 * FULL, FULL) as i32
}
