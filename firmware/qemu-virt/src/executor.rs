//! Runs embassy's tasks. While there is nothing to run, the core waits for an interrupt, and its instructions are not
//! counted. So under `-icount shift=0` the count is that of the work alone.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::Mutex;
use embassy_executor::{Spawner, raw};
use riscv::register::{mie, minstret};
use static_cell::StaticCell;

use crate::{clock, console, stack};

static PENDING: AtomicBool = AtomicBool::new(false);
/// Instructions counted while waiting, and in what the count shall leave out.
static WAITED: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// Called by the executor when a task is to run.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    PENDING.store(true, Ordering::SeqCst);
}

/// Instructions executed since [`run`] was called, without waiting. Exact under `-icount shift=0`.
pub fn instructions() -> u64 {
    let waited = critical_section::with(|cs| WAITED.borrow(cs).get());
    minstret::read64().wrapping_sub(waited)
}

/// Runs what the count shall leave out. Called where nothing interrupts it.
pub(crate) fn uncounted(work: impl FnOnce()) {
    let before = minstret::read64();
    work();
    leave_out(before);
}

/// Runs what is no work of the device, such as the world around it: the count leaves it out, and nothing interrupts it.
pub fn simulate(work: impl FnOnce()) {
    critical_section::with(|_| uncounted(work));
}

/// Leaves out what was executed since the counter was `before`.
fn leave_out(before: u64) {
    critical_section::with(|cs| {
        let waited = WAITED.borrow(cs);
        waited.set(waited.get() + (minstret::read64() - before));
    });
}

/// Bytes of RAM that hold program and data, as the linker laid them out: all below the stack.
pub fn static_ram_len() -> u32 {
    unsafe extern "C" {
        static _stext: u8;
        static __ebss: u8;
    }
    // The linker script of riscv-rt defines both symbols; only their addresses are taken.
    (&raw const __ebss as usize - &raw const _stext as usize) as u32
}

/// Runs what `init` spawns, for ever.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor = EXECUTOR.init_with(|| raw::Executor::new(core::ptr::null_mut()));
    stack::paint();
    // QEMU's counter starts with what its clock showed at reset, which differs from run to run.
    leave_out(0);
    clock::start();
    console::listen();
    // SAFETY: the handlers of both interrupts are in place, and no critical section is open.
    unsafe {
        mie::set_mtimer();
        mie::set_mext();
        riscv::interrupt::enable();
    }
    init(executor.spawner());
    loop {
        // SAFETY: polled here only, never from within itself.
        unsafe { executor.poll() };
        critical_section::with(|cs| {
            // Interrupts are held off, so none can come between the look and the wait; a pending one ends the wait.
            if !PENDING.load(Ordering::SeqCst) {
                let before = minstret::read64();
                riscv::asm::wfi();
                let waited = WAITED.borrow(cs);
                waited.set(waited.get() + (minstret::read64() - before));
            }
            PENDING.store(false, Ordering::SeqCst);
        });
    }
}
