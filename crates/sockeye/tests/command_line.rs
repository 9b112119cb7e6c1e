//! The program's command line: what can't be used gets one line on standard error and exit status 2.

use std::net::TcpListener;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sockeye")).args(arguments).output().unwrap()
}

fn check(arguments: &[&str], said: &str) {
    let output = run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(error.starts_with("error: ") && error.contains(said), "{arguments:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
    assert!(output.stdout.is_empty());
}

#[test]
fn unusable_arguments_get_one_line() {
    check(&["hello", "--listen", "nonsense"], "invalid socket address");
    check(&["hello", "--listen", "127.0.0.1:99999"], "invalid socket address");
    check(&["hello", "--slots", "0"], "--slots takes 1 to 64");
    check(&["hello", "--slots", "65"], "--slots takes 1 to 64");
    check(&["hello", "--slots", "many"], "invalid digit");
    check(&["hello", "--nonsense"], "unexpected argument");
    check(&["sim", "--listen", "[::1]:3000"], "invalid IPv4");
    check(&["sim", "--mode", "mesh"], "invalid value");
    for seconds in ["9", "601", "65536", "-1"] {
        let within = format!("--confirm-within={seconds}");
        check(&["update", "127.0.0.1", "new.bin", &within], "is not in 10..=600");
    }
    check(&["nonsense"], "unrecognized subcommand");
}

#[test]
fn a_port_in_use_gets_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(&["hello", "--listen", &address], &format!("can't listen on {address}: Address already in use"));
    check(&["sim", "--listen", &address], &format!("can't listen on {address}: Address already in use"));
}

#[test]
fn a_state_folder_that_is_a_file_gets_one_line() {
    let file = env!("CARGO_MANIFEST_PATH");
    check(&["sim", "--listen", "127.0.0.1:0", "--state", file], "can't use --state");
}

#[test]
fn help_is_no_error() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("sim"));
}
