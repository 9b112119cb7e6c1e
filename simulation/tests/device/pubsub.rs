//! Being told of samples.

use sockeye_device::limits::MAILBOX_LEN;

use crate::board::{Board, READINGS};
use crate::script::{Device, check};

#[test]
fn subscribing_in_resp2() {
    check(
        "sta: SUBSCRIBE lm35 uptime
         sta= *3|$9|subscribe|$4|lm35|:1|*3|$9|subscribe|$6|uptime|:2|
         @sample 0 235
         sta= *3|$7|message|$4|lm35|$4|23.5|
         @sample 2 -50
         sta= 
         sta: GET lm35
         sta= -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context|
         sta: HELLO 3
         sta= -ERR Can't execute 'hello': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context|
         sta: PING
         sta= *2|$4|pong|$0||
         sta: PING hi
         sta= *2|$4|pong|$2|hi|
         sta: PSUBSCRIBE l*
         sta= *3|$10|psubscribe|$2|l*|:3|
         @sample 0 236
         sta= *3|$7|message|$4|lm35|$4|23.6|*4|$8|pmessage|$2|l*|$4|lm35|$4|23.6|
         sta: UNSUBSCRIBE lm35 nosuch
         sta= *3|$11|unsubscribe|$4|lm35|:2|*3|$11|unsubscribe|$6|nosuch|:2|
         sta: UNSUBSCRIBE
         sta= *3|$11|unsubscribe|$6|uptime|:1|
         sta: UNSUBSCRIBE
         sta= *3|$11|unsubscribe|$-1|:1|
         sta: PUNSUBSCRIBE
         sta= *3|$12|punsubscribe|$2|l*|:0|
         sta: GET lm35
         sta= $4|23.6|
         sta: SUBSCRIBE
         sta= -ERR wrong number of arguments for 'subscribe' command|
         sta: SUBSCRIBE lm35 lm35
         sta= *3|$9|subscribe|$4|lm35|:1|*3|$9|subscribe|$4|lm35|:1|
         sta: RESET
         sta= +RESET|
         @sample 0 237
         sta= ",
    );
}

#[test]
fn subscribing_in_resp3() {
    check(
        "sta: HELLO 3
         sta~ %7|
         sta: SUBSCRIBE lm35
         sta= >3|$9|subscribe|$4|lm35|:1|
         sta: GET lm35
         sta= _|
         @sample 0 235
         sta= >3|$7|message|$4|lm35|$4|23.5|
         sta: PING
         sta= +PONG|
         sta: PSUBSCRIBE *
         sta= >3|$10|psubscribe|$1|*|:2|
         @sample 1 4
         sta= >4|$8|pmessage|$1|*|$6|uptime|$1|4|
         sta: PUNSUBSCRIBE
         sta= >3|$12|punsubscribe|$1|*|:1|
         sta: UNSUBSCRIBE
         sta= >3|$11|unsubscribe|$4|lm35|:0|
         sta: UNSUBSCRIBE
         sta= >3|$11|unsubscribe|_|:0|",
    );
}

#[test]
fn subscriptions_are_bounded_and_refused_whole() {
    check(
        "ap: SUBSCRIBE a b c d e f g
         ap~ $1|g|:7|
         ap: PSUBSCRIBE a b
         ap= -ERR too many subscriptions: a connection has at most 8 channels and patterns|
         ap: PSUBSCRIBE a a
         ap= *3|$10|psubscribe|$1|a|:8|*3|$10|psubscribe|$1|a|:8|
         ap: SUBSCRIBE h
         ap= -ERR too many subscriptions: a connection has at most 8 channels and patterns|
         ap: SUBSCRIBE abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz
         ap= -ERR no channel has such a name|
         ap: UNSUBSCRIBE
         ap~ $1|g|:1|",
    );
}

#[test]
fn who_has_subscribed_can_be_asked() {
    check(
        "sta: SUBSCRIBE lm35 nosuch
         sta~ :2|
         sta3: SUBSCRIBE lm35 uptime
         sta3~ :2|
         sta3: PSUBSCRIBE l*
         sta3~ :3|
         sta: PSUBSCRIBE l* w*
         sta~ :4|
         ap: PUBSUB CHANNELS
         ap= *2|$4|lm35|$6|uptime|
         ap: PUBSUB CHANNELS l*
         ap= *1|$4|lm35|
         ap: PUBSUB NUMSUB lm35 uptime wifi.rssi
         ap= *6|$4|lm35|:2|$6|uptime|:1|$9|wifi.rssi|:0|
         ap: PUBSUB NUMSUB
         ap= *0|
         ap: PUBSUB NUMPAT
         ap= :2|
         ap: INFO device
         ap~ |pubsub_clients:2|
         sta!
         ap: PUBSUB NUMSUB lm35
         ap= *2|$4|lm35|:1|",
    );
}

#[test]
fn a_subscriber_that_does_not_read_loses_the_oldest_and_nobody_else_notices() {
    let board = Board::default();
    let mut histories = [const { sockeye_device::History::new() }; READINGS.len()];
    let mut resources = sockeye_device::AppResources::new();
    let app =
        sockeye_device::App::new(&board, &mut resources, &mut histories, sockeye_device::Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    device.send("sta", b"SUBSCRIBE lm35\r\n");
    device.bytes("sta");
    assert!(device.wire("sta").0.borrow().is_listening);
    device.wire("sta").0.borrow_mut().is_stuck = true;
    for value in 0..100 {
        app.sample(0, sockeye_device::Value(value));
        device.run();
    }
    device.send("ap", b"GET lm35\r\nCLIENT LIST ID 1\r\nINFO device\r\n");
    let seen = String::from_utf8(device.bytes("ap")).unwrap();
    let dropped = 100 - MAILBOX_LEN;
    assert!(seen.starts_with("$3\r\n9.9\r\n"), "{seen}");
    assert!(seen.contains(&format!("pubsub_messages:sent=100,dropped={dropped}\r\n")), "{seen}");

    device.wire("sta").0.borrow_mut().is_stuck = false;
    device.run();
    let pushed = String::from_utf8(device.bytes("sta")).unwrap();
    let values: Vec<_> = pushed.lines().skip(6).step_by(7).collect();
    let newest = (100 - MAILBOX_LEN..100).map(|value| format!("{}.{}", value / 10, value % 10));
    assert_eq!(values, newest.collect::<Vec<_>>());
}

#[test]
fn monitor_shows_commands_and_no_secrets() {
    let board = Board::default();
    board.unix_us.set(Some(1_795_397_614_548_872));
    crate::script::check_on(
        &board,
        "sta: MONITOR
         sta~ -DENIED
         ap: MONITOR
         ap= +OK|
         sta: GET \"a\\x01\\\"b\"
         sta= $-1|
         ap= +1795397614.548872 [0 10.0.0.2:5000] \"GET\" \"a\\x01\\\"b\"|
         ap3: CONFIG SET loglevel debug
         ap3= +OK|
         sta: AUTH default secret
         sta= +OK|
         sta: HELLO 3 AUTH default secret
         sta~ %7|
         ap: PING
         ap= +PONG|+1795397614.548872 [0 192.168.1.2:5000] \"PING\"|
         ap: CLIENT LIST
         ap~ flags=O
         ap: RESET
         ap= +RESET|
         sta: PING
         sta= +PONG|",
    );
}
