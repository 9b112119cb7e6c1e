//! Simulated sensors: figures as a small device in a room would have them.

use std::f64::consts::TAU;
use std::time::Duration;

use sockeye_board::limits::PERIOD_MS;
use sockeye_board::readings::{CHIP_TEMPERATURE, HEAP_FREE, LM35, UPTIME, WIFI_RSSI, count};
use sockeye_device::{ReadingInfo, Value};

/// Time between two samples of a sensor.
pub const PERIOD: Duration = Duration::from_millis(PERIOD_MS as u64);

const DAY_S: f64 = 86_400.0;
/// The room is coldest at five in the morning.
const COLDEST_S: f64 = 5.0 * 3_600.0;

/// What the device measures, in the order of [`Sensors::sample`].
pub const READINGS: [ReadingInfo<'static>; 5] = [LM35, CHIP_TEMPERATURE, WIFI_RSSI, HEAP_FREE, UPTIME];

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
        let room = room_celsius(unix_s as f64 % DAY_S);
        // The chip warms up within a quarter of an hour.
        let warm = 14.0 * (1.0 - (-(uptime_s as f64) / 300.0).exp());
        [
            self.noisy(room * 10.0, 2.0),
            self.noisy((room + warm) * 10.0, 5.0),
            self.noisy(-58.0, 4.0),
            self.noisy(121_000.0, 1_500.0),
            count(uptime_s),
        ]
    }

    fn noisy(&mut self, value: f64, most: f64) -> Value {
        Value((value + most * (2.0 * self.noise.f64() - 1.0)).round() as i32)
    }
}

/// Temperature of a room through the day.
fn room_celsius(second_of_day: f64) -> f64 {
    21.5 - 3.0 * ((second_of_day - COLDEST_S) / DAY_S * TAU).cos()
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

    #[test]
    fn the_afternoon_is_warmer_than_the_night() {
        assert!(room_celsius(17.0 * 3_600.0) > room_celsius(5.0 * 3_600.0) + 5.0);
    }
}
