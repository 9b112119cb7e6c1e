//! The sessions of the README, whose left sides are what the program prints.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use common::free_port;

const README: &str = include_str!("../../../README.md");
/// The port in the README.
const PORT: &str = "3000";

/// The lines of a session that the program prints, without the first, which starts it.
fn printed(verb: &str) -> Vec<String> {
    let start = format!("\n$ cargo run --release -- {verb} ");
    let (_, session) = README.split_once(&start).expect("the README has a session of this verb");
    let lines = session.split("\n```").next().unwrap_or_default().lines().skip(1);
    let left = lines.map(|line| line.rsplit_once('|').expect("two sides").0.trim_end());
    left.filter(|line| !line.is_empty() && *line != "^C").map(str::to_owned).collect()
}

/// A line without what differs from run to run: numbers, and the network's name and passphrase.
fn mask(line: &str, port: &str) -> String {
    let line = line.replace(port, PORT);
    let shown = if line.starts_with("network: ") { "network: ..." } else { &line };
    let digits = shown.chars().map(|c| if c.is_ascii_digit() { '0' } else { c });
    let mut masked = String::new();
    digits.filter(|c| *c != ' ').for_each(|c| {
        if c != '0' || !masked.ends_with('0') {
            masked.push(c);
        }
    });
    masked
}

struct Program {
    child: Child,
    port: String,
}

impl Program {
    fn start(verb: &str) -> Self {
        let port = free_port().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.args([verb, "--listen", &format!("127.0.0.1:{port}")]).stdout(Stdio::piped());
        Self { child: command.spawn().unwrap(), port }
    }

    /// Sends this, and waits until the program has answered and closed.
    fn ask(&self, request: &[u8]) {
        let mut client = TcpStream::connect(format!("127.0.0.1:{}", self.port)).unwrap();
        client.write_all(request).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
    }

    /// Presses Ctrl-C, once the program serves.
    fn interrupt(&self) {
        self.ask(b"QUIT\r\n");
        // The shell has `kill` where no package brings one.
        let status = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_device_prints_what_the_readme_shows() {
    let expected = printed("sim");
    let mut program = Program::start("sim");
    let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for expected in &expected {
        if expected.starts_with("stopped: ") {
            program.interrupt();
        }
        let line = lines.next().expect("another line");
        assert_eq!(mask(&line, &program.port), mask(expected, PORT));
    }
    assert!(lines.next().is_none() && expected.len() > 10, "{expected:?}");
}

#[test]
fn hello_prints_what_the_readme_shows() {
    let expected = printed("hello");
    let mut program = Program::start("hello");
    let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for expected in &expected {
        if expected.ends_with("\"Hello from Node.js\\n\"") {
            program.ask(b"Hello from Node.js\n");
        }
        let line = lines.next().expect("another line");
        assert_eq!(mask(&line, &program.port), mask(expected, PORT));
    }
    assert!(expected.len() > 3, "{expected:?}");
}
