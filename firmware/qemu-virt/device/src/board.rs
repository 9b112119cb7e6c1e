//! The board as the device application sees it: a synthetic sensor, the instruction counter, and outputs that only
//! remember.

use core::cell::Cell;

use embassy_time::Instant;
use sockeye_board::board_platform::{self, BoardHardware};
use sockeye_board::readings::{LM35, UPTIME, count, counter, switch};
use sockeye_device::{Health, OutputError, OutputInfo, ReadingInfo, Value};
use sockeye_endpoint::server_health;
use sockeye_qemu_virt::{SLOTS, executor};
use sockeye_server::Server;

/// Bytes of RAM that the linker gives to the program; `memory.x` says so.
const RAM_LEN: u32 = 640 * 1024;
/// The synthetic temperature climbs by a tenth of a degree a second, and falls back after so many.
const TEMPERATURE_STEPS: u64 = 100;

/// What the board measures.
pub const READINGS: [ReadingInfo<'static>; 3] = [LM35, counter("instructions", ""), UPTIME];

/// How many readings there are.
pub const READINGS_LEN: usize = READINGS.len();

/// How many outputs there are.
const OUTPUTS_LEN: usize = 2;

/// The board.
pub type Board = board_platform::Board<Machine>;

/// One sample of each reading.
pub fn sample() -> [Option<Value>; READINGS_LEN] {
    let uptime_s = Instant::now().as_secs();
    let temperature = Value(200 + (uptime_s % TEMPERATURE_STEPS) as i32);
    [temperature, count(executor::instructions()), count(uptime_s)].map(Some)
}

/// The machine.
pub struct Machine {
    random: Cell<u64>,
    outputs: [Cell<Value>; OUTPUTS_LEN],
    server: &'static Server<SLOTS>,
}

impl Machine {
    /// All outputs are off.
    pub fn new(server: &'static Server<SLOTS>) -> Self {
        Self { random: Cell::new(Instant::now().as_ticks() | 1), outputs: Default::default(), server }
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

impl BoardHardware for Machine {
    const NAME: &'static str = "qemu-system-riscv32 -machine virt";
    const READINGS: &'static [ReadingInfo<'static>] = &READINGS;
    const OUTPUTS: &'static [OutputInfo<'static>] = &[switch("led"), switch("relay")];

    fn random(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&next(&self.random).to_le_bytes()[..part.len()]);
        }
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
