//! MULTI and EXEC, and what is refused with what it depends on (docs/field.md, 12).

use sockeye_device::limits::RX_LEN;

use crate::board::Board;
use crate::script::{check, check_on};

#[test]
fn field_12_a_transaction_runs_at_exec_and_not_before() {
    let board = Board::default();
    check_on(
        &board,
        "ap: MULTI
         ap= +OK|
         ap: SET led 1
         ap= +QUEUED|
         ap2: GET led
         ap2= $1|0|
         ap: GET led
         ap= +QUEUED|
         ap: CLIENT INFO
         ap= +QUEUED|
         ap2: CLIENT LIST ID 1
         ap2~ flags=x db=0 sub=0 psub=0 ssub=0 multi=3
         ap: EXEC
         ap~ *3|+OK|$1|1|$
         ap: GET led
         ap= $1|1|
         ap: EXEC
         ap= -ERR EXEC without MULTI|
         ap: DISCARD
         ap= -ERR DISCARD without MULTI|",
    );
    assert_eq!(board.applied.borrow().len(), 1);
}

#[test]
fn field_12_a_transaction_in_one_write_and_requests_around_it() {
    check(
        "ap\\ GET led\\r\\nMULTI\\r\\nSET led 1\\r\\n*3\\r\\n$3\\r\\nSET\\r\\n$3\\r\\nfan\\r\\n$2\\r\\n50\\r\\nEXEC\\r\\nGET fan\\r\\nMULTI\\r\\nEXEC\\r\\nPING\\r\\n
         ap= $1|0|+OK|+QUEUED|+QUEUED|*2|+OK|+OK|$4|50.0|+OK|*0|+PONG|",
    );
}

#[test]
fn field_12_a_nested_multi_has_one_reply_and_the_others_run() {
    check(
        "ap\\ MULTI\\r\\nMULTI\\r\\nSET led 1\\r\\nMULTI\\r\\nGET led\\r\\nMULTI\\r\\nEXEC\\r\\nPING\\r\\n
         ap= +OK|-ERR MULTI calls can not be nested|+QUEUED|-ERR MULTI calls can not be nested|+QUEUED|-ERR MULTI calls can not be nested|*2|+OK|$1|1|+PONG|
         ap\\ MULTI\\r\\nMULTI\\r\\nEXEC\\r\\n
         ap= +OK|-ERR MULTI calls can not be nested|*0|",
    );
}

#[test]
fn field_12_an_error_at_exec_leaves_the_others_as_in_redis() {
    check(
        "ap\\ MULTI\\r\\nSET led 1\\r\\nSET led 7\\r\\nGET led\\r\\nEXEC\\r\\n
         ap= +OK|+QUEUED|+QUEUED|+QUEUED|*3|+OK|-ERR value is out of range: 0 to 1|$1|1|",
    );
}

#[test]
fn field_12_what_is_refused_while_queueing_refuses_all_of_it() {
    for (refused, error) in [
        ("nosuch", "-ERR unknown command 'nosuch', with args beginning with: "),
        ("SET led", "-ERR wrong number of arguments for 'set' command"),
        ("FLUSHALL", "-ERR FLUSHALL is refused: this is a device, not a database"),
        ("CLIENT NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."),
        ("SUBSCRIBE lm35", "-ERR Command not allowed inside a transaction"),
        ("MONITOR", "-ERR Command not allowed inside a transaction"),
        ("HELLO 3", "-ERR Command not allowed inside a transaction"),
        ("WATCH led", "-ERR Command not allowed inside a transaction"),
    ] {
        let board = Board::default();
        check_on(
            &board,
            &format!(
                "ap: MULTI
                 ap= +OK|
                 ap: SET led 1
                 ap= +QUEUED|
                 ap: {refused}
                 ap= {error}|
                 ap: SET fan 1
                 ap= +QUEUED|
                 ap: EXEC
                 ap= -EXECABORT Transaction discarded because of previous errors.|
                 ap: GET led
                 ap= $1|0|"
            ),
        );
        assert!(board.applied.borrow().is_empty(), "{refused}");
    }
}

#[test]
fn field_12_who_may_change_nothing_changes_nothing_at_exec() {
    let board = Board::default();
    check_on(
        &board,
        "sta: MULTI
         sta= +OK|
         sta: SET led 1
         sta~ -DENIED 
         sta: GET led
         sta= +QUEUED|
         sta: EXEC
         sta= -EXECABORT Transaction discarded because of previous errors.|",
    );
    assert!(board.applied.borrow().is_empty());
}

#[test]
fn field_12_discard_reset_and_a_client_that_leaves_run_nothing() {
    let board = Board::default();
    check_on(
        &board,
        "ap\\ MULTI\\r\\nSET led 1\\r\\nDISCARD\\r\\nGET led\\r\\n
         ap= +OK|+QUEUED|+OK|$1|0|
         ap\\ MULTI\\r\\nSET led 1\\r\\nRESET\\r\\nGET led\\r\\n
         ap= +OK|+QUEUED|+RESET|$1|0|
         ap\\ MULTI\\r\\nMULTI\\r\\nSET led 1\\r\\n
         ap= +OK|-ERR MULTI calls can not be nested|+QUEUED|
         ap!
         ap2: GET led
         ap2= $1|0|",
    );
    assert!(board.applied.borrow().is_empty());
}

#[test]
fn field_12_what_depends_on_a_refused_watch_is_refused() {
    check(
        "ap: WATCH led
         ap~ -ERR WATCH is refused
         ap\\ MULTI\\r\\nSET led 1\\r\\nEXEC\\r\\n
         ap= +OK|+QUEUED|-EXECABORT Transaction discarded because of previous errors.|
         ap\\ MULTI\\r\\nSET led 1\\r\\nEXEC\\r\\n
         ap= +OK|+QUEUED|*1|+OK|
         ap: WATCH led
         ap~ -ERR WATCH is refused
         ap\\ UNWATCH\\r\\nMULTI\\r\\nSET led 0\\r\\nEXEC\\r\\n
         ap= +OK|+OK|+QUEUED|*1|+OK|",
    );
}

#[test]
fn field_12_a_transaction_that_is_too_long_runs_nothing_and_blocks_nobody() {
    let board = Board::default();
    let commands = RX_LEN / "SET led 1\r\n".len() + 5;
    let mut script = "ap: MULTI\nap= +OK|\n".to_owned();
    for number in 0..commands {
        script += "ap: SET led 1\n";
        let fits = number < RX_LEN / "SET led 1\r\n".len();
        script += if fits { "ap= +QUEUED|\n" } else { "ap~ -ERR the transaction is too long\n" };
    }
    script += "ap: EXEC
        ap= -EXECABORT Transaction discarded because of previous errors.|
        ap\\ MULTI\\r\\nGET led\\r\\nEXEC\\r\\n
        ap= +OK|+QUEUED|*1|$1|0|";
    check_on(&board, &script);
    assert!(board.applied.borrow().is_empty());
}

#[test]
fn field_12_settings_and_long_replies_in_a_transaction() {
    let board = Board::default();
    check_on(
        &board,
        "@sample 0 235
         ap\\ MULTI\\r\\nCONFIG SET device.name kitchen\\r\\nINFO\\r\\nCONFIG GET device.name\\r\\nXREAD BLOCK 0 STREAMS history:lm35 $\\r\\nEXEC\\r\\nPING\\r\\n
         ap~ |device_name:kitchen|",
    );
    assert_eq!(board.stored.borrow().name, "kitchen");
    check(
        "@sample 0 235
         ap\\ MULTI\\r\\nCONFIG SET device.name kitchen\\r\\nCONFIG GET device.name\\r\\nXREAD BLOCK 0 STREAMS history:lm35 $\\r\\nEXEC\\r\\nPING\\r\\n
         ap= +OK|+QUEUED|+QUEUED|+QUEUED|*3|+OK|*2|$11|device.name|$7|kitchen|*-1|+PONG|",
    );
}

/// The other's new token ends this connection. Its session has smaller limits before, which are not for requests that were
/// taken already.
#[test]
fn a_token_that_another_client_sets_meanwhile_leaves_a_transaction_its_replies() {
    let keys = "led ".repeat(11);
    check(&format!(
        "ap: MULTI
         ap= +OK|
         ap: CONFIG SET remote.expire 60
         ap= +QUEUED|
         ap: MGET {keys}
         ap= +QUEUED|
         @flash 100
         ap2: CONFIG SET auth.token \"correct horse\"
         ap: EXEC
         @wait 100
         ap2= +OK|
         @wait 100
         ap$ *2|-NOAUTH Authentication required.|-NOAUTH Authentication required.|"
    ));
}

#[test]
fn a_token_that_another_client_sets_meanwhile_leaves_a_change_its_reply() {
    let rule = format!("when lm35 > {} set led 1", "0".repeat(250));
    let change = format!("CONFIG SET rule.a \"{rule}\"");
    for (request, reply) in [(change.clone(), ""), (format!("MULTI\\r\\n{change}\\r\\nEXEC"), "+OK|+QUEUED|*1|")] {
        check(&format!(
            "@flash 100
             ap2: CONFIG SET auth.token \"correct horse\"
             ap\\ {request}\\r\\n
             @wait 100
             ap2= +OK|
             @wait 100
             ap$ {reply}-NOAUTH Authentication required.|"
        ));
    }
}
