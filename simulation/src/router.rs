//! A router: a network with a name and a password, and a DHCP server behind it.

use std::net::Ipv4Addr;

use edge_dhcp::server::{Server, ServerOptions};
use edge_dhcp::{Options, Packet};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_time::Instant;

use crate::ether::{Card, Ether, Place};
use crate::executor::{Executor, Group};
use crate::leak;
use crate::plan::NAMES;

/// Leases of a router.
const LEASES: usize = 16;
/// Bytes of a DHCP message.
const MESSAGE_LEN: usize = 1024;
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// A router's own address, in a /24, which is the same for routers of one house.
pub fn address(number: usize) -> Ipv4Addr {
    let house = NAMES.iter().position(|name| *name == NAMES[number]).unwrap_or(number);
    Ipv4Addr::new(10, 0, house as u8, 1)
}

/// An address of a /24 and no more.
pub fn static_config(address: Ipv4Addr, prefix_len: u8) -> StaticConfigV4 {
    StaticConfigV4 { address: Ipv4Cidr::new(address, prefix_len), gateway: None, dns_servers: Default::default() }
}

/// Starts the host of router `number`, which is off the air at first.
pub fn start(executor: &Executor, group: Group, ether: &Ether, (number, has_dhcp): (usize, bool), seed: u64) -> Card {
    let (card, driver) = ether.card([2, 0, 0, 1, 0, number as u8]);
    let config = Config::ipv4_static(static_config(address(number), 24));
    let (stack, mut net) = embassy_net::new(driver, config, leak(StackResources::<3>::new()), seed);
    executor.spawn(group, async move { net.run().await });
    if has_dhcp {
        executor.spawn(group, serve(stack, address(number)));
    }
    card
}

/// Where the router's network is.
pub fn place(number: usize) -> Place {
    Place::Router(number)
}

/// Gives out addresses for ever.
async fn serve(stack: Stack<'static>, own: Ipv4Addr) {
    let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
    let (mut rx, mut tx) = ([0; 4 * MESSAGE_LEN], [0; 4 * MESSAGE_LEN]);
    let mut socket = UdpSocket::new(stack, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
    socket.bind(SERVER_PORT).expect("the port is free");
    let mut server = Server::<_, LEASES>::new(|| Instant::now().as_secs(), own);
    let mut gateway = [own];
    let mut options = ServerOptions::new(own, Some(&mut gateway));
    options.lease_duration_secs = 600;
    let mut message = [0; MESSAGE_LEN];
    loop {
        let Ok((len, _)) = socket.recv_from(&mut message).await else { continue };
        let Ok(request) = Packet::decode(&message[..len]) else { continue };
        let mut buf = Options::buf();
        let Some(reply) = server.handle_request(&mut buf, &options, &request) else { continue };
        let mut out = [0; MESSAGE_LEN];
        if let Ok(bytes) = reply.encode(&mut out) {
            let _ = socket.send_to(bytes, (Ipv4Addr::BROADCAST, CLIENT_PORT)).await;
        }
    }
}
