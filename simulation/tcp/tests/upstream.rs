//! The faults of smoltcp 0.13.1 that docs/upstream.md reports. Each test passes as long as smoltcp has the fault. A
//! test that fails after an update means that its report can be dropped.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::{dhcpv4, dns};
use smoltcp::time::Instant;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, DnsQueryType, EthernetAddress, IgmpPacket, IgmpRepr, IgmpVersion, IpCidr,
    IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};
use sockeye_tcp_simulation::generator::{output, recover, step};
use sockeye_tcp_simulation::host::{Config, Host, State};
use sockeye_tcp_simulation::smoltcp_host::Smoltcp;
use sockeye_tcp_simulation::wire::{self, ACK, FIN, SYN, Segment, Side};
use sockeye_tcp_simulation::{Micros, SECOND};

const START: Micros = 100 * SECOND;
const MILLISECOND: Micros = SECOND / 1_000;
const IRS: u32 = 1_000;
const SYN_SEGMENT: Segment<'_> =
    Segment { seq: IRS, ack: 0, window: 1_000, flags: SYN, mss: Some(1_460), payload: b"" };

/// A smoltcp server, and its client by hand.
struct Server {
    host: Smoltcp,
    iss: u32,
    now: Micros,
}

impl Server {
    fn listening(seed: u64, now: Micros) -> Self {
        let config = Config { side: Side::Server, opens: false, rx_len: 512, tx_len: 512, mtu: 1_500, seed, now };
        Self { host: Smoltcp::new(&config), iss: 0, now }
    }

    fn established() -> Self {
        let mut it = Self::listening(7, START);
        it.iss = it.takes(&SYN_SEGMENT)[0].0;
        it.takes(&it.ack(1, 1, 1_000));
        assert_eq!(it.host.state(), State::Established);
        it
    }

    /// An ACK: its number and what it acknowledges, counted from both initial numbers.
    fn ack(&self, seq: u32, ack: u32, window: u16) -> Segment<'static> {
        Segment { seq: IRS + seq, ack: self.iss.wrapping_add(ack), window, flags: ACK, mss: None, payload: b"" }
    }

    /// Number, flags, and bytes of text of each answer.
    fn takes(&mut self, segment: &Segment<'_>) -> Vec<(u32, u8, usize)> {
        let mut out = Vec::new();
        self.host.receive(&wire::build(Side::Client, segment), self.now, &mut out);
        brief(&out)
    }

    /// Everything that is sent while the time passes, in steps of ten milliseconds.
    fn waits(&mut self, time: Micros) -> Vec<(u32, u8, usize)> {
        let (mut out, end) = (Vec::new(), self.now + time);
        while self.now < end {
            self.now += 10 * MILLISECOND;
            self.host.poll(self.now, &mut out);
        }
        brief(&out)
    }
}

fn brief(out: &[Vec<u8>]) -> Vec<(u32, u8, usize)> {
    out.iter().map(|packet| wire::read(packet)).map(|it| (it.seq, it.flags, it.payload.len())).collect()
}

/// Report 1: the initial sequence number is the next output of a linear congruential generator. Neither the clock nor
/// the 4-tuple nor a secret beside the seed is in it (RFC 6528 section 3).
#[test]
fn an_initial_number_has_neither_clock_nor_secret_in_it() {
    let isn = |now| Server::listening(7, now).takes(&SYN_SEGMENT)[0].0;
    assert_eq!(isn(START), isn(START + 3_600 * SECOND), "an hour later it is the same");
}

/// Report 1, to the end: three initial numbers give the next one. A host whose seed is one step further begins with the
/// number of the other host's next connection.
#[test]
fn three_initial_numbers_give_the_next() {
    let mut seed = 0x0123_4567_89ab_cdef;
    let numbers: [u32; 4] = core::array::from_fn(|_| {
        let number = Server::listening(seed, START).takes(&SYN_SEGMENT)[0].0;
        seed = step(seed);
        number
    });
    let found = recover([numbers[0], numbers[1], numbers[2]]);
    assert_eq!(found.into_iter().map(step).map(output).collect::<Vec<_>>(), [numbers[3]]);
}

/// Report 1, for hosts that hear the network's broadcasts. Three requests of DHCP give the ID and the port of the next
/// question to a name server, although only the server hears that question.
#[test]
fn three_requests_of_dhcp_give_the_id_and_the_port_of_the_next_dns_question() {
    let mut tap = Tap::default();
    let mut config = iface::Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    config.random_seed = 0x0123_4567_89ab_cdef;
    let mut interface = Interface::new(config, &mut tap, Instant::ZERO);
    interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(Ipv4Addr::new(10, 0, 0, 2).into(), 24)).unwrap());
    let mut sockets = SocketSet::new(Vec::new());
    sockets.add(dhcpv4::Socket::new());
    // To all, so that no ARP is needed.
    let dns = sockets.add(dns::Socket::new(&[Ipv4Addr::new(10, 0, 0, 255).into()], Vec::new()));
    for second in 0..30 {
        interface.poll(Instant::from_secs(second), &mut tap, &mut sockets);
    }
    let ids: Vec<_> = tap.datagrams(67).map(|udp| u32::from_be_bytes(udp[12..16].try_into().unwrap())).collect();
    let [first, second, third] = ids[..] else { panic!("{ids:?}") };
    let state = recover([first, second, third])[0];

    let question = sockets.get_mut::<dns::Socket>(dns).start_query(interface.context(), "a.b", DnsQueryType::A);
    question.unwrap();
    interface.poll(Instant::from_millis(29_500), &mut tap, &mut sockets);
    let sent: Vec<_> = tap.datagrams(53).map(|udp| (word(&udp[8..]), word(udp))).collect();
    let folded = |state| (output(state) ^ output(state) >> 16) as u16;
    assert_eq!(sent, [(folded(step(state)), folded(step(step(state))))], "ID and port");
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// A DHCP client, and the server that answers it.
struct Rented {
    tap: Tap,
    interface: Interface,
    sockets: SocketSet<'static>,
    client: SocketHandle,
    /// Messages of the client.
    messages: usize,
}

const RENTED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

impl Rented {
    fn new() -> Self {
        let mut tap = Tap::default();
        let config = iface::Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
        let interface = Interface::new(config, &mut tap, Instant::ZERO);
        let mut sockets = SocketSet::new(Vec::new());
        let client = sockets.add(dhcpv4::Socket::new());
        Self { tap, interface, sockets, client, messages: 0 }
    }

    /// Answers what the client has sent by `answer` of its message, and lets half a millisecond pass.
    fn turn(&mut self, now: Instant, answer: impl Fn(DhcpRepr<'_>) -> DhcpRepr<'static>) {
        self.interface.poll(now, &mut self.tap, &mut self.sockets);
        let asked: Vec<_> = self.tap.datagrams(67).map(|udp| udp[8..].to_vec()).collect();
        self.tap.sent.clear();
        self.messages += asked.len();
        for message in asked {
            let message = DhcpPacket::new_unchecked(&message[..]);
            self.tap.coming.push_back(datagram(&answer(DhcpRepr::parse(&message).unwrap())));
        }
        self.interface.poll(now + smoltcp::time::Duration::from_micros(500), &mut self.tap, &mut self.sockets);
    }
}

/// The answer of a server that gives this router.
fn answer(asked: &DhcpRepr<'_>, message_type: DhcpMessageType, router: Option<Ipv4Addr>) -> DhcpRepr<'static> {
    DhcpRepr {
        message_type,
        transaction_id: asked.transaction_id,
        secs: 0,
        client_hardware_address: asked.client_hardware_address,
        client_ip: Ipv4Addr::UNSPECIFIED,
        your_ip: RENTED,
        server_ip: SERVER,
        router,
        subnet_mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: false,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(SERVER),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: Some(3_600),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    }
}

/// A frame with this message of a server, to all.
fn datagram(message: &DhcpRepr<'_>) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: 67, dst_port: 68 };
    let (src_addr, dst_addr) = (SERVER, Ipv4Addr::BROADCAST);
    let len = udp.header_len() + message.buffer_len();
    let ip = Ipv4Repr { src_addr, dst_addr, next_header: IpProtocol::Udp, payload_len: len, hop_limit: 64 };
    let mut frame = vec![0; 14 + 20 + len];
    frame[..14].copy_from_slice(&[255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 8, 0]);
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &checksums);
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut frame[34..]),
        &src_addr.into(),
        &dst_addr.into(),
        message.buffer_len(),
        |payload| message.emit(&mut DhcpPacket::new_unchecked(payload)).unwrap(),
        &checksums,
    );
    frame
}

/// Report 7: a server gives 0.0.0.0 as the router. As the default route, where embassy-net puts it, the first packet to
/// another network panics.
#[test]
#[should_panic(expected = "protocol_addr.is_unicast()")]
fn a_router_of_a_dhcp_server_makes_a_host_panic() {
    let mut host = Rented::new();
    for millisecond in 0..3 {
        host.turn(Instant::from_millis(millisecond), |asked| {
            let is_discover = asked.message_type == DhcpMessageType::Discover;
            let message_type = if is_discover { DhcpMessageType::Offer } else { DhcpMessageType::Ack };
            answer(&asked, message_type, Some(Ipv4Addr::UNSPECIFIED))
        });
    }
    let Some(dhcpv4::Event::Configured(config)) = host.sockets.get_mut::<dhcpv4::Socket>(host.client).poll() else {
        panic!("no address");
    };
    let router = config.router.expect("the client takes the router");
    host.interface.update_ip_addrs(|addresses| addresses.push(config.address.into()).unwrap());
    host.interface.routes_mut().add_default_ipv4_route(router).unwrap();
    let dns = host.sockets.add(dns::Socket::new(&[Ipv4Addr::new(192, 0, 2, 1).into()], Vec::new()));
    let question =
        host.sockets.get_mut::<dns::Socket>(dns).start_query(host.interface.context(), "a.b", DnsQueryType::A);
    question.unwrap();
    host.interface.poll(Instant::from_millis(10), &mut host.tap, &mut host.sockets);
}

/// Report 8: a server that refuses each request is asked again at once.
#[test]
fn a_dhcp_server_that_always_refuses_is_asked_without_end() {
    let mut host = Rented::new();
    for millisecond in 0..1_000 {
        host.turn(Instant::from_millis(millisecond), |asked| {
            let is_discover = asked.message_type == DhcpMessageType::Discover;
            answer(&asked, if is_discover { DhcpMessageType::Offer } else { DhcpMessageType::Nak }, None)
        });
    }
    assert!(host.messages > 500, "{} messages in a second", host.messages);
}

/// Report 9: 25.5 s, the longest time of an IGMPv2 query (RFC 2236 section 2.2), are read as 53 minutes.
#[test]
fn the_response_time_of_igmp_v2_is_read_as_one_of_v3() {
    let query = IgmpPacket::new_unchecked(&[0x11, 255, 0, 0, 0, 0, 0, 0]);
    let IgmpRepr::MembershipQuery { max_resp_time, version, .. } = IgmpRepr::parse(&query).unwrap() else {
        panic!("no query");
    };
    assert_eq!((max_resp_time.total_millis(), version), (3_174_400, IgmpVersion::Version2));
}

/// The frames that an interface has sent, and those that come in.
#[derive(Default)]
struct Tap {
    sent: Vec<Vec<u8>>,
    coming: VecDeque<Vec<u8>>,
}

impl Tap {
    /// The UDP datagrams to a port.
    fn datagrams(&self, port: u16) -> impl Iterator<Item = &[u8]> {
        let is_udp = |frame: &&Vec<u8>| frame[12..14] == [8, 0] && frame[23] == 17;
        self.sent.iter().filter(is_udp).map(|frame| &frame[34..]).filter(move |udp| word(&udp[2..]) == port)
    }
}

impl Device for Tap {
    type RxToken<'a> = Came;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Came, Room<'_>)> {
        let frame = self.coming.pop_front()?;
        Some((Came(frame), Room(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        Some(Room(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        (capabilities.medium, capabilities.max_transmission_unit) = (Medium::Ethernet, 1_514);
        capabilities
    }
}

struct Came(Vec<u8>);

impl phy::RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Room<'a>(&'a mut Vec<Vec<u8>>);

impl phy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.push(vec![0; len]);
        f(self.0.last_mut().expect("a frame was added"))
    }
}

/// Report 2: a retransmission time-out while the peer's window is shut leaves no timer. The text is neither sent again
/// nor probed with, and the connection ends by its time-out although the peer answers. A shut window that was overtaken
/// by an open one is enough.
#[test]
fn a_time_out_with_a_shut_window_leaves_no_timer() {
    let mut it = Server::established();
    assert_eq!(it.host.write(&[7; 100]), 100);
    assert_eq!(it.waits(10 * MILLISECOND).len(), 1);
    // The segment is lost. The window is told as shut meanwhile.
    assert_eq!(it.takes(&it.ack(1, 1, 0)), []);
    let sent = it.waits(9 * SECOND);
    assert!(sent.iter().all(|(_, _, len)| *len == 0), "no text and no probe in nine seconds: {sent:?}");
}

/// Report 3: a keep-alive carries a byte that belongs to nothing (RFC 9293 section 3.8.4, SHLD-12).
#[test]
fn a_keep_alive_carries_a_byte() {
    let mut it = Server::established();
    let sent = it.waits(11 * SECOND);
    assert_eq!(sent, [(it.iss, ACK, 1)], "SND.NXT - 1");
}

/// Report 4: what has arrived and was acknowledged is dropped at the end of TIME-WAIT if it was not read.
#[test]
fn the_end_of_time_wait_drops_what_was_not_read() {
    let mut it = Server::established();
    it.host.close();
    it.waits(10 * MILLISECOND);
    it.takes(&it.ack(1, 2, 1_000));
    it.takes(&Segment { flags: ACK | FIN, payload: b"last words", ..it.ack(1, 2, 1_000) });
    assert_eq!((it.host.state(), it.host.unread()), (State::TimeWait, 10));
    it.waits(11 * SECOND);
    assert_eq!((it.host.state(), it.host.unread()), (State::Closed, 0));
}

/// Report 5: after a time-out an ACK has the number that was gone back to, and not SND.NXT (RFC 9293 section 3.10.7.4).
/// A peer that has taken what lies between drops it as old.
#[test]
fn an_ack_after_a_time_out_has_an_old_number() {
    let mut it = Server::established();
    it.host.write(&[7; 100]);
    it.waits(10 * MILLISECOND);
    it.takes(&it.ack(1, 1, 0));
    it.waits(2 * SECOND);
    let answer = it.takes(&Segment { payload: b"text", ..it.ack(1, 1, 0) });
    let sent = if answer.is_empty() { it.waits(SECOND) } else { answer };
    assert_eq!(sent[0].0, it.iss.wrapping_add(1), "101 was the number of the next byte");
}

/// Report 6: a FIN is taken although the text before it was cut off at the edge of the window. The text that is missing is
/// never taken, and the reader sees an end in order. A sender stays within the window, and smoltcp still cuts: a
/// keep-alive offers a window that smoltcp does not remember.
#[test]
fn a_fin_is_taken_whose_text_was_cut_off() {
    let mut it = Server::established();
    let text = [7; 600];
    let answer = it.takes(&Segment { flags: ACK | FIN, payload: &text, ..it.ack(1, 1, 1_000) });
    assert_eq!((it.host.state(), it.host.unread()), (State::CloseWait, 512), "{answer:?}");
}

/// Report 11: in LAST-ACK an ACK of nothing new is answered by a challenge ACK. Neither its window counts nor that the peer
/// is there. Text that waits for the window waits for ever, and the peer is given up although it answers.
#[test]
fn in_last_ack_a_window_that_opens_is_not_seen() {
    let mut it = Server::established();
    it.takes(&it.ack(1, 1, 0));
    assert_eq!(it.host.write(&[7; 100]), 100);
    it.takes(&Segment { flags: ACK | FIN, ..it.ack(1, 1, 0) });
    it.host.close();
    assert_eq!(it.host.state(), State::LastAck);
    assert!(it.waits(2 * SECOND).iter().all(|(_, _, len)| *len <= 1), "the window is shut");
    for _ in 0..12 {
        it.takes(&it.ack(2, 1, 1_000));
        let sent = it.waits(2 * SECOND);
        assert!(sent.iter().all(|(_, _, len)| *len <= 1), "nothing but probes goes into the window: {sent:?}");
    }
    assert_eq!(it.host.state(), State::Closed, "25 seconds have passed, and an ACK every two");
}

/// Report 12: a keep-alive of the peer is no sign of the peer. While text waits for its ACK the peer is given up after 25
/// seconds, although a keep-alive comes every five.
#[test]
fn a_keep_alive_is_no_sign_of_the_peer() {
    let mut it = Server::established();
    assert_eq!(it.host.write(&[7; 100]), 100);
    for _ in 0..5 {
        assert_eq!(it.host.state(), State::Established);
        it.waits(5 * SECOND);
        assert_eq!(it.takes(&it.ack(0, 1, 1_000)).len(), 1, "it is answered");
    }
    it.waits(100 * MILLISECOND);
    assert_eq!(it.host.state(), State::Closed);
}
