//! A board as the device application sees it.

use core::cell::Cell;
use core::fmt::Write;

use embassy_time::{Duration, Instant, TICK_HZ, Ticker};
use heapless::String;
use log::LevelFilter;
use sockeye_boot::{BuildSettings, NetworkName, PORT};
use sockeye_device::{
    App, DeviceIdentity, Health, LogLevel, Now, OutputError, OutputInfo, Platform, ReadingInfo, Settings, Value,
    WiringSetup,
};
use sockeye_wiring::hardware::{Drive, PinError};

use crate::build_config;
use crate::clock::WallClock;
use crate::limits::PERIOD_MS;
use crate::panic_message::Text;

/// Ticks of the board's clock in a microsecond.
const TICKS_PER_US: u32 = (TICK_HZ / 1_000_000) as u32;
const _: () = assert!(TICK_HZ.is_multiple_of(1_000_000) && TICKS_PER_US > 0 && TICKS_PER_US <= 10);

/// The parts of a board that differ from other boards.
pub trait BoardHardware {
    /// The board's name.
    const NAME: &'static str;
    /// The firmware's version.
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    /// The board's readings.
    const READINGS: &'static [ReadingInfo<'static>];
    /// The settings that the image was built with.
    const BUILD: BuildSettings = BuildSettings::AccessPoint { open: false };
    /// The pins that can be wired, and the wiring from the factory.
    const PINS: WiringSetup;

    /// Fills `bytes` with random numbers; see [`Platform::random`].
    fn random(&self, bytes: &mut [u8]);
    /// Changes what is driven at a pin; see [`Platform::drive`].
    ///
    /// # Errors
    /// The pin is not set up for it.
    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError>;
    /// How the board is. The signal's strength is known elsewhere, and so is whether it was a panic that made it boot.
    fn health(&self) -> Health;
}

/// A board that has a timer, a name from its MAC address, and a radio or none.
pub struct Board<H> {
    name: String<16>,
    run_id: String<40>,
    /// The board's own part.
    pub hardware: H,
    last_panic: Option<Text>,
    failed_boots: u8,
    /// The time of day.
    pub clock: WallClock,
    /// Signal strength of the network that the station has joined, dBm.
    pub rssi: Cell<Option<i8>>,
}

impl<H: BoardHardware> Board<H> {
    /// A board whose network has this MAC address, what the panic said that made it boot, and how many boots have failed
    /// in a row. The hardware's random numbers must be good already.
    pub fn new(hardware: H, mac: [u8; 6], last_panic: Option<Text>, failed_boots: u8) -> Self {
        let (mut name, mut run_id, mut random) = (String::new(), String::new(), [0; 20]);
        hardware.random(&mut random);
        // The buffers have the longest lengths, so this can't fail.
        let _ = write!(name, "{}", NetworkName(mac));
        for byte in random {
            let _ = write!(run_id, "{byte:02x}");
        }
        let clock = WallClock::new();
        Self { name, run_id, hardware, last_panic, failed_boots, clock, rssi: Cell::new(None) }
    }
}

impl<H: BoardHardware> Platform for Board<H> {
    fn now(&self) -> Now {
        self.clock.now(Instant::now().as_micros())
    }

    fn elapsed_us(&self, since_us: u32) -> u32 {
        // Dividing the difference takes less than dividing 64 bits of ticks.
        (Instant::now().as_ticks() as u32).wrapping_sub(since_us.wrapping_mul(TICKS_PER_US)) / TICKS_PER_US
    }

    fn random(&self, bytes: &mut [u8]) {
        self.hardware.random(bytes);
    }

    fn identity(&self) -> DeviceIdentity<'_> {
        DeviceIdentity { name: &self.name, board: H::NAME, version: H::VERSION, run_id: &self.run_id, port: PORT }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        H::READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        // All are wired.
        &[]
    }

    fn apply(&self, _index: usize, _value: Value) -> Result<(), OutputError> {
        Err(OutputError)
    }

    fn pins(&self) -> Option<WiringSetup> {
        Some(H::PINS)
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), OutputError> {
        self.hardware.drive(pin, drive).map_err(|PinError| OutputError)
    }

    fn failed_boots(&self) -> u8 {
        self.failed_boots
    }

    fn health(&self) -> Health {
        let health = Health { wifi_rssi_dbm: self.rssi.get(), ..self.hardware.health() };
        match self.last_panic {
            Some(_) => Health { reset_reason: "panic", ..health },
            None => health,
        }
    }

    fn factory_settings(&self) -> Settings {
        build_config::settings(H::BUILD)
    }

    fn last_panic(&self) -> Option<&str> {
        self.last_panic.as_deref()
    }

    /// Where the instruction set has no compare-and-swap (rv32imc), `log` takes a level only together with its logger:
    /// there a change waits for the next boot.
    fn set_log_level(&self, level: LogLevel) {
        #[cfg(target_has_atomic = "ptr")]
        log::set_max_level(log_filter(level));
        #[cfg(not(target_has_atomic = "ptr"))]
        let _ = level;
    }
}

/// Redis's levels as those of `log`. By default the console belongs to the program, and libraries warn only.
pub fn log_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Verbose => LevelFilter::Info,
        LogLevel::Notice => LevelFilter::Warn,
        LogLevel::Warning => LevelFilter::Error,
    }
}

/// Samples all readings once in [`PERIOD_MS`], for ever. `sample` gives a value for each, and none where its sensor fails.
pub async fn measure<const N: usize>(app: &App<'_>, mut sample: impl FnMut() -> [Option<Value>; N]) -> ! {
    let mut ticker = Ticker::every(Duration::from_millis(PERIOD_MS.into()));
    loop {
        for (index, value) in sample().into_iter().enumerate() {
            match value {
                Some(value) => app.sample(index, value),
                None => app.clear_reading(index),
            }
        }
        ticker.next().await;
    }
}

#[cfg(test)]
mod tests;
