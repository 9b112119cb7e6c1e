//! Addresses that come and go, as one acceptor.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::task::{Poll, Waker};

use async_io::Async;
use edge_nal::TcpAccept;
use edge_nal_std::TcpSocket;
use socket2::SockRef;

use crate::loopback_air::loopback_socket::Socket;
use crate::net::set_options;

/// Tasks that wait for the same thing.
#[derive(Default)]
pub struct Wakers(RefCell<Vec<Waker>>);

impl Wakers {
    /// Wakes this one too.
    pub fn add(&self, waker: &Waker) {
        let mut wakers = self.0.borrow_mut();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Wakes all.
    pub fn wake(&self) {
        self.0.take().into_iter().for_each(Waker::wake);
    }
}

/// An address at which the device listens, for as long as it is up.
pub struct Link {
    address: Ipv4Addr,
    listener: Rc<Async<TcpListener>>,
    pub(super) is_up: Cell<bool>,
    /// Connections.
    pub(super) clients: Cell<u8>,
    /// The wakers of those that wait for the link to go down, or for its clients to change.
    pub(super) wakers: Wakers,
}

impl Link {
    async fn accept(self: Rc<Self>) -> io::Result<(SocketAddr, Socket)> {
        let (stream, peer) = self.listener.accept().await?;
        set_options(&SockRef::from(&stream));
        // The machine's own address is the same for all networks; which one the client came through is what counts.
        let [a, b, c, _] = self.address.octets();
        let peer = SocketAddr::from(([a, b, c, 1], peer.port()));
        Ok((peer, Socket::new(TcpSocket::new(stream), self)))
    }
}

/// The addresses at which the device listens now, all on one port.
pub struct Links {
    port: u16,
    links: RefCell<Vec<Rc<Link>>>,
    /// Changes with them.
    generation: Cell<u32>,
    waiting: Wakers,
}

impl Links {
    /// None yet.
    pub fn new(port: u16) -> Self {
        Self { port, links: RefCell::default(), generation: Cell::new(0), waiting: Wakers::default() }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Listens on this address from now on. If it was up already, its connections end as if it had gone down before.
    ///
    /// # Errors
    /// The system's, such as that another program listens there.
    pub fn open(&self, address: Ipv4Addr) -> io::Result<()> {
        let known = self.links.borrow().iter().find(|link| link.address == address).map(|link| link.listener.clone());
        let listener = match known {
            Some(listener) => listener,
            None => Rc::new(Async::<TcpListener>::bind((address, self.port))?),
        };
        self.close(address);
        let link = Link { address, listener, is_up: Cell::new(true), clients: Cell::new(0), wakers: Wakers::default() };
        self.links.borrow_mut().push(Rc::new(link));
        self.change();
        Ok(())
    }

    /// Does so no more, and ends the connections that came through it.
    pub fn close(&self, address: Ipv4Addr) {
        let is_this = |link: &&mut Rc<Link>| link.address == address;
        for link in self.links.borrow_mut().iter_mut().filter(is_this) {
            link.is_up.set(false);
            link.wakers.wake();
        }
        self.links.borrow_mut().retain(|link| link.address != address);
        self.change();
    }

    /// Waits until the number of clients of this address is not `known` any more, and returns it.
    pub async fn clients_changed(&self, address: Ipv4Addr, known: u8) -> u8 {
        poll_fn(|cx| {
            let links = self.links.borrow();
            let link = links.iter().find(|link| link.address == address);
            let clients = link.map_or(0, |link| link.clients.get());
            if clients != known {
                return Poll::Ready(clients);
            }
            link.map_or(&self.waiting, |link| &link.wakers).add(cx.waker());
            Poll::Pending
        })
        .await
    }

    fn change(&self) {
        self.generation.set(self.generation.get() + 1);
        self.waiting.wake();
    }
}

impl TcpAccept for Links {
    type Error = io::Error;
    type Socket<'a> = Socket;

    async fn accept(&self) -> io::Result<(SocketAddr, Socket)> {
        loop {
            let generation = self.generation.get();
            let mut accepts: Vec<_> = self.links.borrow().iter().map(|link| Box::pin(link.clone().accept())).collect();
            let accepted = poll_fn(|cx| {
                if self.generation.get() != generation {
                    return Poll::Ready(None);
                }
                self.waiting.add(cx.waker());
                let mut polled = accepts.iter_mut().map(|accept| accept.as_mut().poll(cx));
                polled.find(Poll::is_ready).map_or(Poll::Pending, |accepted| accepted.map(Some))
            });
            if let Some(accepted) = accepted.await {
                return accepted;
            }
        }
    }
}
