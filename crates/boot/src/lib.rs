//! The parts of the boot that all platforms share. These parts are the lines that a device prints, its default ports
//! and addresses, and the settings that a build may fix.
//!
//! # Layout
//! - [`Boot`]: the lines that a device prints while it boots and when its network changes; the default ports.
//! - [`Line`]: a line for the console, with its level.
//! - [`BuildSettings`]: how the device reaches its network, read from the environment of the build.
//! - [`Passphrase`]: the WPA2 passphrase of the device's access point.
//! - [`AddressText`]: an address as text.
//! - [`Uptime`]: the time since start, as it is printed.
#![no_std]
#![deny(unsafe_code)]

mod address_text;
mod boot_lines;
mod build_settings;
mod line;
mod passphrase;
mod uptime;

pub use address_text::AddressText;
pub use boot_lines::{AP_ADDRESS, Boot, Mode, NetworkName, PAGE_PORT, PORT};
pub use build_settings::{BuildSettings, Environment, PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, SSID_LEN_MAX};
pub use line::Line;
pub use passphrase::{PASSPHRASE_LEN, Passphrase};
pub use uptime::Uptime;
