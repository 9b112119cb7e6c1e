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

/// Gives addresses to the access point's clients, by DHCP.
#[embassy_executor::task]
pub async fn dhcp_server(link: &'static Link) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DHCP_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take());
    link.address.follow(async |address| dhcp::serve(&udp, address, PORT).await).await
}

/// Answers every name that they look up with the device's address, so that a phone shows the device's page.
#[embassy_executor::task]
pub async fn captive_dns(link: &'static Link) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DNS_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(link.stack, BUFFERS.take());
    link.address.follow(async |address| captive::serve(&udp, address).await).await
}

/// Announces the device by mDNS in the network that the station has joined, and asks the time of day there by SNTP. In
/// the access point's network every name is the device's.
#[embassy_executor::task]
pub async fn mdns_and_sntp(link: &'static Link, app: &'static App<'static>, board: &'static Board) {
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
