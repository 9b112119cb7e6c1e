//! BMP280 and BME280 (Bosch's data sheets BST-BMP280-DS001 and BST-BME280-DS002), with the compensation in floating
//! point that both have beside that in integers.

use crate::part::{I2cPart, Moment, Part};

const MEASUREMENT_US: u64 = 9_300;
/// The raw value of a quantity that was not measured.
const NONE: u32 = 0x80000;
/// Calibration as in the example of the BMP280's data sheet, 3.12: T1 to T3, and P1 to P9.
const WORDS: [i32; 12] = [27_504, 26_435, -1_000, 36_477, -10_685, 3_024, 2_855, 140, -7, 15_500, -14_600, 6_000];
/// Calibration of a humidity sensor: H1 to H6.
const HUMIDITY: [i32; 6] = [75, 370, 0, 313, 50, 30];

/// A BMP280 or BME280.
pub struct Bosch {
    address: u8,
    has_humidity: bool,
    is_blank: bool,
    /// Raw pressure, temperature and humidity, as they would be measured.
    raw: [u32; 3],
    /// The same as they were measured last.
    measured: [u32; 3],
    /// A measurement is over then.
    measuring: Option<u64>,
    control: [u8; 2],
    register: u8,
}

impl Bosch {
    /// A BMP280 with the raw values of its data sheet's example: 25.08 degrees, 100,653 Pa.
    pub fn bmp280(address: u8) -> Self {
        let raw = [415_148, 519_888, 30_000];
        let (measured, control) = ([NONE; 3], [0; 2]);
        Self { address, has_humidity: false, is_blank: false, raw, measured, measuring: None, control, register: 0 }
    }

    /// A BME280 with the same values, and some humidity.
    pub fn bme280(address: u8) -> Self {
        Self { has_humidity: true, ..Self::bmp280(address) }
    }

    /// The sensor has lost its calibration.
    pub fn set_blank(&mut self) {
        self.is_blank = true;
    }

    /// Changes what it measures: degrees, pascals and percent.
    pub fn set(&mut self, celsius: f64, pascal: f64, percent: f64) {
        // Each compensation grows or falls all the way: halve the range.
        let find = |bits: u32, is_above: &dyn Fn(f64) -> bool| {
            let (mut low, mut high) = (0_u32, 1 << bits);
            while high - low > 1 {
                let middle = low.midpoint(high);
                if is_above(middle.into()) { high = middle } else { low = middle }
            }
            low
        };
        let temperature = find(20, &|raw| fine(raw) / 5_120.0 > celsius);
        let fine = fine(temperature.into());
        let pressure = find(20, &|raw| self::pascal(raw, fine) < pascal);
        let humidity = find(16, &|raw| self::percent(raw, fine) > percent);
        self.raw = [pressure, temperature, humidity];
    }

    /// The whole memory of registers.
    fn registers(&self, moment: Moment) -> [u8; 256] {
        let mut registers = [0; 256];
        if !self.is_blank {
            for (index, word) in WORDS.iter().enumerate() {
                registers[0x88 + 2 * index..][..2].copy_from_slice(&(*word as u16).to_le_bytes());
            }
            let [h1, h2, h3, h4, h5, h6] = HUMIDITY;
            if self.has_humidity {
                registers[0xa1] = h1 as u8;
                registers[0xe1..0xe3].copy_from_slice(&(h2 as u16).to_le_bytes());
                registers[0xe3..0xe8].copy_from_slice(&[
                    h3 as u8,
                    (h4 >> 4) as u8,
                    (h4 & 15) as u8 | ((h5 & 15) << 4) as u8,
                    (h5 >> 4) as u8,
                    h6 as u8,
                ]);
            }
        }
        registers[0xd0] = if self.has_humidity { 0x60 } else { 0x58 };
        registers[0xf3] = if self.measuring.is_some_and(|end| moment.now_us < end) { 8 } else { 0 };
        // After a measurement the sensor sleeps again: the mode is 0.
        let mode = if registers[0xf3] == 0 { !3 } else { !0 };
        (registers[0xf2], registers[0xf4]) = (self.control[0], self.control[1] & mode);
        let [pressure, temperature, humidity] = self.measured;
        for (at, raw) in [(0xf7, pressure), (0xfa, temperature)] {
            registers[at..at + 3].copy_from_slice(&(raw << 4).to_be_bytes()[1..]);
        }
        registers[0xfd..0xff].copy_from_slice(&(humidity as u16).to_be_bytes());
        registers
    }
}

impl Part for Bosch {
    fn power_on(&mut self) {
        (self.measured, self.measuring, self.control) = ([NONE; 3], None, [0; 2]);
    }
}

impl I2cPart for Bosch {
    fn address(&self) -> u8 {
        self.address
    }

    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool {
        match *bytes {
            [register] => self.register = register,
            [0xf2, humidity] => self.control[0] = humidity,
            [0xf4, control] => {
                self.control[1] = control;
                if control & 3 == 1 || control & 3 == 2 {
                    self.measuring = Some(moment.after_us(MEASUREMENT_US));
                }
            }
            _ => return false,
        }
        true
    }

    fn read(&mut self, bytes: &mut [u8], moment: Moment) -> bool {
        if self.measuring.is_some_and(|end| moment.now_us >= end) {
            let [humidity, control] = self.control;
            let [p, t, h] = self.raw;
            let is_measured = [control >> 2 & 7 != 0, control >> 5 != 0, self.has_humidity && humidity & 7 != 0];
            let none = [NONE, NONE, 0x8000];
            self.measured =
                core::array::from_fn(|index| if is_measured[index] { [p, t, h][index] } else { none[index] });
            self.measuring = None;
        }
        let registers = self.registers(moment);
        for (offset, byte) in bytes.iter_mut().enumerate() {
            *byte = registers[(usize::from(self.register) + offset) % 256];
        }
        true
    }
}

fn word(index: usize) -> f64 {
    WORDS[index].into()
}

/// The fine temperature, 5,120ths of a degree (BMP280 data sheet, 8.1).
fn fine(raw: f64) -> f64 {
    let linear = (raw / 16_384.0 - word(0) / 1_024.0) * word(1);
    let offset = raw / 131_072.0 - word(0) / 8_192.0;
    linear + offset * offset * word(2)
}

/// Pascals (BMP280 data sheet, 8.1).
fn pascal(raw: f64, fine: f64) -> f64 {
    let p = |index: usize| word(2 + index);
    let x = fine / 2.0 - 64_000.0;
    let y = x * x * p(6) / 32_768.0 + x * p(5) * 2.0;
    let y = y / 4.0 + p(4) * 65_536.0;
    let scale = (p(3) * x * x / 524_288.0 + p(2) * x) / 524_288.0;
    let scale = (1.0 + scale / 32_768.0) * p(1);
    let pressure = (1_048_576.0 - raw - y / 4_096.0) * 6_250.0 / scale;
    pressure + (p(9) * pressure * pressure / 2_147_483_648.0 + pressure * p(8) / 32_768.0 + p(7)) / 16.0
}

/// Percent (BME280 data sheet, 8.1).
fn percent(raw: f64, fine: f64) -> f64 {
    let [h1, h2, h3, h4, h5, h6] = HUMIDITY.map(f64::from);
    let x = fine - 76_800.0;
    let right = h2 / 65_536.0 * (1.0 + h6 / 67_108_864.0 * x * (1.0 + h3 / 67_108_864.0 * x));
    let humidity = (raw - (h4 * 64.0 + h5 / 16_384.0 * x)) * right;
    (humidity * (1.0 - h1 * humidity / 524_288.0)).clamp(0.0, 100.0)
}
