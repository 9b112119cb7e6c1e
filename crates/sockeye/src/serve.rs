//! Running a server on the host until Ctrl-C.

use std::fmt::Arguments;
use std::future::Future;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::ensure;
use async_executor::LocalExecutor;
use async_signal::{Signal, Signals};
use edge_nal::TcpAccept;
use futures_lite::{StreamExt, future};
use sockeye_boot::{Boot, Line};
use sockeye_hello::Hello;
use sockeye_server::limits::Timeouts;
use sockeye_server::{Handler, Server, Socket};

use crate::limits::SLOTS_MAX;
use crate::net::listen;

/// One line on standard output. A closed pipe must not end a server.
pub fn print(line: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The classic server on `address` with `slots` slots.
pub fn hello(address: SocketAddr, slots: usize) -> anyhow::Result<()> {
    ensure!((1..=SLOTS_MAX).contains(&slots), "--slots takes 1 to {SLOTS_MAX}, not {slots}");
    async_io::block_on(async {
        let acceptor = listen(address).await?;
        let boot = Boot::new(|line: Line<'_>| print(format_args!("{line}")), "hello", "the host");
        boot.listening(address.port(), slots, reachable(address));
        let server = Server::with_slots(slots, Timeouts::DEFAULT);
        until_ctrl_c(&acceptor, &Hello::new(print), &server, future::pending()).await.map(drop)
    })
}

/// Where a client on this machine reaches a server that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        false => address,
    }
}

/// Why serving has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By Ctrl-C (SIGINT) or SIGTERM.
    Interrupted,
    /// The device is to restart.
    Restart,
}

/// Serves until Ctrl-C (SIGINT) or SIGTERM or until `work` is over, and then prints the server's figures.
pub async fn until_ctrl_c<A, H>(
    acceptor: &A,
    handler: &H,
    server: &Server<SLOTS_MAX>,
    work: impl Future<Output = End>,
) -> anyhow::Result<End>
where
    A: TcpAccept,
    for<'a> A::Socket<'a>: Socket,
    for<'a> H: Handler<A::Socket<'a>>,
{
    let mut signals = Signals::new([Signal::Int, Signal::Term])?;
    // A task for each slot, so that a wake polls one slot and not all.
    let executor = LocalExecutor::new();
    let slots = 0..=server.slots_max();
    let mut tasks: Vec<_> = slots.map(|index| executor.spawn(server.run_slot(index, acceptor, handler))).collect();
    tasks.push(executor.spawn(server.watch()));
    let interrupted = async {
        signals.next().await;
        End::Interrupted
    };
    let end = executor.run(future::or(interrupted, work)).await;
    let stats = server.stats();
    let what = if end == End::Restart { "restarting" } else { "stopped" };
    print(format_args!(
        "{what}: {} served, {} rejected, {} displaced, {} timed out, {} reset",
        stats.accepted, stats.rejected, stats.displaced, stats.timed_out, stats.reset
    ));
    Ok(end)
}
