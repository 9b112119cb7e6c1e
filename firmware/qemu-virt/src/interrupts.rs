//! Which device an external interrupt is of (RISC-V Platform-Level Interrupt Controller specification 1.0).

use riscv::interrupt::machine::Interrupt;

use crate::mmio::{PLIC, read, write};
use crate::{figures, virtio};

/// The console's source (QEMU, hw/riscv/virt.c).
pub(crate) const UART: usize = 10;

/// Enables `source` for hart 0's machine mode, at priority 1 above the threshold 0.
pub(crate) fn enable(source: usize) {
    const ENABLED: usize = PLIC + 0x2000;
    write(PLIC + 4 * source, 1);
    write(ENABLED, read(ENABLED) | 1 << source);
}

/// The console and the network card are the only two that are enabled.
#[riscv_rt::core_interrupt(Interrupt::MachineExternal)]
fn external() {
    const CLAIM: usize = PLIC + 0x20_0004;
    let source = read(CLAIM);
    if source as usize == UART {
        figures::interrupt();
    } else {
        virtio::interrupt();
    }
    write(CLAIM, source);
}
