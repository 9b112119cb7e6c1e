//! Wiring while the device runs: keys that come and go, errors, faults, scans.

use sockeye_device::{App, AppResources, Outbox};
use sockeye_parts::{Bosch, Condition, Dht, Ds18b20, PinState};
use sockeye_wiring::Wiring;

use crate::board::{Board, READINGS};
use crate::script::{Device, check_on};

fn check(script: &str) {
    let board = Board::wired();
    board.bench.set_millivolts(1, Some(1_650));
    check_on(&board, script);
}

#[test]
fn what_is_wired_is_read_within_two_seconds_and_gone_when_it_is_removed() {
    let board = Board::wired();
    board.bench.set_millivolts(1, Some(1_650));
    board.bench.i2c_part((6, 7), Bosch::bmp280(0x76));
    check_on(
        &board,
        r#"
        @bench
        @run 1000
        ap: GET tank
        ap= $4|1650|
        ap: CONFIG SET wiring.room "bmp280 sda=6 scl=7" wiring.pump "output pin=5 initial=1"
        ap= +OK|
        @run 2000
        ap: MGET room.temperature room.pressure pump
        ap= *3|$5|25.08|$7|1006.53|$1|1|
        ap: EXISTS history:room.pressure meta:room.pressure meta:pump
        ap= :3|
        ap: HGETALL meta:room.pressure
        ap~ $3|hPa|
        ap: HGET meta:room.pressure wiring
        ap= $18|bmp280 sda=6 scl=7|
        ap: CONFIG GET wiring.*
        ap= *6|$11|wiring.tank|$22|adc pin=1 period=500ms|$11|wiring.room|$18|bmp280 sda=6 scl=7|$11|wiring.pump|$22|output pin=5 initial=1|
        ap: CONFIG SET wiring.room ""
        ap= +OK|
        ap: MGET room.temperature room.pressure tank
        ap= *3|$-1|$-1|$4|1650|
        ap: EXISTS history:room.pressure meta:room.pressure
        ap= :0|
        ap: XRANGE history:room.pressure - +
        ap= *0|
        "#,
    );
}

#[test]
fn an_output_is_driven_at_once_and_released_when_it_is_removed() {
    let board = Board::wired();
    check_on(
        &board,
        r#"
        @bench
        ap: CONFIG SET wiring.pump "output pin=5" wiring.dimmer "pwm pin=4 frequency=200" wiring.strip "ws2812 pin=3"
        ap= +OK|
        # Before its pin is set up it is set up with this value.
        ap: SET pump 1
        ap= +OK|
        @run 100
        ap: SET dimmer 40
        ap= +OK|
        ap: SET strip 255
        ap= +OK|
        ap: SET dimmer 101
        ap= -ERR value is out of range: 0.0 to 100.0|
        @run 20
        ap: MGET pump dimmer strip
        ap= *3|$1|1|$4|40.0|$3|255|
        "#,
    );
    assert_eq!(board.bench.pin(5), PinState::Output { is_high: true });
    assert_eq!(board.bench.pin(4), PinState::Pwm { frequency_hz: 200, duty: 26_214 });
    assert_eq!(board.bench.strip(3), Some(([0, 0, 255], 1)));
}

#[test]
fn others_are_untouched_by_what_comes_and_goes() {
    let board = Board::wired();
    board.bench.set_millivolts(1, Some(1_650));
    board.bench.pulse_part(5, Dht::dht22());
    board.bench.set_level(10, Some(true));
    check_on(
        &board,
        r#"
        @bench
        ap: CONFIG SET wiring.attic "dht22 pin=5" wiring.door "input pin=10"
        ap= +OK|
        @run 1000
        ap2: SUBSCRIBE tank
        ap2~ *3|$9|subscribe|$4|tank|:1|
        ap3: SUBSCRIBE attic.humidity
        ap3~ subscribe
        ap4: XREAD BLOCK 0 STREAMS history:tank $
        ap: XLEN history:tank
        ap= :3|
        ap: CONFIG SET wiring.attic ""
        ap= +OK|
        ap: CONFIG SET wiring.cellar "adc pin=0"
        ap= +OK|
        ap: GET door
        ap= $1|1|
        ap: XLEN history:tank
        ap= :3|
        @run 500
        ap2= *3|$7|message|$4|tank|$4|1650|
        ap4~ history:tank
        ap3=
        ap: PUBSUB CHANNELS
        ap= *1|$4|tank|
        "#,
    );
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    check(
        r#"
        @bench
        ap: CONFIG SET wiring.a "dht22 pin=5" wiring.b "dht22 pin=5"
        ap= -ERR CONFIG SET failed - wiring.b: pin 5 is used by 'a'|
        ap: CONFIG SET device.name kitchen wiring.a "dht23 pin=5"
        ap= -ERR CONFIG SET failed - wiring.a: unknown driver 'dht23'; WIRING DRIVERS lists them|
        ap: CONFIG SET wiring.uptime "adc pin=0"
        ap= -ERR CONFIG SET failed - wiring.uptime: key 'uptime' is used already|
        ap: CONFIG SET wiring.a "adc pin=0" wiring.a "adc pin=3"
        ap= -ERR CONFIG SET failed (possibly related to argument 'wiring') - duplicate parameter|
        ap: CONFIG SET wiring.a "adc pin=0" WIRING.a "adc pin=3"
        ap= -ERR CONFIG SET failed (possibly related to argument 'wiring') - duplicate parameter|
        # A browser takes both for a folder.
        ap: CONFIG SET wiring.. "adc pin=0"
        ap= -ERR CONFIG SET failed - wiring..: no link leads to a name of dots alone|
        ap: CONFIG SET wiring... "adc pin=0"
        ap= -ERR CONFIG SET failed - wiring...: no link leads to a name of dots alone|
        ap: CONFIG SET wiring... ""
        ap= +OK|
        ap: CONFIG SET wiring.a\0b "adc pin=0"
        ap~ -ERR
        ap: CONFIG GET wiring.*
        ap= *2|$11|wiring.tank|$22|adc pin=1 period=500ms|
        ap: CONFIG GET device.name
        ap~ sockeye-3f2a
        # One that moves to the pin of one that goes.
        ap: CONFIG SET wiring.a "adc pin=1" wiring.tank ""
        ap= +OK|
        ap: CONFIG FACTORYRESET
        ap= +OK|
        ap: CONFIG GET wiring.*
        ap= *2|$11|wiring.tank|$22|adc pin=1 period=500ms|
        # A stranger changes nothing.
        sta: CONFIG SET wiring.tank ""
        sta~ -DENIED
        sta: WIRING SCAN pin=4
        sta~ -DENIED
        "#,
    );
}

#[test]
fn faults_are_told_and_come_to_an_end() {
    let board = Board::wired();
    let plug = board.bench.pulse_part(5, Dht::dht22());
    plug.set(Condition::Corrupts);
    let status = |fault: &str| {
        format!(
            r#"
            @bench
            ap: CONFIG SET wiring.tank "" wiring.attic "dht22 pin=5"
            ap= +OK|
            @run 1000
            ap: GET attic.humidity
            ap= $-1|
            ap: WIRING STATUS
            ap~ $6|status|${}|{fault}|$6|failed|:1|
            "#,
            fault.len()
        )
    };
    check_on(&board, &status("wrong checksum"));
    plug.set(Condition::Works);
    board.stored.take();
    check_on(
        &board,
        r#"
        @bench
        ap: CONFIG SET wiring.attic "dht22 pin=5"
        ap= +OK|
        @run 1000
        ap: GET attic.humidity
        ap= $4|50.0|
        ap: WIRING STATUS
        ap~ $6|status|$2|ok|$5|age_s|:1|$6|failed|:0|
        "#,
    );
}

#[test]
fn a_bus_is_scanned_unless_its_pins_are_anothers() {
    let board = Board::wired();
    board.bench.i2c_part((6, 7), Bosch::bme280(0x76));
    board.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1)));
    check_on(
        &board,
        r#"
        @bench
        ap: WIRING SCAN sda=6 scl=7
        ap= *1|*2|$4|0x76|$13|bme280 bmp280|
        ap: WIRING SCAN scl=7 sda=6
        ap= *1|*2|$4|0x76|$13|bme280 bmp280|
        ap: WIRING SCAN pin=4
        ap= *1|*2|$16|2801000000000029|$7|ds18b20|
        ap: WIRING SCAN pin=5
        ap= *0|
        ap: WIRING SCAN pin=1
        ap= -ERR pin 1 is used by 'tank'|
        ap: WIRING SCAN pin=12
        ap= -ERR pin 12 is used by the flash|
        ap: WIRING SCAN sda=6 scl=6
        ap= -ERR pin 6 is given twice|
        ap: WIRING SCAN sda=6
        ap= -ERR WIRING SCAN takes sda=PIN scl=PIN or pin=PIN|
        "#,
    );
}

#[test]
fn a_scan_is_never_answered_with_the_outcome_of_another() {
    let board = Board::wired();
    board.bench.i2c_part((6, 7), Bosch::bme280(0x76)).set(Condition::Hangs);
    board.bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1))).set(Condition::Hangs);
    check_on(
        &board,
        r#"
        @bench
        ap: WIRING SCAN sda=6 scl=7
        @run 100
        ap2: WIRING SCAN pin=4
        ap2= -ERR another client scans a bus, try again|
        # Who asked for the scan that is under way has gone.
        @reset ap
        ap2: WIRING SCAN pin=4
        @run 2000
        ap2=
        @run 2000
        ap2= -ERR the bus can't be scanned: bus hangs|
        "#,
    );
}

/// A board with a tank at pin 1, whose device did not come up twice.
fn board_that_did_not_come_up() -> Board {
    let board = Board::wired();
    board.bench.set_millivolts(1, Some(1_650));
    board.failed_boots.set(2);
    board
}

#[test]
fn a_wiring_that_the_device_did_not_come_up_with_is_set_aside() {
    let board = board_that_did_not_come_up();
    check_on(
        &board,
        r#"
        @bench
        @run 1000
        ap: GET tank
        ap= $-1|
        ap: WIRING STATUS
        ap~ set aside, because the device did not come up with it
        ap: CONFIG GET wiring.*
        ap= *2|$11|wiring.tank|$22|adc pin=1 period=500ms|
        # Whoever changes it means it.
        ap: CONFIG SET wiring.tank "adc pin=1"
        ap= +OK|
        @run 2000
        ap: GET tank
        ap= $4|1650|
        "#,
    );
}

#[test]
fn a_wiring_that_is_set_aside_is_used_again_when_it_is_sent_again() {
    let board = board_that_did_not_come_up();
    check_on(
        &board,
        r#"
        @bench
        ap: CONFIG SET loglevel verbose
        ap= +OK|
        @run 2000
        ap: GET tank
        ap= $-1|
        ap: CONFIG SET wiring.tank "adc pin=1 period=500ms"
        ap= +OK|
        @run 2000
        ap: GET tank
        ap= $4|1650|
        ap: WIRING STATUS
        ap~ $6|status|$2|ok|
        "#,
    );
}

#[test]
fn a_wiring_that_is_used_again_is_pushed_and_no_other_change_takes_it_up() {
    let board = board_that_did_not_come_up();
    let (mut histories, mut days, outbox) = (board.histories(), board.days(), Outbox::new(&READINGS));
    let settings = board.stored.borrow().clone();
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, settings).unwrap();
    let app = app.with_days(&mut days).with_outbox(&outbox);
    let mut device = Device::new(&board, &app);
    // A change that is refused and one of another setting leave the wiring set aside.
    device.script(
        r#"
        @bench
        ap: CONFIG SET wiring.tank "adc pin=9"
        ap= -ERR CONFIG SET failed - wiring.tank: pin 9 is used by the board's button|
        ap: CONFIG SET loglevel debug
        ap= +OK|
        @run 1000
        ap: GET tank
        ap= $-1|
        "#,
    );
    let version = outbox.version();
    device.script("ap: CONFIG SET wiring.tank \"adc pin=1 period=500ms\"\nap= +OK|");
    assert_ne!(outbox.version(), version, "the sender asks where the new stream ends");
    device.script("@run 1000\nap: GET tank\nap= $4|1650|");
}

#[test]
fn a_wiring_that_is_not_possible_on_the_board_is_set_aside_and_the_reason_is_told() {
    // As after an update whose firmware needs the pin itself.
    let board = Board::wired();
    let mut wiring = Wiring::new();
    wiring.set("tank", "adc pin=1").unwrap();
    wiring.set("pump", "output pin=18").unwrap();
    board.stored.borrow_mut().wiring = Some(wiring);
    board.bench.set_millivolts(1, Some(1_650));
    check_on(
        &board,
        r#"
        @bench
        @run 1000
        ap: GET tank
        ap= $-1|
        ap: WIRING STATUS
        ap~ $56|set aside, because of wiring.pump: pin 18 is used by USB|
        ap: CONFIG SET wiring.pump ""
        ap= +OK|
        @run 1000
        ap: GET tank
        ap= $4|1650|
        "#,
    );
}

#[test]
fn drivers_and_pins_are_listed() {
    check(
        r#"
        ap: WIRING DRIVERS
        ap~ $6|driver|$7|ds18b20|
        ap: WIRING PINS
        ap~ *3|:9|$27|input output pull strapping|$18|the board's button|
        ap: WIRING PINS
        ap~ *3|:1|$24|input output pull analog|$4|tank|
        "#,
    );
    crate::script::check(
        r#"
        ap: WIRING DRIVERS
        ap= -ERR nothing can be wired to this device|
        ap: CONFIG SET wiring.a "adc pin=1"
        ap= -ERR CONFIG SET failed - nothing can be wired to this device|
        ap: CONFIG GET wiring.*
        ap= *0|
        "#,
    );
}
