//! The rights of clients.

use crate::board::Board;
use crate::script::{check, check_on};

#[test]
fn without_a_token_the_station_side_only_reads() {
    check(
        "@sample 0 235
         sta: GET lm35
         sta= $4|23.5|
         sta: SET led 1
         sta= -DENIED no token is set on this device, so changes are accepted only over its own access point. Set one there with CONFIG SET auth.token, and then AUTH from anywhere|
         sta: CONFIG SET device.name x
         sta~ -DENIED
         sta: CLIENT KILL ID 1
         sta~ -DENIED
         sta: SLOWLOG RESET
         sta~ -DENIED
         sta: CONFIG GET databases
         sta= *2|$9|databases|$1|1|
         ap: SET led 1
         ap= +OK|
         lo: SET led 0
         lo= +OK|
         ap: AUTH secret
         ap= -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?|
         ap: AUTH default secret
         ap= +OK|
         ap: AUTH someone secret
         ap= -WRONGPASS invalid username-password pair or user is disabled.|",
    );
}

#[test]
fn with_a_token_only_a_login_is_open() {
    let board = Board::default();
    check_on(
        &board,
        "ap3: PING
         ap3= +PONG|
         ap: CONFIG SET auth.token short
         ap= -ERR CONFIG SET failed (possibly related to argument 'auth.token') - a token has 8 to 128 bytes, or none to remove it|
         ap: CONFIG SET auth.token correct-horse
         ap= +OK|
         # Whoever was in without the token is out.
         ap3$ 
         # Whoever set it knows it.
         ap: SET led 1
         ap= +OK|",
    );
    check_on(
        &board,
        "ap: GET led
         ap= -NOAUTH Authentication required.|
         ap: PING
         ap= +PONG|
         ap: HELLO 3
         ap= -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time|
         ap: foo
         ap= -ERR unknown command 'foo', with args beginning with: |
         ap: get
         ap= -ERR wrong number of arguments for 'get' command|
         ap: AUTH bad
         ap= -WRONGPASS invalid username-password pair or user is disabled.|
         ap: AUTH a b c
         ap= -ERR syntax error|
         ap: HELLO 3 AUTH default bad
         ap= -WRONGPASS invalid username-password pair or user is disabled.|
         ap: HELLO 3 AUTH default correct-horse
         ap~ %7|
         ap: SET led 1
         ap= +OK|
         sta: AUTH correct-horse
         sta= +OK|
         sta: SET led 0
         sta= +OK|
         sta: RESET
         sta= +RESET|
         sta: GET led
         sta= -NOAUTH Authentication required.|
         sta: QUIT
         sta$ +OK|
         ap: CONFIG SET auth.token \"\"
         ap= +OK|
         sta4: GET led
         sta4= $1|0|",
    );
}

#[test]
fn before_a_login_requests_are_short() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET auth.token correct-horse\nap= +OK|");
    check_on(
        &board,
        "ap\\ *11\\r\\n
         ap$ -ERR Protocol error: unauthenticated multibulk length|
         sta\\ *1\\r\\n$129\\r\\n
         sta$ -ERR Protocol error: unauthenticated bulk length|
         sta3\\ AUTH correct-horse\\r\\n*11\\r\\n
         sta3= +OK|",
    );
}

#[test]
fn guessing_delays_the_one_who_guesses_and_nobody_else() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET auth.token correct-horse\nap= +OK|");
    const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.|";
    check_on(
        &board,
        &format!(
            "sta: AUTH a
             sta= {WRONG}
             sta: AUTH b
             sta= {WRONG}
             sta: AUTH c
             sta= {WRONG}
             sta: AUTH d
             sta= {WRONG}
             # The right one isn't looked at either, or the answer would tell.
             sta: AUTH correct-horse
             sta= -WRONGPASS too many wrong tokens from this address, try again in 1 s|
             # The owner isn't delayed.
             sta3: AUTH correct-horse
             sta3= +OK|
             @wait 1000
             sta: AUTH e
             sta= {WRONG}
             @wait 1999
             sta: AUTH correct-horse
             sta= -WRONGPASS too many wrong tokens from this address, try again in 1 s|
             sta: AUTH f
             sta$ -WRONGPASS too many wrong tokens from this address, try again in 1 s|"
        ),
    );
}

/// Most home networks have the addresses of the access point.
#[test]
fn guessing_does_not_delay_the_same_address_in_the_other_network() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET auth.token correct-horse\nap= +OK|");
    for (guesser, owner) in [("ap", "same"), ("same", "ap")] {
        let guess = format!("{guesser}: AUTH wrong\n{guesser}~ invalid\n").repeat(4);
        check_on(
            &board,
            &format!(
                "{guess}
                 {guesser}: AUTH correct-horse
                 {guesser}~ too many wrong tokens
                 {owner}: AUTH correct-horse
                 {owner}= +OK|"
            ),
        );
    }
}

#[test]
fn a_right_token_forgives() {
    let board = Board::default();
    check_on(&board, "ap: CONFIG SET auth.token correct-horse\nap= +OK|");
    check_on(
        &board,
        "sta: AUTH a
         sta~ -WRONGPASS
         sta: AUTH b
         sta~ -WRONGPASS
         sta: AUTH correct-horse
         sta= +OK|
         sta: AUTH c
         sta~ invalid
         sta: AUTH d
         sta~ invalid
         sta: AUTH correct-horse
         sta= +OK|
         sta: INFO device
         sta~ |auth_failures:4|",
    );
}
