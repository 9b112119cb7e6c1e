//! The listener beside embassy-net, against embassy-net's own sockets, in simulated time.

mod air;

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;

use air::{BUFFER_LEN, CONNECTIONS, PORT, SERVER, World};
use edge_nal::{Close, TcpAccept, TcpShutdown};
use embassy_net::tcp::TcpSocket;
use embedded_io_async::{Read, Write};
use sockeye_tcp::limits::{RESET_KEEP_MS, SILENCE_MS, TICK_MS};

/// The results of a task.
type Log = Rc<RefCell<Vec<String>>>;

/// Accepts one connection after the other and sends back what comes.
fn spawn_echo(world: &mut World, log: &Log) {
    let (acceptor, log) = (world.acceptor(), log.clone());
    world.spawn(async move {
        loop {
            let (peer, mut socket) = acceptor.accept().await.unwrap();
            log.borrow_mut().push(format!("accepted {}", peer.ip()));
            let mut buf = [0; 200];
            let end = loop {
                match socket.read(&mut buf).await {
                    Ok(0) => break "closed".to_owned(),
                    Ok(len) => match socket.write_all(&buf[..len]).await {
                        Ok(()) => {}
                        Err(error) => break error.to_string(),
                    },
                    Err(error) => break error.to_string(),
                }
            };
            log.borrow_mut().push(end);
        }
    });
}

/// Connects to `server`, and asks once a second until it gets no answer.
fn spawn_asking(world: &mut World, server: Ipv4Addr, log: &Log) {
    let client = world.client();
    spawn_asking_with(client, world, server, log);
}

/// The same with the socket of any client.
fn spawn_asking_with(mut client: TcpSocket<'static>, world: &mut World, server: Ipv4Addr, log: &Log) {
    let log = log.clone();
    world.spawn(async move {
        match client.connect((server, PORT)).await {
            Ok(()) => log.borrow_mut().push("connected".into()),
            Err(error) => return log.borrow_mut().push(format!("not connected: {error:?}")),
        }
        loop {
            let mut buf = [0; 4];
            if client.write_all(b"ping").await.is_err() || client.read_exact(&mut buf).await.is_err() {
                return log.borrow_mut().push("no answer".into());
            }
            assert_eq!(&buf, b"ping");
            embassy_time::Timer::after_secs(1).await;
        }
    });
}

/// Connects to a port, and tells what becomes of it.
fn spawn_connecting(world: &mut World, port: u16, log: &Log) {
    let (mut client, log) = (world.client(), log.clone());
    world.spawn(async move {
        let connected = client.connect((SERVER, port)).await;
        log.borrow_mut().push(format!("{port}: {connected:?}"));
        std::future::pending().await
    });
}

#[test]
fn a_port_that_is_opened_disturbs_no_connection() {
    let mut world = World::new(6);
    let (server, client, other) = (Log::default(), Log::default(), Log::default());
    spawn_echo(&mut world, &server);
    spawn_echo(&mut world, &server);
    spawn_asking(&mut world, SERVER, &client);
    world.run(1_500);
    for port in [80, PORT] {
        assert!(world.bind(port).is_ok());
        world.run(2_000);
    }
    spawn_connecting(&mut world, 80, &other);
    world.run(2_000);
    assert_eq!((&*client.borrow(), &*other.borrow()), (&vec!["connected".to_owned()], &vec!["80: Ok(())".to_owned()]));
    assert_eq!(*server.borrow(), ["accepted 192.168.1.2"; 2]);
}

#[test]
fn two_ports_have_the_same_acceptors() {
    let mut world = World::new(4);
    let (server, client) = (Log::default(), Log::default());
    spawn_echo(&mut world, &server);
    spawn_echo(&mut world, &server);
    assert!(world.bind(80).is_ok() && world.bind(80).is_ok() && world.bind(PORT).is_ok());
    assert_eq!(world.bind(81).err(), Some(sockeye_tcp::TcpError::AddrInUse));
    for port in [80, PORT, 81] {
        spawn_connecting(&mut world, port, &client);
    }
    world.run(2_000);
    client.borrow_mut().sort();
    assert_eq!(*client.borrow(), ["3000: Ok(())", "80: Ok(())", "81: Err(ConnectionReset)"]);
    assert_eq!(server.borrow().len(), 2);
}

/// A RST waited for room in the driver, and its connection with it. A link that was down so kept all slots from the
/// clients of the other network.
#[test]
fn a_link_without_room_keeps_no_slot_from_another_network() {
    let mut world = World::new(6);
    let other = world.join_another(6);
    let (server, lost, client) = (Log::default(), Log::default(), Log::default());
    for _ in 0..CONNECTIONS {
        spawn_echo(&mut world, &server);
        spawn_asking(&mut world, SERVER, &lost);
    }
    world.run(2_000);
    assert_eq!(*lost.borrow(), ["connected"; CONNECTIONS]);
    world.net.is_jammed.set(true);
    world.run(SILENCE_MS + RESET_KEEP_MS + 5_000);
    assert_eq!(server.borrow().iter().filter(|line| *line == "connection reset").count(), CONNECTIONS);
    spawn_asking_with(other.client(), &mut world, SERVER, &client);
    world.run(500);
    assert_eq!(*client.borrow(), ["connected"]);
}

/// The device's own network and one that it joins may have the same addresses, and two clients there even the same port.
#[test]
fn clients_with_the_same_address_are_told_apart_by_their_network() {
    let mut world = World::new(5);
    let other = world.join_another(5);
    let acceptor = world.acceptor();
    let peers = Rc::new(RefCell::new(Vec::new()));
    for number in *b"12" {
        let peers = peers.clone();
        world.spawn(async move {
            let (peer, mut socket) = acceptor.accept().await.unwrap();
            peers.borrow_mut().push(peer);
            let mut buf = [0; 1];
            socket.read_exact(&mut buf).await.unwrap();
            socket.write_all(&[buf[0], number]).await.unwrap();
            std::future::pending().await
        });
    }
    let heard = Rc::new(RefCell::new(Vec::new()));
    let connect = |world: &mut World, mut client: embassy_net::tcp::TcpSocket<'static>, name: u8| {
        let heard = heard.clone();
        world.spawn(async move {
            client.connect((SERVER, PORT)).await.unwrap();
            let mut buf = [0; 2];
            client.write_all(&[name]).await.unwrap();
            client.read_exact(&mut buf).await.unwrap();
            heard.borrow_mut().push(buf);
            std::future::pending().await
        });
    };
    let (first, second) = (world.client(), other.client());
    connect(&mut world, first, b'a');
    world.run(500);
    let peer = peers.borrow()[0];
    assert!(world.net.interface.has_client(peer) && !other.interface.has_client(peer));
    connect(&mut world, second, b'b');
    world.run(500);
    assert_eq!(*peers.borrow(), [peer, peer], "the same address and the same port");
    assert_eq!(*heard.borrow(), [*b"a1", *b"b2"], "and each its own answer");
    assert!(world.net.interface.has_client(peer) && other.interface.has_client(peer));
}

#[test]
fn another_address_ends_the_connections_to_the_old_one() {
    let mut world = World::new(1);
    let (server, client) = (Log::default(), Log::default());
    spawn_echo(&mut world, &server);
    spawn_asking(&mut world, SERVER, &client);
    world.run(2_500);
    assert_eq!(*client.borrow(), ["connected"]);

    let other = Ipv4Addr::new(192, 168, 1, 77);
    world.set_server_address(other);
    world.run(TICK_MS);
    assert_eq!(*server.borrow(), ["accepted 192.168.1.2", "connection reset"]);
    world.air.sources.borrow_mut().clear();
    world.run(5_000);
    assert!(world.air.sources.borrow().iter().all(|source| *source == other), "{:?}", world.air.sources.borrow());

    let again = Log::default();
    spawn_asking(&mut world, other, &again);
    world.run(1_000);
    assert_eq!(*again.borrow(), ["connected"]);
}

#[test]
fn the_same_address_again_ends_nothing() {
    let mut world = World::new(2);
    let (server, client) = (Log::default(), Log::default());
    spawn_echo(&mut world, &server);
    spawn_asking(&mut world, SERVER, &client);
    world.run(1_000);
    world.set_server_address(SERVER);
    world.run(3_000);
    assert_eq!((server.borrow().len(), client.borrow().len()), (1, 1));
}

#[test]
fn a_client_that_is_gone_is_noticed() {
    let mut world = World::new(3);
    let (server, client) = (Log::default(), Log::default());
    spawn_echo(&mut world, &server);
    spawn_asking(&mut world, SERVER, &client);
    world.run(1_000);
    world.air.gone.set(true);
    world.run(SILENCE_MS - 2_000);
    assert_eq!(*server.borrow(), ["accepted 192.168.1.2"]);
    world.run(3_000);
    assert_eq!(*server.borrow(), ["accepted 192.168.1.2", "connection reset"]);
    world.air.gone.set(false);
    let again = Log::default();
    spawn_asking(&mut world, SERVER, &again);
    world.run(5_000);
    assert_eq!(*again.borrow(), ["connected"]);
}

#[test]
fn a_silent_client_that_is_there_is_kept() {
    let mut world = World::new(4);
    let server = Log::default();
    spawn_echo(&mut world, &server);
    let mut client = world.client();
    world.spawn(async move {
        client.connect((SERVER, PORT)).await.unwrap();
        std::future::pending().await
    });
    world.run(4 * SILENCE_MS);
    assert_eq!(*server.borrow(), ["accepted 192.168.1.2"]);
}

/// Sends `len` bytes up and gets them back, over an air that loses frames.
fn transfer(seed: u64, loss: u8, len: usize) -> Result<(), String> {
    let mut world = World::new(seed);
    let server = Log::default();
    spawn_echo(&mut world, &server);
    world.air.loss.set(loss);
    let client = world.client();
    let (received, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (count, end) = (received.clone(), done.clone());
    world.spawn(async move {
        let mut client = client;
        if client.connect((SERVER, PORT)).await.is_err() {
            return;
        }
        let (mut reader, mut writer) = client.split();
        let send = async {
            for byte in 0..len {
                if writer.write_all(&[byte as u8]).await.is_err() {
                    return;
                }
            }
        };
        let receive = async {
            let mut buf = [0; BUFFER_LEN];
            while count.get() < len {
                match reader.read(&mut buf).await {
                    Ok(0) | Err(_) => return,
                    Ok(got) => {
                        assert!((count.get()..).zip(&buf[..got]).all(|(at, byte)| at as u8 == *byte), "bytes in order");
                        count.set(count.get() + got);
                    }
                }
            }
        };
        let (mut send, mut receive) = (std::pin::pin!(send), std::pin::pin!(receive));
        let mut sent = false;
        std::future::poll_fn(|cx| {
            use std::future::Future;
            sent = sent || send.as_mut().poll(cx).is_ready();
            receive.as_mut().poll(cx)
        })
        .await;
        end.set(true);
    });
    for _ in 0..600 {
        if done.get() {
            break;
        }
        world.run(200);
    }
    match received.get() {
        got if got == len => Ok(()),
        got => Err(format!("seed {seed}: {got} of {len} bytes, server: {:?}", server.borrow())),
    }
}

#[test]
fn every_byte_arrives_once_and_in_order() {
    transfer(5, 0, 20_000).unwrap();
}

#[test]
fn every_byte_arrives_once_and_in_order_over_a_bad_air() {
    for seed in 10..20 {
        transfer(seed, 5, 4_000).unwrap();
    }
}

#[test]
fn waits_for_clients_are_many_and_dropping_one_loses_none() {
    let mut world = World::new(6);
    let acceptor = world.acceptor();
    let log = Log::default();
    let accepted = log.clone();
    world.spawn(async move {
        // Each wait is given up after a moment; clients come all the while.
        for _ in 0..400 {
            let wait = embassy_time::with_timeout(embassy_time::Duration::from_millis(7), acceptor.accept());
            if let Ok(Ok((_, mut socket))) = wait.await {
                let mut buf = [0; 4];
                socket.read_exact(&mut buf).await.unwrap();
                socket.write_all(&buf).await.unwrap();
                socket.close(Close::Both).await.unwrap();
                accepted.borrow_mut().push("served".into());
            }
        }
    });
    let good = Rc::new(Cell::new(0));
    for _ in 0..20 {
        let (mut client, good) = (world.client(), good.clone());
        world.spawn(async move {
            client.connect((SERVER, PORT)).await.unwrap();
            let mut buf = [0; 4];
            client.write_all(b"ping").await.unwrap();
            client.read_exact(&mut buf).await.unwrap();
            client.close();
            client.flush().await.unwrap();
            good.set(good.get() + 1);
        });
        world.run(50);
    }
    world.run(500);
    assert_eq!((good.get(), log.borrow().len()), (20, 20));
}
