//! The services by which the device is found.

use embassy_futures::join::join3;
use embassy_time::Instant;
use esp_hal::rng::Rng;
use sockeye_boot::PORT;
use sockeye_device::{App, Outbox};
use sockeye_endpoint::{PushBuffers, push};
use sockeye_services::limits::{
    DHCP_MESSAGE_LEN_MAX, DHCP_REPLY_LEN_MAX, DNS_MESSAGE_LEN_MAX, HOP_LIMIT, MDNS_ANSWER_LEN_MAX, MDNS_HOP_LIMIT,
    MDNS_QUESTION_LEN_MAX, NTP_MESSAGE_LEN,
};
use sockeye_services::mdns::Announcement;
use sockeye_services::{Buffers, Cidr, Resolver, ResolverBuffers, Udp, captive, dhcp, mdns, sntp};
use static_cell::ConstStaticCell;

use crate::interfaces::Link;
use crate::platform::Board;

/// Messages that a service's socket holds, each way; of long answers one.
const MESSAGES: usize = 2;

/// Gives addresses to the access point's clients, by DHCP.
#[embassy_executor::task]
pub async fn dhcp_server(link: &'static Link) {
    static BUFFERS: ConstStaticCell<
        Buffers<{ MESSAGES * DHCP_MESSAGE_LEN_MAX }, { MESSAGES * DHCP_REPLY_LEN_MAX }, MESSAGES>,
    > = ConstStaticCell::new(Buffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take(), HOP_LIMIT);
    let arp = (|address| link.interface.probe(address), |address| link.interface.answered(address));
    link.address.follow(async |address| dhcp::serve(&udp, address, PORT, &arp).await).await
}

/// Answers each name with the device's address, which brings phones to its page.
#[embassy_executor::task]
pub async fn captive_dns(link: &'static Link) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DNS_MESSAGE_LEN_MAX }, DNS_MESSAGE_LEN_MAX, MESSAGES>> =
        ConstStaticCell::new(Buffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take(), HOP_LIMIT);
    link.address.follow(async |(address, _)| captive::serve(&udp, address).await).await
}

/// In the network that the station has joined: announces the device under its name, asks for the time, and sends samples
/// to a peer, if the device was told of one. In the access point's network each name is the device's.
#[embassy_executor::task]
pub async fn mdns_sntp_and_push(
    link: &'static Link,
    app: &'static App<'static>,
    board: &'static Board,
    outbox: &'static Outbox<'static>,
) {
    static MDNS: ConstStaticCell<Buffers<{ MESSAGES * MDNS_QUESTION_LEN_MAX }, MDNS_ANSWER_LEN_MAX, MESSAGES>> =
        ConstStaticCell::new(Buffers::new());
    static NTP: ConstStaticCell<Buffers<NTP_MESSAGE_LEN, NTP_MESSAGE_LEN, 1>> = ConstStaticCell::new(Buffers::new());
    static DNS: ConstStaticCell<ResolverBuffers> = ConstStaticCell::new(ResolverBuffers::new());
    static PUSH: ConstStaticCell<PushBuffers> = ConstStaticCell::new(PushBuffers::sized());
    let heard = Udp::new(link.stack, MDNS.take(), MDNS_HOP_LIMIT);
    let asked = Udp::new(link.stack, NTP.take(), HOP_LIMIT);
    let random = |bytes: &mut [u8]| Rng::new().read(bytes);
    let announce = async |address: Cidr| {
        let name = |take: &mut dyn FnMut(&str)| take(&app.name());
        let announcement = Announcement { name: &name, address, port: PORT, txt: &[("path", "/")] };
        mdns::serve(&heard, &announcement, random).await
    };
    let dns = Resolver::new(Udp::new(link.stack, DNS.take(), HOP_LIMIT), random);
    let set = |unix_us| board.clock.set(unix_us, Instant::now().as_micros());
    let telling_the_time = sntp::serve(&asked, &dns, random, || app.time_server(), set);
    let sending = push(outbox, app, &link.interface, &dns, PUSH.take(), || Rng::new().random());
    join3(link.address.follow(announce), telling_the_time, sending).await;
}
