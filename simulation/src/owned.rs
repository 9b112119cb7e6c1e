//! What the device's owner knows of its settings.

use std::cell::RefCell;

use sockeye_device::{Settings, StoreCondition, Stored};

use crate::check::Known;

/// What the owner was told, and what may be true besides.
pub struct Owned {
    /// The device's name; empty for the one that it came with.
    pub name: RefCell<Known<String>>,
    /// The names of the networks that it joins, in alphabetical order.
    pub networks: RefCell<Known<Vec<String>>>,
    /// Whether there is a token.
    pub token: RefCell<Known<bool>>,
}

impl Default for Owned {
    fn default() -> Self {
        Self {
            name: RefCell::new(Known::new(String::new())),
            networks: RefCell::new(Known::new(Vec::new())),
            token: RefCell::new(Known::new(false)),
        }
    }
}

/// The names of the networks in settings.
pub fn networks(settings: &Settings) -> Vec<String> {
    let mut names: Vec<_> = settings.networks.iter().map(|network| network.ssid.as_str().to_owned()).collect();
    names.sort_unstable();
    names
}

impl Owned {
    /// What the device has found in its flash.
    ///
    /// # Errors
    /// Something that was acknowledged is lost, or something is there that nobody asked for.
    pub fn observe(&self, stored: &Stored) -> Result<(), String> {
        if !matches!(stored.condition, StoreCondition::Sound | StoreCondition::Repaired) {
            return Err(format!("the store is {:?}", stored.condition));
        }
        let settings = &stored.settings;
        let name = self.name.borrow_mut().observed(&settings.name.as_str().to_owned());
        name.map_err(|why| format!("the name is {why}"))?;
        let token = self.token.borrow_mut().observed(&settings.token.is_some());
        token.map_err(|why| format!("that there is a token is {why}"))?;
        let networks = self.networks.borrow_mut().observed(&networks(settings));
        networks.map_err(|why| format!("the networks are {why}"))
    }
}
