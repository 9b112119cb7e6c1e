use std::cell::RefCell;
use std::collections::BTreeMap;
use std::vec::Vec;

use edge_dhcp::{DhcpOption, MessageType, Options, Packet};

use super::*;

const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const PREFIX_LEN: u8 = 24;

/// Hosts on the link, which answer for their addresses.
#[derive(Default)]
struct Link {
    users: RefCell<BTreeMap<Ipv4Addr, [u8; 6]>>,
    asked: RefCell<Vec<Ipv4Addr>>,
}

impl Probe for Link {
    fn ask(&self, address: Ipv4Addr) {
        self.asked.borrow_mut().push(address);
    }

    fn answered(&self, address: Ipv4Addr) -> Option<[u8; 6]> {
        assert!(self.asked.borrow().contains(&address), "nobody has asked for {address}");
        self.users.borrow().get(&address).copied()
    }
}

/// An answer as a client receives it: the type, the client's address, the whole message, and where it was sent.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    kind: MessageType,
    address: Ipv4Addr,
    lease_s: Option<u32>,
    to: Ipv4Addr,
    bytes: Vec<u8>,
}

/// A server, a clock, and a link.
struct Net<'a> {
    server: Server<'a, Link>,
    now: Instant,
}

fn mac(client: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, client]
}

fn message(client: u8, current: Option<Ipv4Addr>, options: &[DhcpOption<'_>]) -> Vec<u8> {
    let mut bytes = [0; 576];
    let packet = Packet::new_request(mac(client), client.into(), 0, current, false, Options::new(options));
    packet.encode(&mut bytes).unwrap().to_vec()
}

fn hear((len, to): (usize, SocketAddr), reply: &[u8]) -> Heard {
    let std::net::IpAddr::V4(address) = to.ip() else { panic!("{to}") };
    assert_eq!(to.port(), CLIENT_PORT);
    assert!(len >= 300, "no shorter than BOOTP");
    let packet = Packet::decode(&reply[..len]).unwrap();
    assert!(packet.reply);
    let kind = packet.options.iter().find_map(|option| match option {
        DhcpOption::MessageType(kind) => Some(kind),
        _ => None,
    });
    let lease_s = packet.options.iter().find_map(|option| match option {
        DhcpOption::IpAddressLeaseTime(seconds) => Some(seconds),
        _ => None,
    });
    Heard { kind: kind.unwrap(), address: packet.yiaddr, lease_s, to: address, bytes: reply[..len].to_vec() }
}

impl<'a> Net<'a> {
    fn new(link: &'a Link) -> Self {
        Self::at(link, DEVICE, PREFIX_LEN)
    }

    fn at(link: &'a Link, device: Ipv4Addr, prefix_len: u8) -> Self {
        Self { server: Server::new(device, prefix_len, 3000, link), now: Instant::from_secs(100) }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The server's answer to a message, at once or after its probes.
    fn send(&mut self, message: &[u8]) -> Option<Heard> {
        let mut reply = [0; crate::limits::DHCP_REPLY_LEN_MAX];
        let from = Ipv4Addr::from(*message.get(12..16).and_then(|bytes| bytes.first_chunk()).unwrap_or(&[0; 4]));
        let peer = SocketAddr::new(from.into(), CLIENT_PORT);
        if let Some(answer) = self.server.receive(self.now, peer, message, &mut reply) {
            return Some(hear(answer, &reply));
        }
        while self.server.due() != Instant::MAX {
            self.now = self.server.due();
            if let Some(answer) = self.server.poll(self.now, &mut reply) {
                return Some(hear(answer, &reply));
            }
        }
        None
    }

    fn discover(&mut self, client: u8) -> Option<Heard> {
        self.send(&message(client, None, &[DhcpOption::MessageType(MessageType::Discover)]))
    }

    /// Takes an offer.
    fn select(&mut self, client: u8, address: Ipv4Addr) -> Option<Heard> {
        let options = [
            DhcpOption::MessageType(MessageType::Request),
            DhcpOption::RequestedIpAddress(address),
            DhcpOption::ServerIdentifier(self.server.device),
        ];
        self.send(&message(client, None, &options))
    }

    /// Asks for the address that it had before it was away.
    fn reboot(&mut self, client: u8, address: Ipv4Addr) -> Option<Heard> {
        let options = [DhcpOption::MessageType(MessageType::Request), DhcpOption::RequestedIpAddress(address)];
        self.send(&message(client, None, &options))
    }

    fn renew(&mut self, client: u8, address: Ipv4Addr) -> Option<Heard> {
        self.send(&message(client, Some(address), &[DhcpOption::MessageType(MessageType::Request)]))
    }

    /// Gets an address as a client does that has none.
    fn lease(&mut self, client: u8) -> Ipv4Addr {
        let offer = self.discover(client).expect("an offer");
        assert_eq!(offer.kind, MessageType::Offer);
        let ack = self.select(client, offer.address).expect("an acknowledgement");
        assert_eq!((ack.kind, ack.address), (MessageType::Ack, offer.address));
        ack.address
    }

    fn tell(&mut self, client: u8, kind: MessageType, address: Ipv4Addr) {
        let options = [
            DhcpOption::MessageType(kind),
            DhcpOption::RequestedIpAddress(address),
            DhcpOption::ServerIdentifier(self.server.device),
        ];
        assert_eq!(self.send(&message(client, Some(address), &options)), None);
    }
}

#[test]
fn a_client_without_an_address_hears_what_is_sent_to_all_and_one_that_renews_its_own() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let offer = net.discover(1).unwrap();
    assert_eq!((offer.kind, offer.to), (MessageType::Offer, Ipv4Addr::BROADCAST));
    let ack = net.select(1, offer.address).unwrap();
    assert_eq!((ack.kind, ack.to, ack.lease_s), (MessageType::Ack, Ipv4Addr::BROADCAST, Some(LEASE_S)));
    let ack = net.renew(1, offer.address).unwrap();
    assert_eq!((ack.kind, ack.to, ack.address), (MessageType::Ack, offer.address, offer.address));
}

#[test]
fn an_offer_is_kept_for_its_client_unless_it_takes_another_servers() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let first = net.discover(1).unwrap().address;
    assert_eq!(net.discover(1).unwrap().address, first, "the same when it asks again");
    assert_ne!(net.discover(2).unwrap().address, first);
    let mut other = message(
        1,
        None,
        &[
            DhcpOption::MessageType(MessageType::Request),
            DhcpOption::RequestedIpAddress(first),
            DhcpOption::ServerIdentifier(Ipv4Addr::new(192, 168, 1, 2)),
        ],
    );
    assert_eq!(net.send(&other), None, "another server's client");
    other.truncate(240);
    assert_eq!(net.send(&other), None, "no options");
}

/// Issue 13, number 3.
#[test]
fn a_declined_address_is_not_lent_again_for_as_long_as_a_lease() {
    let link = Link::default();
    let mut net = Net::at(&link, Ipv4Addr::new(10, 0, 0, 1), 29);
    let declined = net.lease(1);
    net.tell(1, MessageType::Decline, declined);
    let others: Vec<_> = (1..6).map(|client| net.discover(client).unwrap().address).collect();
    assert!(others[..4].iter().all(|address| *address != declined), "{declined} is in {others:?}");
    net.pass(u64::from(LEASE_S) + 1);
    assert_eq!(net.reboot(9, declined).unwrap().kind, MessageType::Ack);
}

#[test]
fn nobody_declines_the_address_of_another() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let address = net.lease(1);
    net.tell(2, MessageType::Decline, address);
    net.tell(2, MessageType::Decline, DEVICE);
    assert_eq!(net.renew(1, address).unwrap().kind, MessageType::Ack);
}

/// Issue 13, number 3: the device has restarted, and its clients have not.
#[test]
fn an_address_that_somebody_uses_is_not_lent_after_a_restart() {
    let link = Link::default();
    let before: Vec<_> = {
        let mut net = Net::at(&link, DEVICE, 28);
        (1..8).map(|client| (net.lease(client), mac(client))).collect()
    };
    link.users.borrow_mut().extend(before.iter().copied());
    let mut net = Net::at(&link, DEVICE, 28);
    for client in 100..103 {
        // A client asks again when nothing is found for its first question.
        let offered = (0..3).find_map(|_| net.discover(client)).unwrap().address;
        assert!(before.iter().all(|(address, _)| *address != offered), "{offered}");
        assert_eq!(net.select(client, offered).unwrap().kind, MessageType::Ack);
    }
    for (index, (address, _)) in before.iter().enumerate() {
        let ack = net.renew(index as u8 + 1, *address).unwrap();
        assert_eq!((ack.kind, ack.address), (MessageType::Ack, *address), "each keeps its own");
    }
}

#[test]
fn a_client_gets_the_same_address_after_a_restart_and_after_a_visit() {
    let link = Link::default();
    let address = Net::new(&link).lease(1);
    let mut net = Net::new(&link);
    assert_eq!(net.lease(1), address);
    link.users.borrow_mut().insert(address, mac(1));
    assert_eq!(Net::new(&link).lease(1), address, "it still answers for the address itself");
    net.tell(1, MessageType::Release, address);
    assert_eq!(net.lease(1), address);
    net.pass(u64::from(LEASE_S) * 5);
    assert_eq!(net.lease(1), address);
}

/// Issue 13, number 4.
#[test]
fn a_33rd_visitor_gets_the_place_of_the_one_that_was_silent_for_longest() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let mut lent = Vec::new();
    for client in 0..100 {
        lent.push(net.lease(client));
        net.pass(1);
        // One of them is still there.
        assert_eq!(net.renew(0, lent[0]).unwrap().kind, MessageType::Ack);
    }
    assert!(lent[1..].iter().all(|address| *address != lent[0]));
    assert_eq!(net.server.leases.len(), LEASES_MAX);
}

#[test]
fn a_network_that_is_smaller_than_the_crowd_lends_the_address_that_was_silent_for_longest() {
    let link = Link::default();
    let mut net = Net::at(&link, Ipv4Addr::new(10, 0, 0, 1), 30);
    for client in 0..5 {
        assert_eq!(net.lease(client), Ipv4Addr::new(10, 0, 0, 2));
        net.pass(1);
    }
    link.users.borrow_mut().insert(Ipv4Addr::new(10, 0, 0, 2), mac(4));
    assert_eq!(net.discover(9), None, "it is in use, and there is no other");
    assert_eq!(Net::at(&link, Ipv4Addr::new(10, 0, 0, 1), 31).discover(1), None, "no address at all");
}

/// Issue 13, number 5: RFC 2131 table 3.
#[test]
fn a_nak_has_no_lease_time_and_no_address() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let address = net.lease(1);
    for (client, wanted) in [(1, Ipv4Addr::new(192, 168, 77, 23)), (2, address), (2, DEVICE)] {
        let nak = net.reboot(client, wanted).unwrap();
        assert_eq!((nak.kind, nak.lease_s, nak.to), (MessageType::Nak, None, Ipv4Addr::BROADCAST), "{wanted}");
        assert_eq!(nak.address, Ipv4Addr::UNSPECIFIED);
    }
}

/// Issue 13, number 5: RFC 2131 section 4.3.5.
#[test]
fn an_inform_is_answered_without_an_address_and_without_a_lease() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let own = Ipv4Addr::new(192, 168, 1, 9);
    let ack = net.send(&message(1, Some(own), &[DhcpOption::MessageType(MessageType::Inform)])).unwrap();
    assert_eq!((ack.kind, ack.address, ack.lease_s, ack.to), (MessageType::Ack, Ipv4Addr::UNSPECIFIED, None, own));
    assert!(net.server.leases.is_empty());
}

/// Issue 13, number 6.
#[test]
fn the_mask_is_that_of_the_network() {
    let link = Link::default();
    for (prefix_len, mask) in [(16, [255, 255, 0, 0]), (24, [255, 255, 255, 0]), (30, [255, 255, 255, 252])] {
        let offer = Net::at(&link, Ipv4Addr::new(10, 0, 0, 1), prefix_len).discover(1).unwrap();
        let option = [&[1, 4][..], &mask].concat();
        assert!(offer.bytes.windows(6).any(|bytes| bytes == option), "{prefix_len}");
    }
}

#[test]
fn a_name_that_is_no_text_costs_nobody_an_address() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let mut discover = message(1, None, &[DhcpOption::MessageType(MessageType::Discover)]);
    let end = discover.iter().rposition(|byte| *byte == 255).unwrap();
    discover.splice(end..end, [12, 3, 0xc4, 0xe3, 0xba]);
    assert_eq!(net.send(&discover).unwrap().kind, MessageType::Offer);
}

#[test]
fn what_is_no_message_of_a_client_gets_no_answer() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let good = message(1, None, &[DhcpOption::MessageType(MessageType::Discover)]);
    // A reply, another kind of network, another length of addresses, a relay's, no cookie, another type.
    for (index, value) in [(0, 2), (1, 6), (2, 16), (24, 10), (236, 0), (242, 9)] {
        let mut bad = good.clone();
        bad[index] = value;
        assert_eq!(net.send(&bad), None, "byte {index}");
    }
    for len in 0..243 {
        assert_eq!(net.send(&good[..len]), None, "{len} bytes");
    }
    assert!(net.server.leases.is_empty());
}

#[test]
fn no_message_panics_or_grows_the_table_beyond_its_bound() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let mut seed = 1u32;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed
    };
    for _ in 0..20_000 {
        let kind = [1, 3, 4, 7, 8][random() as usize % 5];
        let mut bytes = message(random() as u8 % 64, None, &[DhcpOption::MessageType(MessageType::Discover)]);
        bytes[242] = kind;
        let wanted = [50, 4, 192, 168, 1, random() as u8];
        let end = bytes.iter().rposition(|byte| *byte == 255).unwrap();
        bytes.splice(end..end, wanted);
        if random() % 4 == 0 {
            bytes[12..16].copy_from_slice(&[192, 168, 1, random() as u8]);
        }
        net.send(&bytes);
        net.pass(u64::from(random() % 60));
        let leases = &net.server.leases;
        assert!(leases.len() <= LEASES_MAX);
        let now = net.now;
        for (index, lease) in leases.iter().enumerate() {
            let is_same = |other: &&Lease| other.address == lease.address;
            assert!(net.server.pool.contains(lease.address));
            assert!(!leases[index + 1..].iter().any(|other| is_same(&other)), "{} twice at {now}", lease.address);
        }
    }
}

/// A message whose client has any MAC address.
fn stranger(number: u32) -> Vec<u8> {
    let mut bytes = message(0, None, &[DhcpOption::MessageType(MessageType::Discover)]);
    bytes[28..34].copy_from_slice(&[&[6, 7][..], &number.wrapping_mul(2_654_435_761).to_be_bytes()].concat());
    bytes
}

/// Pool exhaustion: a flood of clients that do not exist takes neither the address of one that does, nor the next ones'
/// chance of one.
#[test]
fn ten_thousand_strangers_lock_nobody_out() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let own = net.lease(1);
    link.users.borrow_mut().insert(own, mac(1));
    let mut reply = [0; crate::limits::DHCP_REPLY_LEN_MAX];
    let everybody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), CLIENT_PORT);
    let mut offers = 0;
    for number in 0..10_000 {
        // A thousand a second.
        net.now += Duration::from_millis(1);
        assert_eq!(net.server.receive(net.now, everybody, &stranger(number), &mut reply), None);
        while net.server.due() <= net.now {
            let offer = net.server.poll(net.now, &mut reply).map(|answer| hear(answer, &reply));
            assert!(offer.as_ref().is_none_or(|offer| offer.address != own), "{own} is in use");
            offers += usize::from(offer.is_some());
        }
        assert!(net.server.leases.len() <= LEASES_MAX);
    }
    // Each place of the table is taken for as long as its address is probed.
    assert!(offers <= LEASES_MAX * 2 * 11, "{offers}");
    assert_eq!(net.renew(1, own).unwrap().kind, MessageType::Ack, "whoever has an address keeps it");
    net.pass(1);
    while net.server.due() <= net.now {
        net.server.poll(net.now, &mut reply);
    }
    let new = net.lease(2);
    assert!(new != own && net.server.pool.contains(new));
}

#[test]
fn no_option_code_and_length_loops_or_panics() {
    let link = Link::default();
    let mut net = Net::new(&link);
    let good = message(1, None, &[DhcpOption::MessageType(MessageType::Discover)]);
    for code in 1..=254 {
        for len in 0..=255 {
            for room in [0, 1, 4, 255] {
                let mut bytes = [&good[..240], &[code, len]].concat();
                bytes.resize(242 + room, 4);
                bytes.extend([53, 1, 1, 255]);
                net.send(&bytes);
            }
        }
    }
    assert!(net.server.leases.len() <= 1);
}
