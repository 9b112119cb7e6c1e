//! Sockets that stop, and services that begin anew.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use edge_nal::{MulticastV4, MulticastV6, Readable, UdpBind, UdpReceive, UdpSend, UdpSplit, UdpSplitMulticast};
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{ErrorKind, ErrorType};
use sockeye_services::limits::SILENCE_MS;
use sockeye_services::mdns::Announcement;
use sockeye_services::{captive, dhcp, mdns};
use sockeye_simulation::clock;

use crate::{DEVICE, dhcp_message, question};

/// The operation that a socket never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    Bind,
    Join,
    Receive,
    Send,
    /// Not stuck: all that comes is too long.
    TooLong,
}

/// A network in which the first sockets stop, and later ones work.
struct Udp {
    stuck: Stuck,
    /// Sockets that still stop.
    left: Cell<u8>,
    message: RefCell<Vec<u8>>,
    /// When the next message comes.
    next: Cell<Instant>,
    from: SocketAddr,
    sent: Rc<Cell<u32>>,
}

struct Socket<'a>(&'a Udp, bool);

impl UdpBind for Udp {
    type Error = ErrorKind;
    type Socket<'a> = Socket<'a>;

    async fn bind(&self, _local: SocketAddr) -> Result<Socket<'_>, ErrorKind> {
        let is_stuck = self.left.get() > 0;
        self.left.set(self.left.get().saturating_sub(1));
        if is_stuck && self.stuck == Stuck::Bind {
            pending::<()>().await;
        }
        Ok(Socket(self, is_stuck))
    }
}

impl Socket<'_> {
    async fn pass(&self, operation: Stuck) {
        if self.1 && self.0.stuck == operation {
            pending::<()>().await;
        }
    }
}

impl ErrorType for Socket<'_> {
    type Error = ErrorKind;
}

impl ErrorType for &Socket<'_> {
    type Error = ErrorKind;
}

impl UdpReceive for &Socket<'_> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ErrorKind> {
        self.pass(Stuck::Receive).await;
        if self.1 && self.0.stuck == Stuck::TooLong {
            return Err(ErrorKind::InvalidData);
        }
        // A message comes each second, whether the future that waits for it is dropped meanwhile or not.
        Timer::at(self.0.next.get()).await;
        self.0.next.set(Instant::now() + Duration::from_secs(1));
        let message = self.0.message.borrow();
        buffer[..message.len()].copy_from_slice(&message);
        Ok((message.len(), self.0.from))
    }
}

impl UdpSend for &Socket<'_> {
    async fn send(&mut self, _peer: SocketAddr, _data: &[u8]) -> Result<(), ErrorKind> {
        self.pass(Stuck::Send).await;
        self.0.sent.set(self.0.sent.get() + 1);
        Ok(())
    }
}

impl UdpReceive for Socket<'_> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ErrorKind> {
        (&*self).receive(buffer).await
    }
}

impl UdpSend for Socket<'_> {
    async fn send(&mut self, peer: SocketAddr, data: &[u8]) -> Result<(), ErrorKind> {
        (&*self).send(peer, data).await
    }
}

impl Readable for &Socket<'_> {
    async fn readable(&mut self) -> Result<(), ErrorKind> {
        self.pass(Stuck::Receive).await;
        Ok(())
    }
}

impl Readable for Socket<'_> {
    async fn readable(&mut self) -> Result<(), ErrorKind> {
        (&*self).readable().await
    }
}

impl MulticastV4 for Socket<'_> {
    async fn join_v4(&mut self, _group: Ipv4Addr, _interface: Ipv4Addr) -> Result<(), ErrorKind> {
        self.pass(Stuck::Join).await;
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

impl UdpSplit for Socket<'_> {
    type Receive<'a>
        = &'a Self
    where
        Self: 'a;
    type Send<'a>
        = &'a Self
    where
        Self: 'a;

    fn split(&mut self) -> (&Self, &Self) {
        (self, self)
    }
}

impl UdpSplitMulticast for Socket<'_> {
    type MulticastV4<'a>
        = Socket<'a>
    where
        Self: 'a;
    type MulticastV6<'a>
        = Socket<'a>
    where
        Self: 'a;

    fn split_multicast(&mut self) -> (&Self, &Self, Socket<'_>, Socket<'_>) {
        (self, self, Socket(self.0, self.1), Socket(self.0, self.1))
    }
}

/// Answers within so many milliseconds, of a service whose first three sockets stop.
fn answers(stuck: Stuck, port: u16, message: Vec<u8>, ms: u64) -> u32 {
    clock::reset();
    let sent = Rc::new(Cell::new(0));
    let udp = Udp {
        stuck,
        left: Cell::new(3),
        message: RefCell::new(message),
        next: Cell::new(Instant::now() + Duration::from_secs(1)),
        from: ([192, 168, 1, 9], 40_000).into(),
        sent: sent.clone(),
    };
    let serve = async {
        match port {
            67 => dhcp::serve(&udp, (DEVICE, 24), 3000, &()).await,
            53 => captive::serve(&udp, DEVICE).await,
            _ => {
                let announcement =
                    Announcement { name: &|take| take("kitchen"), address: (DEVICE, 24), port: 3000, txt: &[] };
                mdns::serve(&udp, &announcement, |bytes| bytes.fill(0)).await
            }
        }
    };
    let mut serve = pin!(serve);
    for _ in 0..ms / 10 {
        for _ in 0..4 {
            assert!(serve.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        clock::advance(Duration::from_millis(10));
    }
    sent.get()
}

/// Issue 13, number 1: a service that has stopped serving is noticed and begun anew.
#[test]
fn a_service_whose_socket_has_stopped_begins_anew() {
    let request = [
        edge_dhcp::DhcpOption::MessageType(edge_dhcp::MessageType::Request),
        edge_dhcp::DhcpOption::RequestedIpAddress(Ipv4Addr::new(192, 168, 1, 77)),
    ];
    for (port, message) in [
        (67, dhcp_message([2, 0, 0, 0, 0, 9], None, &request)),
        (53, question("a.b")),
        (5353, question("kitchen.local")),
    ] {
        for stuck in [Stuck::Bind, Stuck::Join, Stuck::Send, Stuck::Receive, Stuck::TooLong] {
            let is_silent = matches!(stuck, Stuck::Receive | Stuck::TooLong);
            let bound_ms = if is_silent { 3 * SILENCE_MS } else { 0 } + 30_000;
            let sent = answers(stuck, port, message.clone(), bound_ms);
            assert!(sent > 5, "port {port}, {stuck:?}: {sent} answers");
        }
    }
}
