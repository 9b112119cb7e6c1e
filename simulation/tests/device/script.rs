//! Scripts: what clients send, what happens meanwhile, and what comes back.
//!
//! | line | means |
//! |---|---|
//! | `ap: GET lm35` | the client `ap` sends this and CR LF; it connects with its first line |
//! | `ap\ *1\r\n` | the client sends just this, with escapes |
//! | `ap= $4|23.5|` | this has come back since, with `|` for CR LF and `/` for LF, and nothing else |
//! | `ap$ $4|23.5|` | the same, and the device has closed |
//! | `ap~ text` | what has come back since has this in it |
//! | `ap? text` | what has come back since doesn't have this in it; it stays |
//! | `ap!` | the client has gone |
//! | `@reset ap` | the client has reset its connection; its next line is another's |
//! | `@sample 0 235` | reading 0 has a new value |
//! | `@each 60 1000 230 7` | 60 times a second later reading 0 has a new value: 230 and 0 to 6 more, in turn |
//! | `@clock 5000` | it is 5000 ms after the start of 1970; from now on that time passes |
//! | `@log warning text` | the device prints this line at this level |
//! | `@lose 0` | reading 0 has lost its value |
//! | `@flash 50` | from now on the flash takes so many milliseconds to store settings |
//! | `@wait 50` | so many milliseconds pass |
//! | `@rules` | the device looks at its rules from now on, between samples too |
//! | `@radio` | the device has Wi-Fi from now on |
//! | `@wifi joined` | the radio tells this |
//! | `@told join home, ..` | the radio has been told this since, and nothing else |
//! | `# ..` | nothing |
//!
//! The start of a client's name is its network. `ap` is the access point, `lo` the same machine, and `sta` the network
//! that the device has joined. `same` is such a network with the access point's addresses. The digits at the end of its name end its address as well. Bytes that come back and
//! aren't expected fail the test.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use embassy_time::Duration;
use sockeye_device::{
    App, AppResources, ClientAddress, ClientOrigin, LogLevel, LogRing, Settings, Store, Value, serve,
};
use sockeye_simulation::clock;

use crate::board::Board;
use crate::radio::Script;
use crate::wire::Wire;

/// How finely time passes where what is wired runs, milliseconds.
const STEP_MS: i64 = 10;

/// Runs a script on a device as it comes out of the box.
pub fn check(script: &str) {
    let board = Board::default();
    check_on(&board, script);
}

/// Runs a script on this board.
pub fn check_on(board: &Board, script: &str) {
    let (mut histories, mut days) = (board.histories(), board.days());
    let settings: Settings = board.stored.borrow().clone();
    let mut resources = AppResources::new();
    let app = App::new(board, &mut resources, &mut histories, settings).unwrap().with_days(&mut days);
    let mut device = Device::new(board, &app);
    device.script(script);
    device.place = "end".into();
    device.nothing_is_left();
}

type Serving<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

struct Connection<'a> {
    wire: Wire,
    serving: Option<Serving<'a>>,
}

/// A device and the clients of a script.
pub struct Device<'a, S = Board> {
    board: &'a Board,
    store: &'a S,
    app: &'a App<'a>,
    /// The log, where the device has one.
    pub log: Option<&'a LogRing<'a>>,
    clients: BTreeMap<String, Connection<'a>>,
    place: String,
    pub radio: Script,
    wifi: Option<Serving<'a>>,
    wiring: Option<Serving<'a>>,
    rules: Option<Serving<'a>>,
    update: Option<Serving<'a>>,
    /// A client whose output was looked at, and may stay.
    unread: Option<String>,
}

impl<'a> Device<'a> {
    pub fn new(board: &'a Board, app: &'a App<'a>) -> Self {
        Self::with_store(board, app, board)
    }
}

impl<'a, S: Store> Device<'a, S> {
    /// The same, with its settings elsewhere.
    pub fn with_store(board: &'a Board, app: &'a App<'a>, store: &'a S) -> Self {
        Self {
            board,
            app,
            store,
            log: None,
            clients: BTreeMap::new(),
            place: String::new(),
            radio: Script::default(),
            wifi: None,
            wiring: None,
            rules: None,
            update: None,
            unread: None,
        }
    }

    /// Runs the lines of a script.
    pub fn script(&mut self, script: &str) {
        for (number, line) in script.lines().enumerate() {
            self.place = format!("line {}: {}", number + 1, line.trim());
            self.line(line.trim());
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if let Some(event) = line.strip_prefix('@') {
            self.event(event);
            return;
        }
        let end = line.find([':', '\\', '=', '$', '~', '?', '!']).unwrap_or_else(|| panic!("{}", self.place));
        let (name, rest) = line.split_at(end);
        let (kind, rest) = rest.split_at(1);
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match kind {
            ":" => self.send(name, format!("{rest}\r\n").as_bytes()),
            "\\" => self.send(name, &unescape(rest)),
            "!" => {
                self.wire(name).0.borrow_mut().is_ended = true;
                self.run();
            }
            "?" => {
                let output = text(&self.wire(name).0.borrow().output);
                assert!(!output.is_empty() && !output.contains(rest), "{}\n{output}", self.place);
                self.unread = Some(name.to_owned());
            }
            "~" => {
                let output = self.output(name);
                assert!(output.contains(rest), "{}\n{output}", self.place);
            }
            _ => {
                assert_eq!(self.output(name), rest, "{}", self.place);
                let is_closed = self.clients[name].serving.is_none();
                assert_eq!(is_closed, kind == "$", "{}: closed", self.place);
            }
        }
    }

    /// Something happens, as in a line of a script after its `@`.
    pub fn event(&mut self, event: &str) {
        let words: Vec<_> = event.split(' ').collect();
        let number = |index: usize| words[index].parse::<i64>().unwrap();
        match words[0] {
            "sample" => self.app.sample(number(1) as usize, Value(number(2) as i32)),
            "clock" => self.board.unix_us.set(Some(number(1) as u64 * 1_000)),
            "each" => (0..number(1)).for_each(|count| {
                self.wait(number(2) as u64);
                self.app.sample(0, Value((number(3) + count % number(4)) as i32));
            }),
            "log" => {
                let level = match words[1] {
                    "warning" => LogLevel::Warning,
                    "notice" => LogLevel::Notice,
                    _ => panic!("{}", self.place),
                };
                let log = self.log.expect("the device has a log");
                log.append(level, &words[2..].join(" "), self.board.uptime_us.get());
            }
            "lose" => self.app.clear_reading(number(1) as usize),
            "flash" => self.board.save_ms.set(number(1) as u64),
            "wait" => self.wait(number(1) as u64),
            "radio" => {
                if words.get(1) == Some(&"restarts") {
                    self.radio.restart_ap();
                }
                self.start_radio();
            }
            "bench" => self.start_bench(),
            "rules" => self.start_rules(),
            "run" => (0..number(1) / STEP_MS).for_each(|_| self.wait(STEP_MS as u64)),
            "reset" => self.forget(words[1]),
            "wifi" => self.radio.tell(&words[1..]),
            "told" => assert_eq!(self.radio.actions(), event[4..].trim(), "{}", self.place),
            _ => panic!("{}", self.place),
        }
        self.run();
    }

    pub fn wait(&mut self, ms: u64) {
        self.board.uptime_us.set(self.board.uptime_us.get() + ms * 1_000);
        self.board.unix_us.set(self.board.unix_us.get().map(|us| us + ms * 1_000));
        clock::advance(Duration::from_millis(ms));
        self.run();
    }

    fn start_radio(&mut self) {
        let (app, mut radio) = (self.app, self.radio.clone());
        self.wifi = Some(Box::pin(async move { sockeye_wifi::run(app, &mut radio).await }));
    }

    /// Has this run beside the clients: the task that owns the flash of an update.
    pub fn start_update(&mut self, task: impl Future<Output = ()> + 'a) {
        self.update = Some(Box::pin(task));
        self.run();
    }

    fn start_rules(&mut self) {
        let app = self.app;
        self.rules = Some(Box::pin(async move { app.keep_rules().await }));
    }

    fn start_bench(&mut self) {
        let (app, board) = (self.app, self.board);
        self.wiring = Some(Box::pin(async move { sockeye_wiring::run::run(&board.bench, app).await }));
    }

    /// Sends bytes; what came back before must have been looked at.
    pub fn send(&mut self, name: &str, bytes: &[u8]) {
        let left = self.clients.get(name).map(|client| text(&client.wire.0.borrow().output));
        assert_eq!(left.unwrap_or_default(), "", "{}: came before", self.place);
        let wire = self.wire(name);
        wire.0.borrow_mut().input.extend(bytes);
        self.run();
    }

    /// The client's connection, which is opened if there is none.
    pub fn wire(&mut self, name: &str) -> Wire {
        let (store, app) = (self.store, self.app);
        let open = || {
            let wire = Wire::default();
            let address = address(name);
            let mut end = wire.clone();
            let serving = Box::pin(async move {
                let Ok(()) = serve(&mut end, app, store, address).await;
            });
            Connection { wire, serving: Some(serving) }
        };
        self.clients.entry(name.to_owned()).or_insert_with(open).wire.clone()
    }

    /// Runs all connections until none has anything to do.
    pub fn run(&mut self) {
        loop {
            let before = self.work();
            for task in self.wifi.iter_mut().chain(&mut self.wiring).chain(&mut self.rules).chain(&mut self.update) {
                let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            for client in self.clients.values_mut() {
                if let Some(serving) = &mut client.serving {
                    let is_done = serving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
                    if is_done {
                        client.serving = None;
                    }
                }
            }
            if self.work() == before && !self.radio.has_events() {
                return;
            }
        }
    }

    /// Changes whenever a connection gets something done.
    fn work(&self) -> [usize; 4] {
        let pipes = || self.clients.values().map(|client| client.wire.0.borrow());
        let input = pipes().map(|pipe| pipe.input.len()).sum();
        let received = pipes().map(|pipe| pipe.received.len()).sum();
        let output = pipes().map(|pipe| pipe.output.len()).sum();
        [input, received, output, self.clients.values().filter(|client| client.serving.is_some()).count()]
    }

    /// Whether the device serves this client; false as well if there is none.
    pub fn is_served(&self, name: &str) -> bool {
        self.clients.get(name).is_some_and(|client| client.serving.is_some())
    }

    /// Ends a client's connection, so that the next of this name is another.
    pub fn forget(&mut self, name: &str) {
        self.clients.remove(name);
    }

    /// Takes the bytes that have come back.
    pub fn bytes(&mut self, name: &str) -> Vec<u8> {
        std::mem::take(&mut self.wire(name).0.borrow_mut().output)
    }

    fn output(&mut self, name: &str) -> String {
        text(&self.bytes(name))
    }

    fn nothing_is_left(&mut self) {
        let names: Vec<_> = self.clients.keys().cloned().collect();
        for name in names {
            let output = self.output(&name);
            assert!(output.is_empty() || self.unread.as_ref() == Some(&name), "{name}: came at the end: {output}");
        }
    }
}

impl<S> Drop for Device<'_, S> {
    fn drop(&mut self) {
        // Connections that are still served are dropped as a server drops them.
        self.clients.clear();
    }
}

fn address(name: &str) -> ClientAddress {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let last = name[kind.len()..].parse().unwrap_or(2);
    let (peer, local, origin) = match kind {
        "ap" => ([192, 168, 1, last], [192, 168, 1, 1], ClientOrigin::AccessPoint),
        "lo" => ([127, 0, 0, last], [127, 0, 0, 1], ClientOrigin::Loopback),
        "same" => ([192, 168, 1, last], [192, 168, 1, 77], ClientOrigin::Station),
        "sta" => ([10, 0, 0, last], [10, 0, 0, 200], ClientOrigin::Station),
        _ => panic!("no origin for {name}"),
    };
    ClientAddress { peer: (peer, 5000).into(), local: local.into(), origin }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "|").replace('\n', "/")
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('r') => bytes.push(b'\r'),
                Some('n') => bytes.push(b'\n'),
                Some('0') => bytes.push(0),
                other => panic!("no escape {other:?}"),
            },
            _ => bytes.extend(c.to_string().into_bytes()),
        }
    }
    bytes
}
