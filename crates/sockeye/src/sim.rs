//! The simulated device: it boots as the chip does, prints what the chip's console prints, and serves.

use std::net::SocketAddrV4;
use std::path::Path;

use anyhow::anyhow;
use sockeye_device::PushSettings;
use sockeye_hello::boot::{AP_ADDRESS, Boot, Mode, NetworkName, PORT};

use crate::device::{self, HostStore};
use crate::identity::Identity;
use crate::net::listen;
use crate::serve::print;

/// Slots of a device.
const SLOTS: usize = 8;
/// The network that a simulated station joins.
const STATION_NETWORK: &str = "simulated";

/// Where samples are pushed to, from the command line.
///
/// # Errors
/// One of them is longer than a device can keep.
pub fn push_settings(to: &str, token: &str, names: &str, period_ms: u32) -> anyhow::Result<PushSettings> {
    let too_long = |what| move |_| anyhow!("{what} is too long");
    Ok(PushSettings {
        to: to.try_into().map_err(too_long("--push-to"))?,
        token: token.try_into().map_err(too_long("--push-token"))?,
        names: names.try_into().map_err(too_long("--push-names"))?,
        period_ms,
    })
}

/// Boots the device in `mode` and serves on `address` of this machine until Ctrl-C.
pub fn run(mode: Mode, address: SocketAddrV4, state: Option<&Path>, push: Option<PushSettings>) -> anyhow::Result<()> {
    let identity = Identity::load(state)?;
    let store = HostStore::open(state)?;
    async_io::block_on(async {
        // First what can fail, so that a device which can't be reached does not boot.
        let acceptor = listen(address.into()).await?;
        let boot = Boot::new(print, "device", "the simulator");
        match mode {
            Mode::AccessPoint => {
                boot.access_point(&NetworkName(identity.mac), Some(identity.passphrase.as_str()));
                boot.network_up(AP_ADDRESS);
                print(format_args!("simulated: {AP_ADDRESS}:{PORT} is {address} on this machine"));
            }
            Mode::Station => {
                boot.station(&STATION_NETWORK);
                boot.network_up(*address.ip());
            }
        }
        boot.device_listening(address.port(), SLOTS, address.into());
        device::run(&acceptor, identity.mac, SLOTS, store, push).await
    })
}
