//! The listener and embassy-net on the radio.

use core::future::pending;
use core::net::{Ipv4Addr, SocketAddr};

use embassy_executor::Spawner;
use embassy_futures::join::join_array;
use embassy_net::driver::Driver;
use embassy_net::{Config, ConfigV4, DhcpConfig, Stack, StackResources};
use esp_radio::wifi;
use sockeye_device::ClientOrigin;
use sockeye_endpoint::ClientOrigins;
use sockeye_endpoint::limits::PUSH_SOCKET_BUFFER_LEN;
use sockeye_server::limits::Timeouts;
use sockeye_services::Address;
use sockeye_tcp::limits::{FRAME_LEN_MAX, INTERFACES_MAX};
use sockeye_tcp::{
    DriverPort, Frames, Interface, Ipv4Cidr, IsnKey, NetDriver, Options, Resources, Runner, SocketBuffers, Tcp,
};
use sockeye_wifi::Ip;
use sockeye_wifi::adapter;
use static_cell::{ConstStaticCell, StaticCell};

use crate::SLOTS;
use crate::entropy::Entropy;

/// Bytes that a connection buffers, each way.
const BUFFER_LEN: usize = 1024;
/// embassy-net's sockets: the DHCP client's, mDNS's, SNTP's, and one that looks up names; or the DHCP server's and
/// captive DNS's. One too many would panic.
const SOCKETS: usize = 4;

/// The memory of a network interface.
pub struct Memory {
    frames: ConstStaticCell<Frames<1, 1>>,
    port: StaticCell<DriverPort<wifi::Interface>>,
    net: StaticCell<StackResources<SOCKETS>>,
}

impl Memory {
    /// Nothing in it yet.
    #[expect(clippy::new_without_default, reason = "it is a static")]
    pub const fn new() -> Self {
        Self { frames: ConstStaticCell::new(Frames::new()), port: StaticCell::new(), net: StaticCell::new() }
    }
}

/// A network interface.
pub struct Link {
    /// The listener's side of the radio.
    pub interface: Interface,
    /// Everything but the server's connections.
    pub stack: Stack<'static>,
    /// The device's address there, for services.
    pub address: Address,
}

/// The access point's interface and the station's; None where the program has none.
pub struct Links {
    /// The access point's.
    pub ap: Option<Link>,
    /// The station's.
    pub station: Option<Link>,
}

static BUFFERS: ConstStaticCell<SocketBuffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
    ConstStaticCell::new(SocketBuffers::new());

/// The listener, without a network yet. To be called once.
pub fn listener(entropy: &Entropy) -> Tcp {
    static RESOURCES: StaticCell<Resources<{ SLOTS + 1 }>> = StaticCell::new();
    Tcp::new(BUFFERS.take(), RESOURCES.init(Resources::new()), options(entropy))
}

/// The same, with one connection to another host. To be called instead.
pub fn listener_and_client(entropy: &Entropy) -> Tcp {
    static OUTGOING: ConstStaticCell<SocketBuffers<1, PUSH_SOCKET_BUFFER_LEN, PUSH_SOCKET_BUFFER_LEN>> =
        ConstStaticCell::new(SocketBuffers::new());
    static RESOURCES: StaticCell<Resources<{ SLOTS + 2 }>> = StaticCell::new();
    Tcp::with_outgoing(BUFFERS.take(), OUTGOING.take(), RESOURCES.init(Resources::new()), options(entropy))
}

fn options(entropy: &Entropy) -> Options {
    Options { handshake: Timeouts::DEFAULT.handshake, isn_key: IsnKey::new(entropy.isn_key) }
}

/// Starts the listener, and embassy-net on each interface of the radio that is given. To be called once.
// Not a part of the task that calls it, whose stack would have room for all that this makes as long as it runs.
#[inline(never)]
pub fn start<const N: usize>(
    spawner: Spawner,
    tcp: Tcp,
    memory: &'static [Memory; N],
    radios: [wifi::Interface; N],
    entropy: &Entropy,
) -> [Link; N] {
    let mut runners = [const { None }; INTERFACES_MAX];
    let mut index = 0;
    let links = radios.map(|radio| {
        // The radio's driver panics on a longer frame than it was built for.
        assert!(
            radio.capabilities().max_transmission_unit >= FRAME_LEN_MAX,
            "build in firmware/esp32: its .cargo/config.toml sets the radio's frame length"
        );
        let memory = &memory[index];
        let port = memory.port.init(DriverPort::new(radio));
        let (interface, runner, device) = tcp.attach(memory.frames.take(), port);
        let resources = memory.net.init(StackResources::new());
        let (stack, net) = embassy_net::new(device, Config::default(), resources, entropy.net_seeds[index]);
        spawner.spawn(run_net(net).expect("a task for each interface"));
        runners[index] = Some(runner);
        index += 1;
        Link { interface, stack, address: Address::new() }
    });
    // Spawned once, so there is room for it.
    spawner.spawn(run_tcp(runners).expect("one task"));
    links
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
async fn run_net(mut runner: embassy_net::Runner<'static, NetDriver>) {
    runner.run().await
}

impl adapter::NetworkStack for Links {
    fn set_ap_address(&self, address: Option<(Ipv4Addr, u8)>) {
        let Some(ap) = &self.ap else { return };
        let cidr = address.map(|(address, prefix_len)| Ipv4Cidr::new(address, prefix_len));
        ap.interface.configure_static(ap.stack, cidr, None);
        ap.interface.set_address(cidr);
        ap.address.set(address);
    }

    fn set_station_ip(&self, ip: Option<(&Ip, &str)>) {
        let Some(Link { interface, stack, .. }) = &self.station else { return };
        match ip {
            None => interface.configure_static(*stack, None, None),
            Some((Ip::Static(ip), _)) => {
                interface.configure_static(*stack, Some(Ipv4Cidr::new(ip.address, ip.prefix_len)), ip.gateway);
            }
            Some((Ip::Dhcp, host_name)) => {
                let mut dhcp = DhcpConfig::default();
                dhcp.hostname = host_name.try_into().ok();
                interface.configure(*stack, ConfigV4::Dhcp(dhcp));
            }
        }
    }

    async fn follow(&self, mut changed: impl FnMut(Option<Ipv4Addr>)) {
        let Some(station) = &self.station else { return pending().await };
        let changed = |address: Option<Ipv4Cidr>| {
            station.address.set(address.map(|cidr| (cidr.address(), cidr.prefix_len())));
            changed(address.map(|cidr| cidr.address()));
        };
        station.interface.follow(station.stack, changed).await
    }
}

/// A client's side is told by the interface: addresses may be the same in both networks.
impl ClientOrigins for Links {
    fn origin(&self, peer: SocketAddr) -> ClientOrigin {
        let has = |link: &Option<Link>| link.as_ref().is_some_and(|link| link.interface.has_client(peer));
        if has(&self.ap) && !has(&self.station) { ClientOrigin::AccessPoint } else { ClientOrigin::Station }
    }
}
