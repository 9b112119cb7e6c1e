//! INFO, COMMAND, CONFIG, SLOWLOG, and what clients ask when they connect.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use sockeye_device::command_table::COMMANDS;
use sockeye_device::limits::{RESTART_DELAY_MS, TX_LEN};
use sockeye_device::{App, AppResources, Health, History, LogLevel, ServerHealth, Settings};
use sockeye_wifi::Network;

use crate::board::{Board, READINGS};
use crate::script::{Device, check, check_on};

fn ask(request: &str) -> String {
    ask_on(&Board::default(), request)
}

/// The text of a bulk string that is all there is.
fn bulk(reply: &str) -> &str {
    let (header, rest) = reply.split_once("\r\n").unwrap();
    let text = rest.strip_suffix("\r\n").unwrap();
    assert_eq!(header, format!("${}", text.len()));
    text
}

/// Figures as long as they get.
fn well_used() -> Board {
    let board = Board::default();
    board.uptime_us.set(100_000 * 86_400_000_000);
    board.unix_us.set(Some(1_795_397_613_989_729));
    let server = ServerHealth {
        slots: 8,
        accepted: u32::MAX,
        refused: u32::MAX,
        displaced: u32::MAX,
        timed_out: u32::MAX,
        reset: u32::MAX,
        accept_errors: u32::MAX,
        idle_timeout_s: 10,
        bytes_in: u64::MAX,
        bytes_out: u64::MAX,
    };
    board.health.set(Health {
        used_memory: u32::MAX,
        total_memory: u32::MAX,
        heap_free: Some(u32::MAX),
        reset_reason: "power_on",
        wifi_rssi_dbm: Some(-100),
        server,
    });
    board
}

/// The device's answer to a request of a client in the access point's network.
pub fn ask_on(board: &Board, request: &str) -> String {
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(board, &app);
    device.send("ap", request.as_bytes());
    String::from_utf8(device.bytes("ap")).unwrap()
}

#[test]
fn info_tells_all() {
    let reply = ask("INFO\r\n");
    let info = bulk(&reply);
    for line in [
        "# Server",
        "redis_version:7.0.15",
        "uptime_in_seconds:0",
        "connected_clients:1",
        "used_memory:123456",
        "total_connections_received:4",
        "rejected_connections:1",
        "maxclients:8",
        "reset_reason:power_on",
        "heap_free:50000",
        "db0:keys=7,expires=0,avg_ttl=0",
        "device_name:sockeye-3f2a",
    ] {
        assert!(info.lines().any(|known| known == line), "{line}\n{info}");
    }
}

/// A signal that was measured is that of the network that the station is in; one that it has left has none.
#[test]
fn info_leaves_out_what_a_device_does_not_have() {
    let board = Board::default();
    board.health.set(Health { wifi_rssi_dbm: Some(-61), ..board.health.get() });
    assert!(!ask_on(&board, "INFO wifi\r\n").contains("wifi_rssi_dbm"));
    board.stored.borrow_mut().networks.push(Network::new(b"home").unwrap()).unwrap();
    check_on(
        &board,
        "@radio
         sta: INFO wifi
         sta? wifi_rssi_dbm
         sta~ joining
         @wifi joined
         @wifi address 10.0.0.7
         sta: INFO wifi
         sta~ wifi_rssi_dbm:-61
         @wifi left
         sta: INFO wifi
         sta? wifi_rssi_dbm
         sta~ pausing",
    );
}

#[test]
fn info_tells_what_the_last_panic_said() {
    let board = Board::default();
    assert!(!ask_on(&board, "INFO device\r\n").contains("last_panic"));
    board.last_panic.set(Some("panicked at src/radio.rs:1:2: no memory"));
    let reply = ask_on(&board, "INFO device\r\n");
    assert!(bulk(&reply).contains("\r\nlast_panic:panicked at src/radio.rs:1:2: no memory\r\n"), "{reply}");
}

#[test]
fn a_long_info_comes_in_parts_and_its_length_is_right() {
    let board = well_used();
    for request in ["INFO\r\n", "INFO all\r\n", "info everything\r\n"] {
        let reply = ask_on(&board, request);
        let info = bulk(&reply);
        assert!(info.len() > TX_LEN, "{}", info.len());
        for line in info.lines() {
            assert!(line.is_empty() || line.starts_with("# ") || line.contains(':'), "{line:?}");
        }
        assert!(info.contains("\r\ntotal_net_output_bytes:18446744073709551615\r\n"), "{info}");
    }
    let reply = ask_on(&board, "INFO\r\nPING\r\nINFO\r\nQUIT\r\n");
    assert!(reply.contains("\r\n\r\n+PONG\r\n$"), "{reply}");
    assert!(reply.ends_with("\r\n\r\n+OK\r\n"), "{reply}");
}

#[test]
fn figures_may_change_while_they_are_sent() {
    let board = well_used();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let longer = board.health.get();
    for shrinks in [true, false] {
        let shorter = Health { wifi_rssi_dbm: None, heap_free: None, server: ServerHealth::default(), ..longer };
        board.health.set(if shrinks { longer } else { shorter });
        let mut device = Device::new(&board, &app);
        device.send("ap", b"PING\r\n");
        device.bytes("ap");
        device.wire("ap").0.borrow_mut().is_stuck = true;
        device.send("ap", b"INFO\r\nPING\r\n");
        board.health.set(if shrinks { shorter } else { longer });
        device.wire("ap").0.borrow_mut().is_stuck = false;
        device.run();
        let reply = String::from_utf8(device.bytes("ap")).unwrap();
        let info = bulk(reply.strip_suffix("+PONG\r\n").unwrap());
        for line in info.lines() {
            assert!(line.is_empty() || line.starts_with("# ") || line.contains(':'), "{line:?}");
        }
    }
}

#[test]
fn info_tells_one_section() {
    check(
        "ap: INFO replication
         ap= $48|# Replication|role:master|connected_slaves:0||
         ap: INFO nosuch
         ap= $0||
         ap: HELLO 3
         ap~ %7|
         ap: INFO replication
         ap= =52|txt:# Replication|role:master|connected_slaves:0||
         ap: INFO nosuch
         ap= =4|txt:|",
    );
}

#[test]
fn client_list_of_all_slots_is_sent_in_parts() {
    let mut script = String::new();
    for client in 1..=8 {
        script += &format!("ap{client}: CLIENT SETNAME {}\nap{client}= +OK|\n", "x".repeat(32));
    }
    check(&format!("{script}ap1: CLIENT LIST\nap1~ /id=8 "));
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    for client in 1..=8 {
        device.send(&format!("ap{client}"), format!("CLIENT SETNAME {}\r\n", "x".repeat(32)).as_bytes());
        device.bytes(&format!("ap{client}"));
    }
    device.send("ap5", b"CLIENT LIST\r\n");
    let reply = String::from_utf8(device.bytes("ap5")).unwrap();
    let list = bulk(&reply);
    assert_eq!(list.lines().count(), 8);
    for line in list.lines() {
        assert!(line.split(' ').all(|field| field.split_once('=').is_some()), "{line}");
    }
}

#[test]
fn command_describes_the_whole_table() {
    let commands = COMMANDS.iter().filter(|command| command.parent().is_none()).count();
    for (request, kind) in [("COMMAND\r\n", '*'), ("COMMAND INFO\r\n", '*')] {
        let reply = ask(request);
        let (rest, elements) = element(&reply);
        assert_eq!((rest, elements), ("", commands), "{request} {kind}");
    }
    let docs = ask("COMMAND DOCS\r\n");
    assert_eq!(element(&docs), ("", 2 * commands));
    for command in &COMMANDS {
        assert!(docs.contains(&format!("\r\n{}\r\n", command.name)), "{}", command.name);
    }
    let list = ask("COMMAND LIST\r\n");
    assert_eq!(element(&list), ("", commands));
    assert_eq!(ask("COMMAND COUNT\r\n"), format!(":{commands}\r\n"));
}

/// Skips one reply of RESP2, and gives what follows, and how many elements it had.
fn element(reply: &str) -> (&str, usize) {
    let (header, mut rest) = reply.split_once("\r\n").unwrap();
    let (kind, value) = header.split_at(1);
    match kind {
        "+" | "-" | ":" => (rest, 0),
        "$" if value == "-1" => (rest, 0),
        "$" => (rest[value.parse::<usize>().unwrap()..].strip_prefix("\r\n").unwrap(), 0),
        "*" if value == "-1" => (rest, 0),
        "*" => {
            let len = value.parse().unwrap();
            for _ in 0..len {
                rest = element(rest).0;
            }
            (rest, len)
        }
        _ => panic!("{header}"),
    }
}

#[test]
fn command_describes_some() {
    check(
        "ap: COMMAND INFO get nosuch
         ap= *2|*10|$3|get|:2|*1|+readonly|:1|:1|:1|*2|+@string|+@read|*0|*0|*0|*-1|
         ap: COMMAND DOCS get nosuch
         ap= *2|$3|get|*8|$7|summary|$61|Get the latest value of a reading, or the value of an output.|$5|since|$5|1.0.0|$5|group|$6|string|$9|arguments|*1|*4|$4|name|$3|key|$4|type|$6|string|
         ap: COMMAND LIST FILTERBY PATTERN xr*
         ap= *3|$6|xrange|$5|xread|$9|xrevrange|
         ap: COMMAND LIST FILTERBY
         ap= -ERR syntax error|
         ap: COMMAND FOO
         ap= -ERR unknown subcommand 'FOO'. Try COMMAND HELP.|
         ap: COMMAND GETKEYS get a
         ap= -ERR unknown subcommand 'GETKEYS'. Try COMMAND HELP.|
         ap: ACL HELP
         ap= *5|+ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:|+WHOAMI|+    Return the name of the only user, default.|+HELP|+    Print this help.|
         ap: command help
         ap~ *11|+COMMAND <subcommand>
         ap: HELP
         ap~ -ERR unknown command
         ap: ACL HELP me
         ap= -ERR wrong number of arguments for 'help' command|
         ap: HELLO 3
         ap~ %7|
         ap: COMMAND INFO client|id
         ap= *1|*10|$9|client|id|:2|~0|:0|:0|:0|~2|+@connection|+@read|~0|~0|~0|",
    );
}

#[test]
fn what_clients_ask_when_they_connect() {
    check(
        "ap: CONFIG GET save
         ap= *2|$4|save|$0||
         ap: CONFIG GET appendonly
         ap= *2|$10|appendonly|$2|no|
         ap: CLIENT MAINT_NOTIFICATIONS ON
         ap= -ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.|
         ap: MODULE LIST
         ap= *0|
         ap: ACL WHOAMI
         ap= $7|default|
         ap: LATENCY LATEST
         ap= *0|
         ap: LATENCY FOO
         ap= -ERR unknown subcommand 'FOO'. Try LATENCY HELP.|
         ap: MEMORY DOCTOR
         ap= -ERR unknown subcommand 'DOCTOR'. Try MEMORY HELP.|
         ap: MEMORY USAGE nosuch
         ap= $-1|
         ap: MEMORY USAGE led
         ap= :4|
         ap: MEMORY USAGE led SAMPLES 5
         ap= :4|",
    );
}

#[test]
fn time_is_the_wall_clock_once_it_is_known() {
    let board = Board::default();
    board.uptime_us.set(2_000_003);
    check_on(&board, "ap: TIME\nap= *2|$1|2|$1|3|");
    board.unix_us.set(Some(1_795_397_613_989_729));
    check_on(&board, "ap: TIME\nap= *2|$10|1795397613|$6|989729|");
}

#[test]
fn configuration_is_read_by_pattern() {
    check(
        "ap: CONFIG GET max* DATABASES
         ap= *4|$9|DATABASES|$1|1|$10|maxclients|$1|8|
         ap: CONFIG GET *
         ap= *46|$9|ap.always|$2|no|$5|ap.ip|$14|192.168.1.1/24|$7|ap.open|$2|no|$10|appendonly|$2|no|$9|databases|$1|1|$11|device.name|$12|sockeye-3f2a|$8|loglevel|$6|notice|$10|maxclients|$1|8|$4|port|$4|3000|$10|push.names|$1|*|$11|push.period|$1|0|$7|push.to|$0||$13|remote.expire|$2|60|$4|save|$0||$15|slowlog-max-len|$1|4|$23|slowlog-log-slower-than|$5|10000|$11|time.server|$0||$7|timeout|$2|10|$12|wifi.country|$2|01|$12|wifi.gateway|$0||$7|wifi.ip|$4|dhcp|$14|wifi.powersave|$2|no|$9|wifi.ssid|$0||
         ap: CONFIG GET auth.token
         ap= *0|
         ap: CONFIG GET
         ap= -ERR wrong number of arguments for 'config|get' command|",
    );
}

#[test]
fn configuration_is_set_all_or_nothing() {
    let board = Board::default();
    check_on(
        &board,
        "ap: CONFIG SET device.name kitchen loglevel debug
         ap= +OK|
         ap: CONFIG GET device.name loglevel
         ap= *4|$11|device.name|$7|kitchen|$8|loglevel|$5|debug|
         ap: CONFIG SET device.name hall foo bar
         ap= -ERR Unknown option or number of arguments for CONFIG SET - 'foo'|
         ap: CONFIG SET device.name hall loglevel foo
         ap= -ERR CONFIG SET failed (possibly related to argument 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning|
         ap: CONFIG SET device.name \"<b>\"
         ap= -ERR CONFIG SET failed (possibly related to argument 'device.name') - a name has at most 32 letters, digits, '.', '_' and '-'|
         ap: CONFIG SET databases 3
         ap= -ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config|
         ap: CONFIG SET loglevel debug loglevel notice
         ap= -ERR CONFIG SET failed (possibly related to argument 'loglevel') - duplicate parameter|
         ap: CONFIG SET loglevel debug device.name
         ap= -ERR wrong number of arguments for 'config|set' command|
         ap: CONFIG SET device.name
         ap= -ERR wrong number of arguments for 'config|set' command|
         ap: CONFIG GET device.name
         ap= *2|$11|device.name|$7|kitchen|",
    );
    // After a reboot.
    check_on(&board, "ap: CONFIG GET device.name\nap= *2|$11|device.name|$7|kitchen|");
}

#[test]
fn the_log_level_is_in_force_at_boot_and_after_each_change() {
    let board = Board::default();
    check_on(&board, "");
    assert_eq!(board.log_level.get(), Some(LogLevel::Notice));
    check_on(&board, "ap: CONFIG SET loglevel debug\nap= +OK|");
    assert_eq!(board.log_level.take(), Some(LogLevel::Debug));
    // After a reboot.
    check_on(&board, "");
    assert_eq!(board.log_level.get(), Some(LogLevel::Debug));
    board.is_flash_broken.set(true);
    check_on(&board, "ap: CONFIG SET loglevel warning\nap~ storing failed");
    assert_eq!(board.log_level.get(), Some(LogLevel::Debug), "what is not stored is not in force");
    board.is_flash_broken.set(false);
    check_on(&board, "ap: CONFIG FACTORYRESET\nap= +OK|");
    assert_eq!(board.log_level.get(), Some(LogLevel::Notice));
}

#[test]
fn what_is_not_stored_is_not_said_to_be() {
    let board = Board::default();
    board.is_flash_broken.set(true);
    check_on(
        &board,
        "ap: CONFIG SET device.name kitchen
         ap= -ERR CONFIG SET failed - storing failed: nothing has changed, unless a restart finds the change half stored|
         ap: CONFIG GET device.name
         ap= *2|$11|device.name|$12|sockeye-3f2a|
         ap: CONFIG SET auth.token correct-horse
         ap= -ERR CONFIG SET failed - storing failed: nothing has changed, unless a restart finds the change half stored|
         sta: GET lm35
         sta= $-1|
         # What is so already needs no store.
         ap: CONFIG SET loglevel notice
         ap= +OK|
         ap: INFO device
         ap~ |store:failed|",
    );
}

#[test]
fn slow_commands_are_logged_without_secrets() {
    let board = Board::default();
    board.step_us.set(6_000);
    check_on(
        &board,
        "ap: SLOWLOG LEN
         ap= :0|
         ap: SLOWLOG RESET
         ap= +OK|",
    );
    board.step_us.set(12_000);
    check_on(
        &board,
        "ap: CLIENT SETNAME me
         ap= +OK|
         ap: CONFIG SET auth.token correct-horse
         ap= +OK|
         ap: MGET a b c d e
         ap= *5|$-1|$-1|$-1|$-1|$-1|
         ap: SLOWLOG GET 2
         ap~ |*4|$4|MGET|$1|a|$1|b|$22|... (3 more arguments)|$16|192.168.1.2:5000|$2|me|
         ap: SLOWLOG GET
         ap~ |*4|$6|CONFIG|$10|(redacted)|$10|(redacted)|$10|(redacted)|
         ap: EXISTS a-name-of-more-than-twenty-four-bytes
         ap= :0|
         ap: SLOWLOG GET 1
         ap~ |*2|$6|EXISTS|$24|a-name-of-more-than-t...|
         ap: SLOWLOG GET -2
         ap= -ERR count should be greater than or equal to -1|
         ap: SLOWLOG GET a
         ap= -ERR count should be greater than or equal to -1|
         ap: SLOWLOG GET 1 2
         ap= -ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.|",
    );
}

#[test]
fn restart_answers_closes_all_connections_and_is_asked_for() {
    let board = Board::default();
    let mut histories = board.histories();
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    let mut restart = pin!(app.restart_requested());
    let mut is_due = move || restart.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    device.script("sta: RESTART\nsta~ -DENIED\nap: MULTI\nap= +OK|\nap: RESTART\nap~ -ERR\nap: DISCARD\nap= +OK|");
    assert!(!is_due(), "nobody was allowed to");
    device.script("ap2: SUBSCRIBE lm35\nap2~ subscribe\nap: RESTART\nap$ +OK|\nap2$\nsta$");
    assert!(!is_due(), "replies have time to arrive");
    device.wait(RESTART_DELAY_MS);
    assert!(is_due());
}
