//! BME280: temperature, humidity and pressure (Bosch's data sheet BST-BME280-DS002, revision 1.24).

use core::num::Wrapping;

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, celsius, every, gauge};
use crate::drivers::bmp280::{self, CONTROL, DATA, ID, MEASURE_ONCE, MEASUREMENT_MS, twenty_bits};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "bme280",
    id: Id::Bme280,
    help: "temperature, humidity and pressure",
    words: &[SDA, SCL, address(&[0x76, 0x77])],
    readings: &[
        gauge("temperature", celsius(2), (-4_000, 8_500)),
        gauge("humidity", ("%", 2), (0, 10_000)),
        gauge("pressure", ("hPa", 2), (30_000, 110_000)),
    ],
    output: None,
    period: every(10_000, 100),
};

const CHIP: u8 = 0x60;
const CONTROL_HUMIDITY: u8 = 0xf2;
const ONCE: u8 = 1;
/// The calibration of the humidity is in two places.
const CALIBRATION_H1: u8 = 0xa1;
const CALIBRATION_H2: u8 = 0xe1;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    if job.stage == 0 {
        if sensor.registers(ID).await? != [CHIP] {
            return Err(Fault::OtherDevice);
        }
        // The register becomes effective with the other control register.
        sensor.write(&[CONTROL_HUMIDITY, ONCE]).await?;
        sensor.write(&[CONTROL, MEASURE_ONCE]).await?;
        return Ok(Next::Step { stage: 1, after_ms: MEASUREMENT_MS });
    }
    let calibration = bmp280::measured(&mut sensor).await?;
    let [h1] = sensor.registers(CALIBRATION_H1).await?;
    let others = sensor.registers(CALIBRATION_H2).await?;
    let [a, b, c, d, e, f, high, low] = sensor.registers(DATA).await?;
    let (celsius, fine) = bmp280::temperature(&calibration, twenty_bits([d, e, f]));
    job.set(0, celsius);
    job.set(1, humidity(h1, others, u16::from_be_bytes([high, low]), fine));
    job.set(2, bmp280::pressure(&calibration, twenty_bits([a, b, c]), fine));
    Ok(Next::DONE)
}

/// Hundredths of a percent (4.2.3). Values of a faulty sensor may wrap around.
fn humidity(h1: u8, others: [u8; 7], raw: u16, fine: i64) -> i32 {
    let [h2_low, h2_high, h3, h4_high, h4_h5, h5_high, h6] = others;
    let [h4, h5] = [(h4_high, h4_h5 & 15), (h5_high, h4_h5 >> 4)].map(|(high, low)| {
        // Twelve bits with a sign.
        (i64::from(high as i8) << 4) | i64::from(low)
    });
    let [h1, h2, h3, h4, h5, h6] =
        [h1.into(), i16::from_le_bytes([h2_low, h2_high]).into(), h3.into(), h4, h5, (h6 as i8).into()].map(Wrapping);
    let v = Wrapping(fine - 76_800);
    let raw = Wrapping(i64::from(raw));
    let left = ((raw << 14) - (h4 << 20) - h5 * v + Wrapping(16_384)) >> 15;
    let slope = (((v * h6) >> 10) * (((v * h3) >> 11) + Wrapping(32_768))) >> 10;
    let right = ((slope + Wrapping(2_097_152)) * h2 + Wrapping(8_192)) >> 14;
    let v = left * right;
    let v = v - (((((v >> 15) * (v >> 15)) >> 7) * h1) >> 4);
    // 1,024ths of a percent.
    let fine = v.0.clamp(0, 419_430_400) >> 12;
    rounded(fine * 100, 1_024) as i32
}
