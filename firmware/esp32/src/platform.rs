//! The chip as the device application sees it.

use core::cell::RefCell;

use embassy_time::Instant;
use esp_hal::gpio::{AnyPin, Output, OutputConfig};
use esp_hal::rng::Rng;
use sockeye_board::board_platform::{self, BoardHardware};
use sockeye_board::readings::{CHIP_TEMPERATURE, HEAP_FREE, LM35, UPTIME, WIFI_RSSI, count, switch};
use sockeye_board::reset;
use sockeye_boot::BuildSettings;
use sockeye_device::{Health, OutputError, OutputInfo, ReadingInfo, Value};
use sockeye_endpoint::server_health;
use sockeye_server::Server;

use crate::SLOTS;
use crate::boards::{LED_ON, NAME};
use crate::settings::SETTINGS;

/// The board.
pub type Board = board_platform::Board<Chip>;

/// Readings of every chip, and one of those that can tell their temperature.
const READINGS: [ReadingInfo<'static>; 5] = [LM35, WIFI_RSSI, HEAP_FREE, UPTIME, CHIP_TEMPERATURE];
/// How many readings there are.
pub const READINGS_LEN: usize = READINGS.len() - cfg!(any(feature = "esp32", feature = "esp32s3")) as usize;

/// One sample of each reading, with these of the sensors; none of those that have no value now.
pub fn sample(board: &Board, lm35: Option<Value>, celsius: Option<f32>) -> [Option<Value>; READINGS_LEN] {
    let values = [
        lm35,
        board.rssi.get().map(|dbm| Value(dbm.into())),
        Some(count(esp_alloc::HEAP.free() as u64)),
        Some(count(Instant::now().as_secs())),
        celsius.map(|celsius| Value((celsius * 10.0) as i32)),
    ];
    core::array::from_fn(|index| values[index])
}

/// The chip's outputs and its health.
pub struct Chip {
    led: RefCell<Output<'static>>,
    server: &'static Server<SLOTS>,
}

impl Chip {
    /// All outputs are off.
    pub fn new(led: AnyPin<'static>, server: &'static Server<SLOTS>) -> Self {
        Self { led: RefCell::new(Output::new(led, !LED_ON, OutputConfig::default())), server }
    }
}

impl BoardHardware for Chip {
    const NAME: &'static str = NAME;
    const READINGS: &'static [ReadingInfo<'static>] = READINGS.split_at(READINGS_LEN).0;
    const BUILD: BuildSettings = SETTINGS;
    const OUTPUTS: &'static [OutputInfo<'static>] = &[switch("led")];

    fn random(&self, bytes: &mut [u8]) {
        Rng::new().read(bytes);
    }

    fn apply(&self, index: usize, value: Value) -> Result<(), OutputError> {
        if index != 0 {
            return Err(OutputError);
        }
        self.led.borrow_mut().set_level(if value == Value(0) { !LED_ON } else { LED_ON });
        Ok(())
    }

    fn health(&self) -> Health {
        let (used, free) = (esp_alloc::HEAP.used() as u32, esp_alloc::HEAP.free() as u32);
        Health {
            used_memory: used,
            total_memory: used + free,
            heap_free: Some(free),
            reset_reason: reset::reason(esp_hal::system::reset_reason().map_or(0, |cause| cause as u32)),
            wifi_rssi_dbm: None,
            server: server_health(self.server),
        }
    }
}
