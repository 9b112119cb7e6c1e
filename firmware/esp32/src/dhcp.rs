//! Addresses for the access point's clients.

use core::net::{Ipv4Addr, SocketAddr};

use edge_dhcp::io::{self, DEFAULT_SERVER_PORT};
use edge_dhcp::server::{Server, ServerOptions};
use edge_nal::UdpBind;
use edge_nal_embassy::{Udp, UdpBuffers};
use embassy_net::Stack;
use embassy_time::{Duration, Timer};
use sockeye_hello::boot::AP_ADDRESS;
use static_cell::ConstStaticCell;

/// Bytes of a message: no client sends more before it knows that the server takes more (RFC 2131, section 2).
const MESSAGE_LEN_MAX: usize = 576;
/// Messages of that length that are held at once, each way.
const MESSAGES: usize = 2;
/// The first address that is lent.
const FIRST: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 50);
/// Addresses that are lent. The radio takes fewer clients at once, but one that has left keeps its address.
const LEASES: usize = 32;
/// How long an address is lent, seconds.
const LEASE_S: u32 = 3_600;
/// Pause after a message that could not be read or answered, milliseconds.
const RETRY_MS: u64 = 100;

const _: () = assert!(FIRST.octets()[3] as usize + LEASES <= 255);
const _: () = assert!(FIRST.octets()[3] > AP_ADDRESS.octets()[3]);

/// Serves for ever: an error ends one message, never the server.
#[embassy_executor::task]
pub(crate) async fn serve(stack: Stack<'static>) {
    static BUFFERS: ConstStaticCell<
        UdpBuffers<1, { MESSAGES * MESSAGE_LEN_MAX }, { MESSAGES * MESSAGE_LEN_MAX }, MESSAGES>,
    > = ConstStaticCell::new(UdpBuffers::new());

    let udp = Udp::new(stack, BUFFERS.take());
    let every = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), DEFAULT_SERVER_PORT);
    // There is a buffer for one socket, and this is it.
    let mut socket = udp.bind(every).await.expect("the first socket");
    let mut server = Server::<_, LEASES>::new_with_et(AP_ADDRESS);
    let [a, b, c, first] = FIRST.octets();
    // As many addresses as leases: with more, the server looks for one that was never lent, and finds no room for its
    // lease, while leases that have run out stay.
    server.range_start = FIRST;
    server.range_end = Ipv4Addr::new(a, b, c, first + (LEASES as u8 - 1));
    let mut message = [0; MESSAGE_LEN_MAX];
    loop {
        let mut gateway = [AP_ADDRESS];
        let mut options = ServerOptions::new(AP_ADDRESS, Some(&mut gateway));
        // Some phones leave a network that names no router or no name server. Here is neither, which they notice.
        let dns = [AP_ADDRESS];
        options.dns = &dns;
        options.lease_duration_secs = LEASE_S;
        if let Err(error) = io::server::run(&mut server, &options, &mut socket, &mut message).await {
            log::warn!("DHCP: {error:?}");
        }
        Timer::after(Duration::from_millis(RETRY_MS)).await;
    }
}
