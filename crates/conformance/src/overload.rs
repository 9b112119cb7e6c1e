//! More clients than slots: each is served, or is told.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::answer::{Answer, HELLO, TOO_MANY};
use crate::case::{Case, CaseResult, TooSlow, within};
use crate::limits::{BURST_CONNECT_MAX, LINGER, RECOVER_MAX, REPLY_MAX, SETTLE, SILENT_KEEP, SILENT_KEEP_OVER};
use crate::slots;
use crate::target::Target;
use crate::test_client::TestClient;

pub const CASES: &[Case] = &[
    Case::new("rejected_client", rejected_client),
    Case::new("several_rejected_clients", several_rejected_clients),
    Case::new("silent_clients_make_way", silent_clients_make_way),
    Case::new("rejected_clients_that_stay_hold_up_nobody", rejected_clients_that_stay_hold_up_nobody),
    Case::new("freed_slot_serves_again", freed_slot_serves_again),
    Case::new("closing_slot_is_waited_for", closing_slot_is_waited_for),
    Case::new("burst", burst),
];

/// The rejected clients: one that waits for the server to speak, one that speaks first, one that sends a lot.
fn rejected_client(target: &Target) -> CaseResult {
    slots::while_kept(|| {
        let held = slots::hold(target, target.slots)?;
        let long = [b'x'; 8 * 1024];
        for request in [&b""[..], b"hello\n", &long] {
            let mut client = TestClient::connect(target).context("the rejected client")?;
            client.send(request)?;
            client
                .read_reply(REPLY_MAX)
                .expect_too_many()
                .with_context(|| format!("a rejected client that sends {} bytes", request.len()))?;
        }
        slots::serve(held).context("the clients in the slots")
    })?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("3 told, {} served after them", target.slots))
}

/// The clients in the slots and one newcomer fill the server, so the newcomers are rejected one after the other.
fn several_rejected_clients(target: &Target) -> CaseResult {
    const COUNT: usize = 4;
    slots::while_kept(|| {
        let held = slots::hold(target, target.slots)?;
        let replies = all_at_once(target, COUNT, BURST_CONNECT_MAX, b"hello\n");
        for reply in replies {
            reply?.expect_too_many()?;
        }
        slots::serve(held).context("the clients in the slots")
    })?;
    Ok(format!("{COUNT} told, {} served after them", target.slots))
}

/// Clients that have sent nothing for [`SILENT_KEEP`] are displaced, one for each newcomer, the oldest first.
fn silent_clients_make_way(target: &Target) -> CaseResult {
    let mut silent = slots::hold(target, target.slots)?;
    thread::sleep(SILENT_KEEP_OVER);
    for round in 0..target.slots {
        let mut newcomer = TestClient::connect(target)?;
        newcomer.send(b"hello\n")?;
        let reply = newcomer.read_reply(REPLY_MAX);
        if reply.is(TOO_MANY) {
            // The server's ticks are late where it has to wait for a processor.
            return Err(TooSlow::error(format!("newcomer {} was told too many after {SILENT_KEEP_OVER:?}", round + 1)));
        }
        reply.expect_hello().with_context(|| format!("newcomer {}", round + 1))?;
        // The newcomer's slot is free again, so that its place has to be taken before the next one comes.
        let taken = TestClient::connect(target)?;
        thread::sleep(SETTLE);
        ensure!(taken.is_quiet()?, "newcomer {} and the one after it both displaced a client", round + 1);
        silent.push(taken);
        let displaced =
            silent[..target.slots].iter_mut().map(|client| client.is_quiet()).collect::<Result<Vec<_>, _>>()?;
        let displaced = displaced.iter().take_while(|is_quiet| !**is_quiet).count();
        ensure!(displaced == round + 1, "{displaced} of {} displaced after {} newcomers", target.slots, round + 1);
    }
    Ok(format!("{} displaced by as many newcomers", target.slots))
}

/// A rejected client that does not close holds up neither the next rejected client nor one that is served.
fn rejected_clients_that_stay_hold_up_nobody(target: &Target) -> CaseResult {
    const COUNT: usize = 16;
    let elapsed = slots::while_kept(|| {
        let _held = slots::hold(target, target.slots)?;
        let mut rejected = Vec::new();
        let begin = Instant::now();
        for number in 1..=COUNT {
            let mut client = TestClient::connect(target)?;
            client.read_reply(REPLY_MAX).expect_too_many().with_context(|| format!("rejected client {number}"))?;
            rejected.push(client);
        }
        Ok(begin.elapsed())
    })?;
    // One by one their time-outs would take 8 s.
    within(SILENT_KEEP, elapsed, "the rejected clients")?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{COUNT} told within {elapsed:.1?}"))
}

fn freed_slot_serves_again(target: &Target) -> CaseResult {
    const ROUNDS: usize = 20;
    slots::while_kept(|| {
        let mut held = slots::hold(target, target.slots)?;
        for round in 1..=ROUNDS {
            drop(held.pop());
            held.push(TestClient::connect(target)?);
            thread::sleep(Duration::from_millis(20));
            let newest = held.last().expect("one was just added");
            ensure!(newest.is_quiet()?, "round {round}: a slot was free, but the client was sent away");
        }
        slots::serve(held)
    })?;
    Ok(format!("{ROUNDS} rounds"))
}

/// Slots whose client was answered, but has not closed yet, are only just closing.
///
/// A newcomer is served then, at the latest when the server has stopped waiting for that client.
fn closing_slot_is_waited_for(target: &Target) -> CaseResult {
    let mut longest = Duration::ZERO;
    for closing_count in [1, target.slots] {
        let mut held = slots::hold(target, target.slots)?;
        for client in &mut held[..closing_count] {
            client.send(b"answer me\n")?;
            client.read_reply(REPLY_MAX).expect_hello()?;
        }
        let begin = Instant::now();
        let replies = all_at_once(target, closing_count, BURST_CONNECT_MAX, b"hello\n");
        let elapsed = begin.elapsed();
        for reply in replies {
            reply?.expect_hello().with_context(|| format!("while {closing_count} slots are closing"))?;
        }
        within(LINGER + Duration::from_secs(4), elapsed, &format!("{closing_count} closing slots"))?;
        longest = longest.max(elapsed);
    }
    Ok(format!("served after {longest:.1?} at most"))
}

fn burst(target: &Target) -> CaseResult {
    const COUNT: usize = 64;
    let begin = Instant::now();
    let (mut served, mut told) = (0, 0);
    for reply in all_at_once(target, COUNT, BURST_CONNECT_MAX, b"hello\n") {
        match reply? {
            reply if reply.is(HELLO) => served += 1,
            reply if reply.is(TOO_MANY) => told += 1,
            reply => bail!("neither served nor told: {reply}"),
        }
    }
    ensure!(served >= target.slots.min(COUNT), "only {served} of {COUNT} were served");
    let elapsed = begin.elapsed();
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{served} served, {told} told within {elapsed:.1?} of {COUNT} at once"))
}

/// Clients that connect in the same moment, send `request` and read to the end.
fn all_at_once(target: &Target, count: usize, connect_max: Duration, request: &[u8]) -> Vec<Result<Answer>> {
    let gate = Barrier::new(count);
    let exchange = || {
        gate.wait();
        let mut client = TestClient::connect_within(target, connect_max).context("connecting")?;
        client.send(request).context("sending the request")?;
        Ok(client.read_reply(connect_max))
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..count).map(|_| scope.spawn(exchange)).collect();
        clients.into_iter().map(|client| client.join().expect("a client never panics")).collect()
    })
}
