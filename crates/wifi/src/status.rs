//! The fields of INFO and WIFI STATUS about Wi-Fi.

use core::fmt::{self, Write};

use crate::ap::ApState;
use crate::limits::NETWORKS_MAX;
use crate::machine::Wifi;
use crate::station::StationState;
use crate::wifi_settings::WifiSettings;

/// The source of the fields.
pub struct WifiStatus<'a> {
    /// The state machine.
    pub wifi: &'a Wifi,
    /// The settings in force.
    pub settings: WifiSettings<'a>,
    /// Signal of the network that the station is in, dBm; None while it is in none.
    pub rssi_dbm: Option<i8>,
    /// Milliseconds since boot.
    pub now_ms: u64,
}

/// A field of INFO and WIFI STATUS.
pub struct Field {
    /// As INFO has it; WIFI STATUS leaves out `wifi_`.
    pub name: &'static str,
    write: fn(&WifiStatus<'_>, &mut dyn Write) -> Option<fmt::Result>,
}

impl Field {
    /// Writes the value; None if the field has none now.
    pub fn write(&self, status: &WifiStatus<'_>, out: &mut dyn Write) -> Option<fmt::Result> {
        (self.write)(status, out)
    }

    /// Whether the field has a value now.
    pub fn exists(&self, status: &WifiStatus<'_>) -> bool {
        struct Nowhere;
        impl Write for Nowhere {
            fn write_str(&mut self, _: &str) -> fmt::Result {
                Ok(())
            }
        }
        self.write(status, &mut Nowhere).is_some()
    }
}

const fn field(name: &'static str, write: fn(&WifiStatus<'_>, &mut dyn Write) -> Option<fmt::Result>) -> Field {
    Field { name, write }
}

/// All fields, in the order in which they are shown.
pub static FIELDS: [Field; 17] = [
    field("wifi_mode", |status, out| Some(out.write_str(mode(status.wifi)))),
    field("wifi_state", |status, out| with_radio(status).map(|wifi| out.write_str(wifi.state.name()))),
    field("wifi_ssid", |status, out| text(&status.wifi.ssid).map(|ssid| out.write_str(ssid))),
    field("wifi_address", |status, out| status.wifi.address.map(|address| write!(out, "{address}"))),
    field("wifi_rssi_dbm", |status, out| {
        // A signal that was measured before the station left is not that of any network.
        let is_in = status.wifi.state.is_in_network();
        status.rssi_dbm.filter(|_| is_in).map(|rssi_dbm| write!(out, "{rssi_dbm}"))
    }),
    field("wifi_retries", |status, out| with_radio(status).map(|wifi| write!(out, "{}", wifi.retries))),
    field("wifi_next_try_s", |status, out| {
        let until_ms = status.wifi.state_until_ms().filter(|_| status.wifi.state == StationState::Pausing);
        until_ms.map(|until_ms| seconds(out, until_ms, status.now_ms))
    }),
    field("wifi_last_failure", |status, out| {
        status.wifi.last_failure.as_ref().map(|last_failure| write!(out, "{}", last_failure.failure))
    }),
    field("wifi_last_failure_ssid", |status, out| {
        status.wifi.last_failure.as_ref().map(|last_failure| out.write_str(&last_failure.ssid))
    }),
    field("wifi_last_failure_age_s", |status, out| {
        let last_failure = status.wifi.last_failure.as_ref();
        last_failure.map(|last_failure| write!(out, "{}", status.now_ms.saturating_sub(last_failure.at_ms) / 1_000))
    }),
    field("wifi_staged", |status, out| status.wifi.staged.as_ref().map(|staged| out.write_str(&staged.ssid))),
    field("wifi_confirm_within_s", |status, out| {
        let until_ms = status.wifi.trial.and_then(|trial| trial.until_ms);
        until_ms.map(|until_ms| seconds(out, until_ms, status.now_ms))
    }),
    field("wifi_network_1", |status, out| network(status, out, 0)),
    field("wifi_network_2", |status, out| network(status, out, 1)),
    field("wifi_network_3", |status, out| network(status, out, 2)),
    field("wifi_ap_ssid", |status, out| {
        let is_on = status.wifi.ap.state == ApState::On;
        is_on.then(|| out.write_str(status.settings.name))
    }),
    field("wifi_ap_clients", |status, out| {
        let is_on = status.wifi.ap.state == ApState::On;
        is_on.then(|| write!(out, "{}", status.wifi.ap.clients))
    }),
];

const _: () = assert!(NETWORKS_MAX == 3, "each has its field");

/// The radio's mode: access point, station, both, or none.
fn mode(wifi: &Wifi) -> &'static str {
    let is_ap = wifi.ap.state == ApState::On;
    match (wifi.has_radio, wifi.state, is_ap) {
        (false, ..) => "none",
        (true, StationState::Off, false) => "off",
        (true, StationState::Off, true) => "ap",
        (true, _, false) => "sta",
        (true, _, true) => "ap+sta",
    }
}

fn with_radio<'a>(status: &WifiStatus<'a>) -> Option<&'a Wifi> {
    status.wifi.has_radio.then_some(status.wifi)
}

fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn network(status: &WifiStatus<'_>, out: &mut dyn Write, index: usize) -> Option<fmt::Result> {
    status.settings.networks.get(index).map(|network| out.write_str(&network.ssid))
}

/// The seconds until then, begun ones as whole.
fn seconds(out: &mut dyn Write, until_ms: u64, now_ms: u64) -> fmt::Result {
    write!(out, "{}", until_ms.saturating_sub(now_ms).div_ceil(1_000))
}
