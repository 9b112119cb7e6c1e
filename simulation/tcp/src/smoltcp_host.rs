//! smoltcp 0.13 as a host, set up as `sockeye-tcp` sets it up.

use std::collections::VecDeque;

use smoltcp::iface::{self, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{self, Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::Micros;
use crate::host::{Config, Congestion, Host, State};
use crate::wire::Side;

/// As in `sockeye_tcp::limits`.
const KEEP_ALIVE: Duration = Duration::from_millis(10_000);
const SILENCE: Duration = Duration::from_millis(25_000);
/// Polls in one go; more means that smoltcp sends without end.
const POLLS_MAX: usize = 64;

/// Packets that came in, and packets to send.
struct Queues {
    rx: VecDeque<Vec<u8>>,
    tx: Vec<Vec<u8>>,
    mtu: usize,
}

struct RxToken(Vec<u8>);
struct TxToken<'a>(&'a mut Vec<Vec<u8>>);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        let packet = self.rx.pop_front()?;
        Some((RxToken(packet), TxToken(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities.checksum = ChecksumCapabilities::default();
        capabilities
    }
}

/// One smoltcp interface with one socket.
pub struct Smoltcp {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    queues: Queues,
}

fn instant(now: Micros) -> Instant {
    Instant::from_micros(now as i64)
}

impl Smoltcp {
    /// # Panics
    /// Never: the addresses and ports are constants that smoltcp takes.
    pub fn new(config: &Config) -> Self {
        let mut queues = Queues { rx: VecDeque::new(), tx: Vec::new(), mtu: config.mtu };
        let mut interface_config = iface::Config::new(HardwareAddress::Ip);
        interface_config.random_seed = config.seed;
        let mut interface = Interface::new(interface_config, &mut queues, instant(config.now));
        let side = config.side;
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(side.address().into(), 24)).expect("there is room for one");
        });
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = |len| SocketBuffer::new(vec![0; len]);
        let mut socket = Socket::new(buffer(config.rx_len), buffer(config.tx_len));
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(SILENCE));
        socket.set_keep_alive(Some(KEEP_ALIVE));
        let handle = sockets.add(socket);
        let socket = sockets.get_mut::<Socket>(handle);
        if config.opens {
            let peer: Side = side.other();
            let remote = (peer.address(), peer.port());
            socket.connect(interface.context(), remote, side.port()).expect("it is closed, and both ports are set");
        } else {
            socket.listen(side.port()).expect("it is closed, and the port is set");
        }
        Self { interface, sockets, handle, queues }
    }

    fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

impl Host for Smoltcp {
    fn receive(&mut self, packet: &[u8], now: Micros, out: &mut Vec<Vec<u8>>) {
        self.queues.rx.push_back(packet.to_vec());
        self.poll(now, out);
    }

    fn poll(&mut self, now: Micros, out: &mut Vec<Vec<u8>>) {
        for _ in 0..POLLS_MAX {
            let result = self.interface.poll(instant(now), &mut self.queues, &mut self.sockets);
            if result == PollResult::None {
                break;
            }
        }
        out.append(&mut self.queues.tx);
    }

    fn due(&mut self, now: Micros) -> Micros {
        let due = self.interface.poll_at(instant(now), &self.sockets);
        due.map_or(Micros::MAX, |due| due.total_micros().max(0) as Micros)
    }

    fn state(&self) -> State {
        match self.socket().state() {
            tcp::State::Closed => State::Closed,
            tcp::State::Listen => State::Listen,
            tcp::State::SynSent => State::SynSent,
            tcp::State::SynReceived => State::SynReceived,
            tcp::State::Established => State::Established,
            tcp::State::FinWait1 => State::FinWait1,
            tcp::State::FinWait2 => State::FinWait2,
            tcp::State::CloseWait => State::CloseWait,
            tcp::State::Closing => State::Closing,
            tcp::State::LastAck => State::LastAck,
            tcp::State::TimeWait => State::TimeWait,
        }
    }

    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let len = self.socket_mut().recv_slice(&mut bytes).unwrap_or_default();
        bytes.truncate(len);
        bytes
    }

    fn unread(&self) -> usize {
        self.socket().recv_queue()
    }

    fn write(&mut self, data: &[u8]) -> usize {
        self.socket_mut().send_slice(data).unwrap_or_default()
    }

    fn may_write(&self) -> bool {
        self.socket().may_send()
    }

    fn close(&mut self) {
        self.socket_mut().close();
    }

    fn abort(&mut self) {
        self.socket_mut().abort();
    }

    fn congestion(&self) -> Option<Congestion> {
        None
    }
}
