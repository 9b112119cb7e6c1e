//! Addresses for the access point's clients.

use core::fmt::Write;
use core::net::{Ipv4Addr, SocketAddr};

use edge_dhcp::io::{self, DEFAULT_SERVER_PORT};
use edge_dhcp::server::{Server, ServerOptions};
use edge_nal::UdpBind;
use heapless::String;

use crate::limits::{DHCP_MESSAGE_LEN_MAX, LEASE_FIRST, LEASE_S, LEASES_MAX, URL_LEN_MAX};
use crate::pause;

/// Lends addresses of the network of 24 bits in which the device is `address`. A client is also told that the device
/// is router and name server, because some phones leave a network that has neither, and where its page is: on `port`.
///
/// Takes one socket of `udp`, on port 67, and about 2 KB.
pub async fn serve<U: UdpBind>(udp: &U, address: Ipv4Addr, port: u16) -> ! {
    let mut server = server(address);
    let mut url = String::<URL_LEN_MAX>::new();
    // It is as long as the longest.
    let _ = write!(url, "http://{address}:{port}/");
    let mut message = [0; DHCP_MESSAGE_LEN_MAX];
    loop {
        let mut gateway = [address];
        let mut options = ServerOptions::new(address, Some(&mut gateway));
        let dns = [address];
        options.dns = &dns;
        options.captive_url = Some(&url);
        options.lease_duration_secs = LEASE_S;
        match udp.bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), DEFAULT_SERVER_PORT)).await {
            Ok(mut socket) => {
                if let Err(error) = io::server::run(&mut server, &options, &mut socket, &mut message).await {
                    log::warn!("DHCP: {error:?}");
                }
            }
            Err(error) => log::warn!("DHCP: {error:?}"),
        }
        pause().await;
    }
}

fn server(address: Ipv4Addr) -> Server<impl FnMut() -> u64, LEASES_MAX> {
    let [a, b, c, _] = address.octets();
    let mut server = Server::new_with_et(address);
    // As many addresses as leases: with more, the server looks for one that was never lent, and finds no room for its
    // lease, while leases that have run out stay.
    server.range_start = Ipv4Addr::new(a, b, c, LEASE_FIRST);
    server.range_end = Ipv4Addr::new(a, b, c, LEASE_FIRST + (LEASES_MAX as u8 - 1));
    server
}
