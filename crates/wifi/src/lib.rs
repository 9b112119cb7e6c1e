//! Wi-Fi, without a radio: what the device wants of one, and what it makes of what one tells.
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | `radio` | [`Radio`]: what a simulator or a chip implements; its [`Action`]s and [`Event`]s |
//! | `network` | [`Network`]: what it takes to join one |
//! | `run` | [`run()`]: the loop that joins the application, time and the radio |
//! | `machine`, `station`, `ap` | the state machine: what is wanted of the radio |
//! | `backoff`, `scan` | when to try again, and what was heard |
//! | `status` | what INFO and WIFI STATUS tell |

mod ap;
mod backoff;
pub(crate) mod machine;
mod network;
mod radio;
mod run;
mod scan;
pub(crate) mod station;
pub(crate) mod status;
#[cfg(test)]
mod tests;

use heapless::String;

use crate::limits::DEVICE_NAME_LEN_MAX;
use crate::settings::Settings;
use crate::wifi::machine::{Order, Wifi};
use crate::wifi::station::State;

pub use backoff::BackOff;
pub use network::{InvalidNetwork, Ip, Network, Secret, Ssid, StaticIp};
pub use radio::{Action, ApConfig, ApSecurity, Event, Heard, Join, JoinError, Radio, RadioConfig, Security};
pub use run::run;

/// The action that an order is, with what it takes to do it; none if the network to join is stored no more. `name` is
/// the device's.
pub(crate) fn action(order: Order, wifi: &Wifi, settings: &Settings, name: &str) -> Option<Action> {
    Some(match order {
        Order::Configure => Action::Configure(settings.radio),
        Order::StartAp => Action::StartAp(ap_config(settings, name)),
        Order::StopAp => Action::StopAp,
        Order::Join => {
            let stored = || settings.networks.iter().find(|network| network.ssid == wifi.ssid);
            let network = if wifi.state == State::Trying { wifi.staged.as_ref() } else { stored() };
            Action::Join(Join { network: network?.clone(), host_name: cut(name) })
        }
        Order::Leave => Action::Leave,
        Order::Scan => Action::Scan,
    })
}

fn ap_config(settings: &Settings, name: &str) -> ApConfig {
    let ap = &settings.ap;
    let security = match (ap.is_open, ap.passphrase.is_empty()) {
        (true, _) => ApSecurity::Open,
        (false, true) => ApSecurity::Own,
        (false, false) => ApSecurity::Passphrase(ap.passphrase.clone()),
    };
    ApConfig { ssid: cut(name), security, address: ap.address.address, prefix_len: ap.address.prefix_len }
}

/// A platform may have given a name that is longer than one that can be set.
fn cut(name: &str) -> String<DEVICE_NAME_LEN_MAX, u8> {
    let mut cut = String::new();
    for c in name.chars() {
        if cut.push(c).is_err() {
            break;
        }
    }
    cut
}
