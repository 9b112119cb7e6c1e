//! The simulated device as a program. Settings of a device without a folder last until the program ends, also over RESTART.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use common::free_port;

/// How often a request is tried, on a machine that is as slow as any.
const TRIES: usize = 300;
const PAUSE: Duration = Duration::from_millis(200);

struct Device {
    address: String,
    program: Child,
}

impl Device {
    fn start(options: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg("sim").args(options).args(["--listen", &address]).stdout(Stdio::null());
        Self { program: command.spawn().unwrap(), address }
    }

    /// The reply to a request; None if the device isn't there.
    fn try_to_ask(&self, request: &str) -> Option<String> {
        let mut connection = TcpStream::connect(&self.address).ok()?;
        connection.write_all(format!("{request}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut reply = String::new();
        // A device that restarts reads no QUIT.
        let _ = connection.read_to_string(&mut reply);
        (!reply.is_empty()).then_some(reply)
    }

    /// Asks until the reply is one that is waited for.
    fn wait(&self, request: &str, is_it: impl Fn(&str) -> bool) -> String {
        let mut reply = None;
        for _ in 0..TRIES {
            reply = self.try_to_ask(request);
            if let Some(reply) = reply.take_if(|reply| is_it(reply)) {
                return reply;
            }
            sleep(PAUSE);
        }
        panic!("{request}: {reply:?}");
    }

    /// Asks until the reply begins like this.
    fn expect(&self, request: &str, expected: &str) {
        self.wait(request, |reply| reply.starts_with(expected));
    }

    /// Restarts the device, and waits until it has booted. Each boot has another run_id.
    fn restart(&self) {
        let run_id = |info: &str| info.lines().find(|line| line.starts_with("run_id:")).map(str::to_owned);
        let before = run_id(&self.wait("INFO server", |info| run_id(info).is_some()));
        self.expect("RESTART", "+OK\r\n");
        self.wait("INFO server", |info| run_id(info).is_some_and(|after| Some(after) != before));
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn a_device_without_a_folder_keeps_its_settings_until_the_program_ends() {
    for options in [&[][..], &["--day"]] {
        let device = Device::start(options);
        let rule = "when lm35 > -40 set led 1";
        device.expect(&format!("CONFIG SET rule.light \"{rule}\" device.name barn"), "+OK\r\n");
        device.expect("GET led", "$1\r\n1\r\n");
        device.restart();
        device
            .expect("CONFIG GET device.name rule.*", "*4\r\n$11\r\ndevice.name\r\n$4\r\nbarn\r\n$10\r\nrule.light\r\n");
        device.expect("GET led", "$1\r\n1\r\n");
        device.expect("CONFIG FACTORYRESET", "+OK\r\n");
        device.expect("CONFIG GET rule.*", "*0\r\n");
    }
}

#[test]
fn the_port_is_the_one_at_which_the_device_is_reached() {
    let device = Device::start(&[]);
    let (_, port) = device.address.rsplit_once(':').unwrap();
    device.expect("CONFIG GET port", &format!("*2\r\n$4\r\nport\r\n${}\r\n{port}\r\n", port.len()));
    device.wait("INFO server", |info| info.contains(&format!("tcp_port:{port}\r\n")));
    let mut connection = TcpStream::connect(&device.address).unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: device\r\n\r\n").unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    assert!(page.contains(&format!("redis-cli -h 127.0.0.1 -p {port}</pre>")), "{page}");
}

/// A day has 86,400 samples of each reading. None of them was ever to be pushed.
#[test]
fn a_day_that_was_is_not_pushed() {
    let device = Device::start(&["--day", "--push-to", "127.0.0.1:9"]);
    device.wait("INFO device", |info| info.contains("push_to:127.0.0.1:9\r\n") && info.contains(",dropped=0,"));
}

/// The LM35 is the first of what is wired only until something else is wired.
#[test]
fn a_day_of_the_lm35_is_there_while_the_lm35_is_wired_so() {
    let folder = std::env::temp_dir().join(format!("sockeye-day-{}", std::process::id()));
    // A run that was killed may have left it, and process numbers come again.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let state = ["--state", folder.to_str().unwrap()];
    let count = |reply: &str| reply.strip_prefix('*').and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
    {
        let device = Device::start(&state);
        device.expect("CONFIG SET wiring.lm35 \"\" wiring.attic \"ds18b20 pin=3\"", "+OK\r\n");
    }
    {
        let device = Device::start(&[&state[..], &["--day"]].concat());
        device.wait("TS.RANGE uptime - +", |reply| count(reply).is_some_and(|count| count > 100));
        let attic = device.wait("TS.RANGE attic - +", |_| true);
        assert!(count(&attic).unwrap() < 100, "a day of another sensor's values: {attic}");
        device.expect("CONFIG SET wiring.lm35 \"lm35 pin=0\"", "+OK\r\n");
    }
    let device = Device::start(&[&state[..], &["--day"]].concat());
    device.wait("TS.RANGE lm35 - +", |reply| count(reply).is_some_and(|count| count > 100));
    drop(device);
    std::fs::remove_dir_all(folder).unwrap();
}
