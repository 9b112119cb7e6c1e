//! Push and SNTP, and the services of an access point, for a machine that is told to be one. The radio's part is the
//! host's.

use core::net::Ipv4Addr;

use embassy_executor::Spawner;
use embassy_futures::join::join;
use embassy_net::Stack;
use embassy_time::Instant;
use sockeye_boot::PORT;
use sockeye_device::{App, Outbox, Platform};
use sockeye_endpoint::{PushBuffers, push};
use sockeye_services::captive::{self, CaptiveBuffers};
use sockeye_services::dhcp::{self, DhcpBuffers};
use sockeye_services::limits::{HOP_LIMIT, MDNS_HOP_LIMIT};
use sockeye_services::mdns::{self, Announcement, MdnsBuffers};
use sockeye_services::sntp::{self, SntpBuffers};
use sockeye_services::{Cidr, Resolver, ResolverBuffers, Udp};
use sockeye_tcp::Interface;
use static_cell::ConstStaticCell;

use crate::board::Board;

/// embassy-net's sockets for the services.
pub const SOCKETS: usize = 5;

/// Starts the services of an access point with this address.
pub fn start(spawner: Spawner, stack: Stack<'static>, interface: Interface, address: Cidr, app: &'static App<'static>) {
    // Each task is spawned once, so there is room for it.
    spawner.spawn(dhcp_server(stack, interface, address).expect("one task"));
    spawner.spawn(captive_dns(stack, address.0).expect("one task"));
    spawner.spawn(mdns_responder(stack, address, app).expect("one task"));
}

/// Sends samples to a peer, if the device was told of one, and sets the board's clock, if it has a time server.
#[embassy_executor::task]
pub async fn push_and_sntp(
    outbox: &'static Outbox<'static>,
    app: &'static App<'static>,
    interface: Interface,
    stack: Stack<'static>,
    board: &'static Board,
) {
    static PUSH: ConstStaticCell<PushBuffers> = ConstStaticCell::new(PushBuffers::sized());
    static NTP: ConstStaticCell<SntpBuffers> = ConstStaticCell::new(SntpBuffers::new());
    static DNS: ConstStaticCell<ResolverBuffers> = ConstStaticCell::new(ResolverBuffers::new());
    let random = |bytes: &mut [u8]| board.random(bytes);
    let word = || {
        let mut bytes = [0; 4];
        board.random(&mut bytes);
        u32::from_le_bytes(bytes)
    };
    let set = |unix_us| board.clock.set(unix_us, Instant::now().as_micros());
    let dns = Resolver::new(Udp::new(stack, DNS.take(), HOP_LIMIT), random);
    let udp = Udp::new(stack, NTP.take(), HOP_LIMIT);
    let sending = push(outbox, app, &interface, &dns, PUSH.take(), word);
    join(sending, sntp::serve(&udp, &dns, random, || app.time_server(), set)).await;
}

#[embassy_executor::task]
async fn dhcp_server(stack: Stack<'static>, interface: Interface, address: Cidr) {
    static BUFFERS: ConstStaticCell<DhcpBuffers> = ConstStaticCell::new(DhcpBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take(), HOP_LIMIT);
    let arp = (|address| interface.probe(address), |address| interface.answered(address));
    dhcp::serve(&udp, address, PORT, &arp).await
}

#[embassy_executor::task]
async fn captive_dns(stack: Stack<'static>, address: Ipv4Addr) {
    static BUFFERS: ConstStaticCell<CaptiveBuffers> = ConstStaticCell::new(CaptiveBuffers::new());
    captive::serve(&Udp::new(stack, BUFFERS.take(), HOP_LIMIT), address).await
}

#[embassy_executor::task]
async fn mdns_responder(stack: Stack<'static>, address: Cidr, app: &'static App<'static>) {
    static BUFFERS: ConstStaticCell<MdnsBuffers> = ConstStaticCell::new(MdnsBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take(), MDNS_HOP_LIMIT);
    let platform = app.platform();
    let name = |take: &mut dyn FnMut(&str)| app.announced_name().iter().for_each(|name| take(name));
    let txt = [("version", platform.identity().version)];
    let announcement = Announcement { name: &name, address, port: PORT, txt: &txt };
    mdns::serve(&udp, &announcement, |bytes| platform.random(bytes)).await
}
