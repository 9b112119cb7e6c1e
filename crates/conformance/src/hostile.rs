//! Clients that misbehave cost a slot for a bounded time, and nobody else notices.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::answer::HELLO;
use crate::case::{Case, CaseResult, TooSlow};
use crate::limits::{LINGER, LONG_REQUEST_LEN, RECOVER_MAX, REPLY_MAX};
use crate::slots;
use crate::target::Target;
use crate::test_client::{TestClient, ask};

pub const CASES: &[Case] = &[
    Case::new("reset_in_every_phase", reset_in_every_phase),
    Case::new("never_reads", never_reads),
    Case::new("keeps_its_side_open", keeps_its_side_open),
    Case::new("dribbles", dribbles),
    Case::new("port_scan", port_scan),
    Case::new("garbage", garbage),
];

/// Brings a fresh connection into the phase in which it is then reset.
type Phase = (&'static str, fn(&mut TestClient) -> io::Result<()>);

const PHASES: &[Phase] = &[
    ("before sending", |_| Ok(())),
    ("after sending", |client| client.send(b"hello\n")),
    ("in the middle of a request", |client| {
        client.send(b"GET /ind")?;
        thread::sleep(Duration::from_millis(5));
        Ok(())
    }),
    ("in the middle of a long request", |client| client.send(&[b'x'; LONG_REQUEST_LEN / 2])),
    ("in the middle of the reply", |client| {
        client.send(b"hello\n")?;
        client.read_some(&mut [0], REPLY_MAX).map(|_| ())
    }),
    ("after the reply", |client| {
        client.send(b"hello\n")?;
        client.read_reply(REPLY_MAX);
        Ok(())
    }),
    ("after half-closing", |client| {
        client.send(b"hello\n")?;
        client.half_close()
    }),
];

fn reset_in_every_phase(target: &Target) -> CaseResult {
    const COUNT: usize = 20;
    for (phase, bring_into_phase) in PHASES {
        let reset_them = || -> Result<()> {
            for _ in 0..COUNT {
                let mut client = TestClient::connect(target)?;
                bring_into_phase(&mut client)?;
                client.reset()?;
            }
            slots::all_usable(target, RECOVER_MAX)?;
            Ok(())
        };
        reset_them().with_context(|| format!("reset {phase}"))?;
    }
    Ok(format!("{COUNT} in each of {} phases", PHASES.len()))
}

/// All clients but one push as much as they can, and read nothing or a single byte.
fn never_reads(target: &Target) -> CaseResult {
    const RECEIVE_BUFFER_LEN: usize = 2048;
    const OTHERS_REQUEST_COUNT: usize = 20;
    let flood = |index: usize| -> Result<usize> {
        let mut client = TestClient::connect_with_receive_buffer(target, RECEIVE_BUFFER_LEN)?;
        if index % 2 == 1 {
            client.send(b"hello\n")?;
            client.read_some(&mut [0], REPLY_MAX)?;
        }
        Ok(client.flood(LINGER + Duration::from_secs(1))?)
    };
    let pushed = thread::scope(|scope| -> Result<usize> {
        let clients: Vec<_> = (0..target.slots_but_one()).map(|index| scope.spawn(move || flood(index))).collect();
        for number in 1..=OTHERS_REQUEST_COUNT {
            ask(target, b"and me?\n")?.expect_hello().with_context(|| format!("request {number} beside them"))?;
        }
        clients.into_iter().map(|client| client.join().expect("a client never panics")).sum()
    })?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{} clients pushed {} KB", target.slots_but_one(), pushed / 1024))
}

/// The clients were answered, but never close; their slots come back when the server stops draining.
fn keeps_its_side_open(target: &Target) -> CaseResult {
    let mut held = slots::hold(target, target.slots)?;
    for client in &mut held {
        client.send(b"hello\n")?;
        client.read_reply(REPLY_MAX).expect_hello()?;
    }
    let free_after = slots::all_usable(target, LINGER + Duration::from_secs(4))?;
    Ok(format!("free after {free_after:.1?}"))
}

/// A byte now and then, forever, of what may still become a request line.
fn dribbles(target: &Target) -> CaseResult {
    let begin = Instant::now();
    let latest = target.idle * 2 + Duration::from_secs(2);
    let mut client = TestClient::connect(target)?;
    let mut buffer = [0; 256];
    client.send(b"GET /")?;
    while begin.elapsed() < latest {
        // After the server's FIN the next byte may meet a reset, which is an end as well.
        let sent = client.send(b"a");
        let read = client.read_some(&mut buffer, target.idle / 4);
        let waits_for_more = matches!(&read, Err(error) if is_time_out(error));
        if sent.is_ok() && waits_for_more {
            continue;
        }
        if let Ok(len) = read {
            ensure!(len == 0 || HELLO.starts_with(&buffer[..len]), "got \"{}\"", buffer[..len].escape_ascii());
        }
        let elapsed = begin.elapsed();
        slots::all_usable(target, RECOVER_MAX)?;
        return Ok(format!("ended after {:.1} s", elapsed.as_secs_f32()));
    }
    Err(TooSlow::error(format!("a byte every {:?} holds a slot for good", target.idle / 4)))
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn port_scan(target: &Target) -> CaseResult {
    const COUNT: usize = 200;
    for number in 1..=COUNT {
        TestClient::connect(target).with_context(|| format!("connection {number} of {COUNT}"))?;
    }
    let free_after = slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{COUNT} connections, slots free after {free_after:.1?}"))
}

/// Random bytes; none of these seeds happens to make an HTTP request.
fn garbage(target: &Target) -> CaseResult {
    const COUNT: u64 = 50;
    const LEN: usize = 1_000;
    for seed in 0..COUNT {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut request = [0; LEN];
        random.fill(&mut request);
        ask(target, &request)?.expect_hello().with_context(|| format!("seed {seed}"))?;
    }
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{COUNT} of {LEN} bytes"))
}
