//! Each driver against the model of its part: the data sheets' examples, every fault, and coming back from it.

use sockeye_parts::{
    Ads1115, Aht20, Bh1750, Bosch, Condition, Dht, Ds18b20, Ina219, Part, PinState, Plug, Rig, Scd4x, Sht,
};
use sockeye_wiring::driver::Fault;

const BUS: (u8, u8) = (6, 7);

/// Long enough for a sample of any driver, or for a back-off at its longest.
const LONG_MS: u64 = 60_000;

/// Wires a part, and puts it through all that can happen to it.
fn check<P: Part>(
    spec: &str,
    connect: impl Fn(&Rig) -> Plug<P>,
    key: &str,
    corrupt: Option<Fault>,
    slow: Option<Fault>,
) {
    let mut rig = Rig::new();
    let plug = connect(&rig);
    rig.wire("a", spec);
    rig.run(LONG_MS);
    let good = rig.get(key).unwrap_or_else(|| panic!("{spec}: {:?}", rig.status("a")));
    assert_eq!((rig.status("a").failed, rig.fault("a")), (0, None), "{spec}");

    let faults = [
        (Condition::Unplugged, Some(Fault::NoAnswer)),
        (Condition::Corrupts, corrupt),
        (Condition::Short, Some(Fault::Short)),
        (Condition::Hangs, Some(Fault::Hangs)),
        (Condition::Slow, slow),
    ];
    for (condition, fault) in faults {
        let Some(fault) = fault else { continue };
        let failed = rig.status("a").failed;
        plug.set(condition);
        rig.run(LONG_MS);
        assert_eq!((rig.fault("a"), rig.get(key)), (Some(fault), None), "{spec} {condition:?}");
        assert!(rig.status("a").failed > failed, "{spec} {condition:?}");
        plug.set(Condition::Works);
        rig.run(LONG_MS);
        assert_eq!((rig.fault("a"), rig.get(key)), (None, Some(good)), "{spec} after {condition:?}");
    }
}

#[test]
fn every_sensor_on_a_bus_fails_as_it_does_and_comes_back() {
    let (sum, late) = (Some(Fault::Checksum), Some(Fault::NotReady));
    check("ds18b20 pin=4", |rig| rig.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(7))), "a", sum, None);
    check("dht22 pin=4", |rig| rig.bench.pulse_part(4, Dht::dht22()), "a.humidity", sum, None);
    check("dht11 pin=4", |rig| rig.bench.pulse_part(4, Dht::dht11()), "a.humidity", sum, None);
    let other = Some(Fault::OtherDevice);
    check("bme280 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Bosch::bme280(0x76)), "a.pressure", other, late);
    let spec = "bmp280 sda=6 scl=7 address=0x77";
    check(spec, |rig| rig.bench.i2c_part(BUS, Bosch::bmp280(0x77)), "a.pressure", other, late);
    // These sensors don't acknowledge before a measurement is over, or before they have stopped.
    let silent = Some(Fault::NoAnswer);
    check("sht4x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Sht::sht4x(0x44)), "a.humidity", sum, silent);
    check("sht3x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Sht::sht3x(0x44)), "a.humidity", sum, silent);
    check("aht20 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Aht20::new()), "a.humidity", sum, late);
    check("scd4x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Scd4x::new()), "a.co2", sum, silent);
    check("ads1115 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Ads1115::new(0x48)), "a.a3", None, late);
    // These sensors have no checksum, and don't show whether a value is new.
    check("bh1750 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Bh1750::new(0x23)), "a", None, None);
    check("ina219 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Ina219::new(0x40)), "a.power", None, None);
}

/// The reading of a DS18B20 with this raw temperature.
fn ds18b20(sixteenths: i16) -> Option<i32> {
    let mut rig = Rig::new();
    rig.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1))).with(|part| part.set_sixteenths(sixteenths));
    rig.wire("a", "ds18b20 pin=4");
    rig.run(2_000);
    rig.get("a")
}

#[test]
fn ds18b20_reads_the_table_of_its_data_sheet() {
    // 19-7487 Rev 6, table 1: +125, +85, +25.0625, +10.125, +0.5, 0, -0.5, -10.125, -25.0625 and -55 degrees.
    let table: [(u16, i32); 10] = [
        (0x07d0, 12_500),
        (0x0550, 8_500),
        (0x0191, 2_506),
        (0x00a2, 1_013),
        (0x0008, 50),
        (0x0000, 0),
        (0xfff8, -50),
        (0xff5e, -1_013),
        (0xfe6f, -2_506),
        (0xfc90, -5_500),
    ];
    for (raw, hundredths) in table {
        assert_eq!(ds18b20(raw as i16), Some(hundredths), "{raw:04x}");
    }
}

#[test]
fn ds18b20_with_a_lower_resolution_has_undefined_bits_that_do_not_count() {
    // "Operation - Measuring Temperature": of 9, 10, 11 and 12 bits. With all undefined bits at 1 it is 25.9375 degrees.
    for (config, hundredths) in [(0x1f, 2_550), (0x3f, 2_575), (0x5f, 2_588), (0x7f, 2_594)] {
        let mut rig = Rig::new();
        rig.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1))).with(|part| {
            part.set_config(config);
            part.set_sixteenths(0x19f);
        });
        rig.wire("a", "ds18b20 pin=4");
        rig.run(2_000);
        assert_eq!(rig.get("a"), Some(hundredths), "{config:#x}");
    }
}

#[test]
fn a_ds18s20_is_not_taken_for_a_ds18b20() {
    let mut rig = Rig::new();
    rig.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1))).with(|part| part.set_config(0xff));
    rig.wire("a", "ds18b20 pin=4");
    rig.run(2_000);
    assert_eq!((rig.fault("a"), rig.get("a")), (Some(Fault::OtherDevice), None));
}

#[test]
fn ds18b20_on_one_pin_are_told_apart_by_their_rom_codes() {
    let mut rig = Rig::new();
    let roms = [1, 2, 3].map(Ds18b20::rom);
    let plugs = roms.map(|rom| rig.bench.one_wire_part(4, Ds18b20::new(rom)));
    for (plug, celsius) in plugs.iter().zip([10, 20, 30]) {
        plug.with(|part| part.set_sixteenths(celsius * 16));
    }
    for (name, rom) in ["a", "b", "c"].iter().zip(roms) {
        rig.wire(name, &format!("ds18b20 pin=4 rom={rom:016x}"));
    }
    rig.run(3_000);
    assert_eq!(["a", "b", "c"].map(|name| rig.get(name)), [Some(1_000), Some(2_000), Some(3_000)]);
    plugs[1].set(Condition::Unplugged);
    rig.run(LONG_MS);
    assert_eq!(["a", "b", "c"].map(|name| rig.get(name)), [Some(1_000), None, Some(3_000)]);
}

/// A part loses its power for a moment, some milliseconds after a sample has begun.
fn lose_power<P: Part>(spec: &str, connect: impl Fn(&Rig) -> Plug<P>, key: &str, (after_ms, fault): (u64, Fault)) {
    let mut rig = Rig::new();
    let plug = connect(&rig);
    rig.wire("a", spec);
    rig.run(after_ms);
    plug.with(P::power_on);
    rig.run(900);
    assert_eq!((rig.fault("a"), rig.get(key)), (Some(fault), None), "{spec}");
    rig.run(LONG_MS);
    assert!(rig.get(key).is_some(), "{spec}: {:?}", rig.status("a"));
}

#[test]
fn a_sensor_that_loses_its_power_while_it_measures_has_no_value() {
    let late = Fault::NotReady;
    lose_power("ds18b20 pin=4", |rig| rig.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1))), "a", (500, late));
    lose_power("bme280 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Bosch::bme280(0x76)), "a.pressure", (1, late));
    lose_power("bmp280 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Bosch::bmp280(0x76)), "a.pressure", (1, late));
    lose_power("aht20 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Aht20::new()), "a.humidity", (50, late));
    lose_power("ads1115 sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Ads1115::new(0x48)), "a.a3", (1, late));
    let silent = Fault::NoAnswer;
    lose_power("sht4x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Sht::sht4x(0x44)), "a.humidity", (1, silent));
    lose_power("sht3x sda=6 scl=7", |rig| rig.bench.i2c_part(BUS, Sht::sht3x(0x44)), "a.humidity", (1, silent));
}

fn dht(spec: &str, part: Dht, bytes: [u8; 4]) -> (Option<i32>, Option<i32>) {
    let mut rig = Rig::new();
    rig.bench.pulse_part(4, part).with(|part| part.set_bytes(bytes));
    rig.wire("a", spec);
    rig.run(100);
    (rig.get("a.temperature"), rig.get("a.humidity"))
}

#[test]
fn dht_read_the_examples_of_their_data_sheets() {
    // AM2302, 5: 0000 0010 1000 1100 0000 0001 0101 1111 is 65.2 % and 35.1 degrees; 1000 0000 0110 0101 is -10.1 degrees.
    assert_eq!(dht("dht22 pin=4", Dht::dht22(), [0x02, 0x8c, 0x01, 0x5f]), (Some(351), Some(652)));
    assert_eq!(dht("dht22 pin=4", Dht::dht22(), [0x02, 0x8c, 0x80, 0x65]), (Some(-101), Some(652)));
    // DHT11 Product Manual, "Data format", example 1: 0011 0101 0000 0000 0001 1000 0000 0000 is 53 % and 24 degrees.
    assert_eq!(dht("dht11 pin=4", Dht::dht11(), [0x35, 0x00, 0x18, 0x00]), (Some(240), Some(530)));
    // Newer ones have tenths, and a sign: 24.4 degrees, and -10.1.
    assert_eq!(dht("dht11 pin=4", Dht::dht11(), [0x35, 0x00, 0x18, 0x04]), (Some(244), Some(530)));
    assert_eq!(dht("dht11 pin=4", Dht::dht11(), [0x35, 0x00, 0x0a, 0x81]), (Some(-101), Some(530)));
    // 120 % is nobody's.
    assert_eq!(dht("dht22 pin=4", Dht::dht22(), [0x04, 0xb0, 0x01, 0x5f]), (None, None));
}

#[test]
fn dht22_below_zero_have_one_of_three_codes() {
    let celsius = |raw: u16| {
        let [high, low] = raw.to_be_bytes();
        dht("dht22 pin=4", Dht::dht22(), [0x02, 0x8c, high, low]).0
    };
    // The data sheet's, of sign and magnitude, from its first to its last value.
    assert_eq!([0x8000, 0x8001, 0x8190].map(celsius), [Some(0), Some(-1), Some(-400)]);
    // Two's complement of others that are sold as DHT22. DHTNew's issue 100 has such bytes, of 40.3 % and -17.9 degrees.
    assert_eq!(dht("dht22 pin=4", Dht::dht22(), [0x01, 0x93, 0xff, 0x4d]), (Some(-179), Some(403)));
    assert_eq!([0xffff, 0xfe70].map(celsius), [Some(-1), Some(-400)]);
    // The same with 12 bits: ESPHome's issue 5322 has 0x0FF8, a little below zero.
    assert_eq!([0x0fff, 0x0ff8, 0x0e70].map(celsius), [Some(-1), Some(-8), Some(-400)]);
    assert_eq!([0x0000, 0x0320].map(celsius), [Some(0), Some(800)]);
    // Between them is no temperature of any.
    assert_eq!([0x0321, 0x0e6f, 0x1000, 0x7fff, 0x8191, 0x9001, 0xc0c8, 0xfe6f].map(celsius), [None; 8]);
}

fn i2c<P: sockeye_parts::I2cPart + 'static>(spec: &str, part: P, change: impl FnOnce(&mut P)) -> Rig {
    let mut rig = Rig::new();
    rig.bench.i2c_part(BUS, part).with(change);
    rig.wire("a", spec);
    rig.run(7_000);
    rig
}

#[test]
fn bmp280_reads_the_example_of_its_data_sheet() {
    // 3.12: 25.08 degrees, 100,653 Pa.
    let rig = i2c("bmp280 sda=6 scl=7", Bosch::bmp280(0x76), |_| ());
    assert_eq!((rig.get("a.temperature"), rig.get("a.pressure")), (Some(2_508), Some(100_653)));
}

#[test]
fn bme280_in_integers_agrees_with_the_data_sheets_floating_point() {
    for (celsius, pascal, percent) in
        [(-35.0, 31_000.0, 5.0), (0.0, 101_325.0, 50.0), (21.5, 98_765.0, 33.3), (60.0, 109_000.0, 92.0)]
    {
        let rig = i2c("bme280 sda=6 scl=7", Bosch::bme280(0x76), |part| part.set(celsius, pascal, percent));
        let is_near = |key: &str, value: f64, least: f64| {
            let read = f64::from(rig.get(key).unwrap_or_else(|| panic!("{:?}", rig.status("a"))));
            assert!((read - value).abs() <= least, "{key}: {read}, not {value}");
        };
        is_near("a.temperature", celsius * 100.0, 1.0);
        is_near("a.pressure", pascal, 3.0);
        is_near("a.humidity", percent * 100.0, 3.0);
    }
}

#[test]
fn sensors_without_their_calibration_have_no_value() {
    let blank = i2c("bme280 sda=6 scl=7", Bosch::bme280(0x76), Bosch::set_blank);
    assert_eq!(blank.fault("a"), Some(Fault::Uncalibrated));
    let blank = i2c("aht20 sda=6 scl=7", Aht20::new(), Aht20::set_blank);
    assert_eq!(blank.fault("a"), Some(Fault::Uncalibrated));
}

#[test]
fn a_bmp280_is_not_taken_for_a_bme280() {
    assert_eq!(i2c("bme280 sda=6 scl=7", Bosch::bmp280(0x76), |_| ()).fault("a"), Some(Fault::OtherDevice));
    assert_eq!(i2c("bmp280 sda=6 scl=7", Bosch::bme280(0x76), |_| ()).fault("a"), Some(Fault::OtherDevice));
}

#[test]
fn sht_read_by_the_formulas_of_their_data_sheets() {
    // 0xBEEF is the example of the checksum (SHT3x-DIS, version 5, table 20): -45 + 175 * 48879 / 65535 = 85.52, and 100 * 48879 / 65535 = 74.58.
    let words = |part: &mut Sht| part.set_words([0xbeef, 0xbeef]);
    let rig = i2c("sht3x sda=6 scl=7", Sht::sht3x(0x44), words);
    assert_eq!((rig.get("a.temperature"), rig.get("a.humidity")), (Some(8_552), Some(7_458)));
    // -6 + 125 * 48879 / 65535 = 87.23.
    let rig = i2c("sht4x sda=6 scl=7", Sht::sht4x(0x44), words);
    assert_eq!((rig.get("a.temperature"), rig.get("a.humidity")), (Some(8_552), Some(8_723)));
    // Beyond the ends of what humidity can be.
    let ends = [[0, 0], [0xffff, 0xffff]].map(|words| {
        let rig = i2c("sht4x sda=6 scl=7", Sht::sht4x(0x44), |part| part.set_words(words));
        (rig.get("a.temperature"), rig.get("a.humidity"))
    });
    assert_eq!(ends, [(Some(-4_500), Some(0)), (Some(13_000), Some(10_000))]);
}

#[test]
fn aht20_reads_by_the_formulas_of_its_data_sheet() {
    // 0x1C65B and 0x425CD: 100 * 116315 / 2^20 = 11.09 %, 200 * 271821 / 2^20 - 50 = 1.85 degrees.
    let rig = i2c("aht20 sda=6 scl=7", Aht20::new(), |part| part.set_raw([0x1c65b, 0x425cd]));
    assert_eq!((rig.get("a.temperature"), rig.get("a.humidity")), (Some(185), Some(1_109)));
}

#[test]
fn bh1750_reads_the_example_of_its_data_sheet() {
    // Technical note 2009.04 Rev.B, page 10, read format: 1000 0011 1001 0000 is 28,067 lx.
    let rig = i2c("bh1750 sda=6 scl=7", Bh1750::new(0x23), |part| part.set_raw(0x8390));
    assert_eq!(rig.get("a"), Some(280_667));
}

#[test]
fn ina219_reads_the_example_of_its_data_sheet() {
    // SBOS448G, 9.2.2.1, table 8: 2 mOhm; registers 07D0h and 5D98h are 20 mV and 11.98 V, 10 A and 119.8 W.
    let rig = i2c("ina219 sda=6 scl=7 shunt=0.002", Ina219::new(0x40), |part| part.set(0x07d0, 2_995));
    let read = ["voltage", "current", "power"].map(|reading| rig.get(&format!("a.{reading}")));
    assert_eq!(read, [Some(11_980), Some(100_000), Some(119_800)]);
    // A current the other way, with the resistor of 0.1 Ohm that most boards have.
    let rig = i2c("ina219 sda=6 scl=7", Ina219::new(0x40), |part| part.set(-250, 1_250));
    let read = ["voltage", "current", "power"].map(|reading| rig.get(&format!("a.{reading}")));
    assert_eq!(read, [Some(5_000), Some(-250), Some(-125)]);
}

#[test]
fn ina219_has_no_value_beyond_the_ends_of_its_registers() {
    let read = |shunt, bus| {
        let rig = i2c("ina219 sda=6 scl=7", Ina219::new(0x40), |part| part.set(shunt, bus));
        (rig.get("a.voltage"), rig.get("a.current"), rig.fault("a"))
    };
    // The greatest are 32 V, and 320 mV either way: 3.2 A with 0.1 Ohm.
    assert_eq!(read(31_999, 8_000), (Some(32_000), Some(31_999), None));
    assert_eq!(read(-31_999, 0), (Some(0), Some(-31_999), None));
    // A register at its end may stand for more, and a bus without a sensor's answer is all ones.
    for (shunt, bus) in [(32_000, 3_000), (-32_000, 3_000), (-1, 8_191)] {
        assert_eq!(read(shunt, bus), (None, None, Some(Fault::Range)), "{shunt} {bus}");
    }
}

#[test]
fn ads1115_reads_each_input_in_its_range() {
    let volts = |part: &mut Ads1115| part.set([0.0, 1.0, 3.3, 4.5]);
    let read = |spec: &str| {
        let rig = i2c(spec, Ads1115::new(0x48), volts);
        ["a0", "a1", "a2", "a3"].map(|input| rig.get(&format!("a.{input}")).unwrap())
    };
    // The greatest code is one step below the range (8.3.3).
    assert_eq!(read("ads1115 sda=6 scl=7"), [0, 10_000, 33_000, 40_959]);
    assert_eq!(read("ads1115 sda=6 scl=7 range=6.144"), [0, 9_999, 33_000, 45_000]);
    assert_eq!(read("ads1115 sda=6 scl=7 range=0.256"), [0, 2_560, 2_560, 2_560]);
}

#[test]
fn scd4x_reads_the_example_of_its_data_sheet() {
    // 500 ppm, 25 degrees, 37 %; also if it measures since before the device booted.
    for is_measuring in [false, true] {
        let rig = i2c("scd4x sda=6 scl=7", Scd4x::new(), |part| {
            if is_measuring {
                part.set_measuring(0);
            }
        });
        let read = ["co2", "temperature", "humidity"].map(|reading| rig.get(&format!("a.{reading}")));
        assert_eq!((read, rig.status("a").failed), ([Some(500), Some(2_500), Some(3_700)], 0));
    }
}

/// The reading of an analog sensor at a voltage, or why it has no value.
fn analog(spec: &str, millivolts: u16) -> Result<i32, Fault> {
    let mut rig = Rig::new();
    rig.bench.set_millivolts(1, Some(millivolts));
    rig.wire("a", spec);
    rig.run(200);
    rig.get("a").ok_or_else(|| rig.fault("a").unwrap())
}

#[test]
fn analog_sensors_read_what_their_data_sheets_say() {
    assert_eq!(analog("adc pin=1", 1_650), Ok(1_650));
    assert_eq!(analog("adc pin=1 scale=0.05 offset=-20 unit=% decimals=1", 1_650), Ok(625));
    assert_eq!(analog("lm35 pin=1", 235), Ok(235));
    assert_eq!(analog("lm35 pin=1", 0), Err(Fault::Short));
    assert_eq!(analog("lm35 pin=1", 3_300), Err(Fault::Range));
    // TMP36: 750 mV at 25 degrees, 100 mV at -40, 1,750 mV at 125.
    assert_eq!([750, 100, 1_750].map(|mv| analog("tmp36 pin=1", mv)), [Ok(250), Ok(-400), Ok(1_250)]);
    assert_eq!(analog("tmp36 pin=1", 0), Err(Fault::Short));
    assert_eq!(analog("tmp36 pin=1", 2_000), Err(Fault::Range));
}

#[test]
fn a_value_that_has_no_room_is_out_of_range() {
    // 2,147.483647 is the greatest with six decimals.
    assert_eq!(analog("adc pin=1 decimals=6", 2_147), Ok(2_147_000_000));
    assert_eq!(analog("adc pin=1 decimals=6", 2_148), Err(Fault::Range));
    assert_eq!(analog("adc pin=1 decimals=6 scale=-1", 2_149), Err(Fault::Range));
    assert_eq!(analog("adc pin=1 decimals=3 scale=2000", 3_000), Err(Fault::Range));
    // A shunt of a micro-ohm.
    let rig = i2c("ina219 sda=6 scl=7 shunt=0.000001", Ina219::new(0x40), |part| part.set(30_000, 8_000));
    assert_eq!((rig.get("a.current"), rig.fault("a")), (None, Some(Fault::Range)));
}

#[test]
fn ntc_reads_by_the_beta_equation() {
    let check = |spec: &str, ohms: f64, to_supply: bool, beta: f64| {
        let share = ohms / (ohms + 10_000.0);
        let millivolts = 3_300.0 * if to_supply { 1.0 - share } else { share };
        let celsius = 1.0 / (1.0 / 298.15 + (ohms / 10_000.0).ln() / beta) - 273.15;
        let read = f64::from(analog(spec, millivolts.round() as u16).unwrap());
        // A millivolt is some tenths of a degree at the ends.
        assert!((read / 10.0 - celsius).abs() < 0.3, "{spec}: {read}, not {celsius}");
    };
    for ohms in [1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0] {
        check("ntc pin=1", ohms, false, 3_950.0);
        check("ntc pin=1 beta=3435 to=supply", ohms, true, 3_435.0);
    }
    assert_eq!(analog("ntc pin=1", 1_650), Ok(250));
    assert_eq!(analog("ntc pin=1", 0), Err(Fault::Short));
    assert_eq!(analog("ntc pin=1", 3_300), Err(Fault::Open));
}

#[test]
fn a_converter_that_fails_costs_the_value_until_it_works() {
    let mut rig = Rig::new();
    rig.wire("a", "adc pin=1");
    rig.run(1_000);
    assert_eq!(rig.fault("a"), Some(Fault::Hardware));
    rig.bench.set_millivolts(1, Some(7));
    rig.run(LONG_MS);
    assert_eq!((rig.get("a"), rig.fault("a")), (Some(7), None));
}

#[test]
fn an_input_is_published_at_each_change_that_lasts() {
    let mut rig = Rig::new();
    rig.wire("door", "input pin=10 pull=up invert=yes debounce=20ms period=1m");
    rig.run(1_000);
    assert_eq!(rig.get("door"), Some(0));
    let start = rig.now_ms();
    rig.samples.clear();
    rig.bench.set_level(10, Some(false));
    rig.run(100);
    let [(at, _, 1)] = rig.samples.as_slice() else { panic!("{:?}", rig.samples) };
    assert!(at - start <= 50, "{}", at - start);
    // The input bounces: 15 ms are too short.
    rig.samples.clear();
    for _ in 0..10 {
        rig.bench.set_level(10, Some(true));
        rig.run(15);
        rig.bench.set_level(10, Some(false));
        rig.run(15);
    }
    assert_eq!(rig.samples, []);
    rig.bench.set_level(10, None);
    rig.run(100);
    assert_eq!((rig.samples.len(), rig.get("door")), (1, Some(0)));
    rig.run(60_000);
    assert_eq!(rig.samples.len(), 2, "and once each period");
}

#[test]
fn a_counter_tells_pulses_and_their_rate() {
    let mut rig = Rig::new();
    rig.wire("meter", "counter pin=3");
    rig.run(100);
    assert_eq!((rig.get("meter"), rig.get("meter.rate")), (Some(0), None));
    rig.bench.add_edges(3, 25);
    rig.run(1_000);
    assert_eq!((rig.get("meter"), rig.get("meter.rate")), (Some(25), Some(2_500)));
    rig.run(1_000);
    assert_eq!((rig.get("meter"), rig.get("meter.rate")), (Some(25), Some(0)));
}

/// A contact to ground closes and opens `pulses` times, and bounces for 4 ms each time. Gives what a counter counted.
fn bouncing(spec: &str, pulses: u32) -> Option<i32> {
    let mut rig = Rig::new();
    rig.wire("rain", spec);
    rig.run(1_000);
    for _ in 0..pulses {
        for is_closed in [true, false] {
            for is_bounce in [false, true, false, true, false] {
                rig.bench.set_level(3, if is_closed != is_bounce { Some(false) } else { None });
                rig.run(1);
            }
            rig.run(60);
        }
    }
    rig.run(1_000);
    rig.get("rain")
}

#[test]
fn a_counter_leaves_out_the_bouncing_of_a_contact() {
    assert_eq!(bouncing("counter pin=3 debounce=20ms", 10), Some(10));
    assert_eq!(bouncing("counter pin=3", 10), Some(50), "every edge, unless a time is given");
    // Pulses that are closer together than the time are one.
    assert_eq!(bouncing("counter pin=3 debounce=100ms", 10), Some(1));
}

#[test]
fn outputs_drive_what_they_are_set_to() {
    let mut rig = Rig::new();
    rig.wire("pump", "output pin=18 initial=0");
    rig.wire("led", "output pin=15 invert=yes");
    rig.wire("fan", "pwm pin=19 frequency=25000");
    rig.wire("flap", "servo pin=2");
    rig.wire("strip", "ws2812 pin=8 length=16");
    rig.run(100);
    let output = |is_high| PinState::Output { is_high };
    assert_eq!([18, 15].map(|pin| rig.bench.pin(pin)), [output(false), output(true)]);
    assert_eq!(rig.bench.pin(19), PinState::Pwm { frequency_hz: 25_000, duty: 0 });
    // 1.5 ms of 20 ms.
    assert_eq!(rig.bench.pin(2), PinState::Pwm { frequency_hz: 50, duty: 4_915 });
    assert_eq!(rig.bench.strip(8), Some(([0, 0, 0], 16)));
    for (name, value) in [("pump", 1), ("led", 1), ("fan", 400), ("flap", 180), ("strip", 0xff_8000)] {
        rig.set(name, value);
    }
    rig.run(10);
    assert_eq!([18, 15].map(|pin| rig.bench.pin(pin)), [output(true), output(false)]);
    assert_eq!(rig.bench.pin(19), PinState::Pwm { frequency_hz: 25_000, duty: 26_214 });
    assert_eq!(rig.bench.pin(2), PinState::Pwm { frequency_hz: 50, duty: 8_192 });
    assert_eq!(rig.bench.strip(8), Some(([0x80, 0xff, 0], 16)), "green comes first");
}

#[test]
fn pins_come_and_go_with_their_things_and_others_stay_as_they_are() {
    let mut rig = Rig::new();
    rig.wire("pump", "output pin=18 initial=1");
    rig.wire("fan", "pwm pin=19");
    rig.wire("meter", "counter pin=3");
    rig.run(100);
    rig.set("fan", 500);
    rig.bench.add_edges(3, 5);
    rig.run(1_000);
    rig.wire("pump", "");
    rig.run(2_000);
    assert_eq!(rig.bench.pin(18), PinState::Free);
    assert_eq!(rig.bench.pin(19), PinState::Pwm { frequency_hz: 1_000, duty: 32_768 });
    assert_eq!((rig.get("meter"), rig.get("pump")), (Some(5), None));
    // Another use of the pin, and the same again elsewhere.
    rig.wire("fan", "output pin=19");
    rig.wire("pump", "pwm pin=18");
    rig.run(100);
    assert_eq!(rig.bench.pin(19), PinState::Output { is_high: false });
    assert_eq!(rig.bench.pin(18), PinState::Pwm { frequency_hz: 1_000, duty: 0 });
}

#[test]
fn a_pin_that_cannot_be_set_up_is_tried_again() {
    let mut rig = Rig::new();
    rig.bench.set_pwm_channels(0);
    rig.wire("fan", "pwm pin=19");
    rig.run(1_000);
    assert_eq!(rig.fault("fan"), Some(Fault::Hardware));
    rig.set("fan", 1_000);
    rig.bench.set_pwm_channels(1);
    rig.run(LONG_MS);
    assert_eq!(rig.fault("fan"), None);
    assert_eq!(rig.bench.pin(19), PinState::Pwm { frequency_hz: 1_000, duty: u16::MAX });
}

#[test]
fn things_that_fail_delay_nobody() {
    let mut rig = Rig::new();
    rig.bench.i2c_part(BUS, Sht::sht4x(0x44)).set(Condition::Hangs);
    rig.bench.pulse_part(4, Dht::dht22()).set(Condition::Hangs);
    rig.bench.one_wire_part(5, Ds18b20::new(Ds18b20::rom(1))).set(Condition::Hangs);
    rig.bench.set_millivolts(1, Some(500));
    for (name, spec) in [("a", "sht4x sda=6 scl=7 period=100ms"), ("b", "dht22 pin=4"), ("c", "ds18b20 pin=5")] {
        rig.wire(name, spec);
    }
    rig.wire("level", "adc pin=1 period=500ms");
    rig.run(10_000);
    rig.samples.clear();
    rig.run(60_000);
    let times: Vec<_> = rig.samples.iter().map(|(at, ..)| *at).collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    // Three that hang one after the other, for the longest that a step may take.
    assert!(longest <= 500 + 3 * 100, "{longest} ms between two samples");
    assert!((119..=121).contains(&times.len()), "{} samples", times.len());
}
