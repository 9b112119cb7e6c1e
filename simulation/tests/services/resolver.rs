//! The resolver on the listener and embassy-net, and a name server that the test plays.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use edge_nal::{AddrType, Dns};
use embassy_net::Ipv4Cidr;
use embassy_time::Instant;
use sockeye_services::limits::{CLIENT_PORT_FIRST, DNS_FOREIGN_ANSWERS_MAX, DNS_TRIES, DNS_TRY_MS, HOP_LIMIT};
use sockeye_services::{ResolveError, Resolver, ResolverBuffers, Udp};
use sockeye_tcp_simulation::generator::recover;

use super::link::{DEVICE, Link, NAME_SERVER, leak};

const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 1, 250];
const FOUND: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const PORT: u16 = 53;

type Outcome = Result<IpAddr, ResolveError>;

/// A question that the device has sent.
#[derive(Debug, Clone)]
struct Question {
    at_ms: u64,
    port: u16,
    bytes: Vec<u8>,
}

impl Question {
    fn id(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// The answer: the question again, and an address of its name.
    fn answer(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        (bytes[2], bytes[3], bytes[7]) = (0x81, 0x80, 1);
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(FOUND.octets());
        bytes
    }
}

/// A device that looks up names, one after the other.
struct Net {
    link: Link,
    outcomes: Rc<RefCell<Vec<(Outcome, u64)>>>,
    resolver: &'static dyn Lookup,
    seen: usize,
}

/// A resolver whose random numbers have any type.
trait Lookup {
    fn look_up(&'static self, outcomes: Rc<RefCell<Vec<(Outcome, u64)>>>, link: &mut Link);
}

impl<R: Fn(&mut [u8])> Lookup for Resolver<R> {
    fn look_up(&'static self, outcomes: Rc<RefCell<Vec<(Outcome, u64)>>>, link: &mut Link) {
        link.spawn(async move {
            let begin = Instant::now();
            let outcome = self.get_host_by_name("time.example.org", AddrType::IPv4).await;
            outcomes.borrow_mut().push((outcome, begin.elapsed().as_millis()));
        });
    }
}

impl Net {
    fn new() -> Self {
        let mut link = Link::new();
        link.hosts.insert(NAME_SERVER, SERVER_MAC);
        let udp = Udp::new(link.stack, leak(ResolverBuffers::new()), HOP_LIMIT);
        let random = RefCell::new(fastrand::Rng::with_seed(1));
        let resolver = leak(Resolver::new(udp, move |bytes: &mut [u8]| random.borrow_mut().fill(bytes)));
        Self { link, outcomes: Rc::default(), resolver, seen: 0 }
    }

    fn look_up(&mut self) {
        self.resolver.look_up(self.outcomes.clone(), &mut self.link);
    }

    /// The questions that the name server has heard since it was last asked for them.
    fn questions(&mut self) -> Vec<Question> {
        let heard = &self.link.heard[self.seen..];
        self.seen = self.link.heard.len();
        let question = |frame: &super::link::Frame| {
            let (port, to, bytes) = frame.datagram()?;
            (to == PORT).then(|| Question { at_ms: frame.at_ms, port, bytes: bytes.to_vec() })
        };
        heard.iter().filter_map(question).collect()
    }

    /// Waits for one.
    fn question(&mut self) -> Question {
        self.link.run(5);
        let questions = self.questions();
        assert_eq!(questions.len(), 1, "{questions:?}");
        questions[0].clone()
    }

    fn tells(&mut self, from: (Ipv4Addr, u16), port: u16, bytes: &[u8]) {
        self.link.datagram(SERVER_MAC, from, (DEVICE, port), bytes);
        self.link.run(2);
    }

    fn outcome(&self) -> Option<Outcome> {
        self.outcomes.borrow_mut().pop().map(|(outcome, _)| outcome)
    }
}

#[test]
fn a_name_is_looked_up() {
    let mut net = Net::new();
    net.look_up();
    let question = net.question();
    assert_eq!(net.outcome(), None);
    net.tells((NAME_SERVER, PORT), question.port, &question.answer());
    assert_eq!(net.outcome(), Some(Ok(FOUND.into())));
}

/// A network with a static address has no DHCP server that names a name server.
#[test]
fn the_gateway_of_a_static_address_is_asked() {
    let mut net = Net::new();
    net.link.interface.configure_static(net.link.stack, Some(Ipv4Cidr::new(DEVICE, 24)), Some(NAME_SERVER));
    net.link.run(10);
    net.look_up();
    let question = net.question();
    net.tells((NAME_SERVER, PORT), question.port, &question.answer());
    assert_eq!(net.outcome(), Some(Ok(FOUND.into())));
}

#[test]
fn a_question_without_an_answer_is_asked_again_with_another_id_and_port_and_no_more_than_three_times() {
    let mut net = Net::new();
    net.look_up();
    net.link.run(DNS_TRIES as u64 * DNS_TRY_MS + 100);
    let questions = net.questions();
    let times: Vec<_> = questions.iter().map(|question| question.at_ms - questions[0].at_ms).collect();
    // The simulated timer goes off up to a step early.
    assert_eq!(times.iter().map(|ms| ms.div_ceil(100) * 100).collect::<Vec<_>>(), [0, DNS_TRY_MS, 2 * DNS_TRY_MS]);
    let different: BTreeSet<_> = questions.iter().flat_map(|question| [question.id(), question.port]).collect();
    assert_eq!(different.len(), 6, "{questions:?}");
    assert_eq!(net.outcome(), Some(Err(ResolveError::TimedOut)));
    net.tells((NAME_SERVER, PORT), questions[2].port, &questions[2].answer());
    net.look_up();
    let question = net.question();
    net.tells((NAME_SERVER, PORT), question.port, &question.answer());
    assert_eq!(net.outcome(), Some(Ok(FOUND.into())), "later it is found");
}

/// RFC 5452 section 9.1: the source, both ports, the ID and the question all count.
#[test]
fn only_the_answer_of_the_server_that_was_asked_counts() {
    let mut net = Net::new();
    net.look_up();
    let question = net.question();
    let (answer, port) = (question.answer(), question.port);
    let wrong_id = [&[answer[0] ^ 1], &answer[1..]].concat();
    for (from, port, bytes) in [
        ((Ipv4Addr::new(192, 168, 1, 9), PORT), port, &answer),
        ((NAME_SERVER, 5_353), port, &answer),
        ((NAME_SERVER, PORT), port ^ 1, &answer),
        ((NAME_SERVER, PORT), port, &wrong_id),
    ] {
        net.tells(from, port, bytes);
        assert_eq!(net.outcome(), None, "{from:?} {port}");
    }
    net.tells((NAME_SERVER, PORT), port, &answer);
    assert_eq!(net.outcome(), Some(Ok(FOUND.into())));
}

/// RFC 5452 section 9.3: who guesses has a few guesses for a question, and then all begins anew.
#[test]
fn guesses_at_one_question_are_counted() {
    let mut net = Net::new();
    net.look_up();
    let first = net.question();
    for guess in 1..=u16::from(DNS_FOREIGN_ANSWERS_MAX) {
        let mut bytes = first.answer();
        bytes[..2].copy_from_slice(&(first.id() ^ guess).to_be_bytes());
        net.tells((NAME_SERVER, PORT), first.port, &bytes);
    }
    let second = net.question();
    assert_ne!((first.id(), first.port), (second.id(), second.port));
    net.tells((NAME_SERVER, PORT), first.port, &first.answer());
    assert_eq!(net.outcome(), None);
    net.tells((NAME_SERVER, PORT), second.port, &second.answer());
    assert_eq!(net.outcome(), Some(Ok(FOUND.into())));
}

#[test]
fn two_that_look_up_names_at_once_have_their_turns() {
    let mut net = Net::new();
    net.look_up();
    net.look_up();
    for _ in 0..2 {
        let question = net.question();
        net.tells((NAME_SERVER, PORT), question.port, &question.answer());
        assert_eq!(net.outcome(), Some(Ok(FOUND.into())));
    }
}

#[test]
fn ids_and_ports_of_questions_are_not_predicted() {
    let mut net = Net::new();
    let mut questions = Vec::new();
    for _ in 0..1_000 {
        net.look_up();
        let question = net.question();
        net.tells((NAME_SERVER, PORT), question.port, &question.answer());
        questions.push((u32::from(question.id()), u32::from(question.port)));
    }
    assert!(questions.iter().all(|(_, port)| *port >= CLIENT_PORT_FIRST.into()));
    // Of 1,000 numbers out of 60,000 some eight come twice.
    let ids: BTreeSet<_> = questions.iter().map(|(id, _)| id).collect();
    let ports: BTreeSet<_> = questions.iter().map(|(_, port)| port).collect();
    assert!(ids.len() > 970 && ports.len() > 970, "{} {}", ids.len(), ports.len());
    let steps: BTreeSet<_> = questions.windows(2).map(|pair| pair[1].1.wrapping_sub(pair[0].1)).collect();
    assert!(steps.len() > 960, "{}", steps.len());
    for three in questions.windows(3).take(50) {
        let numbers = [0, 1, 2].map(|index: usize| three[index].0 << 16 | three[index].1);
        assert_eq!(recover(numbers), []);
    }
}
