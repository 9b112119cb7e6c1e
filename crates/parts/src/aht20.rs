//! AHT20 (Aosong's data sheet, version 1.1).

use crate::crc::high_first;
use crate::part::{I2cPart, Moment, Part};
use alloc::vec;

const ADDRESS: u8 = 0x38;
const MEASUREMENT_US: u64 = 80_000;
const FULL: f64 = 1_048_576.0;

/// An AHT20.
pub struct Aht20 {
    /// Raw humidity and temperature, 20 bits each.
    raw: [u32; 2],
    is_calibrated: bool,
    /// The sensor can be initialized.
    has_calibration: bool,
    /// Raw humidity and temperature of the last measurement; zeros before the first.
    measured: [u32; 2],
    measuring: Option<u64>,
    status_only: bool,
}

impl Aht20 {
    /// At 20 degrees and 50 %, not initialized.
    pub fn new() -> Self {
        let mut aht20 = Self {
            raw: [0; 2],
            is_calibrated: false,
            has_calibration: true,
            measured: [0; 2],
            measuring: None,
            status_only: true,
        };
        aht20.set(20.0, 50.0);
        aht20
    }

    /// Changes what it measures.
    pub fn set(&mut self, celsius: f64, percent: f64) {
        self.raw = [percent / 100.0 * FULL, (celsius + 50.0) / 200.0 * FULL]
            .map(|raw| (libm::round(raw) as u32).min(0xf_ffff));
    }

    /// Changes the raw humidity and temperature, 20 bits each.
    pub fn set_raw(&mut self, raw: [u32; 2]) {
        self.raw = raw;
    }

    /// The sensor has lost its calibration.
    pub fn set_blank(&mut self) {
        (self.has_calibration, self.is_calibrated) = (false, false);
    }
}

impl Default for Aht20 {
    fn default() -> Self {
        Self::new()
    }
}

impl Part for Aht20 {
    fn power_on(&mut self) {
        (self.is_calibrated, self.measured, self.measuring) = (false, [0; 2], None);
    }
}

impl I2cPart for Aht20 {
    fn address(&self) -> u8 {
        ADDRESS
    }

    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool {
        self.status_only = bytes == [0x71];
        match bytes {
            [0x71] => {}
            [0xbe, 0x08, 0x00] => self.is_calibrated = self.has_calibration,
            [0xac, 0x33, 0x00] => self.measuring = Some(moment.after_us(MEASUREMENT_US)),
            _ => return false,
        }
        true
    }

    fn read(&mut self, bytes: &mut [u8], moment: Moment) -> bool {
        if self.measuring.is_some_and(|end_us| moment.now_us >= end_us) {
            (self.measured, self.measuring) = (self.raw, None);
        }
        let is_busy = self.measuring.is_some();
        let status = if is_busy { 0x80 } else { 0 } | 0x10 | if self.is_calibrated { 0x08 } else { 0 };
        let [humidity, temperature] = self.measured;
        let all = u64::from(humidity) << 20 | u64::from(temperature);
        let mut answer = vec![status];
        if !self.status_only {
            answer.extend(&all.to_be_bytes()[3..]);
            answer.push(high_first(&answer, 0xff));
        }
        bytes.iter_mut().zip(answer.iter().chain(core::iter::repeat(&status))).for_each(|(byte, from)| *byte = *from);
        true
    }
}
