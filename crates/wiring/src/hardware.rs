//! The pins and buses that drivers use. Chips and models implement the traits.

use embedded_hal_async::i2c::I2c;

use crate::limits::DUTY_BITS_MAX;

/// The resistor that holds an input when nothing drives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pull {
    /// Nothing: the pin floats.
    #[default]
    None,
    /// The chip's weak resistor to the supply.
    Up,
    /// The chip's weak resistor to ground.
    Down,
}

/// The mode that a pin is set up for, for as long as a thing is wired to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinMode {
    /// Its level is read.
    Input(Pull),
    /// Its falling edges are counted, from 0.
    Counter {
        /// The resistor at the pin.
        pull: Pull,
        /// How long the level must be high and still before an edge, milliseconds; 0 counts every edge. See
        /// [`EdgeCounter`](crate::edge_counter::EdgeCounter).
        debounce_ms: u16,
    },
    /// Its level is driven.
    Output {
        /// Only a low level is driven; a high one is left to a resistor outside.
        is_open_drain: bool,
        /// The level from the start.
        is_high: bool,
    },
    /// The pin has pulses of a fixed frequency.
    Pwm {
        /// Pulses a second.
        frequency_hz: u32,
        /// How much of the time the level is high from the start, in parts of 65,536.
        duty: u16,
    },
}

/// The drive of a pin that was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// The level of an output.
    Level(bool),
    /// How much of the time the level is high, in parts of 65,536.
    Duty(u16),
}

/// Bits of the duty cycle of pulses with a frequency, counted from a clock. There are as many as a period of the pulses
/// has room for, and at most [`DUTY_BITS_MAX`].
pub const fn duty_bits(clock_hz: u32, frequency_hz: u32) -> u32 {
    let ticks = match clock_hz.checked_div(frequency_hz) {
        Some(ticks) if ticks > 0 => ticks,
        _ => 1,
    };
    let bits = ticks.ilog2();
    if bits < DUTY_BITS_MAX { bits } else { DUTY_BITS_MAX }
}

/// A duty cycle in parts of 65,536 as a count of so many bits; the greatest is all of the time.
pub const fn duty_count(duty: u16, bits: u32) -> u32 {
    ((duty as u32 + 1) << bits) >> u16::BITS
}

/// A pin did not take its mode or drive: no channel is left, or it was not set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinError;

/// How far an analog pin is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// To [`LOW_RANGE_MV`](crate::limits::LOW_RANGE_MV) at least, with the converter's smallest error.
    Low,
    /// As far as the converter goes (the data sheets' sections on the converter). The end is at 2,450 mV on an ESP32,
    /// 2,500 mV on an ESP32-C3, 3,100 mV on an ESP32-S3 and 3,300 mV on an ESP32-C6.
    Full,
}

/// How long a line was low, and then high, microseconds. A high time of 0 lasts to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Low, microseconds.
    pub low: u16,
    /// High, microseconds.
    pub high: u16,
}

/// Why nothing was heard on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineError {
    /// The line did not change, not even by what was sent: it is held.
    Held,
    /// There were more pulses than there is room for, or the hardware failed.
    Failed,
}

/// The pins and buses of a machine, by the pins' numbers.
///
/// A wiring was checked by [`plan`](crate::plan) before anything here is called: a pin is used for one thing, or for
/// one bus. A call for a pin that can't do it must fail, and not panic.
pub trait Hardware {
    /// An I2C bus for one step of a driver.
    type I2c<'h>: I2c
    where
        Self: 'h;

    /// The I2C bus at two pins, at 100 kHz. Dropping it releases the bus, whatever state the transfer is in.
    fn i2c(&self, sda: u8, scl: u8) -> Self::I2c<'_>;

    /// Pulls a line low by the pulses of `send`, and records all pulses on it, its own too. The record ends once the line
    /// has had one level for longer than `idle_us`. So a pulse of `send` that is longer ends the record, too. The line is
    /// open drain and has a pull-up. Returns how many pulses were recorded.
    ///
    /// # Errors
    /// See [`LineError`]. A line that is held ends after 60 ms at most.
    async fn exchange(&self, pin: u8, send: &[Pulse], heard: &mut [Pulse], idle_us: u16) -> Result<usize, LineError>;

    /// Sends the same three bytes to so many WS2812 at a pin (WS2812B data sheet, timing of 0 and 1 codes). Returns once
    /// the lights have taken them, [`PIXELS_LATCH_US`](crate::limits::PIXELS_LATCH_US) after the last bit.
    ///
    /// # Errors
    /// The hardware failed.
    async fn pixels(&self, pin: u8, bytes: [u8; 3], len: u16) -> Result<(), PinError>;

    /// One conversion at an analog pin, millivolts; what is beyond the range is at its end or above. None if the
    /// converter failed.
    fn millivolts(&self, pin: u8, range: Range) -> Option<u16>;

    /// Sets a pin up. The pin stays so until it is set up otherwise or released.
    ///
    /// # Errors
    /// The pin can't do it, or no channel is left.
    fn set_up(&self, pin: u8, mode: PinMode) -> Result<(), PinError>;

    /// Makes a pin float, whatever it was set up for.
    fn release(&self, pin: u8);

    /// The level of a pin that was set up as an input; true is high.
    fn level(&self, pin: u8) -> bool;

    /// Falling edges at a pin that counted since it was set up as a counter; the number wraps.
    fn count(&self, pin: u8) -> u32;

    /// Changes what is driven at a pin that was set up as an output.
    ///
    /// # Errors
    /// The pin is not set up for it; it stays as it was.
    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_cycle_has_the_bits_that_its_frequency_leaves() {
        assert_eq!([10, 50, 1_000, 25_000, 40_000].map(|hz| duty_bits(80_000_000, hz)), [13, 13, 13, 11, 10]);
        assert_eq!([duty_bits(80_000_000, 0), duty_bits(1, 2)], [0, 0]);
    }

    #[test]
    fn none_and_all_of_the_time_are_exact() {
        for bits in 1..=DUTY_BITS_MAX {
            assert_eq!([0, 0x7fff, u16::MAX].map(|duty| duty_count(duty, bits)), [0, 1 << (bits - 1), 1 << bits]);
        }
    }
}
