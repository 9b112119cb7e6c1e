//! A day against a model that keeps everything.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::*;

/// All samples of all buckets.
#[derive(Default)]
struct Model {
    minutes: BTreeMap<u32, Vec<i32>>,
    tens: BTreeMap<u32, Vec<i32>>,
    newest: u32,
}

impl Model {
    fn add(&mut self, value: i32, uptime_ms: u64) {
        // A sample that is late counts for the newest minute.
        let minute = minute(uptime_ms);
        self.newest = if self.minutes.is_empty() { minute } else { self.newest.max(minute) };
        self.minutes.entry(self.newest).or_default().push(value);
        self.tens.entry(self.newest / TEN_MINUTES).or_default().push(value);
    }
}

/// Holds a bucket against the samples that were in it.
fn check(bucket: Option<Bucket>, samples: Option<&Vec<i32>>, is_open: bool, context: &str) {
    let (Some(bucket), Some(samples)) = (bucket, samples) else {
        assert!(bucket.is_none() && samples.is_none(), "{context}: {bucket:?} for {samples:?}");
        return;
    };
    let count = samples.len() as i64;
    let most = if is_open { u32::MAX } else { BUCKET_COUNT_MAX };
    assert_eq!(bucket.count, (count as u32).min(most), "{context}");
    let sum: i64 = samples.iter().map(|sample| i64::from(*sample)).sum();
    // Half of the last decimal: |mean * count - sum| <= count / 2.
    let error = (i64::from(bucket.mean) * count - sum).abs();
    assert!(2 * error <= count, "{context}: the mean is {} and not {sum}/{count}", bucket.mean);
    let (minimum, maximum) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
    for (told, is, mean) in [(bucket.minimum, *minimum, bucket.mean), (bucket.maximum, *maximum, bucket.mean)] {
        let (told, is) = (told.abs_diff(mean), is.abs_diff(mean));
        assert!(told >= is, "{context}: {told} is nearer to the mean than {is}");
        let slack = if is < 1 << 10 || is_open { 0 } else { is / 512 + 1 };
        assert!(told - is <= slack, "{context}: {told} is too far from {is}");
    }
}

fn check_all(day: &Day, model: &Model, context: &str) {
    let newest = day.newest();
    assert_eq!(newest, model.newest, "{context}");
    for number in newest.saturating_sub(DAY_MINUTES as u32)..=newest {
        check(day.minute(number), model.minutes.get(&number), number == newest, context);
    }
    let newest = newest / TEN_MINUTES;
    for number in newest.saturating_sub(DAY_TENS as u32)..=newest {
        check(day.ten(number), model.tens.get(&number), number == newest, context);
    }
    for number in [newest + 1, newest.wrapping_sub(DAY_TENS as u32 + 1)] {
        assert_eq!(day.ten(number), None, "{context}");
    }
}

#[test]
fn a_day_is_what_a_model_keeps_that_keeps_everything() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut day, mut model, mut uptime_ms) = (Day::new(), Model::default(), random.u64(..100_000_000));
        let period_ms = [100, 1_000, 10_000, 60_000, 400_000][random.usize(..5)];
        let range = [1, 100, 5_000, i32::MAX][random.usize(..4)];
        let base = random.i32(-range..=range);
        for step in 0..3_000 {
            // A sensor that fails, for up to two days.
            let gap_ms = if random.u32(..500) == 0 { random.u64(..180_000_000) } else { 0 };
            uptime_ms += period_ms + gap_ms;
            let late_ms = if random.u32(..50) == 0 { random.u64(..200_000) } else { 0 };
            let value = base / 2 + random.i32(-range..=range) / 2;
            day.add(Value(value), uptime_ms.saturating_sub(late_ms));
            model.add(value, uptime_ms.saturating_sub(late_ms));
            if step % 250 == 0 {
                check_all(&day, &model, &std::format!("seed {seed}, step {step}"));
            }
        }
        check_all(&day, &model, &std::format!("seed {seed}"));
    }
}

#[test]
fn a_spread_is_exact_or_a_little_wide() {
    let check = |distance: u32| {
        let told = Spread::new(distance).distance();
        let is = i64::from(distance);
        assert!(told >= is && told - is <= if is < 1 << 10 { 0 } else { is / 512 }, "{distance}: {told}");
        assert!(Spread::new(distance).0 >> SPREAD_BITS == 0, "{distance}");
    };
    (0..100_000).for_each(check);
    (0..u32::BITS).for_each(|shift| {
        [u32::MAX >> shift, (u32::MAX >> shift) - (u32::MAX >> shift) / 1_000].into_iter().for_each(check)
    });
}

#[test]
fn more_decimals_make_values_larger_or_forget_them() {
    let mut days = [Day::new()];
    for (value, uptime_ms) in [(5, 0), (-7, 60_000), (6, 120_000)] {
        Day::add_to(&mut days, 3, Value(value), uptime_ms);
    }
    assert!(Day::has_room(&days, 3, 0, 8) && !Day::has_room(&days, 3, 0, 9) && Day::has_room(&days, 4, 0, 9));
    Day::rescale(&mut days, 3, 0, 2);
    assert_eq!(days[0].minute(1), Some(Bucket::sample(-700)));
    assert_eq!(days[0].ten(0).map(|ten| (ten.minimum, ten.mean, ten.maximum, ten.count)), Some((-700, 133, 600, 3)));
    Day::rescale(&mut days, 3, 2, 0);
    assert_eq!(days[0].minute(1), Some(Bucket::sample(-7)));
    assert_eq!(days[0].ten(0).map(|ten| (ten.minimum, ten.mean, ten.maximum, ten.count)), Some((-7, 1, 6, 3)));
}

#[test]
fn who_comes_first_has_a_day() {
    let mut days = [const { Day::new() }; 2];
    for index in [5, 0, 7] {
        Day::add_to(&mut days, index, Value(1), 0);
    }
    let has = |days: &[Day]| [5, 0, 7].map(|index| Day::of(days, index).is_some());
    assert_eq!(has(&days), [true, true, false]);
    Day::forget(&mut days, 5);
    Day::add_to(&mut days, 7, Value(1), 60_000);
    assert_eq!(has(&days), [false, true, true]);
    assert_eq!(Day::of(&days, 7).unwrap().minute(0), None);
}

#[test]
fn times_follow_a_clock_that_was_put_right() {
    let now = |uptime_ms: u64, unix_ms: Option<u64>| Now {
        uptime_us: uptime_ms * 1_000,
        unix_us: unix_ms.map(|ms| ms * 1_000),
    };
    let mut clock = DayClock::ZERO;
    clock.follow(now(5_000, None));
    assert_eq!(clock.stamp_ms(3_000), 3_000);
    clock.follow(now(6_000, Some(1_000_006_000)));
    assert_eq!(clock.stamp_ms(3_000), 1_000_003_000);
    // A small correction moves nothing.
    clock.follow(now(7_000, Some(1_000_007_900)));
    assert_eq!(clock.stamp_ms(3_000), 1_000_003_000);
    // The clock may go back, and further back than the device is up.
    clock.follow(now(8_000, Some(2_000)));
    assert_eq!((clock.stamp_ms(7_000), clock.stamp_ms(3_000)), (1_000, 0));
    clock.follow(now(8_000, Some(1_000_008_000)));
    for (stamp_ms, uptime_ms) in [(1_000_003_000, 3_000), (1_000_009_000, 8_000), (500, 8_000)] {
        assert_eq!(clock.uptime_ms(stamp_ms, now(8_000, Some(1_000_008_000))), uptime_ms);
    }
    assert_eq!(clock.uptime_ms(1_000_003_000, now(8_000, None)), 8_000);
}
