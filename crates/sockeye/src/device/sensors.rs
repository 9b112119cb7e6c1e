//! Simulated sensors: figures as a small device in a room would have them.

use std::time::Duration;

use sockeye_board::limits::PERIOD_MS;
use sockeye_board::readings::{CHIP_TEMPERATURE, HEAP_FREE, UPTIME, WIFI_RSSI, count};
use sockeye_device::{ReadingInfo, Value};
use sockeye_parts::SimulatedBoard;

/// Time between two samples of a sensor.
pub const PERIOD: Duration = Duration::from_millis(PERIOD_MS as u64);

const DAY_S: f64 = 86_400.0;

/// The chip's own readings, in the order of [`Sensors::sample`].
pub const READINGS: [ReadingInfo<'static>; 4] = [CHIP_TEMPERATURE, WIFI_RSSI, HEAP_FREE, UPTIME];

/// The sensors and their noise.
pub struct Sensors {
    noise: fastrand::Rng,
}

impl Sensors {
    pub fn new(noise: fastrand::Rng) -> Self {
        Self { noise }
    }

    /// One sample of each reading, at `unix_s` seconds since 1970 and `uptime_s` since boot.
    pub fn sample(&mut self, unix_s: u64, uptime_s: u64) -> [Value; READINGS.len()] {
        let room = SimulatedBoard::room_celsius(unix_s as f64 % DAY_S);
        // The chip warms up within a quarter of an hour.
        let warm = 14.0 * (1.0 - (-(uptime_s as f64) / 300.0).exp());
        [self.noisy((room + warm) * 10.0, 5.0), self.noisy(-58.0, 4.0), self.noisy(121_000.0, 1_500.0), count(uptime_s)]
    }

    fn noisy(&mut self, value: f64, most: f64) -> Value {
        Value((value + most * (2.0 * self.noise.f64() - 1.0)).round() as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stay_within_what_is_said_of_them() {
        let mut sensors = Sensors::new(fastrand::Rng::with_seed(1));
        for hour in 0..48 {
            let samples = sensors.sample(hour * 3_600, hour * 3_600);
            for (info, value) in READINGS.iter().zip(samples) {
                assert!((info.minimum..=info.maximum).contains(&value), "{} {value:?}", info.name);
            }
        }
    }
}
