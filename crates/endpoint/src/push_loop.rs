//! Sending samples to a peer: what joins an [`Outbox`] with a client's connection.

use core::fmt::{self, Write as _};
use core::net::{IpAddr, SocketAddr};

use edge_nal::{AddrType, Dns, Readable, TcpConnect, TcpShutdown};
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use heapless::String;
use sockeye_backoff::Backoff;
use sockeye_client::{Client, ClientBuffers, ClientError, ClientTimeouts, Reply, connect};
use sockeye_device::limits::{DEVICE_NAME_LEN_MAX, PUSH_ERROR_LEN_MAX, PUSH_TO_LEN_MAX, PUSH_TOKEN_LEN_MAX};
use sockeye_device::{Outbox, ReadingNames, SampleOutcome, StreamId};

use crate::limits::{
    ABORT_TIMEOUT_MS, NUMBER_TEXT_LEN_MAX, PUSH_KEY_LEN_MAX, PUSH_PAUSES, PUSH_RX_LEN, PUSH_TX_LEN, STREAM_ID_LEN_MAX,
};

/// The memory of a connection to a peer.
pub type PushBuffers = ClientBuffers<PUSH_RX_LEN, PUSH_TX_LEN>;

/// Why a connection is over.
enum Ended {
    /// Other settings are in force.
    Reconfigured,
    /// The peer has closed a connection on which nothing was on its way.
    Idle,
    /// For this reason.
    Failed(String<PUSH_ERROR_LEN_MAX, u8>),
}

impl<E: fmt::Display> From<ClientError<E>> for Ended {
    fn from(error: ClientError<E>) -> Self {
        let mut text = String::new();
        // A longer one is cut.
        let _ = write!(text, "{error}");
        Self::Failed(text)
    }
}

impl Ended {
    fn because(text: &[u8]) -> Self {
        let text = str::from_utf8(text).unwrap_or("an error that is no text");
        let len = text.floor_char_boundary(PUSH_ERROR_LEN_MAX);
        Self::Failed(String::try_from(text.get(..len).unwrap_or_default()).unwrap_or_default())
    }
}

/// Sends the outbox's samples to the peer of its settings, for ever. The loop connects when there is a sample, and
/// stays connected. After a failure it connects again, after a wait that grows.
///
/// `names` are those of readings that come and go, the [`App`](sockeye_device::App)'s or none, `()`. `random` spreads
/// the waits; it needn't be secret. Names of hosts are looked up with `dns` for each connection.
pub async fn push<S: TcpConnect, D: Dns>(
    outbox: &Outbox<'_>,
    names: &impl ReadingNames,
    stack: &S,
    dns: &D,
    buffers: &mut PushBuffers,
    mut random: impl FnMut() -> u32,
) -> ! {
    let mut backoff = Backoff::new();
    loop {
        let version = outbox.version();
        if !outbox.has_samples() {
            outbox.ready(version).await;
            continue;
        }
        let delivered = outbox.counts().delivered;
        let Err(ended) = session((outbox, names), version, stack, dns, buffers).await;
        if outbox.counts().delivered != delivered {
            backoff.reset();
        }
        match ended {
            Ended::Reconfigured | Ended::Idle => outbox.disconnected(None),
            Ended::Failed(why) => {
                outbox.disconnected(Some(&why));
                let wait = Duration::from_millis(backoff.next_ms(&PUSH_PAUSES, random()).into());
                select(Timer::after(wait), outbox.reconfigured(version)).await;
            }
        }
    }
}

/// One connection, from its beginning to its end.
async fn session<S: TcpConnect, D: Dns>(
    (outbox, names): (&Outbox<'_>, &impl ReadingNames),
    version: u32,
    stack: &S,
    dns: &D,
    buffers: &mut PushBuffers,
) -> Result<core::convert::Infallible, Ended> {
    let peer = address(outbox, dns).await?;
    let socket = connect(stack, peer, ClientTimeouts::DEFAULT.connect).await?;
    let mut client = Client::new(socket, buffers, ClientTimeouts::DEFAULT.io);
    let Err(ended) = talk((outbox, names), version, &mut client).await;
    // A peer that is still there learns at once that nothing more comes. Not all stacks can say so in time.
    let _ = with_timeout(Duration::from_millis(ABORT_TIMEOUT_MS), client.transport().abort()).await;
    Err(ended)
}

/// The peer's address, which may be looked up.
async fn address<D: Dns>(outbox: &Outbox<'_>, dns: &D) -> Result<SocketAddr, Ended> {
    let to = outbox.with_settings(|settings| String::<PUSH_TO_LEN_MAX, u8>::try_from(settings.to.as_str()));
    let to = to.unwrap_or_default();
    let (host, port) = match parse(&to) {
        Some(Peer::Address(address)) => return Ok(address),
        Some(Peer::Name(host, port)) => (host, port),
        None => return Err(Ended::because(b"push.to isn't HOST:PORT")),
    };
    let asking = dns.get_host_by_name(host, AddrType::IPv4);
    let address: IpAddr = match with_timeout(ClientTimeouts::DEFAULT.connect, asking).await {
        Ok(Ok(address)) => address,
        Ok(Err(_)) | Err(_) => return Err(Ended::because(b"the peer's name has no address")),
    };
    Ok(SocketAddr::new(address, port))
}

/// The parts before and after the colon.
enum Peer<'a> {
    Address(SocketAddr),
    Name(&'a str, u16),
}

fn parse(to: &str) -> Option<Peer<'_>> {
    if let Ok(address) = to.parse() {
        return Some(Peer::Address(SocketAddr::V4(address)));
    }
    let (host, port) = to.rsplit_once(':')?;
    Some(Peer::Name(host, port.parse().ok()?))
}

/// Logs in, asks where the streams end, and sends samples as they come.
async fn talk<T: Read + Write + Readable>(
    (outbox, names): (&Outbox<'_>, &impl ReadingNames),
    version: u32,
    client: &mut Client<'_, T>,
) -> Result<core::convert::Infallible, Ended>
where
    T::Error: fmt::Display,
{
    let token: String<PUSH_TOKEN_LEN_MAX, u8> = outbox.with_settings(|settings| settings.token.clone());
    if !token.is_empty()
        && let Err(error) = client.auth(token.as_bytes()).await
    {
        return Err(refused(error, client));
    }
    let node = outbox.node();
    outbox.connected();
    while let Some((index, name)) = outbox.next_unqueried(names) {
        let last = client.stream_last_id(&key(&node, &name)).await;
        let last = match last.map(|last| last.and_then(|id| StreamId::parse(id, 0))) {
            Ok(last) => last,
            // The key is of another type, which the peer repeats for each sample; or the peer has no XINFO, or doesn't
            // permit it. Then the first ID is as if there were no stream.
            Err(ClientError::Refused) if is_of_request(client.refusal()) => None,
            Err(ClientError::Unexpected) => None,
            Err(error) => return Err(refused(error, client)),
        };
        outbox.set_last_id(index, last);
    }
    loop {
        if outbox.version() != version {
            return Err(Ended::Reconfigured);
        }
        while let Some(sample) = outbox.next(names) {
            let key = key(&node, &sample.name);
            let id: String<STREAM_ID_LEN_MAX, u8> = text(sample.id);
            let value: String<NUMBER_TEXT_LEN_MAX, u8> = text(sample.value);
            client.send(&[b"XADD", key.as_bytes(), id.as_bytes(), b"value", value.as_bytes()]).await?;
        }
        if client.owed() == 0 {
            match select(outbox.ready(version), client.unasked()).await {
                Either::First(()) => continue,
                Either::Second(result) => result?,
            }
            return Err(match client.receive().await {
                Err(ClientError::Closed) => Ended::Idle,
                Ok(Reply::Error(error)) => Ended::because(error),
                result => result.map(|_| ClientError::<T::Error>::Unexpected)?.into(),
            });
        }
        let (outcome, reason) = match client.receive().await? {
            Reply::Bulk(_) => (SampleOutcome::Stored, &b""[..]),
            Reply::Error(error) => (outcome(error).ok_or_else(|| Ended::because(error))?, error),
            _ => return Err(ClientError::<T::Error>::Unexpected.into()),
        };
        let reason = str::from_utf8(reason).unwrap_or("an error that is no text");
        outbox.settle(outcome, reason).map_err(|_| Ended::because(b"somebody else writes to a stream"))?;
    }
}

/// The outcome of a sample by the peer's error. None if the error is about the peer's state: loading its data, out of
/// memory, or authentication required. Then the sample waits.
fn outcome(error: &[u8]) -> Option<SampleOutcome> {
    if error.starts_with(b"ERR The ID specified in XADD is equal or smaller") {
        Some(SampleOutcome::IdNotGreater)
    } else if is_of_request(error) && !error.starts_with(b"NOPERM ") {
        Some(SampleOutcome::Refused)
    } else {
        None
    }
}

/// Whether an error is about the request, and not about the state that the peer is in. Redis and devices begin most errors
/// of requests with `ERR`. With `ERR` they also say that they have no room for the connection, or that they end it.
fn is_of_request(error: &[u8]) -> bool {
    let is_one_of = |kinds: &[&[u8]]| kinds.iter().any(|kind| error.starts_with(kind));
    is_one_of(&[b"ERR ", b"NOPERM ", b"WRONGTYPE "])
        && !is_one_of(&[b"ERR max number of clients", b"ERR Protocol error"])
}

/// Why a call failed, in the peer's words if it has said so.
fn refused<T: Read + Write>(error: ClientError<T::Error>, client: &Client<'_, T>) -> Ended
where
    T::Error: fmt::Display,
{
    match error {
        ClientError::Refused => Ended::because(client.refusal()),
        error => error.into(),
    }
}

/// The key of a reading's stream at the peer.
fn key(node: &String<DEVICE_NAME_LEN_MAX, u8>, name: &str) -> String<PUSH_KEY_LEN_MAX, u8> {
    let mut key = String::new();
    // The text fits, because the string's length is computed for the longest.
    let _ = write!(key, "history:{node}.{name}");
    key
}

/// A short value as text; its longest fits.
fn text<const LEN: usize>(value: impl fmt::Display) -> String<LEN, u8> {
    let mut text = String::new();
    let _ = write!(text, "{value}");
    text
}
