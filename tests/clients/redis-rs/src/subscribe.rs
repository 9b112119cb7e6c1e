//! Samples as they come. In RESP2 a subscribed connection does nothing else; in RESP3 it goes on as before.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, PushInfo, PushKind, from_redis_value};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::target::Target;
use crate::{number, step};

const SAMPLES: usize = 2;
/// Samples come each second.
const SAMPLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits for samples in the way of the target's protocol.
pub async fn samples(
    target: &Target,
    connection: &mut MultiplexedConnection,
    pushes: UnboundedReceiver<PushInfo>,
) -> Result<()> {
    match target.protocol {
        3 => pushed(target, connection, pushes).await,
        _ => subscribed(target).await,
    }
}

async fn subscribed(target: &Target) -> Result<()> {
    let mut subscriber = target.client.get_async_pubsub().await?;
    subscriber.subscribe(&target.sampled).await?;
    for _ in 0..SAMPLES {
        let message = timeout(SAMPLE_TIMEOUT, subscriber.on_message().next()).await.context("no sample")?;
        let message = message.context("the device closed")?;
        ensure!(message.get_channel_name() == target.sampled, "{message:?}");
        number(&message.get_payload::<String>()?)?;
    }
    step("UNSUBSCRIBE");
    Ok(subscriber.unsubscribe(&target.sampled).await?)
}

async fn pushed(
    target: &Target,
    connection: &mut MultiplexedConnection,
    mut pushes: UnboundedReceiver<PushInfo>,
) -> Result<()> {
    connection.subscribe(&target.sampled).await?;
    let mut samples = 0;
    while samples < SAMPLES {
        let push = timeout(SAMPLE_TIMEOUT, pushes.recv()).await.context("no sample")?.context("the device closed")?;
        if push.kind == PushKind::Message {
            let [channel, payload]: [String; 2] = from_redis_value(redis::Value::Array(push.data))?;
            ensure!(channel == target.sampled, "a message on {channel}");
            number(&payload)?;
            number(&connection.get::<_, String>(&target.sampled).await?)?;
            samples += 1;
        }
    }
    step("UNSUBSCRIBE");
    Ok(connection.unsubscribe(&target.sampled).await?)
}
