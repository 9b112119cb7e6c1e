//! Whatever comes in, nothing panics: specs of any text, and every driver over buses that answer anything.

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;
use sockeye_parts::{Garbage, Rig};
use sockeye_wiring::chip::{BoardPins, ESP32C3};
use sockeye_wiring::plan::{Room, check};
use sockeye_wiring::{Spec, Wiring, drivers};

/// Words that specs consist of, right and wrong.
const WORDS: &str = "(pin|sda|scl|rom|address|period|scale|offset|unit|decimals|pull|invert|debounce|frequency|beta|x)";
const VALUES: &str =
    "([0-9]{1,3}|0x[0-9a-f]{1,3}|-?[0-9]{1,12}(\\.[0-9]{0,8})?|[0-9]{1,5}(ms|s|m|h|d)|yes|no|up|°C|\\PC{0,9})";

fn driver() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(drivers::DRIVERS.map(|driver| driver.name).to_vec())
}

fn spec() -> impl Strategy<Value = String> {
    let words = proptest::collection::vec((WORDS, VALUES).prop_map(|(word, value)| format!("{word}={value}")), 0..6);
    (driver(), words).prop_map(|(driver, words)| format!("{driver} {}", words.join(" ")))
}

/// A spec that is right.
fn right(driver: &str) -> String {
    let driver = drivers::find(driver).unwrap();
    let given = driver.words.iter().filter(|word| word.default.is_none()).enumerate();
    given.fold(driver.name.to_owned(), |spec, (pin, word)| format!("{spec} {}={}", word.name, [4, 5][pin]))
}

proptest! {
    #[test]
    fn a_spec_is_read_or_refused(text in any::<String>()) {
        let _ = Spec::parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn a_spec_of_known_words_is_read_or_refused(text in spec()) {
        if let Err(error) = Spec::parse(&text) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn the_order_of_words_does_not_matter(text in spec()) {
        let mut words: Vec<_> = text.split(' ').collect();
        words[1..].reverse();
        let reversed = words.join(" ");
        prop_assert_eq!(Spec::parse(&text).ok(), Spec::parse(&reversed).ok());
    }

    #[test]
    fn a_wiring_of_anything_is_checked(things in proptest::collection::vec(("[a-c]\\.?", spec()), 0..10)) {
        let mut wiring = Wiring::new();
        for (name, spec) in &things {
            let before = wiring.clone();
            match wiring.set(name, spec) {
                Ok(()) => prop_assert_eq!(wiring.get(name).unwrap_or(""), spec.as_str()),
                Err(_) => prop_assert_eq!(&wiring, &before),
            }
        }
        let board = BoardPins { chip: &ESP32C3, own: &[] };
        let _ = check(&wiring, &board, Room { readings: 12, outputs: 6 }, |_| false).map_err(|error| error.to_string());
    }

    #[test]
    fn no_driver_panics_over_garbage(driver in driver(), bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let now_us = Rc::new(Cell::new(0));
        let mut rig = Rig::with(Garbage::new(&bytes), now_us);
        rig.wire("a", &right(driver));
        rig.run(15_000);
        // A published value is in the range of its description.
        let driver = drivers::find(driver).unwrap();
        for (_, key, value) in &rig.samples {
            let suffix = key.strip_prefix("a.").unwrap_or("");
            let reading = driver.readings.iter().find(|reading| reading.suffix == suffix).unwrap();
            prop_assert!((reading.minimum..=reading.maximum).contains(value), "{} {}", key, value);
        }
    }
}
