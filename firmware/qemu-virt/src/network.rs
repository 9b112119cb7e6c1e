//! The listener and embassy-net on the network card.

use core::net::{Ipv4Addr, SocketAddr};

use embassy_executor::Spawner;
use embassy_net::{Stack, StackResources, StaticConfigV4};
use embassy_time::Instant;
use sockeye_server::limits::Timeouts;
use sockeye_tcp::{
    DriverPort, Frames, Interface, Ipv4Cidr, IsnKey, NetDriver, Options, Resources, Runner, SocketBuffers, Tcp,
};
use static_cell::{ConstStaticCell, StaticCell};

use crate::SLOTS;
use crate::config::Config;
use crate::virtio::NetworkCard;

/// The address that QEMU's user network gives to its guest, and that the tests give to it on a tap.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The bits of that network's prefix.
pub const PREFIX_LEN: u8 = 24;
/// The host on that network.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// The listener, without a network yet.
pub fn listener<const RX: usize, const TX: usize>(buffers: &'static mut SocketBuffers<{ SLOTS + 1 }, RX, TX>) -> Tcp {
    static RESOURCES: StaticCell<Resources<{ SLOTS + 1 }>> = StaticCell::new();
    Tcp::new(buffers, RESOURCES.init(Resources::new()), options())
}

/// The same, with one connection to another host.
pub fn listener_and_client<const RX: usize, const TX: usize, const OUT: usize>(
    buffers: &'static mut SocketBuffers<{ SLOTS + 1 }, RX, TX>,
    outgoing: &'static mut SocketBuffers<1, OUT, OUT>,
) -> Tcp {
    static RESOURCES: StaticCell<Resources<{ SLOTS + 2 }>> = StaticCell::new();
    Tcp::with_outgoing(buffers, outgoing, RESOURCES.init(Resources::new()), options())
}

/// One connection to another host, and nobody is accepted.
pub fn client<const OUT: usize>(outgoing: &'static mut SocketBuffers<1, OUT, OUT>) -> Tcp {
    static NOBODY: ConstStaticCell<SocketBuffers<0, 64, 64>> = ConstStaticCell::new(SocketBuffers::new());
    static RESOURCES: StaticCell<Resources<1>> = StaticCell::new();
    Tcp::with_outgoing(NOBODY.take(), outgoing, RESOURCES.init(Resources::new()), options())
}

fn options() -> Options {
    // The machine has no source of randomness; the clock at start differs a little from run to run.
    let isn_key = IsnKey::new(u128::from(Instant::now().as_ticks()).to_le_bytes());
    Options { handshake: Timeouts::DEFAULT.handshake, isn_key }
}

/// The address that QEMU was told, or else the one that its user network gives.
pub fn address() -> Ipv4Addr {
    Config::read().get("address").and_then(parse_address).unwrap_or(ADDRESS)
}

/// An address of four numbers. Not core's parser, which would be 700 bytes of hello's image.
fn parse_address(text: &str) -> Option<Ipv4Addr> {
    let (mut octets, mut numbers) = ([0; 4], text.as_bytes().split(|&byte| byte == b'.'));
    for octet in &mut octets {
        *octet = u8::try_from(parse_number(numbers.next()?)?).ok()?;
    }
    numbers.next().is_none().then(|| octets.into())
}

fn parse_number(digits: &[u8]) -> Option<u16> {
    let digit = |byte: u8| char::from(byte).to_digit(10).map(|digit| digit as u16);
    let add = |number: u16, &byte: &u8| number.checked_mul(10)?.checked_add(digit(byte)?);
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// Where a client on the host reaches `port` of this machine, whose own address is `address`. QEMU's user network lets
/// nobody in but through a port of the host's loopback, which `host.port` names.
pub fn reach(address: Ipv4Addr, port: u16) -> SocketAddr {
    match Config::read().get("host.port").and_then(|port| parse_number(port.as_bytes())) {
        Some(host_port) => (Ipv4Addr::LOCALHOST, host_port).into(),
        None => (address, port).into(),
    }
}

/// Brings the network up, at the address of the machine's configuration if it has one. Returns the listener's interface
/// and embassy-net, which has `SOCKETS` sockets of its own.
// Not a part of the task that calls it, whose stack would have room for all that this makes as long as it runs.
#[inline(never)]
pub fn start<const SOCKETS: usize>(
    spawner: Spawner,
    card: NetworkCard,
    tcp: Tcp,
    sockets: &'static mut StackResources<SOCKETS>,
) -> (Interface, Stack<'static>) {
    static FRAMES: ConstStaticCell<Frames<1, 1>> = ConstStaticCell::new(Frames::new());
    static PORT: StaticCell<DriverPort<NetworkCard>> = StaticCell::new();

    let seed = Instant::now().as_ticks();
    let (interface, runner, device) = tcp.attach(FRAMES.take(), PORT.init(DriverPort::new(card)));
    let config = embassy_net::Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address(), PREFIX_LEN),
        gateway: Some(GATEWAY),
        dns_servers: Default::default(),
    });
    let (stack, net) = embassy_net::new(device, config, sockets, seed);
    // Each task is spawned once, so there is room for it.
    spawner.spawn(run_tcp(runner).expect("one task"));
    spawner.spawn(run_net(net).expect("one task"));
    (interface, stack)
}

#[embassy_executor::task]
async fn run_tcp(mut runner: Runner<NetworkCard>) {
    runner.run().await
}

#[embassy_executor::task]
async fn run_net(mut runner: embassy_net::Runner<'static, NetDriver>) {
    runner.run().await
}
