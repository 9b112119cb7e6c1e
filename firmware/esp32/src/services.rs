//! The services by which the device is found.

use embassy_futures::join::join3;
use embassy_time::Instant;
use esp_hal::rng::Rng;
use sockeye_boot::PORT;
use sockeye_device::{App, Outbox};
use sockeye_endpoint::{PushBuffers, push};
use sockeye_services::captive::{self, CaptiveBuffers};
use sockeye_services::dhcp::{self, DhcpBuffers};
use sockeye_services::limits::{HOP_LIMIT, MDNS_HOP_LIMIT};
use sockeye_services::mdns::{self, Announcement, MdnsBuffers};
use sockeye_services::sntp::{self, SntpBuffers};
use sockeye_services::{Cidr, Resolver, ResolverBuffers, Udp};
use static_cell::ConstStaticCell;

use crate::interfaces::Link;
use crate::platform::Board;

/// Gives addresses to the access point's clients, by DHCP.
#[embassy_executor::task]
pub async fn dhcp_server(link: &'static Link) {
    static BUFFERS: ConstStaticCell<DhcpBuffers> = ConstStaticCell::new(DhcpBuffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take(), HOP_LIMIT);
    let arp = (|address| link.interface.probe(address), |address| link.interface.answered(address));
    link.address.follow(async |address| dhcp::serve(&udp, address, PORT, &arp).await).await
}

/// Answers each name with the device's address, which brings phones to its page.
#[embassy_executor::task]
pub async fn captive_dns(link: &'static Link) {
    static BUFFERS: ConstStaticCell<CaptiveBuffers> = ConstStaticCell::new(CaptiveBuffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take(), HOP_LIMIT);
    link.address.follow(async |(address, _)| captive::serve(&udp, address).await).await
}

/// Announces the device under its name in the network that the station has joined, and asks for the time there. Sends
/// samples to a peer there, if the device was told of one. In the access point's network each name is the device's.
#[embassy_executor::task]
pub async fn mdns_sntp_and_push(
    link: &'static Link,
    app: &'static App<'static>,
    board: &'static Board,
    outbox: &'static Outbox<'static>,
) {
    static MDNS: ConstStaticCell<MdnsBuffers> = ConstStaticCell::new(MdnsBuffers::new());
    static NTP: ConstStaticCell<SntpBuffers> = ConstStaticCell::new(SntpBuffers::new());
    static DNS: ConstStaticCell<ResolverBuffers> = ConstStaticCell::new(ResolverBuffers::new());
    static PUSH: ConstStaticCell<PushBuffers> = ConstStaticCell::new(PushBuffers::sized());
    let heard = Udp::new(link.stack, MDNS.take(), MDNS_HOP_LIMIT);
    let asked = Udp::new(link.stack, NTP.take(), HOP_LIMIT);
    let random = |bytes: &mut [u8]| Rng::new().read(bytes);
    let announce = async |address: Cidr| {
        let name = |take: &mut dyn FnMut(&str)| app.announced_name().iter().for_each(|name| take(name));
        let announcement = Announcement { name: &name, address, port: PORT, txt: &[("path", "/")] };
        mdns::serve(&heard, &announcement, random).await
    };
    let dns = Resolver::new(Udp::new(link.stack, DNS.take(), HOP_LIMIT), random);
    let set = |unix_us| board.clock.set(unix_us, Instant::now().as_micros());
    let telling_the_time = sntp::serve(&asked, &dns, random, || app.time_server(), set);
    let sending = push(outbox, app, &link.interface, &dns, PUSH.take(), || Rng::new().random());
    join3(link.address.follow(announce), telling_the_time, sending).await;
}
