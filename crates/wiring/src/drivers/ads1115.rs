//! ADS1115: four voltages (Texas Instruments' data sheet SBAS444E).

use crate::bus::device;
use crate::driver::{Driver, Fault, Id, Job, Next, Reading, SCL, SDA, address, choice, every, gauge};
use crate::hardware::Hardware;
use crate::number::rounded;

pub(super) const DRIVER: Driver = Driver {
    name: "ads1115",
    id: Id::Ads1115,
    help: "four voltages against ground, with 16 bits",
    words: &[
        SDA,
        SCL,
        address(&[0x48, 0x49, 0x4a, 0x4b]),
        choice("range", &["6.144", "4.096", "2.048", "1.024", "0.512", "0.256"], 1, "greatest voltage, V"),
    ],
    readings: &[channel("a0"), channel("a1"), channel("a2"), channel("a3")],
    output: None,
    period: every(1_000, 100),
};

const fn channel(name: &'static str) -> Reading {
    gauge(name, ("V", 4), (-61_440, 61_440))
}

const CONVERSION: u8 = 0;
const CONFIG: u8 = 1;
/// Of the config register (table 8-3): start, or done; an input against ground; once; 128 samples a second; no
/// comparator.
const START: u16 = 1 << 15;
const SINGLE_ENDED: u16 = 0b100 << 12;
const INPUTS: u16 = 0b111 << 12;
const ONCE: u16 = 1 << 8;
const RATE_128: u16 = 0b100 << 5;
const NO_COMPARATOR: u16 = 0b11;
/// A conversion takes 7.8 ms, and 10 % more at most, after 30 us to wake up.
const CONVERSION_MS: u32 = 9;
/// The greatest voltage of each range, tenths of a millivolt.
const RANGES: [i64; 6] = [61_440, 40_960, 20_480, 10_240, 5_120, 2_560];

/// The bits of an input against ground.
const fn input(channel: usize) -> u16 {
    SINGLE_ENDED | (channel as u16 & 3) << 12
}

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let mut sensor = device(hardware, job);
    // Stage 1 has the first channel's value, and starts the second's conversion.
    let range = job.args.get("range") as usize;
    if let Some(channel) = usize::from(job.stage).checked_sub(1) {
        let config = u16::from_be_bytes(sensor.registers(CONFIG).await?);
        // A sensor that lost its power has forgotten the input, and its data are no measurement.
        if config & START == 0 || config & INPUTS != input(channel) {
            return Err(Fault::NotReady);
        }
        let raw = i16::from_be_bytes(sensor.registers(CONVERSION).await?);
        let full = RANGES.get(range).copied().unwrap_or_default();
        job.set(channel, rounded(i64::from(raw) * full, 1 << 15) as i32);
    }
    if usize::from(job.stage) >= job.driver.readings.len() {
        return Ok(Next::DONE);
    }
    let config = START | input(job.stage.into()) | (range as u16 & 7) << 9 | ONCE | RATE_128 | NO_COMPARATOR;
    let [high, low] = config.to_be_bytes();
    sensor.write(&[CONFIG, high, low]).await?;
    Ok(Next::Step { stage: job.stage.saturating_add(1), after_ms: CONVERSION_MS })
}
