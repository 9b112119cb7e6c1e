//! SHT30, SHT31, SHT35: temperature and humidity (Sensirion's data sheet of the SHT3x-DIS, version 7).

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, celsius, every, gauge};
use crate::drivers::sht4x::{FULL, temperature};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "sht3x",
    id: Id::Sht3x,
    help: "temperature and humidity: SHT30, SHT31, SHT35",
    words: &[SDA, SCL, address(&[0x44, 0x45])],
    readings: &[gauge("temperature", celsius(2), (-4_500, 13_000)), gauge("humidity", ("%", 2), (0, 10_000))],
    output: None,
    period: every(10_000, 100),
};

/// Measure once with high repeatability, without stretching the clock (table 9).
const MEASURE: [u8; 2] = [0x24, 0x00];
/// The measurement takes 15.5 ms at most (table 4).
const MEASUREMENT_MS: u32 = 16;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    if job.stage == 0 {
        sensor.write(&MEASURE).await?;
        return Ok(Next::Step { stage: 1, after_ms: MEASUREMENT_MS });
    }
    let [raw, humidity] = sensor.words().await?;
    job.set(0, temperature(raw));
    job.set(1, rounded(i64::from(humidity) * 10_000, FULL) as i32);
    Ok(Next::DONE)
}
