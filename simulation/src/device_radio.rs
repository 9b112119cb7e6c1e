//! The device's radio: the production adapter on the simulated radio, between the state machine and two network stacks.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;

use embassy_net::{ConfigV4, DhcpConfig, Stack};
use embassy_time::{Duration, Instant, Timer};
use sockeye_boot::Boot;
use sockeye_device::App;
use sockeye_sim_radio::{Faults, Refused, SimDriver, SimRadio, Subscription, Timings};
use sockeye_tcp::{Interface, Ipv4Cidr};
use sockeye_wifi::adapter::{self, AccessPoint, AdapterContext, DriverEvent, RadioDriver};
use sockeye_wifi::limits::REJOIN_TIMEOUT_MS;
use sockeye_wifi::{Action, Controller, Event, Ip, Join, Network, ScanResult, Secret};

use crate::air::Air;
use crate::ether::Card;
use crate::mutation::Mutation;
use crate::router::static_config;
use crate::world::World;

/// The passphrase that the device came with.
const PASSPHRASE: &[u8] = b"a factory's own";

/// The faults of a run, of a thousand.
pub fn faults(random: &mut fastrand::Rng) -> Faults {
    Faults {
        call_fails: 5,
        join_fails: 20,
        event_lost: 10,
        event_late: 20,
        event_twice: 20,
        scan_endless: 20,
        // The bounds of the runs are for drivers that join once nothing else goes wrong.
        station_stops: 0,
        drops_between_calls: 10,
        moves_channel: 500,
        restarts_ap: random.bool(),
        counts_clients: random.bool(),
    }
}

/// One of the device's two network interfaces.
#[derive(Clone, Copy)]
pub struct Wlan {
    /// Its card in the ether.
    pub card: Card,
    /// Its network stack.
    pub stack: Stack<'static>,
    /// The listener's side of it.
    pub interface: Interface,
}

/// Runs the device's Wi-Fi, for ever.
pub async fn run(world: Rc<World>, app: &'static App<'static>, stacks: &Stacks, radio: Rc<SimRadio<Air>>) {
    let mutation = world.parts.mutation;
    let watched = Watched::new(app, world.clone(), radio.clone());
    let driver = Mutated::new(radio.driver(), mutation, watched.joins.clone());
    let context = AdapterContext {
        network: stacks,
        console: Boot::new(|_| (), "device", "the simulation"),
        up: &|_| (),
        passphrase: Secret::new(PASSPHRASE).expect("WPA2 takes it"),
        rssi_dbm: &Cell::new(None),
    };
    adapter::run(&watched, driver, context).await
}

/// The network stacks of both interfaces, as on a chip.
pub struct Stacks {
    /// The access point's.
    pub ap: Wlan,
    /// The station's.
    pub station: Wlan,
    /// The part that is switched off.
    pub mutation: Mutation,
}

impl Stacks {
    fn configure(&self, wlan: &Wlan, config: ConfigV4) {
        match self.mutation {
            Mutation::NoWake => wlan.stack.set_config_v4(config),
            _ => wlan.interface.configure(wlan.stack, config),
        }
    }
}

impl adapter::NetworkStack for Stacks {
    fn set_ap_address(&self, address: Option<(Ipv4Addr, u8)>) {
        let config = address.map(|(address, prefix_len)| static_config(address, prefix_len));
        self.ap.interface.set_address(address.map(|(address, prefix_len)| Ipv4Cidr::new(address, prefix_len)));
        self.configure(&self.ap, config.map_or(ConfigV4::None, ConfigV4::Static));
    }

    fn set_station_ip(&self, ip: Option<(&Ip, &str)>) {
        let config = match ip {
            None => ConfigV4::None,
            Some((Ip::Static(ip), _)) => ConfigV4::Static(static_config(ip.address, ip.prefix_len)),
            Some((Ip::Dhcp, _)) => ConfigV4::Dhcp(DhcpConfig::default()),
        };
        self.configure(&self.station, config);
    }

    async fn follow(&self, mut changed: impl FnMut(Option<Ipv4Addr>)) {
        let changed = |address: Option<Ipv4Cidr>| changed(address.map(|cidr| cidr.address()));
        self.station.interface.follow(self.station.stack, changed).await
    }
}

/// The application, and what is noted and checked of what passes between it and the radio.
struct Watched {
    app: &'static App<'static>,
    world: Rc<World>,
    radio: Rc<SimRadio<Air>>,
    /// Actions to join that the driver has not been called for yet.
    joins: Rc<Cell<u32>>,
    /// The network that a radio without a way back was told to join first.
    stuck: RefCell<Option<Join>>,
    seen: Rc<Seen>,
}

/// The events that the state machine was given.
#[derive(Default)]
struct Seen {
    clients: Cell<u8>,
    is_ap_on: Cell<bool>,
    /// Since when the station is told to leave.
    leaving: Cell<Option<Instant>>,
    /// Since when the station is in a network without an address.
    joined: Cell<Option<Instant>>,
    /// The station is in a network.
    is_in: Cell<bool>,
}

impl Watched {
    fn new(app: &'static App<'static>, world: Rc<World>, radio: Rc<SimRadio<Air>>) -> Self {
        let watched = Self { app, world, radio, joins: Rc::default(), stuck: RefCell::default(), seen: Rc::default() };
        watched.world.spawn_device(check_clients(watched.world.clone(), watched.radio.clone(), watched.seen.clone()));
        watched
    }

    fn note(&self, event: &Event) {
        self.world.trace.note("radio", format_args!("reports {event:?}"));
        let Seen { clients, is_ap_on, leaving, joined, is_in } = &*self.seen;
        match event {
            Event::Joined => is_in.set(true),
            Event::Left | Event::JoinFailed(_) => is_in.set(false),
            _ => {}
        }
        match event {
            Event::ApClients(count) => clients.set(*count),
            Event::ApStarted => is_ap_on.set(true),
            Event::ApStopped | Event::ApFailed => is_ap_on.set(false),
            Event::Joined => joined.set(Some(Instant::now())),
            Event::Address(_) => joined.set(None),
            Event::Left | Event::JoinFailed(_) => {
                joined.set(None);
                if let Some(since) = leaving.take()
                    && since.elapsed().as_millis() > LEAVE_MS_MAX
                {
                    let ms = since.elapsed().as_millis();
                    self.world.verdict.fail(format_args!("leaving took {ms} ms"));
                }
            }
            _ => {}
        }
    }
}

/// How long leaving may take with a driver that answers, milliseconds.
pub const LEAVE_MS_MAX: u64 = 1_000;
/// How long the count of clients may be wrong, milliseconds.
pub const COUNT_MS_MAX: u64 = 1_000;
/// How long getting an address may take with a router that answers, milliseconds.
pub const ADDRESS_MS_MAX: u64 = 3_000;
/// How long a station may be out of its network until it is back or has reported that it left, milliseconds. The time
/// covers a scan for the network, and joining.
pub const OUT_MS_MAX: u64 = 6_000;
const LOOK_MS: u64 = 100;

/// Looks for ever whether the state machine knows how many clients there are, and whether the station gets its address.
async fn check_clients(world: Rc<World>, radio: Rc<SimRadio<Air>>, seen: Rc<Seen>) {
    let (mut wrong_since, mut out_since) = (None, None);
    loop {
        Timer::after(Duration::from_millis(LOOK_MS)).await;
        let is_right = !seen.is_ap_on.get() || radio.clients() == usize::from(seen.clients.get());
        wrong_since = if is_right { None } else { wrong_since.or(Some(Instant::now())) };
        if wrong_since.is_some_and(|since: Instant| since.elapsed().as_millis() > COUNT_MS_MAX) {
            let (told, clients) = (seen.clients.get(), radio.clients());
            world.verdict.fail(format_args!("the count of clients is {told} instead of {clients}"));
        }
        let is_out = seen.is_in.get() && !radio.is_connected();
        let faults = (radio.events_lost(), radio.events_late());
        out_since = if is_out { out_since.or(Some((Instant::now(), faults))) } else { None };
        let is_out_too_long = |(since, (lost, late)): (Instant, (u32, u32))| {
            // Without the event of its failure, joining again ends with the adapter's time-out.
            let timeout_ms = if faults.0 == lost { 0 } else { REJOIN_TIMEOUT_MS };
            // With a late event, joining again begins so much later.
            let late_ms = if faults.1 == late { 0 } else { Timings::CHIP.late_ms.end };
            since.elapsed().as_millis() > OUT_MS_MAX + timeout_ms + late_ms
        };
        if out_since.is_some_and(is_out_too_long) {
            world.verdict.fail("the station is out of its network, and does not join again");
        }
        if let Some(since) = seen.joined.get()
            && since.elapsed().as_millis() > ADDRESS_MS_MAX
        {
            seen.joined.set(None);
            let router = world.parts.air.device_router().filter(|router| world.is_calm_at(*router, since));
            if let Some(router) = router {
                world.verdict.fail(format_args!("no address in router {router}'s network"));
            }
        }
    }
}

impl Controller for Watched {
    fn start(&self, restarts_ap: bool) {
        self.app.start(restarts_ap);
    }

    fn on_event(&self, event: Event) {
        self.note(&event);
        self.app.on_event(event);
    }

    fn on_timer(&self) {
        self.app.on_timer();
    }

    fn next_action(&self) -> Option<Action> {
        let action = self.app.next_action()?;
        self.world.trace.note("radio", format_args!("{action:?}"));
        match &action {
            Action::Join(_) => self.joins.set(self.joins.get() + 1),
            Action::Leave => self.seen.leaving.set(Some(Instant::now())),
            _ => {}
        }
        Some(match (self.world.parts.mutation, action) {
            (Mutation::NoRollback, Action::Join(join)) => {
                Action::Join(self.stuck.borrow_mut().get_or_insert(join).clone())
            }
            (Mutation::NoRollback, Action::StartAp(_)) if self.stuck.borrow().is_some() => return None,
            (_, action) => action,
        })
    }

    fn next_ms(&self) -> Option<u64> {
        self.app.next_ms()
    }

    async fn changed(&self) {
        self.app.changed().await;
    }
}

/// The driver, with what a mutation switches off of what the adapter does with it.
pub struct Mutated {
    driver: SimDriver<Air>,
    mutation: Mutation,
    joins: Rc<Cell<u32>>,
    /// The last event said that the station is in its network.
    last_connected: Cell<bool>,
}

impl Mutated {
    /// The driver without what `mutation` switches off. `joins` counts the actions to join that there was no call for yet.
    pub fn new(driver: SimDriver<Air>, mutation: Mutation, joins: Rc<Cell<u32>>) -> Self {
        Self { driver, mutation, joins, last_connected: Cell::new(false) }
    }
}

impl RadioDriver for Mutated {
    type Error = Refused;

    fn restarts_ap(&self) -> bool {
        self.driver.restarts_ap()
    }

    fn configure(&mut self, ap: Option<&AccessPoint>, station: Option<&Network>) -> Result<(), Refused> {
        self.driver.configure(ap, station)
    }

    fn set_power_save(&mut self, is_on: bool) -> Result<(), Refused> {
        self.driver.set_power_save(is_on)
    }

    async fn connect(&mut self) -> Result<(), Refused> {
        // A station that wasn't ordered to join joins again.
        if self.mutation == Mutation::NoRejoin && self.joins.replace(0) == 0 {
            return std::future::pending().await;
        }
        self.driver.connect().await
    }

    async fn disconnect(&mut self) -> Result<(), Refused> {
        self.driver.disconnect().await
    }

    async fn scan(&mut self) -> Result<(), Refused> {
        self.driver.scan().await
    }

    fn scan_results(&mut self) -> Result<impl Iterator<Item = ScanResult>, Refused> {
        self.driver.scan_results()
    }

    fn is_connected(&self) -> bool {
        match self.mutation {
            Mutation::NoPoll => self.last_connected.get(),
            _ => self.driver.is_connected(),
        }
    }

    fn rssi_dbm(&self) -> Option<i8> {
        self.driver.rssi_dbm()
    }

    fn ap_clients(&self) -> Option<u8> {
        self.driver.ap_clients()
    }

    async fn next_event(&mut self) -> DriverEvent {
        let subscription: Subscription;
        let event = match self.mutation {
            Mutation::SubscribePerWait => {
                subscription = self.driver.radio().subscribe();
                subscription.next_event().await
            }
            _ => self.driver.next_event().await,
        };
        match event {
            DriverEvent::Connected => self.last_connected.set(true),
            DriverEvent::Disconnected(_) => self.last_connected.set(false),
            _ => {}
        }
        event
    }
}

/// A radio in this air, with the faults of a run or with none.
pub fn radio(air: &Air, random: &mut fastrand::Rng, has_faults: bool) -> Rc<SimRadio<Air>> {
    let faults = if has_faults { faults(random) } else { Faults::NONE };
    SimRadio::new(air.clone(), faults, Timings::CHIP, random.fork())
}
