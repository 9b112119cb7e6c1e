//! The walks through docs/wifi.md, docs/wiring.md, docs/update.md, docs/rules.md and docs/device-to-device.md, command by
//! command, against the program.

mod common;

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::free_port;

const WIFI: &str = include_str!("../../../docs/wifi.md");
const WIRING: &str = include_str!("../../../docs/wiring.md");
const UPDATE: &str = include_str!("../../../docs/update.md");
const RULES: &str = include_str!("../../../docs/rules.md");
const DEVICE_TO_DEVICE: &str = include_str!("../../../docs/device-to-device.md");
const SECTION: &str = "## Play with it";
/// The section with two devices.
const SECTION_OF_TWO: &str = "## A relay that follows another device's thermometer";
/// The pages' command that starts the program, without its port and its folder of settings.
const START: &str = "cargo run --release -- sim";
/// The pages' command that starts the program's other verbs.
const RUN: [&str; 4] = ["cargo", "run", "--release", "--"];
/// The device's folder on a page, and the file in it that names parts that are pulled out.
const FOLDER: &str = "bench";
const UNPLUGGED: &str = "bench/unplugged";
/// The port on a page.
const PORT: &str = "3000";
/// The addresses of a device in its access point, and in the network that it joins on the page.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 1, 77)];
/// The ports of the two devices, with the folder of each.
const TWO: [(&str, &str); 2] = [("3001", "barn"), ("3002", "kitchen")];
/// Lines that differ from time to time.
const ANY: &str = "...";

/// The commands of a section, each with the lines that it prints.
fn walk(page: &str, section: &str) -> Vec<(String, Vec<String>)> {
    let (_, section) = page.split_once(section).expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push((command.to_owned(), Vec::new())),
                None => steps.last_mut().expect("a command comes first").1.push(line.to_owned()),
            }
        }
    }
    steps
}

/// The words of a command, as a shell makes them.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn matches(printed: &[&str], expected: &[String]) -> bool {
    match (printed.split_first(), expected.split_first()) {
        (None, None) => true,
        (printed_first, Some((line, rest))) if line == ANY => {
            matches(printed, rest) || printed_first.is_some_and(|(_, others)| matches(others, expected))
        }
        (Some((printed, others)), Some((line, rest))) => printed == line && matches(others, rest),
        _ => false,
    }
}

/// The program, and where it keeps its settings.
struct Demo {
    /// Arguments for the program.
    args: &'static [&'static str],
    port: String,
    /// Where the commands are typed.
    folder: PathBuf,
    /// The device's folder in it.
    state: PathBuf,
    program: Option<Child>,
}

impl Demo {
    fn start(&mut self) {
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg("sim").args(self.args).args(["--listen", &listen, "--state"]).arg(&self.state);
        command.current_dir(&self.folder);
        self.program = Some(command.stdout(Stdio::null()).spawn().unwrap());
        self.wait();
    }

    /// Waits until the program listens, in its access point or in a network that it has joined. Then waits as long as a
    /// person takes to type.
    fn wait(&self) {
        let (start, port) = (Instant::now(), self.port.parse().unwrap());
        while ADDRESSES.iter().all(|address| TcpStream::connect((*address, port)).is_err()) {
            assert!(start.elapsed() < SLOW_MACHINE, "the program does not listen");
            sleep(Duration::from_millis(50));
        }
        sleep(Duration::from_secs(1));
    }

    /// Starts the program with these options of the page.
    fn start_with(&mut self, options: &[String]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg("sim").args(options).current_dir(&self.folder);
        self.program = Some(command.stdout(Stdio::null()).spawn().unwrap());
        self.wait();
    }

    /// Asks until the reply is the page's, for as long as a slow machine may take.
    fn expect(&self, command: &str, words: &[String], expected: &[String], slow_machine: &mut Duration) {
        loop {
            let printed = self.ask(words);
            let lines: Vec<_> = printed.lines().filter(|line| !line.is_empty()).collect();
            if matches(&lines, expected) {
                break;
            }
            let expected = expected.join("\n");
            assert!(!slow_machine.is_zero(), "$ {command}\n{printed}\ninstead of\n{expected}");
            *slow_machine -= ASK_AGAIN;
            sleep(ASK_AGAIN);
        }
    }

    fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.kill().unwrap();
            program.wait().unwrap();
        }
    }

    /// The output of a program that is not the device.
    fn run(&self, program: &str, words: &[String]) -> String {
        let words = words.iter().map(|word| word.replace(&format!(":{PORT}"), &format!(":{}", self.port)));
        let output = Command::new(program).args(words).current_dir(&self.folder).stdin(Stdio::null()).output().unwrap();
        // Standard error has progress, unless the program has failed; then it has the reason.
        let error = if output.status.success() { Vec::new() } else { output.stderr };
        let text = String::from_utf8([output.stdout, error].concat()).unwrap();
        text.replace(&format!(":{}", self.port), &format!(":{PORT}"))
    }

    /// The output of redis-cli on a terminal.
    fn ask(&self, words: &[String]) -> String {
        let words = words.iter().map(|word| if word == PORT { self.port.clone() } else { word.clone() });
        let output = Command::new("redis-cli").arg("--no-raw").args(words).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        text.replace(&format!(":{}:", self.port), &format!(":{PORT}:"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Demo {
    fn new(name: &str, args: &'static [&'static str]) -> Self {
        let folder = std::env::temp_dir().join(format!("sockeye-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let state = folder.join(FOLDER);
        Self { args, port: free_port().to_string(), folder, state, program: None }
    }
}

#[test]
#[ignore = "needs redis-cli"]
fn the_walk_through_wifi_goes_as_the_page_says() {
    go(&mut Demo::new("walk", &["--air", "demo"]), walk(WIFI, SECTION));
}

#[test]
#[ignore = "needs redis-cli"]
fn the_walk_through_wiring_goes_as_the_page_says() {
    go(&mut Demo::new("bench", &[]), walk(WIRING, SECTION));
}

#[test]
#[ignore = "needs redis-cli and openssl"]
fn the_walk_through_updates_goes_as_the_page_says() {
    go(&mut Demo::new("update", &["--update-key", "key.pem"]), walk(UPDATE, SECTION));
}

#[test]
#[ignore = "needs redis-cli"]
fn the_walk_through_rules_goes_as_the_page_says() {
    go(&mut Demo::new("rules", &[]), walk(RULES, SECTION));
}

/// Two devices: the command that starts one names its port and its folder, and the port that it pushes to.
#[test]
#[ignore = "needs redis-cli"]
fn the_walk_through_two_devices_goes_as_the_page_says() {
    let mut devices = TWO.map(|(_, folder)| Demo::new(folder, &[]));
    let ports = [0, 1].map(|place| (TWO[place].0, devices[place].port.clone()));
    let mut slow_machine = Duration::ZERO;
    let steps = walk(DEVICE_TO_DEVICE, SECTION_OF_TWO);
    assert!(steps.len() > 5, "{steps:?}");
    for (command, expected) in steps {
        let own = |text: String, (page, own): &(&str, String)| match text == *page {
            true => own.clone(),
            false => text.replace(&format!(":{page}"), &format!(":{own}")),
        };
        let in_own_ports = |text: &str| ports.iter().fold(text.to_owned(), own);
        let words: Vec<_> = words(&command).iter().map(|word| in_own_ports(word)).collect();
        let place = |word: &str| TWO.iter().position(|(_, folder)| *folder == word);
        if command.starts_with(START) {
            let options = words.iter().skip_while(|word| *word != "sim").skip(1);
            let options: Vec<_> = options.take_while(|word| *word != "&").map(|word| word.replace('\'', "")).collect();
            let device = options.iter().find_map(|word| place(word)).expect("a folder");
            devices[device].start_with(&options);
            slow_machine = SLOW_MACHINE;
        } else if words[0] == "kill" {
            devices[place(&words[1]).expect("a device")].kill();
        } else if words[0] == "sleep" {
            sleep(Duration::from_secs(words[1].parse().unwrap()));
            slow_machine = SLOW_MACHINE;
        } else {
            assert_eq!(words[0], "redis-cli");
            devices[0].expect(&command, &words[1..], &expected, &mut slow_machine);
        }
    }
}

/// How much longer than a page's `sleep`, or than a start, a slow machine may take. The questions after either are asked
/// again for so long.
const SLOW_MACHINE: Duration = Duration::from_secs(60);
/// How often it is asked.
const ASK_AGAIN: Duration = Duration::from_millis(500);

fn go(demo: &mut Demo, steps: Vec<(String, Vec<String>)>) {
    assert!(steps.len() > 5, "{steps:?}");
    let mut slow_machine = Duration::ZERO;
    for (command, expected) in steps {
        let words = words(&command);
        match words[0].as_str() {
            _ if command.starts_with(START) => {
                demo.start();
                slow_machine = SLOW_MACHINE;
            }
            "kill" => demo.kill(),
            "mkdir" => fs::create_dir_all(demo.state.join(words[1].strip_prefix(FOLDER).unwrap())).unwrap(),
            "echo" => {
                assert_eq!(words[2..], [">", UNPLUGGED]);
                fs::write(demo.state.join("unplugged"), &words[1]).unwrap();
            }
            "rm" => {
                assert_eq!(words[1], UNPLUGGED);
                fs::remove_file(demo.state.join("unplugged")).unwrap();
            }
            "sleep" => {
                sleep(Duration::from_secs(words[1].parse().unwrap()));
                slow_machine = SLOW_MACHINE;
            }
            "redis-cli" => demo.expect(&command, &words[1..], &expected, &mut slow_machine),
            "openssl" => check(&command, &demo.run("openssl", &words[1..]), &expected),
            _ if words.starts_with(&RUN.map(str::to_owned)) => {
                check(&command, &demo.run(env!("CARGO_BIN_EXE_sockeye"), &words[RUN.len()..]), &expected);
            }
            _ => panic!("{command}"),
        }
    }
}

fn check(command: &str, printed: &str, expected: &[String]) {
    let lines: Vec<_> = printed.lines().filter(|line| !line.is_empty()).collect();
    assert!(matches(&lines, expected), "$ {command}\n{printed}\ninstead of\n{}", expected.join("\n"));
}

#[test]
fn dots_stand_for_any_lines() {
    let expected = ["a", ANY, "d"].map(str::to_owned);
    assert!(matches(&["a", "b", "c", "d"], &expected) && matches(&["a", "d"], &expected));
    assert!(!matches(&["a", "b"], &expected) && !matches(&["a", "d", "e"], &expected));
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words(r#"CONFIG SET a "b c" d """#), ["CONFIG", "SET", "a", "b c", "d", ""]);
}

/// A new name is that of the device's own network too, which takes it over at once.
#[test]
#[ignore = "needs redis-cli"]
fn a_new_name_leaves_the_own_network_on_the_air() {
    let mut demo = Demo::new("name", &["--air", "demo"]);
    demo.start();
    assert_eq!(demo.ask(&words("-p 3000 CONFIG SET device.name kitchen")), "OK\n");
    // Long enough for the network to go off the air, if the name took it off.
    sleep(Duration::from_secs(2));
    let start = Instant::now();
    loop {
        let status = demo.ask(&words("-p 3000 WIFI STATUS"));
        if status.contains("\"kitchen\"") {
            break;
        }
        assert!(start.elapsed() < SLOW_MACHINE, "{status}");
        sleep(ASK_AGAIN);
    }
}
