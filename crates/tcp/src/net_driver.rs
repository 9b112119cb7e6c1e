//! embassy-net's driver: what is left of the real one after the server's connections, and stand-ins in the place of ARP.
//!
//! Stand-ins are those of [`neighbours`](crate::neighbours).

use core::net::Ipv4Addr;
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_net_driver_channel as channel;
use embassy_sync::waitqueue::WakerRegistration;
use heapless::Deque;

use crate::limits::{ARP_LEN, FRAME_LEN_MAX, STAND_INS_QUEUED_MAX};
use crate::neighbours::{Arp, Neighbours, Operation, stand_in};
use crate::small_ref_cell::SmallRefCell;

/// The other hosts on an interface's link: shared by its runner, its handle and embassy-net's driver.
pub(crate) struct LinkHosts {
    pub(crate) neighbours: SmallRefCell<Neighbours>,
    pub(crate) stand_ins: SmallRefCell<StandIns>,
}

impl LinkHosts {
    pub(crate) const fn new() -> Self {
        Self { neighbours: SmallRefCell::new(Neighbours::new()), stand_ins: SmallRefCell::new(StandIns::new()) }
    }
}

/// The stand-ins, shared by the runner and embassy-net's driver.
pub(crate) struct StandIns {
    /// The device's MAC address, and its IPv4 address as embassy-net has it.
    mac: [u8; 6],
    local: Ipv4Addr,
    /// Neighbours whose stand-ins embassy-net is to be given.
    queue: Deque<Ipv4Addr, STAND_INS_QUEUED_MAX>,
    waker: WakerRegistration,
}

impl StandIns {
    pub(crate) const fn new() -> Self {
        Self { mac: [0; 6], local: Ipv4Addr::UNSPECIFIED, queue: Deque::new(), waker: WakerRegistration::new() }
    }

    /// The device has these addresses.
    pub(crate) fn set_local(&mut self, mac: [u8; 6], local: Ipv4Addr) {
        (self.mac, self.local) = (mac, local);
        self.queue.clear();
    }

    /// Gives embassy-net the stand-in of this neighbour before the next frame. False if there is no room; embassy-net
    /// then sends an ARP request for it.
    pub(crate) fn tell(&mut self, address: Ipv4Addr) -> bool {
        let has_room = self.queue.push_back(address).is_ok();
        self.waker.wake();
        has_room
    }

    /// Wakes embassy-net.
    pub(crate) fn wake(&mut self) {
        self.waker.wake();
    }

    /// The next stand-in, as the ARP reply that embassy-net takes it from.
    fn next(&mut self) -> Option<[u8; ARP_LEN]> {
        let address = self.queue.pop_front()?;
        let reply = Arp {
            operation: Operation::Reply,
            sender_mac: stand_in(address),
            sender: address,
            target_mac: self.mac,
            target: self.local,
        };
        Some(reply.frame(self.mac))
    }

    /// embassy-net has sent an ARP packet: the answer to a request is a stand-in.
    fn answer(&mut self, arp: &Arp) {
        if arp.operation == Operation::Request {
            (self.mac, self.local) = (arp.sender_mac, arp.sender);
            self.tell(arp.target);
        }
    }
}

/// The driver that [`Tcp::attach`](crate::Tcp::attach) makes for embassy-net.
pub struct NetDriver {
    channel: channel::Device<'static, FRAME_LEN_MAX>,
    stand_ins: &'static SmallRefCell<StandIns>,
}

impl NetDriver {
    pub(crate) fn new(
        channel: channel::Device<'static, FRAME_LEN_MAX>,
        stand_ins: &'static SmallRefCell<StandIns>,
    ) -> Self {
        Self { channel, stand_ins }
    }
}

impl Driver for NetDriver {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let stand_ins = self.stand_ins;
        let is_waiting = {
            let mut stand_ins = stand_ins.borrow_mut();
            stand_ins.waker.register(cx.waker());
            !stand_ins.queue.is_empty()
        };
        if is_waiting {
            let tx = self.channel.transmit(cx)?;
            let reply = stand_ins.borrow_mut().next()?;
            return Some((RxToken::StandIn(reply), TxToken { token: tx, stand_ins }));
        }
        let (rx, tx) = self.channel.receive(cx)?;
        Some((RxToken::Frame(rx), TxToken { token: tx, stand_ins }))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<TxToken<'_>> {
        let token = self.channel.transmit(cx)?;
        Some(TxToken { token, stand_ins: self.stand_ins })
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        self.channel.link_state(cx)
    }

    fn capabilities(&self) -> Capabilities {
        self.channel.capabilities()
    }

    /// The kind is always Ethernet, as [`DriverPort`](crate::DriverPort) demands. The match shows it to the compiler, which
    /// leaves out embassy-net's panic on other kinds, and 2 KB of formatting with it.
    fn hardware_address(&self) -> HardwareAddress {
        match self.channel.hardware_address() {
            HardwareAddress::Ethernet(mac) => HardwareAddress::Ethernet(mac),
            _ => HardwareAddress::Ethernet([0; 6]),
        }
    }
}

/// A frame for embassy-net.
pub enum RxToken<'a> {
    /// The ARP reply with a neighbour's stand-in.
    #[doc(hidden)]
    StandIn([u8; ARP_LEN]),
    /// A frame from the network.
    #[doc(hidden)]
    Frame(channel::RxToken<'a, FRAME_LEN_MAX>),
}

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        match self {
            Self::StandIn(mut frame) => f(&mut frame),
            Self::Frame(token) => token.consume(f),
        }
    }
}

/// Room for a frame of embassy-net's.
pub struct TxToken<'a> {
    token: channel::TxToken<'a, FRAME_LEN_MAX>,
    stand_ins: &'static SmallRefCell<StandIns>,
}

impl embassy_net_driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        if len != ARP_LEN {
            return self.token.consume(len, f);
        }
        let mut frame = [0; ARP_LEN];
        let result = f(&mut frame);
        match Arp::parse(&frame) {
            Some(arp) => self.stand_ins.borrow_mut().answer(&arp),
            None => self.token.consume(len, |buf| buf.copy_from_slice(&frame)),
        }
        result
    }
}
