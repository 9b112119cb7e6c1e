//! A device that panics at its start, for the tests of updates. Its first statement is the device's: it marks its own
//! image, so that the machine boots the firmware before.
#![no_std]
#![no_main]

use sockeye_qemu_virt::restart;
use sockeye_qemu_virt_flash::partitions;

#[riscv_rt::entry]
fn main(_hart: usize, _device_tree: usize, booted: usize) -> ! {
    if partitions::slots(booted, None).is_some() {
        restart::set_on_panic();
    }
    panic!("this firmware is broken");
}
