//! AHT20: temperature and humidity (Aosong's data sheet of the AHT20, version 1.1).

use crate::bus::device;
use crate::crc;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, celsius, every, gauge};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "aht20",
    id: Id::Aht20,
    help: "temperature and humidity: AHT20, AHT21",
    words: &[SDA, SCL, address(&[0x38])],
    readings: &[gauge("temperature", celsius(2), (-4_000, 8_500)), gauge("humidity", ("%", 2), (0, 10_000))],
    output: None,
    period: every(10_000, 1_000),
};

const READ_STATUS: u8 = 0x71;
const INITIALIZE: [u8; 3] = [0xbe, 0x08, 0x00];
const INITIALIZATION_MS: u32 = 10;
const MEASURE: [u8; 3] = [0xac, 0x33, 0x00];
const MEASUREMENT_MS: u32 = 85;
/// Bits of the status: it measures; its calibration is in force.
const BUSY: u8 = 1 << 7;
const CALIBRATED: u8 = 1 << 3;
/// Steps of the raw values.
const FULL: i64 = 1 << 20;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    match job.stage {
        0 | 1 => {
            let [status] = sensor.registers(READ_STATUS).await?;
            if status & CALIBRATED != 0 {
                sensor.write(&MEASURE).await?;
                Ok(Next::Step { stage: 2, after_ms: MEASUREMENT_MS })
            } else if job.stage == 0 {
                sensor.write(&INITIALIZE).await?;
                Ok(Next::Step { stage: 1, after_ms: INITIALIZATION_MS })
            } else {
                Err(Fault::Uncalibrated)
            }
        }
        _ => {
            let [status, a, b, c, d, e, sum] = sensor.read().await?;
            if crc::sensirion(&[status, a, b, c, d, e]) != sum {
                return Err(Fault::Checksum);
            }
            // A sensor that lost its power is not calibrated any more, and its data are no measurement.
            if status & BUSY != 0 || status & CALIBRATED == 0 {
                return Err(Fault::NotReady);
            }
            let humidity = i64::from(a) << 12 | i64::from(b) << 4 | i64::from(c) >> 4;
            let temperature = i64::from(c & 15) << 16 | i64::from(d) << 8 | i64::from(e);
            job.set(0, rounded(temperature * 20_000, FULL) as i32 - 5_000);
            job.set(1, rounded(humidity * 10_000, FULL) as i32);
            Ok(Next::DONE)
        }
    }
}
