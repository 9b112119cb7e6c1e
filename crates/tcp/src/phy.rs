//! smoltcp's devices for the server's connections: one packet that came in, and the way out.
//!
//! The server's smoltcp interface speaks IP only. The Ethernet header is written here, to the MAC address that the
//! client's own frames came from, so no reply waits for ARP; so are the checksums.

use core::task::Context;

use bytemuck::{cast_slice, pod_align_to_mut};
use embassy_net_driver::{Driver, TxToken};
use smoltcp::phy::{self, Checksum, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::checksum::{self, ETHERNET};
use crate::frame::Mac;
use crate::limits::SCRATCH_LEN;

/// An Ethernet header of IPv4, in halves of 16 bits: a frame's start is aligned to two bytes at least, mostly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Macs([u16; 7]);

impl Macs {
    /// The client is at `destination` now.
    #[inline]
    pub(crate) fn set_destination(&mut self, destination: Mac) {
        let Mac([a, b, c]) = destination;
        (self.0[0], self.0[1], self.0[2]) = (a, b, c);
    }

    /// From `source` to `destination`.
    pub(crate) fn new(destination: Mac, source: Mac) -> Self {
        let (Mac([a, b, c]), Mac([d, e, f])) = (destination, source);
        Self([a, b, c, d, e, f, u16::from_ne_bytes([0x08, 0x00])])
    }

    #[inline]
    fn write(&self, ethernet: &mut [u8]) {
        if let ([], words, []) = pod_align_to_mut::<u8, u16>(ethernet)
            && let [a, b, c, d, e, f, g] = words
        {
            // One by one: as a whole it would be a call of memcpy, which takes three times as long.
            (*a, *b, *c) = (self.0[0], self.0[1], self.0[2]);
            (*d, *e, *f, *g) = (self.0[3], self.0[4], self.0[5], self.0[6]);
        } else {
            ethernet.copy_from_slice(cast_slice(&self.0));
        }
    }
}

fn capabilities(mtu: usize) -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ip;
    capabilities.max_transmission_unit = mtu;
    (capabilities.checksum.ipv4, capabilities.checksum.tcp) = (Checksum::None, Checksum::None);
    capabilities
}

pub(crate) struct PacketIn<'a>(&'a [u8]);

impl phy::RxToken for PacketIn<'_> {
    #[inline]
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

pub(crate) struct PacketOut<'a, T> {
    token: T,
    macs: &'a Macs,
}

impl<T: TxToken> phy::TxToken for PacketOut<'_, T> {
    #[inline]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.token.consume(ETHERNET + len, |frame| {
            let (ethernet, packet) = frame.split_at_mut(ETHERNET);
            self.macs.write(ethernet);
            let result = f(packet);
            checksum::fill(packet);
            result
        })
    }
}

/// A packet that came in, and room for one reply where there is any.
pub(crate) struct Ingress<'a, T> {
    pub(crate) packet: &'a [u8],
    pub(crate) token: Option<T>,
    pub(crate) macs: &'a Macs,
    /// Bytes of the longest IP packet.
    pub(crate) mtu: usize,
}

impl<T: TxToken> Device for Ingress<'_, T> {
    type RxToken<'b>
        = PacketIn<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = PacketOut<'b, T>
    where
        Self: 'b;

    #[inline]
    fn receive(&mut self, _: Instant) -> Option<(PacketIn<'_>, PacketOut<'_, T>)> {
        Some((PacketIn(self.packet), PacketOut { token: self.token.take()?, macs: self.macs }))
    }

    fn transmit(&mut self, _: Instant) -> Option<PacketOut<'_, T>> {
        None
    }

    #[inline]
    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.mtu)
    }
}

/// The way out to one client.
pub(crate) struct Egress<'a, 'c, D> {
    pub(crate) driver: &'a mut D,
    pub(crate) cx: &'a mut Context<'c>,
    pub(crate) macs: &'a Macs,
    /// Bytes of the longest IP packet.
    pub(crate) mtu: usize,
    /// Set when the driver had no room.
    pub(crate) exhausted: bool,
}

impl<D: Driver> Device for Egress<'_, '_, D> {
    type RxToken<'b>
        = PacketIn<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = PacketOut<'b, D::TxToken<'b>>
    where
        Self: 'b;

    fn receive(&mut self, _: Instant) -> Option<(PacketIn<'_>, Self::TxToken<'_>)> {
        None
    }

    #[inline]
    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.driver.transmit(self.cx);
        self.exhausted = token.is_none();
        Some(PacketOut { token: token?, macs: self.macs })
    }

    #[inline]
    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.mtu)
    }
}

/// Room for a reply that is not sent, or not at once.
pub(crate) struct Scratch {
    frame: [u8; SCRATCH_LEN],
    len: usize,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { frame: [0; SCRATCH_LEN], len: 0 }
    }

    /// The reply, if there was one.
    pub(crate) fn reply(&self) -> Option<&[u8]> {
        (self.len > 0).then(|| &self.frame[..self.len])
    }
}

impl TxToken for &mut Scratch {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.len = len;
        f(&mut self.frame[..len])
    }
}
