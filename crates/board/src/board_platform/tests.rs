//! A board made of its parts.

use core::str::FromStr;

use embassy_futures::poll_once;
use sockeye_device::History;
use sockeye_device::limits::{READINGS_MAX, REMOTES_MAX};
use sockeye_wiring::chip::ESP32C3;

use super::*;
use crate::readings::{LM35, UPTIME};

struct Fake;

impl BoardHardware for Fake {
    const NAME: &'static str = "a test";
    const READINGS: &'static [ReadingInfo<'static>] = &[LM35, UPTIME];
    const PINS: WiringSetup =
        WiringSetup { board: &sockeye_wiring::BoardPins { chip: &ESP32C3, own: &[] }, factory: &[] };

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(0x0a);
    }

    fn drive(&self, pin: u8, _: Drive) -> Result<(), PinError> {
        if pin == 8 { Ok(()) } else { Err(PinError) }
    }

    fn health(&self) -> Health {
        Health { reset_reason: "software", used_memory: 7, ..Health::default() }
    }
}

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0xab, 0xcd];

#[test]
fn a_board_has_a_name_and_is_another_one_after_each_boot() {
    let board = Board::new(Fake, MAC, None, 0);
    let identity = board.identity();
    assert_eq!((identity.name, identity.board), ("sockeye-ABCD", "a test"));
    assert_eq!(identity.run_id, "0a".repeat(20), "as long as Redis's");
    assert_eq!((board.readings().len(), board.outputs().len()), (2, 0));
    assert_eq!(board.apply(0, Value(1)), Err(OutputError));
}

#[test]
fn what_is_wired_is_driven_and_failed_boots_are_told() {
    let board = Board::new(Fake, MAC, None, 2);
    assert_eq!(board.failed_boots(), 2);
    assert!(board.pins().is_some());
    assert_eq!(board.drive(8, Drive::Level(true)), Ok(()));
    assert_eq!(board.drive(7, Drive::Level(true)), Err(OutputError));
}

#[test]
fn a_panic_is_the_reason_for_its_restart() {
    let board = Board::new(Fake, MAC, None, 0);
    assert_eq!((board.health().reset_reason, board.last_panic()), ("software", None));
    let board = Board::new(Fake, MAC, Text::from_str("out of bounds").ok(), 0);
    assert_eq!((board.health().reset_reason, board.last_panic()), ("panic", Some("out of bounds")));
}

#[test]
fn signal_and_time_are_what_was_told_last() {
    let board = Board::new(Fake, MAC, None, 0);
    assert_eq!((board.health().wifi_rssi_dbm, board.now().unix_us), (None, None));
    board.rssi.set(Some(-60));
    board.clock.set(u64::MAX / 2, board.now().uptime_us);
    assert_eq!(board.health().wifi_rssi_dbm, Some(-60));
    assert!(board.now().unix_us >= Some(u64::MAX / 2));
    assert_eq!(board.health().used_memory, 7);
}

/// The level is the process's, so all of it is one test.
#[test]
fn redis_levels_are_those_of_the_log() {
    let board = Board::new(Fake, MAC, None, 0);
    for (level, filter) in [
        (LogLevel::Debug, LevelFilter::Debug),
        (LogLevel::Verbose, LevelFilter::Info),
        (LogLevel::Notice, LevelFilter::Warn),
        (LogLevel::Warning, LevelFilter::Error),
    ] {
        board.set_log_level(level);
        assert_eq!(log::max_level(), filter);
    }
}

#[test]
fn a_sensor_that_fails_has_no_value() {
    let board = Board::new(Fake, MAC, None, 0);
    let mut histories = [const { History::new() }; READINGS_MAX + REMOTES_MAX];
    let mut resources = sockeye_device::AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, sockeye_device::Settings::default()).unwrap();
    let mut taken = 0;
    let sampling = measure(&app, || {
        taken += 1;
        [Some(Value(235)), None]
    });
    // A loop without a pause would never give up its turn.
    assert!(poll_once(sampling).is_pending());
    assert!(taken > 0);
    // The clock is the machine's. A machine that stalls for seconds has more of them due.
    assert_eq!(app.counts().samples, taken, "one value each time, and one reading without");
}
