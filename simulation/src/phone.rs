//! Clients' hosts: phones and computers that join networks, and speak with the device as Redis clients do.

use std::fmt;
use std::net::Ipv4Addr;

use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, ConfigV4, Stack, StackResources};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use embedded_io_async::Write;
use sockeye_resp::{Reply, decode_reply, encode_request};

use crate::air::Air;
use crate::ether::{Card, Ether, Place};
use crate::executor::{Executor, Group};
use crate::leak;
use crate::router::static_config;

/// The device's port.
pub const PORT: u16 = 3000;
/// Connections of a host at once.
const SOCKETS: usize = 20;
/// Bytes that a client buffers each way.
const BUFFER_LEN: usize = 4096;
/// How long a client waits for an answer, seconds.
const PATIENCE_S: u64 = 10;
/// The device's address in its access point's network.
const AP_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// How long it takes to join a network, milliseconds.
const JOIN_MS: u64 = 1_500;

/// A phone or a computer.
#[derive(Clone)]
pub struct Phone {
    /// The end of its addresses, different for each.
    number: u8,
    card: Card,
    stack: Stack<'static>,
    ether: Ether,
    air: Air,
}

impl Phone {
    /// A phone that is in no network. `number` must be another for each.
    pub fn start(executor: &Executor, group: Group, air: &Air, ether: &Ether, number: u8, seed: u64) -> Self {
        let (card, driver) = ether.card([2, 0, 0, 2, 0, number]);
        let resources = leak(StackResources::<{ SOCKETS + 1 }>::new());
        let (stack, mut net) = embassy_net::new(driver, Config::default(), resources, seed);
        executor.spawn(group, async move { net.run().await });
        Self { number, card, stack, ether: ether.clone(), air: air.clone() }
    }

    /// Where it is.
    pub fn place(&self) -> Option<Place> {
        self.ether.place(self.card)
    }

    /// Joins a network, waiting for it to be on the air until `end`. False if it never was.
    pub async fn join(&self, place: Place, end: Instant) -> bool {
        while self.place() != Some(place) {
            if Instant::now() >= end {
                return false;
            }
            Timer::after(Duration::from_millis(JOIN_MS)).await;
            self.enter(place);
        }
        true
    }

    /// Is in a network without being a client that the device's radio knows of: its presence changes nothing.
    pub fn attach(&self, place: Place) {
        if self.place() != Some(place) {
            self.ether.set_place(self.card, Some(place));
            self.configure(place);
        }
    }

    /// Joins a network now, if it is on the air.
    pub fn enter(&self, place: Place) -> bool {
        self.leave();
        match place {
            Place::AccessPoint if !self.air.join_ap(self.card) => return false,
            Place::AccessPoint => {}
            Place::Router(number) if !self.air.is_router_up(number) => return false,
            Place::Router(_) => self.ether.set_place(self.card, Some(place)),
        }
        self.configure(place);
        true
    }

    /// Takes an address of its own there.
    fn configure(&self, place: Place) {
        let network = match place {
            Place::AccessPoint => Some(AP_ADDRESS).filter(|_| self.air.has_ap()),
            Place::Router(number) => Some(crate::router::address(number)),
        };
        if let Some([a, b, c, _]) = network.map(|address| address.octets()) {
            let own = Ipv4Addr::new(a, b, c, self.number);
            self.stack.set_config_v4(ConfigV4::Static(static_config(own, 24)));
        }
    }

    /// Leaves the network that it is in.
    pub fn leave(&self) {
        self.air.leave_ap(self.card);
        self.stack.set_config_v4(ConfigV4::None);
    }

    /// Is out of reach from now on, without a word to anybody.
    pub fn vanish(&self, missed_after: Duration) {
        self.air.vanish_from_ap(self.card, missed_after);
    }

    /// A socket that isn't connected, with buffers of its own.
    pub fn socket<'a>(&self, buffers: &'a mut Buffers) -> TcpSocket<'a> {
        let mut socket = TcpSocket::new(self.stack, &mut buffers.rx, &mut buffers.tx);
        socket.set_nagle_enabled(false);
        socket
    }

    /// Connects to the device.
    pub async fn connect<'a>(&self, buffers: &'a mut Buffers, device: Ipv4Addr) -> Result<Session<'a>, Failure> {
        let mut socket = self.socket(buffers);
        match with_timeout(Duration::from_secs(PATIENCE_S), socket.connect((device, PORT))).await {
            Ok(Ok(())) => Ok(Session { socket, rx: Vec::new() }),
            Ok(Err(error)) => Err(Failure::Gone(format!("{error:?}"))),
            Err(_) => Err(Failure::Silence),
        }
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, device: Ipv4Addr, request: &[&str]) -> Result<Answer, Failure> {
        let mut buffers = Buffers::default();
        let mut session = self.connect(&mut buffers, device).await?;
        let answer = session.request(request).await;
        session.close().await;
        answer
    }
}

/// A connection's memory.
pub struct Buffers {
    rx: [u8; BUFFER_LEN],
    tx: [u8; BUFFER_LEN],
}

impl Default for Buffers {
    fn default() -> Self {
        Self { rx: [0; BUFFER_LEN], tx: [0; BUFFER_LEN] }
    }
}

/// Why there is no answer. Whether the request was carried out is not known then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nothing came in time.
    Silence,
    /// The connection ended.
    Gone(String),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Simple(String),
    /// An error.
    Error(String),
    /// A number.
    Integer(i64),
    /// A text.
    Bulk(String),
    /// Nothing.
    Null,
    /// Several, of which a map has twice as many.
    List(Vec<Answer>),
}

impl Answer {
    /// The reply of a command that has nothing to tell.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Simple(text) if text == "OK")
    }

    fn new(reply: Reply<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match reply {
            Reply::Simple(bytes) => Self::Simple(text(bytes)),
            Reply::Error(bytes) => Self::Error(text(bytes)),
            Reply::Integer(number) => Self::Integer(number),
            Reply::Bulk(bytes) | Reply::BigNumber(bytes) | Reply::Verbatim { text: bytes, .. } => {
                Self::Bulk(text(bytes))
            }
            Reply::Null => Self::Null,
            Reply::Double(number) => Self::Bulk(number.to_owned()),
            Reply::Boolean(value) => Self::Integer(value.into()),
            Reply::Array(elements) | Reply::Map(elements) | Reply::Set(elements) | Reply::Push(elements) => {
                Self::List(elements.iter().map(Self::new).collect())
            }
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) | Self::Error(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bulk(text) => write!(f, "{text:?}"),
            Self::Null => f.write_str("nothing"),
            Self::List(answers) => f.debug_list().entries(answers.iter().map(ToString::to_string)).finish(),
        }
    }
}

/// A connection to the device.
pub struct Session<'a> {
    socket: TcpSocket<'a>,
    rx: Vec<u8>,
}

impl Session<'_> {
    /// Sends a request, and waits for its answer.
    pub async fn request(&mut self, args: &[&str]) -> Result<Answer, Failure> {
        self.send(args).await?;
        self.answer(Duration::from_secs(PATIENCE_S)).await
    }

    /// Sends a request.
    pub async fn send(&mut self, args: &[&str]) -> Result<(), Failure> {
        let args: Vec<_> = args.iter().map(|arg| arg.as_bytes()).collect();
        let mut tx = [0; BUFFER_LEN];
        let len = encode_request(&args, &mut tx).expect("requests are short");
        self.send_bytes(&tx[..len]).await
    }

    /// Sends bytes, whatever they mean.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match with_timeout(Duration::from_secs(PATIENCE_S), self.socket.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Gone(format!("{error:?}"))),
            Err(_) => Err(Failure::Silence),
        }
    }

    /// Waits for the next answer, or push.
    pub async fn answer(&mut self, patience: Duration) -> Result<Answer, Failure> {
        let end = Instant::now() + patience;
        loop {
            if let Some((reply, len)) = decode_reply(&self.rx, BUFFER_LEN).expect("the device speaks RESP") {
                let answer = Answer::new(reply);
                self.rx.drain(..len);
                return Ok(answer);
            }
            let mut buf = [0; 512];
            match with_timeout(end.saturating_duration_since(Instant::now()), self.socket.read(&mut buf)).await {
                Ok(Ok(0)) => return Err(Failure::Gone("closed".to_owned())),
                Ok(Ok(len)) => self.rx.extend(&buf[..len]),
                Ok(Err(error)) => return Err(Failure::Gone(format!("{error:?}"))),
                Err(_) => return Err(Failure::Silence),
            }
        }
    }

    /// Closes in order, for as long as a client would wait.
    pub async fn close(mut self) {
        self.socket.close();
        let _ = with_timeout(Duration::from_secs(2), self.socket.flush()).await;
    }

    /// Says nothing until the device ends the connection.
    pub async fn stall(&mut self) {
        let mut buf = [0; 512];
        while matches!(self.socket.read(&mut buf).await, Ok(1..)) {}
    }
}
