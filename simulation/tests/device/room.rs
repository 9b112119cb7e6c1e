//! Replies where there is little room for them, and clients that take none.

use sockeye_device::limits::{SESSIONS_MAX, TX_LEN};
use sockeye_device::{App, AppResources, History, Settings, Value};

use crate::board::{Board, READINGS};
use crate::script::Device;

/// Short replies and long ones, in one part and in many, with and without a change.
const REQUESTS: [&str; 26] = [
    "PING",
    "GET lm35",
    "SET led 1",
    "ECHO 'a b'",
    "GET",
    "nosuch a b",
    "MGET lm35 uptime wifi.rssi led fan lm35 uptime wifi.rssi",
    "KEYS *",
    "SCAN 0 COUNT 50",
    "HGETALL meta:lm35",
    "XRANGE history:lm35 - +",
    "XREVRANGE history:lm35 + -",
    "XREAD STREAMS history:lm35 0",
    "XREAD BLOCK 10 STREAMS history:lm35 $",
    "CONFIG GET *",
    "CONFIG SET loglevel debug",
    "COMMAND LIST",
    "COMMAND DOCS get",
    "CLIENT LIST",
    "CLIENT INFO",
    "INFO",
    "INFO server",
    "HELLO 3",
    "SUBSCRIBE lm35 uptime wifi.rssi",
    "GET \"",
    "QUIT",
];

/// The answer to `wire`, with `unacked` bytes of the transmit buffer taken already. `ack` bytes of the buffer become
/// free at a time.
fn answers(wire: &[u8], unacked: usize, ack: usize) -> Vec<u8> {
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    for value in 0..70 {
        app.sample(0, Value(value));
    }
    let mut device = Device::new(&board, &app);
    device.send("lo", b"PING\r\n");
    device.bytes("lo");
    {
        let wire = device.wire("lo");
        let pipe = &mut *wire.0.borrow_mut();
        (pipe.unacked, pipe.acks) = (unacked, std::iter::repeat_n(ack, 20_000 / ack + 100).collect());
    }
    device.send("lo", wire);
    device.wait(20);
    device.bytes("lo")
}

#[test]
fn a_reply_is_the_same_in_any_room() {
    for request in REQUESTS {
        let wire = format!("{request}\r\n");
        let whole = answers(wire.as_bytes(), 0, TX_LEN);
        assert!(!whole.is_empty(), "{request}");
        for unacked in 0..=TX_LEN {
            let reply = answers(wire.as_bytes(), unacked, 60);
            assert_eq!(
                reply.escape_ascii().to_string(),
                whole.escape_ascii().to_string(),
                "{request}, {unacked} taken"
            );
        }
    }
}

#[test]
fn replies_that_come_together_are_the_same_however_slowly_they_leave() {
    let requests = REQUESTS.iter().filter(|request| !["QUIT", "GET \""].contains(request));
    let wire: String = requests.map(|request| format!("{request}\r\n")).collect();
    let whole = answers(wire.as_bytes(), 0, TX_LEN);
    for ack in [1, 2, 3, 7, 42, 43, 44, 60, 400, 401, 536, TX_LEN - 1] {
        let slow = answers(wire.as_bytes(), 0, ack);
        assert_eq!(slow.escape_ascii().to_string(), whole.escape_ascii().to_string(), "{ack} at a time");
    }
}

#[test]
fn what_is_no_reply_to_a_command_waits_for_room_too() {
    for (request, reply) in [("GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "), ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ")]
    {
        let board = Board::default();
        let mut histories = [const { History::new() }; READINGS.len()];
        let mut resources = AppResources::new();
        let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
        let mut device = Device::new(&board, &app);
        device.wire("lo").0.borrow_mut().is_stuck = true;
        device.send("lo", request.as_bytes());
        assert!(device.bytes("lo").is_empty());
        device.wire("lo").0.borrow_mut().is_stuck = false;
        device.run();
        assert!(device.bytes("lo").starts_with(reply.as_bytes()), "{request}");
    }
}

/// Requests for whose replies there is no room at first: what is counted and watched is counted and watched once.
#[test]
fn what_waits_for_room_is_run_once() {
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    device.send("ap1", b"MONITOR\r\n");
    device.send("ap2", b"PING\r\n");
    let before = app.counts();
    {
        let wire = device.wire("ap2");
        let pipe = &mut *wire.0.borrow_mut();
        (pipe.unacked, pipe.acks) = (TX_LEN, std::iter::repeat_n(1, 3_000).collect());
    }
    device.bytes("ap1");
    device.bytes("ap2");
    device.send(
        "ap2",
        b"GET lm35\r\nMGET led led led led led led led led led led\r\nINFO\r\nSET led 1\r\nGET nosuch\r\n",
    );
    let after = app.counts();
    assert_eq!(after.commands - before.commands, 5);
    assert_eq!((after.hits - before.hits, after.misses - before.misses), (10, 2));
    assert_eq!(board.applied.borrow().len(), 1);
    let watched = String::from_utf8(device.bytes("ap1")).unwrap();
    assert_eq!(watched.lines().count(), 5, "{watched}");
}

#[test]
fn clients_that_do_not_read_hold_nothing_that_another_needs() {
    // The requests in which the clients get stuck: a text, a list, pushes, short replies, a reply to a change, a reply
    // in parts.
    let stuck = ["INFO", "COMMAND", "MONITOR", "PING", "CONFIG SET loglevel verbose", "XRANGE history:lm35 - +"];
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    for value in 0..70 {
        app.sample(0, Value(value));
    }
    let names: Vec<_> = (1..SESSIONS_MAX).map(|number| format!("ap{number}")).collect();
    for (name, request) in names.iter().zip(stuck.iter().cycle()) {
        device.send(name, b"PING\r\n");
        assert_eq!(device.bytes(name), b"+PONG\r\n");
        // A part of it gets out, and then nothing any more.
        {
            let wire = device.wire(name);
            let pipe = &mut *wire.0.borrow_mut();
            (pipe.unacked, pipe.acks) = (TX_LEN - 100, [1].into());
        }
        device.send(name, format!("{request}\r\n").repeat(20).as_bytes());
        device.wire(name).0.borrow_mut().is_stuck = true;
        device.run();
    }
    for round in 0..3 {
        for request in REQUESTS.iter().filter(|request| !["QUIT", "GET \"", "HELLO 3"].contains(request)) {
            let name = "lo9";
            device.send(name, format!("{request}\r\n").as_bytes());
            device.wait(20);
            assert!(!device.bytes(name).is_empty(), "{request}, round {round}");
            device.send(name, b"RESET\r\n");
            device.bytes(name);
        }
        app.sample(0, Value(round));
    }
}
