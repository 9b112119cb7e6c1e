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
    check(&["sim", "--mode", "mesh"], "invalid value 'mesh' for '--mode <MODE>' [possible values: ap, sta]");
    for seconds in ["9", "601", "65536", "-1"] {
        let within = format!("--confirm-within={seconds}");
        check(&["update", "127.0.0.1", "new.bin", &within], "is not in 10..=600");
    }
    check(&["update", "127.0.0.1", "new.bin", "--confirm-within", "-1"], "-1 is not in 10..=600");
    check(&["nonsense"], "unrecognized subcommand");
}

#[test]
fn a_device_that_can_not_be_gets_one_line() {
    for port in ["", "0", "99999", "http"] {
        let said = format!("'127.0.0.1:{port}' for '<HOST[:PORT]>': a port is a number from 1 to 65535");
        check(&["update", &format!("127.0.0.1:{port}"), "new.bin"], &said);
    }
    for host in ["", ":3000", "[]", "[]:3000"] {
        check(&["update", host, "new.bin"], "for '<HOST[:PORT]>'");
    }
}

#[test]
fn a_token_that_no_device_has_gets_one_line() {
    for token in ["", "shorter", &"x".repeat(129), &"x".repeat(2_000)] {
        check(&["update", "127.0.0.1", "new.bin", "--token", token], "a token has 8 to 128 bytes");
    }
}

#[test]
fn an_image_that_can_not_be_gets_one_line() {
    let folder = std::env::temp_dir();
    let file = folder.join(format!("sockeye-no-image-{}.bin", std::process::id()));
    let refused = |version: &str, payload: &str, said: &str| {
        check(&["image", version, file.to_str().unwrap(), "--payload", payload], said);
    };
    refused("", "4", "has not 1 to 31 bytes");
    refused("1\n2", "4", "has not 1 to 31 bytes without control characters");
    refused(&"v".repeat(32), "4", "has not 1 to 31 bytes");
    for payload in ["2027520", "99999999999", "18446744073709551615"] {
        refused("0.2.0", payload, "have no room in a slot, which takes 2027520");
    }
    assert!(!file.exists());
}

#[test]
fn arguments_that_are_missing_are_named() {
    check(&["update"], "not provided: <HOST[:PORT]> <FILE>");
    check(&["update", "127.0.0.1"], "not provided: <FILE>");
    check(&["image", "0.2.0"], "not provided: <FILE>");
    check(&["sim", "--update-key", "key.pem"], "not provided: --state <DIR>");
    check(&["sim", "--push-token", "secret"], "not provided: --push-to <HOST:PORT>");
}

/// As CONFIG SET refuses them.
#[test]
fn a_peer_that_can_not_be_gets_one_line() {
    let sim = ["sim", "--listen", "127.0.0.1:0"];
    let long = "x".repeat(65);
    for (options, said) in [
        (&["--push-to", "127.0.0.1"][..], "--push-to: a peer is HOST:PORT of at most 64 bytes, or nothing"),
        (&["--push-to", "host:0"], "--push-to: a peer is HOST:PORT"),
        (&["--push-to", &long], "--push-to: a peer is HOST:PORT"),
        (&["--push-to", "host:1", "--push-token", &long], "--push-token: a token has at most 64 bytes"),
        (&["--push-to", "host:1", "--push-names", &long], "--push-names: a pattern has at most 40 bytes"),
        (&["--push-to", "host:1", "--push-period-ms", "86400001"], "--push-period-ms: a period is at most a day"),
    ] {
        check(&[&sim[..], options].concat(), said);
    }
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
