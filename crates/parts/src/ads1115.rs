//! ADS1115 (Texas Instruments' data sheet SBAS444E).

use crate::part::{I2cPart, Moment, Part};

/// The config register after power on.
const CONFIG: u16 = 0x8583;
/// A conversion at 128 samples a second, at most 10 % longer.
const CONVERSION_US: u64 = 8_600;
/// The greatest voltage of each range.
const RANGES: [f64; 8] = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256];

/// An ADS1115.
pub struct Ads1115 {
    address: u8,
    volts: [f64; 4],
    config: u16,
    conversion: i16,
    /// A conversion is over then.
    converting: Option<u64>,
    register: u8,
}

impl Ads1115 {
    /// With its inputs at ground.
    pub fn new(address: u8) -> Self {
        Self { address, volts: [0.0; 4], config: CONFIG, conversion: 0, converting: None, register: 0 }
    }

    /// Changes the voltages at its inputs.
    pub fn set(&mut self, volts: [f64; 4]) {
        self.volts = volts;
    }
}

impl Part for Ads1115 {
    fn power_on(&mut self) {
        (self.config, self.conversion, self.converting) = (CONFIG, 0, None);
    }
}

impl I2cPart for Ads1115 {
    fn address(&self) -> u8 {
        self.address
    }

    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool {
        match *bytes {
            [register] => self.register = register,
            [1, high, low] => {
                self.config = u16::from_be_bytes([high, low]);
                // A conversion begins if it is told to, and converts once: power-down after it.
                if self.config >> 15 == 1 && self.config >> 8 & 1 == 1 {
                    self.converting = Some(moment.after_us(CONVERSION_US));
                }
            }
            _ => return false,
        }
        true
    }

    fn read(&mut self, bytes: &mut [u8], moment: Moment) -> bool {
        if self.converting.is_some_and(|end_us| moment.now_us >= end_us) {
            let (input, range) = (usize::from(self.config >> 12 & 7), usize::from(self.config >> 9 & 7));
            // Inputs against ground are 4 to 7.
            let volts = input.checked_sub(4).map_or(0.0, |input| self.volts[input]);
            self.conversion = libm::round(volts / RANGES[range] * 32_768.0).clamp(-32_768.0, 32_767.0) as i16;
            self.converting = None;
        }
        let idle = if self.converting.is_none() { 0x8000 } else { 0 };
        let word = if self.register == 0 { self.conversion as u16 } else { self.config & 0x7fff | idle };
        bytes.iter_mut().zip(word.to_be_bytes()).for_each(|(byte, from)| *byte = from);
        true
    }
}
