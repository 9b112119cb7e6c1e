//! embassy-net's sockets, which are smoltcp's: the bar that Sockeye's TCP is held against.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use anyhow::Result;
use embassy_futures::join::{join, join3};
use embassy_net::tcp::{Error, TcpSocket};
use embassy_net::{Config, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_time::{Duration, with_timeout};

use super::{ACCEPTED_MAX, MAC, Socket, exchange, io, open};
use crate::link::Link;
use crate::plan::{End, PREFIX_LEN};
use crate::transfer::{PORT, Transfer};

/// As Sockeye's: when a silent peer is given up, and when it is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(25);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a RST may take to leave.
const LINGER: Duration = Duration::from_millis(100);

impl Socket for TcpSocket<'_> {
    async fn close_write(&mut self) -> Result<(), Error> {
        self.close();
        self.flush().await
    }
}

/// Runs the device.
pub async fn run(link: Link, transfer: Arc<Transfer>) -> Infallible {
    let mut resources = StackResources::<{ ACCEPTED_MAX + 1 }>::new();
    let address = Ipv4Cidr::new(transfer.device, PREFIX_LEN);
    let config = StaticConfigV4 { address, gateway: None, dns_servers: Default::default() };
    let driver = link.driver(MAC, transfer.plan.device_mtu);
    let (stack, mut net) =
        embassy_net::new(driver, Config::ipv4_static(config), &mut resources, transfer.plan.content.seed);
    let serve = async {
        match transfer.plan.opener {
            End::Device => {
                open(&transfer, || {
                    one(stack, &transfer, async |socket| io("connect", socket.connect((transfer.linux, PORT)).await))
                })
                .await;
            }
            End::Linux => {
                join(accept(stack, &transfer), accept(stack, &transfer)).await;
            }
        }
    };
    join3(net.run(), serve, pending::<Infallible>()).await.2
}

async fn accept(stack: Stack<'_>, transfer: &Transfer) {
    loop {
        let result = one(stack, transfer, async |socket| io("accept", socket.accept(PORT).await)).await;
        if transfer.end(End::Device, result).is_err() {
            return;
        }
    }
}

/// One connection, which `begin` makes.
async fn one(
    stack: Stack<'_>,
    transfer: &Transfer,
    begin: impl AsyncFnOnce(&mut TcpSocket<'_>) -> Result<()>,
) -> Result<()> {
    let len = transfer.plan.buffer_len;
    let (mut rx, mut tx) = (vec![0; len], vec![0; len]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    socket.set_timeout(Some(SILENCE));
    socket.set_keep_alive(Some(KEEP_ALIVE));
    let mut result = begin(&mut socket).await;
    if result.is_ok() {
        result = exchange(&mut socket, transfer).await;
    }
    if result.is_err() {
        socket.abort();
        let _ = with_timeout(LINGER, socket.flush()).await;
    }
    result
}
