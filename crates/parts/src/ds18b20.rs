//! DS18B20 (Maxim's data sheet 19-7487, revision 6).

use crate::crc::low_first;
use crate::part::{Moment, OneWirePart, Part};

/// Low times up to this write a 1, or read.
const BIT_US: u16 = 15;
/// How long a device holds the line low for a 0.
const ZERO_US: u16 = 30;
const CONVERSION_US: u64 = 750_000;
/// 85 degrees.
const POWER_ON: i16 = 0x0550;

#[derive(Clone, Copy)]
enum State {
    /// Until the next reset.
    Idle,
    /// A ROM command comes in: bits so far.
    RomCommand { bits: u8, byte: u8 },
    /// The ROM code that is meant comes in: bits so far.
    Match { bits: u32 },
    /// Each bit of the ROM code is told, its complement, and then chosen.
    Search { bits: u32, turn: u8 },
    /// A function command comes in.
    Command { bits: u8, byte: u8 },
    /// The scratchpad goes out.
    Scratchpad { bits: usize },
    /// A conversion is under way, and read slots return 0.
    Converting,
}

/// A DS18B20 with a supply of its own.
pub struct Ds18b20 {
    rom: [u8; 8],
    /// The temperature at the sensor, sixteenths of a degree.
    sixteenths: i16,
    /// The temperature in the scratchpad, and when a conversion is over.
    measured: i16,
    is_measured: bool,
    converting: Option<u64>,
    state: State,
    /// The configuration register.
    config: u8,
    is_corrupt: bool,
}

impl Ds18b20 {
    /// A thermometer with this ROM code, the family first as on the wire; its last byte must be its checksum.
    pub fn new(rom: u64) -> Self {
        let rom = rom.to_be_bytes();
        assert_eq!(low_first(&rom), 0, "a ROM code ends with its checksum");
        let (measured, state, config) = (POWER_ON, State::Idle, 0x7f);
        Self { rom, sixteenths: 320, measured, is_measured: false, converting: None, state, config, is_corrupt: false }
    }

    /// A ROM code of a DS18B20 with this serial number.
    pub fn rom(serial: u32) -> u64 {
        let [a, b, c, d] = serial.to_be_bytes();
        let bytes = [0x28, d, c, b, a, 0, 0];
        let [x, y, z, t, u, v, w] = bytes;
        u64::from_be_bytes([x, y, z, t, u, v, w, low_first(&bytes)])
    }

    /// Changes the temperature at it, sixteenths of a degree.
    pub fn set_sixteenths(&mut self, sixteenths: i16) {
        self.sixteenths = sixteenths;
    }

    /// Changes the configuration register: 0x7F is a resolution of 12 bits, 0x1F one of 9. A DS18S20 has 0xFF there.
    pub fn set_config(&mut self, config: u8) {
        self.config = config;
    }

    fn scratchpad(&self) -> [u8; 9] {
        let [low, high] = self.measured.to_le_bytes();
        // The reserved byte is 0x0C until the first conversion, and then counts sixteenths down.
        let reserved = if self.is_measured { 0x10 - (low & 15) } else { 0x0c };
        let mut bytes = [low, high, 0x4b, 0x46, self.config, 0xff, reserved, 0x10, 0];
        bytes[8] = low_first(&bytes[..8]);
        if self.is_corrupt {
            bytes[0] ^= 0x10;
        }
        bytes
    }

    /// Bit `index` of the ROM code, in the order on the wire.
    fn rom_bit(&self, index: u32) -> bool {
        self.rom[index as usize / 8] >> (index % 8) & 1 == 1
    }
}

impl Part for Ds18b20 {
    fn power_on(&mut self) {
        (self.measured, self.is_measured, self.converting, self.state) = (POWER_ON, false, None, State::Idle);
    }
}

impl OneWirePart for Ds18b20 {
    fn reset(&mut self) {
        self.state = State::RomCommand { bits: 0, byte: 0 };
    }

    fn slot(&mut self, low_us: u16, moment: Moment) -> u16 {
        if self.converting.is_some_and(|end_us| moment.now_us >= end_us) {
            (self.measured, self.is_measured, self.converting) = (self.sixteenths, true, None);
        }
        let bit = low_us <= BIT_US;
        let (mut out, mut next) = (true, self.state);
        match &mut next {
            State::Idle => {}
            State::Converting => out = self.converting.is_none(),
            State::RomCommand { bits, byte } | State::Command { bits, byte } => {
                *byte |= u8::from(bit) << *bits;
                *bits += 1;
                if *bits == 8 {
                    let command = *byte;
                    next = match (self.state, command) {
                        (State::RomCommand { .. }, 0xcc) => State::Command { bits: 0, byte: 0 },
                        (State::RomCommand { .. }, 0x55) => State::Match { bits: 0 },
                        (State::RomCommand { .. }, 0xf0) => State::Search { bits: 0, turn: 0 },
                        (State::Command { .. }, 0xbe) => State::Scratchpad { bits: 0 },
                        (State::Command { .. }, 0x44) => {
                            self.converting = Some(moment.after_us(CONVERSION_US));
                            State::Converting
                        }
                        _ => State::Idle,
                    };
                }
            }
            State::Match { bits } => {
                if bit != self.rom_bit(*bits) {
                    next = State::Idle;
                } else {
                    *bits += 1;
                    if *bits == 64 {
                        next = State::Command { bits: 0, byte: 0 };
                    }
                }
            }
            State::Search { bits, turn } => match *turn {
                0 => (out, *turn) = (self.rom_bit(*bits), 1),
                1 => (out, *turn) = (!self.rom_bit(*bits), 2),
                _ => {
                    (*turn, *bits) = (0, *bits + 1);
                    if bit != self.rom_bit(*bits - 1) || *bits == 64 {
                        next = State::Idle;
                    }
                }
            },
            State::Scratchpad { bits } => {
                out = self.scratchpad().get(*bits / 8).is_none_or(|byte| byte >> (*bits % 8) & 1 == 1);
                *bits += 1;
            }
        }
        self.state = next;
        if out { 0 } else { ZERO_US }
    }

    fn corrupt(&mut self, is_corrupt: bool) {
        self.is_corrupt = is_corrupt;
    }
}
