//! Taking slots, and telling whether all of them are free.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::case::TooSlow;
use crate::limits::{REPLY_MAX, SETTLE, SILENT_KEEP};
use crate::target::Target;
use crate::test_client::TestClient;

/// Opens `count` connections that send nothing, and sees that the server keeps every one of them.
pub fn hold(target: &Target, count: usize) -> Result<Vec<TestClient>> {
    let mut held = Vec::with_capacity(count);
    for number in 1..=count {
        let client = TestClient::connect(target).with_context(|| format!("connecting client {number} of {count}"))?;
        held.push(client);
    }
    thread::sleep(SETTLE);
    for (index, client) in held.iter_mut().enumerate() {
        if !client.is_quiet()? {
            let reply = client.read_reply(REPLY_MAX);
            anyhow::bail!("client {} of {count} was not kept: {reply}", index + 1);
        }
    }
    Ok(held)
}

/// Serves every held client, the last one first.
///
/// The order matters. A connection that no slot accepted is the last one, and it must not get the slot of a client that
/// was served before.
pub fn serve(held: Vec<TestClient>) -> Result<()> {
    let count = held.len();
    for (index, mut client) in held.into_iter().enumerate().rev() {
        client.send(b"held\n")?;
        client
            .read_reply(REPLY_MAX)
            .expect_hello()
            .with_context(|| format!("client {} of {count} held open", index + 1))?;
    }
    Ok(())
}

/// Runs what needs silent clients to keep their slots. Such a client keeps its slot for [`SILENT_KEEP`], so a failure
/// after a longer time shows nothing.
pub fn while_kept<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    let begin = Instant::now();
    run().map_err(|error| match begin.elapsed() {
        elapsed if elapsed < SILENT_KEEP => error,
        elapsed => TooSlow::error(format!("silent clients had to wait for {elapsed:.1?}: {error:#}")),
    })
}

/// Waits until every slot takes a client and serves it; returns how long that took.
pub fn all_usable(target: &Target, within: Duration) -> Result<Duration> {
    const RETRY: Duration = Duration::from_millis(200);
    let begin = Instant::now();
    loop {
        match hold(target, target.slots).and_then(serve) {
            Ok(()) if begin.elapsed() > within => {
                return Err(TooSlow::error(format!("the slots took {:.1} s", begin.elapsed().as_secs_f32())));
            }
            Ok(()) => return Ok(begin.elapsed()),
            Err(_) if begin.elapsed() + RETRY < within => {}
            Err(error) => {
                let after = begin.elapsed().as_secs_f32();
                return Err(TooSlow::error(format!("not all slots are usable after {after:.1} s: {error:#}")));
            }
        }
        thread::sleep(RETRY);
    }
}
