//! INA219 (Texas Instruments' data sheet SBOS448G).

use crate::part::{I2cPart, Moment, Part};

/// The configuration register after a reset.
const CONFIGURATION: u16 = 0x399f;

/// An INA219.
pub struct Ina219 {
    address: u8,
    shunt: i16,
    bus: u16,
    configuration: u16,
    register: u8,
}

impl Ina219 {
    /// At 0 V and 0 A.
    pub fn new(address: u8) -> Self {
        Self { address, shunt: 0, bus: 0, configuration: CONFIGURATION, register: 0 }
    }

    /// Changes the voltages: across the shunt in steps of 10 uV, and of the bus in steps of 4 mV.
    pub fn set(&mut self, shunt: i16, bus: u16) {
        (self.shunt, self.bus) = (shunt, bus << 3 | 2);
    }
}

impl Part for Ina219 {
    fn power_on(&mut self) {
        self.configuration = CONFIGURATION;
    }
}

impl I2cPart for Ina219 {
    fn address(&self) -> u8 {
        self.address
    }

    fn write(&mut self, bytes: &[u8], _: Moment) -> bool {
        match *bytes {
            [register] => self.register = register,
            [0, high, low] => self.configuration = u16::from_be_bytes([high, low]),
            _ => return false,
        }
        true
    }

    fn read(&mut self, bytes: &mut [u8], _: Moment) -> bool {
        let word = match self.register {
            0 => self.configuration,
            1 => self.shunt as u16,
            2 => self.bus,
            _ => 0,
        };
        bytes.iter_mut().zip(word.to_be_bytes()).for_each(|(byte, from)| *byte = from);
        true
    }
}
