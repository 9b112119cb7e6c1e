//! A device on a link of hosts that the test plays, frame by frame, in simulated time.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Waker};

use embassy_net::driver::{HardwareAddress, LinkState};
use embassy_net::{Config, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant};
use sockeye_simulation::clock;
use sockeye_tcp::{DriverPort, Frames, Interface, IsnKey, Options, Resources, SocketBuffers, Tcp};

pub const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// The network's name server, which is a host of the test's.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 250);
pub const DEVICE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const BROADCAST: [u8; 6] = [0xff; 6];
const PREFIX_LEN: u8 = 24;
const MTU: usize = 1514;
const SOCKETS: usize = 24;
const ARP: [u8; 2] = [8, 6];
const IPV4: [u8; 2] = [8, 0];

type Task = Pin<Box<dyn Future<Output = ()>>>;

pub fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// A frame that the device sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub at_ms: u64,
    pub bytes: Vec<u8>,
}

impl Frame {
    pub fn destination(&self) -> [u8; 6] {
        self.bytes[..6].try_into().unwrap()
    }

    /// Whom an ARP request asks for.
    pub fn asks_for(&self) -> Option<Ipv4Addr> {
        (self.bytes[12..14] == ARP && self.bytes[21] == 1).then(|| address(&self.bytes[38..42]))
    }

    /// Protocol, hop limit, receiver and content of an IPv4 packet.
    pub fn packet(&self) -> Option<(u8, u8, Ipv4Addr, &[u8])> {
        let header = usize::from(self.bytes.get(14)? & 0xf) * 4;
        let is_ipv4 = self.bytes[12..14] == IPV4;
        is_ipv4.then(|| (self.bytes[23], self.bytes[22], address(&self.bytes[30..34]), &self.bytes[14 + header..]))
    }

    /// The ports and the content of a UDP datagram.
    pub fn datagram(&self) -> Option<(u16, u16, &[u8])> {
        let (17, _, _, udp) = self.packet()? else { return None };
        let len = usize::from(word(&udp[4..]));
        Some((word(udp), word(&udp[2..]), &udp[8..len]))
    }
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn address(bytes: &[u8]) -> Ipv4Addr {
    Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])
}

/// The device's network, and its hosts.
pub struct Link {
    near: channel::Runner<'static, MTU>,
    tasks: Vec<Task>,
    /// The hosts that answer ARP.
    pub hosts: BTreeMap<Ipv4Addr, [u8; 6]>,
    pub heard: Vec<Frame>,
    pub interface: Interface,
    pub stack: Stack<'static>,
}

impl Link {
    pub fn new() -> Self {
        clock::reset();
        let (mut near, driver) =
            channel::new(leak(channel::State::<MTU, 16, 16>::new()), HardwareAddress::Ethernet(DEVICE_MAC));
        near.set_link_state(LinkState::Up);
        let tcp = Tcp::new(
            leak(SocketBuffers::<2, 256, 256>::new()),
            leak(Resources::<2>::new()),
            Options { handshake: Duration::from_secs(3), isn_key: IsnKey::new([7; 16]) },
        );
        let (interface, mut runner, net_driver) =
            tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(driver)));
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(DEVICE, PREFIX_LEN),
            gateway: None,
            dns_servers: [NAME_SERVER].into_iter().collect(),
        });
        let (stack, mut net) = embassy_net::new(net_driver, config, leak(StackResources::<SOCKETS>::new()), 7);
        let tasks: Vec<Task> = vec![
            Box::pin(async move { runner.run().await }),
            Box::pin(async move { net.run().await }),
            Box::pin(async move { interface.follow(stack, |_| ()).await }),
        ];
        let mut link = Self { near, tasks, hosts: BTreeMap::new(), heard: Vec::new(), interface, stack };
        link.run(10);
        link
    }

    pub fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.tasks.push(Box::pin(task));
    }

    /// Lets `ms` milliseconds pass. Hosts answer ARP at once.
    pub fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            for _ in 0..4 {
                let mut cx = Context::from_waker(Waker::noop());
                self.tasks.retain_mut(|task| task.as_mut().poll(&mut cx).is_pending());
                self.listen();
            }
            clock::advance(Duration::from_millis(1));
        }
    }

    fn listen(&mut self) {
        while let Some(frame) = self.near.try_tx_buf() {
            let frame = Frame { at_ms: Instant::now().as_millis(), bytes: frame.to_vec() };
            self.near.tx_done();
            if let Some((asked, mac)) = frame.asks_for().and_then(|asked| Some((asked, *self.hosts.get(&asked)?))) {
                self.arp(2, asked, mac, DEVICE);
            }
            self.heard.push(frame);
        }
    }

    /// A host sends a frame.
    pub fn send(&mut self, frame: &[u8]) {
        let room = self.near.try_rx_buf().expect("room for a frame");
        room[..frame.len()].copy_from_slice(frame);
        self.near.rx_done(frame.len());
    }

    /// A host sends an ARP packet: 1 is a request, 2 a reply.
    pub fn arp(&mut self, operation: u8, sender: Ipv4Addr, mac: [u8; 6], target: Ipv4Addr) {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        let receiver = if operation == 1 { BROADCAST } else { DEVICE_MAC };
        let parts: [&[u8]; 7] =
            [&receiver, &mac, &ARP, &head, &mac, &sender.octets(), &[[0; 6].as_slice(), &target.octets()].concat()];
        self.send(&parts.concat());
    }

    /// A host sends an IPv4 packet to the device, or to a group or to all.
    pub fn packet(&mut self, mac: [u8; 6], from: Ipv4Addr, to: Ipv4Addr, protocol: u8, content: &[u8]) {
        let receiver = match to {
            _ if to.is_broadcast() => BROADCAST,
            _ if to.is_multicast() => [1, 0, 0x5e, to.octets()[1] & 0x7f, to.octets()[2], to.octets()[3]],
            _ => DEVICE_MAC,
        };
        let len = (20 + content.len() as u16).to_be_bytes();
        let mut header = vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, protocol, 0, 0];
        header.extend(from.octets());
        header.extend(to.octets());
        let sum = header.chunks(2).map(|pair| u32::from(word(pair))).sum::<u32>();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        self.send(&[&receiver[..], &mac, &IPV4, &header, content].concat());
    }

    /// A host sends a datagram, without a checksum.
    pub fn datagram(&mut self, mac: [u8; 6], from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), content: &[u8]) {
        let len = 8 + content.len() as u16;
        let udp = [from.1, to.1, len, 0].map(u16::to_be_bytes).concat();
        self.packet(mac, from.0, to.0, 17, &[&udp[..], content].concat());
    }

    /// Datagrams from a port of the device's that were sent since `ms`: when, to which MAC address, to whom, and what.
    pub fn sent_from(&self, port: u16, since_ms: u64) -> Vec<(u64, [u8; 6], Ipv4Addr, Vec<u8>)> {
        let sent = self.heard.iter().filter(|frame| frame.at_ms >= since_ms);
        let datagram = |frame: &Frame| {
            let (from, _, content) = frame.datagram()?;
            let (_, _, to, _) = frame.packet()?;
            (from == port).then(|| (frame.at_ms, frame.destination(), to, content.to_vec()))
        };
        sent.filter_map(datagram).collect()
    }

    /// Whom the device has asked for since `ms`, and when.
    pub fn asked(&self, since_ms: u64) -> Vec<(u64, Ipv4Addr)> {
        let sent = self.heard.iter().filter(|frame| frame.at_ms >= since_ms);
        sent.filter_map(|frame| Some((frame.at_ms, frame.asks_for()?))).collect()
    }

    pub fn now_ms(&self) -> u64 {
        Instant::now().as_millis()
    }
}
