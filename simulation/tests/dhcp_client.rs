//! embassy-net's DHCP client on the listener: when it begins, what the network hears of it, and servers that send
//! anything.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use edge_nal::{TcpConnect, UdpBind, UdpSend};
use embassy_net::driver::{Driver as _, RxToken as _, TxToken as _};
use embassy_net::{Config, ConfigV4, DhcpConfig, Stack, StackResources};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use sockeye_services::limits::HOP_LIMIT;
use sockeye_services::{Buffers, Udp};
use sockeye_simulation::ether::{Driver, Ether, Place};
use sockeye_simulation::executor::{Executor, Group};
use sockeye_simulation::{clock, leak, router};
use sockeye_tcp::{DriverPort, Frames, IsnKey, Options, Resources, SocketBuffers, Tcp};
use sockeye_tcp_simulation::generator::{output, recover, step};

const ALL: Group = Group(0);
const PLACE: Place = Place::Router(0);
/// How long is waited for an address, milliseconds.
const PATIENCE_MS: u64 = 10_000;

/// After how many milliseconds there is an address; None if there is none after [`PATIENCE_MS`].
fn address_after_ms(wakes: bool) -> Option<u64> {
    clock::reset();
    let (executor, ether) = (Executor::default(), Ether::new(fastrand::Rng::with_seed(1)));
    executor.spawn(ALL, ether.clone().run());
    let router = router::start(&executor, ALL, &ether, (0, true), 2);
    ether.set_place(router, Some(PLACE));

    let (card, driver) = ether.card([2, 0, 0, 0, 0, 1]);
    let options = Options { handshake: Duration::from_secs(5), isn_key: IsnKey::new([3; 16]) };
    let tcp = Tcp::new(leak(SocketBuffers::<1, 64, 64>::new()), leak(Resources::<1>::new()), options);
    let (interface, mut runner, device) = tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(driver)));
    let (stack, mut net) = embassy_net::new(device, Config::default(), leak(StackResources::<3>::new()), 4);
    executor.spawn(ALL, async move { runner.run().await });
    executor.spawn(ALL, async move { net.run().await });
    ether.set_place(card, Some(PLACE));
    executor.run_until(Instant::from_secs(1));

    let begun = Instant::now();
    let config = ConfigV4::Dhcp(DhcpConfig::default());
    if wakes {
        interface.configure(stack, config)
    } else {
        stack.set_config_v4(config)
    }
    while begun.elapsed().as_millis() < PATIENCE_MS {
        executor.run_until(Instant::now() + Duration::from_millis(10));
        if stack.config_v4().is_some() {
            return Some(begun.elapsed().as_millis());
        }
    }
    None
}

#[test]
fn who_configures_the_stack_wakes_it() {
    assert!(address_after_ms(true).is_some_and(|ms| ms <= 1_000));
}

/// If this fails, embassy-net wakes its runner by itself, and docs/upstream.md has an item less.
#[test]
fn embassy_net_does_not_wake_itself() {
    assert_eq!(address_after_ms(false), None);
}

/// The transaction IDs that the network hears in so many seconds without an answer, from embassy-net on the listener or
/// on the network card.
fn transaction_ids(seconds: u64, on_listener: bool) -> Vec<u32> {
    clock::reset();
    let (executor, ether) = (Executor::default(), Ether::new(fastrand::Rng::with_seed(1)));
    executor.spawn(ALL, ether.clone().run());
    let (card, driver) = ether.card([2, 0, 0, 0, 0, 1]);
    let config = Config::dhcpv4(DhcpConfig::default());
    let (resources, seed) = (leak(StackResources::<3>::new()), 0x0123_4567_89ab_cdef);
    if on_listener {
        let options = Options { handshake: Duration::from_secs(5), isn_key: IsnKey::new([3; 16]) };
        let tcp = Tcp::new(leak(SocketBuffers::<1, 64, 64>::new()), leak(Resources::<1>::new()), options);
        let (_, mut runner, device) = tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(driver)));
        let (_, mut net) = embassy_net::new(device, config, resources, seed);
        executor.spawn(ALL, async move { runner.run().await });
        executor.spawn(ALL, async move { net.run().await });
    } else {
        let (_, mut net) = embassy_net::new(driver, config, resources, seed);
        executor.spawn(ALL, async move { net.run().await });
    }
    let (other, mut heard) = ether.card([2, 0, 0, 0, 0, 2]);
    ether.set_place(card, Some(PLACE));
    ether.set_place(other, Some(PLACE));
    let ids = Rc::new(RefCell::new(Vec::new()));
    let told = ids.clone();
    executor.spawn(ALL, async move {
        loop {
            let frame = next_frame(&mut heard).await;
            told.borrow_mut().extend(transaction_id(&frame));
        }
    });
    executor.run_until(Instant::from_secs(seconds));
    ids.take()
}

async fn next_frame(card: &mut Driver) -> Vec<u8> {
    poll_fn(|cx| match card.receive(cx) {
        Some((rx, _)) => Poll::Ready(rx.consume(|frame| frame.to_vec())),
        None => Poll::Pending,
    })
    .await
}

/// That of a request of DHCP.
fn transaction_id(frame: &[u8]) -> Option<u32> {
    let is_request = frame[12..14] == [8, 0] && frame[34..38] == [0, 68, 0, 67];
    is_request.then(|| u32::from_be_bytes(frame[46..50].try_into().unwrap()))
}

/// The reason for the listener's own IDs. If this fails, smoltcp has another generator, and docs/upstream.md an item less.
#[test]
fn three_transaction_ids_of_embassy_net_give_the_next() {
    let ids = transaction_ids(60, false);
    let states = recover([ids[0], ids[1], ids[2]]);
    assert_eq!(states.into_iter().map(step).map(output).collect::<Vec<_>>(), [ids[3]]);
}

/// RFC 2131 section 4.4.1.
#[test]
fn transaction_ids_are_not_predicted() {
    let ids = transaction_ids(10_000, true);
    assert!(ids.len() > 900, "{}", ids.len());
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
    // Each attempt takes some milliseconds.
    for three in ids.windows(3).take(50) {
        assert_eq!(recover([three[0], three[1], three[2]]), [], "{three:?}");
    }
    for bit in 0..32 {
        let set = ids.iter().filter(|id| *id & 1 << bit != 0).count();
        // Six standard deviations of 1,000 fair coins.
        assert!(set.abs_diff(ids.len() / 2) < 95, "bit {bit} is set {set} times of {}", ids.len());
    }
}

/// The answers of a server, with anything in them, and the device that takes them.
struct Rogue {
    random: fastrand::Rng,
    card: Driver,
    /// Frames that the device has sent, and those for one host far away that it has sent to all.
    heard: Rc<Cell<usize>>,
    wrong: Rc<RefCell<Vec<String>>>,
    answers: Answers,
}

/// The answers of a server.
#[derive(Debug, Clone, Copy)]
enum Answers {
    Anything,
    /// An offer, and a refusal of the request for it.
    Refusal,
    /// An offer, and a lease of no time.
    NoTime,
}

const ROGUE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ROGUE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// A host that is in no network of the device's.
const FAR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

impl Rogue {
    /// Answers each request of DHCP, and ARP, and looks at all else.
    async fn run(mut self) {
        loop {
            let frame = next_frame(&mut self.card).await;
            self.heard.set(self.heard.get() + 1);
            if frame[12..14] == [8, 0] && frame[30..34] == FAR.octets() && frame[0] & 1 == 1 {
                self.wrong.borrow_mut().push(format!("{:?}", &frame[..34]));
            }
            if frame[12..14] == [8, 6] && frame[21] == 1 {
                // Somebody has each address.
                let (asked, asker) = (frame[38..42].to_vec(), frame[22..32].to_vec());
                let head = [&asker[..6], &ROGUE_MAC, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &ROGUE_MAC].concat();
                self.send(&[head, asked, asker].concat()).await;
            } else if let (Some(id), true) = (transaction_id(&frame), !matches!(self.answers, Answers::Anything)) {
                let is_discover = frame[42 + 240..42 + 243] == [53, 1, 1];
                let kind = match self.answers {
                    _ if is_discover => 2,
                    Answers::Refusal => 6,
                    _ => 5,
                };
                let mut message = head(id, Ipv4Addr::new(10, 0, 0, 77), &frame[42 + 28..42 + 34]);
                message.extend([53, 1, kind, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 0, 0, 1, 4, 255, 255, 255, 0, 255]);
                self.send(&datagram(ROGUE, &message)).await;
            } else if let Some(id) = transaction_id(&frame) {
                for _ in 0..self.random.u8(1..=3) {
                    let answer = self.answer(id, &frame[42 + 28..42 + 34]);
                    self.send(&answer).await;
                }
            }
        }
    }

    async fn send(&mut self, frame: &[u8]) {
        poll_fn(|cx| match self.card.transmit(cx) {
            Some(token) => {
                token.consume(frame.len(), |room| room.copy_from_slice(frame));
                Poll::Ready(())
            }
            None => Poll::Pending,
        })
        .await;
    }

    /// An offer or acknowledgement as a server sends it, and then a few changes.
    fn answer(&mut self, id: u32, mac: &[u8]) -> Vec<u8> {
        let random = &mut self.random;
        let mut options: Vec<(u8, Vec<u8>)> = vec![
            (53, vec![*random.choice(&[2, 2, 5, 5, 5, 5, 6]).unwrap()]),
            (54, ROGUE.octets().to_vec()),
            (51, random.choice(&[0, 1, 5, 60, 600, u32::MAX]).unwrap().to_be_bytes().to_vec()),
            (1, vec![255, 255, 255, 0]),
            (3, any_address(random).octets().to_vec()),
            (6, [any_address(random).octets(), any_address(random).octets()].concat()),
            (58, random.u32(..).to_be_bytes().to_vec()),
            (59, random.u32(..).to_be_bytes().to_vec()),
        ];
        for _ in 0..random.u8(..4) {
            let at = random.usize(..options.len());
            match random.u8(..6) {
                0 => options[at].1 = (0..random.u8(..)).map(|_| random.u8(..)).collect(),
                1 => options[at].0 = random.u8(..),
                2 => drop(options.remove(at)),
                3 => options.push(options[at].clone()),
                4 => options.insert(at, (0, vec![0; random.usize(..20)])),
                _ => options[at].1.truncate(random.usize(..5)),
            }
            if options.is_empty() {
                break;
            }
        }
        let address = if random.u8(..4) == 0 { any_address(random) } else { Ipv4Addr::new(10, 0, 0, 77) };
        let mut message = head(id, address, mac);
        for (code, data) in options {
            message.push(code);
            // 0 has no length, and some lengths are lies.
            if code != 0 {
                message.push(if random.u8(..20) == 0 { random.u8(..) } else { data.len() as u8 });
            }
            message.extend(data);
        }
        if random.u8(..8) != 0 {
            message.push(255);
        }
        match random.u8(..10) {
            0 => message.truncate(random.usize(..message.len())),
            1 => message.resize(random.usize(message.len()..1_400), random.u8(..)),
            2 => {
                let at = random.usize(..240);
                message[at] = random.u8(..);
            }
            _ => {}
        }
        let from = if random.u8(..8) == 0 { any_address(random) } else { ROGUE };
        datagram(from, &message)
    }
}

/// An address of a host, or one that no host has.
fn any_address(random: &mut fastrand::Rng) -> Ipv4Addr {
    match random.u8(..10) {
        0 => Ipv4Addr::UNSPECIFIED,
        1 => Ipv4Addr::BROADCAST,
        2 => Ipv4Addr::LOCALHOST,
        3 => Ipv4Addr::new(224, 0, 0, 1),
        4 => Ipv4Addr::new(10, 0, 0, 255),
        5 => Ipv4Addr::new(10, 0, 0, 0),
        6 => Ipv4Addr::from(random.u32(..)),
        _ => ROGUE,
    }
}

/// A server's message without its options.
fn head(id: u32, address: Ipv4Addr, mac: &[u8]) -> Vec<u8> {
    let mut message = vec![2, 1, 6, 0];
    message.extend(id.to_be_bytes());
    message.extend([0; 8]);
    message.extend(address.octets());
    message.extend([0; 8]);
    message.extend(mac);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99]);
    message
}

/// A frame with a datagram of a server's to all.
fn datagram(from: Ipv4Addr, message: &[u8]) -> Vec<u8> {
    let (udp_len, len) = (8 + message.len() as u16, 28 + message.len() as u16);
    let mut header = vec![0x45, 0];
    header.extend(len.to_be_bytes());
    header.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    header.extend(from.octets());
    header.extend([255; 4]);
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    header[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
    let udp = [67, 68, udp_len, 0].map(u16::to_be_bytes).concat();
    [&[255; 6][..], &ROGUE_MAC, &[8, 0], &header, &udp, message].concat()
}

/// A device that sends to a host far away as soon as it has an address.
fn device(executor: &Executor, driver: Driver) -> Stack<'static> {
    let options = Options { handshake: Duration::from_secs(5), isn_key: IsnKey::new([3; 16]) };
    let tcp = Tcp::with_outgoing(
        leak(SocketBuffers::<0, 64, 64>::new()),
        leak(SocketBuffers::<1, 64, 64>::new()),
        leak(Resources::<1>::new()),
        options,
    );
    let (interface, mut runner, device) = tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(driver)));
    let config = Config::dhcpv4(DhcpConfig::default());
    let (stack, mut net) = embassy_net::new(device, config, leak(StackResources::<3>::new()), 4);
    executor.spawn(ALL, async move { runner.run().await });
    executor.spawn(ALL, async move { net.run().await });
    executor.spawn(ALL, async move { interface.follow(stack, |_| ()).await });
    executor.spawn(ALL, async move {
        let udp = Udp::new(stack, leak(Buffers::<64, 64, 1>::new()), HOP_LIMIT);
        loop {
            Timer::after(Duration::from_millis(300)).await;
            let mut socket = udp.bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 40_000)).await.unwrap();
            let _ = socket.send((FAR, 123).into(), b"?").await;
            Timer::after(Duration::from_millis(100)).await;
            drop(socket);
            let _ = with_timeout(Duration::from_millis(300), interface.connect((FAR, 80).into())).await;
        }
    });
    stack
}

/// INFRA:HALT (CVE-2020-35683 and others), AMNESIA:33. No offer panics, or gives the device an address that no host has.
/// None leads packets for one host to all. A router 0.0.0.0 made smoltcp panic.
#[test]
fn no_offer_panics_or_leads_astray() {
    let mut with_address = 0;
    for seed in 0..400 {
        let Meeting { executor, stack, wrong, .. } = Meeting::new(seed, Answers::Anything);
        for second in 1..=60 {
            executor.run_until(Instant::from_secs(second));
            if let Some(config) = stack.config_v4() {
                let address = config.address.address();
                let is_host = !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast();
                assert!(is_host && config.address.prefix_len() <= 32, "seed {seed}: {config:?}");
                with_address += 1;
            }
        }
        assert!(wrong.borrow().is_empty(), "seed {seed}: {:?}", wrong.borrow());
    }
    assert!(with_address > 1_000, "{with_address}");
}

/// A device and a server.
struct Meeting {
    executor: Executor,
    stack: Stack<'static>,
    heard: Rc<Cell<usize>>,
    wrong: Rc<RefCell<Vec<String>>>,
}

impl Meeting {
    fn new(seed: u64, answers: Answers) -> Self {
        clock::reset();
        let (executor, ether) = (Executor::default(), Ether::new(fastrand::Rng::with_seed(1)));
        executor.spawn(ALL, ether.clone().run());
        let (card, driver) = ether.card([2, 0, 0, 0, 0, 1]);
        let (other, rogue) = ether.card(ROGUE_MAC);
        let stack = device(&executor, driver);
        let (heard, wrong) = (Rc::<Cell<usize>>::default(), Rc::<RefCell<Vec<String>>>::default());
        let random = fastrand::Rng::with_seed(seed);
        let rogue = Rogue { random, card: rogue, heard: heard.clone(), wrong: wrong.clone(), answers };
        executor.spawn(ALL, rogue.run());
        ether.set_place(card, Some(PLACE));
        ether.set_place(other, Some(PLACE));
        Self { executor, stack, heard, wrong }
    }
}

/// RFC 2131 section 4.4.1: the client waits ten seconds before it begins anew. smoltcp began anew at once, as fast as the
/// link carried it.
#[test]
fn a_server_that_always_refuses_is_not_asked_without_end() {
    for answers in [Answers::Refusal, Answers::NoTime] {
        let Meeting { executor, heard, .. } = Meeting::new(1, answers);
        executor.run_until(Instant::from_secs(60));
        // Two messages and, with an address, a few other frames, six times a minute.
        assert!(heard.get() < 60, "{answers:?}: {} frames in a minute", heard.get());
    }
}
