//! A flood of SYNs from hosts that don't exist (RFC 4987), in simulated time: the clients beside it are served.

#[expect(dead_code, reason = "other tests use the rest")]
mod air;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

use air::{CONNECTIONS, PORT, SERVER, SERVER_MAC, World};
use edge_nal::{Close, TcpAccept, TcpShutdown};
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use sockeye_tcp::IsnKey;

/// SYNs of a flood: 10^5.
const SYNS: u32 = 100_000;
/// The longest that a client waits for an answer, milliseconds. The air takes up to one each way.
const ANSWER_MS_MAX: u64 = 5;
/// The world's, and each byte of its key.
const SEED: u8 = 7;
/// A host that sends and never receives.
const SILENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 77];
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The host of this number, in 198.18.0.0/15.
fn host(number: u32) -> SocketAddrV4 {
    let [_, b, c, d] = number.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(198, 18 | b & 1, c, d), 1_024 + (number % 60_000) as u16)
}

/// A segment of the host of this number, which is the number of its SYN too.
fn forged(number: u32, flags: u8, ack: u32, payload: &[u8]) -> Vec<u8> {
    let host = host(number);
    let mut ip = vec![0x45, 0, 0, 40 + payload.len() as u8, 0, 0, 0x40, 0, 64, 6, 0, 0];
    ip.extend([host.ip().octets(), SERVER.octets()].concat());
    let sum = !checksum(&ip, 0);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut tcp = [host.port(), PORT].map(u16::to_be_bytes).concat();
    let seq = number + u32::from(flags & SYN == 0);
    tcp.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    tcp.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
    tcp.extend(payload);
    let sum = !checksum(&tcp, sum_of(&ip[12..]) + 6 + tcp.len() as u32);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    [&SERVER_MAC[..], &SILENT_MAC, &[8, 0], &ip, &tcp].concat()
}

/// The sum of an even number of bytes, as words.
fn sum_of(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum()
}

fn checksum(bytes: &[u8], more: u32) -> u16 {
    let sum = sum_of(bytes) + more;
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// A server that accepts on all its connections and sends back what comes, and how many it has accepted.
fn serve() -> (World, Rc<Cell<u32>>) {
    let mut world = World::new(SEED.into());
    let accepted = Rc::new(Cell::new(0));
    for _ in 0..CONNECTIONS {
        let (acceptor, accepted) = (world.acceptor(), accepted.clone());
        world.spawn(async move {
            loop {
                let (_, mut socket) = acceptor.accept().await.expect("as many accepts as connections");
                accepted.set(accepted.get() + 1);
                let mut buf = [0; 20];
                while let Ok(len @ 1..) = socket.read(&mut buf).await {
                    if socket.write_all(&buf[..len]).await.is_err() {
                        break;
                    }
                }
                let _ = with_timeout(Duration::from_secs(2), socket.close(Close::Both)).await;
            }
        });
    }
    (world, accepted)
}

/// The outcomes of requests.
#[derive(Default)]
struct Clients {
    served: Cell<u32>,
    failed: Cell<u32>,
    longest_ms: Cell<u64>,
}

impl Clients {
    async fn measure(&self, client: impl Future<Output = Option<()>>) {
        let begin = Instant::now();
        match client.await {
            Some(()) => self.served.set(self.served.get() + 1),
            None => self.failed.set(self.failed.get() + 1),
        }
        self.longest_ms.set(self.longest_ms.get().max(begin.elapsed().as_millis()));
    }
}

async fn ask(client: &mut TcpSocket<'static>) -> Option<()> {
    let mut buf = [0; 4];
    client.write_all(b"ping").await.ok()?;
    client.read_exact(&mut buf).await.ok()?;
    (&buf == b"ping").then_some(())
}

/// A client that keeps its connection, and asks ten times a second.
fn spawn_open(world: &mut World) -> Rc<Clients> {
    let open = Rc::new(Clients::default());
    let (mut client, clients) = (world.client(), open.clone());
    world.spawn(async move {
        client.connect((SERVER, PORT)).await.expect("there is room");
        loop {
            clients.measure(ask(&mut client)).await;
            Timer::after_millis(100).await;
        }
    });
    open
}

/// A client that connects, asks and closes ten times a second.
fn spawn_newcomer(world: &mut World) -> Rc<Clients> {
    let newcomers = Rc::new(Clients::default());
    let (mut client, clients) = (world.client(), newcomers.clone());
    client.set_timeout(Some(Duration::from_secs(2)));
    world.spawn(async move {
        loop {
            let served = async {
                client.connect((SERVER, PORT)).await.ok()?;
                ask(&mut client).await
            };
            clients.measure(served).await;
            client.close();
            Timer::after_millis(100).await;
            client.abort();
        }
    });
    newcomers
}

/// Forged segments, so many each millisecond.
fn send(world: &mut World, per_ms: u32, segments: impl Iterator<Item = Vec<u8>>) {
    for (number, segment) in (1..).zip(segments) {
        world.air.forged.borrow_mut().push_back(segment);
        if number % per_ms == 0 {
            world.run(1);
        }
    }
    world.run(1);
    assert!(world.air.forged.borrow().is_empty(), "all have come to the server");
}

fn syns(count: u32) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|number| forged(number, SYN, 0, b""))
}

/// 100,000 SYNs beside a client that has a connection, and one that has a new connection for each request.
fn flood(per_ms: u32) {
    let (mut world, _) = serve();
    let open = spawn_open(&mut world);
    world.run(100);
    // From these the server sees that it is a flood. Until then luck decides.
    send(&mut world, per_ms, syns(500 * per_ms));
    world.air.sent.borrow_mut().clear();
    let newcomers = spawn_newcomer(&mut world);
    let begin = Instant::now();
    send(&mut world, per_ms, syns(SYNS));
    let tenths = begin.elapsed().as_millis() as u32 / 100;
    for (what, clients) in [("open", &open), ("new", &newcomers)] {
        let (served, failed, longest_ms) = (clients.served.get(), clients.failed.get(), clients.longest_ms.get());
        println!("{per_ms} SYNs a millisecond: {what}: {served} served, {failed} not, {longest_ms} ms at most");
        assert!(failed == 0 && longest_ms <= ANSWER_MS_MAX, "{what}: {failed} not served, one after {longest_ms} ms");
        assert!(served >= tenths * 8 / 10, "{what}: {served} served in {tenths} tenths of a second");
    }
    // Each SYN has one SYN,ACK, and those of half-open connections are repeated. The two clients get up to 20 frames.
    let sent = world.air.sent.borrow().len() as u32;
    assert!(sent <= SYNS + 40 * tenths, "{sent} frames left");
}

#[test]
fn a_client_is_served_beside_1_000_syns_a_second() {
    flood(1);
}

#[test]
fn a_client_is_served_beside_20_000_syns_a_second() {
    flood(20);
}

#[test]
fn no_connection_is_lost_to_100_000_syns() {
    let (mut world, _) = serve();
    send(&mut world, 20, syns(SYNS));
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| spawn_open(&mut world)).collect();
    world.run(100);
    assert!(clients.iter().all(|client| client.served.get() > 0), "all connections are usable at once");
}

/// Once there is a flood, sends the ACKs of so many hosts among its SYNs. Gives how many connections they have opened.
/// `number` is added to the right number, which was sent `age_ms` ago.
fn opened_by(acks: u32, number: impl Fn(u32) -> u32, age_ms: u64, payload: &[u8]) -> u32 {
    let (mut world, accepted) = serve();
    world.run(age_ms);
    send(&mut world, 20, syns(10_000));
    for host in 0..acks {
        let local = SocketAddrV4::new(SERVER, PORT);
        let sent = Instant::now() - Duration::from_millis(age_ms);
        let cookie = IsnKey::new([SEED; 16]).cookie(local, self::host(host), sent).number();
        let ack = forged(host, ACK, cookie.wrapping_add(1).wrapping_add(number(host)), payload);
        send(&mut world, 20, syns(10).chain([ack]));
    }
    world.run(10);
    accepted.get()
}

#[test]
fn only_the_ack_of_a_cookie_opens_a_connection() {
    let right = |_| 0;
    assert_eq!(opened_by(CONNECTIONS as u32, right, 0, b""), CONNECTIONS as u32);
    assert_eq!(opened_by(CONNECTIONS as u32 + 3, right, 0, b""), CONNECTIONS as u32, "and no more than there are");
    assert_eq!(opened_by(1, right, 400, b""), 1);
    assert_eq!(opened_by(1, right, 4_400, b""), 0, "it is too old");
    assert_eq!(opened_by(1, right, 0, b"ping"), 0, "it may be that of a connection which has ended");
    let beside = |host: u32| if host & 1 == 0 { host / 2 + 1 } else { (host / 2 + 1).wrapping_neg() };
    assert_eq!(opened_by(2_000, beside, 0, b""), 0);
}

/// A SYN came again while its cookie was under way, and found a slot. The ACK of the cookie was then answered by a RST.
#[test]
fn a_client_whose_syn_has_come_twice_is_not_refused() {
    let (mut world, accepted) = serve();
    send(&mut world, 20, syns(10_000));
    let client = 20_000;
    let cookie = IsnKey::new([SEED; 16]).cookie(SocketAddrV4::new(SERVER, PORT), host(client), Instant::now()).number();
    send(&mut world, 1, [forged(client, SYN, 0, b"")].into_iter());
    world.run(300);
    send(&mut world, 1, [SYN, ACK].map(|flags| forged(client, flags, cookie.wrapping_add(1), b"")).into_iter());
    assert_eq!(accepted.get(), 1);
}

#[test]
fn no_ack_of_a_cookie_opens_a_connection_without_a_flood() {
    let (mut world, accepted) = serve();
    let cookie = IsnKey::new([SEED; 16]).cookie(SocketAddrV4::new(SERVER, PORT), host(1), Instant::now()).number();
    send(&mut world, 1, [forged(1, ACK, cookie.wrapping_add(1), b"")].into_iter());
    assert_eq!(accepted.get(), 0);
}

/// Clients that come at once are no flood: those without a connection wait for one, and none is refused.
#[test]
fn a_crowd_of_clients_is_no_flood() {
    let (mut world, _) = serve();
    let clients: Vec<_> = (0..20).map(|_| spawn_newcomer(&mut world)).collect();
    world.run(20_000);
    for client in &clients {
        assert!(client.served.get() > 100 && client.failed.get() == 0, "{} not served", client.failed.get());
    }
}
