//! Rules: what clients set and are told, and what a device does by itself.

use sockeye_device::limits::SPEC_ERROR_LEN_MAX;
use sockeye_device::{App, AppResources, Settings, Value};

use crate::board::Board;
use crate::script::{Device, check, check_on};

/// The values that rules and clients have set, each with the output's number.
fn applied(board: &Board) -> Vec<(usize, i32)> {
    board.applied.borrow().iter().map(|(output, value)| (*output, value.0)).collect()
}

#[test]
fn an_output_follows_a_reading_with_hysteresis_and_after_a_time() {
    let board = Board::default();
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.fan "when lm35 > 25 hysteresis 0.5 for 30s set fan 100 else 0"
        ap= +OK|
        ap: GET fan
        ap= $4|25.5|
        @sample 0 240
        ap: GET fan
        ap= $3|0.0|
        @sample 0 251
        @run 29900
        ap: RULE STATUS
        ap= *1|*14|$4|name|$3|fan|$4|rule|$56|when lm35 > 25 hysteresis 0.5 for 30s set fan 100 else 0|$9|condition|$5|false|$7|since_s|:29|$10|true_in_ms|:100|$5|fired|:1|$7|problem|$-1|
        @run 200
        ap: RULE STATUS
        ap= *1|*12|$4|name|$3|fan|$4|rule|$56|when lm35 > 25 hysteresis 0.5 for 30s set fan 100 else 0|$9|condition|$4|true|$7|since_s|:0|$5|fired|:2|$7|problem|$-1|
        ap: GET fan
        ap= $5|100.0|
        @sample 0 246
        ap: GET fan
        ap= $5|100.0|
        @sample 0 245
        ap: GET fan
        ap= $3|0.0|
        ap: HELLO 3
        ap~ |proto|:3|
        ap: RULE STATUS
        ap= *1|%6|$4|name|$3|fan|$4|rule|$56|when lm35 > 25 hysteresis 0.5 for 30s set fan 100 else 0|$9|condition|$5|false|$7|since_s|:0|$5|fired|:3|$7|problem|_|
        ap: RULE HELP
        ap= *5|+RULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:|+STATUS|+    Tell how each rule is: its condition, since when, and how often it has set its output.|+HELP|+    Print this help.|
        ap: RULE
        ap= -ERR wrong number of arguments for 'rule' command|
        ap: RULE NOW
        ap= -ERR unknown subcommand 'NOW'. Try RULE HELP.|
        "#,
    );
    assert_eq!(applied(&board), [(1, 0), (1, 1000), (1, 0)]);
}

#[test]
fn rules_are_set_listed_and_removed_as_parameters_are() {
    check(
        r#"
        ap: RULE STATUS
        ap= *0|
        ap: CONFIG SET rule.Fan "when lm35 > 25 set fan 100" rule.light "WHEN lm35 > 20  SET led 1 ELSE 0"
        ap= +OK|
        ap: CONFIG GET rule.*
        ap= *4|$8|rule.Fan|$26|when lm35 > 25 set fan 100|$10|rule.light|$32|WHEN lm35 > 20  SET led 1 ELSE 0|
        ap: CONFIG GET RULE.F*
        ap= *2|$8|rule.Fan|$26|when lm35 > 25 set fan 100|
        ap: CONFIG SET rule.Fan ""
        ap= +OK|
        ap: CONFIG GET rule.*
        ap= *2|$10|rule.light|$32|WHEN lm35 > 20  SET led 1 ELSE 0|
        ap: CONFIG SET rule.none ""
        ap= +OK|
        ap: CONFIG SET rule.a "when lm35 > 1 set fan 1" rule.a ""
        ap= -ERR CONFIG SET failed (possibly related to argument 'rule') - duplicate parameter|
        ap: CONFIG SET rule.a "when lm35 > 1 set fan 1" RULE.a ""
        ap= -ERR CONFIG SET failed (possibly related to argument 'rule') - duplicate parameter|
        sta: CONFIG SET rule.a "when lm35 > 1 set fan 1"
        sta~ -DENIED
        sta: RULE STATUS
        sta~ |light|
        "#,
    );
}

#[test]
fn what_can_not_be_is_refused_in_plain_words() {
    let device = Board::wired();
    let refused = [
        ("rule.a", "when lm35 > 25 set", "rule.a: an output is missing"),
        ("rule.a", "when celler > 25 set led 1", "rule.a: there is no reading 'celler'"),
        ("rule.a", "when lm35.x > 25 set led 1", "rule.a: there is no reading 'lm35.x'"),
        ("rule.a", "when tank.level > 25 set led 1", "rule.a: there is no reading 'tank.level'"),
        ("rule.a", "when sockeye-3f2a.lm35 > 25 set led 1", "rule.a: there is no reading 'sockeye-3f2a.lm35'"),
        ("rule.a", "when fan > 25 set led 1", "rule.a: 'fan' is an output: a condition takes a reading"),
        ("rule.a", "when lm35 > 25 set lamp 1", "rule.a: there is no output 'lamp'"),
        ("rule.a", "when lm35 > 25 set tank 1", "rule.a: 'tank' is a reading: only outputs can be set"),
        ("rule.a", "when lm35 > 25 set led 2", "rule.a: 2 is out of range: 0 to 1"),
        ("rule.a", "when lm35 > 25 set fan 1 else 100.1", "rule.a: 100.1 is out of range: 0.0 to 100.0"),
        ("rule.a", "when lm35 > 25 set fan 1 lost x", "rule.a: 'x' is not a number with at most 1 decimals"),
        ("rule.a", "when lm35 > 25 set fan 1.55", "rule.a: '1.55' is not a number with at most 1 decimals"),
        ("rule.a b", "when lm35 > 25 set fan 1", "rule.a b: name takes letters, digits, '.', '_' and '-', 24 at most"),
        ("rule.", "when lm35 > 25 set fan 1", "rule.: name takes letters, digits, '.', '_' and '-', 24 at most"),
        (
            "rule.b",
            "when tank > 25 set led 0",
            "rule.b: rule.light sets the same output: priority= says which of them wins",
        ),
    ];
    // Of a word that is too long the start is told.
    let long = "9".repeat(120);
    let cut = format!("rule.a: '{}...", &long[..SPEC_ERROR_LEN_MAX - "rule.a: '...".len()]);
    let mut script = String::from("ap: CONFIG SET rule.light \"when lm35 > 20 set led 1\"\nap= +OK|\n");
    script += &format!("ap: CONFIG SET rule.a \"when lm35 > {long} set fan 1\"\nap= -ERR CONFIG SET failed - {cut}|\n");
    for (name, rule, error) in refused {
        script += &format!("ap: CONFIG SET \"{name}\" \"{rule}\"\nap= -ERR CONFIG SET failed - {error}|\n");
    }
    script += "ap: CONFIG SET rule.b \"when tank > 25 set led 0 priority=1\"\nap= +OK|\n";
    check_on(&device, &script);
}

#[test]
fn there_are_eight_rules_at_most() {
    let long = format!("when lm35 > 1{}set fan 1", " ".repeat(220));
    let mut script = format!(
        "ap: CONFIG SET rule.1 \"{long}\"\nap= -ERR CONFIG SET failed - rule.1: rule has more than 224 bytes|\n"
    );
    for number in 0..8 {
        script +=
            &format!("ap: CONFIG SET rule.{number} \"when lm35 > {number} set fan 1 priority={number}\"\nap= +OK|\n");
    }
    script += "ap: CONFIG SET rule.8 \"when lm35 > 8 set fan 1 priority=8\"\n\
               ap= -ERR CONFIG SET failed - rule.8: there are 8 rules already|\n\
               ap: CONFIG SET rule.8 \"when lm35 > 8 set fan 1 priority=8\" rule.0 \"\"\nap= +OK|\n";
    let long = format!("when lm35 > 1{}set led 1", " ".repeat(200));
    script += &format!(
        "ap: CONFIG SET rule.1 \"{long}\"\nap= -ERR CONFIG SET failed - rule.1: all names and rules have more than 480 bytes, with 2 for each rule|\n"
    );
    script += "ap: RULE STATUS\nap~ |when lm35 > 7 set fan 1 priority=7|\n";
    check(&script);
}

#[test]
fn a_person_and_a_rule_take_turns() {
    let board = Board::default();
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.light "when lm35 > 25 set led 1 else 0"
        ap= +OK|
        @sample 0 260
        ap: GET led
        ap= $1|1|
        ap: SET led 0
        ap= +OK|
        # The condition stays, and so does what the person has set.
        @each 60 1000 260 7
        ap: GET led
        ap= $1|0|
        @sample 0 250
        @sample 0 251
        ap: GET led
        ap= $1|1|
        "#,
    );
    assert_eq!(applied(&board), [(0, 1), (0, 0), (0, 0), (0, 1)]);
}

#[test]
fn a_reading_without_a_value_is_lost_and_not_at_once_after_a_boot() {
    let board = Board::default();
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.fan "when lm35 > 25 set fan 100 else 0 lost 50" rule.light "when lm35 > 25 set led 1"
        ap= +OK|
        ap: RULE STATUS
        ap~ |unknown|$7|since_s|:0|$5|fired|:0|$7|problem|$19|'lm35' has no value|
        @wait 59900
        ap: GET fan
        ap= $4|25.5|
        @wait 200
        ap: GET fan
        ap= $4|50.0|
        @sample 0 300
        ap: MGET fan led
        ap= *2|$5|100.0|$1|1|
        @lose 0
        ap: MGET fan led
        ap= *2|$4|50.0|$1|1|
        ap: RULE STATUS
        ap~ |lost|$7|since_s|:0|$5|fired|:3|$7|problem|$19|'lm35' has no value|
        "#,
    );
}

#[test]
fn another_device_that_is_silent_is_lost() {
    let board = Board::default();
    board.remotes.set(1);
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.frost "when kitchen.lm35 < 3 set led 1 else 0 lost 0"
        ap= +OK|
        ap: RULE STATUS
        ap~ |unknown|$7|since_s|:0|$5|fired|:0|$7|problem|$36|no sample of 'kitchen.lm35' has come|
        ap: XADD history:kitchen.lm35 1-1 value 2.99
        ap= $3|1-1|
        ap: GET led
        ap= $1|1|
        @wait 59900
        ap: GET led
        ap= $1|1|
        @wait 200
        ap: GET led
        ap= $1|0|
        ap: RULE STATUS
        ap~ |lost|$7|since_s|:0|$5|fired|:2|$7|problem|$24|'kitchen.lm35' is silent|
        ap: XADD history:kitchen.lm35 2-1 value 2.99
        ap= $3|2-1|
        @wait 200
        ap: GET led
        ap= $1|1|
        "#,
    );
}

/// A sensor of a house misses a sample now and then.
#[test]
fn a_loss_switches_nothing_in_a_rule_without_lost() {
    let board = Board::default();
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.fan "when lm35 > 25 hysteresis 0.5 for 30s set fan 100 else 0" rule.led "when lm35 > 25 hysteresis 0.5 for 30s set led 1 else 0 lost 0"
        ap= +OK|
        @sample 0 251
        @run 20000
        # Before the condition is true, the time begins anew.
        @lose 0
        @sample 0 251
        @run 29800
        ap: MGET fan led
        ap= *2|$3|0.0|$1|0|
        @run 400
        ap: MGET fan led
        ap= *2|$5|100.0|$1|1|
        @lose 0
        @run 1000
        @sample 0 248
        ap: MGET fan led
        ap= *2|$5|100.0|$1|0|
        @run 40000
        ap: MGET fan led
        ap= *2|$5|100.0|$1|0|
        @lose 0
        @sample 0 251
        @run 1000
        ap: MGET fan led
        ap= *2|$5|100.0|$1|0|
        @lose 0
        @sample 0 245
        ap: MGET fan led
        ap= *2|$3|0.0|$1|0|
        "#,
    );
    let fan: Vec<_> = applied(&board).into_iter().filter(|(output, _)| *output == 1).map(|(_, value)| value).collect();
    let is_changed = |pair: &&[i32]| pair[0] != pair[1];
    assert_eq!((fan.windows(2).filter(is_changed).count(), fan[0]), (2, 0), "{fan:?}");
}

#[test]
fn a_reading_that_a_rule_names_has_room_before_others() {
    let board = Board::default();
    board.remotes.set(1);
    check_on(
        &board,
        r#"
        @rules
        ap: XADD history:attic.x 1-1 value 5
        ap= $3|1-1|
        ap: CONFIG SET rule.frost "when kitchen.lm35 < 3 set led 1 else 0 lost 0"
        ap= +OK|
        ap: XADD history:barn.x 1-1 value 5
        ap= -ERR too many remote readings: this device has no room for another one|
        ap: XADD history:kitchen.lm35 1-1 value 2
        ap= $3|1-1|
        ap: MGET led attic.x
        ap= *2|$1|1|$-1|
        ap: XADD history:attic.x 2-1 value 5
        ap= -ERR too many remote readings: this device has no room for another one|
        @wait 200
        ap: XADD history:kitchen.lm35 2-1 value 4
        ap= $3|2-1|
        ap: GET led
        ap= $1|0|
        @wait 60100
        ap: XADD history:attic.x 2-1 value 5
        ap= $3|2-1|
        ap: RULE STATUS
        ap~ |lost|$7|since_s|:0|$5|fired|:3|$7|problem|$24|'kitchen.lm35' is silent|
        ap: XADD history:kitchen.lm35 3-1 value 2
        ap= $3|3-1|
        ap: GET led
        ap= $1|1|
        "#,
    );
}

/// A device that could not reach its peer sends what waited, one sample right after the other.
#[test]
fn samples_that_come_at_once_do_not_make_an_output_flutter() {
    let board = Board::default();
    board.remotes.set(1);
    let mut script =
        String::from("@rules\nap: CONFIG SET rule.frost \"when kitchen.lm35 < 3 set led 1 else 0 lost 0\"\nap= +OK|\n");
    for sample in 1..=64 {
        let value = if sample % 2 == 0 { 4 } else { 2 };
        script += &format!("ap: XADD history:kitchen.lm35 {sample}-0 value {value}\nap~ {sample}-0\n");
    }
    script += "@wait 200\nap: GET led\nap= $1|0|\nap: XADD history:kitchen.lm35 65-0 value 2\nap~ 65-0\n\
               ap: GET led\nap= $1|1|";
    check_on(&board, &script);
    assert_eq!(applied(&board), [(0, 1), (0, 0), (0, 1)]);
}

/// The first sample that a peer sends after an outage has waited for longest.
#[test]
fn the_first_sample_after_a_silence_waits_for_those_behind_it() {
    let board = Board::default();
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.frost "when kitchen.lm35 < 3 set led 1 else 0 lost 0"
        ap= +OK|
        ap: XADD history:kitchen.lm35 1-0 value 4
        ap= $3|1-0|
        @wait 60200
        ap: RULE STATUS
        ap~ |lost|
        ap: XADD history:kitchen.lm35 2-0 value 2
        ap= $3|2-0|
        ap: XADD history:kitchen.lm35 3-0 value 4
        ap= $3|3-0|
        @wait 200
        ap: RULE STATUS
        ap~ |false|
        "#,
    );
    assert_eq!(applied(&board), [(0, 0); 3]);
}

#[test]
fn a_device_without_room_for_remote_readings_refuses_rules_on_them() {
    let board = Board::default();
    board.remotes.set(0);
    check_on(
        &board,
        r#"
        ap: CONFIG SET rule.frost "when kitchen.lm35 < 3 set led 1"
        ap= -ERR CONFIG SET failed - rule.frost: there is no reading 'kitchen.lm35'|
        "#,
    );
}

#[test]
fn of_two_rules_the_one_with_the_greater_priority_decides_where_it_has_a_value() {
    let board = Board::default();
    check_on(
        &board,
        r#"
        @rules
        ap: CONFIG SET rule.warm "when lm35 > 25 set fan 50 else 0" rule.night "when uptime > 100 set fan 20 priority=1"
        ap= +OK|
        @sample 0 300
        @sample 1 50
        ap: GET fan
        ap= $4|50.0|
        @sample 1 150
        ap: GET fan
        ap= $4|20.0|
        # The condition of the lesser rule changes, and nothing is set.
        ap: SET fan 33
        ap= +OK|
        @sample 0 200
        ap: GET fan
        ap= $4|33.0|
        # The greater rule has no value any more.
        @sample 1 99
        ap: GET fan
        ap= $3|0.0|
        # Removed, and the lesser decides.
        @sample 1 150
        ap: CONFIG SET rule.night ""
        ap= +OK|
        ap: GET fan
        ap= $3|0.0|
        "#,
    );
}

#[test]
fn what_a_rule_names_can_not_be_removed_and_a_changed_output_is_set_anew() {
    let board = Board::wired();
    board.bench.set_millivolts(1, Some(1_650));
    check_on(
        &board,
        r#"
        @bench
        @rules
        ap: CONFIG SET wiring.pump "pwm pin=5" rule.pump "when tank > 1000 set pump 40 else 0"
        ap= +OK|
        @run 2000
        ap: GET pump
        ap= $4|40.0|
        ap: CONFIG SET wiring.pump ""
        ap= -ERR CONFIG SET failed - rule.pump: there is no output 'pump'|
        ap: CONFIG SET wiring.tank ""
        ap= -ERR CONFIG SET failed - rule.pump: there is no reading 'tank'|
        ap: CONFIG SET wiring.pump "output pin=5"
        ap= -ERR CONFIG SET failed - rule.pump: 40 is out of range: 0 to 1|
        ap: SET pump 60
        ap= +OK|
        ap: CONFIG SET device.name barn wiring.door "input pin=10"
        ap= +OK|
        @run 1000
        ap: GET pump
        ap= $4|60.0|
        ap: CONFIG SET wiring.pump "pwm pin=5 frequency=200"
        ap= +OK|
        @run 1000
        ap: GET pump
        ap= $4|40.0|
        ap: CONFIG SET wiring.pump "" rule.pump ""
        ap= +OK|
        ap: RULE STATUS
        ap= *0|
        "#,
    );
}

#[test]
fn an_output_that_fails_is_tried_again_until_a_person_sets_it() {
    let board = Board::default();
    let (mut histories, mut resources) = (board.histories(), AppResources::new());
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    board.is_broken.set(true);
    device.script(
        r#"
        @rules
        ap: CONFIG SET rule.light "when lm35 > 25 set led 1"
        ap= +OK|
        @sample 0 260
        ap: RULE STATUS
        ap~ |true|$7|since_s|:0|$5|fired|:0|$7|problem|$23|the output 'led' failed|
        "#,
    );
    board.is_broken.set(false);
    device.script("@run 1000\nap: RULE STATUS\nap~ |fired|:1|$7|problem|$-1|");
    assert_eq!(applied(&board), [(0, 1)]);
    device.script("@sample 0 200");
    board.is_broken.set(true);
    device.script("@sample 0 260");
    board.is_broken.set(false);
    device.script("ap: SET led 0\nap= +OK|\n@run 5000\nap: GET led\nap= $1|0|");
}

#[test]
fn monitor_shows_what_a_rule_sets() {
    check(
        r#"
        ap: MONITOR
        ap= +OK|
        ap2: CONFIG SET rule.light "when lm35 > 25 set led 1"
        ap2= +OK|
        @clock 5000
        @sample 0 260
        ap= +5.000000 [0 rule.light] "SET" "led" "1"|
        "#,
    );
}

#[test]
fn rules_survive_a_restart_and_act_before_a_client_comes() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET rule.light \"when lm35 > 25 set led 1\"\nap= +OK|");
    let settings = board.stored.borrow().clone();
    let (mut histories, mut resources) = (board.histories(), AppResources::new());
    let app = App::new(&board, &mut resources, &mut histories, settings).unwrap();
    app.sample(0, Value(251));
    assert_eq!(applied(&board), [(0, 1)]);
}

#[test]
fn a_rule_of_another_firmware_is_told_and_does_nothing() {
    let board = Board::default();
    let mut settings = Settings::default();
    settings.rules.set("moon", "when the moon is full set led 1", 8).unwrap();
    settings.rules.set("lamp", "when lm35 > 1 set lamp 1", 8).unwrap();
    board.stored.replace(settings);
    check_on(
        &board,
        r#"
        @sample 0 251
        ap: RULE STATUS
        ap~ |unknown|$7|since_s|:0|$5|fired|:0|$7|problem|$37|'moon' is no operator: < <= > >= = !=|
        "#,
    );
    check_on(&board, "@sample 0 251\nap: RULE STATUS\nap~ |problem|$25|there is no output 'lamp'|");
    assert_eq!(applied(&board), []);
}
