//! UDP in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{MulticastV4, MulticastV6, Readable, UdpBind, UdpReceive, UdpSend, UdpSplit, UdpSplitMulticast};
use embassy_futures::yield_now;
use embassy_time::{Duration, Instant};
use embedded_io_async::{ErrorKind, ErrorType};
use sockeye_simulation::clock;

/// How long a service may take to answer what has come, after which it has nothing to say.
const QUIET: Duration = Duration::from_millis(800);
/// The time that each turn of the executor takes.
const TURN: Duration = Duration::from_millis(1);

/// A message, and whom it came from or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub peer: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Datagram {
    pub fn new(peer: impl Into<SocketAddr>, bytes: &[u8]) -> Self {
        Self { peer: peer.into(), bytes: bytes.to_vec() }
    }
}

#[derive(Default)]
struct State {
    incoming: VecDeque<Datagram>,
    sent: Vec<Datagram>,
    ports: Vec<u16>,
}

/// The network: what will come, and what was sent.
#[derive(Default)]
pub struct Udp(RefCell<State>, Option<Reply>);

/// The answer to a datagram.
type Reply = Box<dyn Fn(&Datagram) -> Datagram>;

impl Udp {
    /// A network in which everything is answered so.
    pub fn answering(answer: impl Fn(&Datagram) -> Datagram + 'static) -> Self {
        Self(RefCell::default(), Some(Box::new(answer)))
    }

    pub fn come(&self, datagrams: impl IntoIterator<Item = Datagram>) {
        self.0.borrow_mut().incoming.extend(datagrams);
    }

    pub fn sent(&self) -> Vec<Datagram> {
        self.0.borrow().sent.clone()
    }

    /// The ports that were bound.
    pub fn ports(&self) -> Vec<u16> {
        self.0.borrow().ports.clone()
    }

    /// Lets time pass. Ends when everything has come and a moment has passed.
    pub async fn quiet(&self) {
        let mut since = Instant::now();
        while since.elapsed() <= QUIET {
            if !self.0.borrow().incoming.is_empty() {
                since = Instant::now();
            }
            clock::advance(TURN);
            yield_now().await;
        }
    }
}

impl UdpBind for Udp {
    type Error = ErrorKind;
    type Socket<'a> = Socket<'a>;

    async fn bind(&self, local: SocketAddr) -> Result<Socket<'_>, ErrorKind> {
        self.0.borrow_mut().ports.push(local.port());
        Ok(Socket(self))
    }
}

#[derive(Clone, Copy)]
pub struct Socket<'a>(&'a Udp);

impl ErrorType for Socket<'_> {
    type Error = ErrorKind;
}

impl UdpReceive for Socket<'_> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ErrorKind> {
        let next = self.0.0.borrow_mut().incoming.pop_front();
        let Some(datagram) = next else { return pending().await };
        // As embassy-net does.
        let room = buffer.get_mut(..datagram.bytes.len()).ok_or(ErrorKind::InvalidData)?;
        room.copy_from_slice(&datagram.bytes);
        Ok((datagram.bytes.len(), datagram.peer))
    }
}

impl UdpSend for Socket<'_> {
    async fn send(&mut self, peer: SocketAddr, bytes: &[u8]) -> Result<(), ErrorKind> {
        let datagram = Datagram { peer, bytes: bytes.to_vec() };
        let state = &mut *self.0.0.borrow_mut();
        state.incoming.extend(self.0.1.as_ref().map(|answer| answer(&datagram)));
        state.sent.push(datagram);
        Ok(())
    }
}

impl Readable for Socket<'_> {
    async fn readable(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl UdpSplit for Socket<'_> {
    type Receive<'a>
        = Self
    where
        Self: 'a;
    type Send<'a>
        = Self
    where
        Self: 'a;

    fn split(&mut self) -> (Self, Self) {
        (*self, *self)
    }
}

impl UdpSplitMulticast for Socket<'_> {
    type MulticastV4<'a>
        = Self
    where
        Self: 'a;
    type MulticastV6<'a>
        = Self
    where
        Self: 'a;

    fn split_multicast(&mut self) -> (Self, Self, Self, Self) {
        (*self, *self, *self, *self)
    }
}

impl MulticastV4 for Socket<'_> {
    async fn join_v4(&mut self, _group: Ipv4Addr, _interface: Ipv4Addr) -> Result<(), ErrorKind> {
        Ok(())
    }

    async fn leave_v4(&mut self, _group: Ipv4Addr, _interface: Ipv4Addr) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl MulticastV6 for Socket<'_> {
    async fn join_v6(&mut self, _group: Ipv6Addr, _interface: u32) -> Result<(), ErrorKind> {
        Err(ErrorKind::Unsupported)
    }

    async fn leave_v6(&mut self, _group: Ipv6Addr, _interface: u32) -> Result<(), ErrorKind> {
        Err(ErrorKind::Unsupported)
    }
}
