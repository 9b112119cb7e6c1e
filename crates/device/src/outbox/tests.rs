use super::*;
use crate::limits::OUTBOX_LEN;
use crate::platform::ValueKind;

const fn reading(name: &'static str) -> ReadingInfo<'static> {
    let (minimum, maximum) = (Value(0), Value(i32::MAX));
    ReadingInfo { name, unit: "", kind: ValueKind::Gauge, decimals: 1, minimum, maximum, period_ms: 1_000 }
}

static READINGS: [ReadingInfo<'static>; 2] = [reading("lm35"), reading("rssi")];

fn outbox(names: &str, period_ms: u32) -> Outbox<'static> {
    let outbox = Outbox::new(&READINGS);
    outbox.configure(&settings("10.0.0.1:3000", names, period_ms), "kitchen");
    outbox
}

fn settings(to: &str, names: &str, period_ms: u32) -> PushSettings {
    let (to, names) = (String::try_from(to).unwrap(), String::try_from(names).unwrap());
    PushSettings { to, names, period_ms, ..PushSettings::default() }
}

fn boot(ms: u64) -> Now {
    Now { uptime_us: ms * 1_000, unix_us: None }
}

fn clock(ms: u64, unix_ms: u64) -> Now {
    Now { unix_us: Some(unix_ms * 1_000), ..boot(ms) }
}

/// A new connection to a peer whose streams end so.
fn connect(outbox: &Outbox<'_>, last: &[Option<(u64, u64)>]) {
    outbox.connected();
    while let Some((index, _)) = outbox.next_unqueried(&()) {
        let id = last.get(index).copied().flatten();
        outbox.set_last_id(index, id.map(|(ms, seq)| StreamId { ms, seq }));
    }
}

/// The IDs of what goes out until the window is full.
fn send(outbox: &Outbox<'_>) -> std::vec::Vec<std::string::String> {
    core::iter::from_fn(|| outbox.next(&())).map(|sample| std::format!("{} {}", sample.name, sample.id)).collect()
}

fn settle(outbox: &Outbox<'_>, outcomes: &[SampleOutcome]) {
    outcomes.iter().for_each(|outcome| outbox.settle(*outcome, "").unwrap());
}

use SampleOutcome::{IdNotGreater, Refused, Stored};

#[test]
fn what_was_not_answered_for_goes_out_again_with_the_same_id() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[]);
    for ms in [1_000, 2_000, 3_000] {
        outbox.put(0, Value(1), boot(ms));
    }
    assert_eq!(send(&outbox), ["lm35 1000-0", "lm35 2000-0", "lm35 3000-0"]);
    settle(&outbox, &[Stored]);
    outbox.disconnected(None);
    connect(&outbox, &[Some((2_000, 0))]);
    assert_eq!(send(&outbox), ["lm35 2000-0", "lm35 3000-0"]);
    settle(&outbox, &[IdNotGreater, Stored]);
    assert!(outbox.is_empty());
    let counts = outbox.counts();
    assert_eq!((counts.delivered, counts.repeated, counts.dropped), (3, 1, 0));
}

#[test]
fn after_a_reboot_without_a_clock_ids_go_on_where_the_streams_end() {
    let outbox = outbox("*", 0);
    outbox.put(0, Value(1), boot(1_000));
    outbox.put(1, Value(1), boot(1_000));
    outbox.put(0, Value(1), boot(2_000));
    connect(&outbox, &[Some((500_000, 0)), Some((500_300, 7))]);
    assert_eq!(send(&outbox), ["lm35 500301-0", "rssi 500301-0", "lm35 501301-0"]);
    // The peer has lost its streams: IDs still don't go back.
    settle(&outbox, &[Stored; 3]);
    connect(&outbox, &[]);
    outbox.put(1, Value(1), boot(2_500));
    assert_eq!(send(&outbox), ["rssi 501801-0"]);
}

#[test]
fn the_clock_comes_later() {
    let outbox = outbox("*", 0);
    outbox.put(0, Value(1), boot(1_000));
    outbox.put(0, Value(1), clock(2_000, 1_700_000_002_000));
    connect(&outbox, &[Some((1_700_000_000_000, 0))]);
    assert_eq!(send(&outbox), ["lm35 1700000000001-0", "lm35 1700000002000-0"]);
}

#[test]
fn a_clock_that_is_put_back_makes_no_id_smaller() {
    let outbox = outbox("*", 0);
    outbox.put(0, Value(1), clock(1, 9_000));
    outbox.put(0, Value(1), clock(2, 5_000));
    outbox.put(0, Value(1), clock(3, 9_000));
    connect(&outbox, &[]);
    assert_eq!(send(&outbox), ["lm35 9000-0", "lm35 9000-1", "lm35 9000-2"]);
}

#[test]
fn the_first_moment_has_an_id() {
    let outbox = outbox("*", 0);
    outbox.put(0, Value(1), boot(0));
    connect(&outbox, &[]);
    assert_eq!(send(&outbox), ["lm35 0-1"]);
}

/// Another device of the same name has written further than this one. All samples that are on their way are refused, and
/// none of them has arrived.
#[test]
fn what_somebody_else_wrote_is_not_taken_for_an_answer() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[Some((500, 0))]);
    for ms in [1_000, 2_000, 3_000, 4_000, 5_000] {
        outbox.put(0, Value(1), clock(ms, ms));
    }
    assert_eq!(send(&outbox), ["lm35 1000-0", "lm35 2000-0", "lm35 3000-0", "lm35 4000-0"]);
    settle(&outbox, &[IdNotGreater, Stored, IdNotGreater]);
    // Nothing more goes out on this connection.
    assert!(send(&outbox).is_empty());
    assert_eq!(outbox.settle(Stored, ""), Err(IdConflict));
    outbox.disconnected(None);
    connect(&outbox, &[Some((9_000, 0))]);
    assert_eq!(send(&outbox), ["lm35 9000-1", "lm35 9000-2", "lm35 9000-3"]);
    settle(&outbox, &[Stored; 3]);
    let counts = outbox.counts();
    assert_eq!((counts.delivered, counts.repeated), (5, 0));
}

/// The connection ends before the outcome of the second is known. Its own ID comes before those that are new.
#[test]
fn a_sample_with_a_new_id_is_behind_those_that_may_have_arrived() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[Some((500, 0))]);
    for ms in [1_000, 2_000] {
        outbox.put(0, Value(1), clock(ms, ms));
    }
    assert_eq!(send(&outbox).len(), 2);
    settle(&outbox, &[IdNotGreater]);
    outbox.disconnected(None);
    connect(&outbox, &[Some((1_500, 0))]);
    assert_eq!(send(&outbox), ["lm35 2000-0", "lm35 2000-1"]);
    settle(&outbox, &[Stored, Stored]);
    assert_eq!((outbox.counts().delivered, outbox.counts().repeated), (2, 0));
}

#[test]
fn samples_of_a_reading_that_is_no_more_are_given_up_without_an_error() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[]);
    outbox.put(0, Value(1), boot(1));
    assert_eq!(send(&outbox).len(), 1);
    outbox.put(0, Value(1), boot(2));
    outbox.put(1, Value(1), boot(2));
    outbox.rewire(0b01);
    outbox.disconnected(None);
    connect(&outbox, &[]);
    assert_eq!(send(&outbox), ["rssi 2-0"]);
    assert_eq!((outbox.counts().refused, outbox.error().as_str()), (0, ""));
}

#[test]
fn a_new_id_without_a_clock_is_just_behind_the_streams_end() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[Some((500_000, 0))]);
    outbox.put(0, Value(1), boot(1_000));
    assert_eq!(send(&outbox), ["lm35 500001-0"]);
    assert_eq!(outbox.settle(IdNotGreater, ""), Err(IdConflict));
    outbox.disconnected(None);
    connect(&outbox, &[Some((500_700, 3))]);
    outbox.put(0, Value(1), boot(2_000));
    assert_eq!(send(&outbox), ["lm35 500700-4", "lm35 501001-0"]);
}

#[test]
fn a_full_outbox_drops_the_oldest_that_is_not_on_its_way() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[]);
    outbox.put(0, Value(1), boot(1));
    outbox.put(0, Value(1), boot(2));
    assert_eq!(send(&outbox).len(), 2);
    for ms in 3..=OUTBOX_LEN as u64 + 3 {
        outbox.put(0, Value(1), boot(ms));
    }
    assert_eq!((outbox.len(), outbox.counts().dropped), (OUTBOX_LEN, 3));
    settle(&outbox, &[Stored, Stored]);
    assert_eq!(send(&outbox)[0], "lm35 6-0");
    // Without a connection nothing is on its way, and the oldest goes whatever was sent of it.
    outbox.disconnected(None);
    for ms in 100..110 {
        outbox.put(0, Value(1), boot(ms));
    }
    assert_eq!((outbox.len(), outbox.counts().dropped), (OUTBOX_LEN, 3 + 8));
    connect(&outbox, &[]);
    assert_eq!(send(&outbox)[0], "lm35 14-0");
}

#[test]
fn no_more_than_a_window_is_on_its_way() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[]);
    (1..=9).for_each(|ms| outbox.put(0, Value(1), boot(ms)));
    assert_eq!(send(&outbox).len(), PUSH_WINDOW_MAX);
    settle(&outbox, &[Stored]);
    assert_eq!(send(&outbox), ["lm35 5-0"]);
}

#[test]
fn names_and_period_choose() {
    let outbox = outbox("l*", 5_000);
    for second in 0..=12u64 {
        // A sensor's times are never exact.
        outbox.put(0, Value(1), boot(second * 1_000 + 10 - second % 3 * 5));
        outbox.put(1, Value(1), boot(second * 1_000));
    }
    connect(&outbox, &[]);
    assert_eq!(send(&outbox), ["lm35 10-0", "lm35 5000-0", "lm35 10005-0"]);
}

#[test]
fn a_new_peer_gets_what_waits() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[Some((9_000, 0))]);
    outbox.put(0, Value(1), clock(1, 5_000));
    assert_eq!(send(&outbox), ["lm35 9000-1"]);
    let version = outbox.version();
    outbox.configure(&settings("10.0.0.2:3000", "*", 0), "kitchen");
    assert!(outbox.version() != version);
    connect(&outbox, &[]);
    assert_eq!(send(&outbox), ["lm35 9000-1"]);
    assert_eq!(outbox.settle(IdNotGreater, ""), Err(IdConflict), "the new peer was never sent it");
    outbox.configure(&PushSettings::default(), "kitchen");
    assert!(outbox.is_empty());
    outbox.put(0, Value(1), boot(1));
    assert!(outbox.is_empty());
}

#[test]
fn a_new_name_means_new_streams() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[Some((9_000, 0))]);
    outbox.put(0, Value(1), clock(1, 5_000));
    assert_eq!(send(&outbox), ["lm35 9000-1"]);
    let version = outbox.version();
    outbox.rename("kitchen");
    assert_eq!((outbox.version(), outbox.node().as_str()), (version, "kitchen"));
    outbox.rename("barn");
    assert_eq!((outbox.version(), outbox.node().as_str()), (version + 1, "barn"));
    connect(&outbox, &[Some((9_500, 0))]);
    assert_eq!(send(&outbox), ["lm35 9500-1"]);
}

#[test]
fn a_refusal_is_counted_and_told() {
    let outbox = outbox("*", 0);
    connect(&outbox, &[]);
    outbox.put(0, Value(1), boot(1));
    send(&outbox);
    outbox.settle(Refused, &"x".repeat(PUSH_ERROR_LEN_MAX + 9)).unwrap();
    assert_eq!((outbox.counts().refused, outbox.error().len()), (1, PUSH_ERROR_LEN_MAX));
    // A stream whose last ID is the last of all takes none.
    connect(&outbox, &[Some((u64::MAX, u64::MAX))]);
    outbox.put(0, Value(1), clock(2, 2));
    assert!(send(&outbox).is_empty());
    assert_eq!((outbox.counts().refused, outbox.len()), (2, 0));
}
