//! DHT22 and DHT11 (Aosong's data sheets of the AM2302 and the DHT11).

use alloc::vec::Vec;
use sockeye_wiring::hardware::Pulse;

use crate::part::{Moment, Part, PulsePart};

/// A DHT22 or DHT11.
pub struct Dht {
    is_22: bool,
    bytes: [u8; 4],
}

impl Dht {
    /// A DHT22 at 20.0 degrees and 50.0 %.
    pub fn dht22() -> Self {
        let mut dht = Self { is_22: true, bytes: [0; 4] };
        dht.set(200, 500);
        dht
    }

    /// A DHT11 at 20.0 degrees and 50.0 %.
    pub fn dht11() -> Self {
        let mut dht = Self { is_22: false, bytes: [0; 4] };
        dht.set(200, 500);
        dht
    }

    /// Changes what it measures, tenths of a degree and of a percent.
    pub fn set(&mut self, celsius_tenths: i16, percent_tenths: u16) {
        let magnitude = celsius_tenths.unsigned_abs();
        let sign = if celsius_tenths < 0 { 0x80 } else { 0 };
        self.bytes = if self.is_22 {
            let ([a, b], [c, d]) = (percent_tenths.to_be_bytes(), magnitude.to_be_bytes());
            [a, b, c | sign, d]
        } else {
            let [humidity, celsius] =
                [percent_tenths, magnitude].map(|tenths| ((tenths / 10) as u8, (tenths % 10) as u8));
            [humidity.0, humidity.1, celsius.0, celsius.1 | sign]
        };
    }

    /// Changes the bytes that it sends, without their sum.
    pub fn set_bytes(&mut self, bytes: [u8; 4]) {
        self.bytes = bytes;
    }
}

impl Part for Dht {
    fn power_on(&mut self) {}
}

impl PulsePart for Dht {
    fn start(&mut self, low_us: u16, _: Moment) -> Vec<Pulse> {
        if low_us < if self.is_22 { 1_000 } else { 18_000 } {
            return Vec::new();
        }
        let sum = self.bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        let bits = self.bytes.iter().chain([&sum]).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
        let bits = bits.map(|bit| Pulse { low: 50, high: if bit { 70 } else { 26 } });
        // Its answer, the bits, and the line released.
        [Pulse { low: 80, high: 80 }].into_iter().chain(bits).chain([Pulse { low: 50, high: 0 }]).collect()
    }
}
