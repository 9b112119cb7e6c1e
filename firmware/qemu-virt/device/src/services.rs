//! The time of day, and the services of a device's own network, for a machine that is told to have one: the radio's part
//! is the host's.

use core::net::Ipv4Addr;

use edge_nal_embassy::{Dns, Udp, UdpBuffers};
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_time::Instant;
use sockeye_boot::PORT;
use sockeye_device::App;
use sockeye_services::limits::{DHCP_MESSAGE_LEN_MAX, DNS_MESSAGE_LEN_MAX, MDNS_QUESTION_LEN_MAX, NTP_MESSAGE_LEN};
use sockeye_services::mdns::Announcement;
use sockeye_services::{captive, dhcp, mdns, sntp};
use static_cell::ConstStaticCell;

use crate::board::Board;

/// Messages that a service's socket holds, each way.
const MESSAGES: usize = 2;
/// embassy-net's sockets for the services.
pub const SOCKETS: usize = 4;

type Buffers<const LEN: usize> = UdpBuffers<1, LEN, LEN, MESSAGES>;

/// Starts those of the own network, at `address`.
pub fn start(spawner: Spawner, stack: Stack<'static>, address: Ipv4Addr, app: &'static App<'static>) {
    // Each task is spawned once, so there is room for it.
    spawner.spawn(lend(stack, address).expect("one task"));
    spawner.spawn(answer(stack, address).expect("one task"));
    spawner.spawn(announce(stack, address, app).expect("one task"));
}

/// Keeps the board's clock right, if there is somebody to ask.
#[embassy_executor::task]
pub async fn tell_time(stack: Stack<'static>, app: &'static App<'static>, board: &'static Board) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * NTP_MESSAGE_LEN }>> = ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take());
    let set = |unix_us| board.clock.set(unix_us, Instant::now().as_micros());
    sntp::serve(&udp, &Dns::new(stack), || app.time_server(), set).await
}

#[embassy_executor::task]
async fn lend(stack: Stack<'static>, address: Ipv4Addr) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DHCP_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    dhcp::serve(&Udp::new(stack, BUFFERS.take()), address, PORT).await
}

#[embassy_executor::task]
async fn answer(stack: Stack<'static>, address: Ipv4Addr) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DNS_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    captive::serve(&Udp::new(stack, BUFFERS.take()), address).await
}

#[embassy_executor::task]
async fn announce(stack: Stack<'static>, address: Ipv4Addr, app: &'static App<'static>) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * MDNS_QUESTION_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let (name, platform) = (app.name(), app.platform());
    let txt = [("version", platform.identity().version)];
    let announcement = Announcement { name: &name, address, port: PORT, txt: &txt };
    mdns::serve(&Udp::new(stack, BUFFERS.take()), &announcement, |bytes| platform.random(bytes)).await
}
