//! Readings, outputs, and what there is to know about them.

use sockeye_device::Value;

use crate::board::Board;
use crate::script::{check, check_on};

#[test]
fn a_reading_is_its_latest_sample() {
    check(
        "ap: GET lm35
         ap= $-1|
         @sample 0 235
         ap: GET lm35
         ap= $4|23.5|
         @sample 0 -5
         ap: GET lm35
         ap= $4|-0.5|
         ap: MGET lm35 led nosuch history:lm35 fan
         ap= *5|$4|-0.5|$1|0|$-1|$-1|$4|25.5|
         ap: GET history:lm35
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: GET nosuch
         ap= $-1|
         ap: GET
         ap= -ERR wrong number of arguments for 'get' command|
         @lose 0
         ap: GET lm35
         ap= $-1|
         ap: XLEN history:lm35
         ap= :2|",
    );
}

#[test]
fn outputs_are_set_within_their_range() {
    let board = Board::default();
    check_on(
        &board,
        "ap: SET led 1
         ap= +OK|
         ap: GET led
         ap= $1|1|
         ap: SET fan 99.9
         ap= +OK|
         ap: SET led 2
         ap= -ERR value is out of range: 0 to 1|
         ap: SET led on
         ap= -ERR value is not a number with at most 0 decimals|
         ap: SET fan 1.25
         ap= -ERR value is not a number with at most 1 decimals|
         ap: SET led 1 EX 5
         ap= -ERR SET takes no options here: an output keeps its value until it is set again|
         ap: SET led 1 FOO
         ap= -ERR syntax error|
         ap: SET lm35 1
         ap= -ERR 'lm35' is a reading: only outputs can be set|
         ap: SET meta:led 1
         ap= -ERR 'meta:led' can't be set: only outputs can|
         ap: SET nosuch 1
         ap= -ERR there is no output 'nosuch'|
         ap: SET led
         ap= -ERR wrong number of arguments for 'set' command|",
    );
    assert_eq!(*board.applied.borrow(), [(0, Value(1)), (1, Value(999))]);
}

#[test]
fn an_output_that_fails_stays_as_it_was() {
    let board = Board::default();
    board.is_broken.set(true);
    check_on(
        &board,
        "ap: SET led 1
         ap= -ERR the output 'led' failed; it is as it was|
         ap: GET led
         ap= $1|0|",
    );
}

#[test]
fn keys_have_types() {
    check(
        "@sample 0 235
         ap: TYPE lm35
         ap= +string|
         ap: TYPE history:lm35
         ap= +stream|
         ap: TYPE meta:lm35
         ap= +hash|
         ap: TYPE led
         ap= +string|
         ap: TYPE uptime
         ap= +none|
         ap: EXISTS lm35 lm35 uptime led meta:uptime
         ap= :4|
         ap: DBSIZE
         ap= :9|",
    );
}

#[test]
fn keys_are_found_by_pattern() {
    check(
        "@sample 0 235
         ap: KEYS *
         ap= *9|$4|lm35|$12|history:lm35|$9|meta:lm35|$11|meta:uptime|$14|meta:wifi.rssi|$3|led|$3|fan|$8|meta:led|$8|meta:fan|
         ap: KEYS l*
         ap= *2|$4|lm35|$3|led|
         ap: SCAN 0 COUNT 4
         ap= *2|$2|34|*4|$4|lm35|$12|history:lm35|$9|meta:lm35|$11|meta:uptime|
         ap: SCAN 34 COUNT 100
         ap= *2|$1|0|*5|$14|meta:wifi.rssi|$3|led|$3|fan|$8|meta:led|$8|meta:fan|
         ap: SCAN 0 MATCH *m35 TYPE string
         ap= *2|$1|0|*1|$4|lm35|
         ap: SCAN 0 TYPE stream COUNT 50
         ap= *2|$1|0|*1|$12|history:lm35|
         ap: SCAN a
         ap= -ERR invalid cursor|
         ap: SCAN 0 COUNT 0
         ap= -ERR syntax error|
         ap: SCAN 0 COUNT a
         ap= -ERR value is not an integer or out of range|
         ap: SCAN 0 FOO
         ap= -ERR syntax error|
         ap: SCAN 999
         ap= *2|$1|0|*0|",
    );
}

#[test]
fn meta_tells_about_readings_and_outputs() {
    check(
        "@sample 0 235
         @wait 1500
         ap: HGETALL meta:lm35
         ap= *14|$4|kind|$5|gauge|$4|unit|$3|°C|$7|minimum|$5|-55.0|$7|maximum|$5|150.0|$9|period_ms|$4|1000|$6|age_ms|$4|1500|$7|history|$3|day|
         ap: HGETALL meta:led
         ap= *8|$4|kind|$6|switch|$4|unit|$0||$7|minimum|$1|0|$7|maximum|$1|1|
         ap: HKEYS meta:uptime
         ap= *6|$4|kind|$4|unit|$7|minimum|$7|maximum|$9|period_ms|$7|history|
         ap: HGET meta:lm35 age_ms
         ap= $4|1500|
         ap: HGET meta:uptime age_ms
         ap= $-1|
         ap: HGET meta:lm35 foo
         ap= $-1|
         ap: HGETALL nosuch
         ap= *0|
         ap: HGETALL lm35
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: HELLO 3
         ap~ %7|
         ap: HGETALL meta:led
         ap= %4|$4|kind|$6|switch|$4|unit|$0||$7|minimum|$1|0|$7|maximum|$1|1|",
    );
}
