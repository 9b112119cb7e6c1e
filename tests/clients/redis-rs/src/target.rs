//! The device, as the environment describes it.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longer than any step waits for the device.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The device under test, and how it is reached.
pub struct Target {
    pub client: Client,
    /// 2 or 3.
    pub protocol: i64,
    pub readings: Vec<String>,
    pub outputs: Vec<String>,
    /// The fields of a reading's `meta:NAME`.
    pub meta: Vec<String>,
    /// The reading that gets a new sample each second.
    pub sampled: String,
}

impl Target {
    /// Reads the variables that run.py sets.
    pub fn from_environment() -> Result<Self> {
        let (host, port, protocol) = (word("DEVICE_HOST")?, word("DEVICE_PORT")?, word("CLIENT_PROTOCOL")?);
        // Nothing is said where the library's own choice is the one to test.
        let chosen = if protocol == word("CLIENT_OWN_PROTOCOL")? { "" } else { &format!("?protocol={protocol}") };
        Ok(Self {
            client: Client::open(format!("redis://{host}:{port}/{chosen}"))?,
            protocol: protocol.parse()?,
            readings: words("DEVICE_READINGS")?,
            outputs: words("DEVICE_OUTPUTS")?,
            meta: words("DEVICE_META")?,
            sampled: word("DEVICE_SAMPLED")?,
        })
    }

    /// A connection, and what the device pushes on it.
    pub async fn connect(&self) -> Result<(MultiplexedConnection, UnboundedReceiver<PushInfo>)> {
        let (sender, pushes) = unbounded_channel();
        let mut config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        if self.protocol == 3 {
            config = config.set_push_sender(sender);
        }
        Ok((self.client.get_multiplexed_async_connection_with_config(&config).await?, pushes))
    }
}

fn word(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set"))
}

fn words(name: &str) -> Result<Vec<String>> {
    Ok(word(name)?.split_whitespace().map(str::to_owned).collect())
}
