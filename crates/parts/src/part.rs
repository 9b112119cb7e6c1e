//! The models of parts, and their conditions.

use alloc::vec::Vec;
use sockeye_wiring::hardware::Pulse;

/// How a part is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition {
    /// The part works.
    #[default]
    Works,
    /// The part is pulled out, and nothing answers. Plugged in again, the part is as after power on.
    Unplugged,
    /// One bit of each answer is wrong.
    Corrupts,
    /// The part holds its line low.
    Short,
    /// A transfer with it doesn't end.
    Hangs,
    /// The part takes a hundred times as long to measure.
    Slow,
}

/// When something is asked of a part, and whether the part is slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since the bench was made.
    pub now_us: u64,
    /// The part is slow.
    pub is_slow: bool,
}

impl Moment {
    /// When a measurement that takes so many microseconds is over.
    pub fn after_us(self, measurement_us: u64) -> u64 {
        self.now_us + measurement_us * if self.is_slow { 100 } else { 1 }
    }
}

/// Something that has power, or not.
pub trait Part {
    /// The part is as after power on.
    fn power_on(&mut self);
}

/// A device on an I2C bus.
pub trait I2cPart: Part {
    /// Its address, of 7 bits.
    fn address(&self) -> u8;
    /// Takes bytes. False if it doesn't acknowledge.
    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool;
    /// Gives as many bytes. False if it doesn't acknowledge its address.
    fn read(&mut self, bytes: &mut [u8], moment: Moment) -> bool;
}

/// A device on a 1-Wire bus.
pub trait OneWirePart: Part {
    /// The master has reset the bus.
    fn reset(&mut self);
    /// One slot, for which the master holds the line low for so long. Gives how long the device holds it low,
    /// microseconds.
    fn slot(&mut self, low_us: u16, moment: Moment) -> u16;
    /// Gives a wrong bit with each scratchpad from now on, or not.
    fn corrupt(&mut self, is_corrupt: bool);
}

/// A sensor that answers a start pulse in pulses.
pub trait PulsePart: Part {
    /// The host has held the line low for so long. Gives what the sensor answers; nothing if that was too short.
    fn start(&mut self, low_us: u16, moment: Moment) -> Vec<Pulse>;
}
