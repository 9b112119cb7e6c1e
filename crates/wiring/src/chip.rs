//! The pins of each chip: which there are, what they can do, and which the chip needs itself.
//!
//! From the data sheets: ESP32-C3 2.3 (2025), ESP32-C6 1.4, ESP32-S3 2.0, ESP32 5.0, each in its sections on pins,
//! strapping pins and the analog converter.

use crate::error::Taken;
use crate::limits::COUNTERS_MAX;

/// A set of pins by number: bit 4 is pin 4.
pub type PinSet = u64;

/// The set of these pins.
const fn set(numbers: &[u8]) -> PinSet {
    let (mut pins, mut index) = (0, 0);
    while index < numbers.len() {
        pins |= 1 << numbers[index];
        index += 1;
    }
    pins
}

/// The set of the pins from one to another, both included.
const fn range(first: u8, last: u8) -> PinSet {
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

/// A chip's pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chip {
    /// The chip's name.
    pub name: &'static str,
    /// Pins that there are, and that all packages lead out.
    pub pins: PinSet,
    /// Pins that can't drive a line, nor be pulled.
    pub inputs_only: PinSet,
    /// Pins of the first analog converter.
    pub analog: PinSet,
    /// Pins that are read while the chip boots.
    pub strapping: PinSet,
    /// Pins of the flash, and of the RAM on its bus.
    pub flash: PinSet,
    /// Pins of UART0.
    pub console: PinSet,
    /// Pins of USB.
    pub usb: PinSet,
    /// Channels for pulses that go out; the ESP32 and the ESP32-S3 have two more, which are not used.
    pub pwm_channels: u8,
    /// Frequencies that these can have at once.
    pub pwm_frequencies: u8,
    /// Pins whose edges can be counted at once.
    pub counters: u8,
}

/// The ESP32-C3.
pub const ESP32C3: Chip = Chip {
    name: "esp32c3",
    pins: range(0, 21),
    inputs_only: 0,
    analog: range(0, 4),
    strapping: set(&[2, 8, 9]),
    flash: range(11, 17),
    console: set(&[20, 21]),
    usb: set(&[18, 19]),
    pwm_channels: 6,
    pwm_frequencies: 4,
    counters: COUNTERS_MAX as u8,
};

/// The ESP32-C6. Pins 10, 11 and 14 are led out by some of its packages only.
pub const ESP32C6: Chip = Chip {
    name: "esp32c6",
    pins: range(0, 30) & !set(&[10, 11, 14]),
    inputs_only: 0,
    analog: range(0, 6),
    strapping: set(&[4, 5, 8, 9, 15]),
    flash: range(24, 30),
    console: set(&[16, 17]),
    usb: set(&[12, 13]),
    pwm_channels: 6,
    pwm_frequencies: 4,
    counters: COUNTERS_MAX as u8,
};

/// The ESP32-S3. Pins 33 to 37 are those of octal flash and RAM, which many boards have.
pub const ESP32S3: Chip = Chip {
    name: "esp32s3",
    pins: range(0, 21) | range(26, 48),
    inputs_only: 0,
    analog: range(1, 10),
    strapping: set(&[0, 3, 45, 46]),
    flash: range(26, 37),
    console: set(&[43, 44]),
    usb: set(&[19, 20]),
    pwm_channels: 6,
    pwm_frequencies: 4,
    counters: COUNTERS_MAX as u8,
};

/// The ESP32. Pins 37 and 38 are not led out by its modules.
pub const ESP32: Chip = Chip {
    name: "esp32",
    pins: range(0, 19) | range(21, 23) | range(25, 27) | range(32, 36) | set(&[39]),
    inputs_only: range(34, 36) | set(&[39]),
    analog: range(32, 36) | set(&[39]),
    strapping: set(&[0, 2, 5, 12, 15]),
    flash: range(6, 11),
    console: set(&[1, 3]),
    usb: 0,
    pwm_channels: 6,
    pwm_frequencies: 4,
    counters: COUNTERS_MAX as u8,
};

impl Chip {
    /// Whether the chip leads out a pin of this number.
    pub const fn has(&self, pin: u8) -> bool {
        contains(self.pins, pin)
    }

    /// Whether the pin is in a set of this chip.
    pub const fn is_in(pins: PinSet, pin: u8) -> bool {
        contains(pins, pin)
    }

    /// The part of the chip itself that uses the pin; None if none does.
    pub const fn user(&self, pin: u8) -> Option<Taken<'static>> {
        if contains(self.flash, pin) {
            Some(Taken::Flash)
        } else if contains(self.console, pin) {
            Some(Taken::Console)
        } else if contains(self.usb, pin) {
            Some(Taken::Usb)
        } else {
            None
        }
    }

    /// The abilities of a pin, in words: `input`, `output`, `pull`, `analog`, and `strapping`, which is none of its
    /// abilities.
    pub fn abilities(&self, pin: u8) -> impl Iterator<Item = &'static str> + use<> {
        let drives = !contains(self.inputs_only, pin);
        let all = [
            (true, "input"),
            (drives, "output"),
            (drives, "pull"),
            (contains(self.analog, pin), "analog"),
            (contains(self.strapping, pin), "strapping"),
        ];
        all.into_iter().filter(|(has, _)| *has).map(|(_, text)| text)
    }

    /// The pins that there are, by number.
    pub fn numbers(&self) -> impl Iterator<Item = u8> + use<> {
        let pins = self.pins;
        (0..64).filter(move |pin| contains(pins, *pin))
    }
}

const fn contains(pins: PinSet, pin: u8) -> bool {
    pin < 64 && pins >> pin & 1 == 1
}

/// A chip on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoardPins {
    /// The chip.
    pub chip: &'static Chip,
    /// Pins that the board uses itself, and for what: `(9, "button")`.
    pub own: &'static [(u8, &'static str)],
}

impl BoardPins {
    /// The part of the chip or the board that uses the pin; None if none does.
    pub fn user(&self, pin: u8) -> Option<Taken<'static>> {
        let own = self.own.iter().find(|(own, _)| *own == pin);
        self.chip.user(pin).or(own.map(|(_, name)| Taken::Board(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_is_of_pins_that_there_are() {
        for chip in [ESP32C3, ESP32C6, ESP32S3, ESP32] {
            let sets = [chip.inputs_only, chip.analog, chip.strapping, chip.flash, chip.console, chip.usb];
            assert!(sets.iter().all(|set| set & !chip.pins == 0), "{}", chip.name);
            assert_eq!(chip.flash & chip.console | chip.flash & chip.usb | chip.console & chip.usb, 0);
        }
    }

    #[test]
    fn pins_beyond_the_last_are_in_no_set() {
        assert!(!ESP32C3.has(22) && !ESP32C3.has(64) && !ESP32C3.has(255));
        assert_eq!(ESP32C3.numbers().count(), 22);
        assert_eq!(range(0, 63), u64::MAX);
        assert_eq!(ESP32C3.user(200), None);
    }
}
