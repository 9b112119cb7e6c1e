//! The board as the device application sees it: a synthetic sensor, the instruction counter, and outputs that only
//! remember.

use core::cell::Cell;
use core::fmt::Write;

use embassy_time::Instant;
use heapless::String;
use sockeye_board::clock::WallClock;
use sockeye_board::readings::{LM35, UPTIME, count, counter, switch};
use sockeye_device::{Health, Identity, Now, OutputError, OutputInfo, Platform, ReadingInfo, Value};
use sockeye_endpoint::server_health;
use sockeye_hello::boot::{NetworkName, PORT};
use sockeye_qemu_virt::{SLOTS, executor};
use sockeye_server::Server;

/// Bytes of RAM that the linker gives to the program; `memory.x` says so.
const RAM_LEN: u32 = 640 * 1024;
/// The synthetic temperature climbs by a tenth of a degree a second, and falls back after so many.
const TEMPERATURE_STEPS: u64 = 100;

/// What the board measures.
pub static READINGS: [ReadingInfo<'static>; 3] = [LM35, counter("instructions", ""), UPTIME];

/// How many readings there are.
pub const READINGS_LEN: usize = READINGS.len();

const OUTPUTS: [OutputInfo<'static>; 2] = [switch("led"), switch("relay")];

/// The board.
pub struct Board {
    name: String<16>,
    run_id: String<40>,
    random: Cell<u64>,
    outputs: [Cell<Value>; OUTPUTS.len()],
    server: &'static Server<SLOTS>,
    /// The time of day.
    pub clock: WallClock,
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
        Self { name, run_id, random, outputs: Default::default(), server, clock: WallClock::new() }
    }

    /// One sample of each reading.
    pub fn sample(&self) -> [Value; READINGS_LEN] {
        let uptime_s = Instant::now().as_secs();
        [Value(200 + (uptime_s % TEMPERATURE_STEPS) as i32), count(executor::instructions()), count(uptime_s)]
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
        self.clock.now(Instant::now().as_micros())
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
        Health {
            used_memory: executor::static_ram_len(),
            total_memory: RAM_LEN,
            heap_free: None,
            reset_reason: "power_on",
            wifi_rssi_dbm: None,
            server: server_health(self.server),
        }
    }
}
