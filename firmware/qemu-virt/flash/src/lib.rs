//! The flash of the board qemu-virt: its driver, and its partitions, which are those of the ESP32 chips.
//!
//! # Layout
//! - [`bank`]: the driver.
//! - [`partitions`]: the addresses of the partitions, and the two slots for images.
#![no_std]

pub mod bank;
pub mod partitions;

pub use bank::Flash;
