//! Many connections one after the other, as many at once as there are slots.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::answer::{Answer, TOO_MANY};
use crate::case::{Case, CaseResult, TooSlow};
use crate::limits::{CYCLE_AT_ONCE_MAX, RECOVER_MAX, REPLY_MAX};
use crate::slots;
use crate::target::Target;
use crate::test_client::TestClient;

pub const CASES: &[Case] = &[
    Case::new("connect_close_cycles", connect_close_cycles),
    Case::new("connect_request_close_cycles", connect_request_close_cycles),
];

/// How one cycle ended.
enum End {
    Good,
    Refused,
    Told,
    Wrong(String),
}

impl End {
    fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => End::Refused,
            _ => End::Wrong(format!("connecting: {error}")),
        }
    }

    fn of_reply(reply: &Answer, expect: fn(&Answer) -> Result<()>) -> Self {
        match expect(reply) {
            Ok(()) => End::Good,
            Err(_) if reply.bytes == TOO_MANY => End::Told,
            Err(error) => End::Wrong(error.to_string()),
        }
    }
}

/// The figures of many cycles.
#[derive(Default)]
struct Tally {
    good: usize,
    refused: usize,
    told: usize,
    wrong: usize,
    first_wrong: Option<String>,
    longest: Duration,
}

impl Tally {
    fn add(&mut self, end: End, elapsed: Duration) {
        self.longest = self.longest.max(elapsed);
        match end {
            End::Good => self.good += 1,
            End::Refused => self.refused += 1,
            End::Told => self.told += 1,
            End::Wrong(what) => {
                self.wrong += 1;
                self.first_wrong.get_or_insert(what);
            }
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.good += other.good;
        self.refused += other.refused;
        self.told += other.told;
        self.wrong += other.wrong;
        self.first_wrong = self.first_wrong.or(other.first_wrong);
        self.longest = self.longest.max(other.longest);
        self
    }

    fn into_result(self, elapsed: Duration) -> CaseResult {
        let figures = format!(
            "{} good, {} refused, {} told, {} wrong; {:.1} s, longest {:.0?}",
            self.good,
            self.refused,
            self.told,
            self.wrong,
            elapsed.as_secs_f32(),
            self.longest
        );
        let bad = self.refused + self.told + self.wrong;
        if bad == self.told && bad > 0 && self.longest > CYCLE_AT_ONCE_MAX {
            // A newcomer waits for a client that leaves, but not for as long as a machine may stall.
            return Err(TooSlow::error(figures));
        }
        ensure!(bad == 0, "{figures}; {}", self.first_wrong.unwrap_or_default());
        Ok(figures)
    }
}

/// Runs `count` cycles, always `concurrency` of them at once.
fn run(count: usize, concurrency: usize, cycle: impl Fn(usize) -> End + Sync) -> CaseResult {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return tally;
            }
            let begin = Instant::now();
            let end = cycle(index);
            tally.add(end, begin.elapsed());
        }
    };
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..concurrency).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker never panics"))
            .fold(Tally::default(), Tally::merge)
    });
    tally.into_result(begin.elapsed())
}

/// Every other client waits for the server's FIN, and so hears what the server says; the others just go.
fn connect_close_cycles(target: &Target) -> CaseResult {
    const COUNT: usize = 500;
    let cycle = |index: usize| {
        let mut client = match TestClient::connect(target) {
            Ok(client) => client,
            Err(error) => return End::of_connect(&error),
        };
        if index.is_multiple_of(2) {
            return End::Good;
        }
        match client.half_close() {
            Ok(()) => End::of_reply(&client.read_reply(REPLY_MAX), Answer::expect_hello_or_nothing),
            Err(error) => End::Wrong(format!("closing: {error}")),
        }
    };
    let outcome = run(COUNT, target.slots, cycle)?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(outcome)
}

fn connect_request_close_cycles(target: &Target) -> CaseResult {
    let cycle = |_| {
        let mut client = match TestClient::connect(target) {
            Ok(client) => client,
            Err(error) => return End::of_connect(&error),
        };
        match client.send(b"hello\n") {
            Ok(()) => End::of_reply(&client.read_reply(REPLY_MAX), Answer::expect_hello),
            Err(error) => End::Wrong(format!("sending: {error}")),
        }
    };
    let outcome = run(target.cycles, target.slots, cycle)?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(outcome)
}
