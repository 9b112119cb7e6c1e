//! The device joins a network, and joins it again when it is gone.

use embassy_executor::Spawner;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use esp_hal::peripherals::WIFI;
use esp_hal::rng::Rng;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{Config, Interface, WifiController, WifiError};
use sockeye_hello::boot::NetworkName;
use sockeye_hello::join::BackOff;
use sockeye_tcp::Tcp;

use crate::console::Console;
use crate::entropy::Entropy;
use crate::network::{self, Memory, Network};
use crate::radio;
use crate::reason::Reason;

/// How long one attempt to join may take, milliseconds. The radio scans all channels within 2 s.
const JOIN_TIMEOUT_MS: u64 = 20_000;
/// How long leaving may take, milliseconds.
const LEAVE_TIMEOUT_MS: u64 = 2_000;
/// How often the station asks whether it is still in the network, milliseconds: the radio's events can be lost.
const CHECK_MS: u64 = 5_000;

/// Begins to join the network, and returns at once.
///
/// # Errors
/// The radio's: without it there is nothing that the device could do. A network that can't be joined is no error.
pub(crate) fn start(
    spawner: Spawner,
    console: Console,
    wifi: WIFI<'static>,
    entropy: &Entropy,
    (ssid, password): (&'static str, Option<&str>),
) -> Result<(Tcp, Network), WifiError> {
    static MEMORY: [Memory; 1] = [Memory::new()];

    console.station(&ssid);
    let interface = Interface::station();
    let config =
        StationConfig::default().with_ssid(ssid.try_into()?).with_authentication(radio::authentication(password)?);
    let controller = radio::start(wifi, Config::Station(config))?;
    let address = network::address_by_dhcp(&NetworkName(interface.mac_address()));
    let (tcp, [network]) = network::start(spawner, &MEMORY, [(interface, address)], entropy);
    // It is spawned once, so there is room for it.
    spawner.spawn(stay_joined(controller, console, ssid).expect("one task"));
    Ok((tcp, network))
}

#[embassy_executor::task]
async fn stay_joined(mut controller: WifiController<'static>, console: Console, ssid: &'static str) {
    let mut back_off = BackOff::new();
    loop {
        let (joined, reason) = match join(&mut controller).await {
            Ok(()) => {
                console.joined(&ssid);
                let since = Instant::now();
                let reason = until_left(&controller).await;
                (since.elapsed(), reason)
            }
            Err(reason) => (Duration::from_ticks(0), reason),
        };
        let pause = back_off.pause(joined, Rng::new().random());
        radio::measure_rssi(&controller);
        console.not_joined(&ssid, &reason, pause);
        Timer::after(pause).await;
    }
}

/// One attempt to join.
async fn join(controller: &mut WifiController<'static>) -> Result<(), Reason> {
    let limit = Duration::from_millis(JOIN_TIMEOUT_MS);
    match with_timeout(limit, controller.connect_async()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        // The event may be lost, and not the network.
        Err(_) if controller.is_connected() => Ok(()),
        Err(_) => {
            let limit = Duration::from_millis(LEAVE_TIMEOUT_MS);
            // Whether it left or had nothing to leave, the next attempt starts from there.
            let _ = with_timeout(limit, controller.disconnect_async()).await;
            Err(Reason::Silence)
        }
    }
}

/// Waits until the station has left the network, for whatever reason.
async fn until_left(controller: &WifiController<'static>) -> Reason {
    loop {
        radio::measure_rssi(controller);
        let limit = Duration::from_millis(CHECK_MS);
        match with_timeout(limit, controller.wait_for_disconnect_async()).await {
            Ok(Ok(info)) => return Reason::Disconnected(info.reason),
            // It has left already, and the event is gone.
            Ok(Err(_)) => return Reason::Silence,
            Err(_) => {}
        }
    }
}
