//! A host that exists only in this process: an address, ARP, and TCP segments.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use etherparse::{
    ArpEthIpv4Packet, ArpHardwareId, ArpOperation, ArpPacket, EtherType, Ipv4Header, LinkSlice, NetSlice,
    PacketBuilder, SlicedPacket, TcpHeader, TransportSlice,
};

use super::raw_link::RawLink;
use crate::target::Target;

/// The receive window that the peer offers where a case says nothing else.
pub const WINDOW_LEN: u16 = 8_192;
const TTL: u8 = 64;
const ARP_TRY_MAX: usize = 5;
const ARP_REPLY_MAX: Duration = Duration::from_millis(500);
const BROADCAST: [u8; 6] = [0xff; 6];
/// Where the IPv4 packet begins in a frame, and where the TCP segment does if there are no IP options.
pub const IPV4_AT: usize = 14;
/// See [`IPV4_AT`].
pub const TCP_AT: usize = 34;
/// Ethernet's shortest frame without its checksum; wired hosts fill up to it.
const FRAME_LEN_MIN: usize = 60;

/// The flags that the cases set or look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawFlags {
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
}

impl RawFlags {
    pub const NONE: Self = Self { syn: false, ack: false, fin: false, rst: false };
    pub const SYN: Self = Self { syn: true, ..Self::NONE };
    pub const ACK: Self = Self { ack: true, ..Self::NONE };
    pub const SYN_ACK: Self = Self { syn: true, ..Self::ACK };
    pub const FIN_ACK: Self = Self { fin: true, ..Self::ACK };
    pub const RST: Self = Self { rst: true, ..Self::NONE };
}

/// A segment from the server.
#[derive(Clone, Debug)]
pub struct RawSegment {
    pub flags: RawFlags,
    pub seq: u32,
    pub ack: u32,
    pub payload: Vec<u8>,
}

/// A segment to the server.
#[derive(Clone, Copy, Debug)]
pub struct RawSegmentOut<'a> {
    pub port: u16,
    pub flags: RawFlags,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub payload: &'a [u8],
}

/// A neighbour of the server that the machine's own stack knows nothing of.
pub struct Peer {
    link: RawLink,
    pub address: Ipv4Addr,
    pub mac: [u8; 6],
    server: SocketAddrV4,
    server_mac: [u8; 6],
    /// Fills short frames up to Ethernet's minimum with bytes that belong to no packet.
    pub pads_frames: bool,
    /// Segments thrown away because their checksum was wrong.
    bad_checksum_count: usize,
}

impl Peer {
    /// A host with this last byte in its address, in the server's network.
    pub fn new(target: &Target, host: u8) -> Result<Self> {
        let name = target.tap.as_deref().context("this case needs --tap")?;
        let SocketAddr::V4(server) = target.address else {
            bail!("raw frames need an IPv4 address");
        };
        let [a, b, c, _] = server.ip().octets();
        let mut peer = Self {
            link: RawLink::open(name)?,
            address: Ipv4Addr::new(a, b, c, host),
            mac: mac_of(host, 0),
            server,
            server_mac: BROADCAST,
            pads_frames: false,
            bad_checksum_count: 0,
        };
        peer.find_server()?;
        Ok(peer)
    }

    /// From now on this peer has another network card.
    pub fn change_mac(&mut self) {
        self.mac[4] += 1;
    }

    fn find_server(&mut self) -> Result<()> {
        for _ in 0..ARP_TRY_MAX {
            self.send_arp(ArpOperation::REQUEST, *self.server.ip(), BROADCAST)?;
            let deadline = Instant::now() + ARP_REPLY_MAX;
            while let Some(frame) = self.next_frame(deadline)? {
                if let Some(reply) = arp_of(&frame)
                    && reply.operation == ArpOperation::REPLY
                    && reply.sender_ipv4 == self.server.ip().octets()
                {
                    self.server_mac = reply.sender_mac;
                    return Ok(());
                }
            }
        }
        bail!("{} answers no ARP request", self.server.ip())
    }

    /// Builds the frame that [`Peer::send`] would send, to be damaged on purpose.
    pub fn frame_of(&self, segment: &RawSegmentOut<'_>) -> Result<Vec<u8>> {
        let ip = Ipv4Header::new(0, TTL, etherparse::IpNumber::TCP, self.address.octets(), self.server.ip().octets())?;
        self.frame_with(ip, segment)
    }

    /// [`Peer::frame_of`] with an IP header of the case's own; lengths and checksums are filled in.
    pub fn frame_with(&self, ip: Ipv4Header, segment: &RawSegmentOut<'_>) -> Result<Vec<u8>> {
        let mut tcp = TcpHeader::new(segment.port, self.server.port(), segment.seq, segment.window);
        tcp.syn = segment.flags.syn;
        tcp.ack = segment.flags.ack;
        tcp.fin = segment.flags.fin;
        tcp.rst = segment.flags.rst;
        tcp.psh = !segment.payload.is_empty();
        tcp.acknowledgment_number = segment.ack;
        let builder = PacketBuilder::ethernet2(self.mac, self.server_mac)
            .ip(etherparse::IpHeaders::Ipv4(ip, Default::default()))
            .tcp_header(tcp);
        let mut frame = Vec::with_capacity(builder.size(segment.payload.len()));
        builder.write(&mut frame, segment.payload)?;
        if self.pads_frames && frame.len() < FRAME_LEN_MIN {
            frame.resize(FRAME_LEN_MIN, b'p');
        }
        Ok(frame)
    }

    pub fn send(&self, segment: &RawSegmentOut<'_>) -> Result<()> {
        self.send_frame(&self.frame_of(segment)?)
    }

    pub fn send_frame(&self, frame: &[u8]) -> Result<()> {
        self.link.send(frame)
    }

    /// Asks for an echo (RFC 792); returns whether the same bytes came back within `limit`.
    pub fn ping(&mut self, sequence: u16, payload: &[u8], limit: Duration) -> Result<bool> {
        const ID: u16 = 0x50c4;
        let builder = PacketBuilder::ethernet2(self.mac, self.server_mac)
            .ipv4(self.address.octets(), self.server.ip().octets(), TTL)
            .icmpv4_echo_request(ID, sequence);
        let mut frame = Vec::with_capacity(builder.size(payload.len()));
        builder.write(&mut frame, payload)?;
        self.send_frame(&frame)?;

        let deadline = Instant::now() + limit;
        while let Some(frame) = self.next_frame(deadline)? {
            let Ok(packet) = SlicedPacket::from_ethernet(&frame) else {
                continue;
            };
            let Some(TransportSlice::Icmpv4(icmp)) = &packet.transport else {
                continue;
            };
            if let etherparse::Icmpv4Type::EchoReply(echo) = icmp.icmp_type()
                && echo.id == ID
                && echo.seq == sequence
                && self.is_for_us(&packet)
            {
                return Ok(icmp.payload() == payload);
            }
        }
        Ok(false)
    }

    /// The next segment to `port`, if one comes within `limit`. Answers ARP meanwhile, as any host does.
    pub fn receive(&mut self, port: u16, limit: Duration) -> Result<Option<RawSegment>> {
        let deadline = Instant::now() + limit;
        while let Some((to, segment)) = self.receive_any(deadline)? {
            if to == port {
                return Ok(Some(segment));
            }
        }
        ensure!(
            self.bad_checksum_count == 0,
            "{} segments from the server had a bad checksum",
            self.bad_checksum_count
        );
        Ok(None)
    }

    /// The next segment to any of our ports, with that port.
    pub fn receive_any(&mut self, deadline: Instant) -> Result<Option<(u16, RawSegment)>> {
        while let Some(frame) = self.next_frame(deadline)? {
            if let Some(found) = self.segment_of(&frame) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Counts the signs that the server has seen us: segments to us, and ARP requests for us, which stay unanswered.
    pub fn count_signs(&mut self, limit: Duration) -> Result<usize> {
        let deadline = Instant::now() + limit;
        let mut count = 0;
        while let Some(left) = left_until(deadline) {
            let Some(frame) = self.link.receive(left)? else {
                continue;
            };
            count += usize::from(self.segment_of(&frame).is_some() || self.is_asked_for(&frame));
        }
        Ok(count)
    }

    /// The next frame before the deadline; ARP requests for us are answered on the way.
    fn next_frame(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>> {
        while let Some(left) = left_until(deadline) {
            let Some(frame) = self.link.receive(left)? else {
                continue;
            };
            if self.is_asked_for(&frame) {
                self.send_arp(ArpOperation::REPLY, *self.server.ip(), self.server_mac)?;
                continue;
            }
            return Ok(Some(frame));
        }
        Ok(None)
    }

    fn is_asked_for(&self, frame: &[u8]) -> bool {
        arp_of(frame)
            .is_some_and(|arp| arp.operation == ArpOperation::REQUEST && arp.target_ipv4 == self.address.octets())
    }

    /// An Ethernet header of IPv4 to the server.
    pub fn ethernet_header(&self) -> [u8; IPV4_AT] {
        let mut header = [0; IPV4_AT];
        header[..6].copy_from_slice(&self.server_mac);
        header[6..12].copy_from_slice(&self.mac);
        header[12..].copy_from_slice(&[0x08, 0x00]);
        header
    }

    /// Asks for `address` by ARP, as a host with another network card.
    pub fn send_request(&mut self, address: Ipv4Addr, mac: [u8; 6]) -> Result<()> {
        let own = std::mem::replace(&mut self.mac, mac);
        let sent = self.send_arp(ArpOperation::REQUEST, address, BROADCAST);
        self.mac = own;
        sent
    }

    fn send_arp(&self, operation: ArpOperation, to: Ipv4Addr, to_mac: [u8; 6]) -> Result<()> {
        let arp = ArpPacket::new(
            ArpHardwareId::ETHERNET,
            EtherType::IPV4,
            operation,
            &self.mac,
            &self.address.octets(),
            // The MAC address that is asked for is not known yet (RFC 826).
            if to_mac == BROADCAST { &[0; 6] } else { &to_mac },
            &to.octets(),
        )?;
        let builder = PacketBuilder::ethernet2(self.mac, to_mac).arp(arp);
        let mut frame = Vec::with_capacity(builder.size());
        builder.write(&mut frame)?;
        self.send_frame(&frame)
    }

    /// Whether a packet goes from the server to our address, by way of our present network card.
    fn is_for_us(&self, packet: &SlicedPacket<'_>) -> bool {
        let Some(LinkSlice::Ethernet2(ethernet)) = &packet.link else {
            return false;
        };
        let Some(NetSlice::Ipv4(ip)) = &packet.net else {
            return false;
        };
        ethernet.destination() == self.mac
            && ip.header().source_addr() == *self.server.ip()
            && ip.header().destination_addr() == self.address
    }

    /// The segment in a frame, with the port that it goes to, unless a real host would drop it.
    fn segment_of(&mut self, frame: &[u8]) -> Option<(u16, RawSegment)> {
        let packet = SlicedPacket::from_ethernet(frame).ok()?;
        if !self.is_for_us(&packet) {
            return None;
        }
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (&packet.net, &packet.transport) else {
            return None;
        };
        if tcp.source_port() != self.server.port() {
            return None;
        }
        let ip_header = ip.header().to_header();
        let checksum = tcp.calc_checksum_ipv4(ip_header.source, ip_header.destination);
        if checksum != Ok(tcp.checksum()) || ip_header.header_checksum != ip_header.calc_header_checksum() {
            self.bad_checksum_count += 1;
            return None;
        }
        let segment = RawSegment {
            flags: RawFlags { syn: tcp.syn(), ack: tcp.ack(), fin: tcp.fin(), rst: tcp.rst() },
            seq: tcp.sequence_number(),
            ack: tcp.acknowledgment_number(),
            payload: tcp.payload().to_vec(),
        };
        Some((tcp.destination_port(), segment))
    }
}

/// A locally administered address, so that it can be no real card's.
fn mac_of(host: u8, generation: u8) -> [u8; 6] {
    [0x02, 0, 0, 0, generation, host]
}

fn arp_of(frame: &[u8]) -> Option<ArpEthIpv4Packet> {
    match SlicedPacket::from_ethernet(frame).ok()?.net? {
        NetSlice::Arp(arp) => arp.to_packet().try_eth_ipv4().ok(),
        _ => None,
    }
}

fn left_until(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}
