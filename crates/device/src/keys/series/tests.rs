//! Each sample counts once, in whatever point.

use std::vec::Vec;

use super::*;
use crate::keys::history::SampleId;
use crate::platform::Now;
use crate::value::Value;

const ALL: Window = Window { from_ms: 0, to_ms: u64::MAX, is_reverse: false, groups: None };

fn points(series: &Series<'_>, window: Window) -> Vec<(u64, Bucket)> {
    let mut step = 0;
    let next = || {
        let (group, next) = window.next(series, step)?;
        step = next;
        Some((group.ms, group.bucket().unwrap()))
    };
    std::iter::from_fn(next).collect()
}

/// A reading with samples each `period_ms`, some of which are missing, on a device whose clock may step.
fn run(seed: u64, check: impl Fn(&Series<'_>, &[i32], &str)) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut history, mut days, mut clock) = (History::new(), [Day::new()], DayClock::ZERO);
    let period_ms = [250, 1_000, 5_000, 60_000, 300_000][random.usize(..5)];
    let (mut uptime_ms, mut unix_ms, mut samples) = (random.u64(..90_000), None, Vec::new());
    for step in 0..2_000u32 {
        uptime_ms += period_ms;
        unix_ms = unix_ms.map(|ms: u64| ms + period_ms);
        match random.u32(..1_000) {
            0 => uptime_ms += random.u64(..7_200_000),
            1 => unix_ms = Some(1_700_000_000_000 + random.u64(..100_000_000)),
            _ => (),
        }
        let now = Now { uptime_us: uptime_ms * 1_000, unix_us: unix_ms.map(|ms| ms * 1_000) };
        let value = random.i32(-500..500);
        history.append(Value(value), now);
        Day::add_to(&mut days, 0, Value(value), uptime_ms);
        clock.follow(now);
        samples.push(value);
        if step % 97 == 0 {
            check(&Series::new(&history, days.first(), clock), &samples, &std::format!("seed {seed} step {step}"));
        }
    }
}

#[test]
fn each_sample_is_told_once_and_times_grow() {
    for seed in 0..200 {
        run(seed, |series, samples, context| {
            let told = points(series, ALL);
            assert!(told.is_sorted_by(|(a, _), (b, _)| a < b), "{context}: {told:?}");
            assert_eq!(ALL.count(series, usize::MAX), told.len(), "{context}");
            // The newest samples, as many as are told.
            let count: u32 = told.iter().map(|(_, bucket)| bucket.count).sum();
            let kept = &samples[samples.len() - count as usize..];
            assert!(count > 0 && told.last().unwrap().1.maximum >= *kept.last().unwrap(), "{context}");
            let sum: i64 = kept.iter().map(|sample| i64::from(*sample)).sum();
            let (mut error, mut half) = (-sum, 0);
            for (_, bucket) in &told {
                error += i64::from(bucket.mean) * i64::from(bucket.count);
                half += i64::from(bucket.count);
            }
            assert!(2 * error.abs() <= half, "{context}");
            let (least, most) = (kept.iter().min().unwrap(), kept.iter().max().unwrap());
            assert_eq!(told.iter().map(|(_, bucket)| bucket.minimum).min(), Some(*least), "{context}");
            assert_eq!(told.iter().map(|(_, bucket)| bucket.maximum).max(), Some(*most), "{context}");
        });
    }
}

#[test]
fn groups_are_the_same_in_both_directions() {
    for seed in 0..100 {
        run(seed, |series, _, context| {
            let (len_ms, align_ms) = (90_000 + seed * 7_000, seed * 1_000);
            let groups = Some(Groups { len_ms, align_ms });
            let window = Window { from_ms: 200_000, groups, ..ALL };
            let told = points(series, window);
            let mut reverse = points(series, Window { is_reverse: true, ..window });
            reverse.reverse();
            assert_eq!(told, reverse, "{context}");
            let singles = points(series, Window { groups: None, ..window });
            let count = |points: &[(u64, Bucket)]| points.iter().map(|(_, bucket)| bucket.count).sum::<u32>();
            assert_eq!(count(&told), count(&singles), "{context}");
            let is_start = |ms: &u64| (ms + len_ms - align_ms % len_ms).is_multiple_of(len_ms);
            assert!(told.iter().all(|(ms, _)| is_start(ms) || *ms == 0), "{context}: {told:?}");
        });
    }
}

#[test]
fn an_hour_of_minutes_and_a_day_are_told() {
    let (mut history, mut days) = (History::new(), [Day::new()]);
    for second in 0..100_000u64 {
        history.append(Value(second as i32), Now { uptime_us: second * 1_000_000, unix_us: None });
        Day::add_to(&mut days, 0, Value(second as i32), second * 1_000);
        if second % 61 == 0 && second > 90_000 {
            let told = points(&Series::new(&history, days.first(), DayClock::ZERO), ALL);
            assert!(told[0].0 + 86_400_000 <= second * 1_000, "a day: {second}");
            let steps: Vec<_> = told.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            let hour = told.iter().position(|(ms, _)| ms + 3_600_000 >= second * 1_000).unwrap();
            assert!(steps[hour..].iter().all(|step| [1_000, 60_000].contains(step)), "{second}: {steps:?}");
        }
    }
}

#[test]
fn a_plan_holds_while_samples_come() {
    let (mut history, mut days) = (History::new(), [Day::new()]);
    let add = |history: &mut History, days: &mut [Day], second: u64| {
        history.append(Value(second as i32), Now { uptime_us: second * 1_000_000, unix_us: None });
        Day::add_to(days, 0, Value(second as i32), second * 1_000);
    };
    for second in 0..4_500 {
        add(&mut history, &mut days, second);
        let (plan, told) = {
            let series = Series::new(&history, days.first(), DayClock::ZERO);
            (series.plan(), points(&series, ALL))
        };
        if second % 7 > 0 {
            continue;
        }
        let mut later = (History::new(), [Day::new()]);
        (0..=second).for_each(|second| add(&mut later.0, &mut later.1, second));
        (1..=u64::from(RANGE_SLACK)).for_each(|more| add(&mut later.0, &mut later.1, second + more));
        let series = Series::resumed(&later.0, later.1.first(), DayClock::ZERO, plan);
        let still: Vec<_> = points(&series, ALL).into_iter().map(|(ms, _)| ms).collect();
        assert!(told.iter().all(|(ms, _)| still.contains(ms)), "{second}: {plan:?}");
    }
}

#[test]
fn without_a_day_there_are_samples() {
    let mut history = History::new();
    for ms in [1_000, 2_000, 90_000] {
        history.add(Value(ms), SampleId::default().later(ms as u64));
    }
    let series = Series::new(&history, None, DayClock::ZERO);
    let told: Vec<_> = points(&series, ALL).into_iter().map(|(ms, _)| ms).collect();
    assert_eq!((told, series.count()), ([1_000, 2_000, 90_000].to_vec(), 3));
}
