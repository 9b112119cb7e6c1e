//! A device that hangs at its start, for the tests of updates: its watchdog restarts the machine. Before that the watchdog
//! is armed and the image marks itself, as in the device, so that the machine boots the firmware before.
#![no_std]
#![no_main]

use sockeye_board::limits::WATCHDOG_MS;
use sockeye_qemu_virt::console::print;
use sockeye_qemu_virt::watchdog::Watchdog;
use sockeye_qemu_virt_flash::partitions;

#[riscv_rt::entry]
fn main(_hart: usize, _device_tree: usize, booted: usize) -> ! {
    Watchdog::arm(WATCHDOG_MS).expect("QEMU runs with -device i6300esb");
    partitions::slots(booted, None).expect("a bootloader has started this");
    print(format_args!("this firmware hangs"));
    loop {
        core::hint::spin_loop();
    }
}
