//! The server as an honest client sees it.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::case::{Case, CaseResult, within};
use crate::limits::{AT_ONCE_MAX, IDLE_EARLY_MAX, IDLE_LATE_MAX, LONG_REQUEST_LEN, RECOVER_MAX, REPLY_MAX};
use crate::slots;
use crate::target::Target;
use crate::test_client::{TestClient, ask};

pub const CASES: &[Case] = &[
    Case::new("single", single),
    Case::new("sequential", sequential),
    Case::new("concurrent", concurrent),
    Case::new("split_request", split_request),
    Case::new("byte_at_a_time", byte_at_a_time),
    Case::new("long_request", long_request),
    Case::new("long_request_half_closed", long_request_half_closed),
    Case::new("half_close_before_sending", half_close_before_sending),
    Case::new("half_close_after_sending", half_close_after_sending),
    Case::new("same_port_again", same_port_again),
    Case::new("idle", idle),
];

fn single(target: &Target) -> CaseResult {
    let begin = Instant::now();
    ask(target, b"hello\n")?.expect_hello()?;
    let elapsed = begin.elapsed();
    within(AT_ONCE_MAX, elapsed, "the answer")?;
    Ok(format!("{elapsed:.1?}"))
}

fn sequential(target: &Target) -> CaseResult {
    const COUNT: usize = 50;
    for number in 1..=COUNT {
        ask(target, format!("request {number}\n").as_bytes())?
            .expect_hello()
            .with_context(|| format!("request {number} of {COUNT}"))?;
    }
    Ok(format!("{COUNT} requests"))
}

fn concurrent(target: &Target) -> CaseResult {
    const ROUNDS: usize = 20;
    for round in 1..=ROUNDS {
        let held = slots::hold(target, target.slots)?;
        thread::scope(|scope| {
            let clients: Vec<_> = held
                .into_iter()
                .map(|mut client| {
                    scope.spawn(move || -> Result<()> {
                        client.send(b"all together\n")?;
                        client.read_reply(REPLY_MAX).expect_hello()
                    })
                })
                .collect();
            clients.into_iter().try_for_each(|client| client.join().expect("a client never panics"))
        })
        .with_context(|| format!("round {round} of {ROUNDS}"))?;
    }
    Ok(format!("{ROUNDS} rounds of {} at once", target.slots))
}

/// The reply comes after the first piece; the pieces after it must not turn it into a reset.
fn split_request(target: &Target) -> CaseResult {
    const REQUEST: &[u8] = b"temperature 23.5\n";
    for at in 1..REQUEST.len() {
        let mut client = TestClient::connect(target)?;
        client.send(&REQUEST[..at])?;
        thread::sleep(Duration::from_millis(10));
        client.send(&REQUEST[at..])?;
        client.read_reply(REPLY_MAX).expect_hello().with_context(|| format!("split after byte {at}"))?;
    }
    Ok(format!("{} splits", REQUEST.len() - 1))
}

fn byte_at_a_time(target: &Target) -> CaseResult {
    const REQUEST: &[u8] = b"hello, one byte at a time\n";
    let mut client = TestClient::connect(target)?;
    for byte in REQUEST {
        client.send(&[*byte])?;
        thread::sleep(Duration::from_millis(20));
    }
    client.read_reply(REPLY_MAX).expect_hello()?;
    Ok(format!("{} bytes", REQUEST.len()))
}

/// A server that closes with unread bytes sends RST, and RST throws away the reply at the client.
fn long_request(target: &Target) -> CaseResult {
    const COUNT: usize = 10;
    let request = vec![b'x'; LONG_REQUEST_LEN];
    for number in 1..=COUNT {
        ask(target, &request)?.expect_hello().with_context(|| format!("request {number} of {COUNT}"))?;
    }
    Ok(format!("{COUNT} of {LONG_REQUEST_LEN} bytes"))
}

fn long_request_half_closed(target: &Target) -> CaseResult {
    let request = vec![b'x'; LONG_REQUEST_LEN];
    let begin = Instant::now();
    let mut client = TestClient::connect(target)?;
    client.send(&request)?;
    client.half_close()?;
    client.read_reply(REPLY_MAX).expect_hello()?;
    Ok(format!("{LONG_REQUEST_LEN} bytes in {:.0?}", begin.elapsed()))
}

/// Whatever the server says to that, its FIN follows, and the slot is free at once, long before the idle time-out.
fn half_close_before_sending(target: &Target) -> CaseResult {
    let mut held = slots::hold(target, target.slots)?;
    for client in &mut held {
        client.half_close()?;
    }
    let begin = Instant::now();
    for client in &mut held {
        client.read_reply(REPLY_MAX).expect_hello_or_nothing()?;
    }
    let elapsed = begin.elapsed();
    within(AT_ONCE_MAX, elapsed, "the server's FIN")?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("closed after {elapsed:.1?}"))
}

fn half_close_after_sending(target: &Target) -> CaseResult {
    const COUNT: usize = 20;
    for number in 1..=COUNT {
        let mut client = TestClient::connect(target)?;
        client.send(b"that is all\n")?;
        client.half_close()?;
        client.read_reply(REPLY_MAX).expect_hello().with_context(|| format!("request {number} of {COUNT}"))?;
    }
    Ok(format!("{COUNT} requests"))
}

/// The server closes first, so its side of a connection is in TIME-WAIT when the next SYN comes from the same port.
fn same_port_again(target: &Target) -> CaseResult {
    const COUNT: usize = 10;
    /// Below the ports that the machine gives to other clients.
    const PORT: u16 = 21_000;
    let begin = Instant::now();
    for number in 1..=COUNT {
        let exchange = || {
            let mut client = connect_from(target, PORT)?;
            client.send(b"the same port\n")?;
            client.read_reply(REPLY_MAX).expect_hello()
        };
        exchange().with_context(|| format!("connection {number} of {COUNT} from port {PORT}"))?;
    }
    Ok(format!("{COUNT} from port {PORT} in {:.0?}", begin.elapsed()))
}

/// The machine's own side needs a moment until the server's last ACK has freed the port.
fn connect_from(target: &Target, port: u16) -> Result<TestClient> {
    let begin = Instant::now();
    loop {
        match TestClient::connect_from(target, port) {
            Ok(client) => return Ok(client),
            Err(error) if is_port_taken(&error) => {
                ensure!(begin.elapsed() < REPLY_MAX, "our own port is never freed");
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => bail!(error),
        }
    }
}

fn is_port_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

/// All slots at once hold clients that send nothing.
fn idle(target: &Target) -> CaseResult {
    let connected = Instant::now();
    let mut held = slots::hold(target, target.slots)?;
    let earliest = target.idle.saturating_sub(IDLE_EARLY_MAX);
    let latest = target.idle + IDLE_LATE_MAX;
    let mut ended_after = Duration::ZERO;
    for (index, client) in held.iter_mut().enumerate() {
        let reply = client.read_reply(target.idle + REPLY_MAX);
        ended_after = connected.elapsed();
        reply
            .expect(b"")
            .and_then(|()| {
                ensure!(ended_after >= earliest, "too early");
                within(latest, ended_after, "the end of a silent client")
            })
            .with_context(|| format!("client {} after {ended_after:.1?}", index + 1))?;
    }
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{} closed after {:.1} s", held.len(), ended_after.as_secs_f32()))
}
