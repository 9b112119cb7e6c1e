//! Restarting the machine.

use portable_atomic::{AtomicBool, Ordering};

use crate::mmio;

/// The test device's value for "reset" (QEMU, hw/misc/sifive_test.c).
const RESET: u32 = 0x7777;

/// Restarts the machine. QEMU loads the program anew then, and leaves all other RAM as it was.
pub fn restart() -> ! {
    mmio::write(mmio::TEST, RESET);
    loop {
        riscv::asm::wfi();
    }
}

/// Whether a panic restarts the machine.
static ON_PANIC: AtomicBool = AtomicBool::new(false);

/// Has a panic restart the machine from now on, as it restarts a chip. Otherwise a panic ends the machine with exit status 1.
pub fn set_on_panic() {
    ON_PANIC.store(true, Ordering::Relaxed);
}

/// Whether a panic restarts the machine.
pub(crate) fn is_on_panic() -> bool {
    ON_PANIC.load(Ordering::Relaxed)
}
