//! SCD40, SCD41: carbon dioxide, temperature and humidity (Sensirion's data sheet of the SCD4x, version 1.5).

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, celsius, every, gauge};
use crate::drivers::sht4x::{FULL, temperature};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "scd4x",
    id: Id::Scd4x,
    help: "carbon dioxide, temperature and humidity: SCD40, SCD41",
    words: &[SDA, SCL, address(&[0x62])],
    readings: &[
        gauge("co2", ("ppm", 0), (0, 40_000)),
        gauge("temperature", celsius(2), (-1_000, 6_000)),
        gauge("humidity", ("%", 2), (0, 10_000)),
    ],
    output: None,
    period: every(10_000, 5_000),
};

const STOP: [u8; 2] = [0x3f, 0x86];
const STOP_MS: u32 = 500;
const START: [u8; 2] = [0x21, 0xb1];
const GET_READY: [u8; 2] = [0xe4, 0xb8];
const READ: [u8; 2] = [0xec, 0x05];
/// A measurement comes every 5 s.
const MEASUREMENT_MS: u32 = 5_100;
/// When to ask again for a measurement.
const AGAIN_MS: u32 = 1_000;
/// The time to execute a command.
const COMMAND_MS: u32 = 1;
/// None of these bits is set while there is no new measurement.
const READY: u16 = 0x7ff;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    match job.stage {
        // The sensor may measure since before the device booted, and takes no other command then.
        0 => {
            sensor.write(&STOP).await?;
            Ok(Next::Step { stage: 1, after_ms: STOP_MS })
        }
        1 => {
            sensor.write(&START).await?;
            Ok(Next::Step { stage: 2, after_ms: MEASUREMENT_MS })
        }
        2 => {
            sensor.write(&GET_READY).await?;
            Ok(Next::Step { stage: 3, after_ms: COMMAND_MS })
        }
        3 => {
            let [status] = sensor.words().await?;
            if status & READY == 0 {
                // The sensor measures at its own times. The limit of steps keeps this from going on for ever.
                return Ok(Next::Step { stage: 2, after_ms: AGAIN_MS });
            }
            sensor.write(&READ).await?;
            Ok(Next::Step { stage: 4, after_ms: COMMAND_MS })
        }
        _ => {
            let [co2, raw, humidity] = sensor.words().await?;
            job.set(0, co2.into());
            job.set(1, temperature(raw));
            job.set(2, rounded(i64::from(humidity) * 10_000, FULL) as i32);
            // The sensor goes on measuring.
            Ok(Next::Done { stage: 2 })
        }
    }
}
