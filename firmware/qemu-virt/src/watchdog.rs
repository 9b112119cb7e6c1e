//! The watchdog: an Intel 6300ESB on PCI Express, as QEMU's `-device i6300esb` (hw/watchdog/wdt_i6300esb.c; Intel 6300ESB
//! I/O Controller Hub Datasheet, section 16). A machine of which it is no part has none.

use crate::mmio::{PCI_CONFIG, PCI_MEMORY, PCI_STRIDE, read, write, write_byte, write_half};

/// Devices of a bus.
const DEVICES: usize = 32;
/// Vendor and device in the first word of the configuration.
const ID: u32 = 0x25ab_8086;

/// Registers of the configuration.
mod config {
    pub(super) const COMMAND: usize = 0x04;
    pub(super) const BASE_ADDRESS: usize = 0x10;
    /// Zero: the second stage resets the machine, and the clock is the slow one.
    pub(super) const CONFIGURATION: usize = 0x60;
    pub(super) const LOCK: usize = 0x68;
}
/// Command: the device's own registers answer.
const MEMORY: u32 = 2;
/// Lock: the watchdog runs.
const ENABLE: u8 = 2;

/// The device's own registers.
mod registers {
    pub(super) const PRELOAD_1: usize = 0x00;
    pub(super) const PRELOAD_2: usize = 0x04;
    pub(super) const RELOAD: usize = 0x0c;
}
/// Two writes to the reload register open the registers for one write.
const OPEN: [u16; 2] = [0x80, 0x86];
/// Reload: both stages begin anew.
const BEGIN_ANEW: u16 = 0x100;
/// The slow clock: so many ticks of 33 MHz are one of the watchdog.
const TICKS: u64 = 1 << 15;
const CLOCK_KHZ: u64 = 33_000;

/// The watchdog, which runs.
pub struct Watchdog(());

impl Watchdog {
    /// Starts the watchdog: the machine starts anew when it was not fed for so long, milliseconds. None if the machine has
    /// no watchdog.
    pub fn arm(timeout_ms: u64) -> Option<Self> {
        let config = (0..DEVICES).map(|device| PCI_CONFIG + device * PCI_STRIDE).find(|config| read(*config) == ID)?;
        write(config + config::BASE_ADDRESS, PCI_MEMORY as u32);
        write(config + config::COMMAND, read(config + config::COMMAND) | MEMORY);
        write_half(config + config::CONFIGURATION, 0);
        // Two stages, half of the time each; the first of them has no effect here.
        let preload = (timeout_ms * CLOCK_KHZ / TICKS / 2) as u32;
        for register in [registers::PRELOAD_1, registers::PRELOAD_2] {
            open();
            write(PCI_MEMORY + register, preload);
        }
        write_byte(config + config::LOCK, ENABLE);
        Some(Self(()))
    }

    /// Begins both stages anew.
    pub fn feed(&mut self) {
        open();
        write_half(PCI_MEMORY + registers::RELOAD, BEGIN_ANEW);
    }
}

fn open() {
    OPEN.into_iter().for_each(|word| write_half(PCI_MEMORY + registers::RELOAD, word));
}
