//! The services on the listener and embassy-net, in simulated time: hosts that have gone, and sockets that have stopped.

mod link;
mod resolver;
mod stuck;

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use edge_dhcp::{DhcpOption, MessageType, Options, Packet};
use embassy_net::Ipv4Cidr;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer};
use link::{DEVICE, Link, leak};
use sockeye_services::captive::{self, CaptiveBuffers};
use sockeye_services::dhcp::{self, DhcpBuffers};
use sockeye_services::limits::{HOP_LIMIT, MDNS_HOP_LIMIT};
use sockeye_services::mdns::{self, Announcement, MdnsBuffers};
use sockeye_services::{Address, Udp};

/// The hosts that are no longer there, and one that is.
const GONE: usize = 10;
const LIVE: (Ipv4Addr, [u8; 6]) = (Ipv4Addr::new(192, 168, 1, 200), [2, 0, 0, 0, 1, 200]);
const MDNS: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
const ALL: Ipv4Addr = Ipv4Addr::BROADCAST;
const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn gone(index: usize) -> (Ipv4Addr, [u8; 6]) {
    (Ipv4Addr::new(192, 168, 1, 100 + index as u8), [2, 0, 0, 0, 1, 100 + index as u8])
}

/// A device with all services of an access point.
fn device() -> Link {
    let mut link = Link::new();
    let (stack, interface) = (link.stack, link.interface);
    let udp = Udp::new(stack, leak(DhcpBuffers::new()), HOP_LIMIT);
    link.spawn(async move {
        let arp = (|address| interface.probe(address), |address| interface.answered(address));
        dhcp::serve(&udp, (DEVICE, 24), 3000, &arp).await
    });
    let udp = Udp::new(stack, leak(CaptiveBuffers::new()), HOP_LIMIT);
    link.spawn(async move { captive::serve(&udp, DEVICE).await });
    let udp = Udp::new(stack, leak(MdnsBuffers::new()), MDNS_HOP_LIMIT);
    link.spawn(async move {
        let announcement = Announcement { name: &|take| take("kitchen"), address: (DEVICE, 24), port: 3000, txt: &[] };
        mdns::serve(&udp, &announcement, |bytes| bytes.fill(0)).await
    });
    link.run(5_000);
    link
}

/// A question for the IPv4 address of a name.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn dhcp_message(mac: [u8; 6], current: Option<Ipv4Addr>, options: &[DhcpOption<'_>]) -> Vec<u8> {
    let mut bytes = [0; 576];
    Packet::new_request(mac, 7, 0, current, false, Options::new(options)).encode(&mut bytes).unwrap().to_vec()
}

/// The live host gets an answer from each service within a second.
fn expect_service(link: &mut Link, when: &str) {
    let (address, mac) = LIVE;
    link.hosts.insert(address, mac);
    let start = link.now_ms();
    link.datagram(mac, (address, 40_000), (DEVICE, 53), &question("a.b"));
    link.datagram(
        mac,
        (NOBODY, 68),
        (ALL, 67),
        &dhcp_message(mac, None, &[DhcpOption::MessageType(MessageType::Discover)]),
    );
    link.datagram(mac, (address, 40_001), MDNS, &question("kitchen.local"));
    link.run(1_000);
    for (port, to) in [(53, address), (67, ALL), (5353, address)] {
        let sent = link.sent_from(port, start);
        assert!(sent.iter().any(|(_, _, receiver, _)| *receiver == to), "{when}: port {port}: {sent:?}");
    }
}

/// A datagram from an address that answers no ARP is answered to the MAC address that it came from, and holds up no
/// other client.
#[test]
fn ten_hosts_that_have_gone_end_no_service() {
    let mut link = device();
    expect_service(&mut link, "before");
    let start = link.now_ms();
    for round in 0..3 {
        for index in 0..GONE {
            let (address, mac) = gone(index);
            link.datagram(mac, (address, 40_000), (DEVICE, 53), &question("a.b"));
            link.datagram(mac, (address, 40_001), MDNS, &question("kitchen.local"));
            // The client has an address by its `ciaddr`, and sends from none, so its MAC address is unknown.
            let renew = dhcp_message(mac, Some(address), &[DhcpOption::MessageType(MessageType::Inform)]);
            link.datagram(mac, (NOBODY, 68), (ALL, 67), &renew);
            link.run(5);
        }
        expect_service(&mut link, &format!("round {round}"));
    }
    for index in 0..GONE {
        let (address, mac) = gone(index);
        for port in [53, 5353] {
            let sent = link.sent_from(port, start);
            assert!(sent.iter().any(|(_, to_mac, to, _)| (*to, *to_mac) == (address, mac)), "{address}, port {port}");
        }
    }
    assert!(link.heard.iter().all(|frame| frame.destination()[..2] != [0x02, 0xa9]), "no stand-in leaves the device");
}

/// The same where nothing is known of the hosts: their datagrams come from one that forwards them.
#[test]
fn ten_hosts_whose_mac_addresses_nobody_knows_end_no_service() {
    let mut link = device();
    let start = link.now_ms();
    for index in 0..GONE {
        let inform = dhcp_message(gone(index).1, Some(gone(index).0), &[DhcpOption::MessageType(MessageType::Inform)]);
        link.datagram(gone(index).1, (NOBODY, 68), (ALL, 67), &inform);
        link.run(5);
    }
    expect_service(&mut link, "at once");
    let asked = link.asked(start);
    for index in 0..GONE {
        let times: Vec<_> = asked.iter().filter(|(_, address)| *address == gone(index).0).collect();
        assert!(times.len() <= 2, "{times:?}");
    }
}

/// The same for hosts to which there is no way at all: they are of another network, and there is no router.
#[test]
fn ten_hosts_of_another_network_end_no_service() {
    let mut link = device();
    let start = link.now_ms();
    for index in 0..GONE {
        let address = Ipv4Addr::new(10, 99, 0, index as u8 + 1);
        link.datagram(gone(index).1, (address, 40_000), (DEVICE, 53), &question("a.b"));
        link.datagram(gone(index).1, (address, 40_001), MDNS, &question("kitchen.local"));
        let inform = dhcp_message(gone(index).1, Some(address), &[DhcpOption::MessageType(MessageType::Inform)]);
        link.datagram(gone(index).1, (address, 68), (DEVICE, 67), &inform);
        link.run(5);
    }
    expect_service(&mut link, "at once");
    assert!(link.asked(start).iter().all(|(_, address)| address.octets()[0] == 192), "none of them is asked for");
}

/// Issue 13, number 2. The device itself speaks to three hosts: a peer, a name server and a time server.
#[test]
fn a_peer_that_comes_back_is_asked_for_while_others_are_gone() {
    let mut link = device();
    let peer = (Ipv4Addr::new(192, 168, 1, 50), [2, 0, 0, 0, 1, 50]);
    let mut connect = |address: Ipv4Addr| {
        let (stack, tries) = (link.stack, Rc::new(Cell::new(0)));
        let counted = tries.clone();
        link.spawn(async move {
            let mut socket = TcpSocket::new(stack, leak([0; 64]), leak([0; 64]));
            socket.set_timeout(Some(Duration::from_secs(2)));
            loop {
                let _ = socket.connect((address, 6379)).await;
                socket.abort();
                counted.set(counted.get() + 1);
                Timer::after(Duration::from_millis(500)).await;
            }
        });
        tries
    };
    let others = [51, 52].map(|last| Ipv4Addr::new(192, 168, 1, last));
    for address in others {
        connect(address);
    }
    let tries = connect(peer.0);
    let haunt = |link: &mut Link| {
        for index in 0..GONE {
            let (address, mac) = gone(index);
            link.datagram(mac, (address, 40_000), (DEVICE, 53), &question("a.b"));
            link.run(100);
        }
    };
    (0..20).for_each(|_| haunt(&mut link));
    assert!(tries.get() >= 5, "it gives up and tries again: {}", tries.get());
    let back = link.now_ms();
    link.hosts.insert(peer.0, peer.1);
    (0..4).for_each(|_| haunt(&mut link));
    let syn = link.heard.iter().find(|frame| {
        frame.at_ms >= back && frame.destination() == peer.1 && frame.packet().is_some_and(|packet| packet.0 == 6)
    });
    let syn = syn.expect("a SYN to the peer");
    assert!(syn.at_ms - back < 3_500, "after {} ms", syn.at_ms - back);
    for address in others {
        let asked = link.asked(0);
        let times: Vec<_> = asked.iter().filter(|(_, asked)| *asked == address).map(|(ms, _)| ms).collect();
        assert!(times.len() >= 5 && times.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{times:?}");
    }
}

/// Issue 13, number 3: the link is asked before an address is lent.
#[test]
fn an_address_that_a_host_answers_for_is_not_lent() {
    let mut link = device();
    let offer = |link: &mut Link, mac: [u8; 6]| {
        let start = link.now_ms();
        let discover = dhcp_message(mac, None, &[DhcpOption::MessageType(MessageType::Discover)]);
        link.datagram(mac, (NOBODY, 68), (ALL, 67), &discover);
        link.run(3_000);
        let sent = link.sent_from(67, start);
        let (_, to_mac, to, bytes) = sent.first().expect("an offer");
        assert_eq!((*to_mac, *to), (link::BROADCAST, ALL));
        Packet::decode(bytes).unwrap().yiaddr
    };
    let first = offer(&mut link, [2, 9, 9, 9, 9, 9]);
    let mut again = device();
    again.hosts.insert(first, [2, 8, 8, 8, 8, 8]);
    assert_ne!(offer(&mut again, [2, 9, 9, 9, 9, 9]), first, "another host has it");
    let mut own = device();
    own.hosts.insert(first, [2, 9, 9, 9, 9, 9]);
    assert_eq!(offer(&mut own, [2, 9, 9, 9, 9, 9]), first, "the client itself has it");
}

/// Issue 13, number 8: RFC 6762 section 11.
#[test]
fn what_leaves_from_the_port_of_mdns_has_the_longest_way_to_go() {
    let mut link = device();
    expect_service(&mut link, "a question");
    let hops = |port: u16| {
        let sent = link.heard.iter().filter(|frame| frame.datagram().is_some_and(|(from, _, _)| from == port));
        sent.map(|frame| frame.packet().unwrap().1).collect::<Vec<_>>()
    };
    assert!(hops(5353).len() > 5 && hops(5353).iter().all(|hops| *hops == 255), "{:?}", hops(5353));
    assert!(hops(53).iter().chain(&hops(67)).all(|hops| *hops == 64));
}

/// Hosts with many services send messages of mDNS that are longer than the device reads. A host that asks in between gets
/// its answer.
#[test]
fn messages_that_are_too_long_delay_no_answer() {
    let mut link = device();
    let (address, mac) = LIVE;
    link.hosts.insert(address, mac);
    for round in 0..20 {
        let start = link.now_ms();
        for _ in 0..3 {
            link.datagram(mac, (address, 5353), MDNS, &[0; 1_400]);
            link.run(2);
        }
        link.datagram(mac, (address, 40_001), MDNS, &question("kitchen.local"));
        link.run(20);
        let sent = link.sent_from(5353, start);
        assert!(sent.iter().any(|(_, _, receiver, _)| *receiver == address), "round {round}: {sent:?}");
        link.run(100);
    }
}

/// When the device has reported first that it is in the group of mDNS, from `since` on.
fn report(link: &Link, since: u64) -> Option<u64> {
    let is_report = |frame: &&link::Frame| {
        let is_it =
            |(protocol, _, to, content): (u8, u8, Ipv4Addr, &[u8])| protocol == 2 && to == MDNS.0 && content[0] == 0x16;
        frame.at_ms >= since && frame.packet().is_some_and(is_it)
    };
    link.heard.iter().find(is_report).map(|frame| frame.at_ms)
}

/// A switch that has restarted, or that of another network, sends no mDNS to a device that has not reported itself.
#[test]
fn membership_is_reported_in_each_network() {
    let mut link = Link::new();
    let (stack, interface) = (link.stack, link.interface);
    let udp = Udp::new(stack, leak(MdnsBuffers::new()), MDNS_HOP_LIMIT);
    let address: &Address = leak(Address::new());
    link.spawn(async move {
        let announce = async |address| {
            let announcement = Announcement { name: &|take| take("kitchen"), address, port: 3000, txt: &[] };
            mdns::serve(&udp, &announcement, |bytes| bytes.fill(0)).await
        };
        address.follow(announce).await
    });
    // The same address again after a while without one, and another at once.
    let networks = [Some(DEVICE), None, Some(DEVICE), Some(Ipv4Addr::new(10, 0, 0, 7))];
    for network in networks {
        let start = link.now_ms();
        interface.configure_static(stack, network.map(|address| Ipv4Cidr::new(address, 24)), None);
        address.set(network.map(|address| (address, 24)));
        link.run(2_000);
        let reported = report(&link, start);
        assert_eq!(reported.is_some(), network.is_some(), "{network:?}");
        assert!(reported.is_none_or(|at_ms| at_ms - start < 200), "{network:?}: {reported:?}");
    }
}

/// Issue 13, number 11.
#[test]
fn reports_of_membership_leave_without_another_frame() {
    let mut link = device();
    let first = report(&link, 0).expect("a report when the group is joined");
    assert!(first < 100, "after {first} ms");
    // A router's query: general, then for the group, with ten and with one second to answer.
    for (group, code, within_ms) in [(NOBODY, 100, 10_000), (MDNS.0, 10, 1_000)] {
        let start = link.now_ms();
        let mut query = vec![0x11, code, 0, 0];
        query.extend(group.octets());
        let sum = query.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
        query[2..4].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        let to = if group == NOBODY { Ipv4Addr::new(224, 0, 0, 1) } else { group };
        link.packet(LIVE.1, LIVE.0, to, 2, &query);
        link.run(within_ms + 100);
        let answered = report(&link, start).expect("an answer to the router") - start;
        assert!(answered <= within_ms, "{group}: after {answered} ms");
    }
}
