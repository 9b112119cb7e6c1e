//! What makes the device easy to find.

use core::future::pending;
use core::net::Ipv4Addr;

use edge_nal_embassy::{Dns, Udp, UdpBuffers};
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::watch::Watch;
use embassy_time::Instant;
use esp_hal::rng::Rng;
use sockeye_device::App;
use sockeye_hello::boot::PORT;
use sockeye_services::limits::{DHCP_MESSAGE_LEN_MAX, DNS_MESSAGE_LEN_MAX, MDNS_QUESTION_LEN_MAX};
use sockeye_services::mdns::Announcement;
use sockeye_services::{captive, dhcp, mdns, sntp};
use static_cell::ConstStaticCell;

use crate::platform::Board;

/// Messages that a socket holds, each way.
const MESSAGES: usize = 2;
/// Bytes of an answer about the time.
const TIME_LEN: usize = 48;

/// One socket's buffers for messages of so many bytes.
type Buffers<const LEN: usize> = UdpBuffers<1, LEN, LEN, MESSAGES>;

/// The device's address, for whoever announces it.
pub type Address = Watch<NoopRawMutex, Option<Ipv4Addr>, 2>;

/// Serves at each address that the device has, one after the other.
async fn at_each(address: &'static Address, serve: impl AsyncFn(Ipv4Addr)) {
    // There are as many receivers as services.
    let Some(mut changes) = address.receiver() else { return };
    let mut now = None;
    loop {
        let serving = async {
            match now {
                Some(address) => serve(address).await,
                None => pending().await,
            }
        };
        if let Either::Second(change) = select(serving, changes.changed()).await {
            now = change;
        }
    }
}

/// Lends addresses to the access point's clients.
#[embassy_executor::task]
pub async fn lend(stack: Stack<'static>, address: &'static Address) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DHCP_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take());
    at_each(address, async |address| dhcp::serve(&udp, address, PORT).await).await
}

/// Leads the access point's clients to the device's page.
#[embassy_executor::task]
pub async fn lead(stack: Stack<'static>, address: &'static Address) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * DNS_MESSAGE_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take());
    at_each(address, async |address| captive::serve(&udp, address).await).await
}

/// Keeps the chip's clock right, if there is somebody to ask.
#[embassy_executor::task]
pub async fn tell_time(stack: Stack<'static>, app: &'static App<'static>, board: &'static Board) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * TIME_LEN }>> = ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take());
    let set = |unix_us| board.clock.set(unix_us, Instant::now().as_micros());
    sntp::serve(&udp, &Dns::new(stack), || app.time_server(), set).await
}

/// Announces the device under its name in the network that it has joined. In its own, every name is the device.
#[embassy_executor::task]
pub async fn announce(stack: Stack<'static>, app: &'static App<'static>, address: &'static Address) {
    static BUFFERS: ConstStaticCell<Buffers<{ MESSAGES * MDNS_QUESTION_LEN_MAX }>> =
        ConstStaticCell::new(UdpBuffers::new());
    let udp = Udp::new(stack, BUFFERS.take());
    let serve = async |address| {
        let name = app.name();
        let announcement = Announcement { name: &name, address, port: PORT, txt: &[("path", "/")] };
        mdns::serve(&udp, &announcement, |bytes| Rng::new().read(bytes)).await
    };
    at_each(address, serve).await
}
