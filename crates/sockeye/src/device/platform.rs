//! The simulated board: what the application asks of a machine, answered by this one.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use sockeye_boot::NetworkName;
use sockeye_device::{DeviceIdentity, Health, Now, OutputError, OutputInfo, Platform, ReadingInfo, Value, WiringSetup};
use sockeye_endpoint::server_health;
use sockeye_parts::{Bench, SimulatedBoard};
use sockeye_server::Server;
use sockeye_wiring::Hardware;
use sockeye_wiring::hardware::Drive;

use crate::device::retained::{self, Retained};
use crate::device::sensors::READINGS;
use crate::limits::SLOTS_MAX;

/// The simulated board.
pub struct Board {
    start: Instant,
    /// How far the board's time is behind, while it catches up on a day that was.
    behind: Cell<Duration>,
    /// The part of the time since boot that was before `start`.
    before: Duration,
    name: String,
    /// Where the device is reached on this machine.
    port: u16,
    run_id: String,
    version: String,
    bench: Rc<Bench>,
    server: Rc<Server<SLOTS_MAX>>,
    last_panic: Option<String>,
    reset_reason: &'static str,
}

impl Board {
    /// A board whose network has the MAC address `mac`, reached at this port, and whose firmware has this version. The board has been on for
    /// `before`, and its time is behind by that until [`catch_up`](Self::catch_up).
    pub fn new(
        (mac, port): ([u8; 6], u16),
        version: String,
        (bench, server): (Rc<Bench>, Rc<Server<SLOTS_MAX>>),
        before: Duration,
        retained: &Retained,
    ) -> Self {
        let name = NetworkName(mac).to_string();
        let run_id = (0..40).map(|_| fastrand::digit(16)).collect();
        retained::booted(before);
        let (start, behind) = (Instant::now(), Cell::new(before));
        let (last_panic, reset_reason) = (retained.last_panic().map(str::to_owned), retained.reason());
        Self { start, behind, before, name, port, run_id, version, bench, server, last_panic, reset_reason }
    }
}

impl Board {
    /// The board's time goes on by `step`, if it is behind. False if it isn't.
    pub fn catch_up(&self, step: Duration) -> bool {
        let behind = self.behind.get();
        self.behind.set(behind.saturating_sub(step));
        !behind.is_zero()
    }
}

impl Platform for Board {
    fn now(&self) -> Now {
        let behind = self.behind.get();
        let unix =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().and_then(|unix| unix.checked_sub(behind));
        let uptime = (self.before + self.start.elapsed()).saturating_sub(behind);
        Now { uptime_us: uptime.as_micros() as u64, unix_us: unix.map(|unix| unix.as_micros() as u64) }
    }

    fn random(&self, bytes: &mut [u8]) {
        // The system's source fails only where the system has none, and then a device must not make up secrets.
        getrandom::fill(bytes).expect("the system has randomness");
    }

    fn identity(&self) -> DeviceIdentity<'_> {
        DeviceIdentity {
            name: &self.name,
            board: "the simulator",
            version: &self.version,
            run_id: &self.run_id,
            port: self.port,
        }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        &READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        // All are wired.
        &[]
    }

    fn apply(&self, _index: usize, _value: Value) -> Result<(), OutputError> {
        Err(OutputError)
    }

    fn pins(&self) -> Option<WiringSetup> {
        Some(WiringSetup { board: &SimulatedBoard::PINS, factory: &SimulatedBoard::FACTORY })
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), OutputError> {
        self.bench.drive(pin, drive).map_err(|_| OutputError)
    }

    fn last_panic(&self) -> Option<&str> {
        self.last_panic.as_deref()
    }

    fn health(&self) -> Health {
        Health {
            used_memory: resident_len().unwrap_or(0),
            total_memory: memory_len().unwrap_or(0),
            heap_free: None,
            reset_reason: self.reset_reason,
            wifi_rssi_dbm: None,
            server: server_health(&*self.server),
        }
    }
}

/// Bytes of this process in RAM.
fn resident_len() -> Option<u32> {
    field_kb("/proc/self/status", "VmRSS:")
}

/// Bytes of RAM of this machine, or as many as the figure holds.
fn memory_len() -> Option<u32> {
    field_kb("/proc/meminfo", "MemTotal:")
}

fn field_kb(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kb: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(u32::try_from(kb * 1_024).unwrap_or(u32::MAX))
}
