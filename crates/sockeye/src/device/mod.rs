//! The device on a simulated board.

mod flash;
mod platform;
mod sensors;
mod store;

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use async_io::Timer;
use edge_nal_std::Stack;
use futures_lite::future;
use sockeye_device::limits::REMOTES_MAX;
use sockeye_device::{App, History, Outbox, PushSettings, Side};
use sockeye_endpoint::limits::TIMEOUTS;
use sockeye_endpoint::{Endpoint, PushBuffers};
use sockeye_server::Server;

use crate::device::platform::Board;
use crate::device::sensors::{PERIOD, READINGS, Sensors};
pub use crate::device::store::HostStore;
use crate::net::Acceptor;
use crate::serve::{SLOTS_MAX, until_ctrl_c};

/// Serves a device whose network has the MAC address `mac` until Ctrl-C, and pushes its samples as `push` says,
/// or else its settings.
///
/// # Errors
/// Settings that were stored can't be read.
pub async fn run(
    acceptor: &Acceptor,
    mac: [u8; 6],
    slots: usize,
    store: HostStore,
    push: Option<PushSettings>,
) -> anyhow::Result<()> {
    let server = Rc::new(Server::<SLOTS_MAX>::with_slots(slots, TIMEOUTS));
    let board = Board::new(mac, server.clone());
    let mut histories = [const { History::new() }; READINGS.len() + REMOTES_MAX];
    let outbox = Outbox::new(&READINGS);
    let mut stored = store.load().await;
    if let Some(push) = push {
        stored.settings.push = push;
    }
    let app = App::new(&board, &mut histories, stored)?.with_outbox(&outbox);
    let endpoint = Endpoint::new(&app, &store, side);
    let work = async {
        let (stack, mut buffers) = (Stack::new(), PushBuffers::sized());
        let pushing = sockeye_endpoint::push(&outbox, &stack, &stack, &mut buffers, || fastrand::u32(..));
        future::zip(measure(&app), pushing).await;
    };
    until_ctrl_c(acceptor, &endpoint, &server, work).await
}

/// On which side of the device a client is: on this machine, or on the network that the machine is in.
fn side(peer: SocketAddr) -> Side {
    if peer.ip().to_canonical().is_loopback() { Side::Loopback } else { Side::Station }
}

/// Samples all sensors, now and then once in [`PERIOD`].
fn measure<'a>(app: &'a App<'_>) -> impl Future<Output = ()> + 'a {
    let mut sensors = Sensors::new(fastrand::Rng::new());
    async move {
        loop {
            let now = app.platform().now();
            let unix_s = now.stamp_us() / 1_000_000;
            for (index, value) in sensors.sample(unix_s, now.uptime_s()).into_iter().enumerate() {
                app.sample(index, value);
            }
            Timer::after(PERIOD).await;
        }
    }
}
