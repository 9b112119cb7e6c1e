//! A blocking connection to a device.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use sockeye_resp::{Reply, decode_reply, encode_request};

use crate::limits::{CONNECT_TIMEOUT, REPLY_TIMEOUT, UPDATE_BUFFER_LEN};
use crate::update::Stop;

/// A connection to a device.
pub struct DeviceLink {
    stream: TcpStream,
    /// The received bytes that are not read yet.
    received: Vec<u8>,
}

/// A reply.
pub enum Value {
    Text(String),
    Integer(i64),
    Error(String),
    Null,
    /// Keys, each followed by its value.
    List(Vec<Value>),
}

impl DeviceLink {
    /// Connects to the first address that answers.
    ///
    /// # Errors
    /// None answers.
    pub fn connect(addresses: &[SocketAddr]) -> io::Result<Self> {
        let mut last = Error::from(ErrorKind::AddrNotAvailable);
        for address in addresses {
            match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
                    return Ok(Self { stream, received: Vec::new() });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends a request.
    pub fn send(&mut self, args: &[&[u8]]) -> io::Result<()> {
        let mut request = [0; UPDATE_BUFFER_LEN];
        let len = encode_request(args, &mut request).map_err(|error| Error::other(format!("{error:?}")))?;
        self.stream.write_all(&request[..len])
    }

    /// Waits for the next reply. A device has [`REPLY_TIMEOUT`] for all of it, however many pieces it comes in.
    ///
    /// # Errors
    /// The connection is lost, or what comes is no reply.
    pub fn receive(&mut self) -> io::Result<Value> {
        let deadline = Instant::now() + REPLY_TIMEOUT;
        loop {
            let malformed = |_| Error::new(ErrorKind::InvalidData, "the device sent what is no reply");
            if let Some((reply, len)) = decode_reply(&self.received, UPDATE_BUFFER_LEN).map_err(malformed)? {
                let value = Value::from(reply);
                self.received.drain(..len);
                return Ok(value);
            }
            let mut bytes = [0; UPDATE_BUFFER_LEN];
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut bytes)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                len => self.received.extend(&bytes[..len]),
            }
        }
    }

    /// Sends a request, and waits for its reply.
    pub fn request(&mut self, args: &[&[u8]]) -> io::Result<Value> {
        self.send(args)?;
        self.receive()
    }
}

impl From<Reply<'_>> for Value {
    fn from(reply: Reply<'_>) -> Self {
        // The text is shown on a terminal, which obeys control characters.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(char::is_control, "?");
        match reply {
            Reply::Simple(bytes) | Reply::Bulk(bytes) => Self::Text(text(bytes)),
            // Without the word for programs.
            Reply::Error(bytes) => Self::Error(text(bytes).trim_start_matches("ERR ").to_owned()),
            Reply::Integer(value) => Self::Integer(value),
            Reply::Array(elements) | Reply::Map(elements) => Self::List(elements.iter().map(Self::from).collect()),
            _ => Self::Null,
        }
    }
}

impl Value {
    /// The error of a reply that the protocol does not have at this place.
    pub fn unexpected<T>() -> Result<T, Stop> {
        Err(Stop::Refused("it sent a reply that this program does not understand".to_owned()))
    }

    /// The reply to a command that returns OK.
    pub fn into_done(self) -> Result<(), Stop> {
        match self {
            Self::Text(text) if text.starts_with("OK") => Ok(()),
            Self::Error(error) => Err(Stop::Refused(error)),
            _ => Self::unexpected(),
        }
    }

    /// The reply to a command that returns an offset.
    pub fn into_offset(self) -> Result<usize, Stop> {
        match self {
            Self::Integer(offset) => usize::try_from(offset).or_else(|_| Self::unexpected()),
            Self::Error(error) => Err(Stop::Refused(error)),
            _ => Self::unexpected(),
        }
    }

    /// The reply to a command that returns fields.
    pub fn into_fields(self) -> Result<Vec<(String, Option<String>)>, Stop> {
        let values = match self {
            Self::List(values) => values,
            Self::Error(error) => return Err(Stop::Refused(error)),
            _ => return Self::unexpected(),
        };
        let texts: Vec<_> = values
            .into_iter()
            .map(|value| match value {
                Self::Text(text) => Some(text),
                Self::Integer(value) => Some(value.to_string()),
                _ => None,
            })
            .collect();
        Ok(texts.chunks_exact(2).map(|pair| (pair[0].clone().unwrap_or_default(), pair[1].clone())).collect())
    }
}
