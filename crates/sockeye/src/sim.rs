//! The simulated device: it boots as the chip does, prints what the chip's console prints, and serves.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, mem};

use anyhow::{Context, anyhow, ensure};
use sockeye_board::boot::tell_restart;
use sockeye_boot::{AP_ADDRESS, Boot, Line, Mode, NetworkName, PORT};
use sockeye_device::PushSettings;
use sockeye_firmware_update::limits::KEY_LEN;
use sockeye_wifi::Secret;

use crate::device::{self, HostStore, InBuffers, Reach, Retained, SettingsMemory, Slots, retained};
use crate::identity::Identity;
use crate::limits::SLOTS;
use crate::loopback_air::{self, Demo, Links};
use crate::net::listen;
use crate::serve::{End, print};

/// Folder for a device in the demo's air, when none is given: a restart must find what was stored.
const DEMO_STATE: &str = "sockeye-demo";
/// The network that a simulated station joins.
const STATION_NETWORK: &str = "simulated";

/// Where samples are pushed to, from the command line.
///
/// # Errors
/// CONFIG SET would refuse one of them.
pub fn push_settings(to: &str, token: &str, names: &str, period_ms: u32) -> anyhow::Result<PushSettings> {
    ensure!(!to.is_empty(), "--push-to: a peer is HOST:PORT");
    let mut settings = PushSettings::default();
    settings.set_to(to.as_bytes()).map_err(|why| anyhow!("--push-to: {why}"))?;
    settings.set_token(token.as_bytes()).map_err(|why| anyhow!("--push-token: {why}"))?;
    settings.set_names(names.as_bytes()).map_err(|why| anyhow!("--push-names: {why}"))?;
    settings.set_period_ms(period_ms).map_err(|why| anyhow!("--push-period-ms: {why}"))?;
    Ok(settings)
}

/// Boots the device in `mode` and serves on `address` of this machine until Ctrl-C. At first it has been on for `before`.
pub fn run(
    mode: Mode,
    address: SocketAddrV4,
    (state, key): (Option<&Path>, Option<[u8; KEY_LEN]>),
    (push, mut before): (Option<PushSettings>, Duration),
) -> anyhow::Result<()> {
    let identity = Identity::load(state)?;
    // First what can fail, so that a device which can't be reached does not boot.
    let acceptor = InBuffers::new(async_io::block_on(listen(address.into()))?);
    let (retained, memory) = (Retained::open(state)?, SettingsMemory::default());
    restarting(async || {
        let store = HostStore::open(state, &memory)?;
        let slots = slots(state, key).await?;
        let boot = start(&retained, slots.as_ref());
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
        parts();
        device::run(
            Reach::machine(&acceptor),
            (identity.mac, address.port()),
            SLOTS,
            (state, store),
            slots,
            (push.clone(), mem::take(&mut before)),
            &retained,
        )
        .await
    })
}

/// Boots the device with Wi-Fi in the air of the demo, and serves where that takes it, until Ctrl-C.
pub fn run_in_air(
    address: SocketAddrV4,
    (state, key): (Option<PathBuf>, Option<[u8; KEY_LEN]>),
    (push, mut before): (Option<PushSettings>, Duration),
) -> anyhow::Result<()> {
    let own = SocketAddrV4::new(loopback_air::AP_ADDRESS, address.port());
    ensure!(address == own, "--air takes addresses of its own; --listen {own} is what it begins with");
    let state = state.unwrap_or_else(|| env::temp_dir().join(DEMO_STATE));
    fs::create_dir_all(&state).with_context(|| format!("can't use --state {}", state.display()))?;
    let identity = Identity::load(Some(&state))?;
    let (retained, memory) = (Retained::open(Some(&state))?, SettingsMemory::default());
    restarting(async || {
        let store = HostStore::open(Some(&state), &memory)?;
        let slots = slots(Some(&state), key).await?;
        let boot = start(&retained, slots.as_ref());
        let passphrase = Secret::new(identity.passphrase.as_str().as_bytes()).unwrap_or_default();
        print(format_args!("state: {}", state.display()));
        print(format_args!("access point: {}", NetworkName(identity.mac)));
        boot.device_listening(address.port(), SLOTS, own.into());
        parts();
        let links = InBuffers::new(Links::new(address.port()));
        let demo = Demo { links: links.get_ref(), networks: &loopback_air::DEMO, console: boot, passphrase };
        device::run(
            Reach::air(&links, demo),
            (identity.mac, address.port()),
            SLOTS,
            (Some(&state), store),
            slots,
            (push.clone(), mem::take(&mut before)),
            &retained,
        )
        .await
    })
}

/// Prints the device's first lines. The version is that of the image in the booted slot; of this program without slots.
fn start(retained: &Retained, slots: Option<&Slots>) -> Boot<fn(Line<'_>)> {
    let version = slots.map_or(env!("CARGO_PKG_VERSION"), Slots::version);
    let boot = Boot::of_version(retained::print as fn(Line<'_>), version, "device", "the simulator");
    tell_restart(retained.reason(), retained.last_panic(), &boot);
    if slots.is_some_and(Slots::is_trial) {
        boot.warning(&"this firmware is on trial: FIRMWARE CONFIRM keeps it");
    }
    boot
}

/// Boots the image that is in the device's folder. None without a folder.
async fn slots(folder: Option<&Path>, key: Option<[u8; KEY_LEN]>) -> anyhow::Result<Option<Slots>> {
    match folder {
        Some(folder) => Ok(Some(Slots::boot(folder, key).await?)),
        None => Ok(None),
    }
}

/// Boots a device, and again each time that it is to restart.
fn restarting(mut boot: impl AsyncFnMut() -> anyhow::Result<End>) -> anyhow::Result<()> {
    async_io::block_on(async {
        while boot().await? == End::Restart {}
        Ok(())
    })
}

/// Prints what is on the simulated board's pins.
fn parts() {
    device::PARTS.iter().for_each(|line| print(format_args!("{line}")));
}
