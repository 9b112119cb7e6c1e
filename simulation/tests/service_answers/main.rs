//! The services as a client on the network sees them, over UDP in memory and in simulated time.

mod wire;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, AllRecordData};
use edge_dhcp::{DhcpOption, MessageType, Options, Packet};
use edge_nal::{AddrType, Dns};
use embassy_futures::block_on;
use embassy_futures::select::select;
use embedded_io_async::ErrorKind;
use sockeye_services::limits::CLIENT_PORT_FIRST;
use sockeye_services::{Cidr, captive, dhcp, sntp};
use sockeye_simulation::clock;

use crate::wire::{Datagram, Udp};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const NETWORK: Cidr = (ADDRESS, 24);
const PORT: u16 = 3000;

/// The answers of a service to these datagrams, one after the other.
fn answers<S: Future>(udp: &Udp, service: S, questions: impl IntoIterator<Item = Datagram>) -> Vec<Datagram> {
    clock::reset();
    block_on(async {
        udp.come(questions);
        let (service, quiet) = (pin!(service), pin!(udp.quiet()));
        select(service, quiet).await;
    });
    udp.sent()
}

fn question(name: &str, kind: Rtype) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_id(7);
    message.push((Name::<Vec<u8>>::from_chars(name.chars()).unwrap(), kind, Class::IN)).unwrap();
    message.finish()
}

/// The records of an answer: name and data.
fn records(answer: &[u8]) -> Vec<(String, String)> {
    let message = Message::from_octets(answer).unwrap();
    assert_eq!(message.header().rcode(), Rcode::NOERROR);
    let (_, answers, _, additional) = message.sections().unwrap();
    let all = answers.chain(additional).map(|record| record.unwrap());
    all.map(|record| {
        let data = record.to_any_record::<AllRecordData<_, _>>().unwrap();
        (record.owner().to_vec().to_string(), data.data().to_string())
    })
    .collect()
}

#[test]
fn every_name_is_the_device() {
    let udp = Udp::default();
    let from = ([192, 168, 1, 50], 40_000);
    let questions = [question("connectivitycheck.gstatic.com", Rtype::A), question("example.org", Rtype::AAAA)];
    let sent = answers(&udp, captive::serve(&udp, ADDRESS), questions.map(|bytes| Datagram::new(from, &bytes)));
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].peer, from.into());
    assert_eq!(records(&sent[0].bytes), [("connectivitycheck.gstatic.com".into(), A::new(ADDRESS).to_string())]);
    assert_eq!(records(&sent[1].bytes), [], "no address of another kind");
}

#[test]
fn rubbish_stops_no_service() {
    let rubbish = [&b""[..], b"\0", &[0xff; 12], &[0; 300], &[0xc0; 512]].map(<[u8]>::to_vec);
    let from = ([192, 168, 1, 50], 40_000);
    let with = |last: Vec<u8>| rubbish.clone().into_iter().chain([last]).map(move |bytes| Datagram::new(from, &bytes));

    let udp = Udp::default();
    let sent = answers(&udp, captive::serve(&udp, ADDRESS), with(question("a.b", Rtype::A)));
    assert_eq!(records(&sent.last().unwrap().bytes).len(), 1);

    let udp = Udp::default();
    let sent = answers(&udp, dhcp::serve(&udp, NETWORK, PORT, &()), with(discover(1)));
    assert!(offered(sent.last().unwrap()).is_some());
}

fn discover(client: u8) -> Vec<u8> {
    request(client, &[DhcpOption::MessageType(MessageType::Discover)])
}

fn request(client: u8, options: &[DhcpOption<'_>]) -> Vec<u8> {
    let mac = [2, 0, 0, 0, 0, client];
    // The options that phones ask for: subnet mask, router, name server, page (RFC 2132, RFC 8910).
    let wanted = DhcpOption::ParameterRequestList(&[1, 3, 6, 114]);
    let options = [options, &[wanted]].concat();
    let packet = Packet::new_request(mac, client.into(), 0, None, true, Options::new(&options));
    let mut bytes = [0; 576];
    packet.encode(&mut bytes).unwrap().to_vec()
}

/// The address in an offer or acknowledgement; none in another message.
fn offered(datagram: &Datagram) -> Option<Ipv4Addr> {
    let packet = Packet::decode(&datagram.bytes).unwrap();
    let is_lent = packet
        .options
        .iter()
        .any(|option| matches!(option, DhcpOption::MessageType(MessageType::Offer | MessageType::Ack)));
    is_lent.then_some(packet.yiaddr)
}

#[test]
fn an_address_is_lent_with_all_that_a_phone_wants_to_know() {
    let udp = Udp::default();
    let from = ([0, 0, 0, 0], 68);
    let sent = answers(&udp, dhcp::serve(&udp, NETWORK, PORT, &()), [Datagram::new(from, &discover(1))]);
    let first = offered(&sent[0]).expect("an offer");
    let take = [
        DhcpOption::MessageType(MessageType::Request),
        DhcpOption::RequestedIpAddress(first),
        DhcpOption::ServerIdentifier(ADDRESS),
    ];
    // As after a restart between the two.
    let sent = answers(&udp, dhcp::serve(&udp, NETWORK, PORT, &()), [Datagram::new(from, &request(1, &take))]);
    assert_eq!(sent.iter().map(offered).collect::<Vec<_>>(), [Some(first), Some(first)]);
    assert_eq!(sent[1].peer, ([255, 255, 255, 255], 68).into());
    let packet = Packet::decode(&sent[1].bytes).unwrap();
    let options: Vec<_> = packet.options.iter().collect();
    for wanted in [
        DhcpOption::MessageType(MessageType::Ack),
        DhcpOption::ServerIdentifier(ADDRESS),
        DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)),
    ] {
        assert!(options.contains(&wanted), "{wanted:?} is not in {options:?}");
    }
    // As bytes, because edge-dhcp reads this option as another than it writes.
    let url = b"\x72\x18http://192.168.1.1:3000/";
    assert!(sent[1].bytes.windows(url.len()).any(|bytes| bytes == url));
    assert!(options.iter().any(|option| matches!(option, DhcpOption::Router(all) if all.iter().eq([ADDRESS]))));
    assert!(
        options.iter().any(|option| matches!(option, DhcpOption::DomainNameServer(all) if all.iter().eq([ADDRESS])))
    );
}

/// Issue 13, number 10.
#[test]
fn the_name_server_answers_no_response_and_says_what_it_does_not_implement_as_a_response() {
    let from = ([192, 168, 1, 50], 40_000);
    let ask = |edit: fn(&mut Vec<u8>)| {
        let mut bytes = question("a.b", Rtype::A);
        edit(&mut bytes);
        let udp = Udp::default();
        answers(&udp, captive::serve(&udp, ADDRESS), [Datagram::new(from, &bytes)]).pop().map(|answer| answer.bytes)
    };
    assert_eq!(ask(|bytes| bytes[2] |= 0x80), None, "a response");
    for (what, edit, rcode) in [
        ("a status request", (|bytes| bytes[2] = 2 << 3) as fn(&mut Vec<u8>), Rcode::NOTIMP),
        ("no question", |bytes| bytes[5] = 0, Rcode::FORMERR),
        ("two questions", |bytes| bytes[5] = 2, Rcode::FORMERR),
        ("half a question", |bytes| bytes.truncate(14), Rcode::FORMERR),
        ("a name that leads to itself", |bytes| bytes.splice(12..14, [0xc0, 12]).for_each(drop), Rcode::FORMERR),
    ] {
        let answer = ask(edit).expect(what);
        let answer = Message::from_octets(answer).unwrap();
        assert_eq!((answer.header().rcode(), answer.header().qr(), answer.header().id()), (rcode, true, 7), "{what}");
        assert_eq!(answer.header_counts().ancount(), 0, "{what}");
    }
}

/// The answer of a time server at the beginning of 2030.
fn new_year(asked: &Datagram) -> Datagram {
    const SECONDS_1900_TO_2030: u32 = 2_208_988_800 + 1_893_456_000;
    let time = SECONDS_1900_TO_2030.to_be_bytes();
    let mut bytes = [0; 48];
    // No warning, version 4, server; stratum 1; the client's time comes back.
    (bytes[0], bytes[1]) = (0x24, 1);
    bytes[24..32].copy_from_slice(&asked.bytes[40..48]);
    for at in [16, 32, 40] {
        bytes[at..at + 4].copy_from_slice(&time);
    }
    Datagram::new(asked.peer, &bytes)
}

/// Whether it is the time of [`new_year`], microseconds since 1970, or half of the way there and back later.
fn is_new_year(unix_us: u64) -> bool {
    unix_us.checked_sub(1_893_456_000_000_000).is_some_and(|late_us| late_us < 10_000)
}

/// The messages that a client of a time server has sent, their ports, and the times that the client has set.
struct Asked {
    sent: Vec<Datagram>,
    ports: Vec<u16>,
    set: Vec<u64>,
}

fn ask_the_time(answer: impl Fn(&Datagram) -> Datagram + 'static, server: &str) -> Asked {
    ask_the_time_with(0, answer, server)
}

/// The same with the random numbers of a seed.
fn ask_the_time_with(seed: u64, answer: impl Fn(&Datagram) -> Datagram + 'static, server: &str) -> Asked {
    let (udp, told) = (Udp::answering(answer), RefCell::new(Vec::new()));
    let random = RefCell::new(fastrand::Rng::with_seed(seed));
    let random = |bytes: &mut [u8]| random.borrow_mut().fill(bytes);
    let set = |unix_us| told.borrow_mut().push(unix_us);
    let sent = answers(&udp, sntp::serve(&udp, &NoDns, random, || server.try_into().unwrap(), set), []);
    Asked { sent, ports: udp.ports(), set: told.into_inner() }
}

#[test]
fn the_time_of_day_comes_from_the_server() {
    let ask = |server: &str| {
        let asked = ask_the_time(new_year, server);
        (asked.sent.iter().map(|datagram| datagram.peer.to_string()).collect::<Vec<_>>(), asked.set)
    };
    assert_eq!(ask(""), (vec![], vec![]));
    assert_eq!(ask("no-such-name"), (vec![], vec![]));
    let (asked, told) = ask("10.0.2.2:1234");
    assert_eq!(asked, ["10.0.2.2:1234"]);
    let [unix_us] = told[..] else { panic!("{told:?}") };
    assert!(is_new_year(unix_us), "{unix_us}");
}

/// A receive timestamp that is empty, or wrong, does not move the time by years.
#[test]
fn the_time_does_not_depend_on_when_the_server_says_that_it_was_asked() {
    for received in [[0; 4], [0x80, 0, 0, 0], [0xff; 4]] {
        let answer = move |asked: &Datagram| {
            let mut answer = new_year(asked);
            answer.bytes[32..36].copy_from_slice(&received);
            answer
        };
        let [unix_us] = ask_the_time(answer, "10.0.2.2").set[..] else { panic!("no time, {received:?}") };
        assert!(is_new_year(unix_us), "{received:?}: {unix_us}");
    }
}

/// RFC 4330 section 5: the originate timestamp is that of the question, and the sender is who was asked.
#[test]
fn the_time_is_taken_only_as_the_answer_to_the_question() {
    type Forge = fn(&mut Datagram);
    let forgeries: [(&str, Forge); 5] = [
        ("another address", |it| it.peer.set_ip(Ipv4Addr::new(10, 0, 2, 3).into())),
        ("another port", |it| it.peer.set_port(124)),
        ("another second", |it| it.bytes[27] ^= 1),
        ("another microsecond", |it| it.bytes[29] ^= 1),
        ("half an answer", |it| it.bytes.truncate(24)),
    ];
    for (what, forge) in forgeries {
        let answer = move |asked: &Datagram| {
            let mut answer = new_year(asked);
            forge(&mut answer);
            answer
        };
        let asked = ask_the_time(answer, "10.0.2.2");
        assert_eq!((asked.sent.len(), asked.set), (1, vec![]), "{what}");
    }
}

/// Nobody who has not heard the question can guess its port, or the time in it.
#[test]
fn each_question_for_the_time_has_a_port_and_a_timestamp_at_random() {
    let asked = [1, 2, 3, 4].map(|seed| ask_the_time_with(seed, new_year, "10.0.2.2"));
    let ports: BTreeSet<_> = asked.iter().flat_map(|asked| &asked.ports).collect();
    let times: BTreeSet<_> = asked.iter().map(|asked| asked.sent[0].bytes[40..44].to_vec()).collect();
    assert!(ports.len() == 4 && times.len() == 4, "{ports:?} {times:?}");
    assert!(ports.iter().all(|port| **port >= CLIENT_PORT_FIRST));
}

/// Knows no name.
struct NoDns;

impl Dns for NoDns {
    type Error = ErrorKind;

    async fn get_host_by_name(&self, _host: &str, _kind: AddrType) -> Result<IpAddr, ErrorKind> {
        Err(ErrorKind::NotFound)
    }

    async fn get_host_by_address(&self, _address: IpAddr, _name: &mut [u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::NotFound)
    }
}
