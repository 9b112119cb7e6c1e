//! The registers of the machine (QEMU, hw/riscv/virt.c).

use core::ptr::{read_volatile, write_volatile};

/// Test device: writing ends the machine, or restarts it.
pub(crate) const TEST: usize = 0x0010_0000;
/// CLINT: when the timer interrupt comes.
pub(crate) const MTIMECMP: usize = 0x0200_4000;
/// CLINT: ticks since start, 10 MHz.
pub(crate) const MTIME: usize = 0x0200_bff8;
/// Interrupt controller.
pub(crate) const PLIC: usize = 0x0c00_0000;
/// 16550 UART: the byte that came in, or is to go out.
pub(crate) const UART: usize = 0x1000_0000;
/// UART: bit 0 makes a byte that came in an interrupt.
pub(crate) const UART_INTERRUPT_ENABLE: usize = UART + 1;
/// UART: bit 0 tells whether a byte came in.
pub(crate) const UART_LINE_STATUS: usize = UART + 5;
/// RAM that the program doesn't use: `memory.x` ends below.
pub(crate) const CONFIG: usize = 0x8010_0000;
/// PCI Express: the configuration of the devices of bus 0, one after the other.
pub(crate) const PCI_CONFIG: usize = 0x3000_0000;
/// Distance between the devices.
pub(crate) const PCI_STRIDE: usize = 0x8000;
/// PCI Express: addresses for the devices' own registers.
pub(crate) const PCI_MEMORY: usize = 0x4000_0000;
/// The first of eight virtio-mmio slots; slot n has interrupt source n + 1.
pub(crate) const VIRTIO: usize = 0x1000_1000;
/// Distance between the slots.
pub(crate) const VIRTIO_STRIDE: usize = 0x1000;

pub(crate) fn read(address: usize) -> u32 {
    // SAFETY: all callers pass registers of this machine, which can be read at any time.
    unsafe { read_volatile(address as *const u32) }
}

pub(crate) fn read_byte(address: usize) -> u8 {
    // SAFETY: as above, or RAM that nothing else uses.
    unsafe { read_volatile(address as *const u8) }
}

pub(crate) fn write(address: usize, value: u32) {
    // SAFETY: all callers pass registers of this machine. Registers that make it write to memory (the virtio queues)
    // get addresses of static memory only.
    unsafe { write_volatile(address as *mut u32, value) }
}

pub(crate) fn write_half(address: usize, value: u16) {
    // SAFETY: as above.
    unsafe { write_volatile(address as *mut u16, value) }
}

pub(crate) fn write_byte(address: usize, value: u8) {
    // SAFETY: as above.
    unsafe { write_volatile(address as *mut u8, value) }
}
