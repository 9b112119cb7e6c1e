//! The same bytes, to Redis itself: words of a line, and words of an error.
//!
//! Needs `redis-server` on the path, so it runs only when asked for:
//! `cargo test -p sockeye-resp --test redis -- --ignored`.

#![cfg(unix)]

mod common;
#[path = "common/redis_server.rs"]
mod redis_server;

use std::io::{Read, Write};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use redis_server::RedisServer;
use sockeye_resp::{Limits, ProtocolError};
use sockeye_resp::{Reply, decode_reply};

/// How long Redis may take for a reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The answer to `wire` on a connection of its own.
fn ask<T>(redis: &RedisServer, wire: &[u8], read: impl FnOnce(Reply<'_>) -> T) -> T {
    const RX_LEN_MAX: usize = 4096;
    let mut stream = redis.connect(REPLY_TIMEOUT);
    // Redis may close before it has read all of what it refuses.
    let _ = stream.write_all(wire);
    let mut rx = [0; RX_LEN_MAX];
    let mut rx_len = 0;
    loop {
        let received = stream.read(&mut rx[rx_len..]).unwrap();
        assert!(received > 0, "closed without a reply to {}", wire.escape_ascii());
        rx_len += received;
        if let Some((reply, _)) = decode_reply(&rx[..rx_len], RX_LEN_MAX).unwrap() {
            return read(reply);
        }
    }
}

fn error_line(error: ProtocolError) -> Vec<u8> {
    format!("ERR {error}").into_bytes()
}

/// `PUBSUB NUMSUB` replies with its arguments, each followed by a count.
fn arguments(reply: Reply<'_>) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    match reply {
        Reply::Error(text) => Err(text.to_vec()),
        Reply::Array(elements) => Ok(elements
            .iter()
            .filter_map(|element| match element {
                Reply::Bulk(bytes) => Some(bytes.to_vec()),
                _ => None,
            })
            .collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "needs redis-server"]
fn lines_are_split_as_redis_splits_them() {
    let redis = RedisServer::start("lines", &[]);
    let byte = prop_oneof![
        8 => prop::sample::select(&b"abnrtx0fF\"\"''\\\\ \t\x0b\x0c\r"[..]),
        1 => any::<u8>().prop_filter("ends the line or is Telnet", |byte| !matches!(byte, 0 | 3 | b'\n' | 255)),
    ];
    let config = ProptestConfig { cases: 3000, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&vec(byte, 0..16), |line| {
            let wire = [b"PUBSUB NUMSUB ", &line[..], b"\r\n"].concat();
            let outcome = common::decode(&wire, &[], &Limits::AUTHENTICATED);
            let expected = match outcome.error {
                Some(error) => Err(error_line(error)),
                None => Ok(outcome.requests[0][2..].to_vec()),
            };
            prop_assert_eq!(ask(&redis, &wire, arguments), expected);
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "needs redis-server"]
fn errors_are_in_the_words_of_redis() {
    let redis = RedisServer::start("errors", &[]);
    let locked = RedisServer::start("locked", &["--requirepass", "secret"]);
    // `sent` goes to Redis, `decoded` to the decoder, whose limits are tighter.
    let check = |redis: &RedisServer, sent: &str, limits: Limits, decoded: &str| {
        let outcome = common::decode(decoded.as_bytes(), &[], &limits);
        let expected = error_line(outcome.error.expect(decoded));
        assert_eq!(ask(redis, sent.as_bytes(), arguments), Err(expected), "{decoded:?}");
    };
    let far_too_long = "1".repeat(70_000);
    for wire in [
        "*x\r\n",
        "*\r\n",
        "*01\r\n",
        "*4294967296\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n\n\r\n",
        "*1\r\n$x\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$4294967296\r\n",
        "PING \"\r\n",
        &far_too_long,
        "*123456789012\r\n",
        "*99999999999999999999\r\n",
        "*1\r\n$123456789012\r\n",
        "*1\r\n$99999999999999999999\r\n",
    ] {
        check(&redis, wire, Limits::AUTHENTICATED, wire);
    }
    for (sent, decoded) in [("*11\r\n", "*11\r\n"), ("*1\r\n$16385\r\n", "*1\r\n$129\r\n")] {
        check(&locked, sent, Limits::UNAUTHENTICATED, decoded);
    }
}
