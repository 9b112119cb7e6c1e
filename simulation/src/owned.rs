//! The settings by the owner's knowledge.

use std::cell::RefCell;

use sockeye_device::{Settings, StoreStatus, Stored};
use sockeye_wifi::{Ip, Network};
use sockeye_wiring::Wiring;

use crate::board::PINS;
use crate::check::Known;

/// The settings by the answers to the owner, and other possible ones.
pub struct Owned {
    /// The device's name; empty for the one that it came with.
    pub name: RefCell<Known<String>>,
    /// The networks that it joins, as [`network`] writes them, in alphabetical order.
    pub networks: RefCell<Known<Vec<String>>>,
    /// Whether there is a token.
    pub token: RefCell<Known<bool>>,
    /// The wiring.
    pub wiring: RefCell<Known<Wiring>>,
}

impl Default for Owned {
    fn default() -> Self {
        Self {
            name: RefCell::new(Known::new(String::new())),
            networks: RefCell::new(Known::new(Vec::new())),
            token: RefCell::new(Known::new(false)),
            wiring: RefCell::new(Known::new(factory())),
        }
    }
}

/// The wiring from the factory.
pub fn factory() -> Wiring {
    let mut wiring = Wiring::new();
    for (name, spec) in PINS.factory {
        wiring.set(name, spec).expect("it has room");
    }
    wiring
}

/// A network's name, and how the device gets its address there.
pub fn network(ssid: &str, ip: &str) -> String {
    format!("{ssid} {ip}")
}

/// The networks in settings.
fn networks(settings: &Settings) -> Vec<String> {
    let ip = |network: &Network| match network.ip {
        Ip::Dhcp => "dhcp".to_owned(),
        Ip::Static(ip) => format!("{}/{}", ip.address, ip.prefix_len),
    };
    let mut networks: Vec<_> = settings.networks.iter().map(|stored| network(&stored.ssid, &ip(stored))).collect();
    networks.sort_unstable();
    networks
}

impl Owned {
    /// Checks the settings that the device has found in its flash.
    ///
    /// # Errors
    /// Something that was acknowledged is lost, or something is there that nobody asked for.
    pub fn observe(&self, stored: &Stored) -> Result<(), String> {
        // A repair that failed because the flash is too old is reported, and all settings are there.
        let has_all = [StoreStatus::Sound, StoreStatus::Repaired, StoreStatus::Failed];
        if !has_all.contains(&stored.status) {
            return Err(format!("the store is {:?}", stored.status));
        }
        let settings = &stored.settings;
        let name = self.name.borrow_mut().observed(&settings.name.as_str().to_owned());
        name.map_err(|why| format!("the name is {why}"))?;
        let token = self.token.borrow_mut().observed(&settings.token.is_some());
        token.map_err(|why| format!("that there is a token is {why}"))?;
        let networks = self.networks.borrow_mut().observed(&networks(settings));
        networks.map_err(|why| format!("the networks are {why}"))?;
        let wiring = settings.wiring.clone().unwrap_or_else(factory);
        self.wiring.borrow_mut().observed(&wiring).map_err(|why| format!("the wiring is {why}"))
    }
}
