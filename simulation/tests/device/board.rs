//! A device whose time and sensors are the test's.

use std::cell::{Cell, RefCell};

use embassy_time::{Instant, Timer};
use sockeye_device::limits::READINGS_MAX;
use sockeye_device::{
    Day, DeviceIdentity, Health, History, LogLevel, Now, OutputError, OutputInfo, Platform, ReadingInfo, ServerHealth,
    Settings, Store, StoreError, Value, ValueKind, WiringSetup,
};
use sockeye_parts::Bench;
use sockeye_wiring::Hardware;
use sockeye_wiring::chip::ESP32C3;
use sockeye_wiring::hardware::Drive;

pub const READINGS: [ReadingInfo<'static>; 3] = [
    ReadingInfo {
        name: "lm35",
        unit: "°C",
        kind: ValueKind::Gauge,
        decimals: 1,
        minimum: Value(-550),
        maximum: Value(1500),
        period_ms: 1_000,
    },
    ReadingInfo {
        name: "uptime",
        unit: "s",
        kind: ValueKind::Counter,
        decimals: 0,
        minimum: Value(0),
        maximum: Value(i32::MAX),
        period_ms: 1_000,
    },
    ReadingInfo {
        name: "wifi.rssi",
        unit: "dBm",
        kind: ValueKind::Gauge,
        decimals: 0,
        minimum: Value(-128),
        maximum: Value(0),
        period_ms: 5_000,
    },
];

/// Readings of other devices that there is room for.
pub const REMOTES: usize = 2;

pub const OUTPUTS: [OutputInfo<'static>; 2] = [
    OutputInfo {
        name: "led",
        unit: "",
        kind: ValueKind::Switch,
        decimals: 0,
        minimum: Value(0),
        maximum: Value(1),
        initial: Value(0),
    },
    OutputInfo {
        name: "fan",
        unit: "%",
        kind: ValueKind::Level,
        decimals: 1,
        minimum: Value(0),
        maximum: Value(1000),
        initial: Value(255),
    },
];

/// The board, and its flash.
pub struct Board {
    /// Since boot, microseconds.
    pub uptime_us: Cell<u64>,
    /// How far the clock moves each time that it is asked.
    pub step_us: Cell<u64>,
    pub unix_us: Cell<Option<u64>>,
    /// All random bytes are this one.
    pub random_byte: Cell<u8>,
    /// Readings of other devices that there is room for.
    pub remotes: Cell<usize>,
    /// Readings of which a day is kept.
    pub days: Cell<usize>,
    pub health: Cell<Health>,
    pub last_panic: Cell<Option<&'static str>>,
    pub log_level: Cell<Option<LogLevel>>,
    pub is_broken: Cell<bool>,
    pub is_flash_broken: Cell<bool>,
    /// How long the flash takes to store settings, milliseconds; 0 is no time.
    pub save_ms: Cell<u64>,
    pub applied: RefCell<Vec<(usize, Value)>>,
    pub stored: RefCell<Settings>,
    pub factory_settings: RefCell<Settings>,
    /// The pins that can be wired, if any.
    pub pins: Cell<Option<WiringSetup>>,
    pub bench: Bench,
    pub failed_boots: Cell<u8>,
}

/// The pins of a board on which things can be wired.
const PINS: WiringSetup = WiringSetup {
    board: &sockeye_wiring::BoardPins { chip: &ESP32C3, own: &[(9, "button")] },
    factory: &[("tank", "adc pin=1 period=500ms")],
};

impl Board {
    /// A board on which things can be wired.
    pub fn wired() -> Self {
        let board = Self::default();
        board.pins.set(Some(PINS));
        board
    }

    /// As many days as there are.
    pub fn days(&self) -> Vec<Day> {
        (0..self.days.get()).map(|_| Day::new()).collect()
    }

    /// As many histories as a device on this board needs.
    pub fn histories(&self) -> Vec<History> {
        let own = if self.pins.get().is_some() { READINGS_MAX } else { READINGS.len() };
        (0..own + self.remotes.get()).map(|_| History::new()).collect()
    }
}

impl Default for Board {
    fn default() -> Self {
        let server = ServerHealth { slots: 8, accepted: 3, refused: 1, idle_timeout_s: 10, ..ServerHealth::default() };
        Self {
            uptime_us: Cell::default(),
            step_us: Cell::default(),
            unix_us: Cell::default(),
            random_byte: Cell::new(42),
            remotes: Cell::new(REMOTES),
            days: Cell::new(2),
            health: Cell::new(Health {
                used_memory: 123_456,
                total_memory: 400_000,
                heap_free: Some(50_000),
                reset_reason: "power_on",
                wifi_rssi_dbm: None,
                server,
            }),
            last_panic: Cell::default(),
            log_level: Cell::default(),
            is_broken: Cell::default(),
            is_flash_broken: Cell::default(),
            save_ms: Cell::default(),
            applied: RefCell::default(),
            stored: RefCell::default(),
            factory_settings: RefCell::default(),
            pins: Cell::default(),
            bench: Bench::new(|| Instant::now().as_micros()),
            failed_boots: Cell::default(),
        }
    }
}

impl Platform for Board {
    fn now(&self) -> Now {
        self.uptime_us.set(self.uptime_us.get() + self.step_us.get());
        Now { uptime_us: self.uptime_us.get(), unix_us: self.unix_us.get() }
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(self.random_byte.get());
    }

    fn identity(&self) -> DeviceIdentity<'_> {
        DeviceIdentity {
            name: "sockeye-3f2a",
            board: "a test",
            version: "0.1.0",
            run_id: "0123456789abcdef",
            port: 3000,
        }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        &READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        &OUTPUTS
    }

    fn apply(&self, index: usize, value: Value) -> Result<(), OutputError> {
        if self.is_broken.get() {
            return Err(OutputError);
        }
        self.applied.borrow_mut().push((index, value));
        Ok(())
    }

    fn pins(&self) -> Option<WiringSetup> {
        self.pins.get()
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), OutputError> {
        self.bench.drive(pin, drive).map_err(|_| OutputError)
    }

    fn failed_boots(&self) -> u8 {
        self.failed_boots.get()
    }

    fn health(&self) -> Health {
        self.health.get()
    }

    fn factory_settings(&self) -> Settings {
        self.factory_settings.borrow().clone()
    }

    fn last_panic(&self) -> Option<&str> {
        self.last_panic.get()
    }

    fn set_log_level(&self, level: LogLevel) {
        self.log_level.set(Some(level));
    }
}

impl Store for Board {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        if self.is_flash_broken.get() {
            return Err(StoreError::Failed);
        }
        if self.save_ms.get() > 0 {
            Timer::after_millis(self.save_ms.get()).await;
        }
        self.stored.replace(settings.clone());
        Ok(())
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        self.save(defaults).await
    }
}
