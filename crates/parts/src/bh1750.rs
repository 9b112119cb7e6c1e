//! BH1750FVI (Rohm's data sheet 11046EDT01).

use crate::part::{I2cPart, Moment, Part};

const MEASUREMENT_US: u64 = 180_000;

/// A BH1750.
pub struct Bh1750 {
    address: u8,
    raw: u16,
    measured: u16,
    measuring: Option<u64>,
}

impl Bh1750 {
    /// In the dark.
    pub fn new(address: u8) -> Self {
        Self { address, raw: 0, measured: 0, measuring: None }
    }

    /// Changes the light, lux.
    pub fn set(&mut self, lux: f64) {
        self.raw = libm::round(lux * 1.2) as u16;
    }

    /// Changes the word that it sends.
    pub fn set_raw(&mut self, raw: u16) {
        self.raw = raw;
    }
}

impl Part for Bh1750 {
    fn power_on(&mut self) {
        (self.measured, self.measuring) = (0, None);
    }
}

impl I2cPart for Bh1750 {
    fn address(&self) -> u8 {
        self.address
    }

    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool {
        if bytes != [0x20] {
            return false;
        }
        self.measuring = Some(moment.after_us(MEASUREMENT_US));
        true
    }

    /// Reads the last measurement; the sensor doesn't show whether it is new.
    fn read(&mut self, bytes: &mut [u8], moment: Moment) -> bool {
        if self.measuring.is_some_and(|end_us| moment.now_us >= end_us) {
            (self.measured, self.measuring) = (self.raw, None);
        }
        bytes.iter_mut().zip(self.measured.to_be_bytes()).for_each(|(byte, from)| *byte = from);
        true
    }
}
