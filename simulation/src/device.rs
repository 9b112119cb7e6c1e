//! The device as it boots: the production server, listener and application, wired as on a chip.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use edge_nal::TcpBind;
use embassy_net::{Config, StackResources};
use embassy_time::{Duration, Timer};
use sockeye_device::limits::READINGS_MAX;
use sockeye_device::{App, AppResources, ClientOrigin, History, Value};
use sockeye_endpoint::Endpoint;
use sockeye_endpoint::limits::TIMEOUTS;
use sockeye_parts::Bench;
use sockeye_server::{Server, SlotState};
use sockeye_sim_radio::SimRadio;
use sockeye_tcp::{Acceptor, DriverPort, Frames, IsnKey, Options, Resources, SocketBuffers, Tcp};

use crate::air::{Air, DeviceCards};
use crate::board::Board;
use crate::device_radio::{self, Stacks, Wlan};
use crate::ether::Ether;
use crate::executor::{Executor, Group};
use crate::leak;
use crate::mutation::Mutation;
use crate::phone::PORT;
use crate::store::SimStore;
use crate::world::{FLASH_SECTORS, World};

/// Clients that are served at once.
pub const SLOTS: usize = 8;
/// Bytes that a connection buffers each way.
const BUFFER_LEN: usize = 1024;
/// MAC addresses of its access point, and of its station.
const MACS: [[u8; 6]; 2] = [[2, 0x51, 0xa0, 0, 0, 1], [2, 0x51, 0xa0, 0, 0, 2]];

/// The parts of a device, and its surroundings.
#[derive(Clone)]
pub struct Parts {
    /// Runs it.
    pub executor: Executor,
    /// Carries its frames.
    pub ether: Ether,
    /// The networks.
    pub air: Air,
    /// The part that is switched off.
    pub mutation: Mutation,
    /// Its radio has the faults of real ones.
    pub has_radio_faults: bool,
}

/// A device that has power.
pub struct Device {
    parts: Parts,
    group: Group,
    server: &'static Server<SLOTS>,
    ap: Wlan,
    station: Wlan,
    bench: Rc<Bench>,
}

impl Device {
    /// Switches the device on. `boots` counts how often that was done.
    pub fn boot(world: &Rc<World>, boots: u32, mut random: fastrand::Rng) -> Self {
        let parts = world.parts.clone();
        let group = Group(1_000 + boots);
        let timeouts = parts.mutation.timeouts(TIMEOUTS);
        let tcp = Tcp::new(
            leak(SocketBuffers::<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>::new()),
            leak(Resources::<{ SLOTS + 1 }>::new()),
            Options { handshake: timeouts.handshake, isn_key: IsnKey::new(random.u128(..).to_le_bytes()) },
        );
        let [ap, station] = MACS.map(|mac| wlan(&parts, group, tcp, mac, &mut random));
        let radio = device_radio::radio(&parts.air, &mut random, parts.has_radio_faults);
        parts.air.device_here(radio.clone(), DeviceCards { ap: ap.card, station: station.card });
        parts.executor.spawn(group, run_radio(radio.clone()));
        parts.executor.spawn(group, parts.air.clone().miss_clients());
        let stacks = Stacks { ap, station, mutation: parts.mutation };
        let server: &Server<SLOTS> = leak(Server::new(timeouts));
        let device = Self { parts: parts.clone(), group, server, ap, station, bench: world.pins.bench.clone() };
        let board = Board::new(random, server, world.pins.bench.clone());
        parts.executor.spawn(group, start(world.clone(), group, tcp, (stacks, radio), leak(board), server));
        device
    }

    /// Cuts its power.
    pub fn end(self) {
        self.parts.executor.kill(self.group);
        self.bench.power_off();
        self.parts.ether.set_place(self.ap.card, None);
        self.parts.ether.set_place(self.station.card, None);
        self.parts.air.device_gone();
    }

    /// Slots that are not free.
    pub fn busy_slots(&self) -> usize {
        self.server.slots().filter(|slot| slot.state != SlotState::Free).count()
    }

    /// The server's figures.
    pub fn stats(&self) -> sockeye_server::ServerStats {
        self.server.stats()
    }

    /// Its address in its access point's network, and in the network that it has joined.
    pub fn addresses(&self) -> [Option<Ipv4Addr>; 2] {
        [self.ap, self.station].map(|wlan| wlan.stack.config_v4().map(|config| config.address.address()))
    }
}

/// One network interface, with the listener between it and the network stack.
fn wlan(parts: &Parts, group: Group, tcp: Tcp, mac: [u8; 6], random: &mut fastrand::Rng) -> Wlan {
    let (card, driver) = parts.ether.card(mac);
    let port = leak(DriverPort::new(driver));
    let (interface, mut runner, device) = tcp.attach(leak(Frames::<1, 1>::new()), port);
    let resources = leak(StackResources::<3>::new());
    let (stack, mut net) = embassy_net::new(device, Config::default(), resources, random.u64(..));
    parts.executor.spawn(group, async move { runner.run().await });
    parts.executor.spawn(group, async move { net.run().await });
    Wlan { card, stack, interface }
}

/// From reading the settings on.
async fn start(
    world: Rc<World>,
    group: Group,
    tcp: Tcp,
    (stacks, radio): (Stacks, Rc<SimRadio<Air>>),
    board: &'static Board,
    server: &'static Server<SLOTS>,
) {
    let Parts { executor, mutation, .. } = &world.parts;
    let store: &SimStore = leak(SimStore::new(&world.flash, FLASH_SECTORS, *mutation, (executor, group)));
    let stored = store.load().await;
    world.trace.note("device", format_args!("has {} networks, {stored:?}", stored.settings.networks.len()));
    if let Err(why) = world.owned.observe(&stored) {
        world.verdict.fail(why);
    }
    let histories = leak([const { History::new() }; READINGS_MAX]);
    let app: &App = leak(App::new(board, leak(AppResources::new()), histories, stored).expect("the board can be"));
    let endpoint: &Endpoint<SimStore> = leak(Endpoint::new(app, store, &side));
    let acceptor: Acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is free");
    for index in 0..=SLOTS {
        executor.spawn(group, async move { server.run_slot(index, &acceptor, endpoint).await });
    }
    executor.spawn(group, async move { server.watch().await });
    executor.spawn(group, measure(app));
    let bench = world.pins.bench.clone();
    executor.spawn(group, async move { sockeye_wiring::run::run(&*bench, app).await });
    executor.spawn(group, async move { app.keep_rules().await });
    let restarting = world.clone();
    executor.spawn(group, async move {
        app.restart_requested().await;
        restarting.restart_soon();
    });
    device_radio::run(world.clone(), app, &stacks, radio).await;
}

async fn run_radio(radio: Rc<SimRadio<Air>>) {
    radio.run().await
}

/// Samples the sensor for ever.
async fn measure(app: &App<'_>) {
    for tenths in (200..250).cycle() {
        app.sample(0, Value(tenths));
        Timer::after(Duration::from_secs(1)).await;
    }
}

/// On which side of the device a client is.
fn side(peer: SocketAddr) -> ClientOrigin {
    match peer.ip() {
        IpAddr::V4(address) if address.octets()[..3] == [192, 168, 1] => ClientOrigin::AccessPoint,
        _ => ClientOrigin::Station,
    }
}
