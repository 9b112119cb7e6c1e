//! Wi-Fi of a device, without hardware. The state machine decides when the device joins which network, and when its
//! access point is on the air. The adapter turns the state machine's actions into calls of a chip's driver.
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | `machine`, `station`, `ap` | [`Wifi`], the state machine: what the radio is to do |
//! | `wifi_settings` | [`WifiSettings`]: what of the device's settings the state machine reads |
//! | `radio` | [`Radio`]: its [`Action`]s and [`Event`]s |
//! | `radio_loop` | [`run()`]: the loop between a [`Controller`], which holds the state machine, and a [`Radio`] |
//! | [`adapter`] | a [`Radio`] on a chip's [`RadioDriver`](adapter::RadioDriver); [`StaticNetwork`](adapter::StaticNetwork), for programs without settings |
//! | [`reason_code()`] | why a station is in no network |
//! | `credentials` | [`Network`]: what it takes to join one |
//! | `scan_results` | what a scan heard |
//! | `status` | what INFO and WIFI STATUS show |
//! | [`limits`] | every bound |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod adapter;
mod ap;
pub mod cbor_text;
mod credentials;
pub mod limits;
mod machine;
mod radio;
mod radio_loop;
mod reason_code;
mod scan_results;
mod station;
mod status;
#[cfg(test)]
mod tests;
mod wifi_settings;

pub use ap::{Ap, ApState};
pub use credentials::{InvalidNetwork, Ip, Network, Secret, Ssid, StaticIp};
pub use machine::{Failure, LastFailure, MachineInput, Trial, Wifi};
pub use radio::{
    Action, ApConfig, ApSecurity, Event, HostName, Join, JoinError, Radio, RadioConfig, ScanResult, Security,
};
pub use radio_loop::{Controller, run};
pub use reason_code::reason_code;
pub use scan_results::Scan;
pub use station::{Input, StationState};
pub use status::{FIELDS, Field, WifiStatus};
pub use wifi_settings::{ApAddress, ApSettings, WifiSettings};
