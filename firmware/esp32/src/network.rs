//! The listener and embassy-net on the radio.

use core::fmt::Write;
use core::net::SocketAddr;

use embassy_executor::Spawner;
use embassy_net::driver::Driver;
use embassy_net::{Config, DhcpConfig, Stack, StackResources, StaticConfigV4};
use esp_hal::peripherals::WIFI;
use esp_radio::wifi::{self, WifiError};
use sockeye_device::Side;
use sockeye_hello::boot::{AP_ADDRESS, AP_PREFIX_LEN, NetworkName};
use sockeye_hello::settings::Settings;
use sockeye_server::limits::Timeouts;
use sockeye_tcp::limits::FRAME_LEN_MAX;
use sockeye_tcp::{Buffers, Device, Frames, Interface, Ipv4Cidr, Options, Port, Resources, Runner, Tcp};
use static_cell::{ConstStaticCell, StaticCell};

use crate::console::Console;
use crate::entropy::Entropy;
use crate::settings::SETTINGS;
use crate::store::Store;
use crate::{SLOTS, access_point, station};

/// Bytes that a connection buffers, each way.
const BUFFER_LEN: usize = 1024;
/// embassy-net's sockets: the DHCP client's or the DHCP server's, captive DNS's, mDNS's. One too many would panic.
const SOCKETS: usize = 3;

/// A network that is up or on its way up.
pub struct Network {
    /// Where the server listens.
    pub tcp: Tcp,
    /// Whether the device has made the network itself.
    pub is_own: bool,
    /// On which side of the device the clients of this network are.
    pub side: fn(SocketAddr) -> Side,
    /// The interface's MAC address.
    pub mac: [u8; 6],
    /// The listener's side of the radio.
    pub interface: Interface,
    /// Everything but the server's connections.
    pub stack: Stack<'static>,
}

impl Network {
    /// Starts the listener and embassy-net on an interface of the radio. To be called once.
    pub(crate) fn start(
        spawner: Spawner,
        (radio, is_own): (wifi::Interface, bool),
        config: Config,
        entropy: &Entropy,
    ) -> Self {
        static BUFFERS: ConstStaticCell<Buffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
            ConstStaticCell::new(Buffers::new());
        static RESOURCES: StaticCell<Resources<{ SLOTS + 1 }>> = StaticCell::new();
        static FRAMES: ConstStaticCell<Frames<1, 1>> = ConstStaticCell::new(Frames::new());
        static PORT: StaticCell<Port<wifi::Interface>> = StaticCell::new();
        static NET: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

        // The radio's driver panics on a longer frame than it was built for.
        assert!(
            radio.capabilities().max_transmission_unit >= FRAME_LEN_MAX,
            "build in firmware/esp32: its .cargo/config.toml sets the radio's frame length"
        );
        let mac = radio.mac_address();
        let side: fn(SocketAddr) -> Side = if is_own { |_| Side::AccessPoint } else { |_| Side::Station };
        let options = Options { handshake: Timeouts::DEFAULT.handshake };
        let tcp = Tcp::new(BUFFERS.take(), RESOURCES.init(Resources::new()), options);
        let port = PORT.init(Port::new(radio, entropy.tcp_seed));
        let (interface, runner, device) = tcp.attach(FRAMES.take(), port);
        let (stack, net) = embassy_net::new(device, config, NET.init(StackResources::new()), entropy.net_seed);
        // Each task is spawned once, so there is room for it.
        spawner.spawn(run_tcp(runner).expect("one task"));
        spawner.spawn(run_net(net).expect("one task"));
        Self { tcp, is_own, side, mac, interface, stack }
    }
}

/// Makes or joins a network, as the build was told.
///
/// # Errors
/// The radio's: without it there is nothing that the device could do.
pub async fn start(
    spawner: Spawner,
    console: Console,
    (wifi, store): (WIFI<'static>, &Store),
    entropy: &Entropy,
) -> Result<Network, WifiError> {
    match SETTINGS {
        Settings::AccessPoint { open } => access_point::start(spawner, console, (wifi, store), entropy, open).await,
        Settings::Station { ssid, password } => station::start(spawner, console, wifi, entropy, (ssid, password)),
    }
}

/// The address of a device that makes its own network.
pub(crate) fn own_address() -> Config {
    Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(AP_ADDRESS, AP_PREFIX_LEN),
        gateway: None,
        dns_servers: Default::default(),
    })
}

/// An address from the network that the device joins, whose router shows the device by this name.
pub(crate) fn address_by_dhcp(name: &NetworkName) -> Config {
    let mut hostname = heapless::String::new();
    // It has 12 characters.
    let _ = write!(hostname, "{name}");
    let mut dhcp = DhcpConfig::default();
    dhcp.hostname = Some(hostname);
    Config::dhcpv4(dhcp)
}

#[embassy_executor::task]
async fn run_tcp(mut runner: Runner<wifi::Interface>) {
    runner.run().await
}

#[embassy_executor::task]
async fn run_net(mut runner: embassy_net::Runner<'static, Device>) {
    runner.run().await
}
