//! The device's name in its network: multicast DNS (RFC 6762) and service discovery (RFC 6763), for IPv4.
//!
//! Written by hand: edge-mdns 0.8 has no NSEC, no known answers, no probing, no cache-flush bit and no goodbye.
//! docs/field.md has a table of the rules that are tested.

mod records;
mod responder;

use core::net::{Ipv4Addr, SocketAddr};

use edge_nal::UdpBind;
use embassy_time::Instant;

use crate::limits::{MDNS_ANSWER_LEN_MAX, MDNS_QUESTION_LEN_MAX, QUEUED};
use crate::service::{Place, serve as serve_messages};
use crate::{Buffers, Cidr};
use responder::Responder;

/// The memory of the responder's socket.
pub type MdnsBuffers = Buffers<{ QUEUED * MDNS_QUESTION_LEN_MAX }, MDNS_ANSWER_LEN_MAX, QUEUED>;

/// The service by which devices are found: `_sockeye._tcp`.
pub const SERVICE: &str = "_sockeye";

/// The port of mDNS, and the group that all hear.
const PORT: u16 = 5353;
const GROUP_ADDRESS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(GROUP_ADDRESS), PORT);

/// Gives a name to its argument, which it calls once. While the device is about to leave the network the source does not
/// call it, and the records of the name end.
pub type NameSource<'a> = dyn Fn(&mut dyn FnMut(&str)) + 'a;

/// The records of a device to announce.
pub struct Announcement<'a> {
    /// The host name without `.local`. The source is queried every [`MDNS_LOOK_MS`](crate::limits::MDNS_LOOK_MS), and a
    /// change is announced. Bytes beyond [`NAME_LEN_MAX`](crate::limits::NAME_LEN_MAX) are left out, and dots become `-`:
    /// the name is one label. A name that another host has gets `-2` added, or `-3`, and so on.
    pub name: &'a NameSource<'a>,
    /// The device's address.
    pub address: Cidr,
    /// The port that clients connect to.
    pub port: u16,
    /// More about the device, such as its version, for whoever browses for devices.
    pub txt: &'a [(&'a str, &'a str)],
}

/// Probes for the name, announces the device, and answers queries for it, until the future is dropped. Drop it when the
/// address changes or goes.
///
/// Takes one socket of `udp`, on port 5353, and about 2.5 KB. The stack under `udp` must be able to join a multicast
/// group, and its datagrams should have a hop limit of [`MDNS_HOP_LIMIT`](crate::limits::MDNS_HOP_LIMIT). `random`
/// fills bytes; answers are delayed by it as in RFC 6762 section 6.
pub async fn serve<U: UdpBind>(udp: &U, announcement: &Announcement<'_>, random: impl FnMut(&mut [u8])) -> ! {
    let mut responder = Responder::new(announcement, random, Instant::now());
    let (mut rx, mut tx) = ([0; MDNS_QUESTION_LEN_MAX], [0; MDNS_ANSWER_LEN_MAX]);
    let place = Place { name: "mDNS", port: PORT, group: Some((GROUP_ADDRESS, announcement.address.0)) };
    serve_messages(udp, &place, &mut rx, &mut tx, &mut responder).await
}
