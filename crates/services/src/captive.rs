//! Every name is the device: what brings a phone to the page.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use edge_captive::io;
use edge_nal::UdpBind;

use crate::limits::{DNS_MESSAGE_LEN_MAX, DNS_TTL_S};
use crate::pause;

/// The port of DNS.
const PORT: u16 = 53;

/// Answers every question for an IPv4 address with `address`, and all others with nothing.
///
/// Takes one socket of `udp`, on port 53, and about 1 KB.
pub async fn serve<U: UdpBind>(udp: &U, address: Ipv4Addr) -> ! {
    let (mut tx, mut rx) = ([0; DNS_MESSAGE_LEN_MAX], [0; DNS_MESSAGE_LEN_MAX]);
    let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), PORT);
    loop {
        if let Err(error) = io::run(udp, local, &mut tx, &mut rx, address, Duration::from_secs(DNS_TTL_S)).await {
            log::warn!("DNS: {error:?}");
        }
        pause().await;
    }
}
