//! The traits that a chip implements: its Wi-Fi driver, and the network stack above it.

use core::fmt::Debug;
use core::net::Ipv4Addr;

use crate::credentials::{Ip, Network as Joined, Secret, Ssid};
use crate::radio::ScanResult;

/// An event of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverEvent {
    /// The station is in its network.
    Connected,
    /// The station could not join its network, or dropped out of it; with the reason code, see
    /// [`reason_code`](crate::reason_code()).
    Disconnected(u16),
    /// A client with this MAC address has joined the access point (true) or left it (false).
    Client([u8; 6], bool),
    /// A scan is over.
    Scanned,
}

/// An access point as a driver starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its name.
    pub ssid: Ssid,
    /// WPA2's passphrase; empty for an open network.
    pub passphrase: Secret,
}

/// A chip's Wi-Fi driver.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait RadioDriver {
    /// Why the driver didn't do something.
    type Error: Debug;

    /// Whether [`configure`](Self::configure) restarts the access point, and so drops its clients, also if only the
    /// station's part changes.
    fn restarts_ap(&self) -> bool {
        true
    }
    /// Sets the access point, None for none on the air, and the network that the station joins next, None for none.
    /// Starting or stopping the access point may drop the station out of its network.
    ///
    /// # Errors
    /// The radio doesn't take the configuration, or fails. After a failure the radio may have stopped both interfaces.
    fn configure(&mut self, ap: Option<&AccessPoint>, station: Option<&Joined>) -> Result<(), Self::Error>;
    /// Sets whether the station sleeps between beacons.
    ///
    /// # Errors
    /// The driver's.
    fn set_power_save(&mut self, is_on: bool) -> Result<(), Self::Error>;
    /// Begins to join. The future is polled once and dropped: the outcome comes as an event.
    ///
    /// # Errors
    /// The driver could not even begin.
    async fn connect(&mut self) -> Result<(), Self::Error>;
    /// Begins to leave, in the same way.
    ///
    /// # Errors
    /// There is nothing to leave.
    async fn disconnect(&mut self) -> Result<(), Self::Error>;
    /// Begins to scan, in the same way.
    ///
    /// # Errors
    /// The driver could not even begin.
    async fn scan(&mut self) -> Result<(), Self::Error>;
    /// The networks that the scan which is over has heard.
    ///
    /// # Errors
    /// The driver has no results.
    fn scan_results(&mut self) -> Result<impl Iterator<Item = ScanResult>, Self::Error>;
    /// Whether the station is in its network.
    fn is_connected(&self) -> bool;
    /// Signal strength of the network that the station is in, dBm; None while it is in none.
    fn rssi_dbm(&self) -> Option<i8>;
    /// How many clients are in the access point; None where the driver can't be asked.
    fn ap_clients(&self) -> Option<u8> {
        None
    }
    /// Waits for the next event. Events are kept from the start of the radio on, also while no one waits and while the
    /// driver is being called. May be dropped at any time, and loses no event then.
    async fn next_event(&mut self) -> DriverEvent;
}

/// The network stack above a chip's radio, on both interfaces.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait NetworkStack {
    /// Sets the device's address in the access point's network, and the length of its prefix; None while the access point
    /// is off the air.
    fn set_ap_address(&self, address: Option<(Ipv4Addr, u8)>);
    /// Sets how the station gets its address, and the host name for its DHCP server; None while the station is in no
    /// network.
    fn set_station_ip(&self, ip: Option<(&Ip, &str)>);
    /// Calls `changed` with each new address of the station, for ever; None when it has none any more.
    async fn follow(&self, changed: impl FnMut(Option<Ipv4Addr>));
}
