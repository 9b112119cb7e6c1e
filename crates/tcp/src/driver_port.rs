//! A network interface as the server's connections see it: the driver, and smoltcp's interface for them alone.

use core::cell::RefCell;
use core::task::{Context, Waker};

use embassy_net_driver::{Driver, HardwareAddress, TxToken};
use embassy_time::{Instant, TICK_HZ};
use smoltcp::iface::{Config, Interface, PollResult};

use crate::checksum::ETHERNET;
use crate::frame::{Mac, Segment};
use crate::limits::{FRAME_LEN_MAX, TX_BURST};
use crate::route::{EthernetHeader, Phy};
use crate::tcp_connection::Connection;

/// embassy's time as smoltcp's microseconds. A 64-bit division for each segment would cost more than all else of it
/// here, so what has passed since the last division is divided by 32 bits.
struct Clock {
    ticks: u64,
    micros: u64,
}

impl Clock {
    const TICKS_PER_MICRO: u64 = TICK_HZ / 1_000_000;

    fn new() -> Self {
        Self { ticks: 0, micros: 0 }
    }

    #[inline]
    fn at(&mut self, instant: Instant) -> smoltcp::time::Instant {
        let passed = instant.as_ticks().wrapping_sub(self.ticks);
        let micros = match u32::try_from(passed) {
            Ok(passed) if Self::TICKS_PER_MICRO > 0 => self.micros + u64::from(passed / Self::TICKS_PER_MICRO as u32),
            _ => self.divide(instant),
        };
        smoltcp::time::Instant::from_micros(micros as i64)
    }

    /// Kept apart, because a compiler that sees it divides in advance, each time.
    #[cold]
    #[inline(never)]
    fn divide(&mut self, instant: Instant) -> u64 {
        (self.ticks, self.micros) = (instant.as_ticks(), instant.as_micros());
        self.micros
    }
}

fn embassy_time(instant: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(instant.total_micros() as u64)
}

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
}

/// Sends what the connection has to send: all that fits into one segment, or its turn of more.
#[inline]
pub(crate) fn send(
    port: &mut (impl Transmit + ?Sized),
    connection: &mut Connection,
    waker: &Waker,
    now: Instant,
) -> Sent {
    if connection.bulk {
        return send_burst(port, connection, waker, now);
    }
    // Another call only to hear that there is no more would cost a tenth of a request.
    match port.send_one(connection, waker, now) {
        Sent::NoRoom => Sent::NoRoom,
        Sent::All | Sent::More => Sent::All,
    }
}

#[inline(never)]
fn send_burst(port: &mut (impl Transmit + ?Sized), connection: &mut Connection, waker: &Waker, now: Instant) -> Sent {
    let sent = (0..TX_BURST).map(|_| port.send_one(connection, waker, now)).find(|sent| *sent != Sent::More);
    sent.unwrap_or(Sent::More)
}

/// A network driver made ready for [`Tcp::attach`](crate::Tcp::attach).
pub struct DriverPort<D>(pub(crate) RefCell<PortState<D>>);

impl<D: Driver> DriverPort<D> {
    /// `seed` is that of the initial sequence numbers: different at each start, and not to be guessed (RFC 9293 section
    /// 3.4.1).
    ///
    /// # Panics
    /// If `driver` is not Ethernet.
    pub fn new(driver: D, seed: u64) -> Self {
        Self(RefCell::new(PortState::new(driver, seed)))
    }
}

pub(crate) struct PortState<D> {
    pub(crate) driver: D,
    fast: Interface,
    clock: Clock,
    mac: Mac,
    /// Bytes of the longest IP packet that the driver takes.
    mtu: usize,
}

impl<D: Driver> PortState<D> {
    fn new(driver: D, seed: u64) -> Self {
        let HardwareAddress::Ethernet(mac) = driver.hardware_address() else {
            panic!("the listener needs an Ethernet driver")
        };
        let mtu = driver.capabilities().max_transmission_unit.min(FRAME_LEN_MAX) - ETHERNET;
        let mut device = Phy::<D::TxToken<'_>> {
            packet: &[],
            token: None,
            ethernet: &EthernetHeader::default(),
            mtu,
            exhausted: false,
        };
        let mut config = Config::new(smoltcp::wire::HardwareAddress::Ip);
        config.random_seed = seed;
        let mut clock = Clock::new();
        let mut fast = Interface::new(config, &mut device, clock.at(Instant::now()));
        // Every packet that comes here has been found to be for the device's address.
        fast.set_any_ip(true);
        Self { driver, fast, clock, mac: mac.into(), mtu }
    }

    pub(crate) fn mac(&self) -> Mac {
        self.mac
    }

    /// Sends a frame of embassy-net's, which does not know how long the driver's may be: one that is too long is lost,
    /// as it would be on the air. False if the driver has no room.
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

    /// When the connection's timers want to be looked at.
    pub(crate) fn due(&mut self, connection: &Connection, now: Instant) -> Instant {
        self.fast.poll_at(self.clock.at(now), &connection.set).map_or(Instant::MAX, embassy_time)
    }

    /// Takes a frame from the driver, and gives it with the way back to `f`. None if there is none.
    pub(crate) fn receive<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Stack<'_>, &mut [u8], D::TxToken<'_>) -> R,
    ) -> Option<R> {
        use embassy_net_driver::RxToken;
        let (rx, tx) = self.driver.receive(cx)?;
        let mut stack = Stack { fast: &mut self.fast, clock: &mut self.clock, mac: self.mac, mtu: self.mtu };
        Some(rx.consume(|frame| f(&mut stack, frame, tx)))
    }

    /// Gives `f` room for a frame. None if the driver has no room; it wakes the runner when it has.
    pub(crate) fn transmit<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Stack<'_>, D::TxToken<'_>) -> R,
    ) -> Option<R> {
        let tx = self.driver.transmit(cx)?;
        let mut stack = Stack { fast: &mut self.fast, clock: &mut self.clock, mac: self.mac, mtu: self.mtu };
        Some(f(&mut stack, tx))
    }
}

impl<D: Driver> Transmit for PortState<D> {
    // All of smoltcp's way out is inlined here: once is enough.
    #[inline(never)]
    fn send_one(&mut self, connection: &mut Connection, waker: &Waker, now: Instant) -> Sent {
        let token = self.driver.transmit(&mut Context::from_waker(waker));
        let mut device = Phy { packet: &[], token, ethernet: &connection.ethernet, mtu: self.mtu, exhausted: false };
        match self.fast.poll_egress(self.clock.at(now), &mut device, &mut connection.set) {
            PollResult::None if device.exhausted => Sent::NoRoom,
            PollResult::None => Sent::All,
            PollResult::SocketStateChanged => Sent::More,
        }
    }
}

/// smoltcp's side of a port, while the driver is lent out.
pub(crate) struct Stack<'a> {
    fast: &'a mut Interface,
    clock: &'a mut Clock,
    mac: Mac,
    mtu: usize,
}

impl Stack<'_> {
    /// Gives a segment to its connection; `tx` is room for the one reply that smoltcp may have at once.
    pub(crate) fn segment<T: TxToken>(
        &mut self,
        connection: &mut Connection,
        frame: &[u8],
        segment: &Segment,
        tx: T,
        now: Instant,
    ) {
        if segment.is_syn() {
            connection.ethernet = EthernetHeader::new(segment.peer_mac, self.mac);
        } else {
            connection.ethernet.set_destination(segment.peer_mac);
        }
        self.packet(connection, &frame[ETHERNET..ETHERNET + segment.packet_len()], tx, now);
    }

    /// Returns the room if there was no reply.
    #[inline(always)]
    fn packet<T: TxToken>(&mut self, connection: &mut Connection, packet: &[u8], tx: T, now: Instant) -> Option<T> {
        let mut device =
            Phy { packet, token: Some(tx), ethernet: &connection.ethernet, mtu: self.mtu, exhausted: false };
        self.fast.poll_ingress_single(self.clock.at(now), &mut device, &mut connection.set);
        device.token
    }

    /// Answers a SYN on a connection that exists with a challenge ACK (RFC 9293 section 3.10.7.4, RFC 5961 section 4).
    /// A client that has restarted answers that with a RST, which ends the old connection.
    ///
    /// smoltcp drops such a SYN, but it challenges a segment that acknowledges what was never sent. What was sent only
    /// smoltcp knows; of two numbers half the sequence space apart, one is beyond it and the other before it, and that
    /// one it ignores.
    #[cold]
    pub(crate) fn challenge<T: TxToken>(
        &mut self,
        connection: &mut Connection,
        frame: &[u8],
        segment: &Segment,
        tx: T,
        now: Instant,
    ) {
        let Some(ack) = segment.as_bare_ack(frame) else { return };
        let ethernet = core::mem::replace(&mut connection.ethernet, EthernetHeader::new(segment.peer_mac, self.mac));
        let mut room = Some(tx);
        for number in [0, 1 << 31] {
            let Some(tx) = room else { break };
            room = self.packet(connection, &ack(number), tx, now);
        }
        connection.ethernet = ethernet;
    }
}
