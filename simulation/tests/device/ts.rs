//! A day of history, in the words of RedisTimeSeries.

use sockeye_device::{App, AppResources, Settings, Value};

use crate::board::Board;
use crate::script::{Device, check, check_on};

/// Three minutes of samples, the last of which is new: 23.0 to 23.5 and again, from the first second on.
const MINUTES: &str = "@each 150 1000 230 6\n";

fn check_minutes(script: &str) {
    check(&format!("{MINUTES}{script}"));
}

/// The points of a reply in RESP2.
fn points(points: &[(u64, &str)]) -> String {
    let written = points.iter().map(|(ms, value)| format!("*2|:{ms}|+{value}|"));
    format!("*{}|{}", points.len(), written.collect::<String>())
}

/// The samples of the third minute.
fn samples() -> Vec<(u64, String)> {
    (120..=150).map(|second| (second * 1_000, format!("23.{}", (second - 1) % 6))).collect()
}

#[test]
fn a_range_is_minutes_and_then_samples() {
    let samples = samples();
    let mut all = vec![(0, "23.2"), (60_000, "23.3")];
    all.extend(samples.iter().map(|(ms, value)| (*ms, value.as_str())));
    let reverse: Vec<_> = all.iter().rev().copied().collect();
    check_minutes(&format!(
        "ap: TS.RANGE lm35 - +
         ap= {}
         ap: TS.REVRANGE lm35 - +
         ap= {}
         ap: ts.range history:lm35 60000 121000 latest
         ap= {}
         ap: TS.RANGE lm35 0 149999 COUNT 2
         ap= {}
         ap: TS.REVRANGE lm35 - + COUNT 1
         ap= {}
         ap: TS.RANGE lm35 200000 +
         ap= *0|
         ap: TS.RANGE lm35 5 4
         ap= *0|
         ap: TS.RANGE lm35 - + COUNT 0
         ap= *0|
         ap: TS.RANGE uptime - +
         ap= *0|",
        points(&all),
        points(&reverse),
        points(&all[1..4]),
        points(&all[..2]),
        points(&reverse[..1]),
    ));
}

#[test]
fn spans_are_put_together() {
    let check_one = |options: &str, expected: &[(u64, &str)]| {
        check_minutes(&format!("ap: TS.RANGE lm35 - + AGGREGATION {options}\nap= {}\n", points(expected)));
    };
    check_one("avg 120000", &[(0, "23.3"), (120_000, "23.3")]);
    check_one("MIN 120000", &[(0, "23.0"), (120_000, "23.0")]);
    check_one("max 1000000", &[(0, "23.5")]);
    check_one("count 60000", &[(0, "59"), (60_000, "60"), (120_000, "31")]);
    check_one("first 60000", &[(0, "23.2"), (60_000, "23.3"), (120_000, "23.5")]);
    check_one("last 1000000", &[(0, "23.5")]);
    check_one("count 100000 BUCKETTIMESTAMP mid", &[(50_000, "119"), (150_000, "31")]);
    check_one("count 100001 BUCKETTIMESTAMP +", &[(100_001, "119"), (200_002, "31")]);
    check_minutes(
        "ap: TS.RANGE lm35 60000 150000 ALIGN start AGGREGATION count 45000
         ap= *3|*2|:60000|+60|*2|:105000|+30|*2|:150000|+1|
         ap: TS.RANGE lm35 60000 149000 ALIGN end AGGREGATION count 45000
         ap= *3|*2|:59000|+60|*2|:104000|+29|*2|:149000|+1|
         ap: TS.REVRANGE lm35 - + ALIGN 10000 AGGREGATION count 45000 COUNT 2
         ap= *2|*2|:145000|+6|*2|:100000|+25|",
    );
}

#[test]
fn ranges_are_refused_in_the_words_of_redis_time_series() {
    check_minutes(
        "ap: TS.RANGE nosuch - +
         ap= -ERR TSDB: the key does not exist|
         ap: TS.RANGE led - +
         ap= -WRONGTYPE Operation against a key holding the wrong kind of value|
         ap: TS.RANGE lm35 + -
         ap= -ERR TSDB: wrong fromTimestamp|
         ap: TS.RANGE lm35 - -5
         ap= -ERR TSDB: wrong toTimestamp|
         ap: TS.RANGE lm35 - + COUNT
         ap= -ERR TSDB: COUNT argument is missing|
         ap: TS.RANGE lm35 - + COUNT x
         ap= -ERR TSDB: Couldn't parse COUNT|
         ap: TS.RANGE lm35 - + AGGREGATION avg
         ap= -ERR TSDB: Couldn't parse AGGREGATION|
         ap: TS.RANGE lm35 - + AGGREGATION twa 5
         ap= -ERR TSDB: Unknown aggregation type|
         ap: TS.RANGE lm35 - + AGGREGATION avg x
         ap= -ERR TSDB: Couldn't parse bucketDuration|
         ap: TS.RANGE lm35 - + AGGREGATION avg 0
         ap= -ERR TSDB: bucketDuration must be greater than zero|
         ap: TS.RANGE lm35 - + ALIGN 5
         ap= -ERR TSDB: ALIGN parameter can only be used with AGGREGATION|
         ap: TS.RANGE lm35 - + ALIGN x AGGREGATION avg 5
         ap= -ERR TSDB: unknown ALIGN parameter|
         ap: TS.RANGE lm35 - + ALIGN start AGGREGATION avg 5
         ap= -ERR TSDB: start alignment can only be used with explicit start timestamp|
         ap: TS.RANGE lm35 - + ALIGN end AGGREGATION avg 5
         ap= -ERR TSDB: end alignment can only be used with explicit end timestamp|
         ap: TS.RANGE lm35 - + AGGREGATION avg 5 EMPTY
         ap= -ERR TSDB: EMPTY is refused: where this device has measured nothing, it tells nothing|
         ap: TS.RANGE lm35 - + FILTER_BY_VALUE 1 2
         ap= -ERR TSDB: FILTER_BY_TS and FILTER_BY_VALUE are refused by this device|
         ap: TS.RANGE lm35 - + FOO
         ap= -ERR syntax error|
         ap: TS.MRANGE - + WITHLABELS
         ap= -ERR TSDB: missing FILTER argument|
         ap: TS.MRANGE - + WITHLABELS FILTER
         ap= -ERR TSDB: missing labels for filter argument|
         ap: TS.MRANGE - + FILTER kind=gauge GROUPBY unit REDUCE sum
         ap= -ERR TSDB: GROUPBY is refused by this device|
         ap: TS.MRANGE - + SELECTED_LABELS FILTER kind=gauge
         ap= -ERR TSDB: SELECT_LABELS should have at least 1 parameter|
         ap: TS.MRANGE - + SELECTED_LABELS a b c d e f g h i FILTER kind=gauge
         ap= -ERR TSDB: reached max size for SELECT_LABELS|
         ap: TS.QUERYINDEX kind
         ap= -ERR TSDB: failed parsing labels|
         ap: TS.QUERYINDEX kind!=gauge
         ap= -ERR TSDB: please provide at least one matcher|
         ap: TS.MGET x kind=gauge
         ap= -ERR syntax error|
         ap: TS.GET lm35 x
         ap= -ERR syntax error|
         ap: TS.ADD lm35 1 2
         ap~ -ERR unknown command 'TS.ADD'",
    );
}

#[test]
fn readings_are_found_by_their_labels() {
    check_minutes(
        "ap: XADD history:kitchen.lm35 * value 21.5
         ap~ $
         ap: TS.QUERYINDEX kind=gauge
         ap= *2|$4|lm35|$9|wifi.rssi|
         ap: TS.QUERYINDEX name=lm35
         ap= *2|$4|lm35|$12|kitchen.lm35|
         ap: TS.QUERYINDEX name=lm35 node!=kitchen
         ap= *1|$4|lm35|
         ap: TS.QUERYINDEX node=kitchen unit=
         ap= *1|$12|kitchen.lm35|
         ap: TS.QUERYINDEX kind=(counter,remote) name!=
         ap= *2|$6|uptime|$12|kitchen.lm35|
         ap: TS.QUERYINDEX kind=nosuch
         ap= *0|
         ap: TS.GET lm35
         ap= *2|:150000|+23.5|
         ap: TS.GET kitchen.lm35 LATEST
         ap= *2|:150000|+21.5|
         ap: TS.GET uptime
         ap= *0|
         ap: TS.MGET FILTER name=(lm35,uptime)
         ap= *3|*3|$4|lm35|*0|*2|:150000|+23.5|*3|$6|uptime|*0|*0|*3|$12|kitchen.lm35|*0|*2|:150000|+21.5|
         ap: TS.MGET WITHLABELS FILTER node=kitchen
         ap= *1|*3|$12|kitchen.lm35|*3|*2|$4|name|$4|lm35|*2|$4|kind|$6|remote|*2|$4|node|$7|kitchen|*2|:150000|+21.5|
         ap: TS.MGET SELECTED_LABELS unit NODE x FILTER name=lm35
         ap= *2|*3|$4|lm35|*3|*2|$4|unit|$3|\u{b0}C|*2|$4|NODE|$12|sockeye-3f2a|*2|$1|x|$-1|*2|:150000|+23.5|*3|$12|kitchen.lm35|*3|*2|$4|unit|$-1|*2|$4|NODE|$7|kitchen|*2|$1|x|$-1|*2|:150000|+21.5|
         ap: TS.MRANGE - + AGGREGATION count 1000000 FILTER name=lm35
         ap= *2|*3|$4|lm35|*0|*1|*2|:0|+150|*3|$12|kitchen.lm35|*0|*1|*2|:0|+1|
         ap: TS.MREVRANGE - + COUNT 1 SELECTED_LABELS kind FILTER name=lm35 node!=kitchen
         ap= *1|*3|$4|lm35|*1|*2|$4|kind|$5|gauge|*1|*2|:150000|+23.5|",
    );
}

#[test]
fn resp3_has_maps_sets_and_numbers() {
    check_minutes(
        "ap: HELLO 3
         ap~ %7
         ap: TS.RANGE lm35 149000 +
         ap= *2|*2|:149000|,23.4|*2|:150000|,23.5|
         ap: TS.QUERYINDEX name=lm35
         ap= ~1|$4|lm35|
         ap: TS.MGET SELECTED_LABELS kind FILTER name=lm35
         ap= %1|$4|lm35|*2|%1|$4|kind|$5|gauge|*2|:150000|,23.5|
         ap: TS.MRANGE 0 0 FILTER name=lm35
         ap= %1|$4|lm35|*3|%0|%1|$11|aggregators|*0|*1|*2|:0|,23.2|
         ap: TS.MRANGE - + AGGREGATION MAX 1000000 WITHLABELS FILTER name=lm35
         ap= %1|$4|lm35|*3|%4|$4|name|$4|lm35|$4|unit|$3|\u{b0}C|$4|kind|$5|gauge|$4|node|$12|sockeye-3f2a|%1|$11|aggregators|*1|$3|max|*1|*2|:0|,23.5|
         ap: TS.GET uptime
         ap= *0|",
    );
}

#[test]
fn info_tells_what_is_kept() {
    check_minutes(
        "ap: TS.INFO lm35
         ap~ *24|$12|totalSamples|:33|
         ap: TS.INFO lm35
         ap~ $14|firstTimestamp|:0|$13|lastTimestamp|:150000|$13|retentionTime|:86400000|$10|chunkCount|:1|
         ap: TS.INFO lm35
         ap~ |$9|chunkType|+compressed|$15|duplicatePolicy|$-1|$6|labels|*4|*2|$4|name|$4|lm35|
         ap: TS.INFO lm35
         ap~ |$9|sourceKey|$-1|$5|rules|*0|
         ap: TS.INFO uptime
         ap~ *24|$12|totalSamples|:0|
         ap: HGET meta:lm35 history
         ap= $3|day|",
    );
    let board = Board::default();
    board.days.set(1);
    check_on(
        &board,
        "@each 150 1000 230 6
         @sample 1 5
         ap: HMGET meta:uptime history period_ms
         ap= *2|$7|samples|$4|1000|
         ap: HGET meta:lm35 history
         ap= $3|day|
         ap: HGET meta:led history
         ap= $-1|
         ap: TS.RANGE uptime - +
         ap= *1|*2|:150000|+5|
         ap: TS.INFO uptime
         ap~ |$13|retentionTime|:64000|",
    );
}

#[test]
fn a_gap_is_a_gap_and_a_clock_that_is_put_right_moves_no_minute() {
    let minutes = |offset: u64| {
        let told: Vec<_> = [0, 60_000, 600_000].map(|ms| ms + offset).to_vec();
        format!("*3|*2|:{}|+119|*2|:{}|+60|*2|:{}|+2|", told[0], told[1] + 60_000, told[2])
    };
    // Samples for three minutes, then none for seven, then one a minute.
    let script = "@each 179 1000 230 6
        @lose 0
        @wait 421000
        @sample 0 250
        @wait 1000
        @sample 0 260\n";
    let spans = "ap: TS.RANGE lm35 - + AGGREGATION count 120000\n";
    check(&format!("{script}{spans}ap= {}\n", minutes(0)));
    // The time is 1,000,020 minutes after the start of 1970.
    let offset = 60_001_200_000;
    check(&format!("{script}@clock {}\n{spans}ap= {}\n", 601_000 + offset, minutes(offset)));
    // The device's clock was ahead before.
    check(&format!("@clock 90000000000\n{script}@clock {}\n{spans}ap= {}\n", 601_000 + offset, minutes(offset)));
}

#[test]
fn a_day_is_sent_in_parts_while_samples_come() {
    let board = Board::default();
    let (mut histories, mut days, mut resources) = (board.histories(), board.days(), AppResources::new());
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap().with_days(&mut days);
    for second in 0..100_000u64 {
        board.uptime_us.set(second * 1_000_000);
        app.sample(0, Value((second % 400) as i32));
    }
    let mut device = Device::new(&board, &app);
    for request in ["TS.RANGE lm35 - +", "TS.REVRANGE lm35 - +", "TS.MRANGE - + WITHLABELS FILTER kind=gauge"] {
        device.send("ap", format!("{request}\r\n").as_bytes());
        let whole = device.bytes("ap");
        assert!(whole.len() > 5_000, "{request}: {}", whole.len());
        // A client that takes a little at a time, while samples come.
        let wire = device.wire("ap");
        wire.0.borrow_mut().acks.extend([0, 400].repeat(200));
        device.send("ap", format!("{request}\r\nPING\r\n").as_bytes());
        let mut parts = device.bytes("ap");
        assert!(parts.len() < 1_000, "{request}: {}", parts.len());
        for round in 0..200 {
            if round < 4 {
                device.event("sample 0 100");
            }
            wire.0.borrow_mut().is_stuck = false;
            device.run();
            parts.extend(device.bytes("ap"));
        }
        assert!(parts.ends_with(b"+PONG\r\n"), "{request}");
        parts.truncate(parts.len() - "+PONG\r\n".len());
        assert_eq!(String::from_utf8(parts), String::from_utf8(whole), "{request}");
        wire.0.borrow_mut().acks.clear();
    }
}

/// The queries of Grafana's Redis data source 2.2, byte by byte: arrays of bulk strings, in RESP2.
#[test]
fn the_queries_of_grafanas_data_source() {
    let request = |words: &[&str]| {
        let words: String = words.iter().map(|word| format!("${}\\r\\n{word}\\r\\n", word.len())).collect();
        format!("grafana\\ *{}\\r\\n{words}", words.matches('$').count())
    };
    let mut script = String::from("@clock 1700000000000\n@each 150 1000 230 6\n");
    let mut ask = |words: &[&str], expected: &str| {
        script += &format!("{}\n{expected}\n", request(words).replace("grafana", "ap"));
    };
    ask(&["PING"], "ap= +PONG|");
    // A query of the last five minutes, and the same in buckets.
    let (from, to) = ("1699999850000", "1700000150000");
    ask(
        &["TS.RANGE", "lm35", from, to],
        "ap~ *33|*2|:1700000000000|+23.2|*2|:1700000060000|+23.3|*2|:1700000120000|+23.5|",
    );
    ask(
        &["TS.RANGE", "lm35", from, to, "AGGREGATION", "avg", "60000"],
        "ap= *3|*2|:1699999980000|+23.2|*2|:1700000040000|+23.3|*2|:1700000100000|+23.3|",
    );
    ask(
        &["TS.MRANGE", from, to, "AGGREGATION", "max", "600000", "WITHLABELS", "FILTER", "unit=\u{b0}C", "kind=gauge"],
        "ap~ *1|*3|$4|lm35|*4|*2|$4|name|$4|lm35|*2|$4|unit|$3|\u{b0}C|*2|$4|kind|$5|gauge|*2|$4|node|$12|sockeye-3f2a|*",
    );
    ask(&["TS.MRANGE", from, to, "WITHLABELS", "FILTER", "name=lm35"], "ap~ *1|*3|$4|lm35|");
    ask(&["TS.GET", "lm35"], "ap= *2|:1700000150000|+23.5|");
    ask(&["TS.MGET", "WITHLABELS", "FILTER", "name=lm35"], "ap~ *2|:1700000150000|+23.5|");
    ask(&["TS.INFO", "lm35"], "ap~ *24|$12|totalSamples|:33|");
    ask(&["TS.QUERYINDEX", "kind=gauge"], "ap= *2|$4|lm35|$9|wifi.rssi|");
    ask(&["XRANGE", "history:lm35", "-", "+"], "ap~ *64|*2|$15|1700000087000-0|*2|$5|value|");
    ask(&["XREVRANGE", "history:lm35", "+", "-", "COUNT", "1"], "ap= *1|*2|$15|1700000150000-0|*2|$5|value|$4|23.5|");
    ask(&["XINFO", "STREAM", "history:lm35"], "ap~ length|:64|");
    ask(&["HGETALL", "meta:lm35"], "ap~ $4|kind|$5|gauge|");
    ask(&["HKEYS", "meta:lm35"], "ap~ $4|kind|");
    ask(&["HGET", "meta:lm35", "unit"], "ap= $3|\u{b0}C|");
    ask(&["HMGET", "meta:lm35", "unit", "kind"], "ap= *2|$3|\u{b0}C|$5|gauge|");
    ask(&["GET", "lm35"], "ap= $4|23.5|");
    ask(&["TYPE", "lm35"], "ap= +string|");
    ask(&["INFO"], "ap~ # Server");
    ask(&["INFO", "stats"], "ap~ # Stats");
    ask(&["INFO", "commandstats"], "ap~ ");
    ask(&["CLIENT", "LIST"], "ap~ addr=");
    ask(&["SLOWLOG", "GET"], "ap~ *");
    ask(&["SLOWLOG", "GET", "10"], "ap~ *");
    // A custom command of the panel, split as a shell does.
    ask(&["config", "get", "device.name"], "ap~ device.name");
    check(&script);
}
