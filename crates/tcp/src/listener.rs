//! The listener's handles: what is made at start, and what is kept.

use core::mem::MaybeUninit;
use core::net::{Ipv4Addr, SocketAddr};

use embassy_net::Ipv4Cidr;
use embassy_net_driver::Driver;
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant};
use heapless::Vec;
use sockeye_tcp_engine::IsnKey;

use crate::connection_table::{Shared, Table, at, at_mut};
use crate::dhcp_filter::DhcpFilter;
use crate::driver_port::DriverPort;
use crate::limits::{CONNECTIONS_MAX, FRAME_LEN_MAX, INTERFACES_MAX};
use crate::net_driver::{LinkHosts, NetDriver};
use crate::runner::Runner;
use crate::small_ref_cell::SmallRefCell;
use crate::tcp_connection::Connection;

/// The buffers of `N` connections: `RX` bytes to receive and `TX` bytes to transmit for each. All zero, so that a static
/// of it takes no room in an image.
///
/// For a listener, `N` is one more than the clients that a `sockeye-server` serves at once, and 0 where nobody is to be
/// accepted.
pub struct SocketBuffers<const N: usize, const RX: usize, const TX: usize>([(Buffer<RX>, Buffer<TX>); N]);

/// One buffer. Text is copied by words where both ends are aligned to words.
#[repr(align(4))]
struct Buffer<const LEN: usize>([u8; LEN]);

impl<const N: usize, const RX: usize, const TX: usize> SocketBuffers<N, RX, TX> {
    /// Empty. The sizes are checked when compiling.
    pub const fn new() -> Self {
        const {
            assert!(N <= CONNECTIONS_MAX);
            assert!(RX >= 64 && RX <= 65_535, "a window without scaling");
            assert!(TX >= 64);
        }
        Self([const { (Buffer([0; RX]), Buffer([0; TX])) }; N])
    }
}

impl<const N: usize, const RX: usize, const TX: usize> Default for SocketBuffers<N, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory for the state of `N` connections, about 300 bytes each, and for
/// [`SYN_BACKLOG`](crate::limits::SYN_BACKLOG) SYNs that wait.
pub struct Resources<const N: usize> {
    connections: Vec<Connection, N>,
    table: MaybeUninit<Shared>,
}

impl<const N: usize> Resources<N> {
    /// Nothing in it yet.
    pub const fn new() -> Self {
        Self { connections: Vec::new(), table: MaybeUninit::uninit() }
    }
}

impl<const N: usize> Default for Resources<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory for the frames between the listener and embassy-net: `IN` towards it and `OUT` from it,
/// [`FRAME_LEN_MAX`] bytes each. One each way does for ICMP, DHCP and the services.
pub struct Frames<const IN: usize, const OUT: usize> {
    channel: channel::State<FRAME_LEN_MAX, IN, OUT>,
    link: LinkHosts,
}

impl<const IN: usize, const OUT: usize> Frames<IN, OUT> {
    /// No frame yet.
    pub const fn new() -> Self {
        Self { channel: channel::State::new(), link: LinkHosts::new() }
    }
}

impl<const IN: usize, const OUT: usize> Default for Frames<IN, OUT> {
    fn default() -> Self {
        Self::new()
    }
}

/// The settings of a listener.
#[derive(Clone)]
pub struct Options {
    /// How long a handshake may take from SYN to the client's ACK.
    pub handshake: Duration,
    /// The secret of sequence numbers, ports and DHCP's transaction IDs. 16 bytes of the chip's random numbers, new at
    /// each start (RFC 6528 section 3).
    pub isn_key: IsnKey,
}

/// A TCP listener of one port or two, on up to [`INTERFACES_MAX`] network interfaces. Copies are the same listener.
#[derive(Clone, Copy)]
pub struct Tcp {
    pub(crate) shared: &'static Shared,
}

impl Tcp {
    /// A listener without a port and without an interface, which opens no connections itself.
    pub fn new<const N: usize, const RX: usize, const TX: usize>(
        buffers: &'static mut SocketBuffers<N, RX, TX>,
        resources: &'static mut Resources<N>,
        options: Options,
    ) -> Self {
        Self::of(resources, buffers.0.iter_mut().map(slices), N, options)
    }

    /// The same with `M` connections more, which no client can take: those of
    /// [`Interface::connect`](edge_nal::TcpConnect::connect). `K` is `N + M`, which is checked when compiling.
    pub fn with_outgoing<
        const N: usize,
        const RX: usize,
        const TX: usize,
        const M: usize,
        const OUT_RX: usize,
        const OUT_TX: usize,
        const K: usize,
    >(
        buffers: &'static mut SocketBuffers<N, RX, TX>,
        outgoing: &'static mut SocketBuffers<M, OUT_RX, OUT_TX>,
        resources: &'static mut Resources<K>,
        options: Options,
    ) -> Self {
        const { assert!(N + M == K && K <= CONNECTIONS_MAX, "one resource for each connection") };
        let buffers = buffers.0.iter_mut().map(slices).chain(outgoing.0.iter_mut().map(slices));
        Self::of(resources, buffers, N, options)
    }

    /// Makes the connections in their place, one after the other: the stack has no room for all of them.
    fn of<const K: usize>(
        resources: &'static mut Resources<K>,
        buffers: impl Iterator<Item = Slices>,
        accepting_len: usize,
        Options { handshake, isn_key }: Options,
    ) -> Self {
        for (rx, tx) in buffers {
            // There is room for each.
            let _ = resources.connections.push(Connection::new(rx, tx));
        }
        let table = Table::new(&mut resources.connections, accepting_len, handshake, isn_key);
        Self { shared: resources.table.write(SmallRefCell::new(table)) }
    }

    /// Puts the listener between the driver of `port` and embassy-net, which gets the returned [`NetDriver`]. Both runners
    /// must run, each in a task of its own.
    ///
    /// # Panics
    /// If [`INTERFACES_MAX`] interfaces are attached already.
    pub fn attach<D: Driver + 'static, const IN: usize, const OUT: usize>(
        &self,
        frames: &'static mut Frames<IN, OUT>,
        port: &'static DriverPort<D>,
    ) -> (Interface, Runner<D>, NetDriver) {
        let mut table = self.shared.borrow_mut();
        let index = table.interfaces_len;
        assert!(index < INTERFACES_MAX, "no room for another interface");
        table.interfaces_len += 1;
        at_mut(&mut table.interfaces, index).port = Some(&port.0);
        port.0.borrow_mut().link = Some(&frames.link);
        let (net, device) = channel::new(&mut frames.channel, port.0.borrow_mut().refresh_mac());
        let link = &frames.link;
        let dhcp = DhcpFilter::new(table.isn_key.clone());
        let runner = Runner::new(&port.0, (self.shared, index), net, link, dhcp);
        (Interface { shared: self.shared, index, link }, runner, NetDriver::new(device, &link.stand_ins))
    }
}

/// The two buffers of a connection.
type Slices = (&'static mut [u8], &'static mut [u8]);

fn slices<const RX: usize, const TX: usize>((rx, tx): &'static mut (Buffer<RX>, Buffer<TX>)) -> Slices {
    (&mut rx.0, &mut tx.0)
}

/// One network interface of a listener, and [the way](edge_nal::TcpConnect) to other hosts in its network and behind it.
#[derive(Clone, Copy)]
pub struct Interface {
    pub(crate) shared: &'static Shared,
    pub(crate) index: usize,
    link: &'static LinkHosts,
}

impl Interface {
    /// Whether this client has a connection that came in here.
    pub fn has_client(&self, peer: SocketAddr) -> bool {
        let table = self.shared.borrow();
        let is_it = |connection: &Connection| {
            let known = connection.peer.map(|known| SocketAddr::V4(known.into()));
            connection.interface == self.index && known == Some(peer)
        };
        table.connections.iter().any(is_it)
    }

    /// Asks who has this address, as a DHCP server does before it lends it (RFC 2131 section 3.1).
    /// [`answered`](Self::answered) has the answer; half a second is enough for it.
    pub fn probe(&self, address: Ipv4Addr) {
        self.link.neighbours.borrow_mut().probe(address, Instant::now());
        at(&self.shared.borrow().interfaces, self.index).wake();
    }

    /// The MAC address from which the last [`probe`](Self::probe) for this address was answered; None if it was not.
    pub fn answered(&self, address: Ipv4Addr) -> Option<[u8; 6]> {
        self.link.neighbours.borrow_mut().answered(address)
    }

    /// Makes embassy-net poll its sockets. A frame and a datagram wake embassy-net by themselves. A new configuration
    /// doesn't, so that a DHCP client would begin with the next frame only.
    pub fn poll_stack(&self) {
        self.link.stand_ins.borrow_mut().wake();
    }

    /// The address at which clients reach the listener here; none while there is no network. Connections to another
    /// address end: their reads and writes fail, and no segment leaves from an address that is another's now. There is
    /// no router to other networks: where there may be one, [`follow`](Self::follow) tells it too.
    pub fn set_address(&self, address: Option<Ipv4Cidr>) {
        self.set_network(address, None);
    }

    /// The same with the router to other networks; None if there is none.
    pub(crate) fn set_network(&self, address: Option<Ipv4Cidr>, gateway: Option<Ipv4Addr>) {
        let mut table = self.shared.borrow_mut();
        let interface = at_mut(&mut table.interfaces, self.index);
        interface.gateway = gateway;
        if interface.address != address {
            (interface.address, interface.changed) = (address, true);
            interface.wake();
        }
    }
}
