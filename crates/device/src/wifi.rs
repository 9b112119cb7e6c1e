//! Wi-Fi, without a radio: what the device wants of one, and what it makes of what one tells.
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | `radio` | [`Radio`]: what a simulator or a chip implements; its [`Action`]s and [`Event`]s |
//! | `network` | [`Network`]: what it takes to join one |

mod network;
mod radio;

pub use network::{InvalidNetwork, Ip, Network, Secret, Ssid, StaticIp};
pub use radio::{Action, ApConfig, ApSecurity, Event, Heard, Join, JoinError, Radio, RadioConfig, Security};
