//! The listener's handles: what is made at start, and what is kept.

use core::cell::RefCell;

use embassy_net_driver::Driver;
use embassy_net_driver_channel as channel;
use embassy_time::Duration;
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::Ipv4Cidr;

use crate::limits::{CONNECTIONS_MAX, FRAME_LEN_MAX, INTERFACES_MAX, KEEP_ALIVE_MS, SILENCE_MS};
use crate::runner::Runner;
use crate::table::{Record, Shared, Table};

/// Memory of a listener: `N` connections, each with `RX` bytes for what came in and `TX` bytes for what goes out.
///
/// `N` is one more than the slots of a server that tells a client too many so. A connection costs `RX + TX` bytes and
/// about 700 for its state; the whole also holds [`SYN_BACKLOG`](crate::limits::SYN_BACKLOG) frames of at most
/// [`SYN_LEN_MAX`](crate::limits::SYN_LEN_MAX) bytes.
pub struct Resources<const N: usize, const RX: usize, const TX: usize> {
    buffers: [([u8; RX], [u8; TX]); N],
    storage: [[SocketStorage<'static>; 1]; N],
    table: Option<RefCell<Table<[Record; N]>>>,
}

impl<const N: usize, const RX: usize, const TX: usize> Resources<N, RX, TX> {
    /// Nothing in it yet. All sizes are checked when compiling.
    pub const fn new() -> Self {
        const {
            assert!(N >= 1 && N <= CONNECTIONS_MAX);
            assert!(RX >= 64 && RX <= 65_535, "a window without scaling");
            assert!(TX >= 64);
        }
        Self {
            buffers: [const { ([0; RX], [0; TX]) }; N],
            storage: [const { [SocketStorage::EMPTY] }; N],
            table: None,
        }
    }
}

impl<const N: usize, const RX: usize, const TX: usize> Default for Resources<N, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory of a network interface: the frames between the listener and embassy-net, `IN` towards embassy-net and `OUT`
/// from it, [`FRAME_LEN_MAX`] bytes each. One each way does for ARP, ICMP and DHCP.
pub type InterfaceResources<const IN: usize, const OUT: usize> = channel::State<FRAME_LEN_MAX, IN, OUT>;

/// embassy-net's driver: what is left of the real one after the server's connections.
pub type Device = channel::Device<'static, FRAME_LEN_MAX>;

/// What a listener is told at start.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a handshake may take from SYN to the client's ACK.
    pub handshake: Duration,
    /// Seed of the initial sequence numbers: different at each start, and not to be guessed.
    pub seed: u64,
}

/// A TCP listener of one port, on up to [`INTERFACES_MAX`] network interfaces. Copies are the same listener.
#[derive(Clone, Copy)]
pub struct Tcp {
    pub(crate) shared: &'static Shared,
}

impl Tcp {
    /// A listener without a port and without an interface.
    pub fn new<const N: usize, const RX: usize, const TX: usize>(
        resources: &'static mut Resources<N, RX, TX>,
        options: Options,
    ) -> Self {
        let Resources { buffers, storage, table } = resources;
        let mut parts = buffers.iter_mut().zip(storage.iter_mut());
        let records = core::array::from_fn(|_| {
            // There are N of each.
            let ((rx, tx), storage) = parts.next().expect("N parts");
            let mut socket = Socket::new(SocketBuffer::new(&mut rx[..]), SocketBuffer::new(&mut tx[..]));
            socket.set_nagle_enabled(false);
            socket.set_keep_alive(Some(smoltcp::time::Duration::from_millis(KEEP_ALIVE_MS)));
            socket.set_timeout(Some(smoltcp::time::Duration::from_millis(SILENCE_MS)));
            Record::new(SocketSet::new(&mut storage[..]), socket)
        });
        let table = table.insert(RefCell::new(Table::new(records, options.handshake, options.seed)));
        Self { shared: table }
    }

    /// Puts the listener between `driver` and embassy-net, which gets the returned [`Device`]. Both runners must run,
    /// each in a task of its own.
    ///
    /// # Panics
    /// If `driver` is not Ethernet, or [`INTERFACES_MAX`] interfaces are attached already.
    pub fn attach<D: Driver, const IN: usize, const OUT: usize>(
        &self,
        resources: &'static mut InterfaceResources<IN, OUT>,
        driver: D,
    ) -> (Interface, Runner<D>, Device) {
        let (index, seed) = {
            let mut table = self.shared.borrow_mut();
            let index = table.interfaces_len;
            assert!(index < INTERFACES_MAX, "no room for another interface");
            table.interfaces_len += 1;
            (index, table.seed.wrapping_add(index as u64))
        };
        let (net, device) = channel::new(resources, driver.hardware_address());
        let interface = Interface { shared: self.shared, index };
        (interface, Runner::new(driver, self.shared, index, net, seed), device)
    }
}

/// One network interface of a listener.
#[derive(Clone, Copy)]
pub struct Interface {
    pub(crate) shared: &'static Shared,
    pub(crate) index: usize,
}

impl Interface {
    /// The address at which clients reach the listener here; none while there is no network. Connections to another
    /// address end: their reads and writes fail, and no segment leaves from an address that is another's now.
    pub fn set_address(&self, address: Option<Ipv4Cidr>) {
        let mut table = self.shared.borrow_mut();
        let interface = &mut table.interfaces[self.index];
        if interface.address != address {
            (interface.address, interface.changed) = (address, true);
            interface.waker.wake();
        }
    }
}
