//! Addresses of names, from the name servers of the network: a stub resolver (RFC 1034 section 5.3.1) for IPv4.
//!
//! Written by hand, because embassy-net's resolver draws IDs and ports from smoltcp's generator. Three requests of DHCP,
//! which all hosts of the network hear, give all that this generator draws later (docs/upstream.md).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use edge_nal::{AddrType, Dns, UdpSend};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_time::{Duration, with_timeout};
use embedded_io_async::ErrorKind;

use crate::client_port;
use crate::dns::{A, CNAME, IN, Message, PORT, Writer};
use crate::limits::{
    DNS_FOREIGN_ANSWERS_MAX, DNS_LABEL_LEN_MAX, DNS_MESSAGE_LEN_MAX, DNS_QUESTION_LEN_MAX, DNS_TRIES, DNS_TRY_MS,
    HOST_LEN_MAX,
};
use crate::udp::{Buffers, Udp};

/// The memory of a resolver's socket.
pub type ResolverBuffers = Buffers<DNS_MESSAGE_LEN_MAX, DNS_QUESTION_LEN_MAX, 1>;

/// The header's second word: a query, recursion desired.
const QUERY: u16 = 0x0100;
/// Response codes.
const NO_ERROR: u8 = 0;
const NAME_ERROR: u8 = 3;

/// Why a name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveError {
    /// The text is no name of a host, or longer than [`HOST_LEN_MAX`].
    NotAName,
    /// The network has no name server.
    NoServer,
    /// The name does not exist, or has no IPv4 address.
    NotFound,
    /// A name server has an error of its own, or can't be asked.
    Server,
    /// No name server has answered in time.
    TimedOut,
    /// Something else than the IPv4 address of a name was asked for.
    Unsupported,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for ResolveError {}

impl embedded_io_async::Error for ResolveError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAName => ErrorKind::InvalidInput,
            Self::NoServer => ErrorKind::AddrNotAvailable,
            Self::NotFound => ErrorKind::NotFound,
            Self::Server => ErrorKind::Other,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Unsupported => ErrorKind::Unsupported,
        }
    }
}

/// Looks up names, one at a time; other callers wait. Each question has an ID and a port of its own (RFC 5452 section 9).
pub struct Resolver<R> {
    udp: Mutex<NoopRawMutex, Udp>,
    random: R,
}

impl<R: Fn(&mut [u8])> Resolver<R> {
    /// A resolver that asks the name servers of the stack of `udp`. `random` fills bytes, which nobody can guess.
    pub const fn new(udp: Udp, random: R) -> Self {
        Self { udp: Mutex::new(udp), random }
    }

    /// The first address of a host. Takes [`DNS_TRIES`] times [`DNS_TRY_MS`] at most, once it is its turn.
    async fn address(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        let udp = self.udp.lock().await;
        let servers = udp.name_servers();
        let mut outcome = Err(ResolveError::NoServer);
        for &server in servers.iter().cycle().take(DNS_TRIES) {
            let asking = with_timeout(Duration::from_millis(DNS_TRY_MS), self.ask(&udp, server, host));
            outcome = asking.await.unwrap_or(Err(ResolveError::TimedOut));
            if !matches!(outcome, Err(ResolveError::TimedOut | ResolveError::Server)) {
                break;
            }
        }
        outcome
    }

    /// Asks one server once.
    async fn ask(&self, udp: &Udp, server: Ipv4Addr, host: &str) -> Result<Ipv4Addr, ResolveError> {
        let (mut id, mut bytes) = ([0; 2], [0; DNS_QUESTION_LEN_MAX]);
        (self.random)(&mut id);
        let len = question(host, u16::from_le_bytes(id), &mut bytes).ok_or(ResolveError::NotAName)?;
        let (asked, server) = (&bytes[..len], SocketAddr::new(server.into(), PORT));
        let mut socket = client_port::bind(udp, &self.random).await.map_err(|_| ResolveError::Server)?;
        socket.send(server, asked).await.map_err(|_| ResolveError::Server)?;
        for _ in 0..DNS_FOREIGN_ANSWERS_MAX {
            let take = |heard: &[u8], from| if from == server { outcome(asked, heard) } else { None };
            if let Some(outcome) = socket.receive_with(take).await {
                return outcome;
            }
        }
        Err(ResolveError::TimedOut)
    }
}

impl<R: Fn(&mut [u8])> Dns for Resolver<R> {
    type Error = ResolveError;

    async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr, ResolveError> {
        match addr_type {
            AddrType::IPv4 | AddrType::Either => self.address(host).await.map(IpAddr::V4),
            AddrType::IPv6 => Err(ResolveError::Unsupported),
        }
    }

    async fn get_host_by_address(&self, _addr: IpAddr, _result: &mut [u8]) -> Result<usize, ResolveError> {
        Err(ResolveError::Unsupported)
    }
}

/// Writes a question for the IPv4 address of a host, and returns its length. None if `host` is no name, or too long.
fn question(host: &str, id: u16, buffer: &mut [u8; DNS_QUESTION_LEN_MAX]) -> Option<usize> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.len() > HOST_LEN_MAX {
        return None;
    }
    let mut writer = Writer::new(buffer);
    for word in [id, QUERY, 1, 0, 0, 0] {
        writer.word(word)?;
    }
    for label in host.split('.') {
        if label.is_empty() || label.len() > DNS_LABEL_LEN_MAX {
            return None;
        }
        writer.put(&[label.len() as u8])?;
        writer.put(label.as_bytes())?;
    }
    writer.put(&[0])?;
    writer.word(A)?;
    writer.word(IN)?;
    Some(writer.len)
}

/// The outcome of a question by a message that came from its server. None if the message does not answer the question
/// (RFC 5452 section 9.1).
fn outcome(asked: &[u8], heard: &[u8]) -> Option<Result<Ipv4Addr, ResolveError>> {
    let (asked, heard) = (Message::new(asked)?, Message::new(heard)?);
    let [questions, answers, ..] = heard.counts();
    if heard.id() != asked.id() || !heard.is_response() || heard.opcode() != 0 || questions != 1 {
        return None;
    }
    let mut reader = heard.reader();
    let (question, repeated) = (asked.reader().question()?, reader.question()?);
    if (repeated.kind, repeated.class) != (A, IN) || !repeated.name.is(question.name) {
        return None;
    }
    match heard.code() {
        NO_ERROR => {}
        NAME_ERROR => return Some(Err(ResolveError::NotFound)),
        _ => return Some(Err(ResolveError::Server)),
    }
    let mut name = repeated.name;
    for _ in 0..answers {
        // The address may have been cut off.
        let Some(record) = reader.record() else { return Some(Err(ResolveError::Server)) };
        if record.class != IN || !record.name.is(name) {
            continue;
        }
        match (record.kind, record.data) {
            (A, &[a, b, c, d]) => return Some(Ok(Ipv4Addr::new(a, b, c, d))),
            // The address of an alias is that of the name behind it, which comes later (RFC 1034 section 4.3.2).
            (CNAME, _) => name = record.target(0)?,
            _ => {}
        }
    }
    // A longer answer would come by TCP, which is not here. Another server may need less.
    let error = if heard.is_truncated() { ResolveError::Server } else { ResolveError::NotFound };
    Some(Err(error))
}

#[cfg(test)]
mod tests;
