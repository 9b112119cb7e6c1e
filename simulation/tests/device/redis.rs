//! The same requests, to Redis itself: the replies must be the same bytes.
//!
//! Needs `redis-server` 7.0 on the path, so it runs only when asked for: `cargo test --test device -- --ignored` in
//! the workspace `simulation`.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sockeye_device::{App, AppResources, History, Settings, TokenHash, Value};
use sockeye_resp::decode_reply;

use crate::board::{Board, READINGS, REMOTES};
use crate::redis_server::RedisServer;
use crate::script::Device;

/// How long Redis may take for a reply. Only a test that fails waits for so long.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest reply that is compared.
const REPLY_LEN_MAX: usize = 1024 * 1024;
const TOKEN: &str = "correct-horse";
/// As many as a device has.
pub const ONE_DATABASE: [&str; 2] = ["--databases", "1"];

/// Sends a line, and reads until Redis has sent `replies` replies.
pub fn ask(redis: &mut UnixStream, line: &str, replies: usize) -> Vec<u8> {
    redis.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut received = Vec::new();
    let mut buf = [0; 64 * 1024];
    while count_replies(&received) < replies {
        match redis.read(&mut buf) {
            Ok(0) => break,
            Ok(len) => received.extend_from_slice(&buf[..len]),
            // Redis has sent fewer replies than the device.
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{line}: {error}"),
        }
    }
    received
}

/// How many complete replies `received` begins with.
fn count_replies(mut received: &[u8]) -> usize {
    let mut replies = 0;
    while let Some((_, len)) = decode_reply(received, REPLY_LEN_MAX).unwrap() {
        received = &received[len..];
        replies += 1;
    }
    replies
}

/// Asks both the same, line by line on one connection, and tells all that differs at once.
fn compare(redis: &RedisServer, device: &mut Device<'_>, client: &str, lines: &[&str]) {
    let mut stream = redis.connect(REPLY_TIMEOUT);
    let mut differences = String::new();
    for line in lines {
        device.send(client, format!("{line}\r\n").as_bytes());
        let ours = device.bytes(client);
        let theirs = text(&ask(&mut stream, line, count_replies(&ours)));
        let ours = text(&ours);
        // Redis tells keys in the order of its hash table, which is another at each start.
        let is_any_order = line.starts_with("KEYS ") || line.starts_with("SCAN ");
        let is_same = if is_any_order { sorted(&ours) == sorted(&theirs) } else { ours == theirs };
        if !is_same {
            differences += &format!("{line}\n  device {ours:?}\n  Redis  {theirs:?}\n");
        }
    }
    assert!(differences.is_empty(), "after {}\n{differences}", lines[0]);
}

fn sorted(reply: &str) -> Vec<&str> {
    let mut lines: Vec<_> = reply.split("\r\n").collect();
    lines.sort_unstable();
    lines
}

/// The bytes that were sent, without the number of the connection.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match text.split_once("$2\r\nid\r\n:") {
        Some((before, after)) => format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => text,
    }
}

#[test]
#[ignore = "needs redis-server"]
fn replies_are_those_of_redis() {
    let redis = RedisServer::start("device-open", &ONE_DATABASE);
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
    ask(&mut setup, "HSET meta:led kind switch", 1);
    let mut device = Device::new(&board, &app);
    for (client, version) in [("lo1", "HELLO 2"), ("lo2", "HELLO 3")] {
        let lines: Vec<_> = std::iter::once(version).chain(OPEN.lines().map(str::trim)).collect();
        compare(&redis, &mut device, client, &lines);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn refusals_are_those_of_redis() {
    let redis = RedisServer::start("device-locked", &["--databases", "1", "--requirepass", TOKEN]);
    let board = Board::default();
    let settings = Settings { token: Some(TokenHash::new(TOKEN.as_bytes(), [7; 16])), ..Settings::default() };
    let mut histories = [const { History::new() }; READINGS.len() + REMOTES];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, settings).unwrap();
    let mut device = Device::new(&board, &app);
    let lines: Vec<_> = LOCKED.lines().map(str::trim).collect();
    compare(&redis, &mut device, "sta", &lines);
}

const LOCKED: &str = "GET lm35
    HELLO
    HELLO 3
    HELLO 9
    foo
    CLIENT foo
    get
    AUTH a b c
    AUTH bad
    AUTH default bad
    AUTH correct-horse
    GET lm35
    AUTH default correct-horse
    HELLO 3 AUTH default correct-horse
    RESET
    GET lm35
    HELLO 3 AUTH default correct-horse SETNAME \"a b\"
    QUIT a";

const OPEN: &str = "PING
    PING hello
    PING a b
    ECHO hi
    ECHO
    HELLO
    HELLO 4
    HELLO abc
    HELLO 3 FOO
    HELLO 3 AUTH x
    HELLO 3 SETNAME
    SELECT 0
    SELECT 1
    SELECT a
    CLIENT
    CLIENT FOO
    CLIENT GETNAME
    CLIENT SETNAME \"a b\"
    CLIENT SETNAME me
    CLIENT GETNAME
    CLIENT ID a
    CLIENT KILL 1.1.1.1:5
    CLIENT KILL ID 3333
    CLIENT KILL ID abc
    CLIENT KILL FOO BAR
    CLIENT KILL FOO
    CLIENT LIST FOO
    CLIENT LIST TYPE foo
    AUTH a
    AUTH a b c
    AUTH default a
    AUTH other a
    GET lm35
    GET nosuch
    GET history:lm35
    GET
    GET a b
    MGET lm35 led nosuch history:lm35
    MGET
    EXISTS lm35 lm35 led nosuch
    TYPE lm35
    TYPE history:lm35
    TYPE meta:led
    TYPE nosuch
    SET led
    SET led 1 FOO
    HGET meta:led kind
    HGET meta:led nosuch
    HGET nosuch kind
    HGET lm35 kind
    HGET a
    HGETALL nosuch
    HGETALL lm35
    HKEYS nosuch
    KEYS lm*
    KEYS history:[a-m]*
    KEYS x*
    SCAN 0 MATCH lm* COUNT 100
    SCAN 0 TYPE stream COUNT 100
    SCAN 0 TYPE foo COUNT 100
    SCAN a
    SCAN 0 FOO
    SCAN 0 COUNT
    SCAN 0 COUNT 0
    SCAN 0 COUNT a
    XADD history:a.x 5
    XADD history:a.x 5-1 value
    XADD history:a.x 5-1 value 1 value
    XADD history:a.x foo value 1
    XADD history:a.x - value 1
    XADD history:a.x + value 1
    XADD history:a.x 5-1-1 value 1
    XADD history:a.x 5- value 1
    XADD history:a.x $ value 1
    XADD history:a.x 18446744073709551616 value 1
    XADD history:a.x 0-0 value 1
    XADD history:a.x 0 value 1
    XADD lm35 5-1 value 1
    XADD meta:led 5-1 value 1
    XINFO STREAM history:a.x FOO
    XADD history:a.x 0-* value 23.5
    XADD history:a.x 5-1 value 23.5
    XADD history:a.x 5-1 value 23.5
    XADD history:a.x 5-0 value 23.5
    XADD history:a.x 4-* value 23.5
    XADD history:a.x 5-* value 23.6
    XADD history:a.x 6-* value -1.0
    XADD history:a.x 7 value -1.5
    XADD history:a.x 7 value -1.5
    XRANGE history:a.x - +
    XLEN history:a.x
    XREAD COUNT 1 STREAMS history:a.x 5
    TYPE history:a.x
    XINFO
    XINFO FOO
    XINFO STREAM
    XINFO STREAM nosuch
    XINFO STREAM lm35
    XLEN history:lm35
    XLEN nosuch
    XLEN lm35
    XLEN
    XRANGE history:lm35 - +
    XRANGE history:lm35 (1000 +
    XRANGE history:lm35 1001 3000
    XRANGE history:lm35 1000-1 3000-0
    XRANGE history:lm35 - (3000
    XRANGE history:lm35 - (3000-1
    XRANGE history:lm35 (- +
    XRANGE history:lm35 foo +
    XRANGE history:lm35 - + COUNT 2
    XRANGE history:lm35 - + COUNT 0
    XRANGE history:lm35 - + COUNT -1
    XRANGE history:lm35 - + COUNT
    XRANGE history:lm35 - + COUNT a
    XRANGE history:lm35 - + FOO 2
    XRANGE history:lm35 - (0-0
    XRANGE history:lm35 (18446744073709551615-18446744073709551615 +
    XRANGE nosuch - +
    XRANGE lm35 - +
    XREVRANGE history:lm35 + -
    XREVRANGE history:lm35 + - COUNT 2
    XREVRANGE history:lm35 (3000 1000
    XREVRANGE history:lm35 - +
    XREAD STREAMS history:lm35 0
    XREAD STREAMS history:lm35 1000
    XREAD STREAMS history:lm35 nosuch history:lm35 2000 0 1000-5
    XREAD COUNT 1 STREAMS history:lm35 0
    XREAD COUNT 0 STREAMS history:lm35 0
    XREAD COUNT -5 STREAMS history:lm35 0
    XREAD COUNT a STREAMS history:lm35 0
    XREAD BLOCK -1 STREAMS history:lm35 0
    XREAD BLOCK a STREAMS history:lm35 0
    XREAD BLOCK 10 STREAMS history:lm35 0
    XREAD STREAMS history:lm35 $
    XREAD STREAMS history:lm35 3000
    XREAD STREAMS history:lm35 >
    XREAD STREAMS history:lm35 +
    XREAD STREAMS history:lm35 -
    XREAD STREAMS history:lm35 foo
    XREAD STREAMS history:lm35 18446744073709551616
    XREAD STREAMS history:lm35 18446744073709551615-18446744073709551615
    XREAD STREAMS nosuch 0
    XREAD STREAMS lm35 0
    XREAD STREAMS a b 0
    XREAD STREAMS a
    XREAD FOO a 0
    XREAD COUNT 1 STREAMS
    XREAD COUNT 1 BLOCK
    XREAD GROUP a b STREAMS s 0
    CONFIG
    CONFIG FOO
    CONFIG GET
    CONFIG GET save
    CONFIG GET appendonly
    CONFIG GET DATABASES
    CONFIG GET loglevel
    CONFIG GET *foo
    CONFIG SET foo bar
    CONFIG SET foo
    CONFIG SET loglevel
    CONFIG SET databases 3
    CONFIG SET loglevel foo
    CONFIG SET loglevel notice loglevel debug
    CONFIG SET loglevel notice foo bar
    CONFIG SET loglevel notice
    COMMAND FOO
    COMMAND LIST FILTERBY
    COMMAND LIST FOO BAR
    COMMAND LIST FILTERBY FOO BAR
    SLOWLOG GET a
    SLOWLOG GET -2
    SLOWLOG GET 1 2
    SLOWLOG LEN a
    SLOWLOG FOO
    SLOWLOG RESET
    LATENCY LATEST
    LATENCY FOO
    MEMORY FOO
    MEMORY USAGE nosuch
    MODULE LIST
    ACL WHOAMI
    PUBSUB FOO
    PUBSUB CHANNELS
    PUBSUB CHANNELS a b
    PUBSUB NUMSUB
    PUBSUB NUMSUB a b
    PUBSUB NUMPAT
    INFO nosuch
    MULTI
    MULTI
    PING
    EXEC
    EXEC
    MULTI
    PING
    MULTI
    GET nosuch
    EXEC
    MULTI
    foo
    MULTI
    EXEC
    MULTI
    PING
    EXEC a
    PING
    EXEC
    MULTI
    MULTI
    DISCARD
    DISCARD
    MULTI a
    MULTI
    XRANGE nosuch - +
    UNWATCH
    MGET lm35 nosuch
    EXEC
    PING
    foo
    foo a b
    foo \"a b\" c\\r
    foo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccc ddddddddddd
    foo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b c
    client|id
    subscribe
    unsubscribe
    punsubscribe
    subscribe a b
    ping
    ping x
    get lm35
    unsubscribe a nosuch
    psubscribe c*
    subscribe b b
    unsubscribe
    punsubscribe
    punsubscribe q
    subscribe x
    psubscribe y*
    hget
    foo
    reset
    GET lm35
    QUIT";
