//! A TCP client on the machine's own stack, with a time limit on everything it does.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, SockRef, Socket, Type};

use crate::answer::{Answer, End};
use crate::limits::{CONNECT_MAX, REPLY_LEN_MAX, REPLY_MAX};
use crate::target::Target;

/// One connection to the server under test.
pub struct TestClient {
    stream: TcpStream,
}

impl TestClient {
    /// Connects; the error's kind tells a refusal from a time-out.
    pub fn connect(target: &Target) -> io::Result<Self> {
        Self::connect_within(target, CONNECT_MAX)
    }

    /// [`TestClient::connect`] with another time limit.
    pub fn connect_within(target: &Target, limit: Duration) -> io::Result<Self> {
        Self::prepare(TcpStream::connect_timeout(&target.address, limit)?)
    }

    /// Connects with a small receive buffer, so that the server's window closes soon.
    pub fn connect_with_receive_buffer(target: &Target, len: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target.address), Type::STREAM, None)?;
        socket.set_recv_buffer_size(len)?;
        socket.connect_timeout(&target.address.into(), CONNECT_MAX)?;
        Self::prepare(socket.into())
    }

    /// Connects from a local port, also while an earlier connection from it is in TIME-WAIT.
    pub fn connect_from(target: &Target, port: u16) -> io::Result<Self> {
        let any: IpAddr = match target.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = Socket::new(Domain::for_address(target.address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(any, port).into())?;
        socket.connect_timeout(&target.address.into(), CONNECT_MAX)?;
        Self::prepare(socket.into())
    }

    fn prepare(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(REPLY_MAX))?;
        stream.set_read_timeout(Some(REPLY_MAX))?;
        Ok(Self { stream })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends for `limit` as fast as the server takes it, bounded by a pause after each chunk, without ever reading.
    ///
    /// Returns how many bytes went out before the connection ended or the time was over.
    pub fn flood(&mut self, limit: Duration) -> io::Result<usize> {
        const CHUNK: [u8; 16 * 1024] = [b'x'; 16 * 1024];
        const PAUSE: Duration = Duration::from_millis(10);
        let begin = Instant::now();
        let mut sent = 0;
        self.stream.set_write_timeout(Some(limit))?;
        while begin.elapsed() < limit {
            match self.stream.write(&CHUNK) {
                Ok(0) | Err(_) => break,
                Ok(len) => sent += len,
            }
            thread::sleep(PAUSE);
        }
        Ok(sent)
    }

    /// Waits for at most `limit` for some bytes; `Ok(0)` is the end of the stream.
    pub fn read_some(&mut self, buffer: &mut [u8], limit: Duration) -> io::Result<usize> {
        // Zero would mean no time limit at all.
        let limit = limit.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(limit))?;
        self.stream.read(buffer)
    }

    /// Reads until the connection ends, or `limit` has passed.
    pub fn read_reply(&mut self, limit: Duration) -> Answer {
        let deadline = Instant::now() + limit;
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let end = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break End::TimedOut;
            }
            match self.read_some(&mut buffer, left) {
                Ok(0) => break End::Eof,
                Ok(len) => bytes.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break End::from(error.kind()),
            }
            if bytes.len() > REPLY_LEN_MAX {
                break End::TooLong;
            }
        };
        Answer { bytes, end }
    }

    /// Whether the connection is open and the server has said nothing.
    pub fn is_quiet(&self) -> io::Result<bool> {
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
    }

    /// Ends this side (FIN); the server's side stays readable.
    pub fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends the connection with RST in place of FIN.
    pub fn reset(self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}

/// One whole exchange: connect, send, read to the end.
pub fn ask(target: &Target, request: &[u8]) -> Result<Answer> {
    let mut client = TestClient::connect(target).context("connecting")?;
    client.send(request).context("sending the request")?;
    Ok(client.read_reply(REPLY_MAX))
}
