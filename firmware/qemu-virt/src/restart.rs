//! Restarting the machine.

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
