//! embassy-net's UDP as [`edge_nal`]'s, for services: a socket begins anew with each bind, its sends are bounded, and its
//! datagrams have a hop limit.

use core::cell::{RefCell, RefMut};
use core::fmt;
use core::mem::MaybeUninit;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{MulticastV4, MulticastV6, Readable, UdpBind, UdpReceive, UdpSend, UdpSplit, UdpSplitMulticast};
use embassy_net::udp::{BindError, PacketMetadata, RecvError, SendError, UdpMetadata, UdpSocket};
use embassy_net::{IpEndpoint, IpListenEndpoint, MulticastError, Stack, StaticConfigV4};
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{ErrorKind, ErrorType};
use heapless::Vec;

use crate::limits::{MULTICAST_LEAVE_MS, SEND_MS};

/// A socket's memory: `N` datagrams each way, of `RX` and of `TX` bytes together.
pub struct Buffers<const RX: usize, const TX: usize, const N: usize> {
    rx_meta: MaybeUninit<[PacketMetadata; N]>,
    rx: [u8; RX],
    tx_meta: MaybeUninit<[PacketMetadata; N]>,
    tx: [u8; TX],
}

impl<const RX: usize, const TX: usize, const N: usize> Buffers<RX, TX, N> {
    /// Empty. All zero, so that a static of it takes no room in an image.
    pub const fn new() -> Self {
        Self { rx_meta: MaybeUninit::uninit(), rx: [0; RX], tx_meta: MaybeUninit::uninit(), tx: [0; TX] }
    }
}

impl<const RX: usize, const TX: usize, const N: usize> Default for Buffers<RX, TX, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// One UDP socket of embassy-net's, to be bound as often as wanted, once at a time.
pub struct Udp {
    stack: Stack<'static>,
    socket: RefCell<UdpSocket<'static>>,
    hop_limit: u8,
}

impl Udp {
    /// Takes one socket of the stack. `hop_limit` is the IPv4 TTL of all datagrams, from 1 on.
    ///
    /// # Panics
    /// If the stack has no socket left, or `hop_limit` is 0.
    pub fn new<const RX: usize, const TX: usize, const N: usize>(
        stack: Stack<'static>,
        buffers: &'static mut Buffers<RX, TX, N>,
        hop_limit: u8,
    ) -> Self {
        let Buffers { rx_meta, rx, tx_meta, tx } = buffers;
        let rx_meta = rx_meta.write([PacketMetadata::EMPTY; N]);
        let tx_meta = tx_meta.write([PacketMetadata::EMPTY; N]);
        let mut socket = UdpSocket::new(stack, rx_meta, rx, tx_meta, tx);
        socket.set_hop_limit(Some(hop_limit));
        Self { stack, socket: RefCell::new(socket), hop_limit }
    }
}

impl Udp {
    /// Whether a datagram has a way to this address. smoltcp would keep one that has none at the head of the queue, as one
    /// that waits for ARP.
    fn has_route(&self, address: Ipv4Addr) -> bool {
        let config = self.stack.config_v4();
        let is_way = |config: StaticConfigV4| config.gateway.is_some() || config.address.contains_addr(&address);
        address.is_broadcast() || address.is_multicast() || config.is_some_and(is_way)
    }

    /// The name servers of the network, from DHCP or from the configuration.
    pub(crate) fn name_servers(&self) -> Vec<Ipv4Addr, 3> {
        self.stack.config_v4().map(|config| config.dns_servers).unwrap_or_default()
    }
}

impl UdpBind for Udp {
    type Error = UdpError;
    type Socket<'a> = BoundUdpSocket<'a>;

    /// Binds the port of `local`, which must not be 0: embassy-net would take one more than its last, which anybody can
    /// guess (RFC 6056).
    async fn bind(&self, local: SocketAddr) -> Result<BoundUdpSocket<'_>, UdpError> {
        let mut socket = self.socket.try_borrow_mut().map_err(|_| UdpError::InUse)?;
        let IpAddr::V4(address) = local.ip() else { return Err(UdpError::Unsupported) };
        if local.port() == 0 {
            return Err(UdpError::Unsupported);
        }
        let address = (!address.is_unspecified()).then_some(address.into());
        socket.bind(IpListenEndpoint { addr: address, port: local.port() }).map_err(UdpError::Bind)?;
        Ok(BoundUdpSocket { udp: self, socket })
    }
}

/// The socket while it is bound. Datagrams in the socket are lost when it is dropped.
pub struct BoundUdpSocket<'a> {
    udp: &'a Udp,
    socket: RefMut<'a, UdpSocket<'static>>,
}

impl BoundUdpSocket<'_> {
    /// Waits for a datagram and gives it to `take`, with its sender. The datagram is not copied.
    pub(crate) async fn receive_with<T>(&mut self, take: impl FnOnce(&[u8], SocketAddr) -> T) -> T {
        let taking = self.socket.recv_from_with(|datagram, UdpMetadata { endpoint, .. }| {
            take(datagram, SocketAddr::new(endpoint.addr.into(), endpoint.port))
        });
        taking.await
    }
}

impl Drop for BoundUdpSocket<'_> {
    fn drop(&mut self) {
        self.socket.close();
    }
}

impl ErrorType for BoundUdpSocket<'_> {
    type Error = UdpError;
}

impl ErrorType for &BoundUdpSocket<'_> {
    type Error = UdpError;
}

impl UdpReceive for &BoundUdpSocket<'_> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), UdpError> {
        let (len, UdpMetadata { endpoint, .. }) = self.socket.recv_from(buffer).await.map_err(UdpError::Receive)?;
        Ok((len, SocketAddr::new(endpoint.addr.into(), endpoint.port)))
    }
}

impl UdpSend for &BoundUdpSocket<'_> {
    /// Ends after [`SEND_MS`] with an error. Datagrams in the socket's queue stay there until the socket is dropped.
    async fn send(&mut self, peer: SocketAddr, data: &[u8]) -> Result<(), UdpError> {
        let IpAddr::V4(address) = peer.ip() else { return Err(UdpError::Unsupported) };
        if !self.udp.has_route(address) {
            return Err(UdpError::Send(SendError::NoRoute));
        }
        let sending = self.socket.send_to(data, IpEndpoint::new(address.into(), peer.port()));
        let sent = with_timeout(Duration::from_millis(SEND_MS), sending).await;
        sent.map_err(|_| UdpError::TimedOut)?.map_err(UdpError::Send)
    }
}

impl Readable for &BoundUdpSocket<'_> {
    async fn readable(&mut self) -> Result<(), UdpError> {
        self.socket.wait_recv_ready().await;
        Ok(())
    }
}

impl MulticastV4 for BoundUdpSocket<'_> {
    /// Joins a group. Where the stack is in the group already, it leaves the group first. smoltcp reports each membership
    /// once, and the switches of another network, or those that have restarted, have not heard that report.
    async fn join_v4(&mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<(), UdpError> {
        if self.udp.stack.has_multicast_group(group) {
            self.leave_v4(group, interface).await?;
            // Leaving takes effect at embassy-net's next turn.
            Timer::after(Duration::from_millis(MULTICAST_LEAVE_MS)).await;
        }
        self.udp.stack.join_multicast_group(group).map_err(UdpError::Multicast)?;
        // Joining does not wake embassy-net, so that the report would leave with the next frame only; this does.
        self.socket.set_hop_limit(Some(self.udp.hop_limit));
        Ok(())
    }

    async fn leave_v4(&mut self, group: Ipv4Addr, _interface: Ipv4Addr) -> Result<(), UdpError> {
        self.udp.stack.leave_multicast_group(group).map_err(UdpError::Multicast)?;
        self.socket.set_hop_limit(Some(self.udp.hop_limit));
        Ok(())
    }
}

impl MulticastV6 for BoundUdpSocket<'_> {
    async fn join_v6(&mut self, _group: Ipv6Addr, _interface: u32) -> Result<(), UdpError> {
        Err(UdpError::Unsupported)
    }

    async fn leave_v6(&mut self, _group: Ipv6Addr, _interface: u32) -> Result<(), UdpError> {
        Err(UdpError::Unsupported)
    }
}

impl UdpReceive for BoundUdpSocket<'_> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), UdpError> {
        (&*self).receive(buffer).await
    }
}

impl UdpSend for BoundUdpSocket<'_> {
    async fn send(&mut self, peer: SocketAddr, data: &[u8]) -> Result<(), UdpError> {
        (&*self).send(peer, data).await
    }
}

impl Readable for BoundUdpSocket<'_> {
    async fn readable(&mut self) -> Result<(), UdpError> {
        (&*self).readable().await
    }
}

impl UdpSplit for BoundUdpSocket<'_> {
    type Receive<'b>
        = &'b Self
    where
        Self: 'b;
    type Send<'b>
        = &'b Self
    where
        Self: 'b;

    fn split(&mut self) -> (&Self, &Self) {
        (self, self)
    }
}

/// [`UdpSplitMulticast`] needs this type, but services don't use it: they join groups before they split a socket.
pub struct Split<'a>(core::marker::PhantomData<&'a ()>);

impl ErrorType for Split<'_> {
    type Error = UdpError;
}

impl MulticastV4 for Split<'_> {
    async fn join_v4(&mut self, _group: Ipv4Addr, _interface: Ipv4Addr) -> Result<(), UdpError> {
        Err(UdpError::Unsupported)
    }

    async fn leave_v4(&mut self, _group: Ipv4Addr, _interface: Ipv4Addr) -> Result<(), UdpError> {
        Err(UdpError::Unsupported)
    }
}

impl MulticastV6 for Split<'_> {
    async fn join_v6(&mut self, _group: Ipv6Addr, _interface: u32) -> Result<(), UdpError> {
        Err(UdpError::Unsupported)
    }

    async fn leave_v6(&mut self, _group: Ipv6Addr, _interface: u32) -> Result<(), UdpError> {
        Err(UdpError::Unsupported)
    }
}

impl UdpSplitMulticast for BoundUdpSocket<'_> {
    type MulticastV4<'b>
        = Split<'b>
    where
        Self: 'b;
    type MulticastV6<'b>
        = Split<'b>
    where
        Self: 'b;

    fn split_multicast(&mut self) -> (&Self, &Self, Split<'_>, Split<'_>) {
        (self, self, Split(core::marker::PhantomData), Split(core::marker::PhantomData))
    }
}

/// The errors of a socket's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UdpError {
    /// The one socket is bound already.
    InUse,
    /// The port can't be bound.
    Bind(BindError),
    /// A datagram was longer than the buffer for it.
    Receive(RecvError),
    /// A datagram can't be sent.
    Send(SendError),
    /// There was no room for a datagram within [`SEND_MS`].
    TimedOut,
    /// The group can't be joined or left.
    Multicast(MulticastError),
    /// IPv6, or no port.
    Unsupported,
}

impl fmt::Display for UdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for UdpError {}

impl embedded_io_async::Error for UdpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InUse | Self::Bind(_) => ErrorKind::AddrInUse,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Receive(_) | Self::Send(_) => ErrorKind::InvalidData,
            Self::Multicast(_) => ErrorKind::OutOfMemory,
            Self::Unsupported => ErrorKind::Unsupported,
        }
    }
}
