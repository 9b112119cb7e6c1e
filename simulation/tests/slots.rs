//! A device whose slots are all taken, on the production listener: what people in the field ran into, each as a test
//! named after it.

#[expect(dead_code, reason = "other tests use the rest")]
mod air;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "device/board.rs"]
mod board;

use std::cell::RefCell;
use std::rc::Rc;

use air::{PORT, SERVER, World};
use board::{Board, READINGS};
use embedded_io_async::Write;
use sockeye_device::{App, AppResources, ClientOrigin, History, INCOMPLETE, REFUSAL, Settings, Value};
use sockeye_endpoint::Endpoint;
use sockeye_endpoint::limits::TIMEOUTS;
use sockeye_server::Server;
use sockeye_server::limits::{HALF_REQUEST_KEEP_MS, IDLE_KEEP_MS, REQUEST_TIMEOUT_MS, SILENT_KEEP_MS, WATCH_TICK_MS};

/// Clients that are served at once: one less than the listener's connections.
const SLOTS: usize = 3;
/// A newcomer has been decided on after this time.
const DECIDED_MS: u64 = 100;

/// The longest that a time-out of `ms` takes.
const fn over(ms: u64) -> u64 {
    ms + 2 * WATCH_TICK_MS
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// A device and its clients' host.
struct Setting {
    world: World,
    app: &'static App<'static>,
    server: &'static Server<SLOTS>,
}

/// The bytes that a client has got, and its connection's state.
#[derive(Clone, Default)]
struct Got(Rc<RefCell<(Vec<u8>, &'static str)>>);

impl Got {
    #[track_caller]
    fn check(&self, text: &[u8], end: &str) {
        let got = self.0.borrow();
        assert_eq!((got.0.escape_ascii().to_string().as_str(), got.1), (text.escape_ascii().to_string().as_str(), end));
    }

    fn end(&self) -> &'static str {
        self.0.borrow().1
    }
}

/// A client's action once it has sent its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The client closes when the device does.
    Closes,
    /// The client never closes.
    Stays,
    /// The client closes its side at once.
    HalfCloses,
}

impl Setting {
    fn new() -> Self {
        let mut world = World::new(7);
        let acceptor = world.acceptor();
        let board: &'static Board = leak(Board::default());
        let app: &'static App<'static> = leak(
            App::new(
                board,
                leak(AppResources::new()),
                leak([const { History::new() }; READINGS.len()]),
                Settings::default(),
            )
            .unwrap(),
        );
        let endpoint = leak(Endpoint::new(app, board, &|_| ClientOrigin::Loopback));
        let server: &'static Server<SLOTS> = leak(Server::new(TIMEOUTS));
        for slot in 0..=SLOTS {
            let endpoint: &Endpoint<Board> = endpoint;
            world.spawn(async move { server.run_slot(slot, &acceptor, endpoint).await });
        }
        world.spawn(async move { server.watch().await });
        Self { world, app, server }
    }

    /// A client that connects now and sends `request`.
    fn connect(&mut self, request: &'static [u8], then: Then) -> Got {
        let got = Got::default();
        let (mut client, seen) = (self.world.client(), got.clone());
        self.world.spawn(async move {
            client.connect((SERVER, PORT)).await.unwrap();
            seen.0.borrow_mut().1 = "open";
            client.write_all(request).await.unwrap();
            client.flush().await.unwrap();
            if then == Then::HalfCloses {
                client.close();
            }
            let mut buf = [0; 256];
            let end = loop {
                match client.read(&mut buf).await {
                    Ok(0) => break "closed",
                    Ok(len) => seen.0.borrow_mut().0.extend_from_slice(&buf[..len]),
                    Err(_) => break "reset",
                }
            };
            seen.0.borrow_mut().1 = end;
            if then == Then::Stays {
                std::future::pending::<()>().await;
            }
            client.close();
            let _ = client.flush().await;
        });
        got
    }

    fn run(&mut self, ms: u64) {
        self.world.run(ms);
    }

    /// A client that asks for a PONG, after the server has decided on it.
    fn newcomer(&mut self) -> Got {
        let got = self.connect(b"PING\r\n", Then::Closes);
        self.run(DECIDED_MS);
        got
    }
}

#[test]
fn field_22_silent_connections_of_a_browser_make_way() {
    let mut setting = Setting::new();
    let silent = [(); SLOTS].map(|()| setting.connect(b"", Then::Closes));
    setting.run(SILENT_KEEP_MS - DECIDED_MS);
    setting.newcomer().check(REFUSAL, "closed");
    setting.run(over(0));
    let newcomers = [(); SLOTS].map(|()| setting.newcomer());
    newcomers.iter().for_each(|newcomer| newcomer.check(b"+PONG\r\n", "open"));
    silent.iter().for_each(|client| client.check(b"", "closed"));
    setting.newcomer().check(REFUSAL, "closed");
    assert_eq!(setting.server.stats().displaced, SLOTS as u32);
}

#[test]
fn field_22_silent_connections_that_never_close_make_way_as_quickly() {
    let mut setting = Setting::new();
    let _silent = [(); SLOTS].map(|()| setting.connect(b"", Then::Stays));
    setting.run(over(SILENT_KEEP_MS));
    for _ in 0..SLOTS {
        setting.newcomer().check(b"+PONG\r\n", "open");
    }
}

#[test]
fn field_22_half_requests_make_way_and_are_told_why() {
    let mut setting = Setting::new();
    let half: [Got; SLOTS] = [&b"GET lm3"[..], b"*2\r\n$3\r", b"P"].map(|half| setting.connect(half, Then::Closes));
    setting.run(HALF_REQUEST_KEEP_MS - DECIDED_MS);
    setting.newcomer().check(REFUSAL, "closed");
    setting.run(over(0));
    for _ in 0..SLOTS {
        setting.newcomer().check(b"+PONG\r\n", "open");
    }
    half.iter().for_each(|client| client.check(INCOMPLETE, "closed"));
}

#[test]
fn field_22_idle_connections_of_a_dashboards_pool_make_way_without_a_word() {
    let mut setting = Setting::new();
    let pool = [(); SLOTS].map(|()| setting.connect(b"PING\r\n", Then::Closes));
    setting.run(IDLE_KEEP_MS - DECIDED_MS);
    setting.newcomer().check(REFUSAL, "closed");
    setting.run(over(0));
    for _ in 0..SLOTS {
        setting.newcomer().check(b"+PONG\r\n", "open");
    }
    // A word would pass for the reply to the next request of the pool.
    pool.iter().for_each(|client| client.check(b"+PONG\r\n", "closed"));
}

#[test]
fn field_22_who_has_subscribed_blocks_or_monitors_is_never_displaced() {
    let mut setting = Setting::new();
    let stay: [Got; SLOTS] = [&b"SUBSCRIBE lm35\r\n"[..], b"XREAD BLOCK 0 STREAMS history:lm35 $\r\n", b"MONITOR\r\n"]
        .map(|request| setting.connect(request, Then::Closes));
    setting.run(100_000);
    setting.newcomer().check(REFUSAL, "closed");
    stay.iter().for_each(|client| assert_eq!(client.end(), "open"));
    assert_eq!(setting.server.stats().displaced, 0);
}

#[test]
fn field_23_sixteen_rejected_clients_that_never_close_hold_up_nobody() {
    let mut setting = Setting::new();
    for _ in 0..SLOTS {
        setting.connect(b"SUBSCRIBE lm35\r\n", Then::Closes);
    }
    setting.run(DECIDED_MS);
    let rejected = [(); 16].map(|()| setting.connect(b"PING\r\n", Then::Stays));
    setting.run(2_000);
    rejected.iter().for_each(|client| client.check(REFUSAL, "closed"));
    setting.newcomer().check(REFUSAL, "closed");
    assert_eq!(setting.server.stats().rejected, 17);
}

#[test]
fn field_21_a_request_without_a_line_end_is_told_why_it_is_closed() {
    let mut setting = Setting::new();
    let half = setting.connect(b"GET lm35", Then::Closes);
    setting.run(over(REQUEST_TIMEOUT_MS));
    half.check(INCOMPLETE, "closed");
    // The same where the client says that no more comes.
    for half in [&b"PING\r\nGET lm35"[..], b"PING\r\nG", b"PING\r\n*1\r\n$4\r\nPIN"] {
        let half = setting.connect(half, Then::HalfCloses);
        setting.run(DECIDED_MS);
        half.check(&[b"+PONG\r\n", INCOMPLETE].concat(), "closed");
    }
}

#[test]
fn field_18_a_half_close_ends_the_connection_when_all_replies_are_sent() {
    let mut setting = Setting::new();
    let one = setting.connect(b"GET lm35\r\nPING\r\n", Then::HalfCloses);
    setting.run(DECIDED_MS);
    one.check(b"$-1\r\n+PONG\r\n", "closed");
    let blocked = setting.connect(b"XREAD BLOCK 500 STREAMS history:lm35 $\r\nPING\r\n", Then::HalfCloses);
    setting.run(400);
    blocked.check(b"", "open");
    setting.run(200);
    blocked.check(b"*-1\r\n+PONG\r\n", "closed");
    // A client that has gone looks the same, so that nobody blocks for long in its name: its time is over at once.
    for longest in [
        &b"XREAD BLOCK 0 STREAMS history:lm35 $\r\nPING\r\n"[..],
        b"XREAD BLOCK 31000 STREAMS history:lm35 $\r\nPING\r\n",
    ] {
        let gone = setting.connect(longest, Then::HalfCloses);
        setting.run(DECIDED_MS);
        gone.check(b"*-1\r\n+PONG\r\n", "closed");
    }
    // Messages come while it waits.
    let request = b"HELLO 3\r\nSUBSCRIBE lm35\r\nXREAD BLOCK 20000 STREAMS history:uptime $\r\n";
    let subscriber = setting.connect(request, Then::HalfCloses);
    setting.run(DECIDED_MS);
    setting.app.sample(0, Value(235));
    setting.run(DECIDED_MS);
    let message = b">3\r\n$7\r\nmessage\r\n$4\r\nlm35\r\n$4\r\n23.5\r\n";
    assert!(subscriber.0.borrow().0.ends_with(message) && subscriber.end() == "open");
    // More replies than the listener's buffer holds at once.
    let request: &'static [u8] = leak(b"ECHO 0123456789abcdef0123456789abcdef\r\n".repeat(60)).as_slice();
    let many = setting.connect(request, Then::HalfCloses);
    setting.run(1_000);
    many.check(&b"$32\r\n0123456789abcdef0123456789abcdef\r\n".repeat(60), "closed");
}

#[test]
fn field_19_any_app_for_telnet_works() {
    let mut setting = Setting::new();
    let putty = b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03PING\r\n";
    let clients = [&putty[..], b"PING\r\n\xff\xf4\xff\xfd\x06PING\r\n", b"PING\r\0PING\r\0"];
    for (request, pongs) in clients.into_iter().zip([1, 2, 2]) {
        let client = setting.connect(request, Then::Closes);
        setting.run(DECIDED_MS);
        client.check(&b"+PONG\r\n".repeat(pongs), "open");
    }
}

#[test]
fn field_19_a_terminal_that_negotiates_has_time_to_type() {
    let mut setting = Setting::new();
    let terminals = [(); SLOTS].map(|()| setting.connect(b"\xff\xfb\x1f\xff\xfd\x03", Then::Closes));
    setting.run(over(REQUEST_TIMEOUT_MS));
    terminals.iter().for_each(|terminal| terminal.check(b"", "open"));
}
