//! The device in the listener's own buffers. Requests go over the end of the receive ring at every byte, and are split
//! at every byte.

#[expect(dead_code, reason = "other tests use the rest")]
mod air;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "device/board.rs"]
mod board;

use std::cell::Cell;
use std::rc::Rc;

use air::{BUFFER_LEN, PORT, SERVER, World};
use board::{Board, READINGS};
use edge_nal::TcpAccept;
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use sockeye_device::limits::RX_LEN;
use sockeye_device::{App, AppResources, ClientOrigin, History, Settings};
use sockeye_endpoint::Endpoint;
use sockeye_server::limits::Timeouts;
use sockeye_server::{BufferedSocket, Server};

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// An array or a line, of one odd length, so that as many as the ring has bytes begin at each of its bytes.
fn request(number: usize) -> String {
    let line = format!("ECHO \"{number:09}\"");
    match number / RX_LEN % 2 {
        0 => format!("*2\r\n$4\r\nECHO\r\n$9\r\n{number:09}\r\n"),
        _ => format!("{line:<27}\r\n"),
    }
}

#[test]
fn a_request_is_answered_wherever_it_goes_over_the_rings_end_and_wherever_it_is_split() {
    assert_eq!(BUFFER_LEN, RX_LEN, "a ring of a device");
    let len = request(0).len();
    assert!(len == request(RX_LEN).len() && len % 2 == 1 && RX_LEN.is_power_of_two());
    let mut world = World::new(1);
    let acceptor = world.acceptor();
    let board: &'static Board = leak(Board::default());
    let app = leak(
        App::new(
            board,
            leak(AppResources::new()),
            leak([const { History::new() }; READINGS.len()]),
            Settings::default(),
        )
        .unwrap(),
    );
    let endpoint = leak(Endpoint::new(app, board, &|_| ClientOrigin::Loopback));
    let server: &'static Server<1> = leak(Server::new(Timeouts::DEFAULT));
    world.spawn(async move { server.run_slot(0, &acceptor, endpoint).await });
    let (answered, mut client) = (Rc::new(Cell::new(0)), world.client());
    let count = answered.clone();
    world.spawn(async move {
        client.connect((SERVER, PORT)).await.unwrap();
        for number in 0..len * RX_LEN {
            let request = request(number);
            let (first, second) = request.as_bytes().split_at(number / RX_LEN);
            if !first.is_empty() {
                client.write_all(first).await.unwrap();
                Timer::after_millis(1).await;
            }
            client.write_all(second).await.unwrap();
            let mut reply = [0; "$9\r\n000000000\r\n".len()];
            client.read_exact(&mut reply).await.unwrap();
            assert_eq!(reply.escape_ascii().to_string(), format!("$9\\r\\n{number:09}\\r\\n"));
            count.set(count.get() + 1);
        }
    });
    while answered.get() < len * RX_LEN {
        let before = answered.get();
        world.run(1_000);
        assert!(answered.get() > before, "{before} were answered");
    }
}

/// Takes what comes as the socket's buffers have it, some bytes more each time, and puts it back as far as there is room.
#[test]
fn what_is_taken_and_put_in_parts_stays_in_order() {
    const LEN: usize = 40_000;
    let mut world = World::new(2);
    let acceptor = world.acceptor();
    world.spawn(async move {
        let (_, mut socket) = acceptor.accept().await.unwrap();
        let (mut taken, mut part) = (0, 0);
        let mut buf = [0; BUFFER_LEN];
        while socket.wait_input(0).await.unwrap() > 0 {
            let (len, room) = socket.peek_and_room(&mut buf);
            assert!((taken..).zip(&buf[..len]).all(|(at, byte)| at as u8 == *byte), "bytes in order");
            assert_eq!((socket.peek(&mut buf), socket.room()), (len, room));
            part = (part + 7) % 300;
            // More than what is there is not dropped.
            let len = len.min(part);
            assert!(room <= socket.room_max());
            let bytes = &buf[..len.min(room)];
            // Both in one call, or one after the other.
            let put = match part % 2 {
                0 => socket.put_and_consume(bytes, bytes.len()),
                _ => {
                    let put = socket.put(&buf[..len]);
                    socket.consume(put);
                    put
                }
            };
            assert_eq!(put, len.min(room));
            taken += put;
            if put < len {
                socket.wait_room(room - put).await.unwrap();
                assert!(socket.room() > room - put);
            }
        }
        assert_eq!(taken, LEN);
        assert_eq!(socket.wait_input(0).await, Ok(0), "its end stays");
        socket.consume(1);
    });
    let received = Rc::new(Cell::new(0));
    let count = received.clone();
    let mut client = world.client();
    world.spawn(async move {
        client.connect((SERVER, PORT)).await.unwrap();
        let (mut reader, mut writer) = client.split();
        let send = async {
            let bytes: Vec<u8> = (0..LEN).map(|at| at as u8).collect();
            for piece in bytes.chunks(411) {
                writer.write_all(piece).await.unwrap();
            }
        };
        let receive = async {
            let mut buf = [0; 100];
            while count.get() < LEN {
                let len = reader.read(&mut buf).await.unwrap();
                assert!((count.get()..).zip(&buf[..len]).all(|(at, byte)| at as u8 == *byte), "bytes in order");
                count.set(count.get() + len);
                Timer::after_millis(1).await;
            }
        };
        embassy_futures::join::join(send, receive).await;
        client.close();
        std::future::pending::<()>().await;
    });
    for _ in 0..100 {
        world.run(200);
    }
    assert_eq!(received.get(), LEN);
}

#[test]
fn what_a_client_that_is_gone_leaves_is_not_waited_for() {
    let mut world = World::new(3);
    let (acceptor, done) = (world.acceptor(), Rc::new(Cell::new(false)));
    let seen = done.clone();
    world.spawn(async move {
        let (_, mut socket) = acceptor.accept().await.unwrap();
        assert_eq!(socket.wait_input(3).await, Ok(4));
        // The bytes stay in the ring, and the client closes behind them.
        assert_eq!(socket.wait_input(4).await, Ok(0));
        assert_eq!(socket.wait_input(0).await, Ok(4), "what came before the end is there");
        let mut buf = [0; 8];
        assert_eq!((socket.peek(&mut buf), &buf[..4]), (4, &b"abcd"[..]));
        socket.consume(100);
        assert_eq!((socket.peek(&mut buf), socket.wait_input(0).await), (0, Ok(0)));
        seen.set(true);
    });
    let mut client = world.client();
    world.spawn(async move {
        client.connect((SERVER, PORT)).await.unwrap();
        client.write_all(b"abcd").await.unwrap();
        Timer::after_millis(50).await;
        client.close();
        std::future::pending::<()>().await;
    });
    world.run(1_000);
    assert!(done.get());
}
