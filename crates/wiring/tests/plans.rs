//! The wirings that are refused, and why.

use sockeye_parts::Ds18b20;
use sockeye_wiring::chip::{BoardPins, ESP32, ESP32C3, ESP32C6, ESP32S3};
use sockeye_wiring::plan::{Room, check, keys};
use sockeye_wiring::{Spec, Wiring, drivers};

const BOARD: BoardPins = BoardPins { chip: &ESP32C3, own: &[(9, "button")] };
const ROOM: Room = Room { readings: 12, outputs: 6 };

fn wiring(things: &[(&str, &str)]) -> Wiring {
    let mut wiring = Wiring::new();
    for (name, spec) in things {
        wiring.set(name, spec).unwrap();
    }
    wiring
}

/// The verdict on a wiring on a board.
fn on(board: &BoardPins, things: &[(&str, &str)]) -> String {
    let wiring = wiring(things);
    let is_used = |key: sockeye_wiring::plan::Key<'_>| key.is(b"uptime") || key.is(b"chip.temperature");
    check(&wiring, board, ROOM, is_used).map_or_else(|rejected| rejected.to_string(), |()| "ok".into())
}

fn of(things: &[(&str, &str)]) -> String {
    on(&BOARD, things)
}

#[test]
fn what_people_wire_is_possible() {
    let things = [
        ("cellar", "ds18b20 pin=4"),
        ("room", "bme280 sda=6 scl=7"),
        ("light", "bh1750 sda=6 scl=7 period=2s"),
        ("tank", "adc pin=1 scale=0.05 offset=-20 unit=% decimals=1"),
        ("lm35", "lm35 pin=0"),
        ("door", "input pin=10 pull=up invert=yes debounce=20ms"),
        ("pump", "output pin=5 initial=0"),
        ("led", "output pin=8 invert=yes strapping=yes"),
    ];
    assert_eq!(of(&things), "ok");
    let things = [("fan", "pwm pin=0 frequency=25000"), ("flap", "servo pin=1"), ("strip", "ws2812 pin=3 length=16")];
    assert_eq!(of(&things), "ok");
}

#[test]
fn each_mistake_in_a_spec_has_its_own_error() {
    let check = |spec, error: &str| assert_eq!(of(&[("a", spec)]), format!("wiring.a: {error}"), "{spec:?}");
    check("ds18b21 pin=4", "unknown driver 'ds18b21'; WIRING DRIVERS lists them");
    check(" ", "driver is missing; WIRING DRIVERS lists them");
    check("ds18b20", "word 'pin' is missing");
    check("ds18b20 pin=4 pan=5", "unknown word 'pan'");
    check("ds18b20 pin=4 fast", "unknown word 'fast'");
    check("ds18b20 pin=4 pin=5", "word 'pin' is given twice");
    check("output pin=4 period=1s", "unknown word 'period'");
    check("ds18b20 pin=x", "'pin' can't be 'x'");
    check("ds18b20 pin=4 rom=28ff641e0f16033d", "'rom' can't be '28ff641e0f16033d'");
    check("adc pin=1 decimals=7", "'decimals' can't be '7': 0 to 6");
    check("adc pin=1 unit=centimeters", "'unit' can't be 'centimeters': at most 8 bytes");
    check("input pin=1 pull=sideways", "'pull' can't be 'sideways'");
    check("input pin=1 invert=1", "'invert' can't be '1'");
    check("input pin=1 debounce=2s", "'debounce' can't be '2s': 20ms, 30s, at most 1s");
    check("bme280 sda=6 scl=7 address=0x40", "'address' can't be '0x40'");
    check("dht22 pin=4 period=1s", "period is shorter than 2000ms, the driver's least");
    check("dht22 pin=4 period=2d", "'period' can't be '2d': 20ms, 30s, at most 1d");
    check("pwm pin=4 frequency=5", "'frequency' can't be '5': 10 to 40000 Hz");
    let shunt = "'shunt' can't be '0': 0.000001 to 10 Ohm, with at most 6 decimals";
    check("ina219 sda=6 scl=7 shunt=0", shunt);
    let long = format!("ds18b20 pin=4{}", " ".repeat(96));
    assert_eq!(Spec::parse(&long).unwrap_err().to_string(), "spec has more than 96 bytes");
    check("ds18b20 pin=22", "chip has no pin 22");
    check("ds18b20 pin=12", "pin 12 is used by the flash");
    check("ds18b20 pin=21", "pin 21 is used by the console");
    check("ds18b20 pin=18", "pin 18 is used by USB");
    check("input pin=9", "pin 9 is used by the board's button");
    check("adc pin=5", "pin 5 can't measure a voltage");
    let strapping = "pin 2 decides how the chip boots; strapping=yes uses it all the same";
    check("output pin=2", strapping);
    check("output pin=2 strapping=no", strapping);
    check("sht4x sda=6 scl=6", "pin 6 is given twice");
}

#[test]
fn things_that_get_in_each_others_way_are_told_who_does() {
    let check = |a, b, error: &str| assert_eq!(of(&[("a", a), ("b", b)]), error, "{a:?} {b:?}");
    check("output pin=4", "ds18b20 pin=4", "wiring.b: pin 4 is used by 'a'");
    check("dht22 pin=4", "dht22 pin=4", "wiring.b: pin 4 is used by 'a'");
    check("bme280 sda=6 scl=7", "sht4x sda=6 scl=5", "wiring.b: pin 6 is used by 'a'");
    check("bme280 sda=6 scl=7", "sht4x sda=7 scl=6", "wiring.b: pin 7 is used by 'a'");
    check("bme280 sda=6 scl=7", "sht4x sda=6 scl=7", "ok");
    check("bme280 sda=6 scl=7", "bmp280 sda=6 scl=7", "wiring.b: 'a' has the same address on the same bus");
    check("bme280 sda=6 scl=7", "bme280 sda=6 scl=7 address=0x77", "ok");
    check("bme280 sda=6 scl=7", "bme280 sda=4 scl=5", "ok");
    let [one, two] = [1, 2].map(|serial| format!("ds18b20 pin=4 rom={:016x}", Ds18b20::rom(serial)));
    check(&one, &two, "ok");
    check(&one, &one, "wiring.b: 'a' has the same address on the same bus");
    check(&one, "ds18b20 pin=4", "wiring.b: 'a' has the same address on the same bus");
    check("ds18b20 pin=4", "ds18b20 pin=4", "wiring.b: 'a' has the same address on the same bus");
    check("ds18b20 pin=4", "ds18b20 pin=5", "ok");
}

#[test]
fn names_collide_as_keys() {
    assert_eq!(of(&[("uptime", "adc pin=1")]), "wiring.uptime: key 'uptime' is used already");
    assert_eq!(of(&[("chip", "dht22 pin=1")]), "wiring.chip: key 'chip.temperature' is used already");
    let things = [("room", "dht22 pin=4"), ("room.humidity", "adc pin=1")];
    assert_eq!(of(&things), "wiring.room.humidity: key 'room.humidity' is used already");
    let things = [("room.humidity", "adc pin=1"), ("room", "dht22 pin=4")];
    assert_eq!(of(&things), "wiring.room: key 'room.humidity' is used already");
    let name = "wiring.thirteen-char: name takes letters, digits, '.', '_' and '-', and its keys 24 bytes at most";
    assert_eq!(of(&[("thirteen-char", "dht22 pin=4")]), name);
    assert_eq!(of(&[("twelve-chars", "dht22 pin=4")]), "ok");
}

#[test]
fn there_is_room_for_so_many() {
    let ads = |address| format!("ads1115 sda=6 scl=7 address={address}");
    let (a, b, c, d) = (ads("0x48"), ads("0x49"), ads("0x4a"), ads("0x4b"));
    let things = [("a", &*a), ("b", &b), ("c", &c), ("d", &d)];
    assert_eq!(of(&things), format!("wiring.d: all things have more than {} readings", ROOM.readings));
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let each = |pins: &[u8], spec: &dyn Fn(u8) -> String| {
        let specs: Vec<_> = pins.iter().map(|pin| spec(*pin)).collect();
        of(&names.into_iter().zip(specs.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let outputs = each(&[0, 1, 3, 4, 5, 6, 7], &|pin| format!("output pin={pin}"));
    assert_eq!(outputs, format!("wiring.g: all things have more than {} outputs", ROOM.outputs));
    let pwm = each(&[0, 1, 3, 4, 5], &|pin| format!("pwm pin={pin} frequency={}", pin + 10));
    assert_eq!(pwm, "wiring.e: chip has 6 channels for pwm and servo, with 4 frequencies");
    assert_eq!(each(&[0, 1, 3, 4, 5, 6], &|pin| format!("pwm pin={pin}")), "ok");
    let counters = each(&[0, 1, 3, 4, 5], &|pin| format!("counter pin={pin}"));
    assert_eq!(counters, "wiring.e: chip counts at 4 pins at most");
}

#[test]
fn chips_differ_in_what_their_pins_can_do() {
    let check = |chip, spec, error: &str| {
        let board = BoardPins { chip, own: &[] };
        let expected = if error == "ok" { "ok".to_owned() } else { format!("wiring.a: {error}") };
        assert_eq!(on(&board, &[("a", spec)]), expected, "{} {spec:?}", chip.name);
    };
    check(&ESP32, "output pin=34", "pin 34 is an input only");
    check(&ESP32, "sht4x sda=21 scl=35", "pin 35 is an input only");
    check(&ESP32, "input pin=34 pull=up", "pin 34 has no pull-up or pull-down");
    check(&ESP32, "input pin=34", "ok");
    check(&ESP32, "counter pin=34", "pin 34 has no pull-up or pull-down");
    check(&ESP32, "lm35 pin=34", "ok");
    check(&ESP32, "adc pin=4", "pin 4 can't measure a voltage");
    check(&ESP32, "adc pin=37", "chip has no pin 37");
    check(&ESP32, "output pin=6", "pin 6 is used by the flash");
    check(&ESP32C6, "adc pin=6", "ok");
    check(&ESP32C6, "output pin=14", "chip has no pin 14");
    check(&ESP32C6, "output pin=24", "pin 24 is used by the flash");
    check(&ESP32S3, "adc pin=10", "ok");
    check(&ESP32S3, "adc pin=11", "pin 11 can't measure a voltage");
    check(&ESP32S3, "output pin=22", "chip has no pin 22");
    check(&ESP32S3, "output pin=35", "pin 35 is used by the flash");
}

#[test]
fn every_driver_is_whole() {
    for driver in &drivers::DRIVERS {
        assert_eq!(drivers::find(driver.name).map(|found| found.id), Some(driver.id), "{}", driver.name);
        assert!(driver.readings.len() <= sockeye_wiring::limits::READINGS_MAX);
        assert!(driver.words.len() <= sockeye_wiring::limits::WORDS_MAX);
        assert!(driver.period.is_some() || driver.output.is_some(), "{} does something", driver.name);
        for reading in driver.readings {
            assert!(reading.minimum < reading.maximum && reading.decimals <= sockeye_wiring::limits::DECIMALS_MAX);
        }
        let words = driver.words;
        let is_twice = |index: usize| words[..index].iter().any(|other| other.name == words[index].name);
        assert!(!(0..words.len()).any(is_twice), "{}", driver.name);
        // Its spec with what must be given, at its limits.
        let pins: Vec<_> = words.iter().filter(|word| word.default.is_none()).enumerate().collect();
        let spec = pins.iter().fold(driver.name.to_owned(), |spec, (pin, word)| format!("{spec} {}={pin}", word.name));
        let parsed = Spec::parse(&spec).unwrap();
        assert_eq!(parsed.args.pins().count(), pins.len(), "only pins must be given: {spec}");
        assert_eq!(keys("a", &parsed).count(), driver.readings.len() + usize::from(driver.output.is_some()));
    }
}
