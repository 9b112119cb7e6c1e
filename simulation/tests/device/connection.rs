//! PING, ECHO, HELLO, SELECT, QUIT, RESET and CLIENT.

use crate::script::check;

#[test]
fn ping_and_echo() {
    check(
        "ap: PING
         ap= +PONG|
         ap: ping hello
         ap= $5|hello|
         ap: PING a b
         ap= -ERR wrong number of arguments for 'ping' command|
         ap: ECHO hi
         ap= $2|hi|
         ap: ECHO
         ap= -ERR wrong number of arguments for 'echo' command|",
    );
}

#[test]
fn hello_switches_to_the_version_it_answers_in() {
    check(
        "ap: HELLO
         ap= *14|$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:2|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|
         ap: hello 3 SETNAME me
         ap= %7|$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|
         ap: GET lm35
         ap= _|
         ap: CLIENT GETNAME
         ap= $2|me|
         ap: HELLO 4
         ap= -NOPROTO unsupported protocol version|
         ap: HELLO abc
         ap= -ERR Protocol version is not an integer or out of range|
         ap: HELLO 3 FOO
         ap= -ERR Syntax error in HELLO option 'FOO'|
         ap: HELLO 3 AUTH x
         ap= -ERR Syntax error in HELLO option 'AUTH'|
         ap: RESET
         ap= +RESET|
         ap: GET lm35
         ap= $-1|",
    );
}

#[test]
fn select_knows_one_database() {
    check(
        "ap: SELECT 0
         ap= +OK|
         ap: SELECT 1
         ap= -ERR DB index is out of range|
         ap: SELECT a
         ap= -ERR value is not an integer or out of range|",
    );
}

#[test]
fn quit_answers_and_closes() {
    check(
        "ap: PING
         ap= +PONG|
         ap\\ QUIT\\r\\nPING\\r\\n
         ap$ +OK|",
    );
}

#[test]
fn clients_are_named_listed_and_killed() {
    check(
        "ap: CLIENT ID
         ap= :1|
         ap: CLIENT GETNAME
         ap= $-1|
         ap: CLIENT SETNAME \"a b\"
         ap= -ERR Client names cannot contain spaces, newlines or special characters.|
         ap: CLIENT SETNAME tester
         ap= +OK|
         ap: CLIENT SETINFO LIB-NAME redis-py
         ap= +OK|
         ap: CLIENT SETINFO lib-ver 8.1
         ap= +OK|
         ap: CLIENT SETINFO foo 8.1
         ap= -ERR Unrecognized option 'foo'|
         sta: PING
         sta= +PONG|
         @wait 3000
         ap: CLIENT INFO
         ap~ |id=1 addr=192.168.1.2:5000 laddr=192.168.1.1:3000 fd=1 name=tester age=3 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0
         ap: CLIENT LIST ID 2
         ap~ id=2 addr=10.0.0.2:5000 laddr=10.0.0.200:3000 fd=2 name= age=3 idle=3 flags=N
         ap: CLIENT LIST TYPE pubsub
         ap= $0||
         ap: CLIENT LIST TYPE foo
         ap= -ERR Unknown client type 'foo'|
         ap: CLIENT KILL 1.1.1.1:5
         ap= -ERR No such client|
         ap: CLIENT KILL ID 99
         ap= :0|
         ap: CLIENT KILL ID abc
         ap= -ERR client-id should be greater than 0|
         ap: CLIENT KILL FOO BAR
         ap= -ERR syntax error|
         ap: CLIENT KILL ID 2
         ap= :1|
         sta$ 
         ap: CLIENT FOO
         ap= -ERR unknown subcommand 'FOO'. Try CLIENT HELP.|
         ap: CLIENT
         ap= -ERR wrong number of arguments for 'client' command|
         ap: CLIENT ID a
         ap= -ERR wrong number of arguments for 'client|id' command|
         ap: CLIENT KILL 192.168.1.2:5000
         ap$ +OK|",
    );
}

#[test]
fn a_reply_that_does_not_fit_beside_others_waits_for_them() {
    let script =
        format!("ap\\ ECHO {0}\\r\\nECHO {0}\\r\\nECHO {0}\\r\\n\nap= $300|{0}|$300|{0}|$300|{0}|", "x".repeat(300));
    check(&script);
}

#[test]
fn what_a_device_is_not_is_said() {
    check(
        "ap: foo
         ap= -ERR unknown command 'foo', with args beginning with: |
         ap: foo a b
         ap= -ERR unknown command 'foo', with args beginning with: 'a' 'b' |
         ap: client|id
         ap= -ERR unknown command 'client|id', with args beginning with: |
         ap: eval x 0
         ap= -ERR EVAL is refused: this is a device, not a database|
         ap: FLUSHALL
         ap= -ERR FLUSHALL is refused: this is a device, not a database|
         ap: SHUTDOWN
         ap= -ERR SHUTDOWN is refused: this is a device, not a database|",
    );
}

#[test]
fn more_sessions_than_there_are_slots_are_refused() {
    let mut script = String::new();
    for client in 1..=8 {
        script += &format!("ap{client}: PING\nap{client}= +PONG|\n");
    }
    script += "ap10: PING\nap10$ -ERR max number of clients reached|\nap1!\nap11: PING\nap11= +PONG|\n";
    check(&script);
}

#[test]
fn protocol_errors_close_only_their_own_connection() {
    check(
        "ap: PING
         ap= +PONG|
         sta\\ *1\\r\\n:1\\r\\nPING\\r\\n
         sta$ -ERR Protocol error: expected '$', got ':'|
         sta3\\ PING\\r\\n*x\\r\\n
         sta3$ +PONG|-ERR Protocol error: invalid multibulk length|
         sta4: GET \"a
         sta4$ -ERR Protocol error: unbalanced quotes in request|
         sta5\\ GET a\\0b\\r\\n
         sta5$ -ERR Protocol error: NUL in inline request|
         ap: PING
         ap= +PONG|",
    );
}
