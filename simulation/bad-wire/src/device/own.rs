//! Sockeye's TCP, as the boards have it.

use std::convert::Infallible;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;

use anyhow::Result;
use edge_nal::{Close, TcpAccept, TcpBind, TcpConnect, TcpShutdown};
use embassy_futures::join::{join, join4};
use embassy_net::{Config, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_time::{Duration, Instant};
use fastrand::Rng;
use sockeye_tcp::{Acceptor, DriverPort, Frames, IsnKey, Options, Resources, SocketBuffers, Tcp, TcpError, TcpSocket};

use super::{ACCEPTED_MAX, MAC, Socket, exchange, io, open};
use crate::link::Link;
use crate::linux::FIRST_PORT;
use crate::plan::{End, PREFIX_LEN};
use crate::transfer::{PORT, Transfer};

/// How long a handshake may take. The server's is 3 s; where each third segment is lost it would often end.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Keys that are tried for one whose first number is near 2^32.
const KEYS_MAX: u32 = 20_000_000;

impl Socket for TcpSocket {
    async fn close_write(&mut self) -> Result<(), TcpError> {
        self.close(Close::Write).await
    }
}

/// Runs the device, with buffers of `LEN` bytes.
pub async fn run<const LEN: usize>(link: Link, transfer: Arc<Transfer>) -> Infallible {
    // A transfer is run once in the life of its thread, and the program ends soon.
    let buffers = Box::leak(Box::new(SocketBuffers::<ACCEPTED_MAX, LEN, LEN>::new()));
    let outgoing = Box::leak(Box::new(SocketBuffers::<1, LEN, LEN>::new()));
    let resources = Box::leak(Box::new(Resources::<{ ACCEPTED_MAX + 1 }>::new()));
    let frames = Box::leak(Box::new(Frames::<1, 1>::new()));
    let net_resources = Box::leak(Box::new(StackResources::<2>::new()));
    let port = Box::leak(Box::new(DriverPort::new(link.driver(MAC, transfer.plan.device_mtu))));

    let options = Options { handshake: HANDSHAKE, isn_key: key(&transfer) };
    let tcp = Tcp::with_outgoing(buffers, outgoing, resources, options);
    let (interface, mut runner, rest) = tcp.attach(frames, port);
    let address = Ipv4Cidr::new(transfer.device, PREFIX_LEN);
    let config = StaticConfigV4 { address, gateway: None, dns_servers: Default::default() };
    let (_, mut net) = embassy_net::new(rest, Config::ipv4_static(config), net_resources, 1);
    interface.set_address(Some(address));
    let serve = async {
        match transfer.plan.opener {
            End::Device => {
                let linux: SocketAddr = (transfer.linux, PORT).into();
                open(&transfer, || async {
                    let mut socket = io("connect", interface.connect(linux).await)?;
                    exchange(&mut socket, &transfer).await
                })
                .await;
            }
            End::Linux => {
                let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
                join(accept(acceptor, &transfer), accept(acceptor, &transfer)).await;
            }
        }
    };
    join4(runner.run(), net.run(), serve, std::future::pending::<Infallible>()).await.3
}

async fn accept(acceptor: Acceptor, transfer: &Transfer) {
    loop {
        let Ok((_, mut socket)) = acceptor.accept().await else { return };
        let result = exchange(&mut socket, transfer).await;
        if transfer.end(End::Device, result).is_err() {
            return;
        }
    }
}

/// A key for which the numbers of the first connection pass 2^32 in the midst of what the device sends. A device that
/// only receives uses too few of them; there Linux's pass it.
fn key(transfer: &Transfer) -> IsnKey {
    let plan = &transfer.plan;
    let mut random = Rng::with_seed(plan.content.seed);
    let mut key = || IsnKey::new(random.u128(..).to_be_bytes());
    if plan.sender == End::Linux {
        return key();
    }
    let (ahead, tolerance) = (plan.content.len / 2, plan.content.len / 4);
    let now = Instant::now();
    let is_near = |key: &IsnKey| {
        let (local, remote) = match plan.opener {
            End::Linux => (PORT, SocketAddrV4::new(transfer.linux, FIRST_PORT)),
            End::Device => {
                let remote = SocketAddrV4::new(transfer.linux, PORT);
                (key.port(SocketAddrV4::new(transfer.device, 0), remote, 1), remote)
            }
        };
        let first = key.isn(SocketAddrV4::new(transfer.device, local), remote, now).number();
        u64::from(first.wrapping_neg()).abs_diff(ahead) < tolerance
    };
    (0..KEYS_MAX).map(|_| key()).find(is_near).unwrap_or_else(key)
}
