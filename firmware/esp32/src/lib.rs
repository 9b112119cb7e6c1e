//! The servers on ESP32 chips.
//!
//! # Layout
//! - [`network`]: the listener and embassy-net on the radio.
//! - `access_point.rs`: the device makes its own network.
//! - `station.rs`: the device joins a network, and joins it again when it is gone.
//! - `settings.rs`: what the build was told.
//! - [`console`]: lines on the UART.
//! - [`boards`]: which pin is what.
//! - [`wifi`]: the device's radio, as the state machine wants one.
//! - [`store`]: settings and the access point's passphrase, in flash.
//! - [`services`]: DHCP, captive DNS, mDNS.
//! - [`guard`]: the watchdog, and the button for the factory's settings.
//! - `panic.rs`: what becomes of a panic.
//! - [`platform`], [`sensors`]: the chip as the device application sees it.
//! - `radio.rs`: the Wi-Fi controller.
//! - `entropy.rs`: random numbers.
//! - `reason.rs`: why a station is not in its network, in plain words.
#![no_std]

mod access_point;
pub mod boards;
pub mod console;
pub mod entropy;
pub mod guard;
pub mod network;
mod panic;
pub mod platform;
pub mod radio;
mod reason;
pub mod sensors;
pub mod services;
pub mod settings;
mod station;
pub mod store;
pub mod wifi;

/// Clients served at once.
pub const SLOTS: usize = 8;

/// The chip's name.
pub const CHIP: &str = esp_hal::chip!();
