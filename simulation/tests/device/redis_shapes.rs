//! The parts of replies that clients and monitors parse, compared with Redis: names, order and types of fields, in
//! RESP2 and RESP3. The values differ, so that `redis.rs` can't compare the bytes.
//!
//! Needs `redis-server` 7.0 on the path, as the tests of `redis.rs` do.

mod shape;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use sockeye_device::{App, AppResources, History, Settings, Value};

use self::shape::{Rule, Shape};
use crate::board::{Board, READINGS, REMOTES};
use crate::redis::{ONE_DATABASE, REPLY_TIMEOUT, ask};
use crate::redis_server::RedisServer;
use crate::script::Device;

/// Fields of CLIENT INFO since Redis 7.2, which come after those of 7.0.
const SINCE_7_2: [&str; 2] = ["lib-name", "lib-ver"];
/// Sections of INFO that are the device's.
const OWN_SECTIONS: [&str; 2] = ["Device", "WiFi"];

/// Requests whose replies have the same fields, all of them.
const SAME: &str = "HELLO
    XINFO STREAM history:lm35
    XINFO STREAM history:a.x
    XINFO GROUPS history:lm35
    SLOWLOG GET
    SLOWLOG GET 1
    SLOWLOG GET -1
    SLOWLOG LEN
    MEMORY USAGE lm35
    MEMORY USAGE history:lm35
    MEMORY USAGE lm35 SAMPLES 0
    MEMORY USAGE nosuch
    COMMAND COUNT
    COMMAND INFO nosuch
    CLIENT ID
    CLIENT LIST
    CLIENT LIST TYPE normal
    CLIENT LIST TYPE pubsub
    CLIENT INFO
    CONFIG GET databases
    TIME
    MODULE LIST
    LATENCY LATEST
    OBJECT ENCODING lm35
    XRANGE history:lm35 - + COUNT 1";

/// Requests of which a device tells some of the fields.
const PART: &str = "INFO
    INFO all
    INFO everything
    INFO default
    INFO server
    INFO clients server
    INFO KEYSPACE stats Memory
    INFO replication cluster persistence
    COMMAND
    COMMAND INFO get nosuch client
    COMMAND DOCS nosuch";

/// Some of the subcommands, which COMMAND LIST leaves out.
const SUBCOMMANDS: &str = "client|list client|setname config|get config|set command|docs memory|usage object|encoding slowlog|get xinfo|stream";

/// The replies of both to the same request, each in RESP2 and RESP3.
struct Replies {
    ours: Shape,
    theirs: Shape,
}

/// A Redis and a device that were told the same, with a client in each protocol.
struct Pair<'a> {
    device: Device<'a>,
    redis: [UnixStream; 2],
}

/// Sends a request, and reads until Redis answers the PING after it. Replies may be nested deeper than a client's decoder
/// takes. The PING is in the slow log, so its argument is a number as those of the requests before.
fn ask_deep(redis: &mut UnixStream, request: &str) -> Vec<u8> {
    const PONG: &[u8] = b"$7\r\n1234567\r\n";
    redis.write_all(format!("{request}\r\nPING 1234567\r\n").as_bytes()).unwrap();
    let mut received = Vec::new();
    let mut buf = [0; 4096];
    while !received.ends_with(PONG) {
        let len = redis.read(&mut buf).unwrap();
        assert!(len > 0, "closed after {request}");
        received.extend_from_slice(&buf[..len]);
    }
    received.truncate(received.len() - PONG.len());
    received
}

impl Pair<'_> {
    /// Asks both in both protocols. A server's reply in RESP2 must be that in RESP3 with what RESP2 has for its types.
    fn ask(&mut self, request: &str) -> Replies {
        let wire = format!("{request}\r\n");
        let mut ours = ["lo2", "lo3"].map(|client| {
            self.device.send(client, wire.as_bytes());
            self.device.bytes(client)
        });
        let mut theirs = self.redis.each_mut().map(|stream| ask_deep(stream, request));
        let read = |bytes: &mut [Vec<u8>; 2]| {
            let [resp2, resp3] = bytes.each_mut().map(|bytes| Shape::read(std::mem::take(bytes)));
            resp3.with_resp2(resp2).unwrap_or_else(|error| panic!("{request}: {error}"))
        };
        Replies { ours: read(&mut ours), theirs: read(&mut theirs) }
    }
}

#[test]
#[ignore = "needs redis-server"]
fn field_13_texts_and_replies_have_the_shapes_of_redis() {
    let redis = RedisServer::start("shapes", &[&ONE_DATABASE[..], &["--slowlog-log-slower-than", "0"]].concat());
    let mut setup = redis.connect(REPLY_TIMEOUT);
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len() + REMOTES];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    for (ms, value) in [(1000, "23.1"), (2000, "23.2"), (3000, "23.3")] {
        board.uptime_us.set(ms * 1_000);
        app.sample(0, Value::parse(value.as_bytes(), 1).unwrap());
        ask(&mut setup, &format!("XADD history:lm35 {ms}-0 value {value}"), 1);
        ask(&mut setup, &format!("SET lm35 {value}"), 1);
    }
    ask(&mut setup, "SET led 0", 1);
    ask(&mut setup, "XADD history:a.x 5-1 value 1", 1);
    // Each command takes so long that it is in the slow log.
    board.step_us.set(20_000);
    let mut device = Device::new(&board, &app);
    device.send("lo1", b"XADD history:a.x 5-1 value 1\r\nQUIT\r\n");
    let mut clients = [redis.connect(REPLY_TIMEOUT), redis.connect(REPLY_TIMEOUT)];
    for (index, (client, hello)) in [("lo2", "HELLO 2"), ("lo3", "HELLO 3")].into_iter().enumerate() {
        device.send(client, format!("{hello}\r\nCLIENT SETNAME a\r\n").as_bytes());
        device.bytes(client);
        ask(&mut clients[index], &format!("{hello}\r\nCLIENT SETNAME a"), 2);
    }
    let mut pair = Pair { device, redis: clients };

    let mut differences = Vec::new();
    let mut compare = |request: &str, rule: Rule<'_>, replies: &Replies| {
        replies.ours.compare(&replies.theirs, rule, request, &mut differences);
    };
    for request in SAME.lines().map(str::trim) {
        compare(request, Rule::Same { newer: &SINCE_7_2 }, &pair.ask(request));
    }
    for request in PART.lines().map(str::trim) {
        compare(request, Rule::Part { own: &OWN_SECTIONS }, &pair.ask(request));
    }
    let Shape::List(commands) = pair.ask("COMMAND LIST").ours else { panic!("COMMAND LIST is no list") };
    assert!(commands.len() > 50, "{} commands", commands.len());
    let subcommands = SUBCOMMANDS.split(' ').map(|name| Shape::Text(name.to_owned()));
    for command in commands.into_iter().chain(subcommands) {
        let Shape::Text(name) = command else { panic!("{command:?} is no command's name") };
        let replies = pair.ask(&format!("COMMAND INFO {name}"));
        let Shape::List(found) = &replies.theirs else { panic!("{:?}", replies.theirs) };
        if found != &[Shape::Null] {
            compare(&format!("COMMAND INFO {name}"), Rule::Part { own: &[] }, &replies);
            let docs = pair.ask(&format!("COMMAND DOCS {name}"));
            compare(&format!("COMMAND DOCS {name}"), Rule::Part { own: &[] }, &docs);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
