//! Frames to a device: TCP segments with true and false numbers, ARP, and bytes that are anything. The device accepts
//! clients and opens connections all the while. Nothing panics, every frame that leaves is whole and goes to a single
//! host, and a client is served once the noise is over.

#![no_main]

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use edge_nal::{Close, TcpAccept, TcpBind, TcpConnect, TcpShutdown};
use embassy_net_driver::{Driver, HardwareAddress, LinkState, RxToken};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::heap::{Lender, freed};
use sockeye_simulation::clock;
use sockeye_tcp::{
    Acceptor, DriverPort, Frames, Interface, Ipv4Cidr, IsnKey, NetDriver, Options, Resources, SocketBuffers, Tcp,
};

/// Bytes of the longest frame: far more than the target makes, and little memory for each run.
const MTU: usize = 300;
const CONNECTIONS: usize = 3;
const PORT: u16 = 3_000;
const PEER_PORT: u16 = 6_379;
const DEVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const DEVICE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// Hosts on the link that make noise: 10.0.0.2 and up. The last byte of the MAC address is that of the IPv4 address. One
/// more is the client that is served at the end.
const HOSTS: u8 = 6;
const IPV4: [u8; 2] = [8, 0];
const ARP: [u8; 2] = [8, 6];
const ETHERNET: usize = 14;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The rest of the input; zeros behind its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u32 {
        u32::from_be_bytes([0; 4].map(|_: u8| self.byte()))
    }
}

/// The last segment of the device that a host has heard.
#[derive(Clone, Copy, Default)]
struct Heard {
    device_port: u16,
    host_port: u16,
    seq: u32,
    ack: u32,
}

struct Device {
    tasks: Vec<Task>,
    wire: channel::Runner<'static, MTU>,
    net: NetDriver,
    interface: Interface,
    heard: [Heard; HOSTS as usize + 1],
    /// The memory of all these, which are dropped before it.
    _memory: Lender,
}

/// Answers each line of a client with itself, and closes.
async fn serve(acceptor: Acceptor) {
    loop {
        let Ok((_, mut socket)) = acceptor.accept().await else { continue };
        let echo = async {
            let mut buf = [0; 50];
            while let Ok(len @ 1..) = socket.read(&mut buf).await {
                if socket.write_all(&buf[..len]).await.is_err() || socket.flush().await.is_err() {
                    break;
                }
            }
        };
        let _ = with_timeout(Duration::from_secs(20), echo).await;
        let _ = with_timeout(Duration::from_secs(2), socket.close(Close::Both)).await;
    }
}

/// Connects to one host after the other.
async fn call(interface: Interface) {
    for host in (0..HOSTS).cycle() {
        let remote = (Ipv4Addr::new(10, 0, 0, 2 + host), PEER_PORT).into();
        if let Ok(Ok(mut socket)) = with_timeout(Duration::from_secs(3), interface.connect(remote)).await {
            let _ = with_timeout(Duration::from_secs(2), socket.write_all(b"hello")).await;
            let mut buf = [0; 20];
            let _ = with_timeout(Duration::from_secs(2), socket.read(&mut buf)).await;
        }
        embassy_time::Timer::after_millis(500).await;
    }
}

impl Device {
    fn new() -> Self {
        clock::reset();
        let mut memory = Lender::default();
        // SAFETY: all that has the references is in the device, before the memory. The clock's wakers have none.
        let (state, buffers, outgoing, resources, frames) = unsafe {
            (
                memory.lend(channel::State::<MTU, 4, 4>::new()),
                memory.lend(SocketBuffers::<CONNECTIONS, 128, 128>::new()),
                memory.lend(SocketBuffers::<1, 64, 64>::new()),
                memory.lend(Resources::<{ CONNECTIONS + 1 }>::new()),
                memory.lend(Frames::<1, 1>::new()),
            )
        };
        let (mut wire, card) = channel::new(state, HardwareAddress::Ethernet(DEVICE_MAC));
        // SAFETY: as above.
        let port = unsafe { memory.lend(DriverPort::new(card)) };
        wire.set_link_state(LinkState::Up);
        let options = Options { handshake: Duration::from_secs(3), isn_key: IsnKey::new([5; 16]) };
        let tcp = Tcp::with_outgoing(buffers, outgoing, resources, options);
        let (interface, mut runner, net) = tcp.attach(frames, port);
        interface.set_address(Some(Ipv4Cidr::new(DEVICE, 24)));
        let mut bind = Box::pin(tcp.bind(([0, 0, 0, 0], PORT).into()));
        let Poll::Ready(Ok(acceptor)) = bind.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the port is the first")
        };
        drop(bind);
        let mut tasks: Vec<Task> = vec![Box::pin(async move { runner.run().await })];
        tasks.extend((0..CONNECTIONS).map(|_| Box::pin(serve(acceptor)) as Task));
        tasks.push(Box::pin(call(interface)));
        let mut it = Self { tasks, wire, net, interface, heard: Default::default(), _memory: memory };
        it.run(1);
        it
    }

    /// Lets so many milliseconds pass.
    fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            for _ in 0..3 {
                let mut cx = Context::from_waker(Waker::noop());
                self.tasks.retain_mut(|task| task.as_mut().poll(&mut cx).is_pending());
                // embassy-net's side takes what is for it.
                while let Some((rx, _)) = self.net.receive(&mut cx) {
                    rx.consume(|frame| assert!(!is_tcp(frame), "embassy-net got a segment"));
                }
                self.listen();
            }
            clock::advance(Duration::from_millis(1));
        }
    }

    /// Looks at each frame that left.
    fn listen(&mut self) {
        while let Some(frame) = self.wire.try_tx_buf() {
            let frame = frame.to_vec();
            self.wire.tx_done();
            assert_eq!(frame[6..12], DEVICE_MAC);
            if frame[12..14] != IPV4 {
                assert_eq!((&frame[12..14], frame.len()), (&ARP[..], 42));
                continue;
            }
            let (ip, tcp) = frame[ETHERNET..].split_at(20);
            assert_eq!(usize::from(word(&ip[2..])), ip.len() + tcp.len(), "as long as it says");
            assert_eq!((ip[9], &ip[12..16]), (6, &DEVICE.octets()[..]), "nobody else sends here");
            assert_eq!(sum(ip, 0), 0xffff, "the checksum of IPv4");
            let pseudo = sum_of(&ip[12..20]) + 6 + tcp.len() as u32;
            assert_eq!(sum(tcp, pseudo), 0xffff, "the checksum of TCP");
            assert!(frame[0] & 1 == 0 && ip[16..19] == [10, 0, 0], "to a single host of the link");
            let host = ip[19].wrapping_sub(2);
            if let Some(heard) = self.heard.get_mut(usize::from(host)) {
                let len = tcp.len() - usize::from(tcp[12] >> 4) * 4;
                let len = len as u32 + u32::from(tcp[13] & SYN != 0) + u32::from(tcp[13] & FIN != 0);
                *heard = Heard {
                    device_port: word(tcp),
                    host_port: word(&tcp[2..]),
                    seq: number(&tcp[4..]).wrapping_add(len),
                    ack: number(&tcp[8..]),
                };
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        if let Some(room) = self.wire.try_rx_buf() {
            let len = frame.len().min(room.len());
            room[..len].copy_from_slice(&frame[..len]);
            self.wire.rx_done(len);
        }
        self.run(1);
    }

    /// A segment of a host: of the connection of which it last heard, or of another.
    fn segment(&mut self, input: &mut Input<'_>) {
        let host = input.byte() % HOSTS;
        let heard = self.heard[usize::from(host)];
        let near = |input: &mut Input<'_>, base: u32| match input.byte() {
            0..=199 => base,
            200..=224 => base.wrapping_add(input.byte().into()),
            225..=249 => base.wrapping_sub(input.byte().into()),
            _ => input.number(),
        };
        let is_known = input.byte() < 200 && heard.device_port != 0;
        let (device_port, host_port) = match is_known {
            true => (heard.device_port, heard.host_port),
            false => (PORT, 40_000 + u16::from(input.byte() & 3)),
        };
        let (seq, ack) = (near(input, heard.ack), near(input, heard.seq));
        let flags = match input.byte() {
            0..=149 => ACK,
            150..=189 if device_port == PORT => SYN,
            150..=189 => SYN | ACK,
            190..=209 => FIN | ACK,
            210..=219 => RST,
            bits => bits & 0x3f,
        };
        let window = u16::from(input.byte()) * 8;
        let text = vec![input.byte(); usize::from(input.byte() & 63)];
        let mut tcp = [device_port, host_port, 0, 0, 0, 0, 0, 0, 0, 0].map(u16::to_be_bytes).concat();
        tcp.swap(0, 2);
        tcp.swap(1, 3);
        tcp[4..8].copy_from_slice(&seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&ack.to_be_bytes());
        (tcp[12], tcp[13]) = (0x50, flags);
        tcp[14..16].copy_from_slice(&window.to_be_bytes());
        tcp.extend(text);
        let frame = packet(host, &mut tcp);
        self.send(&frame);
    }

    fn arp(&mut self, input: &mut Input<'_>) {
        let host = input.byte() % HOSTS;
        let mut frame = [&DEVICE_MAC[..], &mac(host), &ARP, &[0, 1, 8, 0, 6, 4, 0, 1 + (input.byte() & 1)]].concat();
        frame.extend(mac(host));
        frame.extend([10, 0, 0, 2 + host]);
        frame.extend(DEVICE_MAC);
        frame.extend(DEVICE.octets());
        self.send(&frame);
    }

    /// A frame whose bytes are anything, most often one of TCP that was damaged.
    fn noise(&mut self, input: &mut Input<'_>) {
        let mut tcp = vec![0; usize::from(input.byte() & 63)];
        tcp.iter_mut().for_each(|byte| *byte = input.byte());
        let mut frame = packet(input.byte() % HOSTS, &mut tcp);
        for _ in 0..input.byte() & 3 {
            let at = usize::from(input.byte()) % frame.len();
            frame[at] = input.byte();
        }
        let len = frame.len() - usize::from(input.byte()) % frame.len().min(8);
        self.send(&frame[..len]);
    }

    /// A client that comes when it is quiet: its handshake, a line and the answer to it.
    fn be_served(&mut self) {
        const HOST: u8 = HOSTS;
        const FROM: u16 = 50_000;
        let isn = 77_u32;
        let send = |device: &mut Self, flags: u8, seq: u32, ack: u32, text: &[u8]| {
            let mut tcp = [FROM, PORT, 0, 0, 0, 0, 0, 0, 0, 0].map(u16::to_be_bytes).concat();
            tcp[4..8].copy_from_slice(&seq.to_be_bytes());
            tcp[8..12].copy_from_slice(&ack.to_be_bytes());
            (tcp[12], tcp[13]) = (0x50, flags);
            tcp[14..16].copy_from_slice(&1_000u16.to_be_bytes());
            tcp.extend(text);
            device.heard[usize::from(HOST)] = Heard::default();
            let frame = packet(HOST, &mut tcp);
            device.send(&frame);
        };
        let is_answered = |device: &Self| {
            let heard = device.heard[usize::from(HOST)];
            (heard.device_port, heard.host_port, heard.ack) == (PORT, FROM, isn + 1)
        };
        for _ in 0..60 {
            send(self, SYN, isn, 0, b"");
            // The client's ACK follows at once. SYNs that wait may take the place of a slower client, after a quarter of a
            // second.
            for _ in 0..1_000 {
                if is_answered(self) {
                    break;
                }
                self.run(1);
            }
            let heard = self.heard[usize::from(HOST)];
            if is_answered(self) {
                // A cookie is taken without text only.
                send(self, ACK, isn + 1, heard.seq, b"");
                send(self, ACK, isn + 1, heard.seq, b"ping");
                self.run(200);
                let answered = self.heard[usize::from(HOST)];
                assert_eq!((answered.ack, answered.seq), (isn + 5, heard.seq.wrapping_add(4)), "the echo");
                return;
            }
        }
        panic!("nobody is served any more");
    }
}

fn mac(host: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, 2 + host]
}

/// A frame with this segment from a host, its checksums filled in.
fn packet(host: u8, tcp: &mut [u8]) -> Vec<u8> {
    let len = ((20 + tcp.len()) as u16).to_be_bytes();
    let mut ip = vec![0x45, 0, len[0], len[1], 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2 + host, 10, 0, 0, 1];
    let checksum = !sum(&ip, 0);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    if tcp.len() >= 20 {
        tcp[16..18].fill(0);
        let checksum = !sum(tcp, sum_of(&ip[12..20]) + 6 + tcp.len() as u32);
        tcp[16..18].copy_from_slice(&checksum.to_be_bytes());
    }
    [&DEVICE_MAC[..], &mac(host), &IPV4, &ip, tcp].concat()
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn sum_of(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))).sum()
}

fn sum(bytes: &[u8], pseudo: u32) -> u16 {
    let sum = sum_of(bytes) + pseudo;
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

fn is_tcp(frame: &[u8]) -> bool {
    frame.len() > 23 && frame[12..14] == IPV4 && frame[23] == 6
}

fuzz_target!(|data: &[u8]| freed(|| {
    let mut input = Input(data);
    let mut device = Device::new();
    while !input.0.is_empty() {
        match input.byte() {
            0..=169 => device.segment(&mut input),
            170..=189 => device.arp(&mut input),
            190..=219 => device.noise(&mut input),
            220..=249 => device.run(u64::from(input.byte())),
            250..=252 => device.run(u64::from(input.byte()) * 20),
            // The network goes and comes back.
            _ => {
                device.interface.set_address(None);
                device.run(u64::from(input.byte()));
                device.interface.set_address(Some(Ipv4Cidr::new(DEVICE, 24)));
            }
        }
    }
    device.be_served();
}));
