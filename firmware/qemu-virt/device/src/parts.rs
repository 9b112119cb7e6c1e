//! The parts on the board's pins: they go on once a second, and whoever types on the console pulls them out.
//!
//! A line that is typed has the names of all parts that are pulled out from then on, none for an empty one. `reset` is
//! no part: it restarts the machine at once, as a watchdog does. Nor is `panic`, which makes the device panic.

use core::cell::Cell;

use embassy_futures::join::join;
use embassy_time::{Duration, Instant, Ticker};
use embedded_alloc::LlffHeap;
use heapless::String;
use sockeye_device::App;
use sockeye_parts::{Bench, SimulatedBoard};
use sockeye_qemu_virt::console::print;
use sockeye_qemu_virt::{console, executor};
use static_cell::StaticCell;

use crate::board::next_random;
use crate::retained::{self, Cause};

/// The allocator of the simulated parts, which are no part of the device.
#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

/// Bytes of the heap: all parts, and what one answer of them takes.
const HEAP_LEN: usize = 8 * 1024;
/// Bytes of a line that is typed.
const LINE_LEN_MAX: usize = 64;
/// How often the parts go on.
const SECOND: Duration = Duration::from_secs(1);
/// The line that restarts the machine.
const RESET: &str = "reset";
/// The line that makes the device panic.
const PANIC: &str = "panic";

/// Makes the parts. To be called once.
pub fn start() -> &'static SimulatedBoard {
    static MEMORY: StaticCell<[u8; HEAP_LEN]> = StaticCell::new();
    static PARTS: StaticCell<SimulatedBoard> = StaticCell::new();
    let memory = MEMORY.init_with(|| [0; HEAP_LEN]);
    // SAFETY: the memory is the heap's for ever, and nothing was allocated before.
    unsafe { HEAP.init(memory.as_mut_ptr() as usize, HEAP_LEN) };
    let parts = PARTS.init_with(|| SimulatedBoard::new(|| Instant::now().as_micros()));
    second(parts, &Cell::new(1));
    parts
}

/// The parts go on, without being counted: they are the world, and not the device.
fn second(parts: &SimulatedBoard, random: &Cell<u64>) {
    let noise = || (next_random(random) >> 32) as f64 / f64::from(1_u32 << 31) - 1.0;
    executor::simulate(|| parts.second(Instant::now().as_secs(), noise));
}

/// Lets the parts go on, samples them, and does what is typed, for ever.
pub async fn run(parts: &SimulatedBoard, app: &App<'_>) {
    let going_on = async {
        let (mut ticker, random) = (Ticker::every(SECOND), Cell::new(1));
        loop {
            ticker.next().await;
            second(parts, &random);
        }
    };
    let bench: &Bench = &parts.bench;
    join(sockeye_wiring::run::run(bench, app), join(going_on, typing(parts))).await;
}

/// Does what is typed, and says so.
async fn typing(parts: &SimulatedBoard) {
    let mut line = String::<LINE_LEN_MAX>::new();
    loop {
        match console::typed().await {
            b'\n' => {
                if line == RESET {
                    retained::restart(Cause::Watchdog);
                }
                assert!(line != PANIC, "as it was typed");
                parts.unplug(|name| line.split_ascii_whitespace().any(|unplugged| unplugged == name));
                print(format_args!("pulled out: {line}"));
                line.clear();
            }
            // A longer line is cut.
            byte => drop(line.push(byte.into())),
        }
    }
}
