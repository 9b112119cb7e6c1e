//! The chip as the device application sees it.

use core::cell::RefCell;
use core::fmt::Write;

use embassy_time::Instant;
use esp_hal::gpio::{AnyPin, Output, OutputConfig};
use esp_hal::peripherals::ADC1;
use esp_hal::rng::Rng;
use heapless::String;
use sockeye_board::clock::WallClock;
use sockeye_board::last_words::Text;
use sockeye_board::readings::{CHIP_TEMPERATURE, HEAP_FREE, LM35, UPTIME, WIFI_RSSI, count, switch};
use sockeye_board::reset;
use sockeye_device::{Health, Identity, Now, OutputError, OutputInfo, Platform, ReadingInfo, Value};
use sockeye_endpoint::server_health;
use sockeye_hello::boot::{NetworkName, PORT};
use sockeye_server::Server;

use crate::boards::{LED_ON, Lm35, NAME};
use crate::sensors::{ChipSensor, Lm35Sensor, TemperatureSource};
use crate::{SLOTS, panic, radio};

/// Readings of every chip, and one of those that can tell their temperature.
const ALL_READINGS: [ReadingInfo<'static>; 5] = [LM35, WIFI_RSSI, HEAP_FREE, UPTIME, CHIP_TEMPERATURE];
/// How many readings there are.
pub const READINGS_LEN: usize =
    ALL_READINGS.len() - if cfg!(any(feature = "esp32c3", feature = "esp32c6")) { 0 } else { 1 };
/// What it measures.
pub const READINGS: &[ReadingInfo<'static>] = ALL_READINGS.split_at(READINGS_LEN).0;

const OUTPUTS: [OutputInfo<'static>; 1] = [switch("led")];

/// The sensors.
pub struct Sensors {
    lm35: Lm35Sensor,
    chip: ChipSensor,
}

impl Sensors {
    /// One sample of each reading; none of those that have no value now.
    pub fn sample(&mut self) -> impl Iterator<Item = Option<Value>> + '_ {
        let values = [
            self.lm35.sample(),
            radio::rssi().map(|dbm| Value(dbm.into())),
            Some(count(esp_alloc::HEAP.free() as u64)),
            Some(count(Instant::now().as_secs())),
            self.chip.sample(),
        ];
        values.into_iter().take(READINGS_LEN)
    }

    /// Whether the LM35's temperature is what the sensor tells, and not a guess at it.
    pub fn is_calibrated(&self) -> bool {
        self.lm35.is_calibrated()
    }
}

/// The chip and its board.
pub struct Board {
    name: String<16>,
    run_id: String<40>,
    led: RefCell<Output<'static>>,
    random: Rng,
    last_panic: Option<Text>,
    server: &'static Server<SLOTS>,
    /// The time of day.
    pub clock: WallClock,
}

impl Board {
    /// The board with its outputs off, and its sensors. `mac` is the address of its network. The radio must be on: without
    /// it the random numbers could be guessed.
    pub fn new(
        led: AnyPin<'static>,
        (lm35, adc, temperature): (Lm35, ADC1<'static>, TemperatureSource),
        mac: [u8; 6],
        server: &'static Server<SLOTS>,
    ) -> (Self, Sensors) {
        let random = Rng::new();
        let (mut name, mut run_id) = (String::new(), String::new());
        // Both are as long as they can get.
        let _ = write!(name, "{}", NetworkName(mac));
        for _ in 0..5 {
            let _ = write!(run_id, "{:08x}", random.random());
        }
        let led = RefCell::new(Output::new(led, !LED_ON, OutputConfig::default()));
        let sensors = Sensors { lm35: Lm35Sensor::new(adc, lm35), chip: ChipSensor::new(temperature) };
        let last_panic = panic::last_words();
        (Self { name, run_id, led, random, last_panic, server, clock: WallClock::new() }, sensors)
    }
}

impl Platform for Board {
    fn now(&self) -> Now {
        self.clock.now(Instant::now().as_micros())
    }

    fn random(&self, bytes: &mut [u8]) {
        self.random.read(bytes);
    }

    fn identity(&self) -> Identity<'_> {
        let version = env!("CARGO_PKG_VERSION");
        Identity { name: &self.name, board: NAME, version, run_id: &self.run_id, port: PORT }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        &OUTPUTS
    }

    fn apply(&self, index: usize, value: Value) -> Result<(), OutputError> {
        let is_on = match (index, value) {
            (0, Value(0)) => false,
            (0, _) => true,
            _ => return Err(OutputError),
        };
        self.led.borrow_mut().set_level(if is_on { LED_ON } else { !LED_ON });
        Ok(())
    }

    fn health(&self) -> Health {
        let (used, free) = (esp_alloc::HEAP.used() as u32, esp_alloc::HEAP.free() as u32);
        Health {
            used_memory: used,
            total_memory: used + free,
            heap_free: Some(free),
            reset_reason: match self.last_panic {
                Some(_) => "panic",
                None => reset::reason(esp_hal::system::reset_reason().map_or(0, |cause| cause as u32)),
            },
            wifi_rssi_dbm: radio::rssi(),
            server: server_health(self.server),
        }
    }

    fn last_panic(&self) -> Option<&str> {
        self.last_panic.as_deref()
    }
}
