//! A board with a sensor of each bus on its pins.
//!
//! The pins are those of an ESP32-C3 SuperMini, with the LM35 and the light that come with it. Beside these there are
//! parts that nobody has told the device of: a sensor of each bus, a door and a meter.

use alloc::rc::Rc;
use core::cell::Cell;
use core::f64::consts::TAU;

use sockeye_wiring::BoardPins;
use sockeye_wiring::chip::ESP32C3;

use crate::bench::{Bench, Plug};
use crate::bh1750::Bh1750;
use crate::bosch::Bosch;
use crate::dht::Dht;
use crate::ds18b20::Ds18b20;
use crate::part::Condition;

const LM35: u8 = 0;
const TANK: u8 = 1;
const METER: u8 = 3;
const ONE_WIRE: u8 = 4;
const DHT22: u8 = 5;
const I2C: (u8, u8) = (6, 7);
const DOOR: u8 = 10;
/// Serial numbers of the thermometers on the 1-Wire bus.
const SERIALS: [u32; 2] = [0x51a0, 0x51a1];
/// How often the meter pulses.
const PULSES_PER_S: u32 = 4;

const DAY_S: f64 = 86_400.0;
/// The room is coldest at five in the morning.
const COLDEST_S: f64 = 5.0 * 3_600.0;

/// The board, and what is on its pins.
pub struct SimulatedBoard {
    /// The pins, as drivers see them.
    pub bench: Rc<Bench>,
    bosch: Plug<Bosch>,
    light: Plug<Bh1750>,
    dht22: Plug<Dht>,
    thermometers: [Plug<Ds18b20>; SERIALS.len()],
    seconds: Cell<u64>,
}

impl SimulatedBoard {
    /// The board's pins.
    pub const PINS: BoardPins = BoardPins { chip: &ESP32C3, own: &[(9, "button")] };
    /// Names and specs of what is wired from the factory.
    pub const FACTORY: [(&'static str, &'static str); 3] = [
        ("lm35", "lm35 pin=0"),
        ("led", "output pin=8 invert=yes strapping=yes"),
        ("relay", "output pin=2 strapping=yes"),
    ];
    /// Names of the parts whose condition can change.
    pub const PARTS: [&'static str; 4] = ["bme280", "bh1750", "dht22", "ds18b20"];
    /// One line for each part, for the console.
    pub const LINES: [&'static str; 7] = [
        "pin 0: LM35",
        "pin 1: level of a tank, 0 to 3300 mV",
        "pin 2: relay; pin 8: light, on while low",
        "pin 3: meter, 4 pulses a second; pin 10: door, high while it is closed",
        "pin 4: two DS18B20",
        "pin 5: DHT22",
        "pins 6 and 7: SDA and SCL of a BME280 and a BH1750",
    ];

    /// As the board is when it is switched on. `now_us` is the time since then, microseconds.
    pub fn new(now_us: impl Fn() -> u64 + 'static) -> Self {
        let bench = Rc::new(Bench::new(now_us));
        let bosch = bench.i2c_part(I2C, Bosch::bme280(0x76));
        let light = bench.i2c_part(I2C, Bh1750::new(0x23));
        let dht22 = bench.pulse_part(DHT22, Dht::dht22());
        let thermometers = SERIALS.map(|serial| bench.one_wire_part(ONE_WIRE, Ds18b20::new(Ds18b20::rom(serial))));
        bench.set_level(DOOR, Some(true));
        Self { bench, bosch, light, dht22, thermometers, seconds: Cell::new(0) }
    }

    /// A second later, at `unix_s` seconds since 1970: a small device's room goes on. `noise` gives numbers from -1 to 1.
    pub fn second(&self, unix_s: u64, mut noise: impl FnMut() -> f64) {
        let mut noisy = |value: f64, most: f64| value + most * noise();
        let day = (unix_s % DAY_S as u64) as f64;
        let celsius = Self::room_celsius(day);
        self.bench.set_millivolts(LM35, Some(libm::round(noisy(celsius, 0.2) * 10.0) as u16));
        self.bench.set_millivolts(TANK, Some(noisy(1_650.0, 20.0) as u16));
        self.bench.add_edges(METER, PULSES_PER_S);
        self.bosch.with(|part| part.set(noisy(celsius, 0.1), noisy(98_600.0, 10.0), noisy(48.0, 1.0)));
        // Light from six to six.
        let lux = libm::sin(day / DAY_S * TAU - TAU / 4.0).max(0.0) * 2_000.0 + 5.0;
        self.light.with(|part| part.set(noisy(lux, 1.0)));
        self.dht22.with(|part| part.set((noisy(celsius, 0.3) * 10.0) as i16, noisy(480.0, 10.0) as u16));
        for (plug, below) in self.thermometers.iter().zip([8.0, 5.0]) {
            plug.with(|part| part.set_sixteenths((noisy(celsius - below, 0.1) * 16.0) as i16));
        }
        self.seconds.update(|seconds| seconds + 1);
        // Somebody goes through the door.
        match self.seconds.get() % 60 {
            30 => self.bench.set_level(DOOR, Some(false)),
            34 => self.bench.set_level(DOOR, Some(true)),
            _ => {}
        }
    }

    /// Pulls out the parts of these names, and plugs in all others.
    pub fn unplug(&self, is_unplugged: impl Fn(&str) -> bool) {
        for name in Self::PARTS {
            self.set(name, if is_unplugged(name) { Condition::Unplugged } else { Condition::Works });
        }
    }

    /// Changes the condition of a part, which is one of [`PARTS`](Self::PARTS).
    pub fn set(&self, name: &str, condition: Condition) {
        match name {
            "bme280" => self.bosch.set(condition),
            "bh1750" => self.light.set(condition),
            "dht22" => self.dht22.set(condition),
            _ => self.thermometers.iter().for_each(|plug| plug.set(condition)),
        }
    }

    /// Temperature of a room through the day.
    pub fn room_celsius(second_of_day: f64) -> f64 {
        21.5 - 3.0 * libm::cos((second_of_day - COLDEST_S) / DAY_S * TAU)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_afternoon_is_warmer_than_the_night() {
        assert!(SimulatedBoard::room_celsius(17.0 * 3_600.0) > SimulatedBoard::room_celsius(5.0 * 3_600.0) + 5.0);
    }
}
