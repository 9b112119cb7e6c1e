//! The chip as the device application sees it.

use embassy_time::Instant;
use esp_hal::rng::Rng;
use sockeye_board::board_platform::{self, BoardHardware};
use sockeye_board::readings::{CHIP_TEMPERATURE, HEAP_FREE, UPTIME, WIFI_RSSI, count};
use sockeye_board::reset;
use sockeye_boot::BuildSettings;
use sockeye_device::{Health, ReadingInfo, Value, WiringSetup};
use sockeye_endpoint::server_health;
use sockeye_server::Server;
use sockeye_wiring::Hardware as _;
use sockeye_wiring::hardware::{Drive, PinError};

use crate::SLOTS;
use crate::boards::{BOARD, FACTORY, NAME};
use crate::settings::SETTINGS;
use crate::wiring;

/// The board.
pub type Board = board_platform::Board<Chip>;

/// Readings of every chip, and one of those that can tell their temperature.
const READINGS: [ReadingInfo<'static>; 4] = [WIFI_RSSI, HEAP_FREE, UPTIME, CHIP_TEMPERATURE];
/// How many readings there are.
const READINGS_LEN: usize = READINGS.len() - cfg!(any(feature = "esp32", feature = "esp32s3")) as usize;

/// Why the chip has booted, by its own registers: after a panic `software`.
pub fn reset_reason() -> &'static str {
    reset::reason(esp_hal::system::reset_reason().map_or(0, |cause| cause as u32))
}

/// One sample of what the chip measures itself; none of what has no value now.
pub fn sample(board: &Board, celsius: Option<f32>) -> [Option<Value>; READINGS_LEN] {
    let values = [
        board.rssi.get().map(|dbm| Value(dbm.into())),
        Some(count(esp_alloc::HEAP.free() as u64)),
        Some(count(Instant::now().as_secs())),
        celsius.map(|celsius| Value((celsius * 10.0) as i32)),
    ];
    core::array::from_fn(|index| values[index])
}

/// The chip's pins and its health.
pub struct Chip {
    /// The pins that its clients wire.
    pub pins: wiring::Pins,
    /// The server whose figures are told.
    pub server: &'static Server<SLOTS>,
}

impl BoardHardware for Chip {
    const NAME: &'static str = NAME;
    const READINGS: &'static [ReadingInfo<'static>] = READINGS.split_at(READINGS_LEN).0;
    const BUILD: BuildSettings = SETTINGS;
    const PINS: WiringSetup = WiringSetup { board: &BOARD, factory: FACTORY };

    fn random(&self, bytes: &mut [u8]) {
        Rng::new().read(bytes);
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError> {
        self.pins.drive(pin, drive)
    }

    fn health(&self) -> Health {
        let (used, free) = (esp_alloc::HEAP.used() as u32, esp_alloc::HEAP.free() as u32);
        Health {
            used_memory: used,
            total_memory: used + free,
            heap_free: Some(free),
            reset_reason: reset_reason(),
            wifi_rssi_dbm: None,
            server: server_health(self.server),
        }
    }
}
