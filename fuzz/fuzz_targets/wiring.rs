//! A spec is read or refused, and whatever it is, its driver runs over pins and buses that answer anything.

#![no_main]

use std::cell::Cell;
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::heap::freed;
use sockeye_parts::{Garbage, Rig};
use sockeye_wiring::chip::{BoardPins, ESP32C3};
use sockeye_wiring::plan::{Room, check};
use sockeye_wiring::{Spec, Wiring};

/// How long a driver runs, simulated milliseconds.
const RUN_MS: u64 = 20_000;

fuzz_target!(|data: &[u8]| freed(|| {
    // The spec ends at the first line end; what follows is what the buses answer.
    let (spec, answers) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let Ok(spec) = str::from_utf8(spec) else {
        return;
    };
    if let Err(error) = Spec::parse(spec) {
        assert!(!error.to_string().contains(char::is_control));
        return;
    }
    let mut wiring = Wiring::new();
    if wiring.set("a", spec).is_ok() {
        let board = BoardPins { chip: &ESP32C3, own: &[] };
        let _ = check(&wiring, &board, Room { readings: 4, outputs: 1 }, |_| false).map_err(|error| error.to_string());
    }
    let mut rig = Rig::with(Garbage::new(answers), Rc::new(Cell::new(0)));
    rig.wire("a", spec);
    rig.run(RUN_MS);
}));
