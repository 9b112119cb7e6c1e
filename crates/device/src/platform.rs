//! The machine that the application runs on, real or simulated.

use sockeye_wiring::BoardPins;
use sockeye_wiring::hardware::Drive;

use crate::settings::{LogLevel, Settings};
use crate::value::Value;

/// The time of the platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Since boot, microseconds; never steps.
    pub uptime_us: u64,
    /// Since 1970, microseconds; None before the device has the time of day. The time may step.
    pub unix_us: Option<u64>,
}

impl Now {
    /// Since boot, milliseconds.
    pub const fn uptime_ms(self) -> u64 {
        self.uptime_us / 1_000
    }

    /// Since boot, seconds.
    pub const fn uptime_s(self) -> u64 {
        self.uptime_us / 1_000_000
    }

    /// The wall clock, or as long as it isn't known the time since boot: what Redis's time stamps are made from.
    pub fn stamp_us(self) -> u64 {
        self.unix_us.unwrap_or(self.uptime_us)
    }
}

/// The device's identity.
#[derive(Debug, Clone, Copy)]
pub struct DeviceIdentity<'a> {
    /// The name until `CONFIG SET device.name` gives another, such as `sockeye-3f2a`.
    pub name: &'a str,
    /// Where it runs, such as `esp32c3` or `the simulator`.
    pub board: &'a str,
    /// Version of the firmware.
    pub version: &'a str,
    /// Different after each boot, so that a client notices that counters began anew. Redis uses 40 hexadecimal digits.
    pub run_id: &'a str,
    /// The port that clients connect to.
    pub port: u16,
}

/// The kind of a reading's figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// The value goes up and down.
    Gauge,
    /// The value only goes up, until the device boots.
    Counter,
    /// An output that is on (1) or off (0).
    Switch,
    /// An output that takes any value of its range.
    Level,
}

impl ValueKind {
    /// As `meta:NAME` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Switch => "switch",
            Self::Level => "level",
        }
    }
}

/// The description of a reading. [`App::sample`](crate::App::sample) takes its samples.
#[derive(Debug, Clone, Copy)]
pub struct ReadingInfo<'a> {
    /// The key: letters, digits, `.`, `_` and `-`, at most [`NAME_LEN_MAX`](crate::limits::NAME_LEN_MAX) bytes.
    pub name: &'a str,
    /// The unit, such as `°C`; may be empty.
    pub unit: &'a str,
    /// The kind of its figure.
    pub kind: ValueKind,
    /// Decimals of its values, at most [`DECIMALS_MAX`](crate::limits::DECIMALS_MAX).
    pub decimals: u8,
    /// The least value that it can have.
    pub minimum: Value,
    /// The greatest value that it can have.
    pub maximum: Value,
    /// How often a sample comes, milliseconds.
    pub period_ms: u32,
}

/// The description of an output.
#[derive(Debug, Clone, Copy)]
pub struct OutputInfo<'a> {
    /// The key, as a reading's.
    pub name: &'a str,
    /// The unit; may be empty.
    pub unit: &'a str,
    /// The kind of its value.
    pub kind: ValueKind,
    /// Decimals of its values, at most [`DECIMALS_MAX`](crate::limits::DECIMALS_MAX).
    pub decimals: u8,
    /// The least value that it takes.
    pub minimum: Value,
    /// The greatest value that it takes.
    pub maximum: Value,
    /// The output's value at boot; the platform has applied it already.
    pub initial: Value,
}

/// An output didn't take a value: the hardware said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputError;

/// How the device is, for INFO.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    /// RAM in use, bytes: static and heap.
    pub used_memory: u32,
    /// RAM there is, bytes.
    pub total_memory: u32,
    /// Heap that is free, bytes, where there is a heap.
    pub heap_free: Option<u32>,
    /// Why the device booted last, such as `power_on` or `watchdog`.
    pub reset_reason: &'static str,
    /// Signal strength of the network that the station has joined, dBm.
    pub wifi_rssi_dbm: Option<i8>,
    /// Figures of the server since boot.
    pub server: ServerHealth,
}

/// Figures of the server since boot, whichever server it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerHealth {
    /// Clients that are served at once.
    pub slots: u32,
    /// Connections that got a slot.
    pub accepted: u32,
    /// Connections that were rejected because all slots were taken.
    pub refused: u32,
    /// Connections that ended because a newcomer took their place.
    pub displaced: u32,
    /// Connections that ended because the client took too long.
    pub timed_out: u32,
    /// Connections that ended by a reset.
    pub reset: u32,
    /// Accepts that failed.
    pub accept_errors: u32,
    /// How long a connection may be silent, seconds; 0 is for ever.
    pub idle_timeout_s: u32,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// The pins that can be wired, and the wiring from the factory.
#[derive(Debug, Clone, Copy)]
pub struct WiringSetup {
    /// The board's pins.
    pub board: &'static BoardPins,
    /// Names and specs of what is wired until something is configured, and after a factory reset.
    pub factory: &'static [(&'static str, &'static str)],
}

/// The machine under the application. Implemented by the simulator and by each board.
///
/// All of it is synchronous and quick; none of it may call back into the [`App`](crate::App).
pub trait Platform {
    /// The time.
    fn now(&self) -> Now;
    /// Microseconds since an earlier [`Now::uptime_us`], of which `since_us` is the lower 32 bits, to measure how long a
    /// command runs. The result wraps, after 400 s at the soonest. A platform may read its clock for it at less cost than
    /// for the time.
    fn elapsed_us(&self, since_us: u32) -> u32 {
        (self.now().uptime_us as u32).wrapping_sub(since_us)
    }
    /// Fills `bytes` with random numbers that nobody can guess.
    fn random(&self, bytes: &mut [u8]);
    /// The device's identity; the same at each call.
    fn identity(&self) -> DeviceIdentity<'_>;
    /// Its readings, at most [`READINGS_MAX`](crate::limits::READINGS_MAX); the same at each call.
    fn readings(&self) -> &[ReadingInfo<'_>];
    /// Its outputs, at most [`OUTPUTS_MAX`](crate::limits::OUTPUTS_MAX); the same at each call.
    fn outputs(&self) -> &[OutputInfo<'_>];
    /// Switches output `index` to a value within its range.
    ///
    /// # Errors
    /// The output stays as it was, and the client gets an error.
    fn apply(&self, index: usize, value: Value) -> Result<(), OutputError>;
    /// Pins that sensors and outputs can be wired to while the device runs; None if there are none. Then all that the
    /// device has is in [`readings`](Self::readings) and [`outputs`](Self::outputs). The same at each call.
    fn pins(&self) -> Option<WiringSetup> {
        None
    }
    /// Changes what is driven at a pin that the [wiring's loop](sockeye_wiring::run) has set up.
    ///
    /// # Errors
    /// The pin stays as it was, and the client gets an error.
    fn drive(&self, pin: u8, drive: Drive) -> Result<(), OutputError> {
        let _ = (pin, drive);
        Err(OutputError)
    }
    /// How often in a row the device has booted and did not stay up, because it panicked or its watchdog bit.
    fn failed_boots(&self) -> u8 {
        0
    }
    /// The device's state and figures.
    fn health(&self) -> Health;
    /// The settings that the firmware was built with: what a device has that nobody has configured, and has again after
    /// CONFIG FACTORYRESET.
    fn factory_settings(&self) -> Settings {
        Settings::default()
    }
    /// The message of the panic that caused the last boot, on one line; None if no panic did.
    fn last_panic(&self) -> Option<&str> {
        None
    }
    /// Sets the level of messages on the console; called at boot, and after each change. A platform without a console,
    /// or without libraries that print there, has nothing to do.
    fn set_log_level(&self, level: LogLevel) {
        let _ = level;
    }
}

/// The name of a device with these settings: the one that was set, or the one that it came with.
pub(crate) fn device_name<'a>(settings: &'a Settings, platform: &'a dyn Platform) -> &'a str {
    match settings.name.as_str() {
        "" => platform.identity().name,
        name => name,
    }
}

/// A random number of 32 bits.
pub(crate) fn random_u32(platform: &dyn Platform) -> u32 {
    let mut bytes = [0; 4];
    platform.random(&mut bytes);
    u32::from_le_bytes(bytes)
}
