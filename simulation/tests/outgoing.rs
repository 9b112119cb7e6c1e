//! Connections that the listener's host opens, to embassy-net's own sockets, in simulated time.

#[expect(dead_code, reason = "other tests use the rest")]
mod air;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use air::{CLIENT, CLIENT_MAC, CONNECTIONS, PORT, SERVER, World};
use edge_nal::{TcpAccept, TcpConnect};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use sockeye_tcp::limits::{ARP_REQUEST_MS, SILENCE_MS};
use sockeye_tcp::{TcpError, TcpSocket};

/// The port on which the other host listens.
const PEER_PORT: u16 = 6_379;
const TCP: u8 = 6;

/// The outcome of connecting: the error, and after how many milliseconds.
type Outcome = Rc<RefCell<Vec<(Option<TcpError>, u64)>>>;

/// The other host takes one connection after the other, and sends back what comes until its peer closes.
fn spawn_peer(world: &mut World) {
    let mut socket = world.client();
    world.spawn(async move {
        loop {
            socket.accept(PEER_PORT).await.unwrap();
            let mut buf = [0; 100];
            while let Ok(len @ 1..) = socket.read(&mut buf).await {
                if socket.write_all(&buf[..len]).await.is_err() {
                    break;
                }
            }
            socket.abort();
            let _ = socket.flush().await;
        }
    });
}

/// Connects, runs `then` with the socket, and tells what connecting has come to.
fn spawn_connecting(world: &mut World, remote: SocketAddr, then: impl AsyncFnOnce(TcpSocket) + 'static) -> Outcome {
    let (outcome, interface) = (Outcome::default(), world.net.interface);
    let told = outcome.clone();
    world.spawn(async move {
        let begin = Instant::now();
        let connected = interface.connect(remote).await;
        told.borrow_mut().push((connected.as_ref().err().copied(), begin.elapsed().as_millis()));
        if let Ok(socket) = connected {
            then(socket).await;
        }
    });
    outcome
}

/// Sends so many bytes in turns, and wants each back.
async fn exchange(mut socket: TcpSocket, len: usize) -> Result<(), TcpError> {
    for turn in 0..len.div_ceil(50) {
        let bytes = [turn as u8; 50];
        socket.write_all(&bytes).await?;
        let mut echo = [0; 50];
        socket.read_exact(&mut echo).await.map_err(|_| TcpError::ConnectionReset)?;
        assert_eq!(echo, bytes);
    }
    Ok(())
}

#[test]
fn a_connection_is_opened_and_text_goes_both_ways() {
    let mut world = World::new(1);
    spawn_peer(&mut world);
    let done = Rc::new(RefCell::new(None));
    let end = done.clone();
    let outcome = spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async move |socket| {
        *end.borrow_mut() = Some(exchange(socket, 1_000).await);
    });
    world.run(1_000);
    assert_eq!(outcome.borrow()[0].0, None);
    assert_eq!(*done.borrow(), Some(Ok(())));
}

/// ARP's packets are lost too.
#[test]
fn a_bad_air_only_delays_it() {
    for seed in 20..40 {
        let mut world = World::new(seed);
        world.air.loss.set(10);
        spawn_peer(&mut world);
        let done = Rc::new(RefCell::new(None));
        let end = done.clone();
        spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async move |socket| {
            *end.borrow_mut() = Some(exchange(socket, 500).await);
        });
        world.run(60_000);
        assert_eq!(*done.borrow(), Some(Ok(())), "seed {seed}");
    }
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let mut world = World::new(2);
    let outcome = spawn_connecting(&mut world, (CLIENT, 81).into(), async |_| ());
    world.run(200);
    assert_eq!(outcome.borrow()[0].0, Some(TcpError::ConnectionRefused));
}

#[test]
fn a_host_that_is_not_there_gives_no_answer_and_is_asked_for_once_a_second_at_most() {
    let mut world = World::new(3);
    let outcome = spawn_connecting(&mut world, (Ipv4Addr::new(192, 168, 1, 99), PEER_PORT).into(), async |_| ());
    world.run(SILENCE_MS + 200);
    let (error, after_ms) = outcome.borrow()[0];
    assert_eq!(error, Some(TcpError::TimedOut));
    assert!((SILENCE_MS..SILENCE_MS + 150).contains(&after_ms), "{after_ms} ms");
    let requests = world.air.sent.borrow().iter().filter(|frame| frame[12..14] == [8, 6]).count();
    assert!((2..=(SILENCE_MS / u64::from(ARP_REQUEST_MS)) as usize).contains(&requests), "{requests} requests");
}

/// The host's card has no room for the SYN, as where its link is down. The connection had no timer, and waited for ever.
#[test]
fn a_link_without_room_gives_no_answer() {
    let mut world = World::new(12);
    let refused = |world: &mut World| {
        let mut client = world.client();
        world.spawn(async move { assert!(client.connect((SERVER, PORT)).await.is_err()) });
    };
    // Both hosts know each other's MAC addresses from then on.
    refused(&mut world);
    world.run(100);
    world.net.is_jammed.set(true);
    // Their RSTs fill the card.
    (0..10).for_each(|_| refused(&mut world));
    world.run(100);
    let outcome = spawn_connecting(&mut world, SocketAddr::new(CLIENT.into(), PEER_PORT), async |_| ());
    world.run(SILENCE_MS + 1_000);
    let outcome = outcome.borrow();
    assert!(matches!(outcome[..], [(Some(TcpError::TimedOut), SILENCE_MS..)]), "{outcome:?}");
}

#[test]
fn what_is_behind_the_router_is_sent_to_the_router() {
    let mut world = World::new(4);
    let far = Ipv4Addr::new(10, 9, 9, 9);
    spawn_connecting(&mut world, (far, PEER_PORT).into(), async |_| ());
    world.run(100);
    let sent = world.air.sent.borrow();
    let syn = sent.iter().find(|frame| frame[12..14] == [8, 0] && frame[23] == TCP).expect("a SYN");
    assert_eq!((&syn[..6], &syn[30..34]), (&CLIENT_MAC[..], &far.octets()[..]));
}

#[test]
fn where_no_way_leads_it_fails_at_once() {
    let mut world = World::new(5);
    let mut fails = |remote: SocketAddr| {
        let outcome = spawn_connecting(&mut world, remote, async |_| ());
        world.run(1);
        let error = outcome.borrow()[0].0;
        error.unwrap_or_else(|| panic!("connected to {remote}"))
    };
    for remote in
        ["192.168.1.1:80", "192.168.1.255:80", "255.255.255.255:80", "224.0.0.1:80", "127.0.0.1:80", "0.0.0.0:80"]
    {
        assert_eq!(fails(remote.parse().unwrap()), TcpError::Unaddressable, "{remote}");
    }
    assert_eq!(fails((CLIENT, 0).into()), TcpError::Unaddressable);
    assert_eq!(fails("[::1]:80".parse().unwrap()), TcpError::Unaddressable);
    world.net.interface.set_address(Some(sockeye_tcp::Ipv4Cidr::new(SERVER, 24)));
    let outcome = spawn_connecting(&mut world, "10.9.9.9:80".parse().unwrap(), async |_| ());
    world.run(1);
    assert_eq!(outcome.borrow()[0].0, Some(TcpError::NetworkUnreachable), "without a router");
    world.net.interface.set_address(None);
    let outcome = spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async |_| ());
    world.run(1);
    assert_eq!(outcome.borrow()[0].0, Some(TcpError::NetworkUnreachable), "without an address");
}

/// Clients take all of theirs, and the one for the host's own connection is still there; and the other way round.
#[test]
fn connections_for_clients_and_for_the_host_are_apart() {
    let mut world = World::new(6);
    spawn_peer(&mut world);
    let acceptor = world.acceptor();
    let accepted = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..CONNECTIONS {
        let accepted = accepted.clone();
        world.spawn(async move {
            let (_, socket) = acceptor.accept().await.unwrap();
            accepted.borrow_mut().push(socket);
            std::future::pending().await
        });
    }
    let first = spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async |socket| {
        Timer::after_secs(5).await;
        drop(socket);
    });
    world.run(100);
    let second = spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async |_| ());
    for _ in 0..CONNECTIONS {
        let mut client = world.client();
        world.spawn(async move {
            client.connect((SERVER, PORT)).await.unwrap();
            std::future::pending().await
        });
    }
    world.run(1_000);
    assert_eq!((first.borrow()[0].0, second.borrow()[0].0), (None, Some(TcpError::NoConnections)));
    assert_eq!(accepted.borrow().len(), CONNECTIONS);
    world.run(5_000);
    let third = spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async |_| ());
    world.run(1_500);
    assert_eq!(third.borrow()[0].0, None, "the first is over");
}

/// RFC 6056: each connection has another port, of those that are for it.
#[test]
fn each_connection_has_a_port_of_its_own() {
    let mut world = World::new(7);
    for _ in 0..50 {
        spawn_connecting(&mut world, (CLIENT, 81).into(), async |_| ());
        world.run(50);
    }
    let sent = world.air.sent.borrow();
    let syns = sent.iter().filter(|frame| frame[12..14] == [8, 0] && frame[23] == TCP);
    let ports: Vec<u16> = syns.map(|frame| u16::from_be_bytes([frame[34], frame[35]])).collect();
    assert_eq!((ports.len(), ports.iter().collect::<BTreeSet<_>>().len()), (50, 50));
    assert!(ports.iter().all(|port| *port >= 49_152), "{ports:?}");
}

#[test]
fn whoever_gives_up_leaves_the_connection_for_the_next() {
    let mut world = World::new(8);
    let interface = world.net.interface;
    let outcomes = Rc::new(RefCell::new(Vec::new()));
    let told = outcomes.clone();
    world.spawn(async move {
        for _ in 0..5 {
            let nobody: SocketAddr = (Ipv4Addr::new(192, 168, 1, 99), PEER_PORT).into();
            let result = with_timeout(Duration::from_millis(100), interface.connect(nobody)).await;
            told.borrow_mut().push(result.is_err());
        }
    });
    world.run(1_000);
    assert_eq!(*outcomes.borrow(), [true; 5], "each has waited");
}

#[test]
fn another_address_ends_the_connection() {
    let mut world = World::new(9);
    spawn_peer(&mut world);
    let end = Rc::new(RefCell::new(None));
    let told = end.clone();
    spawn_connecting(&mut world, (CLIENT, PEER_PORT).into(), async move |mut socket| {
        let mut buf = [0; 1];
        *told.borrow_mut() = Some(socket.read(&mut buf).await);
    });
    world.run(200);
    world.set_server_address(Ipv4Addr::new(192, 168, 1, 77));
    world.run(100);
    assert_eq!(*end.borrow(), Some(Err(TcpError::ConnectionReset)));
}
