//! The parts on the simulated board's pins.
//!
//! The pins are those of an ESP32-C3 SuperMini, with the LM35 and the light that come with it. Beside these there are
//! parts that nobody has told the device of: a sensor of each bus, a door and a meter. A file can name parts that are
//! pulled out.

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use sockeye_device::Pins;
use sockeye_parts::{Bench, Bh1750, Bosch, Condition, Dht, Ds18b20, Plug};
use sockeye_wiring::Board;
use sockeye_wiring::chip::ESP32C3;

/// What can be wired, and what is from the factory.
pub const PINS: Pins = Pins {
    board: &Board { chip: &ESP32C3, own: &[(9, "button")] },
    factory: &[
        ("lm35", "lm35 pin=0"),
        ("led", "output pin=8 invert=yes strapping=yes"),
        ("relay", "output pin=2 strapping=yes"),
    ],
};

const LM35: u8 = 0;
const TANK: u8 = 1;
const METER: u8 = 3;
const ONE_WIRE: u8 = 4;
const DHT22: u8 = 5;
const I2C: (u8, u8) = (6, 7);
const DOOR: u8 = 10;
/// Serial numbers of the thermometers on the 1-Wire bus.
const SERIALS: [u32; 2] = [0x51a0, 0x51a1];
/// The file, in the device's folder, with the names of parts that are pulled out.
const UNPLUGGED: &str = "unplugged";
/// How often the meter pulses.
const PULSES_PER_S: u32 = 4;

const DAY_S: f64 = 86_400.0;
/// The room is coldest at five in the morning.
const COLDEST_S: f64 = 5.0 * 3_600.0;

/// The place of the LM35 in what is wired from the factory.
pub const LM35_THING: u8 = 0;

/// What the LM35 measures `unix_s` seconds after the beginning of 1970, tenths of a degree Celsius. It gives out as many
/// millivolts.
pub fn lm35_tenths(unix_s: u64, noise: &mut fastrand::Rng) -> u16 {
    let celsius = room_celsius(unix_s as f64 % DAY_S) + 0.2 * (2.0 * noise.f64() - 1.0);
    (celsius * 10.0).round() as u16
}

/// The pins, and what is on them.
pub struct Parts {
    /// The pins, as drivers see them.
    pub bench: Rc<Bench>,
    bosch: Plug<Bosch>,
    light: Plug<Bh1750>,
    dht22: Plug<Dht>,
    thermometers: [Plug<Ds18b20>; SERIALS.len()],
    unplugged: Option<PathBuf>,
    seconds: u64,
}

impl Parts {
    /// As the board is when it is switched on. The folder is that of the file of what is pulled out.
    pub fn new(folder: Option<&Path>) -> Self {
        let start = Instant::now();
        let bench = Rc::new(Bench::new(move || start.elapsed().as_micros() as u64));
        let bosch = bench.i2c_part(I2C, Bosch::bme280(0x76));
        let light = bench.i2c_part(I2C, Bh1750::new(0x23));
        let dht22 = bench.pulse_part(DHT22, Dht::dht22());
        let thermometers = SERIALS.map(|serial| bench.one_wire_part(ONE_WIRE, Ds18b20::new(Ds18b20::rom(serial))));
        bench.set_level(DOOR, Some(true));
        let unplugged = folder.map(|folder| folder.join(UNPLUGGED));
        Self { bench, bosch, light, dht22, thermometers, unplugged, seconds: 0 }
    }

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

    /// A second later, at `unix_s` seconds since 1970: a small device's room goes on.
    pub fn second(&mut self, unix_s: u64, noise: &mut fastrand::Rng) {
        self.bench.set_millivolts(LM35, Some(lm35_tenths(unix_s, noise)));
        let mut noisy = |value: f64, most: f64| value + most * (2.0 * noise.f64() - 1.0);
        let day = unix_s as f64 % DAY_S;
        let celsius = room_celsius(day);
        self.bench.set_millivolts(TANK, Some(noisy(1_650.0, 20.0) as u16));
        self.bench.add_edges(METER, PULSES_PER_S);
        self.bosch.with(|part| part.set(noisy(celsius, 0.1), noisy(98_600.0, 10.0), noisy(48.0, 1.0)));
        // Light from six to six.
        self.light.with(|part| part.set(noisy((day / DAY_S * TAU - TAU / 4.0).sin().max(0.0) * 2_000.0 + 5.0, 1.0)));
        self.dht22.with(|part| part.set((noisy(celsius, 0.3) * 10.0) as i16, noisy(480.0, 10.0) as u16));
        for (plug, below) in self.thermometers.iter().zip([8.0, 5.0]) {
            plug.with(|part| part.set_sixteenths((noisy(celsius - below, 0.1) * 16.0) as i16));
        }
        self.plug();
        self.seconds += 1;
        // Somebody goes through the door.
        match self.seconds % 60 {
            30 => self.bench.set_level(DOOR, Some(false)),
            34 => self.bench.set_level(DOOR, Some(true)),
            _ => {}
        }
    }
}

impl Parts {
    /// Pulls out what the file names, and plugs in what it doesn't.
    fn plug(&self) {
        let names = self.unplugged.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let condition = |name: &str| {
            let is_out = names.split_whitespace().any(|unplugged| unplugged == name);
            if is_out { Condition::Unplugged } else { Condition::Works }
        };
        self.bosch.set(condition("bme280"));
        self.light.set(condition("bh1750"));
        self.dht22.set(condition("dht22"));
        self.thermometers.iter().for_each(|plug| plug.set(condition("ds18b20")));
    }
}

/// Temperature of a room through the day.
pub fn room_celsius(second_of_day: f64) -> f64 {
    21.5 - 3.0 * ((second_of_day - COLDEST_S) / DAY_S * TAU).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_afternoon_is_warmer_than_the_night() {
        assert!(room_celsius(17.0 * 3_600.0) > room_celsius(5.0 * 3_600.0) + 5.0);
    }
}
