//! Two hosts and the air between them. The listener is on one, plain embassy-net on the other. Frames may be lost, and
//! the test moves the time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use edge_nal::TcpBind;
use embassy_net::driver::{HardwareAddress, LinkState};
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver_channel as channel;
use embassy_time::Duration;
use sockeye_simulation::clock;
use sockeye_tcp::{Acceptor, DriverPort, Frames, Interface, IsnKey, Options, Resources, SocketBuffers, Tcp};

pub const PORT: u16 = 3000;
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);
pub const BUFFER_LEN: usize = 1024;
pub const CONNECTIONS: usize = 4;
const MTU: usize = 1514;
/// Frames that a network card holds each way.
const CARD_FRAMES: usize = 8;
pub const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The fate of frames.
pub struct Air {
    /// Frames lost of a hundred.
    pub loss: Cell<u8>,
    /// No frame gets through.
    pub gone: Cell<bool>,
    random: RefCell<fastrand::Rng>,
    /// The source addresses of IPv4 packets that left the server.
    pub sources: RefCell<Vec<Ipv4Addr>>,
    /// The frames that left the server.
    pub sent: RefCell<Vec<Vec<u8>>>,
    /// Frames of no host here that come to the server, before the client's.
    pub forged: RefCell<VecDeque<Vec<u8>>>,
}

impl Air {
    fn lets_through(&self, frame: &[u8]) -> bool {
        if frame.len() >= 34 && frame[6..12] == SERVER_MAC {
            self.sent.borrow_mut().push(frame.to_vec());
        }
        if frame.len() >= 34 && frame[6..12] == SERVER_MAC && frame[12..14] == [8, 0] {
            self.sources.borrow_mut().push(Ipv4Addr::new(frame[26], frame[27], frame[28], frame[29]));
        }
        !self.gone.get() && self.random.borrow_mut().u8(..100) >= self.loss.get()
    }
}

/// A network of the listener's host and a client's.
pub struct Net {
    pub interface: Interface,
    pub server_stack: Stack<'static>,
    pub client_stack: Stack<'static>,
    /// Frames stay in the server's card until it has no room for more, as where its link is down.
    pub is_jammed: Rc<Cell<bool>>,
}

/// The two hosts.
pub struct World {
    pub air: Rc<Air>,
    pub net: Net,
    pub tcp: Tcp,
    tasks: Vec<Task>,
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

fn config(address: Ipv4Addr) -> StaticConfigV4 {
    // The client's host is the router of the server's network too.
    StaticConfigV4 { address: Ipv4Cidr::new(address, 24), gateway: Some(CLIENT), dns_servers: Default::default() }
}

impl World {
    pub fn new(seed: u64) -> Self {
        clock::reset();
        let air = Rc::new(Air {
            loss: Cell::new(0),
            gone: Cell::new(false),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            sources: RefCell::default(),
            sent: RefCell::default(),
            forged: RefCell::default(),
        });
        let options = Options { handshake: Duration::from_secs(3), isn_key: IsnKey::new([seed as u8; 16]) };
        let tcp = Tcp::with_outgoing(
            leak(SocketBuffers::<CONNECTIONS, BUFFER_LEN, BUFFER_LEN>::new()),
            leak(SocketBuffers::<1, 256, 256>::new()),
            leak(Resources::<{ CONNECTIONS + 1 }>::new()),
            options,
        );
        let (net, tasks) = join(&tcp, &air, seed);
        let mut world = Self { air, net, tcp, tasks };
        world.run(10);
        world
    }

    /// Another network with another client's host, which has all addresses and numbers of the first.
    pub fn join_another(&mut self, seed: u64) -> Net {
        let (net, tasks) = join(&self.tcp, &self.air, seed);
        self.tasks.extend(tasks);
        self.run(10);
        net
    }

    pub fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.tasks.push(Box::pin(task));
    }

    pub fn acceptor(&mut self) -> Acceptor {
        self.bind(PORT).expect("the port is the first")
    }

    /// Listens on a port, alone or beside another.
    pub fn bind(&mut self, port: u16) -> Result<Acceptor, sockeye_tcp::TcpError> {
        let mut bind = std::pin::pin!(self.tcp.bind(([0, 0, 0, 0], port).into()));
        match bind.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(acceptor) => acceptor,
            Poll::Pending => panic!("binding does not wait"),
        }
    }

    /// A plain client's socket.
    pub fn client(&self) -> TcpSocket<'static> {
        self.net.client()
    }

    pub fn set_server_address(&self, address: Ipv4Addr) {
        self.net.server_stack.set_config_v4(embassy_net::ConfigV4::Static(config(address)));
    }

    /// Lets `ms` milliseconds pass.
    pub fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            for _ in 0..4 {
                let mut cx = Context::from_waker(Waker::noop());
                self.tasks.retain_mut(|task| task.as_mut().poll(&mut cx).is_pending());
            }
            clock::advance(Duration::from_millis(1));
        }
    }
}

impl Net {
    /// A plain client's socket.
    pub fn client(&self) -> TcpSocket<'static> {
        let mut socket = TcpSocket::new(self.client_stack, leak([0; BUFFER_LEN]), leak([0; BUFFER_LEN]));
        socket.set_nagle_enabled(false);
        socket
    }
}

/// Attaches the listener to a network of two hosts, and gives what has to run for it.
fn join(tcp: &Tcp, air: &Rc<Air>, seed: u64) -> (Net, Vec<Task>) {
    let (mut near, near_device) = channel::new(
        leak(channel::State::<MTU, CARD_FRAMES, CARD_FRAMES>::new()),
        HardwareAddress::Ethernet(SERVER_MAC),
    );
    let (mut far, far_device) = channel::new(
        leak(channel::State::<MTU, CARD_FRAMES, CARD_FRAMES>::new()),
        HardwareAddress::Ethernet(CLIENT_MAC),
    );
    near.set_link_state(LinkState::Up);
    far.set_link_state(LinkState::Up);
    let port = leak(DriverPort::new(near_device));
    let (interface, mut runner, device) = tcp.attach(leak(Frames::<1, 1>::new()), port);
    let (server_stack, mut server_net) =
        embassy_net::new(device, Config::ipv4_static(config(SERVER)), leak(StackResources::<2>::new()), seed);
    let resources = leak(StackResources::<24>::new());
    let (client_stack, mut client_net) =
        embassy_net::new(far_device, Config::ipv4_static(config(CLIENT)), resources, seed + 1);
    let air = air.clone();
    let is_jammed = Rc::new(Cell::new(false));
    let jammed = is_jammed.clone();
    let tasks: Vec<Task> = vec![
        Box::pin(async move { runner.run().await }),
        Box::pin(async move { server_net.run().await }),
        Box::pin(async move { client_net.run().await }),
        Box::pin(async move { interface.follow(server_stack, |_| ()).await }),
        Box::pin(poll_fn(move |_| {
            if !jammed.get() {
                carry(&mut near, &mut far, &air);
            }
            forge(&mut near, &air);
            carry(&mut far, &mut near, &air);
            Poll::Pending
        })),
    ];
    (Net { interface, server_stack, client_stack, is_jammed }, tasks)
}

/// Carries what one host sent to the other.
fn carry(from: &mut channel::Runner<'static, MTU>, to: &mut channel::Runner<'static, MTU>, air: &Air) {
    while let Some(frame) = from.try_tx_buf() {
        if air.lets_through(frame)
            && let Some(buf) = to.try_rx_buf()
        {
            buf[..frame.len()].copy_from_slice(frame);
            let len = frame.len();
            to.rx_done(len);
        }
        from.tx_done();
    }
}

/// Gives the forged frames to the server, but leaves room for one of the client's.
fn forge(server: &mut channel::Runner<'static, MTU>, air: &Air) {
    for _ in 1..CARD_FRAMES {
        let Some(frame) = air.forged.borrow_mut().pop_front() else { return };
        let Some(buf) = server.try_rx_buf() else { return };
        buf[..frame.len()].copy_from_slice(&frame);
        server.rx_done(frame.len());
    }
}
