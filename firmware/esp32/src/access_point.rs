//! The device makes its own network.

use core::fmt::Write;

use embassy_executor::Spawner;
use esp_hal::peripherals::WIFI;
use esp_radio::wifi::ap::{AccessPointConfig, EventInfo};
use esp_radio::wifi::{Config, Interface, WifiController, WifiError};
use sockeye_device::wifi::Secret;
use sockeye_hello::boot::{AP_ADDRESS, NetworkName};
use sockeye_hello::identity::Passphrase;
use sockeye_tcp::Tcp;
use static_cell::StaticCell;

use crate::console::Console;
use crate::entropy::Entropy;
use crate::network::{self, Memory, Network};
use crate::services::Address;
use crate::store::{self, Store};
use crate::{radio, services};

/// Makes the network, and returns when it is on the air. `open` leaves WPA2 out.
///
/// # Errors
/// The radio's: without it there is nothing that the device could do.
pub(crate) async fn start(
    spawner: Spawner,
    console: Console,
    (wifi, store): (WIFI<'static>, &Store),
    entropy: &Entropy,
    open: bool,
) -> Result<(Tcp, Network), WifiError> {
    static MEMORY: [Memory; 1] = [Memory::new()];
    static ADDRESS: StaticCell<Address> = StaticCell::new();

    let interface = Interface::access_point();
    let name = NetworkName(interface.mac_address());
    let passphrase = match open {
        true => None,
        false => {
            let fresh = Passphrase::from_random(&entropy.passphrase);
            let (passphrase, kept) = store::passphrase(store, &fresh).await;
            if let Err(error) = kept {
                let what = "the passphrase could not be kept and is another one after a restart";
                console.warning(&format_args!("{what}: {error:?}"));
            }
            passphrase
        }
    };
    let passphrase = passphrase.as_ref().map(Secret::as_str);
    console.access_point(&name, passphrase);
    let controller = radio::start(wifi, config(&name, passphrase)?)?;
    let (tcp, [network]) = network::start(spawner, &MEMORY, [(interface, network::own_address())], entropy);
    let address: &'static Address = ADDRESS.init(Address::new());
    address.sender().send(Some(AP_ADDRESS));
    // Each task is spawned once, so there is room for it.
    spawner.spawn(services::lend(network.stack, address).expect("one task"));
    spawner.spawn(watch(controller, console).expect("one task"));
    // An address of one's own says nothing about the radio; the link does.
    network.stack.wait_link_up().await;
    Ok((tcp, network))
}

fn config(name: &NetworkName, passphrase: Option<&str>) -> Result<Config, WifiError> {
    let mut ssid = heapless::String::<32>::new();
    // It has 12 characters.
    let _ = write!(ssid, "{name}");
    let config = AccessPointConfig::default()
        .with_ssid(ssid.as_str().try_into()?)
        .with_authentication(radio::authentication(passphrase)?);
    Ok(Config::AccessPoint(config))
}

/// Keeps the radio on, and tells who comes and goes.
#[embassy_executor::task]
async fn watch(controller: WifiController<'static>, console: Console) {
    loop {
        match controller.wait_for_access_point_connected_event_async().await {
            Ok(EventInfo::Connected(client)) => console.client(client.mac, true),
            Ok(EventInfo::Disconnected(client)) => console.client(client.mac, false),
            Err(error) => log::warn!("Wi-Fi events: {error:?}"),
        }
    }
}
