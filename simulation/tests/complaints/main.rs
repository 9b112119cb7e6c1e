//! Complaints of users of other servers on this chip, each as a test that is named after it. The clients are scripts,
//! and the time is the test's.

mod displacement;
mod script;

use embedded_io_async::{Read, Write};
use script::{Client, Reset, World};
use sockeye_server::limits::{
    ABORT_TIMEOUT_MS, ACCEPT_RETRY_MS, IDLE_TIMEOUT_MS, LINGER_TIMEOUT_MS, REJECT_AFTER_MS, REJECT_TIMEOUT_MS,
    REQUEST_TIMEOUT_MS, SILENT_KEEP_MS, WATCH_TICK_MS, WRITE_TIMEOUT_MS,
};
use sockeye_server::{Connection, ConnectionError, Handler, Socket};

/// The longest that a time-out of `ms` takes.
const fn over(ms: u64) -> u64 {
    ms + 2 * WATCH_TICK_MS
}

/// Reads up to a line end, answers, closes.
struct Line;

impl<S: Socket> Handler<S> for Line {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        let mut byte = [0];
        while byte[0] != b'\n' {
            if client.read(&mut byte).await? == 0 {
                return Ok(());
            }
            client.begin_request();
        }
        client.write_all(b"reply").await
    }

    async fn reject(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        client.write_all(b"full").await
    }
}

#[test]
fn accept_error_23_ends_the_server_for_good() {
    let mut world = World::<2>::new();
    for _ in 0..9 {
        world.accept_fails(Reset::NoDescriptor);
    }
    world.run(&Line, 5 * ACCEPT_RETRY_MS);
    let client = world.connect(Client::sends(b"hi\n"));
    world.run(&Line, 5 * ACCEPT_RETRY_MS);
    client.check("reply", "fin", 0);
    assert_eq!((world.stats().accept_errors, world.stats().accepted), (9, 1));
}

#[test]
fn connects_then_is_dropped_without_a_word_at_the_client_limit() {
    let mut world = World::<2>::new();
    let stalled = [(); 2].map(|()| world.connect(Client::silent()));
    world.run(&Line, 0);
    let third = world.connect(Client::sends(b"hi\n"));
    world.run(&Line, REJECT_AFTER_MS + 1);
    third.check("full", "fin", 0);
    stalled.iter().for_each(|client| client.check("", "open", 0));
    assert_eq!((world.stats().accepted, world.stats().rejected), (2, 1));
}

#[test]
fn the_server_silently_stops_after_the_client_limit_was_reached_once() {
    let mut world = World::<2>::new();
    for round in 0..50 {
        let clients = [(); 2].map(|()| world.connect(Client::silent()));
        world.run(&Line, 0);
        let third = world.connect(Client::silent());
        world.run(&Line, REJECT_AFTER_MS + 1);
        third.check("full", "fin", 0);
        clients.iter().for_each(Client::close);
        world.run(&Line, 1);
        let next = world.connect(Client::sends(b"hi\n"));
        world.run(&Line, 1);
        next.check("reply", "fin", 0);
        assert_eq!(world.stats().rejected, round + 1);
    }
}

#[test]
fn one_too_many_is_served_when_another_just_leaves() {
    let mut world = World::<1>::new();
    let first = world.connect(Client::silent());
    world.run(&Line, 0);
    let second = world.connect(Client::sends(b"hi\n"));
    world.run(&Line, REJECT_AFTER_MS / 2);
    first.close();
    world.run(&Line, 1);
    second.check("reply", "fin", 0);
    assert_eq!(world.stats().rejected, 0);
}

#[test]
fn a_half_open_client_blocks_recv_forever() {
    let mut world = World::<1>::new();
    let gone = world.connect(Client::silent().never_closes());
    world.run(&Line, IDLE_TIMEOUT_MS - 1);
    gone.check("", "open", 0);
    world.run(&Line, over(0));
    gone.check("", "fin", 0);
    world.run(&Line, over(LINGER_TIMEOUT_MS));
    gone.check("", "reset", 0);
    let next = world.connect(Client::sends(b"hi\n"));
    world.run(&Line, 1);
    next.check("reply", "fin", 0);
    assert_eq!(world.stats().timed_out, 1);
}

#[test]
fn one_keep_alive_abort_stops_all_servers() {
    let mut world = World::<2>::new();
    let other = world.connect(Client::silent());
    let reset = world.connect(Client::silent());
    world.run(&Line, 0);
    reset.reset();
    world.run(&Line, 1);
    other.send(b"hi\n");
    world.run(&Line, 1);
    other.check("reply", "fin", 0);
    assert_eq!(world.stats().reset, 1);
}

#[test]
fn a_slow_reader_grows_the_send_queue_until_the_device_dies() {
    let mut world = World::<1>::new();
    let slow = world.connect(Client::sends(b"hi\n").takes(2));
    world.run(&Line, WRITE_TIMEOUT_MS - 1);
    slow.check("re", "open", 0);
    world.run(&Line, over(0));
    slow.check("re", "reset", 0);
    assert_eq!((world.stats().timed_out, world.stats().bytes_out), (1, 2));
}

#[test]
fn a_byte_now_and_then_keeps_a_slot_forever() {
    let mut world = World::<1>::new();
    let client = world.connect(Client::silent());
    let step_ms = IDLE_TIMEOUT_MS / 2;
    for _ in 0..over(REQUEST_TIMEOUT_MS).div_ceil(step_ms) + 1 {
        client.send(b"x");
        world.run(&Line, step_ms);
    }
    client.check("", "fin", 0);
    assert_eq!(world.stats().timed_out, 1);
}

#[test]
fn a_reply_is_cut_off_by_unread_input() {
    let mut world = World::<1>::new();
    let client = world.connect(Client::sends(b"hi\nand much that nobody reads").never_closes());
    world.run(&Line, 1);
    client.check("reply", "fin", 0);
    client.close();
    world.run(&Line, 1);
    client.check("reply", "fin", 0);
    assert_eq!(world.stats().reset + world.stats().timed_out, 0);
}

#[test]
fn aborts_that_never_end_cost_their_slots_for_a_bounded_time() {
    let mut world = World::<1>::new();
    // One client is served and one is too many, so both slots are taken.
    let gone = [(); 2].map(|()| world.connect(Client::sends(b"hi\n").takes(0).abort_hangs()));
    world.run(&Line, over(WRITE_TIMEOUT_MS));
    gone[0].check("", "open", 1);
    let next = world.connect(Client::sends(b"hi\n"));
    world.run(&Line, over(ABORT_TIMEOUT_MS));
    next.check("reply", "fin", 0);
}

#[test]
fn a_refused_client_that_stays_keeps_others_waiting_for_a_bounded_time() {
    let mut world = World::<1>::new();
    let _serving = world.connect(Client::silent());
    world.run(&Line, 0);
    let refused = world.connect(Client::silent().never_closes());
    let waiting = world.connect(Client::silent());
    world.run(&Line, REJECT_AFTER_MS + over(REJECT_TIMEOUT_MS));
    refused.check("full", "reset", 0);
    world.run(&Line, REJECT_AFTER_MS + 1);
    waiting.check("full", "fin", 0);
}

#[test]
fn no_slot_is_special_and_any_of_them_rejects() {
    let mut world = World::<1>::new();
    let first = world.connect(Client::sends(b"hi\n").never_closes());
    world.run(&Line, 1);
    first.check("reply", "fin", 0);
    // While the first slot closes, the additional one serves.
    let second = world.connect(Client::silent());
    world.run(&Line, over(LINGER_TIMEOUT_MS) - SILENT_KEEP_MS / 2);
    let third = world.connect(Client::sends(b"hi\n"));
    second.check("", "open", 0);
    first.close();
    world.run(&Line, REJECT_AFTER_MS * 2 + 2);
    third.check("full", "fin", 0);
    second.check("", "open", 0);
    assert_eq!(world.ids(), [3, 2], "the first slot had the third connection");
}

/// Waits for its client for ever.
struct Patient;

impl<S: Socket> Handler<S> for Patient {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        client.set_idle(None);
        client.read(&mut [0]).await?;
        client.set_idle(Some(embassy_time::Duration::from_millis(IDLE_TIMEOUT_MS)));
        client.read(&mut [0]).await.map(|_| ())
    }
}

#[test]
fn a_client_that_only_listens_is_thrown_out() {
    let mut world = World::<1>::new();
    let client = world.connect(Client::silent());
    world.run(&Patient, 10 * IDLE_TIMEOUT_MS);
    client.check("", "open", 0);
    client.send(b"x");
    world.run(&Patient, over(IDLE_TIMEOUT_MS));
    client.check("", "fin", 0);
}
