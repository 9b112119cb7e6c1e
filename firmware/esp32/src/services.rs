//! What makes the device easy to find.

use core::net::Ipv4Addr;

use edge_nal_embassy::{Dns, Udp, UdpBuffers};
use embassy_futures::join::join;
use embassy_time::Instant;
use esp_hal::rng::Rng;
use sockeye_boot::PORT;
use sockeye_device::App;
use sockeye_services::limits::{DHCP_MESSAGE_LEN_MAX, DNS_MESSAGE_LEN_MAX, MDNS_QUESTION_LEN_MAX, NTP_MESSAGE_LEN};
use sockeye_services::mdns::Announcement;
use sockeye_services::{captive, dhcp, mdns, sntp};
use static_cell::ConstStaticCell;

use crate::network::Link;
use crate::platform::Board;

/// Messages that a socket holds, each way.
const MESSAGES: usize = 2;

/// One socket's buffers for messages of so many bytes.
type Buffers<const LEN: usize> = UdpBuffers<1, LEN, LEN, MESSAGES>;

/// Lends addresses to the own network's clients.
#[embassy_executor::task]
pub async fn lend(link: &'static Link) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DHCP_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take());
    link.address.follow(async |address| dhcp::serve(&udp, address, PORT).await).await
}

/// Leads them to the device's page.
#[embassy_executor::task]
pub async fn lead(link: &'static Link) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DNS_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take());
    link.address.follow(async |address| captive::serve(&udp, address).await).await
}

/// Announces the device under its name in the network that it has joined, where it asks for the time. In its own, every
/// name is the device.
#[embassy_executor::task]
pub async fn joined(link: &'static Link, app: &'static App<'static>, board: &'static Board) {
    static MDNS: ConstStaticCell<Buffers<{ MESSAGES * MDNS_QUESTION_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    static NTP: ConstStaticCell<Buffers<{ MESSAGES * NTP_MESSAGE_LEN }>> = ConstStaticCell::new(UdpBuffers::new());
    let (heard, asked) = (Udp::new(link.stack, MDNS.take()), Udp::new(link.stack, NTP.take()));
    let announce = async |address: Ipv4Addr| {
        let name = app.name();
        let announcement = Announcement { name: &name, address, port: PORT, txt: &[("path", "/")] };
        mdns::serve(&heard, &announcement, |bytes| Rng::new().read(bytes)).await
    };
    let dns = Dns::new(link.stack);
    let set = |unix_us| board.clock.set(unix_us, Instant::now().as_micros());
    join(link.address.follow(announce), sntp::serve(&asked, &dns, || app.time_server(), set)).await;
}
