//! A network interface as the connections see it: the driver, and the way out.

use core::task::{Context, Waker};

use embassy_net_driver::{Driver, HardwareAddress, TxToken};
use embassy_time::Instant;
use sockeye_tcp_engine::OutgoingSegment;

use crate::checksum::ETHERNET;
use crate::frame::Mac;
use crate::limits::{FRAME_LEN_MAX, PENDING_LEN_MAX, TX_BURST};
use crate::neighbours::Verdict;
use crate::net_driver::LinkHosts;
use crate::route::Route;
use crate::small_ref_cell::SmallRefCell;
use crate::tcp_connection::Connection;

/// How sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing more is to be sent now.
    All,
    /// The connection has had its turn and may have more.
    More,
    /// The driver has no room; it wakes the runner when it has.
    NoRoom,
}

/// The way out of an interface, whatever its driver.
pub(crate) trait Transmit {
    /// Sends one segment of the connection's, if it has any. `waker` is the runner's: a driver can wake one task only.
    fn send_one(&mut self, connection: &mut Connection, waker: &Waker, now: Instant) -> Sent;

    /// The interface's MAC address.
    fn mac(&self) -> Mac;

    /// Bytes of the longest IPv4 packet that the driver takes.
    fn mtu(&self) -> usize;
}

/// Sends what the connection has to send, or its turn of it.
#[inline]
pub(crate) fn send(
    port: &mut (impl Transmit + ?Sized),
    connection: &mut Connection,
    waker: &Waker,
    now: Instant,
) -> Sent {
    let sent = port.send_one(connection, waker, now);
    if sent == Sent::More { send_burst(port, connection, waker, now) } else { sent }
}

#[inline(never)]
fn send_burst(port: &mut (impl Transmit + ?Sized), connection: &mut Connection, waker: &Waker, now: Instant) -> Sent {
    let sent = (1..TX_BURST).map(|_| port.send_one(connection, waker, now)).find(|sent| *sent != Sent::More);
    sent.unwrap_or(Sent::More)
}

/// A network driver made ready for [`Tcp::attach`](crate::Tcp::attach).
pub struct DriverPort<D>(pub(crate) SmallRefCell<PortState<D>>);

impl<D: Driver> DriverPort<D> {
    /// The driver is not used before it is attached.
    ///
    /// # Panics
    /// If `driver` is not Ethernet.
    pub fn new(driver: D) -> Self {
        Self(SmallRefCell::new(PortState::new(driver)))
    }
}

pub(crate) struct PortState<D> {
    pub(crate) driver: D,
    mac: Mac,
    mtu: usize,
    /// None before it is attached.
    pub(crate) link: Option<&'static LinkHosts>,
}

impl<D: Driver> PortState<D> {
    fn new(driver: D) -> Self {
        let HardwareAddress::Ethernet(mac) = driver.hardware_address() else {
            panic!("the listener needs an Ethernet driver")
        };
        let mtu = driver.capabilities().max_transmission_unit.min(FRAME_LEN_MAX) - ETHERNET;
        Self { driver, mac: mac.into(), mtu, link: None }
    }

    /// Sends a frame. A frame that is too long for the driver is lost, as it would be on the air. False if the driver
    /// has no room.
    pub(crate) fn forward(&mut self, frame: &[u8], cx: &mut Context<'_>) -> bool {
        if frame.len() > ETHERNET + self.mtu {
            return true;
        }
        let Some(token) = self.driver.transmit(cx) else { return false };
        token.consume(frame.len(), |buf| buf.copy_from_slice(frame));
        true
    }

    /// Asks the driver for its MAC address again.
    pub(crate) fn refresh_mac(&mut self) -> HardwareAddress {
        let address = self.driver.hardware_address();
        if let HardwareAddress::Ethernet(mac) = address {
            self.mac = mac.into();
        }
        address
    }

    /// Takes a frame from the driver, and gives it with the way back to `f`. None if there is none.
    #[inline]
    pub(crate) fn receive<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut [u8], D::TxToken<'_>) -> R,
    ) -> Option<R> {
        use embassy_net_driver::RxToken;
        let (rx, tx) = self.driver.receive(cx)?;
        Some(rx.consume(|frame| f(frame, tx)))
    }

    /// Gives `f` room for a frame. None if the driver has no room; it wakes the runner when it has.
    pub(crate) fn transmit<R>(&mut self, cx: &mut Context<'_>, f: impl FnOnce(D::TxToken<'_>) -> R) -> Option<R> {
        Some(f(self.driver.transmit(cx)?))
    }

    /// Sends a segment of a connection whose next hop is to be found by ARP, which is no other than a SYN. Where the
    /// next hop is unknown, the frame waits among the [`neighbours`](crate::neighbours).
    #[cold]
    #[inline(never)]
    fn send_by_arp(
        &mut self,
        connection: &mut Connection,
        segment: &OutgoingSegment,
        waker: &Waker,
        now: Instant,
    ) -> bool {
        let mut room = [0; PENDING_LEN_MAX];
        let (Some(frame), Some(link)) = (room.get_mut(..Route::frame_len(segment)), self.link) else { return true };
        connection.write_rare(segment, frame);
        let verdict = link.neighbours.borrow_mut().route(frame, now);
        verdict == Verdict::Taken || self.forward(frame, &mut Context::from_waker(waker))
    }
}

impl<D: Driver> Transmit for PortState<D> {
    #[inline(never)]
    fn send_one(&mut self, connection: &mut Connection, waker: &Waker, now: Instant) -> Sent {
        let Some(segment) = connection.tcp.next_segment(now) else { return Sent::All };
        if connection.route.is_unresolved() {
            if !self.send_by_arp(connection, &segment, waker, now) {
                return Sent::NoRoom;
            }
        } else {
            let Some(token) = self.driver.transmit(&mut Context::from_waker(waker)) else { return Sent::NoRoom };
            token.consume(Route::frame_len(&segment), |frame| connection.write(&segment, frame));
        }
        if connection.tcp.on_sent(&segment, now) { Sent::More } else { Sent::All }
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn mtu(&self) -> usize {
        self.mtu
    }
}
