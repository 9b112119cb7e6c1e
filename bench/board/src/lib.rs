//! embassy-net by itself on the board qemu-virt: what both programs of this folder start with.
#![no_std]

use core::net::Ipv4Addr;

use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::Instant;
use sockeye_qemu_virt::SLOTS;
use sockeye_qemu_virt::virtio::NetworkCard;
use static_cell::ConstStaticCell;

/// Sockets, as many as Sockeye has connections: one more than clients that are served at once.
pub const SOCKETS: usize = SLOTS + 1;
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

/// Brings the network up.
pub fn start(spawner: Spawner) -> Stack<'static> {
    static RESOURCES: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

    let card = NetworkCard::take().expect("QEMU runs with -device virtio-net-device");
    let address =
        StaticConfigV4 { address: Ipv4Cidr::new(ADDRESS, 24), gateway: None, dns_servers: Default::default() };
    let seed = Instant::now().as_ticks();
    let (stack, runner) = embassy_net::new(card, Config::ipv4_static(address), RESOURCES.take(), seed);
    spawner.spawn(run(runner).expect("one task"));
    stack
}

#[embassy_executor::task]
async fn run(mut runner: Runner<'static, NetworkCard>) -> ! {
    runner.run().await
}
