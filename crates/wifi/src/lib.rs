//! Wi-Fi of a device, without hardware: when it joins which network, when its access point is on the air, and what a
//! chip's driver is told for that.
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | `machine`, `station`, `ap` | [`Wifi`], the state machine: what the radio is to do |
//! | `settings` | [`WifiSettings`]: what of the device's settings the state machine reads |
//! | `radio` | [`Radio`]: its [`Action`]s and [`Event`]s |
//! | `run` | [`run()`]: the loop between a [`Controller`], which holds the state machine, and a [`Radio`] |
//! | [`adapter`] | a [`Radio`] on a chip's [`Driver`](adapter::Driver); [`StaticNetwork`](adapter::StaticNetwork), for programs without settings |
//! | [`reason_code()`] | why a station is in no network |
//! | `network` | [`Network`]: what it takes to join one |
//! | `backoff`, `scan` | when to try again, and what a scan heard |
//! | `status` | what INFO and WIFI STATUS show |
//! | [`limits`] | every bound |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod adapter;
mod ap;
mod backoff;
pub mod cbor;
pub mod limits;
mod machine;
mod network;
mod radio;
mod reason_code;
mod run;
mod scan;
mod settings;
mod station;
mod status;
#[cfg(test)]
mod tests;

pub use ap::{Ap, ApState};
pub use backoff::Backoff;
pub use machine::{Failure, LastFailure, MachineInput, Trial, Wifi};
pub use network::{InvalidNetwork, Ip, Network, Secret, Ssid, StaticIp};
pub use radio::{
    Action, ApConfig, ApSecurity, Event, HostName, Join, JoinError, Radio, RadioConfig, ScanResult, Security,
};
pub use reason_code::reason_code;
pub use run::{Controller, run};
pub use scan::Scan;
pub use settings::{ApAddress, ApSettings, WifiSettings};
pub use station::{Input, State};
pub use status::{FIELDS, Field, Status};
