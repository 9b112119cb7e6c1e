//! Newcomers while all slots are taken: reports from the field, each as a test named after it.

use crate::script::{Client, Reset, World};
use embassy_time::Duration;
use embedded_io_async::{Read, Write};
use sockeye_server::limits::{
    ACCEPT_RETRY_MS, HALF_REQUEST_KEEP_MS, IDLE_KEEP_MS, REJECT_AFTER_MS, REJECT_TIMEOUT_MS, SILENT_KEEP_MS,
    WATCH_TICK_MS,
};
use sockeye_server::{Connection, ConnectionError, Handler, Socket};

/// The longest that a time-out of `ms` takes.
const fn over(ms: u64) -> u64 {
    ms + 2 * WATCH_TICK_MS
}

/// A newcomer has a slot after this time, or has been rejected.
const DECIDED_MS: u64 = 2 * REJECT_AFTER_MS + 2;

/// Answers each line, on a connection that stays open. `s` subscribes, and `b` writes a reply that is long.
struct Lines;

impl<S: Socket> Handler<S> for Lines {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        let (mut byte, mut last) = ([0], 0);
        client.set_idle(Some(Duration::from_secs(300)));
        loop {
            if client.read(&mut byte).await? == 0 {
                return Ok(());
            }
            match (byte[0], last) {
                (b'\n', b's') => {
                    client.end_request();
                    client.set_idle(None);
                    client.write_all(b"+").await?;
                }
                (b'\n', b'b') => {
                    client.end_request();
                    client.write_all(&[b'.'; 64]).await?;
                }
                (b'\n', _) => {
                    client.end_request();
                    client.set_idle(Some(Duration::from_secs(300)));
                    client.write_all(b"+").await?;
                }
                _ => client.begin_request(),
            }
            last = byte[0];
        }
    }

    async fn reject(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        client.write_all(b"full").await
    }
}

/// A newcomer that asks something, after it has a slot or has been rejected.
#[track_caller]
fn newcomer<const N: usize>(world: &mut World<N>) -> Client {
    let client = world.connect(Client::sends(b"x\n"));
    world.run(&Lines, DECIDED_MS);
    client
}

#[test]
fn field_22_eight_silent_sockets_of_a_browser_make_way() {
    let mut world = World::<8>::new();
    let silent = [(); 8].map(|()| world.connect(Client::silent()));
    world.run(&Lines, SILENT_KEEP_MS - DECIDED_MS);
    newcomer(&mut world).check("full", "fin", 0);
    world.run(&Lines, over(0));
    for _ in 0..8 {
        newcomer(&mut world).check("+", "open", 0);
    }
    silent.iter().for_each(|client| client.check("", "fin", 0));
    newcomer(&mut world).check("full", "fin", 0);
    assert_eq!((world.stats().displaced, world.stats().rejected, world.stats().timed_out), (8, 2, 0));
}

#[test]
fn field_22_the_oldest_of_the_silent_goes_first() {
    let mut world = World::<2>::new();
    let first = world.connect(Client::silent());
    world.run(&Lines, over(0));
    let second = world.connect(Client::silent());
    world.run(&Lines, over(SILENT_KEEP_MS));
    newcomer(&mut world).check("+", "open", 0);
    first.check("", "fin", 0);
    second.check("", "open", 0);
}

#[test]
fn field_22_eight_half_requests_make_way() {
    let mut world = World::<8>::new();
    let half = [(); 8].map(|()| world.connect(Client::sends(b"hal")));
    world.run(&Lines, HALF_REQUEST_KEEP_MS - DECIDED_MS);
    newcomer(&mut world).check("full", "fin", 0);
    // A byte now and then makes a request no younger.
    half.iter().for_each(|client| client.send(b"f"));
    world.run(&Lines, over(0));
    for _ in 0..8 {
        newcomer(&mut world).check("+", "open", 0);
    }
    half.iter().for_each(|client| client.check("", "fin", 0));
    assert_eq!(world.stats().displaced, 8);
}

#[test]
fn field_22_idle_connections_of_a_pool_make_way_the_longest_idle_first() {
    let mut world = World::<2>::new();
    let pool = [(); 2].map(|()| world.connect(Client::sends(b"x\n")));
    world.run(&Lines, IDLE_KEEP_MS - DECIDED_MS);
    newcomer(&mut world).check("full", "fin", 0);
    // The first is in use again.
    pool[0].send(b"x\n");
    world.run(&Lines, over(0));
    newcomer(&mut world).check("+", "open", 0);
    pool[0].check("++", "open", 0);
    pool[1].check("+", "fin", 0);
    newcomer(&mut world).check("full", "fin", 0);
}

#[test]
fn field_22_silent_ones_go_before_half_requests_and_these_before_idle_ones() {
    let mut world = World::<3>::new();
    let idle = world.connect(Client::sends(b"x\n"));
    let half = world.connect(Client::sends(b"hal"));
    world.run(&Lines, over(IDLE_KEEP_MS));
    let silent = world.connect(Client::silent());
    world.run(&Lines, over(SILENT_KEEP_MS));
    for (ended, others) in [(&silent, [&half, &idle]), (&half, [&idle, &idle])] {
        newcomer(&mut world).check("+", "open", 0);
        ended.check("", "fin", 0);
        others.iter().for_each(|client| assert_eq!(client.end(), "open"));
    }
    newcomer(&mut world).check("+", "open", 0);
    idle.check("+", "fin", 0);
}

#[test]
fn field_22_a_subscriber_is_never_displaced() {
    let mut world = World::<1>::new();
    let subscriber = world.connect(Client::sends(b"s\n"));
    world.run(&Lines, 100_000);
    newcomer(&mut world).check("full", "fin", 0);
    subscriber.check("+", "open", 0);
}

#[test]
fn field_22_a_client_whose_reply_is_on_its_way_is_never_displaced() {
    let mut world = World::<1>::new();
    let reading = world.connect(Client::sends(b"b\n").takes(3));
    world.run(&Lines, over(SILENT_KEEP_MS));
    newcomer(&mut world).check("full", "fin", 0);
    reading.check("...", "open", 0);
}

#[test]
fn field_22_a_request_that_comes_in_time_keeps_its_client() {
    let mut world = World::<1>::new();
    let idle = world.connect(Client::sends(b"x\n"));
    world.run(&Lines, over(IDLE_KEEP_MS));
    let newcomer = world.connect(Client::sends(b"x\n"));
    world.run(&Lines, REJECT_AFTER_MS / 2);
    idle.send(b"x\n");
    world.run(&Lines, DECIDED_MS);
    newcomer.check("full", "fin", 0);
    idle.check("++", "open", 0);
    assert_eq!((world.stats().displaced, world.stats().rejected), (0, 1));
}

#[test]
fn field_22_only_as_many_are_displaced_as_come() {
    let mut world = World::<8>::new();
    let silent = [(); 8].map(|()| world.connect(Client::silent()));
    world.run(&Lines, over(SILENT_KEEP_MS));
    let newcomers = [(); 3].map(|()| world.connect(Client::sends(b"x\n")));
    world.run(&Lines, 4 * DECIDED_MS);
    assert_eq!(newcomers.each_ref().map(|client| client.end()), ["open"; 3]);
    newcomers.iter().for_each(|client| client.check("+", "open", 0));
    assert_eq!(silent.iter().filter(|client| client.end() == "fin").count(), 3);
}

#[test]
fn field_22_a_displaced_client_that_does_not_close_is_waited_for_no_longer_than_a_rejected_one() {
    let mut world = World::<1>::new();
    let silent = world.connect(Client::silent().never_closes());
    world.run(&Lines, over(SILENT_KEEP_MS));
    newcomer(&mut world).check("+", "open", 0);
    silent.check("", "fin", 0);
    world.run(&Lines, over(REJECT_TIMEOUT_MS));
    silent.check("", "reset", 0);
}

#[test]
fn field_23_telling_a_rejected_client_waits_for_nobodys_close() {
    let mut world = World::<1>::new();
    let _subscriber = world.connect(Client::sends(b"s\n"));
    world.run(&Lines, 1);
    let rejected = [(); 16].map(|()| world.connect(Client::silent().never_closes()));
    for client in &rejected {
        world.run(&Lines, DECIDED_MS);
        client.check("full", "fin", 0);
        // The stack needs the connection for the next of them.
        client.gives_way();
        world.run(&Lines, 1);
    }
    newcomer(&mut world).check("full", "fin", 0);
    assert_eq!((world.stats().rejected, world.stats().reset, world.stats().timed_out), (17, 0, 0));
}

#[test]
fn field_24_ninety_clients_a_second_that_reset_before_they_are_accepted() {
    let mut world = World::<1>::new();
    for _ in 0..90 {
        world.accept_fails(Reset::ByClient);
    }
    let client = world.connect(Client::sends(b"x\n"));
    world.run(&Lines, ACCEPT_RETRY_MS / 2);
    client.check("+", "open", 0);
    assert_eq!(world.stats().accept_errors, 90);
}
