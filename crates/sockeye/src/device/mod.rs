//! The device on a simulated board.

mod flash;
mod platform;
pub mod retained;
mod sensors;
mod slots;
mod store;
mod unplugged;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_io::Timer;
use edge_nal::TcpAccept;
use edge_nal_std::Stack;
use futures_lite::future;
use sockeye_device::limits::{DAYS_MAX, READINGS_MAX, REMOTES_MAX, RX_LEN, TX_LEN};
use sockeye_device::{App, AppResources, ClientOrigin, Day, Firmware, History, Outbox, Platform, PushSettings};
use sockeye_endpoint::limits::TIMEOUTS;
use sockeye_endpoint::{Endpoint, PushBuffers};
use sockeye_parts::SimulatedBoard;
use sockeye_server::{BufferedAcceptor, BufferedSocket, Server};
use sockeye_wiring::run::Desk;

use crate::device::platform::Board;
pub use crate::device::retained::Retained;
use crate::device::sensors::{PERIOD, READINGS, Sensors};
use crate::device::slots::CHIP;
pub use crate::device::slots::{Slots, make_image};
pub use crate::device::store::{HostStore, SettingsMemory};
use crate::device::unplugged::Unplugged;
use crate::limits::SLOTS_MAX;
use crate::loopback_air::{self, Demo, Links};
use crate::net::HostAcceptor;
use crate::serve::{End, until_ctrl_c};

/// The parts on the board's pins, one line for each part.
pub const PARTS: &[&str] = &SimulatedBoard::LINES;

/// The host's sockets have buffers that nobody can work in.
pub type InBuffers<A> = BufferedAcceptor<A, RX_LEN, TX_LEN>;

/// How the device is reached.
pub struct Reach<'a, A> {
    acceptor: &'a A,
    side: fn(SocketAddr) -> ClientOrigin,
    /// Drives Wi-Fi, where there is some.
    radio: Option<Demo<'a>>,
}

impl<'a> Reach<'a, InBuffers<HostAcceptor>> {
    /// At an address of this machine, without Wi-Fi.
    pub fn machine(acceptor: &'a InBuffers<HostAcceptor>) -> Self {
        Self { acceptor, side, radio: None }
    }
}

impl<'a> Reach<'a, InBuffers<Links>> {
    /// Where its Wi-Fi takes it.
    pub fn air(links: &'a InBuffers<Links>, demo: Demo<'a>) -> Self {
        Self { acceptor: links, side: loopback_air::side, radio: Some(demo) }
    }
}

/// Serves a device whose MAC address is `mac`, at this port, until Ctrl-C or until its restart is requested. Its samples
/// are pushed by the settings `push`, or, if None, by the stored settings. Without `firmware` it has no slots for updates.
/// The device has been on for `before`, and has measured meanwhile. `retained` has what a restart leaves.
///
/// # Errors
/// Settings that were stored can't be read.
pub async fn run<A>(
    reach: Reach<'_, A>,
    (mac, port): ([u8; 6], u16),
    slots: usize,
    (folder, store): (Option<&Path>, HostStore<'_>),
    firmware: Option<Slots>,
    (push, before): (Option<PushSettings>, Duration),
    retained: &Retained,
) -> anyhow::Result<End>
where
    A: TcpAccept,
    for<'a> A::Socket<'a>: BufferedSocket,
{
    let server = Rc::new(Server::<SLOTS_MAX>::with_slots(slots, TIMEOUTS));
    let start = Instant::now();
    let parts = SimulatedBoard::new(move || start.elapsed().as_micros() as u64);
    let unplugged = Unplugged::new(folder);
    let bench = parts.bench.clone();
    let version = firmware.as_ref().map_or(env!("CARGO_PKG_VERSION"), Slots::version).to_owned();
    if firmware.as_ref().is_some_and(Slots::is_trial) {
        store.set_read_only().await;
    }
    let board = Board::new((mac, port), version, (bench.clone(), server.clone()), before, retained);
    let mut histories = [const { History::new() }; READINGS_MAX + REMOTES_MAX];
    let mut days = [const { Day::new() }; DAYS_MAX];
    let outbox = Outbox::new(&READINGS);
    let mut stored = store.load().await;
    if let Some(push) = push {
        stored.settings.push = push;
    }
    let mut resources = AppResources::new();
    let mut updater = firmware.map(Slots::into_updater);
    let app = App::new(&board, &mut resources, &mut histories, stored)?.with_days(&mut days);
    let app = app.with_log(&retained::LOG);
    catch_up(&board, &app);
    let app = app.with_outbox(&outbox);
    let update = updater.as_ref().map(|updater| Firmware::new(updater.status(), CHIP));
    let app = app.with_firmware(update.as_ref());
    let endpoint = Endpoint::new(&app, &store, &reach.side);
    let work = async {
        let (stack, mut buffers) = (Stack::new(), PushBuffers::sized());
        let pushing = sockeye_endpoint::push(&outbox, &app, &stack, &stack, &mut buffers, || fastrand::u32(..));
        let wired = sockeye_wiring::run::run(&*bench, &app);
        let measuring = future::zip(measure(&app, &parts, &unplugged), app.keep_rules());
        future::zip(future::zip(measuring, wired), pushing).await;
    };
    let wifi = async {
        match reach.radio {
            Some(demo) => demo.run(&app).await,
            None => future::pending().await,
        }
    };
    let updating = async {
        match &mut updater {
            Some(updater) => app.update(updater, store.flash()).await,
            None => future::pending().await,
        }
    };
    let restart = async {
        app.restart_requested().await;
        retained.restart();
        End::Restart
    };
    let working = async {
        future::zip(future::zip(work, wifi), updating).await;
        future::pending().await
    };
    until_ctrl_c(reach.acceptor, &endpoint, &server, future::or(restart, working)).await
}

/// On which side of the device a client is: on this machine, or on the network that the machine is in.
fn side(peer: SocketAddr) -> ClientOrigin {
    if peer.ip().to_canonical().is_loopback() { ClientOrigin::Loopback } else { ClientOrigin::Station }
}

/// Takes the samples of the time that the board is behind: of the chip's own sensors, and of the LM35. An LM35 that is wired
/// in another way than from the factory has none.
fn catch_up(board: &Board, app: &App<'_>) {
    let lm35 = Desk::with(app, |wiring, _| wiring.iter().position(|thing| thing == SimulatedBoard::FACTORY[0]));
    let (mut noise, mut sensors) = (fastrand::Rng::new(), Sensors::new(fastrand::Rng::new()));
    while board.catch_up(PERIOD) {
        let now = board.now();
        let unix_s = now.stamp_us() / 1_000_000;
        for (index, value) in sensors.sample(unix_s, now.uptime_s()).into_iter().enumerate() {
            app.sample(index, value);
        }
        if let Some(thing) = lm35 {
            let celsius = SimulatedBoard::room_celsius((unix_s % 86_400) as f64) + 0.2 * (2.0 * noise.f64() - 1.0);
            Desk::sample(app, thing as u8, 0, (celsius * 10.0).round() as i32);
        }
    }
}

/// Samples what the chip itself measures, now and then once in [`PERIOD`], and lets its parts go on.
fn measure<'a>(app: &'a App<'_>, parts: &'a SimulatedBoard, unplugged: &'a Unplugged) -> impl Future<Output = ()> + 'a {
    let mut noise = fastrand::Rng::new();
    let mut sensors = Sensors::new(fastrand::Rng::new());
    async move {
        loop {
            let now = app.platform().now();
            let unix_s = now.stamp_us() / 1_000_000;
            parts.second(unix_s, || 2.0 * noise.f64() - 1.0);
            unplugged.apply(parts);
            for (index, value) in sensors.sample(unix_s, now.uptime_s()).into_iter().enumerate() {
                app.sample(index, value);
            }
            Timer::after(PERIOD).await;
        }
    }
}
