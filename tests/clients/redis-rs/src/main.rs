//! redis-rs on tokio against a device: the steps of the other libraries' programs, in Rust.
//!
//! # Layout
//! - `main.rs`: the steps on one connection.
//! - `subscribe.rs`: samples as they come, in each protocol's way.
//! - `target.rs`: the device, as the environment describes it.

mod subscribe;
mod target;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, AsyncIter, ScanOptions, Value, cmd, pipe};

use crate::target::Target;

const PIPELINED: usize = 100;

/// Names the step that is taken next; what fails after it, failed in it.
fn step(name: &str) {
    println!("step {name}");
}

fn number(text: &str) -> Result<f64> {
    text.parse().map_err(|_| anyhow::anyhow!("{text:?} is no number"))
}

fn equal<T: PartialEq + Debug>(got: T, expected: T) -> Result<()> {
    ensure!(got == expected, "{got:?}, not {expected:?}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match scenario().await {
        Ok(()) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn scenario() -> Result<()> {
    let target = Target::from_environment()?;
    step("connect");
    let (mut connection, pushes) = target.connect().await?;
    step("PING");
    equal(connection.ping::<String>().await?, "PONG".to_owned())?;
    step("HELLO");
    let hello: HashMap<String, Value> = cmd("HELLO").query_async(&mut connection).await?;
    equal(hello.get("proto"), Some(&Value::Int(target.protocol)))?;
    step("INFO");
    info(&mut connection).await?;
    values(&mut connection, &target).await?;
    scan(&mut connection, &target).await?;
    for output in &target.outputs {
        step(&format!("SET {output}"));
        switch(&mut connection, output).await?;
    }
    step("pipeline");
    pipeline(&mut connection, &target.sampled).await?;
    history(&mut connection, &format!("history:{}", target.sampled)).await?;
    step("SUBSCRIBE");
    subscribe::samples(&target, &mut connection, pushes).await?;
    step("error");
    errors(&mut connection).await?;
    step("QUIT");
    equal(cmd("QUIT").query_async::<String>(&mut connection).await?, "OK".to_owned())
}

async fn info(connection: &mut MultiplexedConnection) -> Result<()> {
    let text: String = cmd("INFO").query_async(connection).await?;
    let fields: HashMap<_, _> = text.lines().filter_map(|line| line.split_once(':')).collect();
    ensure!(fields.get("redis_version").is_some_and(|version| !version.is_empty()), "no redis_version in {text:?}");
    let uptime = fields.get("uptime_in_seconds").and_then(|uptime| uptime.parse::<u64>().ok());
    ensure!(uptime.is_some(), "no uptime_in_seconds in {text:?}");
    Ok(())
}

async fn values(connection: &mut MultiplexedConnection, target: &Target) -> Result<()> {
    step("GET");
    number(&connection.get::<_, String>(&target.sampled).await?)?;
    equal(connection.get::<_, Option<String>>("no.such.reading").await?, None)?;
    step("MGET");
    let names: Vec<_> = target.readings.iter().map(String::as_str).chain(["no.such.reading"]).collect();
    let mut values: Vec<Option<String>> = connection.mget(&names).await?;
    equal(values.pop(), Some(None))?;
    equal(values.len(), target.readings.len())?;
    values.iter().try_for_each(|value| number(value.as_deref().unwrap_or("nothing")).map(drop))?;
    step("HGETALL");
    let meta: HashMap<String, String> = connection.hgetall(format!("meta:{}", target.sampled)).await?;
    ensure!(target.meta.iter().all(|field| meta.contains_key(field)), "{meta:?}");
    Ok(())
}

async fn scan(connection: &mut MultiplexedConnection, target: &Target) -> Result<()> {
    step("SCAN");
    let found = names(connection.scan_options(ScanOptions::default().with_count(2)).await?).await?;
    let missing: Vec<_> = target.readings.iter().chain(&target.outputs).filter(|name| !found.contains(*name)).collect();
    ensure!(missing.is_empty(), "{missing:?} are not in {found:?}");
    let start = &target.sampled[..2];
    let matched = names(connection.scan_match(format!("{start}*")).await?).await?;
    ensure!(matched.contains(&target.sampled) && matched.iter().all(|name| name.starts_with(start)), "{matched:?}");
    Ok(())
}

async fn names(mut pages: AsyncIter<'_, String>) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    while let Some(name) = pages.next_item().await {
        names.insert(name?);
    }
    Ok(names)
}

async fn switch(connection: &mut MultiplexedConnection, output: &str) -> Result<()> {
    for state in ["1", "0"] {
        equal(connection.set::<_, _, String>(output, state).await?, "OK".to_owned())?;
        equal(connection.get::<_, String>(output).await?, state.to_owned())?;
    }
    Ok(())
}

async fn pipeline(connection: &mut MultiplexedConnection, sampled: &str) -> Result<()> {
    let mut commands = pipe();
    for index in 0..PIPELINED / 2 {
        commands.get(sampled).cmd("ECHO").arg(index.to_string());
    }
    let replies: Vec<String> = commands.query_async(connection).await?;
    equal(replies.len(), PIPELINED)?;
    for (index, pair) in replies.chunks(2).enumerate() {
        number(&pair[0])?;
        equal(&pair[1], &index.to_string())?;
    }
    Ok(())
}

async fn history(connection: &mut MultiplexedConnection, key: &str) -> Result<()> {
    step("XRANGE");
    let entries: StreamRangeReply = connection.xrange_count(key, "-", "+", 3).await?;
    ensure!((1..=3).contains(&entries.ids.len()), "{entries:?}");
    for entry in &entries.ids {
        check_entry(entry)?;
    }
    step("XREAD BLOCK");
    let newest: StreamRangeReply = connection.xrevrange_count(key, "+", "-", 1).await?;
    equal(newest.ids.len(), 1)?;
    let block = StreamReadOptions::default().block(3_000);
    let read: Option<StreamReadReply> = connection.xread_options(&[key], &[&newest.ids[0].id], &block).await?;
    let streams = read.map(|reply| reply.keys).unwrap_or_default();
    ensure!(streams.len() == 1 && streams[0].key == key, "{streams:?}");
    let next = streams[0].ids.first();
    let next = next.ok_or_else(|| anyhow::anyhow!("no new entry"))?;
    check_entry(next)?;
    ensure!(order(&next.id)? > order(&newest.ids[0].id)?, "{next:?} comes after {newest:?}");
    Ok(())
}

/// An entry of a history has the field `value` and no other.
fn check_entry(entry: &StreamId) -> Result<()> {
    order(&entry.id)?;
    let value = entry.get::<String>("value");
    ensure!(entry.map.len() == 1 && value.is_some(), "{entry:?}");
    number(&value.unwrap_or_default()).map(drop)
}

/// The two numbers of an entry's ID.
fn order(id: &str) -> Result<(u64, u64)> {
    let parts = id.split_once('-').and_then(|(time, sequence)| Some((time.parse().ok()?, sequence.parse().ok()?)));
    parts.ok_or_else(|| anyhow::anyhow!("{id:?} is no entry's ID"))
}

async fn errors(connection: &mut MultiplexedConnection) -> Result<()> {
    refused(cmd("NOSUCH").arg("a"), "unknown command 'NOSUCH'", connection).await?;
    refused(&cmd("GET"), "wrong number of arguments for 'get' command", connection).await?;
    equal(connection.ping::<String>().await?, "PONG".to_owned())
}

async fn refused(command: &redis::Cmd, words: &str, connection: &mut MultiplexedConnection) -> Result<()> {
    match command.query_async::<Value>(connection).await {
        Ok(reply) => anyhow::bail!("no error but {reply:?}"),
        Err(error) => {
            equal(error.code(), Some("ERR"))?;
            ensure!(error.detail().is_some_and(|detail| detail.starts_with(words)), "{error:?}");
            Ok(())
        }
    }
}
