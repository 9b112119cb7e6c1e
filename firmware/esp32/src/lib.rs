//! The servers on ESP32 chips.
//!
//! # Layout
//! - [`access_point`]: the device makes its own network.
//! - [`station`]: the device joins a network, and joins it again when it is gone.
//! - [`network`]: the listener and embassy-net on the radio.
//! - [`settings`]: what the build was told.
//! - [`console`]: lines on the UART.
//! - `radio.rs`: the Wi-Fi controller.
//! - `dhcp.rs`: addresses for the access point's clients.
//! - `identity.rs`: the access point's passphrase, in flash.
//! - `entropy.rs`: random numbers.
//! - `reason.rs`: why a station is not in its network, in plain words.
#![no_std]

pub mod access_point;
pub mod console;
mod dhcp;
pub mod entropy;
mod identity;
pub mod network;
mod radio;
mod reason;
pub mod settings;
pub mod station;

/// Clients served at once.
pub const SLOTS: usize = 8;

/// The chip's name.
pub const CHIP: &str = esp_hal::chip!();
