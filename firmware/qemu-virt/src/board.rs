//! The board as the device application sees it: a synthetic sensor, the instruction counter, and outputs that only
//! remember.

use core::cell::Cell;
use core::fmt::Write;

use embassy_time::Instant;
use heapless::String;
use sockeye_device::{
    Health, Identity, Kind, Now, OutputError, OutputInfo, Platform, ReadingInfo, ServerHealth, Value,
};
use sockeye_endpoint::limits::SESSION_IDLE_TIMEOUT_MS;
use sockeye_hello::boot::{NetworkName, PORT};
use sockeye_server::Server;

use crate::{SLOTS, executor};

/// Bytes of RAM that the linker gives to the program; `memory.x` says so.
const RAM_LEN: u32 = 400 * 1024;
/// Time between two samples, milliseconds.
pub const PERIOD_MS: u32 = 1_000;
/// The synthetic temperature climbs by a tenth of a degree a second, and falls back after so many.
const TEMPERATURE_STEPS: u64 = 100;

const fn reading(name: &'static str, unit: &'static str, kind: Kind, decimals: u8) -> ReadingInfo<'static> {
    let (minimum, maximum) = (Value(0), Value(i32::MAX));
    ReadingInfo { name, unit, kind, decimals, minimum, maximum, period_ms: PERIOD_MS }
}

const READINGS: [ReadingInfo<'static>; 3] = [
    ReadingInfo { minimum: Value(20), maximum: Value(1_500), ..reading("lm35", "°C", Kind::Gauge, 1) },
    reading("instructions", "", Kind::Counter, 0),
    reading("uptime", "s", Kind::Counter, 0),
];

/// How many readings there are.
pub const READINGS_LEN: usize = READINGS.len();

const fn switch(name: &'static str) -> OutputInfo<'static> {
    let (minimum, maximum, initial) = (Value(0), Value(1), Value(0));
    OutputInfo { name, unit: "", kind: Kind::Switch, decimals: 0, minimum, maximum, initial }
}

const OUTPUTS: [OutputInfo<'static>; 2] = [switch("led"), switch("relay")];

/// The board.
pub struct Board {
    name: String<16>,
    run_id: String<40>,
    random: Cell<u64>,
    outputs: [Cell<Value>; OUTPUTS.len()],
    server: &'static Server<SLOTS>,
}

impl Board {
    /// A board with this MAC address.
    pub fn new(mac: [u8; 6], server: &'static Server<SLOTS>) -> Self {
        let random = Cell::new(Instant::now().as_ticks() | 1);
        let (mut name, mut run_id) = (String::new(), String::new());
        // Both are as long as they can get.
        let _ = write!(name, "{}", NetworkName(mac));
        for _ in 0..5 {
            let _ = write!(run_id, "{:08x}", next(&random) as u32);
        }
        Self { name, run_id, random, outputs: Default::default(), server }
    }

    /// One sample of each reading.
    pub fn sample(&self) -> [Value; READINGS_LEN] {
        let uptime_s = Instant::now().as_secs();
        let counter = |count: u64| Value(i32::try_from(count).unwrap_or(i32::MAX));
        [Value(200 + (uptime_s % TEMPERATURE_STEPS) as i32), counter(executor::instructions()), counter(uptime_s)]
    }
}

/// Marsaglia's xorshift64. The machine has no source of randomness: what is made from this can be guessed, and is good
/// enough for tests only.
fn next(state: &Cell<u64>) -> u64 {
    let mut random = state.get();
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    state.set(random);
    random
}

impl Platform for Board {
    fn now(&self) -> Now {
        Now { uptime_us: Instant::now().as_micros(), unix_us: None }
    }

    fn random(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&next(&self.random).to_le_bytes()[..part.len()]);
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            name: &self.name,
            board: "qemu-system-riscv32 -machine virt",
            version: env!("CARGO_PKG_VERSION"),
            run_id: &self.run_id,
            port: PORT,
        }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        &READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        &OUTPUTS
    }

    fn apply(&self, index: usize, value: Value) -> Result<(), OutputError> {
        self.outputs.get(index).ok_or(OutputError)?.set(value);
        Ok(())
    }

    fn health(&self) -> Health {
        let stats = self.server.stats();
        Health {
            used_memory: executor::static_ram_len(),
            total_memory: RAM_LEN,
            heap_free: None,
            reset_reason: "power_on",
            wifi_rssi_dbm: None,
            server: ServerHealth {
                slots: SLOTS as u32,
                accepted: stats.accepted,
                refused: stats.refused,
                timed_out: stats.timed_out,
                reset: stats.reset,
                accept_errors: stats.accept_errors,
                idle_timeout_s: (SESSION_IDLE_TIMEOUT_MS / 1_000) as u32,
                bytes_in: stats.bytes_in,
                bytes_out: stats.bytes_out,
            },
        }
    }
}
