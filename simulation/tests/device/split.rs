//! The same bytes in any pieces, and bytes that nobody means.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use sockeye_device::limits::TX_LEN;
use sockeye_device::{App, AppResources, History, Settings, Value};

use crate::board::{Board, READINGS};
use crate::script::Device;

/// More than there are of anything here.
const ACKS_LEN: usize = 2_000;

/// All bytes that come back for `wire`. `pieces` has in turn how many bytes of `wire` arrive at once, and `acks` how
/// many bytes of the replies are acknowledged at once.
fn answers(wire: &[u8], pieces: &[usize], acks: &[usize], token: bool) -> (Vec<u8>, Board) {
    let board = Board::default();
    let mut settings = Settings::default();
    if token {
        settings.token = Some(sockeye_device::TokenHash::new(b"correct-horse", [7; 16]));
    }
    let answers = {
        let mut histories = [const { History::new() }; READINGS.len()];
        let mut resources = AppResources::new();
        let app = App::new(&board, &mut resources, &mut histories, settings).unwrap();
        for value in 0..70 {
            app.sample(0, Value(value));
        }
        let mut device = Device::new(&board, &app);
        device.wire("lo").0.borrow_mut().pieces =
            pieces.iter().copied().cycle().take(wire.len()).collect::<VecDeque<_>>();
        device.wire("lo").0.borrow_mut().acks = acks.iter().copied().cycle().take(ACKS_LEN).collect();
        device.send("lo", wire);
        device.bytes("lo")
    };
    (answers, board)
}

/// Requests that answer the same whenever they are asked.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "PING",
        "GET lm35",
        "SET led 1",
        "MGET lm35 led x",
        "ECHO 'a b'",
        "HELLO 3",
        "HELLO 2",
        "XRANGE history:lm35 - +",
        "XREAD STREAMS history:lm35 0",
        "KEYS *",
        "SCAN 0 COUNT 50",
        "COMMAND",
        "COMMAND DOCS",
        "HGETALL meta:lm35",
        "SUBSCRIBE lm35",
        "PSUBSCRIBE l*",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "RESET",
        "CLIENT LIST",
        "INFO",
        "nosuch a b",
        "",
        "CONFIG GET *",
        "CONFIG SET loglevel debug",
        "CLIENT HELP",
        "GET \"",
        "MONITOR",
        "SLOWLOG GET",
    ]);
    prop_oneof![
        6 => line.clone().prop_map(|line| format!("{line}\r\n").into_bytes()),
        6 => line.prop_map(array),
        1 => vec(any::<u8>(), 0..40),
    ]
}

fn array(line: &str) -> Vec<u8> {
    let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let args = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), args.collect::<String>()).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn replies_are_the_same_for_every_split(
        requests in vec(request(), 1..12),
        pieces in vec(1usize..60, 1..20),
        acks in vec(1usize..TX_LEN, 0..20),
        token in any::<bool>(),
    ) {
        // A first request that is none of HTTP, so that the rest is judged by the decoder.
        let wire = [b"PING\r\n".to_vec(), requests.concat()].concat();
        let whole = answers(&wire, &[usize::MAX], &[], token).0;
        let split = answers(&wire, &pieces, &acks, token).0;
        prop_assert_eq!(whole.escape_ascii().to_string(), split.escape_ascii().to_string());
    }

    #[test]
    fn random_bytes_are_survived(wire in vec(any::<u8>(), 0..3000), pieces in vec(1usize..2000, 1..8)) {
        answers(&wire, &pieces, &[], false);
    }

    #[test]
    fn random_words_are_survived(
        words in vec(prop::sample::select(vec![
            "GET", "SET", "XREAD", "XRANGE", "BLOCK", "COUNT", "STREAMS", "history:lm35", "$", "0", "-", "+", "(1", "-1",
            "lm35", "led", "CLIENT", "KILL", "LIST", "ID", "TYPE", "CONFIG", "GET", "SET", "SCAN", "MATCH", "*", "[", "\\",
            "HELLO", "3", "AUTH", "SETNAME", "SUBSCRIBE", "PUBSUB", "NUMSUB", "COMMAND", "INFO", "DOCS", "SLOWLOG", "MONITOR",
            "18446744073709551615", "9223372036854775807", "\r\n", "\r\n", "\r\n", "''", "\"\\x00\"",
        ]), 0..60),
    ) {
        answers(format!("PING\r\n{}\r\n", words.join(" ")).as_bytes(), &[usize::MAX], &[], false);
    }

    #[test]
    fn no_http_ever_switches_anything(
        method in "[A-Za-z]{1,8}",
        target in "/[a-z]{0,8}",
        headers in vec("[A-Za-z-]{1,12}: ?[a-z0-9.:]{0,12}", 0..4),
        pieces in vec(1usize..80, 1..8),
    ) {
        let head = format!("{method} {target} HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"));
        let wire = format!("{head}SET led 1\r\n*3\r\n$3\r\nSET\r\n$3\r\nled\r\n$1\r\n1\r\n");
        let (_, board) = answers(wire.as_bytes(), &pieces, &[], false);
        prop_assert!(board.applied.borrow().is_empty(), "{wire}");
    }
}

#[test]
fn ten_thousand_pipelined_requests_are_answered_in_order() {
    const REQUESTS: usize = 10_000;
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    let wire: String = (0..REQUESTS).map(|number| format!("ECHO {number}\r\n")).collect();
    device.send("ap", wire.as_bytes());
    let pipe = device.wire("ap");
    // Nothing grows: what is sent at once is what fits in the buffer, and that is many replies.
    assert!(pipe.0.borrow().writes.iter().all(|len| *len <= TX_LEN));
    assert!(pipe.0.borrow().writes.len() < REQUESTS / 10, "{}", pipe.0.borrow().writes.len());
    let replies = String::from_utf8(device.bytes("ap")).unwrap();
    let expected: String = (0..REQUESTS)
        .map(|number| number.to_string())
        .map(|number| format!("${}\r\n{number}\r\n", number.len()))
        .collect();
    assert!(replies == expected);
}
