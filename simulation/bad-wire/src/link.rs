//! The bad wire: what becomes of each frame, and the network driver at its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use embassy_net::driver::{self, Capabilities, Driver, HardwareAddress, LinkState};
use embassy_net_tuntap::TunTap;
use embassy_time::Instant;
use fastrand::Rng;

use crate::frames::{ETHERNET, Tcp, is_ipv4};

/// Bytes of the longest frame.
const FRAME_LEN: usize = 1514;
/// How long a frame takes, microseconds: a round trip is 2 ms, as on a quiet Wi-Fi.
const DELAY_US: u64 = 1_000;
/// How much longer a frame takes that others overtake, microseconds, at most.
const OVERTAKEN_US: u64 = 10_000;
/// Frames of 1,000 that are doubled, overtaken by others, and damaged in one bit.
const DOUBLED: u16 = 10;
const OVERTAKEN: u16 = 20;
const DAMAGED: u16 = 5;
/// Frames under way in one direction. More are lost.
const FRAMES_MAX: usize = 4_096;

/// One direction of the wire. Every frame draws as many numbers, so that the fate of the n-th is of the seed alone.
struct Direction {
    random: Rng,
    /// Frames of 1,000 that are lost.
    lost: u16,
    /// By the time of arrival, microseconds, and the number of the frame.
    under_way: BTreeMap<(u64, u64), Vec<u8>>,
    count: u64,
}

impl Direction {
    fn new(seed: u64, lost: u16) -> Self {
        Self { random: Rng::with_seed(seed), lost, under_way: BTreeMap::new(), count: 0 }
    }

    fn enter(&mut self, mut frame: Vec<u8>, now_us: u64) {
        if !is_ipv4(&frame) {
            return self.add(frame, now_us + DELAY_US);
        }
        let [lost, doubled, overtaken, damaged] = [(); 4].map(|()| self.random.u16(..1_000));
        let (late_us, bit) = (self.random.u64(..OVERTAKEN_US), self.random.usize(..));
        if lost < self.lost {
            return;
        }
        if doubled < DOUBLED {
            self.add(frame.clone(), now_us + DELAY_US + late_us);
        }
        if damaged < DAMAGED {
            let bit = bit % ((frame.len() - ETHERNET) * 8);
            frame[ETHERNET + bit / 8] ^= 1 << (bit % 8);
        }
        let late_us = if overtaken < OVERTAKEN { late_us } else { 0 };
        self.add(frame, now_us + DELAY_US + late_us);
    }

    fn add(&mut self, frame: Vec<u8>, at_us: u64) {
        if self.under_way.len() < FRAMES_MAX {
            self.count += 1;
            self.under_way.insert((at_us, self.count), frame);
        }
    }

    /// The next frame that has arrived.
    fn arrived(&mut self, now_us: u64) -> Option<Vec<u8>> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now_us).then(|| first.remove())
    }

    fn next_us(&self) -> Option<u64> {
        self.under_way.first_key_value().map(|(&(at_us, _), _)| at_us)
    }
}

/// The numbers of Linux, moved so that they pass 2^32 in the transfer. Linux chooses its first ones at random.
struct Renumbering {
    /// Where the device sees Linux begin.
    first: u32,
    /// By the ports, Linux's first: Linux's first number, and the shift.
    shifts: BTreeMap<u32, (u32, u32)>,
}

impl Renumbering {
    fn shift_from_linux(&mut self, tcp: &mut Tcp<'_>) {
        let (ports, seq) = (tcp.ports(), tcp.seq());
        if tcp.has_syn() && self.shifts.get(&ports).is_none_or(|(first, _)| *first != seq) {
            self.shifts.insert(ports, (seq, self.first.wrapping_sub(seq)));
        }
        if let Some((_, shift)) = self.shifts.get(&ports) {
            tcp.shift_seq(*shift);
        }
    }

    fn shift_to_linux(&self, tcp: &mut Tcp<'_>) {
        if let Some((_, shift)) = self.shifts.get(&tcp.ports().rotate_left(16)) {
            tcp.shift_ack_back(*shift);
        }
    }
}

/// Segments that one side has sent into the wire.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// Segments with text, and bytes of it.
    pub segments: u64,
    pub bytes: u64,
    /// A segment began before 2^32, and a later one behind it.
    pub has_wrapped: bool,
    last: u32,
}

impl Sent {
    fn count(&mut self, seq: u32, len: usize) {
        if len > 0 {
            self.segments += 1;
            self.bytes += len as u64;
        }
        self.has_wrapped |= self.last > u32::MAX / 4 * 3 && seq < u32::MAX / 4;
        self.last = seq;
    }
}

struct Wire {
    tap: TunTap,
    to_device: Direction,
    to_linux: Direction,
    renumbering: Renumbering,
    device: Sent,
    linux: Sent,
    /// Wakes the task that waits for a frame.
    waker: Option<Waker>,
}

/// A wire between a tap device and a driver. Clones are the same wire.
#[derive(Clone)]
pub struct Link(Rc<RefCell<Wire>>);

fn now_us() -> u64 {
    Instant::now().as_micros()
}

impl Link {
    /// A wire from the tap device of this name on, which loses `lost` of 1,000 frames in each direction. The device sees
    /// Linux's numbers begin at `first`.
    pub fn open(tap: &str, seed: u64, lost: u16, first: u32) -> io::Result<Self> {
        Ok(Self(Rc::new(RefCell::new(Wire {
            tap: TunTap::new(tap)?,
            to_device: Direction::new(seed << 1, lost),
            to_linux: Direction::new(seed << 1 | 1, lost),
            renumbering: Renumbering { first, shifts: BTreeMap::new() },
            device: Sent::default(),
            linux: Sent::default(),
            waker: None,
        }))))
    }

    /// The driver at the device's end. `mtu` is that of its IPv4 packets.
    pub fn driver(&self, mac: [u8; 6], mtu: usize) -> WireDriver {
        WireDriver { link: self.clone(), mac, mtu }
    }

    /// Moves frames between the wire and the tap device.
    pub fn pump(&self) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        let wire = &mut *wire;
        let now_us = now_us();
        let mut room = [0; FRAME_LEN];
        loop {
            match wire.tap.read(&mut room) {
                Ok(len) => {
                    let mut frame = room[..len].to_vec();
                    if let Some(mut tcp) = Tcp::of(&mut frame) {
                        wire.renumbering.shift_from_linux(&mut tcp);
                        wire.linux.count(tcp.seq(), tcp.text_len());
                    }
                    wire.to_device.enter(frame, now_us);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        while let Some(frame) = wire.to_linux.arrived(now_us) {
            match wire.tap.write(&frame) {
                // A frame that the kernel does not take is lost, as one that is damaged in its length.
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::InvalidInput) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        if wire.to_device.next_us().is_some_and(|next| next <= now_us)
            && let Some(waker) = wire.waker.take()
        {
            waker.wake();
        }
        Ok(())
    }

    /// How long it is until a frame arrives. None if none is under way.
    pub fn until_next(&self) -> Option<Duration> {
        let wire = self.0.borrow();
        let next = [wire.to_device.next_us(), wire.to_linux.next_us()].into_iter().flatten().min();
        next.map(|next| Duration::from_micros(next.saturating_sub(now_us())))
    }

    /// Calls `wait` with the tap device.
    pub fn with_tap<R>(&self, wait: impl FnOnce(BorrowedFd<'_>) -> R) -> R {
        wait(self.0.borrow().tap.as_fd())
    }

    /// The segments of the device, and those of Linux.
    pub fn sent(&self) -> (Sent, Sent) {
        let wire = self.0.borrow();
        (wire.device, wire.linux)
    }
}

/// The device's network driver.
pub struct WireDriver {
    link: Link,
    mac: [u8; 6],
    mtu: usize,
}

impl Driver for WireDriver {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken, TxToken<'_>)> {
        let frame = {
            let mut wire = self.link.0.borrow_mut();
            let frame = wire.to_device.arrived(now_us());
            if frame.is_none() {
                wire.waker = Some(cx.waker().clone());
            }
            frame?
        };
        Some((RxToken(frame), TxToken(&self.link)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<TxToken<'_>> {
        Some(TxToken(&self.link))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = ETHERNET + self.mtu;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.mac)
    }
}

/// A frame that came in.
pub struct RxToken(Vec<u8>);

impl driver::RxToken for RxToken {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(&mut self.0)
    }
}

/// Room for a frame that goes out.
pub struct TxToken<'a>(&'a Link);

impl driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        let mut wire = self.0.0.borrow_mut();
        let wire = &mut *wire;
        if let Some(mut tcp) = Tcp::of(&mut frame) {
            wire.device.count(tcp.seq(), tcp.text_len());
            wire.renumbering.shift_to_linux(&mut tcp);
        }
        wire.to_linux.enter(frame, now_us());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of IPv4 that carries its number.
    fn frame(number: u32) -> Vec<u8> {
        let mut frame = vec![0; 100];
        (frame[12], frame[13]) = (8, 0);
        frame[96..].copy_from_slice(&number.to_be_bytes());
        frame
    }

    /// The frames that arrive of 10,000, one a millisecond.
    fn arrivals(seed: u64, lost: u16) -> Vec<Vec<u8>> {
        let mut direction = Direction::new(seed, lost);
        let mut arrived = Vec::new();
        for number in 0..10_000u64 {
            direction.enter(frame(number as u32), number * 1_000);
            arrived.extend(std::iter::from_fn(|| direction.arrived(number * 1_000)));
        }
        arrived.extend(std::iter::from_fn(|| direction.arrived(u64::MAX)));
        arrived
    }

    #[test]
    fn a_seed_decides_what_becomes_of_each_frame() {
        assert_eq!(arrivals(1, 50), arrivals(1, 50));
        assert_ne!(arrivals(1, 50), arrivals(2, 50));
    }

    #[test]
    fn frames_are_lost_doubled_overtaken_and_damaged_as_often_as_they_should_be() {
        let arrived = arrivals(3, 150);
        // 8,500 and their doubles.
        assert!((8_300..8_900).contains(&arrived.len()), "{}", arrived.len());
        let number = |frame: &[u8]| u32::from_be_bytes([frame[96], frame[97], frame[98], frame[99]]);
        let whole: Vec<_> = arrived.iter().filter(|bytes| **bytes == frame(number(bytes))).map(|f| number(f)).collect();
        assert!((20..80).contains(&(arrived.len() - whole.len())), "damaged");
        let overtaken = whole.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((80..400).contains(&overtaken), "{overtaken} overtaken");
        let mut single = whole.clone();
        single.sort_unstable();
        single.dedup();
        assert!((50..130).contains(&(whole.len() - single.len())), "doubled");
    }

    #[test]
    fn arp_is_only_delayed() {
        let mut direction = Direction::new(4, 1_000);
        let mut arp = frame(1);
        arp[13] = 6;
        direction.enter(arp.clone(), 0);
        direction.enter(frame(2), 0);
        assert_eq!(direction.arrived(DELAY_US - 1), None);
        assert_eq!(direction.arrived(DELAY_US), Some(arp));
        assert_eq!(direction.next_us(), None);
    }

    #[test]
    fn numbers_that_pass_2_to_the_32_are_noticed() {
        let mut sent = Sent::default();
        sent.count(100, 10);
        assert!(!sent.has_wrapped);
        sent.count(u32::MAX - 5, 10);
        sent.count(4, 0);
        assert!(sent.has_wrapped);
        assert_eq!((sent.segments, sent.bytes), (2, 20));
    }
}
