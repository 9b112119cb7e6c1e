//! The log: the console's last lines, as a stream and as a channel.

use sockeye_device::limits::{LOG_LINE_LEN_MAX, LOG_LINES_MAX, LOG_MEMORY_LEN, TX_LEN};
use sockeye_device::{App, AppResources, LogLevel, LogMemory, LogRing, OutputError, OutputInfo, Platform, ReadingInfo};
use sockeye_device::{DeviceIdentity, Health, Now, Settings, SetupError, Value};

use crate::board::{Board, READINGS};
use crate::script::Device;

/// Memory that nobody wrote.
fn memory() -> LogMemory {
    [(); LOG_MEMORY_LEN].map(|()| 0xa5.into())
}

/// Runs `test` with a device that has its log in this memory.
fn with_device(memory: &LogMemory, board: &Board, test: impl FnOnce(&mut Device<'_>, &LogRing<'_>)) {
    let (mut histories, mut resources) = (board.histories(), AppResources::new());
    let log = LogRing::new(memory);
    let settings = board.stored.borrow().clone();
    let app = App::new(board, &mut resources, &mut histories, settings).unwrap().with_log(&log);
    let mut device = Device::new(board, &app);
    device.log = Some(&log);
    test(&mut device, &log);
}

fn check_in(memory: &LogMemory, board: &Board, script: &str) {
    with_device(memory, board, |device, _| device.script(script));
}

fn check(script: &str) {
    check_in(&memory(), &Board::default(), script);
}

#[test]
fn the_log_is_a_stream() {
    check(
        "ap: XRANGE log - +
         ap= *0|
         ap: XLEN log
         ap= :0|
         @log notice mode: access point
         @wait 5
         @log warning stored settings: damaged
         @clock 1000000
         @sample 0 235
         @wait 7
         @log notice network down
         ap: XRANGE log - +
         ap= *3|*2|$3|0-1|*4|$4|line|$18|mode: access point|$5|level|$6|notice|*2|$3|5-0|*4|$4|line|$24|stored settings: damaged|$5|level|$7|warning|*2|$9|1000007-0|*4|$4|line|$12|network down|$5|level|$6|notice|
         ap: XREVRANGE log + - COUNT 1
         ap= *1|*2|$9|1000007-0|*4|$4|line|$12|network down|$5|level|$6|notice|
         ap: XRANGE log (0-1 5 COUNT 9
         ap= *1|*2|$3|5-0|*4|$4|line|$24|stored settings: damaged|$5|level|$7|warning|
         ap: XLEN log
         ap= :3|
         ap: TYPE log
         ap= +stream|
         ap: EXISTS log lm35 led
         ap= :3|
         ap: OBJECT ENCODING log
         ap= $6|stream|
         ap: TTL log
         ap= :-1|
         ap: XINFO STREAM log
         ap= *20|$6|length|:3|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$9|1000007-0|$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:3|$23|recorded-first-entry-id|$3|0-1|$6|groups|:0|$11|first-entry|*2|$3|0-1|*4|$4|line|$18|mode: access point|$5|level|$6|notice|$10|last-entry|*2|$9|1000007-0|*4|$4|line|$12|network down|$5|level|$6|notice|
         ap: XINFO GROUPS log
         ap= *0|
         ap: MULTI
         ap= +OK|
         ap: XREVRANGE log + - COUNT 1
         ap= +QUEUED|
         ap: EXEC
         ap= *1|*1|*2|$9|1000007-0|*4|$4|line|$12|network down|$5|level|$6|notice|",
    );
}

#[test]
fn other_commands_know_the_log_as_a_stream() {
    check(
        "ap: KEYS l*
         ap= *2|$3|led|$3|log|
         ap: SCAN 0 MATCH lo* COUNT 99
         ap= *2|$1|0|*1|$3|log|
         ap: SCAN 0 TYPE stream COUNT 99
         ap= *2|$1|0|*1|$3|log|
         ap: GET log
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: HGETALL log
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: SET log 1
         ap= -ERR 'log' can't be set: only outputs can|
         ap: XADD log * value 1
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: TS.RANGE log - +
         ap~ -
         ap: EXISTS history:log meta:log log.lm35
         ap= :0|",
    );
}

#[test]
fn each_line_is_pushed_to_those_who_subscribe() {
    check(
        "ap: SUBSCRIBE lm35 log
         ap= *3|$9|subscribe|$4|lm35|:1|*3|$9|subscribe|$3|log|:2|
         lo: HELLO 3
         lo~ %7|
         lo: SUBSCRIBE log
         lo= >3|$9|subscribe|$3|log|:1|
         ap3: PSUBSCRIBE *
         ap3= *3|$10|psubscribe|$1|*|:1|
         @log notice network up, address 192.168.1.1
         ap= *3|$7|message|$3|log|$39|notice: network up, address 192.168.1.1|
         lo= >3|$7|message|$3|log|$39|notice: network up, address 192.168.1.1|
         ap3= 
         lo: PUBSUB CHANNELS
         lo= *2|$4|lm35|$3|log|
         lo: PUBSUB NUMSUB log
         lo= *2|$3|log|:2|
         @sample 0 235
         ap= *3|$7|message|$4|lm35|$4|23.5|
         ap3= *4|$8|pmessage|$1|*|$4|lm35|$4|23.5|
         ap: SUBSCRIBE log
         ap= *3|$9|subscribe|$3|log|:2|
         @log warning a
         ap= *3|$7|message|$3|log|$10|warning: a|
         lo= >3|$7|message|$3|log|$10|warning: a|
         ap: UNSUBSCRIBE log
         ap= *3|$11|unsubscribe|$3|log|:1|
         lo: RESET
         lo= +RESET|
         @log notice b
         ap= 
         lo= 
         ap: SUBSCRIBE log
         ap= *3|$9|subscribe|$3|log|:2|
         @log notice c
         ap= *3|$7|message|$3|log|$9|notice: c|
         ap: UNSUBSCRIBE
         ap~ :0|
         @log notice d
         ap= ",
    );
}

#[test]
fn a_line_ends_xread() {
    check(
        "@log notice a
         ap: XREAD STREAMS log 0
         ap= *1|*2|$3|log|*1|*2|$3|0-1|*4|$4|line|$1|a|$5|level|$6|notice|
         ap: XREAD STREAMS log $
         ap= *-1|
         ap: XREAD BLOCK 0 STREAMS history:lm35 log $ $
         ap= 
         @wait 3
         @log warning b
         ap= *1|*2|$3|log|*1|*2|$3|3-0|*4|$4|line|$1|b|$5|level|$7|warning|
         ap: XREAD BLOCK 100 STREAMS history:lm35 $
         ap= 
         @log notice c
         ap= 
         @sample 0 235
         ap~ history:lm35
         lo: HELLO 3
         lo~ %7|
         lo: XREAD BLOCK 0 STREAMS log $
         lo= 
         @wait 2
         @log notice d
         lo= %1|$3|log|*1|*2|$3|5-0|*4|$4|line|$1|d|$5|level|$6|notice|",
    );
}

/// The log needs the access of MONITOR, and others don't even see that there is one.
#[test]
fn strangers_have_no_log() {
    let denied = "sta~ -DENIED no token is set on this device";
    check(&format!(
        "@log notice joined home
         sta: XRANGE log - +
         {denied}
         sta: XLEN log
         {denied}
         sta: XREAD STREAMS log 0
         {denied}
         sta: XINFO STREAM log
         {denied}
         sta: SUBSCRIBE lm35 log
         {denied}
         sta: PUBSUB NUMSUB lm35
         sta= *2|$4|lm35|:0|
         sta: EXISTS log
         sta= :0|
         sta: TYPE log
         sta= +none|
         sta: KEYS log
         sta= *0|
         sta: MEMORY USAGE log
         sta= $-1|
         sta: INFO keyspace
         sta~ keys=7,
         ap: INFO keyspace
         ap~ keys=8,
         ap: CONFIG SET auth.token correct-horse
         ap= +OK|
         sta3: XRANGE log - +
         sta3= -NOAUTH Authentication required.|
         sta3: AUTH correct-horse
         sta3= +OK|
         sta3: XREVRANGE log + - COUNT 1
         sta3~ joined home"
    ));
}

/// As a reader of samples who is too slow: the oldest are lost, and how many is told.
#[test]
fn a_subscriber_that_does_not_read_loses_the_oldest_lines_and_is_told_how_many() {
    with_device(&memory(), &Board::default(), |device, log| {
        device.send("ap", b"SUBSCRIBE log\r\n");
        device.bytes("ap");
        assert!(device.wire("ap").0.borrow().is_listening);
        device.wire("ap").0.borrow_mut().is_stuck = true;
        for line in 0..100 {
            log.append(LogLevel::Notice, &format_args!("line {line}"), 0);
            device.run();
        }
        device.send("lo", b"INFO device\r\n");
        device.bytes("lo");
        device.wire("ap").0.borrow_mut().is_stuck = false;
        device.run();
        let pushed = String::from_utf8(device.bytes("ap")).unwrap();
        let lines: Vec<_> = pushed.lines().skip(6).step_by(7).collect();
        // The lines in the transmit buffer came through.
        let begun = lines.iter().take_while(|line| line.starts_with("notice")).count();
        let lost = 100 - LOG_LINES_MAX - begun;
        let told = format!("warning: lines that are lost, because they came faster than they were read: {lost}");
        let line = |line| format!("notice: line {line}");
        let expected = (0..begun).map(line).chain([told]).chain((100 - LOG_LINES_MAX..100).map(line));
        assert_eq!(lines, expected.collect::<Vec<_>>());
        device.send("lo", b"INFO device\r\n");
        let info = String::from_utf8(device.bytes("lo")).unwrap();
        let sent = 100 - lost;
        assert!(info.contains(&format!("pubsub_messages:sent={sent},dropped={lost}\r\n")), "{info}");
    });
}

#[test]
fn a_long_log_is_sent_in_parts_and_ends_if_it_is_overwritten() {
    with_device(&memory(), &Board::default(), |device, log| {
        let long = "x".repeat(LOG_LINE_LEN_MAX);
        (0..LOG_LINES_MAX).for_each(|_| log.append(LogLevel::Warning, &long, 0));
        device.send("ap", b"XRANGE log - +\r\n");
        let all = device.bytes("ap");
        assert!(all.starts_with(b"*64\r\n") && all.len() > LOG_LINES_MAX * LOG_LINE_LEN_MAX, "{}", all.len());
        assert!(all.len() > 5 * TX_LEN);

        // The first part of the reply leaves, and no more.
        device.wire("ap").0.borrow_mut().acks.push_back(0);
        device.send("ap", b"XRANGE log - +\r\n");
        (0..LOG_LINES_MAX).for_each(|_| log.append(LogLevel::Warning, &long, 0));
        device.wire("ap").0.borrow_mut().is_stuck = false;
        device.run();
        let part = device.bytes("ap");
        assert!(part.starts_with(b"*64\r\n") && part.len() <= TX_LEN, "{}", part.len());
        device.send("lo", b"XLEN log\r\n");
        assert_eq!(device.bytes("lo"), b":64\r\n");
    });
}

#[test]
fn a_restart_leaves_the_log_and_a_factory_reset_does_not() {
    let (memory, board) = (memory(), Board::default());
    board.unix_us.set(Some(1_795_397_614_548_872));
    check_in(
        &memory,
        &board,
        "@sample 0 235
         @log notice joined home
         @log warning panicked at src/radio.rs:12:5: the radio starts",
    );
    board.unix_us.set(None);
    board.uptime_us.set(0);
    check_in(
        &memory,
        &board,
        "@log notice Sockeye again
         ap: XRANGE log - +
         ap= *3|*2|$15|1795397614548-0|*4|$4|line|$11|joined home|$5|level|$6|notice|*2|$15|1795397614548-1|*4|$4|line|$47|panicked at src/radio.rs:12:5: the radio starts|$5|level|$7|warning|*2|$15|1795397614548-2|*4|$4|line|$13|Sockeye again|$5|level|$6|notice|
         ap: CONFIG FACTORYRESET
         ap= +OK|
         ap: XLEN log
         ap= :0|",
    );
    check_in(&memory, &board, "ap: XRANGE log - +\nap= *0|");
}

#[test]
fn nothing_else_has_the_name_of_the_log() {
    check_in(
        &memory(),
        &Board::wired(),
        "ap: CONFIG SET wiring.log \"adc pin=2\"
         ap= -ERR CONFIG SET failed - wiring.log: key 'log' is used already|
         ap: CONFIG SET wiring.log2 \"adc pin=3\"
         ap= +OK|
         ap: CONFIG SET device.name log
         ap= +OK|
",
    );
    check(
        "ap: XADD history:log.lm35 5-1 value 1
         ap= $3|5-1|
         ap: SUBSCRIBE log.lm35
         ap= *3|$9|subscribe|$8|log.lm35|:1|
         @log notice a
         ap= ",
    );
    let board = Named(Board::default());
    let (mut histories, mut resources) = (board.0.histories(), AppResources::new());
    let app = App::new(&board, &mut resources, &mut histories, Settings::default());
    assert_eq!(app.err(), Some(SetupError::Name));
}

/// A board with a reading of the log's name.
struct Named(Board);

impl Platform for Named {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.0.random(bytes);
    }

    fn identity(&self) -> DeviceIdentity<'_> {
        self.0.identity()
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        const NAMED: [ReadingInfo<'static>; 1] = [ReadingInfo { name: "log", ..READINGS[0] }];
        &NAMED
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        self.0.outputs()
    }

    fn apply(&self, index: usize, value: Value) -> Result<(), OutputError> {
        self.0.apply(index, value)
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}
