//! INA219: voltage, current and power (Texas Instruments' data sheet SBOS448G).

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, SCL, SDA, address, every, fit, gauge, number};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "ina219",
    id: Id::Ina219,
    help: "voltage, current and power of a direct current",
    words: &[
        SDA,
        SCL,
        address(&[0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f]),
        number("shunt", (1, 10_000_000), (6, "Ohm"), 100_000, "resistor that the current flows through"),
    ],
    readings: &[
        // The register's full scale is 8,000 steps of 4 mV (8.6.3.2).
        gauge("voltage", ("V", 3), (0, 32_000)),
        gauge("current", ("A", 4), (i32::MIN, i32::MAX)),
        gauge("power", ("W", 3), (i32::MIN, i32::MAX)),
    ],
    output: None,
    period: every(1_000, 100),
};

/// 32 V, 320 mV across the shunt, 12 bits, continuously: as it is after a reset (table 2).
const CONFIGURE: [u8; 3] = [0x00, 0x39, 0x9f];
const SHUNT: u8 = 0x01;
const BUS: u8 = 0x02;
/// 320 mV in steps of 10 uV: what is beyond shows as that.
const SHUNT_END: u16 = 32_000;
/// Both conversions take 532 us each at most (table 5).
const CONVERSION_MS: u32 = 2;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    if job.stage == 0 {
        sensor.write(&CONFIGURE).await?;
        return Ok(Next::Step { stage: 1, after_ms: CONVERSION_MS });
    }
    let shunt = i16::from_be_bytes(sensor.registers(SHUNT).await?);
    let bus = u16::from_be_bytes(sensor.registers(BUS).await?);
    if shunt.unsigned_abs() >= SHUNT_END {
        return Err(Fault::Range);
    }
    // Steps of 10 uV across micro-ohms, in tenths of a milliampere; and of 4 mV, above three bits of status.
    let current = rounded(i64::from(shunt) * 100_000, job.args.get("shunt"));
    let voltage = i64::from(bus >> 3) * 4;
    job.set(0, fit(voltage)?);
    job.set(1, fit(current)?);
    job.set(2, fit(rounded(voltage * current, 10_000))?);
    Ok(Next::DONE)
}
