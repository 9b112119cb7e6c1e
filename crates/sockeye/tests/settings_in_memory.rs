//! A simulated device without a folder: what is configured is there until the program ends, also after RESTART.

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
