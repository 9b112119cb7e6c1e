//! History as streams.

use sockeye_device::limits::HISTORY_LEN;

use crate::script::check;

/// Three samples, at 1000, 2000 and 3000 ms.
const SAMPLES: &str = "@wait 1000
    @sample 0 231
    @wait 1000
    @sample 0 232
    @wait 1000
    @sample 0 233\n";

fn check_samples(script: &str) {
    check(&format!("{SAMPLES}{script}"));
}

fn entries(entries: &[(u32, &str)]) -> String {
    let written = entries.iter().map(|(s, value)| format!("*2|$6|{s}000-0|*2|$5|value|$4|{value}|"));
    format!("*{}|{}", entries.len(), written.collect::<String>())
}

#[test]
fn ranges_of_samples() {
    let all = entries(&[(1, "23.1"), (2, "23.2"), (3, "23.3")]);
    let last = entries(&[(2, "23.2"), (3, "23.3")]);
    let newest = entries(&[(3, "23.3")]);
    let reverse = entries(&[(3, "23.3"), (2, "23.2")]);
    check_samples(&format!(
        "ap: XLEN history:lm35
         ap= :3|
         ap: XRANGE history:lm35 - +
         ap= {all}
         ap: XRANGE history:lm35 (1000 +
         ap= {last}
         ap: XRANGE history:lm35 1001 3000
         ap= {last}
         ap: XRANGE history:lm35 3000 3000
         ap= {newest}
         ap: XRANGE history:lm35 4000 +
         ap= *0|
         ap: XREVRANGE history:lm35 + - COUNT 2
         ap= {reverse}
         ap: XREVRANGE history:lm35 - +
         ap= *0|
         ap: XRANGE history:uptime - +
         ap= *0|
         ap: XLEN history:nosuch
         ap= :0|"
    ));
}

#[test]
fn ranges_are_refused_in_the_words_of_redis() {
    check_samples(
        "ap: XLEN lm35
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: XRANGE history:lm35 foo +
         ap= -ERR Invalid stream ID specified as stream command argument|
         ap: XRANGE history:lm35 - + COUNT 0
         ap= *-1|
         ap: XRANGE history:lm35 - + COUNT -1
         ap= *-1|
         ap: XRANGE history:lm35 - + COUNT
         ap= -ERR syntax error|
         ap: XRANGE history:lm35 - + COUNT a
         ap= -ERR value is not an integer or out of range|
         ap: XRANGE history:lm35 (18446744073709551615-18446744073709551615 +
         ap= -ERR invalid start ID for the interval|
         ap: XRANGE history:lm35 - (0-0
         ap= -ERR invalid end ID for the interval|
         ap: XRANGE history:lm35 (- +
         ap= -ERR Invalid stream ID specified as stream command argument|",
    );
}

#[test]
fn a_whole_history_is_longer_than_the_buffer() {
    let mut script = String::new();
    for sample in 1..=HISTORY_LEN + 5 {
        script += &format!("@wait 1000\n@sample 0 {sample}\n");
    }
    let written = (6..=HISTORY_LEN + 5).map(|sample| {
        let (id, value) = (format!("{sample}000-0"), format!("{}.{}", sample / 10, sample % 10));
        format!("*2|${}|{id}|*2|$5|value|${}|{value}|", id.len(), value.len())
    });
    let all: Vec<_> = written.collect();
    script += &format!("ap: XRANGE history:lm35 - +\nap= *{HISTORY_LEN}|{}\n", all.concat());
    let reverse: String = all.iter().rev().map(String::as_str).collect();
    script += &format!("ap: XREVRANGE history:lm35 + -\nap= *{HISTORY_LEN}|{reverse}\n");
    script += &format!(
        "ap\\ PING\\r\\nXREAD STREAMS history:lm35 0\\r\\nPING\\r\\n
         ap= +PONG|*1|*2|$12|history:lm35|*{HISTORY_LEN}|{}+PONG|",
        all.concat()
    );
    check(&script);
}

#[test]
fn reading_after_an_id() {
    let last = entries(&[(2, "23.2"), (3, "23.3")]);
    check_samples(&format!(
        "ap: XREAD STREAMS history:lm35 1000
         ap= *1|*2|$12|history:lm35|{last}
         @sample 1 7
         ap: XREAD COUNT 1 STREAMS history:uptime history:nosuch history:lm35 0 0 2000-0
         ap= *2|*2|$14|history:uptime|*1|*2|$6|3000-0|*2|$5|value|$1|7|*2|$12|history:lm35|{newest}
         ap: XREAD STREAMS history:lm35 $
         ap= *-1|
         ap: XREAD STREAMS history:nosuch 0
         ap= *-1|
         ap: HELLO 3
         ap~ %7|
         ap: XREAD STREAMS history:lm35 1000
         ap= %1|$12|history:lm35|{last}
         ap: XREAD STREAMS history:lm35 $
         ap= _|",
        newest = entries(&[(3, "23.3")])
    ));
}

#[test]
fn reading_is_refused_in_the_words_of_redis() {
    check_samples(
        "ap: XREAD STREAMS history:lm35
         ap= -ERR wrong number of arguments for 'xread' command|
         ap: XREAD STREAMS history:lm35 history:uptime 0
         ap= -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.|
         ap: XREAD COUNT a STREAMS history:lm35 0
         ap= -ERR value is not an integer or out of range|
         ap: XREAD BLOCK -1 STREAMS history:lm35 0
         ap= -ERR timeout is negative|
         ap: XREAD BLOCK a STREAMS history:lm35 0
         ap= -ERR timeout is not an integer or out of range|
         ap: XREAD FOO history:lm35 0
         ap= -ERR syntax error|
         ap: XREAD COUNT 1 STREAMS
         ap= -ERR syntax error|
         ap: XREAD STREAMS lm35 0
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: XREAD STREAMS history:lm35 >
         ap= -ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.|
         ap: XREAD STREAMS history:lm35 +
         ap= -ERR Invalid stream ID specified as stream command argument|
         ap: XREAD GROUP a b STREAMS history:lm35 0
         ap= -ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.|",
    );
}

#[test]
fn waiting_for_a_sample() {
    check_samples(
        "ap: XREAD BLOCK 500 STREAMS history:lm35 $
         ap= 
         @wait 400
         # A sample of another reading wakes it in vain.
         @sample 1 7
         ap= 
         @sample 0 234
         ap= *1|*2|$12|history:lm35|*1|*2|$6|3400-0|*2|$5|value|$4|23.4|
         ap: PING
         ap= +PONG|",
    );
}

#[test]
fn waiting_in_vain() {
    check_samples(
        "ap: XREAD BLOCK 500 STREAMS history:lm35 $
         @wait 400
         @sample 1 7
         ap= 
         @wait 100
         ap= *-1|
         ap: XREAD BLOCK 0 STREAMS history:lm35 $
         @wait 100000000
         ap= 
         @sample 0 1
         ap~ |$3|0.1|
         ap: XREAD BLOCK 9223372036854775807 STREAMS history:lm35 $
         ap= 
         ap!
         ap$ *-1|",
    );
}

#[test]
fn what_is_sent_while_a_request_waits_is_answered_after_it() {
    check_samples(
        "ap: XREAD BLOCK 0 STREAMS history:lm35 $
         ap= 
         ap: PING
         ap= 
         ap: GET lm35
         ap= 
         @sample 0 5
         ap= *1|*2|$12|history:lm35|*1|*2|$6|3000-1|*2|$5|value|$3|0.5|+PONG|$3|0.5|",
    );
}
