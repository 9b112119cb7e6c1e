//! Changes of settings wear out the flash: so many in a row, and then one a minute.

use sockeye_device::limits::{CHANGES_MAX, RESET_CHANGES};

use crate::board::Board;
use crate::script::check_on;

/// Changes of a setting, each of which is stored.
fn changes(count: u8) -> String {
    let change = |index: u8| format!("ap: CONFIG SET remote.expire {}\nap= +OK|\n", 100 + u32::from(index));
    (1..=count).map(change).collect()
}

const REFUSED: &str = "failed - too many changes in a row wear out the flash, try again in";

#[test]
fn a_client_in_a_loop_wears_out_no_flash() {
    let board = Board::wired();
    let script = format!(
        r#"
        {}
        ap: CONFIG SET remote.expire 60
        ap= -ERR CONFIG SET {REFUSED} 60 s|
        # What is refused changes nothing, and costs nothing.
        ap: CONFIG GET remote.expire
        ap~ $3|{}|
        @wait 59000
        ap: CONFIG FACTORYRESET
        ap= -ERR CONFIG FACTORYRESET {REFUSED} 1 s|
        @wait 1000
        ap: CONFIG SET remote.expire 60
        ap= +OK|
        ap: CONFIG SET remote.expire 61
        ap= -ERR CONFIG SET {REFUSED} 60 s|
        "#,
        changes(CHANGES_MAX),
        100 + u32::from(CHANGES_MAX)
    );
    check_on(&board, &script);
    // A restart gives none back, nor does a factory reset.
    let after = format!(
        r#"
        ap: CONFIG SET remote.expire 61
        ap= -ERR CONFIG SET {REFUSED} 60 s|
        @wait 60000
        ap: CONFIG FACTORYRESET
        ap= +OK|
        ap: CONFIG SET remote.expire 61
        ap= -ERR CONFIG SET {REFUSED} {} s|
        "#,
        u32::from(RESET_CHANGES) * 60
    );
    board.uptime_us.set(0);
    check_on(&board, &after);
    board.uptime_us.set(0);
    let after =
        format!("ap: CONFIG SET remote.expire 61\nap= -ERR CONFIG SET {REFUSED} {} s|", RESET_CHANGES as u32 * 60);
    check_on(&board, &after);
}

#[test]
fn a_setting_that_is_the_same_again_costs_the_flash_nothing() {
    let board = Board::wired();
    let again = r#"
        ap: CONFIG SET remote.expire 100 auth.token "correct horse" rule.a "when tank > 1 set led 1"
        ap= +OK|
        "#;
    let before = format!("ap: CONFIG SET auth.token \"correct horse\"\nap= +OK|\n{again}");
    check_on(&board, &before);
    let stored = board.stored.borrow().clone();
    assert!(stored.token.is_some());
    // Another salt.
    board.random_byte.set(43);
    check_on(&board, &format!("ap: AUTH \"correct horse\"\nap= +OK|\n{}", again.repeat(2 * usize::from(CHANGES_MAX))));
    assert_eq!(*board.stored.borrow(), stored);
}
