//! Peers that are in trouble, full, silent, or that mean harm.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Waker};

use embassy_time::{Duration, Instant};
use sockeye_device::{Now, Outbox, PushSettings, ReadingInfo, Value, ValueKind};
use sockeye_endpoint::{PushBuffers, push};
use sockeye_resp::{Args, Decoder, Limits};
use sockeye_simulation::clock;

use crate::net::{Net, Pipe};

static READINGS: [ReadingInfo<'static>; 1] = [ReadingInfo {
    name: "lm35",
    unit: "",
    kind: ValueKind::Gauge,
    decimals: 1,
    minimum: Value(0),
    maximum: Value(1_000),
    period_ms: 1_000,
}];

const STEP_MS: u64 = 50;

/// The bytes that a peer sends for a request, by the request's name and how many requests came before it.
type Replies<'a> = &'a mut dyn FnMut(&str, usize) -> Vec<u8>;

/// A sender in time that stands still until a test goes on.
struct Sender<'a> {
    outbox: &'a Outbox<'a>,
    net: &'a Net,
    pushing: Pin<&'a mut dyn Future<Output = std::convert::Infallible>>,
    served: Option<Rc<RefCell<Pipe>>>,
    requests: usize,
}

impl Sender<'_> {
    fn sample(&self, value: i32) {
        let uptime_us = Instant::now().as_micros();
        self.outbox.put(0, Value(value), Now { uptime_us, unix_us: Some(1_700_000_000_000_000 + uptime_us) });
    }

    /// Lets time pass, with a peer that says `greeting` on each new connection and replies as `replies` does.
    fn run(&mut self, ms: u64, greeting: &[u8], replies: Replies<'_>) {
        for _ in 0..ms / STEP_MS {
            clock::advance(Duration::from_millis(STEP_MS));
            for _ in 0..4 {
                assert!(self.pushing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                let Some(pipe) = self.net.pipe.borrow().clone() else { continue };
                if self.served.as_ref().is_none_or(|served| !Rc::ptr_eq(served, &pipe)) {
                    pipe.borrow_mut().down.extend(greeting);
                    self.served = Some(pipe.clone());
                }
                let pipe = &mut *pipe.borrow_mut();
                let mut rx: Vec<u8> = pipe.up.iter().copied().collect();
                let (mut decoder, mut args) = (Decoder::new(), Args::new());
                while let Some(request) = decoder.decode(&mut rx, &mut args, &Limits::AUTHENTICATED).expect("a request")
                {
                    let name = String::from_utf8_lossy(request.name()).into_owned();
                    pipe.down.extend(replies(&name, self.requests));
                    self.requests += 1;
                }
                pipe.up.drain(..decoder.consumed());
            }
        }
    }

    fn close(&self) {
        self.served.as_ref().expect("a connection").borrow_mut().is_cut = true;
    }
}

/// Runs `test` with a sender that has a peer.
fn check(test: impl FnOnce(&mut Sender<'_>)) {
    clock::reset();
    let (outbox, net) = (Outbox::new(&READINGS), Net::default());
    let to = "10.0.0.1:3000".try_into().expect("it fits");
    outbox.configure(&PushSettings { to, ..PushSettings::default() }, "kitchen");
    let mut buffers = PushBuffers::sized();
    let mut pushing = pin!(async { match push(&outbox, &(), &net, &net, &mut buffers, || 0).await {} });
    let pushing: Pin<&mut dyn Future<Output = std::convert::Infallible>> = pushing.as_mut();
    test(&mut Sender { outbox: &outbox, net: &net, pushing, served: None, requests: 0 });
}

/// A Redis that has no stream yet and takes every sample.
fn takes(name: &str, _: usize) -> Vec<u8> {
    match name {
        "XINFO" => b"-ERR no such key\r\n".to_vec(),
        _ => b"$3\r\n1-1\r\n".to_vec(),
    }
}

/// XINFO STREAM of Redis 8.6, whose last ID is this.
fn redis_8_6(last: &str) -> Vec<u8> {
    let entry = "*2\r\n$15\r\n1795410073191-0\r\n*2\r\n$5\r\nvalue\r\n$4\r\n18.7\r\n";
    let mut reply = "*32\r\n".to_owned();
    for (name, value) in [
        ("length", ":100000\r\n"),
        ("radix-tree-keys", ":1000\r\n"),
        ("radix-tree-nodes", ":2001\r\n"),
        ("last-generated-id", &format!("${}\r\n{last}\r\n", last.len())),
        ("max-deleted-entry-id", "$3\r\n0-0\r\n"),
        ("entries-added", ":100000\r\n"),
        ("recorded-first-entry-id", "$15\r\n1795310073191-0\r\n"),
        ("idmp-duration", ":100\r\n"),
        ("idmp-maxsize", ":100\r\n"),
        ("pids-tracked", ":0\r\n"),
        ("iids-tracked", ":0\r\n"),
        ("iids-added", ":0\r\n"),
        ("iids-duplicates", ":0\r\n"),
        ("groups", ":0\r\n"),
        ("first-entry", entry),
        ("last-entry", entry),
    ] {
        reply += &format!("${}\r\n{name}\r\n{value}", name.len());
    }
    assert!(reply.len() > 512);
    reply.into_bytes()
}

#[test]
fn redis_8_6_gets_the_samples() {
    check(|sender| {
        sender.sample(1);
        sender.run(1_000, b"", &mut |name, before| match name {
            "XINFO" => redis_8_6("1795410073191-0"),
            _ => takes(name, before),
        });
        assert_eq!((sender.outbox.counts().delivered, sender.outbox.error().as_str()), (1, ""));
    });
}

/// The sequence number of an ID has 64 bits in Redis, and 16 here.
#[test]
fn a_stream_whose_last_id_has_a_great_sequence_number_goes_on() {
    check(|sender| {
        sender.sample(1);
        sender.run(1_000, b"", &mut |name, before| match name {
            "XINFO" => b"*2\r\n$17\r\nlast-generated-id\r\n$19\r\n1600000000000-70000\r\n".to_vec(),
            _ => takes(name, before),
        });
        let counts = sender.outbox.counts();
        assert_eq!((counts.delivered, counts.refused, sender.outbox.error().as_str()), (1, 0, ""));
    });
}

#[test]
fn an_error_about_the_peer_costs_no_sample_and_is_told() {
    for error in [
        "LOADING Redis is loading the dataset in memory",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MISCONF Redis is configured to save RDB snapshots",
        "READONLY You can't write against a read only replica.",
        "MOVED 3999 10.0.0.9:6379",
        "NOAUTH Authentication required.",
        "NOPERM this user has no permissions to run xadd",
        "BUSY Redis is busy running a script.",
        "CLUSTERDOWN The cluster is down",
        "MASTERDOWN Link with MASTER is down",
        "NOREPLICAS Not enough good replicas to write.",
        "DENIED no token is set on this device",
        "ERR max number of clients reached",
        "ERR Protocol error: incomplete request",
    ] {
        check(|sender| {
            sender.sample(1);
            sender.run(3_000, b"", &mut |name, before| match name {
                "XADD" => format!("-{error}\r\n").into_bytes(),
                _ => takes(name, before),
            });
            let counts = sender.outbox.counts();
            assert_eq!((counts.delivered, counts.refused, sender.outbox.len()), (0, 0, 1), "{error}");
            assert!(counts.connections > 1 && error.starts_with(sender.outbox.error().as_str()), "{error}");
            sender.run(70_000, b"", &mut takes);
            assert_eq!((sender.outbox.counts().delivered, sender.outbox.error().as_str()), (1, ""), "{error}");
        });
    }
}

/// A server that is full says so before any request, and closes.
#[test]
fn a_full_peer_is_told_in_its_words() {
    check(|sender| {
        sender.sample(1);
        for _ in 0..40 {
            sender.run(STEP_MS, b"-ERR max number of clients reached\r\n", &mut |_, _| Vec::new());
            sender.close();
        }
        assert_eq!(sender.outbox.error().as_str(), "ERR max number of clients reached");
        sender.run(70_000, b"", &mut takes);
        assert_eq!(sender.outbox.counts().delivered, 1);
    });
}

/// Redis closes idle connections by `timeout`, and a device after 300 s.
#[test]
fn a_peer_that_closes_an_idle_connection_costs_no_failure() {
    check(|sender| {
        for value in 1..=3 {
            sender.sample(value);
            sender.run(1_000, b"", &mut takes);
            assert!(sender.outbox.is_connected());
            sender.close();
            sender.run(1_000, b"", &mut takes);
            assert!(!sender.outbox.is_connected(), "a connection that is over is none");
        }
        let counts = sender.outbox.counts();
        assert_eq!((counts.delivered, counts.connections, counts.failures), (3, 3, 0));
        assert_eq!(sender.outbox.error().as_str(), "");
    });
}

#[test]
fn a_peer_that_drips_or_floods_has_a_limit() {
    for (name, first, unit) in [("a drip", "+", "x"), ("messages", "", ">1\r\n+m\r\n"), ("attributes", "", "|0\r\n")] {
        check(|sender| {
            sender.sample(1);
            for _ in 0..20_000 / STEP_MS {
                let before = sender.requests;
                sender.run(STEP_MS, b"", &mut |_, _| first.as_bytes().to_vec());
                if let Some(pipe) = sender.served.as_ref().filter(|_| sender.requests > 0) {
                    pipe.borrow_mut().down.extend(if sender.requests > before { b"" } else { unit.as_bytes() });
                }
            }
            let counts = sender.outbox.counts();
            assert!(counts.failures >= 2, "{name}: {} failures in 20 s", counts.failures);
            sender.run(130_000, b"", &mut takes);
            assert_eq!(sender.outbox.counts().delivered, 1, "{name}");
        });
    }
}

#[test]
fn a_reply_that_nobody_asked_for_is_no_samples_outcome() {
    check(|sender| {
        sender.sample(1);
        sender.run(1_000, b"", &mut |name, before| [takes(name, before), b"$3\r\n9-9\r\n".to_vec()].concat());
        assert!(!sender.outbox.is_connected());
        assert!(sender.outbox.counts().failures > 0);
        sender.sample(2);
        sender.run(70_000, b"", &mut takes);
        assert_eq!(sender.outbox.counts().delivered, 2);
    });
}

/// The errors of devices, with the figure or the name that a person needs in them.
#[test]
fn a_devices_error_is_told_whole() {
    for error in [
        "ERR a device takes streams of the name history:NODE.NAME, of at most 48 bytes",
        "ERR too many remote readings: this device has no room for another one",
        "ERR value is not a plain number, or has too many digits",
        "WRONGPASS too many wrong tokens from this address, try again in 60 s",
    ] {
        check(|sender| {
            sender.sample(1);
            sender.run(1_000, b"", &mut |name, before| match name {
                "XADD" => format!("-{error}\r\n").into_bytes(),
                _ => takes(name, before),
            });
            assert_eq!(sender.outbox.error().as_str(), error);
        });
    }
}
