//! BMP280: temperature and pressure (Bosch's data sheet BST-BMP280-DS001, revision 1.26), and what the BME280 has in
//! common with it.

use core::num::Wrapping;

use embedded_hal_async::i2c::I2c;

use crate::bus::{Device, device};
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, celsius, every, gauge};
use crate::hardware::Hardware;
use crate::number::{narrow, rounded};

pub(super) const DRIVER: Driver = Driver {
    name: "bmp280",
    id: Id::Bmp280,
    help: "temperature and pressure",
    words: &[SDA, SCL, address(&[0x76, 0x77])],
    readings: &[gauge("temperature", celsius(2), (-4_000, 8_500)), gauge("pressure", ("hPa", 2), (30_000, 110_000))],
    output: None,
    period: every(10_000, 100),
};

/// Chip numbers: samples have the first two.
const IDS: [u8; 3] = [0x56, 0x57, 0x58];
pub(super) const ID: u8 = 0xd0;
pub(super) const CALIBRATION: u8 = 0x88;
pub(super) const CONTROL: u8 = 0xf4;
pub(super) const STATUS: u8 = 0xf3;
pub(super) const DATA: u8 = 0xf7;
/// Temperature and pressure once each, and then sleep (forced mode).
pub(super) const MEASURE_ONCE: u8 = 0x25;
/// The status while it measures.
pub(super) const MEASURING: u8 = 1 << 3;
/// The part of the control register that is 0 again after a measurement.
const MODE: u8 = 3;
/// A BME280's longest measurement takes 9.3 ms (its data sheet, 9.1), a BMP280's less.
pub(super) const MEASUREMENT_MS: u32 = 10;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    if job.stage == 0 {
        let [id] = sensor.registers(ID).await?;
        if !IDS.contains(&id) {
            return Err(Fault::OtherDevice);
        }
        sensor.write(&[CONTROL, MEASURE_ONCE]).await?;
        return Ok(Next::Step { stage: 1, after_ms: MEASUREMENT_MS });
    }
    let calibration = measured(&mut sensor).await?;
    let [a, b, c, d, e, f] = sensor.registers(DATA).await?;
    let (celsius, fine) = temperature(&calibration, twenty_bits([d, e, f]));
    job.set(0, celsius);
    job.set(1, pressure(&calibration, twenty_bits([a, b, c]), fine));
    Ok(Next::DONE)
}

/// The calibration of temperature and pressure, once a measurement is over.
pub(super) async fn measured<B: I2c>(sensor: &mut Device<B>) -> Result<[u8; 24], Fault> {
    // The control register follows the status.
    let [status, control] = sensor.registers(STATUS).await?;
    // A sensor that lost its power has forgotten its control register, and its data are no measurement.
    if status & MEASURING != 0 || (control ^ MEASURE_ONCE) & !MODE != 0 {
        return Err(Fault::NotReady);
    }
    let calibration = sensor.registers(CALIBRATION).await?;
    let is_blank = [0, 1].contains(&unsigned(&calibration, 0)) || unsigned(&calibration, 3) == 0;
    if is_blank || calibration == [0xff; 24] { Err(Fault::Uncalibrated) } else { Ok(calibration) }
}

/// 20 bits, the highest first and at the upper end.
pub(super) fn twenty_bits([high, middle, low]: [u8; 3]) -> i32 {
    i32::from(high) << 12 | i32::from(middle) << 4 | i32::from(low) >> 4
}

/// Word `index` of the calibration, the lower byte first.
pub(super) fn unsigned(calibration: &[u8], index: usize) -> i64 {
    let bytes = calibration.get(2 * index..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u16::from_le_bytes(*bytes).into())
}

/// The same, with a sign.
pub(super) fn signed(calibration: &[u8], index: usize) -> i64 {
    (unsigned(calibration, index) as i16).into()
}

/// Hundredths of a degree, and the finer figure that the other compensations need (3.11.3, in 64 bits, where nothing
/// overflows whatever the sensor sends).
pub(super) fn temperature(calibration: &[u8; 24], raw: i32) -> (i32, i64) {
    let raw = i64::from(raw);
    let first = unsigned(calibration, 0);
    let linear = (((raw >> 3) - (first << 1)) * signed(calibration, 1)) >> 11;
    let offset = (raw >> 4) - first;
    let square = (((offset * offset) >> 12) * signed(calibration, 2)) >> 14;
    let fine = linear + square;
    (((fine * 5 + 128) >> 8) as i32, fine)
}

/// Pascals, which are hundredths of a hectopascal (3.11.3). Values of a faulty sensor may wrap around.
pub(super) fn pressure(calibration: &[u8; 24], raw: i32, fine: i64) -> i32 {
    let p = |index: usize| Wrapping(signed(calibration, 2 + index));
    let x = Wrapping(fine) - Wrapping(128_000);
    let offset = x * x * p(6) + ((x * p(5)) << 17) + (p(4) << 35);
    let scale = ((x * x * p(3)) >> 8) + ((x * p(2)) << 12);
    let scale = ((Wrapping(1 << 47) + scale) * Wrapping(unsigned(calibration, 3))) >> 33;
    let above = Wrapping(i64::from(1_048_576 - raw) << 31);
    let Some(q) = ((above - offset) * Wrapping(3_125)).0.checked_div(scale.0).map(Wrapping) else {
        return 0;
    };
    let square = (p(9) * (q >> 13) * (q >> 13)) >> 25;
    let linear = (p(8) * q) >> 19;
    // 256ths of a pascal.
    let fine = ((q + square + linear) >> 8) + (p(7) << 4);
    narrow(rounded(fine.0, 256))
}
