//! smoltcp's device for the server's connections: one packet that came in, and the way out.
//!
//! The server's smoltcp interface speaks IP only. The Ethernet header is written here, to the MAC address that the
//! client's own frames came from, so no reply waits for ARP; so are the checksums.

use bytemuck::{cast_slice, pod_align_to_mut};
use embassy_net_driver::TxToken;
use smoltcp::phy::{self, Checksum, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::checksum::{self, ETHERNET};
use crate::frame::Mac;

/// An Ethernet header of IPv4, in halves of 16 bits: a frame's start is aligned to two bytes at least, mostly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EthernetHeader([u16; 7]);

impl EthernetHeader {
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

pub(crate) struct PacketIn<'a>(&'a [u8]);

impl phy::RxToken for PacketIn<'_> {
    #[inline]
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for one packet, where there is any: a token is handed out only then, and may be dropped unused.
pub(crate) struct PacketOut<'a, T> {
    token: &'a mut Option<T>,
    ethernet: &'a EthernetHeader,
}

impl<T: TxToken> phy::TxToken for PacketOut<'_, T> {
    #[inline]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Some(token) = self.token.take() else { unreachable!("room was made sure of") };
        token.consume(ETHERNET + len, |frame| {
            let (ethernet, packet) = frame.split_at_mut(ETHERNET);
            self.ethernet.write(ethernet);
            let result = f(packet);
            checksum::fill(packet);
            result
        })
    }
}

/// A packet that came in, or none, and room for one that goes out.
///
/// The same for both ways, so that what smoltcp has of generic functions is in an image once.
pub(crate) struct Phy<'a, T> {
    pub(crate) packet: &'a [u8],
    pub(crate) token: Option<T>,
    pub(crate) ethernet: &'a EthernetHeader,
    /// Bytes of the longest IP packet.
    pub(crate) mtu: usize,
    /// Set when there was something to send, and no room.
    pub(crate) exhausted: bool,
}

impl<T: TxToken> Device for Phy<'_, T> {
    type RxToken<'b>
        = PacketIn<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = PacketOut<'b, T>
    where
        Self: 'b;

    #[inline]
    fn receive(&mut self, now: Instant) -> Option<(PacketIn<'_>, PacketOut<'_, T>)> {
        let packet = self.packet;
        Some((PacketIn(packet), self.transmit(now)?))
    }

    #[inline]
    fn transmit(&mut self, _: Instant) -> Option<PacketOut<'_, T>> {
        self.exhausted = self.token.is_none();
        (!self.exhausted).then_some(PacketOut { token: &mut self.token, ethernet: self.ethernet })
    }

    #[inline]
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        (capabilities.checksum.ipv4, capabilities.checksum.tcp) = (Checksum::None, Checksum::None);
        capabilities
    }
}
