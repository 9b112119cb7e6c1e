//! Reports from the field, by the numbers of docs/field.md. Transactions (12) have a file of their own.

use crate::board::Board;
use crate::script::{check, check_on};

/// The way of redis-py before version 5: a value with `,` and `=` is a list of fields, each with a `=`.
fn parse_as_redis_py_4(info: &str) {
    for line in info.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (_, value) = line.split_once(':').unwrap_or_else(|| panic!("{line}"));
        if value.contains(',') && value.contains('=') {
            assert!(value.split(',').all(|item| item.contains('=')), "{line}");
        }
    }
}

#[test]
fn field_13_every_line_of_info_is_one_that_parsers_take() {
    let board = Board::default();
    board.last_panic.set(Some("panicked at src/x.rs:1:2: assertion `left == right` failed, no\r\nmemory"));
    let info = crate::server::ask_on(&board, "INFO\r\n");
    assert!(!info.contains(".."), "{info}");
    parse_as_redis_py_4(info.split_once("\r\n").unwrap().1);
    assert!(info.contains("\r\nlast_panic:panicked at src/x.rs:1:2: assertion `left == right` failed; no  memory\r\n"));
    let sections: Vec<_> = info.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    let redis = ["Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "Cluster", "Keyspace"];
    assert_eq!(sections, [&redis[..], &["Device", "WiFi"]].concat());
}

#[test]
fn field_13_client_info_has_the_fields_of_redis_in_its_order() {
    let board = Board::default();
    let reply = crate::server::ask_on(&board, "CLIENT INFO\r\n");
    let line = reply.lines().nth(1).unwrap();
    let names: Vec<_> = line.split(' ').map(|field| field.split_once('=').unwrap().0).collect();
    // Redis 7.0.15, and what 7.2 has behind it.
    let redis = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp \
                 obl oll omem tot-mem events cmd user redir resp lib-name lib-ver";
    assert_eq!(names, redis.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn field_15_read_commands_of_guis() {
    check(
        "@sample 0 235
         @sample 1 7
         ap: TTL lm35
         ap= :-1|
         ap: TTL nosuch
         ap= :-2|
         ap: PTTL led
         ap= :-1|
         ap: STRLEN lm35
         ap= :4|
         ap: STRLEN nosuch
         ap= :0|
         ap: STRLEN meta:led
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: HLEN meta:led
         ap= :4|
         ap: HLEN nosuch
         ap= :0|
         ap: HEXISTS meta:led kind
         ap= :1|
         ap: HEXISTS meta:led nosuch
         ap= :0|
         ap: HMGET meta:led kind nosuch maximum
         ap= *3|$6|switch|$-1|$1|1|
         ap: HMGET nosuch a b
         ap= *2|$-1|$-1|
         ap: HSCAN meta:led 0
         ap= *2|$1|0|*8|$4|kind|$6|switch|$4|unit|$0||$7|minimum|$1|0|$7|maximum|$1|1|
         ap: HSCAN meta:led 0 MATCH m* COUNT 1
         ap= *2|$1|0|*4|$7|minimum|$1|0|$7|maximum|$1|1|
         ap: HSCAN meta:led x
         ap= -ERR invalid cursor|
         ap: HSCAN lm35 0
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: OBJECT ENCODING lm35
         ap= $6|embstr|
         ap: OBJECT ENCODING uptime
         ap= $3|int|
         ap: OBJECT ENCODING history:lm35
         ap= $6|stream|
         ap: OBJECT ENCODING meta:led
         ap= $8|listpack|
         ap: OBJECT ENCODING nosuch
         ap= $-1|
         ap: XINFO GROUPS history:lm35
         ap= *0|
         ap: XINFO GROUPS nosuch
         ap= -ERR no such key|
         ap: XINFO CONSUMERS history:lm35 g
         ap= -NOGROUP No such consumer group 'g' for key name 'history:lm35'|
         ap: CLIENT NO-EVICT ON
         ap= +OK|
         ap: CLIENT NO-TOUCH off
         ap= +OK|
         ap: CLIENT NO-TOUCH x
         ap= -ERR syntax error|",
    );
}

#[test]
fn field_15_the_reading_of_another_device_has_a_time_to_live() {
    check(
        "ap: XADD history:a.x * value 1
         ap~ $
         @wait 20400
         ap: PTTL a.x
         ap= :39600|
         ap: TTL a.x
         ap= :40|
         ap: TTL history:a.x
         ap= :-1|
         @wait 40000
         ap: TTL a.x
         ap= :-2|",
    );
}

#[test]
fn field_15_clients_with_a_cache_connect_and_cache_nothing() {
    let board = Board::default();
    check_on(
        &board,
        "ap: CLIENT TRACKING ON OPTIN
         ap= +OK|
         ap: CLIENT TRACKING ON OPTIN NOLOOP
         ap= +OK|
         ap: CLIENT TRACKING OFF
         ap= +OK|
         ap: CLIENT TRACKING ON
         ap~ -ERR CLIENT TRACKING needs OPTIN
         ap: CLIENT TRACKING ON BCAST
         ap~ -ERR CLIENT TRACKING knows
         ap: CLIENT CACHING YES
         ap~ -ERR CLIENT CACHING is refused
         ap\\ MULTI\\r\\nPTTL led\\r\\nGET led\\r\\nEXEC\\r\\n
         ap= +OK|+QUEUED|+QUEUED|-EXECABORT Transaction discarded because of previous errors.|
         ap\\ CLIENT REPLY OFF\\r\\nSET led 1\\r\\n
         ap$ -ERR CLIENT REPLY is refused: every request has a reply; the connection is closed|",
    );
    assert!(board.applied.borrow().is_empty());
}

#[test]
fn field_16_long_names_are_accepted_and_cut() {
    let name = "sensor-dashboard-7c9d8b6f5d-x2x4q.prod.svc.cluster.local-1";
    check(&format!(
        "ap: CLIENT SETNAME {name}
         ap= +OK|
         ap: CLIENT GETNAME
         ap= $32|{}|
         ap: HELLO 2 SETNAME {name}
         ap~ *14|
         ap: CLIENT SETNAME \"a b\"
         ap= -ERR Client names cannot contain spaces, newlines or special characters.|",
        &name[..32]
    ));
}

#[test]
fn field_13_xinfo_stream_has_the_fields_of_redis_in_its_order() {
    let board = Board::default();
    board.uptime_us.set(1_000_000);
    check_on(
        &board,
        "@sample 0 235
         @wait 1000
         @sample 0 236
         ap: XINFO STREAM history:lm35
         ap= *20|$6|length|:2|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$6|2000-0|$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:2|$23|recorded-first-entry-id|$6|1000-0|$6|groups|:0|$11|first-entry|*2|$6|1000-0|*2|$5|value|$4|23.5|$10|last-entry|*2|$6|2000-0|*2|$5|value|$4|23.6|",
    );
}

#[test]
fn field_20_the_page_tells_the_address_on_which_it_was_asked() {
    check(
        "ap\\ GET / HTTP/1.1\\r\\nHost: captive.apple.com\\r\\n\\r\\n
         ap~ <pre>redis-cli -h 192.168.1.1 -p 3000</pre>
         sta\\ GET / HTTP/1.1\\r\\nHost: captive.apple.com\\r\\n\\r\\n
         sta~ <pre>redis-cli -h 10.0.0.200 -p 3000</pre>",
    );
}
