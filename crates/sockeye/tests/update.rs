//! Updates of the simulated device by the program's sender: over TCP, through restarts, and what fails on the way.

mod common;

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use common::free_port;
use sockeye_firmware_image::{OwnerKey, Recipe, SignedImage};
use sockeye_firmware_update::update_error::SIMULATOR_CHIP_ID;

/// How long the device may take to boot.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);

/// A simulated device, and a folder for all that belongs to it.
struct Bench {
    folder: PathBuf,
    address: String,
    sim: Option<Child>,
}

impl Bench {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sockeye-update-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut bench = Self { folder, address, sim: None };
        OwnerKey::open_or_make(&bench.path("key.pem")).unwrap();
        bench.switch_on();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn switch_on(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.args(["sim", "--listen", &self.address, "--state"]).arg(self.path("state"));
        command.arg("--update-key").arg(self.path("key.pem"));
        self.sim = Some(command.stdout(Stdio::null()).spawn().unwrap());
        self.wait_for_device();
    }

    fn cut_power(&mut self) {
        if let Some(mut sim) = self.sim.take() {
            sim.kill().unwrap();
            sim.wait().unwrap();
        }
    }

    fn wait_for_device(&self) {
        let start = Instant::now();
        while TcpStream::connect(&self.address).is_err() {
            assert!(start.elapsed() < BOOT_TIMEOUT);
            sleep(Duration::from_millis(50));
        }
    }

    /// The reply to one line, as text.
    fn ask(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        reply
    }

    fn image(&self, version: &str, payload: usize) -> PathBuf {
        let file = self.path(&format!("{version}.bin"));
        let mut command = self.program("image");
        command.arg(version).arg(&file).arg("--key").arg(self.path("key.pem"));
        assert!(command.args(["--payload", &payload.to_string()]).status().unwrap().success());
        file
    }

    fn program(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg(verb).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sender(&self, image: &Path) -> Command {
        let mut command = self.program("update");
        command.arg(&self.address).arg(image);
        command
    }

    fn update(&self, image: &Path) -> Output {
        self.sender(image).output().unwrap()
    }

    /// The sender's output about an image that does not become the firmware.
    fn failure(&self, image: &Path) -> String {
        let output = self.update(image);
        assert!(!output.status.success());
        text(&output.stderr)
    }

    fn check_runs(&self, version: &str, state: &str) {
        let status = self.ask("FIRMWARE STATUS");
        let is_so = [version, state].iter().all(|word| status.contains(&format!("\r\n{word}\r\n")));
        assert!(is_so, "{version}, {state}: {status}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.cut_power();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The harm that is done to one request.
#[derive(Clone, Copy)]
enum Harm {
    /// The connection is cut, and the request is lost.
    CutBefore,
    /// The connection is cut once the device has the request.
    CutAfter,
    /// The request is lost, and answered with this.
    Answer(&'static str),
    /// The request and all after it wait until the client goes.
    Hold,
}

/// Starts a proxy to the device, and returns its address. The requests that have this word in them meet with these
/// harms, one after the other. None does none, and after the last none is done.
fn proxy(bench: &Bench, word: &'static str, harms: Vec<Option<Harm>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (proxy, device) = (listener.local_addr().unwrap().to_string(), bench.address.clone());
    let harms = Arc::new(Mutex::new(VecDeque::from(harms)));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A device that restarts takes no connection.
            let Ok(device) = TcpStream::connect(&device) else { continue };
            let harms = harms.clone();
            thread::spawn(move || pass(client, device, word, &harms));
        }
    });
    proxy
}

/// Passes requests on, each of which comes in one piece, and replies.
fn pass(mut client: TcpStream, mut device: TcpStream, word: &str, harms: &Mutex<VecDeque<Option<Harm>>>) {
    let (mut to_client, mut from_device) = (client.try_clone().unwrap(), device.try_clone().unwrap());
    thread::spawn(move || {
        let _ = (std::io::copy(&mut from_device, &mut to_client), to_client.shutdown(Shutdown::Both));
    });
    let mut request = [0; 1024];
    while let Ok(len @ 1..) = client.read(&mut request) {
        let request = &request[..len];
        let is_met = request.windows(word.len()).any(|part| part == word.as_bytes());
        match is_met.then(|| harms.lock().unwrap().pop_front().flatten()).flatten() {
            None if device.write_all(request).is_ok() => {}
            None | Some(Harm::CutBefore) => break,
            Some(Harm::Hold) => while let Ok(1..) = client.read(&mut [0; 1024]) {},
            Some(Harm::CutAfter) => {
                let _ = client.shutdown(Shutdown::Write);
                let _ = device.write_all(request);
                // Until it has done what was asked.
                sleep(Duration::from_secs(1));
                break;
            }
            Some(Harm::Answer(reply)) => {
                let _ = client.write_all(reply.as_bytes());
                break;
            }
        }
    }
    let _ = (client.shutdown(Shutdown::Both), device.shutdown(Shutdown::Both));
}

/// Whatever becomes of the requests between the last byte of the image and its confirmation, the sender goes on, and says
/// how it went.
#[test]
fn a_request_that_is_lost_or_finds_the_device_busy_is_made_again() {
    const FULL: Harm = Harm::Answer("-ERR max number of clients reached\r\n");
    const BUSY: Harm = Harm::Answer("-ERR the flash is at work for another client, try again\r\n");
    const HALF: Harm = Harm::Answer("-ERR Protocol error: incomplete request, its last line end is missing\r\n");
    const RESTARTING: Harm = Harm::Answer("-ERR the device is about to restart\r\n");
    const SPARED: Harm = Harm::Answer("-ERR too many attempts in a row wear out the flash, try again in 1 s\r\n");
    let cases = [
        ("WRITE", vec![Some(HALF), Some(Harm::CutBefore)]),
        ("BEGIN", vec![Some(SPARED), Some(BUSY), Some(RESTARTING)]),
        ("TRY", vec![Some(SPARED)]),
        ("TRY", vec![Some(Harm::CutBefore), Some(BUSY)]),
        ("TRY", vec![Some(Harm::CutAfter)]),
        // The first is asked before anything is sent.
        ("STATUS", vec![None, Some(FULL), Some(Harm::CutBefore)]),
        ("CONFIRM", vec![Some(Harm::CutBefore), Some(BUSY)]),
        ("CONFIRM", vec![Some(Harm::CutAfter)]),
    ];
    let bench = Bench::new("again");
    for (number, (word, harms)) in cases.into_iter().enumerate() {
        let version = format!("0.{}.0", number + 2);
        let image = bench.image(&version, 4_000);
        let output = bench.program("update").arg(proxy(&bench, word, harms)).arg(image).output().unwrap();
        assert!(output.status.success(), "{number}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("runs {version}, and keeps it")), "{number}");
        bench.check_runs(&version, "idle");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn two_updates_one_after_the_other_are_kept() {
    let bench = Bench::new("two");
    for version in ["0.2.0", "0.3.0"] {
        let output = bench.update(&bench.image(version, 20_000));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("runs {version}, and keeps it")));
        bench.check_runs(version, "idle");
        // Settings were not stored during the trial, and are from now on.
        assert_eq!(bench.ask(&format!("CONFIG SET device.name kitchen-{}", &version[2..3])), "+OK\r\n+OK\r\n");
    }
}

#[test]
fn an_update_goes_on_after_the_sender_and_the_device_were_gone() {
    let mut bench = Bench::new("resumed");
    let image = bench.image("0.2.0", 150_000);
    for cut in ["sender", "power"] {
        // The rest waits, however late the sender is killed. Two requests may come at once.
        let held = [vec![None; 80], vec![Some(Harm::Hold); 1_000]].concat();
        let mut sender = bench.program("update");
        let mut sender = sender.arg(proxy(&bench, "WRITE", held)).arg(&image).spawn().unwrap();
        // A line for each tenth.
        let mut lines = BufReader::new(sender.stderr.take().unwrap()).lines();
        lines.by_ref().map(Result::unwrap).find(|line| line.contains("0% of")).expect(cut);
        sender.kill().unwrap();
        sender.wait().unwrap();
        if cut == "power" {
            bench.cut_power();
            bench.switch_on();
        }
    }
    let output = bench.update(&image);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("going on at byte"), "{}", text(&output.stderr));
    bench.check_runs("0.2.0", "idle");
}

#[test]
fn a_trial_that_loses_its_power_is_left() {
    let mut bench = Bench::new("left");
    assert!(bench.update(&bench.image("0.2.0", 20_000)).status.success());
    // A sender that tries the image, and never confirms it.
    let mut sender = bench.program("update");
    sender.arg(proxy(&bench, "CONFIRM", vec![Some(Harm::CutBefore); 1_000])).arg(bench.image("0.3.0", 20_000));
    let mut sender = sender.spawn().unwrap();
    let mut lines = BufReader::new(sender.stdout.take().unwrap()).lines();
    lines.by_ref().map(Result::unwrap).find(|line| line.contains("restarts into")).unwrap();
    sender.kill().unwrap();
    sender.wait().unwrap();
    let start = Instant::now();
    while !bench.ask("FIRMWARE STATUS").contains("trial") {
        assert!(start.elapsed() < BOOT_TIMEOUT);
        sleep(Duration::from_millis(100));
    }
    bench.check_runs("0.3.0", "trial");
    assert!(bench.failure(&bench.path("0.3.0.bin")).contains("runs 0.3.0 on trial"));
    bench.cut_power();
    bench.switch_on();
    bench.check_runs("0.2.0", "its trial ended without FIRMWARE CONFIRM");
    // The image is still there: it is tried again without being sent.
    let output = bench.update(&bench.path("0.3.0.bin"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    bench.check_runs("0.3.0", "idle");
}

#[test]
fn each_way_to_fail_has_a_sentence() {
    let mut bench = Bench::new("failures");
    let image = bench.image("0.2.0", 20_000);

    let (stranger, _) = OwnerKey::open_or_make(&bench.path("stranger.pem")).unwrap();
    let bytes = fs::read(&image).unwrap();
    SignedImage::sign(bytes.clone(), &stranger).unwrap().write(&bench.path("strange.bin")).unwrap();
    assert!(bench.failure(&bench.path("strange.bin")).contains("the signature is not by the key"));

    let key = OwnerKey::open(&bench.path("key.pem")).unwrap();
    let recipe = Recipe { chip_id: 5, project: "sockeye-device", version: "0.2.0", entry: 0, segments: &[] };
    SignedImage::sign(recipe.build().unwrap(), &key).unwrap().write(&bench.path("c3.bin")).unwrap();
    assert!(bench.failure(&bench.path("c3.bin")).contains("the image is for another chip, esp32c3"));

    let hello = Recipe { chip_id: SIMULATOR_CHIP_ID, project: "hello", ..recipe };
    SignedImage::sign(hello.build().unwrap(), &key).unwrap().write(&bench.path("hello.bin")).unwrap();
    assert!(bench.failure(&bench.path("hello.bin")).contains("the image is of another program"));

    // The status of files that can't be used is another than that of an image that is refused.
    assert_eq!(bench.update(&bench.path("hello.bin")).status.code(), Some(1));
    fs::write(bench.path("unsigned.bin"), &bytes).unwrap();
    assert_eq!(bench.update(&bench.path("unsigned.bin")).status.code(), Some(2));
    assert!(bench.failure(&bench.path("unsigned.bin")).contains("there is no signature"));
    SignedImage::sign(vec![0xff; 4_096], &key).unwrap().write(&bench.path("merged.bin")).unwrap();
    assert!(bench.failure(&bench.path("merged.bin")).contains("no application image"));
    // Half an image, one with a changed byte, and one with more bytes behind it have the signature of the whole one.
    let mut changed = bytes.clone();
    changed[9_000] ^= 1;
    for damaged in [&bytes[..bytes.len() / 2], &changed, &[&bytes[..], &[0; 16]].concat()] {
        fs::write(bench.path("damaged.bin"), damaged).unwrap();
        fs::copy(bench.path("0.2.0.bin.sig"), bench.path("damaged.bin.sig")).unwrap();
        assert!(bench.failure(&bench.path("damaged.bin")).contains("damaged.bin is cut off or damaged"));
        assert_eq!(bench.update(&bench.path("damaged.bin")).status.code(), Some(2));
    }
    let segments = [(0, vec![0; 2_100_000])];
    let too_large = Recipe { chip_id: SIMULATOR_CHIP_ID, segments: &segments, ..recipe };
    SignedImage::sign(too_large.build().unwrap(), &key).unwrap().write(&bench.path("large.bin")).unwrap();
    assert!(bench.failure(&bench.path("large.bin")).contains("an image has 112 to 2027520 bytes, a multiple of 16"));

    bench.ask("CONFIG SET auth.token correct-horse");
    assert!(bench.failure(&image).contains("NOAUTH"));
    let wrong = bench.sender(&image).args(["--token", "wrong-horse"]).output().unwrap();
    assert!(text(&wrong.stderr).contains("WRONGPASS"), "{}", text(&wrong.stderr));
    let right = bench.sender(&image).args(["--token", "correct-horse"]).output().unwrap();
    assert!(right.status.success(), "{}", text(&right.stderr));

    bench.cut_power();
    assert!(bench.failure(&image).contains("can't reach"));
}

/// A sender that was stopped by Ctrl-Z takes the reply that comes when it goes on.
#[test]
fn a_sender_that_is_stopped_goes_on_with_its_connection() {
    let bench = Bench::new("stopped");
    let image = bench.image("0.2.0", 20_000);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sender = bench.program("update").arg(address).arg(image).spawn().unwrap();
    let (mut device, _) = listener.accept().unwrap();
    assert!(device.read(&mut [0; 100]).unwrap() > 0, "it asks for the status");
    for (signal, state) in [("CONT", 'S'), ("STOP", 'T'), ("CONT", 'S')] {
        let command = format!("kill -s {signal} {}", sender.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        // The state follows the program's name (proc(5)).
        while !fs::read_to_string(format!("/proc/{}/stat", sender.id())).unwrap().contains(&format!(") {state} ")) {
            sleep(Duration::from_millis(1));
        }
    }
    device.write_all(b"-ERR not today\r\n").unwrap();
    let error = text(&sender.wait_with_output().unwrap().stderr);
    assert!(error.contains("takes no update: not today"), "{error}");
}

/// As `nc -N` does it.
#[test]
fn a_client_that_closes_its_side_gets_the_reply_of_the_flash() {
    let bench = Bench::new("half-closed");
    let mut stream = TcpStream::connect(&bench.address).unwrap();
    stream.write_all(b"FIRMWARE ABORT\r\nFIRMWARE TRY\r\nPING\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    let refused = "-ERR no update was begun: FIRMWARE BEGIN comes first\r\n";
    assert_eq!(replies, format!("{refused}{refused}+PONG\r\n"));
}

/// Starts what passes for a device, and returns its address. Each request is answered with the first of these replies
/// whose word the request has in it. A reply is given once if another of the same word follows.
fn impostor(replies: &'static [(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let replies = Arc::new(Mutex::new(replies.to_vec()));
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let replies = replies.clone();
            thread::spawn(move || {
                let mut request = [0; 2_048];
                while let Ok(len @ 1..) = client.read(&mut request) {
                    let request = String::from_utf8_lossy(&request[..len]).into_owned();
                    let reply = reply_to(&request, &mut replies.lock().unwrap());
                    let _ = client.write_all(reply.as_bytes());
                }
            });
        }
    });
    address
}

/// The reply of a device in this state.
macro_rules! status {
    ($state:literal) => {
        (
            "STATUS",
            concat!(
                "*6\r\n$7\r\nversion\r\n$5\r\n0.1.0\r\n$4\r\nslot\r\n$5\r\nota_0\r\n$5\r\nstate\r\n+",
                $state,
                "\r\n"
            ),
        )
    };
}

const STATUS: (&str, &str) = status!("idle");

/// The trial of another client's image begins after a TRY that was refused. The sender neither confirms that image nor
/// says that its own is kept.
#[test]
fn an_image_that_another_client_tries_is_not_confirmed() {
    let bench = Bench::new("another");
    let image = bench.image("0.2.0", 4_000);
    const RECEIVED: (&str, &str) = ("BEGIN", ":4336\r\n");
    const BUSY: (&str, &str) = ("TRY", "-ERR the flash is at work for another client, try again\r\n");
    const REFUSED: (&str, &str) = ("TRY", "-ERR this firmware is on trial: FIRMWARE CONFIRM comes first\r\n");
    let device = impostor(&[STATUS, status!("trial"), RECEIVED, BUSY, REFUSED, ("CONFIRM", "+OK\r\n")]);
    let output = bench.program("update").arg(device).arg(&image).output().unwrap();
    let error = text(&output.stderr);
    assert!(error.contains("does not boot the image: this firmware is on trial"), "{error}{}", text(&output.stdout));
}

fn reply_to<'r>(request: &str, replies: &mut Vec<(&str, &'r str)>) -> &'r str {
    let Some(at) = replies.iter().position(|(word, _)| request.contains(word)) else {
        return "-ERR unknown command\r\n";
    };
    let (word, reply) = replies[at];
    if replies[at + 1..].iter().any(|(later, _)| *later == word) {
        replies.remove(at);
    }
    reply
}

#[test]
fn a_device_that_lies_gets_a_sentence() {
    let bench = Bench::new("lies");
    let image = bench.image("0.2.0", 4_000);
    let not_understood = "it sent a reply that this program does not understand";
    let cases: [(&'static [(&str, &str)], &str); 6] = [
        (&[STATUS, ("BEGIN", ":5000000\r\n")], not_understood),
        (&[STATUS, ("BEGIN", ":-1\r\n")], not_understood),
        (&[STATUS, ("BEGIN", ":9223372036854775807\r\n")], not_understood),
        (&[STATUS, ("BEGIN", ":0\r\n"), ("WRITE", ":1\r\n")], not_understood),
        (&[STATUS, ("BEGIN", "-ERR \x1b[2Jno\r\n")], "refuses the image: ?[2Jno"),
        (&[("STATUS", "*1\r\n*1\r\n:1\r\n"), ("BEGIN", "-ERR no\r\n")], "refuses the image: no"),
    ];
    for (replies, sentence) in cases {
        let output = bench.program("update").arg(impostor(replies)).arg(&image).output().unwrap();
        let error = text(&output.stderr);
        assert!(error.contains(sentence) && output.status.code() == Some(1), "{sentence}: {error}");
    }
}
