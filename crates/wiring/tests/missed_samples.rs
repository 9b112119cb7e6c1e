//! Samples that fail now and then, of each driver whose part can fail.

use sockeye_parts::{Ads1115, Aht20, Bh1750, Bosch, Condition, Dht, Ds18b20, Ina219, Part, Plug, Rig, Scd4x, Sht};
use sockeye_wiring::limits::MISSED_SAMPLES_MAX;

const BUS: (u8, u8) = (6, 7);

/// Long enough for a sample of any driver.
const LONG_MS: u64 = 60_000;
/// The longest period of the drivers here.
const PERIOD_MS: u64 = 10_000;
/// How long a value is kept at most after its first failure: the slowest part pauses for 5 s and measures for as long.
const KEPT_MS: u64 = 10_000 * MISSED_SAMPLES_MAX as u64;

/// Runs until one more sample of the thing has failed.
fn fail_once(rig: &mut Rig, context: &str) {
    let failed = rig.status("a").failed;
    // No driver samples more rarely than once in 10 s, and a sample that hangs takes 100 ms.
    for _ in 0..2_000 {
        rig.run(10);
        if rig.status("a").failed > failed {
            return;
        }
    }
    panic!("{context}: no sample failed");
}

/// Wires a part, and has one sample, two in a row, and one more than may fail in each way.
fn miss<P: Part>(spec: &str, connect: impl Fn(&Rig) -> Plug<P>, key: &str, conditions: &[Condition]) {
    for condition in conditions {
        let context = format!("{spec} {condition:?}");
        let mut rig = Rig::new();
        let plug = connect(&rig);
        rig.wire("a", spec);
        rig.run(LONG_MS);
        let good = rig.get(key);
        assert!(good.is_some(), "{context}");
        for failures in 1..=MISSED_SAMPLES_MAX {
            plug.set(*condition);
            for _ in 0..failures {
                fail_once(&mut rig, &context);
                assert_eq!((rig.get(key), rig.fault("a")), (good, None), "{context}, {failures} in a row");
            }
            plug.set(Condition::Works);
            rig.run(LONG_MS);
            assert_eq!((rig.get(key), rig.fault("a")), (good, None), "{context}");
        }
        plug.set(*condition);
        let begin_ms = rig.now_ms();
        for _ in 0..=MISSED_SAMPLES_MAX {
            fail_once(&mut rig, &context);
        }
        assert!(rig.get(key).is_none() && rig.fault("a").is_some(), "{context}: one more failure loses the value");
        // Up to a period passes before the first failure.
        let kept_ms = rig.now_ms() - begin_ms;
        assert!(kept_ms <= PERIOD_MS + KEPT_MS, "{context}: {kept_ms} ms");
        // Without a value each failure is told at once.
        plug.set(Condition::Works);
        rig.wire("a", "");
        rig.run(100);
        plug.set(*condition);
        rig.wire("a", spec);
        fail_once(&mut rig, &context);
        assert!(rig.get(key).is_none() && rig.fault("a").is_some(), "{context}: there was no value to keep");
    }
}

#[test]
fn a_sample_that_fails_costs_no_value_before_some_have_failed_in_a_row() {
    use Condition::{Corrupts, Hangs, Short, Unplugged};
    let (line, bus) = ([Unplugged, Corrupts, Short, Hangs], [Unplugged, Short, Hangs]);
    miss("ds18b20 pin=4", |rig| rig.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(7))), "a", &line);
    miss("dht22 pin=4", |rig| rig.bench.pulse_part(4, Dht::dht22()), "a.humidity", &line);
    miss("dht11 pin=4", |rig| rig.bench.pulse_part(4, Dht::dht11()), "a.humidity", &line);
    miss("bme280 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Bosch::bme280(0x76)), "a.pressure", &line);
    miss("sht4x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Sht::sht4x(0x44)), "a.humidity", &line);
    miss("sht3x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Sht::sht3x(0x44)), "a.humidity", &line);
    miss("aht20 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Aht20::new()), "a.humidity", &line);
    miss("scd4x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Scd4x::new()), "a.co2", &line);
    miss("ads1115 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Ads1115::new(0x48)), "a.a3", &bus);
    miss("bh1750 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Bh1750::new(0x23)), "a", &bus);
    miss("ina219 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Ina219::new(0x40)), "a.power", &bus);
}
