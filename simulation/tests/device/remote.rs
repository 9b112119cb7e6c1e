//! Readings of other devices, which come by XADD.

use sockeye_device::limits::REMOTE_EXPIRE_S;
use sockeye_device::{Settings, TokenHash};

use crate::board::Board;
use crate::script::{check, check_on};

#[test]
fn a_sample_is_a_value_a_stream_and_a_description() {
    check(
        "@wait 1000
         ap: GET kitchen.lm35
         ap= $-1|
         ap: XADD history:kitchen.lm35 5000-1 value 23.5
         ap= $6|5000-1|
         @wait 10
         ap: GET kitchen.lm35
         ap= $4|23.5|
         ap: MGET kitchen.lm35 lm35
         ap= *2|$4|23.5|$-1|
         ap: EXISTS kitchen.lm35 history:kitchen.lm35 meta:kitchen.lm35
         ap= :3|
         ap: TYPE kitchen.lm35
         ap= +string|
         ap: TYPE history:kitchen.lm35
         ap= +stream|
         ap: TYPE meta:kitchen.lm35
         ap= +hash|
         ap: XRANGE history:kitchen.lm35 - +
         ap= *1|*2|$6|5000-1|*2|$5|value|$4|23.5|
         ap: HGETALL meta:kitchen.lm35
         ap= *8|$4|kind|$6|remote|$6|age_ms|$2|10|$9|expire_ms|$5|60000|$7|history|$3|day|
         ap: HGET meta:kitchen.lm35 unit
         ap= $-1|
         ap: KEYS *kitchen*
         ap= *3|$12|kitchen.lm35|$20|history:kitchen.lm35|$17|meta:kitchen.lm35|
         ap: SCAN 0 MATCH *kitchen* COUNT 100
         ap= *2|$1|0|*3|$12|kitchen.lm35|$20|history:kitchen.lm35|$17|meta:kitchen.lm35|
         ap: XINFO STREAM history:kitchen.lm35
         ap~ |last-generated-id|$6|5000-1|
         ap: INFO device
         ap~ |remote_readings:count=1,max=2|
         ap: SET kitchen.lm35 1
         ap= -ERR 'kitchen.lm35' is a reading: only outputs can be set|",
    );
}

#[test]
fn a_silent_device_has_no_value() {
    let last = (REMOTE_EXPIRE_S * 1_000) - 1;
    check(&format!(
        "ap: XADD history:a.x 1 value 7
         ap= $3|1-0|
         @wait {last}
         ap: GET a.x
         ap= $1|7|
         @wait 1
         ap: GET a.x
         ap= $-1|
         ap: EXISTS a.x history:a.x
         ap= :1|
         ap: TYPE a.x
         ap= +none|
         ap: KEYS a.x
         ap= *0|
         ap: XADD history:a.x 2 value 8
         ap= $3|2-0|
         ap: GET a.x
         ap= $1|8|"
    ));
}

#[test]
fn samples_are_told() {
    check(
        "ap1: SUBSCRIBE kitchen.lm35
         ap1= *3|$9|subscribe|$12|kitchen.lm35|:1|
         ap2: PSUBSCRIBE kitchen.*
         ap2= *3|$10|psubscribe|$9|kitchen.*|:1|
         ap3: XREAD BLOCK 0 STREAMS history:kitchen.lm35 $
         ap: XADD history:kitchen.lm35 5-1 value 23.5
         ap= $3|5-1|
         ap1= *3|$7|message|$12|kitchen.lm35|$4|23.5|
         ap2= *4|$8|pmessage|$9|kitchen.*|$12|kitchen.lm35|$4|23.5|
         ap3= *1|*2|$20|history:kitchen.lm35|*1|*2|$3|5-1|*2|$5|value|$4|23.5|
         ap: PUBSUB CHANNELS
         ap= *1|$12|kitchen.lm35|
         ap: XADD history:kitchen.lm35 5-1 value 23.5
         ap= -ERR The ID specified in XADD is equal or smaller than the target stream top item|",
    );
}

#[test]
fn one_too_many_is_told_and_an_expired_one_makes_room() {
    check(&format!(
        "ap: XADD history:a.x 1 value 1
         ap= $3|1-0|
         @wait 5
         ap: XADD history:b.x 1 value 2
         ap= $3|1-0|
         ap: XADD history:c.x 1 value 3
         ap= -ERR too many remote readings: this device has no room for another one|
         ap2: PSUBSCRIBE *
         ap2= *3|$10|psubscribe|$1|*|:1|
         @wait {}
         ap: XADD history:c.x 1 value 3.25
         ap= $3|1-0|
         ap2= *4|$8|pmessage|$1|*|$3|c.x|$4|3.25|
         ap: XRANGE history:c.x - +
         ap= *1|*2|$3|1-0|*2|$5|value|$4|3.25|
         ap: EXISTS history:a.x meta:a.x history:b.x b.x
         ap= :2|
         ap: XADD history:a.x 1 value 1
         ap= -ERR too many remote readings: this device has no room for another one|",
        (REMOTE_EXPIRE_S * 1_000) - 5
    ));
}

#[test]
fn what_is_no_sample_is_refused() {
    let board = Board::default();
    check_on(
        &board,
        "ap: XADD history:lm35 1 value 1
         ap= -ERR 'history:lm35' is this device's own: only it can add to it|
         ap: XADD history:kitchen 1 value 1
         ap= -ERR a device takes streams of the name history:NODE.NAME, of at most 48 bytes|
         ap: XADD kitchen.lm35 1 value 1
         ap= -ERR a device takes streams of the name history:NODE.NAME, of at most 48 bytes|
         ap: XADD history:a.x 1 celsius 1
         ap= -ERR a sample has the one field 'value'|
         ap: XADD history:a.x 1 value 1 unit C
         ap= -ERR a sample has the one field 'value'|
         ap: XADD history:a.x 1 value warm
         ap= -ERR value is not a plain number, or has too many digits|
         ap: XADD history:a.x MAXLEN 5 1 value 1
         ap= -ERR XADD takes no options here: a device keeps as many samples as it has room for|
         ap: XADD history:a.x 281474976710656 value 1
         ap= -ERR the ID is too great: a device has 48 bits of milliseconds and 16 of sequence|
         ap: XADD history:a.x 1-65536 value 1
         ap= -ERR the ID is too great: a device has 48 bits of milliseconds and 16 of sequence|
         ap: DBSIZE
         ap= :7|",
    );
}

#[test]
fn decimals_grow_with_the_values() {
    check(
        "ap: XADD history:a.x 1 value 7
         ap= $3|1-0|
         ap: XADD history:a.x 2 value 7.25
         ap= $3|2-0|
         ap: XADD history:a.x 3 value 8
         ap= $3|3-0|
         ap: XRANGE history:a.x - +
         ap= *3|*2|$3|1-0|*2|$5|value|$4|7.00|*2|$3|2-0|*2|$5|value|$4|7.25|*2|$3|3-0|*2|$5|value|$4|8.00|",
    );
}

/// A value has 32 bits. Decimals give way to the digits before the point.
#[test]
fn decimals_shrink_where_a_value_has_no_room_for_them() {
    check(
        "ap: SUBSCRIBE a.x
         ap= *3|$9|subscribe|$3|a.x|:1|
         ap2: XADD history:a.x 1 value -0.000001
         ap2= $3|1-0|
         ap= *3|$7|message|$3|a.x|$9|-0.000001|
         ap2: XADD history:a.x 2 value 2148
         ap2= $3|2-0|
         ap= *3|$7|message|$3|a.x|$10|2148.00000|
         ap2: XADD history:a.x 3 value 7.123456
         ap2= $3|3-0|
         ap= *3|$7|message|$3|a.x|$7|7.12346|
         ap2: XADD history:a.x 4 value -2147483648
         ap2= $3|4-0|
         ap= *3|$7|message|$3|a.x|$11|-2147483648|
         ap2: XADD history:a.x 5 value 1.5
         ap2= $3|5-0|
         ap= *3|$7|message|$3|a.x|$1|2|
         ap2: XRANGE history:a.x - +
         ap2= *5|*2|$3|1-0|*2|$5|value|$1|0|*2|$3|2-0|*2|$5|value|$4|2148|*2|$3|3-0|*2|$5|value|$1|7|*2|$3|4-0|*2|$5|value|$11|-2147483648|*2|$3|5-0|*2|$5|value|$1|2|
         ap2: TS.RANGE a.x - + AGGREGATION min 100000
         ap2~ +-2147483648|
         ap2: XADD history:a.x 6 value 2147483648
         ap2= -ERR value is not a plain number, or has too many digits|
         ap2: XADD history:a.x 6 value 2147483647.5
         ap2= -ERR value is not a plain number, or has too many digits|",
    );
}

/// Once the great value is gone, there is room for decimals again.
#[test]
fn decimals_come_back_when_the_great_value_is_gone() {
    let board = Board::default();
    board.days.set(0);
    let mut script = "ap: XADD history:a.x 1 value 2000000000\nap= $3|1-0|\n".to_owned();
    for id in 2..2 + sockeye_device::limits::HISTORY_LEN {
        let text = format!("{id}-0");
        script += &format!("ap: XADD history:a.x {id} value 1.5\nap= ${}|{text}|\n", text.len());
    }
    script += "ap: GET a.x\nap= $1|2|\nap: XADD history:a.x 100 value 1.5\nap= $5|100-0|\nap: GET a.x\nap= $3|1.5|\n";
    check_on(&board, &script);
}

/// As Python, JavaScript and others write a number that has no short form.
#[test]
fn more_decimals_than_there_can_be_are_rounded() {
    for (text, expected) in [
        ("21.299999999999997", "21.300000"),
        ("-0.0000005", "-0.000001"),
        ("-0.0000004", "0.000000"),
        ("999.9999996", "1000.000000"),
        ("-0", "0"),
        ("00021.50", "21.50"),
        ("2147483647.4999999", "2147483647"),
    ] {
        check(&format!(
            "ap: XADD history:a.x 1 value {text}
             ap= $3|1-0|
             ap: GET a.x
             ap= ${}|{expected}|",
            expected.len()
        ));
    }
    for text in ["nan", "inf", "-inf", "1e3", "1.", ".5", "-", "+1", "1.2.3", "0x1", "1,5", "99999999999999999999"] {
        check(&format!(
            "ap: XADD history:a.x 1 value {text}
             ap= -ERR value is not a plain number, or has too many digits|"
        ));
    }
}

#[test]
fn after_the_last_id_there_is_none() {
    check(
        "ap: XADD history:a.x 281474976710655-65535 value 1
         ap= $21|281474976710655-65535|
         ap: XADD history:a.x * value 1
         ap= -ERR The stream has exhausted the last possible ID, unable to add more items|
         ap: XADD history:a.x 281474976710655-* value 1
         ap= -ERR The stream has exhausted the last possible ID, unable to add more items|
         ap: XLEN history:a.x
         ap= :1|",
    );
}

/// A wired thing may have a name with a point, as the readings of others have.
#[test]
fn an_output_can_not_be_taken_for_a_reading() {
    check_on(
        &Board::wired(),
        "ap: CONFIG SET wiring.barn.fan \"output pin=4\"
         ap= +OK|
         ap: XADD history:barn.fan 1 value 7
         ap= -ERR 'history:barn.fan' is this device's own: only it can add to it|
         ap: SET barn.fan 1
         ap= +OK|
         ap: GET barn.fan
         ap= $1|1|",
    );
}

/// A thing that is wired later has the name, and each key is there once.
#[test]
fn a_name_that_is_wired_is_no_other_devices() {
    check_on(
        &Board::wired(),
        "ap: XADD history:barn.fan 1 value 7
         ap= $3|1-0|
         ap: XADD history:cellar.door 1 value 7
         ap= $3|1-0|
         ap: CONFIG SET wiring.barn.fan \"output pin=4\" wiring.cellar.door \"input pin=5\"
         ap= +OK|
         ap: GET barn.fan
         ap= $1|0|
         ap: SET barn.fan 1
         ap= +OK|
         ap: KEYS *barn.fan
         ap= *2|$8|barn.fan|$13|meta:barn.fan|
         ap: KEYS meta:cellar.door
         ap= *1|$16|meta:cellar.door|
         ap: XADD history:cellar.door 2 value 7
         ap= -ERR 'history:cellar.door' is this device's own: only it can add to it|
         ap: INFO device
         ap~ |remote_readings:count=0,max=2|",
    );
}

#[test]
fn ids_may_be_left_to_the_device() {
    check(
        "@wait 1000
         ap: XADD history:a.x * value 1
         ap= $6|1000-0|
         ap: XADD history:a.x * value 2
         ap= $6|1000-1|
         @wait 1000
         ap: XADD history:a.x 2000-* value 2
         ap= $6|2000-0|",
    );
}

#[test]
fn who_may_not_switch_an_output_may_not_send_samples() {
    let board = Board::default();
    check_on(
        &board,
        "sta: XADD history:a.x 1 value 1
         sta~ -DENIED no token is set
         ap: XADD history:a.x 1 value 1
         ap= $3|1-0|",
    );
    let token = Some(TokenHash::new(b"correct-horse", [7; 16]));
    board.stored.replace(Settings { token, ..Settings::default() });
    check_on(
        &board,
        "ap: XADD history:a.x 1 value 1
         ap= -NOAUTH Authentication required.|
         sta: AUTH correct-horse
         sta= +OK|
         sta: XADD history:a.x 1 value 1
         sta= $3|1-0|",
    );
}

#[test]
fn push_and_expiry_are_configured() {
    let board = Board::default();
    check_on(
        &board,
        "ap: CONFIG GET push.* remote.expire
         ap= *8|$10|push.names|$1|*|$11|push.period|$1|0|$7|push.to|$0||$13|remote.expire|$2|60|
         ap: CONFIG SET push.token correct-horse push.names l* push.period 5000
         ap= +OK|
         ap: CONFIG GET push.*
         ap= *6|$10|push.names|$2|l*|$11|push.period|$4|5000|$7|push.to|$0||
         # This board has no outbox.
         ap: CONFIG SET push.to 192.168.1.9:3000
         ap~ this device sends no samples
         ap: CONFIG SET push.to nowhere
         ap= -ERR CONFIG SET failed (possibly related to argument 'push.to') - a peer is HOST:PORT of at most 64 bytes, or nothing|
         ap: CONFIG SET push.to host:0
         ap~ a peer is HOST:PORT
         ap: CONFIG SET push.period -1
         ap~ a period is at most a day
         ap: CONFIG SET remote.expire 0
         ap~ a time is 1 to 86400 seconds
         ap: CONFIG SET remote.expire 2
         ap= +OK|
         ap: XADD history:a.x 1 value 7
         ap= $3|1-0|
         @wait 1999
         ap: GET a.x
         ap= $1|7|
         @wait 1
         ap: GET a.x
         ap= $-1|
         ap: CONFIG SET push.to \"\"
         ap= +OK|",
    );
    assert_eq!(board.stored.borrow().push.token, "correct-horse");
}
