//! The listener and embassy-net on the radio.

use core::fmt::Write;

use embassy_executor::Spawner;
use embassy_futures::join::join_array;
use embassy_net::driver::Driver;
use embassy_net::{Config, DhcpConfig, Stack, StackResources, StaticConfigV4};
use esp_hal::peripherals::WIFI;
use esp_radio::wifi::{self, WifiError};
use sockeye_hello::boot::{AP_ADDRESS, AP_PREFIX_LEN, NetworkName};
use sockeye_hello::settings::Settings;
use sockeye_server::limits::Timeouts;
use sockeye_tcp::limits::{FRAME_LEN_MAX, INTERFACES_MAX};
use sockeye_tcp::{Buffers, Device, Frames, Interface, Ipv4Cidr, Options, Port, Resources, Runner, Tcp};
use static_cell::{ConstStaticCell, StaticCell};

use crate::console::Console;
use crate::entropy::Entropy;
use crate::settings::SETTINGS;
use crate::store::Store;
use crate::{SLOTS, access_point, station};

/// Bytes that a connection buffers, each way.
const BUFFER_LEN: usize = 1024;
/// embassy-net's sockets: the DHCP client's, mDNS's, SNTP's, one that looks up names and one to a peer; or the DHCP
/// server's and captive DNS's. One too many would panic.
const SOCKETS: usize = 5;

/// The memory of a network interface.
pub struct Memory {
    frames: ConstStaticCell<Frames<1, 1>>,
    port: StaticCell<Port<wifi::Interface>>,
    net: StaticCell<StackResources<SOCKETS>>,
}

impl Memory {
    /// Nothing in it yet.
    pub const fn new() -> Self {
        Self { frames: ConstStaticCell::new(Frames::new()), port: StaticCell::new(), net: StaticCell::new() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// A network that is up or on its way up.
#[derive(Clone, Copy)]
pub struct Network {
    /// The interface's MAC address.
    pub mac: [u8; 6],
    /// The listener's side of the radio.
    pub interface: Interface,
    /// Everything but the server's connections.
    pub stack: Stack<'static>,
}

/// Starts the listener, and embassy-net on each interface of the radio that is given. To be called once.
pub fn start<const N: usize>(
    spawner: Spawner,
    memory: &'static [Memory; N],
    radios: [(wifi::Interface, Config); N],
    entropy: &Entropy,
) -> (Tcp, [Network; N]) {
    static BUFFERS: ConstStaticCell<Buffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
        ConstStaticCell::new(Buffers::new());
    static RESOURCES: StaticCell<Resources<{ SLOTS + 1 }>> = StaticCell::new();

    let options = Options { handshake: Timeouts::DEFAULT.handshake };
    let tcp = Tcp::new(BUFFERS.take(), RESOURCES.init(Resources::new()), options);
    let mut runners = [const { None }; INTERFACES_MAX];
    let mut index = 0;
    let networks = radios.map(|(radio, config)| {
        // The radio's driver panics on a longer frame than it was built for.
        assert!(
            radio.capabilities().max_transmission_unit >= FRAME_LEN_MAX,
            "build in firmware/esp32: its .cargo/config.toml sets the radio's frame length"
        );
        let (memory, mac) = (&memory[index], radio.mac_address());
        let port = memory.port.init(Port::new(radio, entropy.tcp_seeds[index]));
        let (interface, runner, device) = tcp.attach(memory.frames.take(), port);
        let resources = memory.net.init(StackResources::new());
        let (stack, net) = embassy_net::new(device, config, resources, entropy.net_seeds[index]);
        spawner.spawn(run_net(net).expect("a task for each interface"));
        runners[index] = Some(runner);
        index += 1;
        Network { mac, interface, stack }
    });
    // Spawned once, so there is room for it.
    spawner.spawn(run_tcp(runners).expect("one task"));
    (tcp, networks)
}

/// Makes or joins a network, as the build was told.
///
/// # Errors
/// The radio's: without it there is nothing that the device could do.
pub async fn start_as_built(
    spawner: Spawner,
    console: Console,
    (wifi, store): (WIFI<'static>, &Store),
    entropy: &Entropy,
) -> Result<(Tcp, Network), WifiError> {
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

/// All interfaces in one task: the radio wakes only one that waits until it can send, whichever interface that is for.
#[embassy_executor::task]
async fn run_tcp(runners: [Option<Runner<wifi::Interface>>; INTERFACES_MAX]) {
    let run = async |runner: Option<Runner<wifi::Interface>>| {
        if let Some(mut runner) = runner {
            runner.run().await
        }
    };
    join_array(runners.map(run)).await;
}

#[embassy_executor::task(pool_size = INTERFACES_MAX)]
async fn run_net(mut runner: embassy_net::Runner<'static, Device>) {
    runner.run().await
}
