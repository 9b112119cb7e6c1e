//! SHT3x, SHT4x and SCD4x (Sensirion's data sheets).

use crate::crc::high_first;
use crate::part::{I2cPart, Moment, Part};
use alloc::vec::Vec;

/// Words, each with its checksum.
fn triples(words: &[u16]) -> Vec<u8> {
    let triples = words.iter().flat_map(|word| {
        let [high, low] = word.to_be_bytes();
        [high, low, high_first(&[high, low], 0xff)]
    });
    triples.collect()
}

/// A word of a quantity between two ends.
fn word(value: f64, (low, high): (f64, f64)) -> u16 {
    libm::round((value - low) / (high - low) * 65_535.0) as u16
}

/// Gives bytes, and ones behind the last.
fn give(bytes: &mut [u8], from: &[u8]) {
    let ones = core::iter::repeat(&0xff);
    bytes.iter_mut().zip(from.iter().chain(ones)).for_each(|(byte, from)| *byte = *from);
}

/// A SHT3x or SHT4x.
pub struct Sht {
    address: u8,
    is_4: bool,
    /// Raw temperature and humidity.
    words: [u16; 2],
    /// A measurement is over then.
    measuring: Option<u64>,
}

impl Sht {
    /// A SHT3x at 20 degrees and 50 %.
    pub fn sht3x(address: u8) -> Self {
        let mut sht = Self { address, is_4: false, words: [0; 2], measuring: None };
        sht.set(20.0, 50.0);
        sht
    }

    /// A SHT4x at 20 degrees and 50 %.
    pub fn sht4x(address: u8) -> Self {
        let mut sht = Self { address, is_4: true, words: [0; 2], measuring: None };
        sht.set(20.0, 50.0);
        sht
    }

    /// Changes what it measures.
    pub fn set(&mut self, celsius: f64, percent: f64) {
        let percents = if self.is_4 { (-6.0, 119.0) } else { (0.0, 100.0) };
        self.words = [word(celsius, (-45.0, 130.0)), word(percent, percents)];
    }

    /// Changes the words that it sends.
    pub fn set_words(&mut self, words: [u16; 2]) {
        self.words = words;
    }
}

impl Part for Sht {
    fn power_on(&mut self) {
        self.measuring = None;
    }
}

impl I2cPart for Sht {
    fn address(&self) -> u8 {
        self.address
    }

    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool {
        let duration_us = match (self.is_4, bytes) {
            (true, [0xfd]) => 8_300,
            (false, [0x24, 0x00]) => 15_500,
            _ => return false,
        };
        self.measuring = Some(moment.after_us(duration_us));
        true
    }

    fn read(&mut self, bytes: &mut [u8], moment: Moment) -> bool {
        // Without a measurement that is over it doesn't acknowledge.
        if self.measuring.is_none_or(|end_us| moment.now_us < end_us) {
            return false;
        }
        self.measuring = None;
        give(bytes, &triples(&self.words));
        true
    }
}

/// A SCD40 or SCD41.
pub struct Scd4x {
    /// Raw carbon dioxide, temperature and humidity.
    words: [u16; 3],
    /// Measuring, and when the next measurement that wasn't read is over.
    next_us: Option<u64>,
    interval_us: u64,
    answer: Vec<u8>,
    stopped_us: u64,
}

const SCD4X: u8 = 0x62;
const INTERVAL_US: u64 = 5_000_000;
const STOP_US: u64 = 500_000;

impl Scd4x {
    /// At 500 ppm, 25 degrees and 37 %, as in the data sheet's example.
    pub fn new() -> Self {
        Self {
            words: [500, 0x6667, 0x5eb9],
            next_us: None,
            interval_us: INTERVAL_US,
            answer: Vec::new(),
            stopped_us: 0,
        }
    }

    /// Changes what it measures.
    pub fn set(&mut self, ppm: u16, celsius: f64, percent: f64) {
        self.words = [ppm, word(celsius, (-45.0, 130.0)), word(percent, (0.0, 100.0))];
    }

    /// Makes the sensor measure already, as when its host has restarted.
    pub fn set_measuring(&mut self, now_us: u64) {
        self.next_us = Some(now_us + INTERVAL_US);
    }
}

impl Default for Scd4x {
    fn default() -> Self {
        Self::new()
    }
}

impl Part for Scd4x {
    fn power_on(&mut self) {
        (self.next_us, self.answer, self.stopped_us) = (None, Vec::new(), 0);
    }
}

impl I2cPart for Scd4x {
    fn address(&self) -> u8 {
        SCD4X
    }

    fn write(&mut self, bytes: &[u8], moment: Moment) -> bool {
        if moment.now_us < self.stopped_us {
            return false;
        }
        let is_ready = self.next_us.is_some_and(|next_us| moment.now_us >= next_us);
        match (bytes, self.next_us) {
            ([0x3f, 0x86], _) => {
                self.stopped_us = if self.next_us.is_some() { moment.after_us(STOP_US) } else { 0 };
                self.next_us = None;
            }
            // While it measures it takes no other command than these.
            ([0x21, 0xb1], None) => {
                self.interval_us = moment.after_us(INTERVAL_US) - moment.now_us;
                self.next_us = Some(moment.after_us(INTERVAL_US));
            }
            ([0xe4, 0xb8], _) => self.answer = triples(&[if is_ready { 0x8006 } else { 0x8000 }]),
            ([0xec, 0x05], Some(_)) if is_ready => {
                self.answer = triples(&self.words);
                // The sensor measures at its own times, whether it is read or not.
                self.interval_us = moment.after_us(INTERVAL_US) - moment.now_us;
                let passed = moment.now_us - self.next_us.unwrap_or(moment.now_us);
                self.next_us = Some(moment.now_us - passed % self.interval_us + self.interval_us);
            }
            _ => return false,
        }
        true
    }

    fn read(&mut self, bytes: &mut [u8], _: Moment) -> bool {
        if self.answer.is_empty() {
            return false;
        }
        give(bytes, &core::mem::take(&mut self.answer));
        true
    }
}
