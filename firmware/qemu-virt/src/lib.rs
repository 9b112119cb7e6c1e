//! The board `qemu-system-riscv32 -machine virt`: the ESP32-C3's instruction set without its radio.
//!
//! # Layout
//! - [`config`]: what the machine is told when it is started.
//! - [`console`]: the UART.
//! - [`clock`]: embassy's time from the machine's timer.
//! - [`executor`]: runs tasks, waits for interrupts, and counts the instructions of everything but the waiting.
//! - [`mod@restart`]: restarting the machine.
//! - [`virtio`]: the network card, an embassy-net driver.
//! - [`network`]: the listener and embassy-net on that card.
//! - [`watchdog`]: the watchdog, of machines that have one.
//! - `figures.rs`: instructions and stack used, told on the console; `stack.rs`: how the latter is known.
//! - `interrupts.rs`: which device an interrupt is of.
//! - `mmio.rs`: registers; `memcpy.rs`: copying by words.
#![no_std]

pub mod clock;
pub mod config;
pub mod console;
pub mod executor;
mod figures;
mod interrupts;
mod memcpy;
mod mmio;
pub mod network;
pub mod restart;
mod stack;
pub mod virtio;
pub mod watchdog;

/// Clients served at once; `SOCKEYE_SLOTS` in the environment of the build, 8 without it.
pub const SLOTS: usize = include!(concat!(env!("OUT_DIR"), "/slots.rs"));
