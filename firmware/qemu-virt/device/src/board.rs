//! The board as the device application sees it: simulated parts on simulated pins, and the instruction counter.

use core::cell::Cell;

use embassy_time::Instant;
use sockeye_board::board_platform::{self, BoardHardware};
use sockeye_board::readings::{UPTIME, count, counter};
use sockeye_device::{Health, ReadingInfo, Value, WiringSetup};
use sockeye_endpoint::server_health;
use sockeye_parts::{Bench, SimulatedBoard};
use sockeye_qemu_virt::{SLOTS, executor};
use sockeye_server::Server;
use sockeye_wiring::Hardware as _;
use sockeye_wiring::hardware::{Drive, PinError};

/// Bytes of RAM that the linker gives to the program; `memory.x` says so.
const RAM_LEN: u32 = 1024 * 1024;

/// The board's own readings.
pub const READINGS: [ReadingInfo<'static>; 2] = [counter("instructions", ""), UPTIME];

/// How many readings that are.
pub const READINGS_LEN: usize = READINGS.len();

/// The board.
pub type Board = board_platform::Board<Machine>;

/// One sample of each reading.
pub fn sample() -> [Option<Value>; READINGS_LEN] {
    [count(executor::instructions()), count(Instant::now().as_secs())].map(Some)
}

/// The machine.
pub struct Machine {
    random: Cell<u64>,
    server: &'static Server<SLOTS>,
    bench: &'static Bench,
    reset_reason: &'static str,
}

impl Machine {
    /// With these pins, booted for this reason.
    pub fn new(server: &'static Server<SLOTS>, bench: &'static Bench, reset_reason: &'static str) -> Self {
        Self { random: Cell::new(Instant::now().as_ticks() | 1), server, bench, reset_reason }
    }
}

/// Marsaglia's xorshift64. The machine has no source of randomness: what is made from this can be guessed, and is good
/// enough for tests only.
pub fn next_random(state: &Cell<u64>) -> u64 {
    let mut random = state.get();
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    state.set(random);
    random
}

impl BoardHardware for Machine {
    const NAME: &'static str = "qemu-system-riscv32 -machine virt";
    const VERSION: &'static str = match option_env!("SOCKEYE_VERSION") {
        Some(version) => version,
        None => env!("CARGO_PKG_VERSION"),
    };
    const READINGS: &'static [ReadingInfo<'static>] = &READINGS;
    const PINS: WiringSetup = WiringSetup { board: &SimulatedBoard::PINS, factory: &SimulatedBoard::FACTORY };

    fn random(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&next_random(&self.random).to_le_bytes()[..part.len()]);
        }
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError> {
        self.bench.drive(pin, drive)
    }

    fn health(&self) -> Health {
        Health {
            used_memory: executor::static_ram_len(),
            total_memory: RAM_LEN,
            heap_free: None,
            reset_reason: self.reset_reason,
            wifi_rssi_dbm: None,
            server: server_health(self.server),
        }
    }
}
