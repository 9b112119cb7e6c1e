//! Services follow the device's address.

use core::future::pending;
use core::net::Ipv4Addr;

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::watch::Watch;

use crate::limits::FOLLOWERS_MAX;

/// An address, and the bits of its network's prefix.
pub type Cidr = (Ipv4Addr, u8);

/// The device's address on one side, for up to [`FOLLOWERS_MAX`] services that follow it.
pub struct Address(Watch<NoopRawMutex, Option<Cidr>, FOLLOWERS_MAX>);

impl Address {
    /// The device has none yet.
    pub const fn new() -> Self {
        Self(Watch::new())
    }

    /// The device has this address from now on; None if it has none.
    pub fn set(&self, address: Option<Cidr>) {
        self.0.sender().send(address);
    }

    /// Serves at each address that the device has, one after the other, for ever. A service that runs at an address
    /// ends with the address.
    ///
    /// # Panics
    /// If [`FOLLOWERS_MAX`] services follow it already.
    pub async fn follow(&self, serve: impl AsyncFn(Cidr)) {
        let mut changes = self.0.receiver().expect("a receiver for each service");
        let mut now = None;
        loop {
            let serving = async {
                match now {
                    Some(address) => serve(address).await,
                    None => pending().await,
                }
            };
            if let Either::Second(change) = select(serving, changes.changed()).await {
                now = change;
            }
        }
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::new()
    }
}
