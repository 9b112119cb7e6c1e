//! What stands between those who want something of a radio and a chip's driver: the device's Wi-Fi state machine, or a
//! program whose network was fixed when it was built.
//!
//! A chip gives its [`Driver`] and its network stack as a [`Network`]. [`run`] is the device's Wi-Fi on them, [`StaticNetwork`] a
//! network that was fixed.

mod static_network;
mod station_link;
#[cfg(test)]
mod tests;

use core::cell::{Cell, RefCell};
use core::fmt::{Arguments, Debug};
use core::future::Future;
use core::net::Ipv4Addr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_futures::join::join3;
use embassy_futures::select::{Either3, select3};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_time::{Duration, Timer};
use sockeye_boot::Boot;

use crate::adapter::station_link::StationLink;
use crate::limits::{CHECK_MS, EVENTS_MAX, SCANNED_MAX};
use crate::network::{Ip, Network as Joined, Secret, Ssid};
use crate::radio::{Action, ApConfig, ApSecurity, Event, Join, JoinError, Radio, ScanResult};
use crate::reason_code::reason_code;
use crate::run::Controller;

pub use static_network::{StaticNetwork, network_of};

/// Something that a driver tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverEvent {
    /// The station is in its network.
    Connected,
    /// It could not join, or dropped out; with the reason code, see [`reason_code`].
    Disconnected(u16),
    /// A client with this MAC address has joined the own network, or left it.
    Client([u8; 6], bool),
    /// A scan is over.
    Scanned,
}

/// A network of the device's own, as a driver makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its name.
    pub ssid: Ssid,
    /// WPA2's passphrase; empty for an open network.
    pub passphrase: Secret,
}

/// A chip's Wi-Fi driver: calls, and what it tells of what came of them.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Driver {
    /// Why the driver didn't do something.
    type Error: Debug;

    /// Sets what is on the air: the device's own network, or none, and the one that the station joins next. Another
    /// mode may drop the station out of its network.
    ///
    /// # Errors
    /// The configuration is none that the radio takes, or it fails.
    fn configure(&mut self, own: Option<&AccessPoint>, joined: Option<&Joined>) -> Result<(), Self::Error>;
    /// Whether the station sleeps between beacons.
    ///
    /// # Errors
    /// The driver's.
    fn set_power_save(&mut self, is_on: bool) -> Result<(), Self::Error>;
    /// Begins to join. The future is polled once and dropped: the outcome is listened for.
    ///
    /// # Errors
    /// The driver could not even begin.
    async fn connect(&mut self) -> Result<(), Self::Error>;
    /// Begins to leave, in the same way.
    ///
    /// # Errors
    /// There is nothing to leave.
    async fn disconnect(&mut self) -> Result<(), Self::Error>;
    /// Begins to scan, in the same way.
    ///
    /// # Errors
    /// The driver could not even begin.
    async fn scan(&mut self) -> Result<(), Self::Error>;
    /// The networks that the scan which is over has heard.
    ///
    /// # Errors
    /// They can't be had.
    fn heard(&mut self) -> Result<impl Iterator<Item = ScanResult>, Self::Error>;
    /// Whether the station is in its network.
    fn is_connected(&self) -> bool;
    /// Signal strength of the network that the station has joined, dBm.
    fn rssi(&self) -> Option<i8>;
    /// Gives each thing that happens to `hear`, until that says that it has heard enough.
    async fn listen(&self, hear: impl FnMut(DriverEvent) -> bool);
}

/// The network stack above a chip's radio, on both sides.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Network {
    /// The device's address in its own network, and the length of its prefix; none while that is off the air.
    fn set_own_address(&self, address: Option<(Ipv4Addr, u8)>);
    /// How the station gets its address, and what the device calls itself in the network; none while it is in none.
    fn set_ip(&self, ip: Option<(&Ip, &str)>);
    /// Tells each change of the station's address, for ever.
    async fn follow(&self, tell: impl FnMut(Option<Ipv4Addr>));
}

/// What the device's Wi-Fi and its radio have in common. All of it is for one task.
pub struct AdapterContext<'a, N, P> {
    /// The stack.
    pub network: &'a N,
    /// Who is told of it on the console.
    pub console: Boot<P>,
    /// Is told each address at which the device can be reached, when it can.
    pub up: &'a dyn Fn(Ipv4Addr),
    /// The passphrase that the device came with.
    pub passphrase: Secret,
    /// Signal strength as it was measured last, dBm; none outside of a network.
    pub rssi: &'a Cell<Option<i8>>,
}

impl<'a, N, P: Fn(Arguments<'_>) + Copy> AdapterContext<'a, N, P> {
    /// Tells of the station's address on the console.
    fn reach(&self) -> impl Fn(Option<Ipv4Addr>) + use<'a, N, P> {
        let (console, up) = (self.console, self.up);
        move |address| address.map_or_else(|| console.network_down(), up)
    }
}

/// Runs the device's Wi-Fi on this radio, for ever.
pub async fn run<C, D, N, P>(controller: &C, driver: D, air: AdapterContext<'_, N, P>) -> !
where
    C: Controller,
    D: Driver,
    N: Network,
    P: Fn(Arguments<'_>) + Copy,
{
    let (actions, events) = (Channel::new(), Channel::new());
    let (network, reach) = (air.network, air.reach());
    let mut station = Adapter::new(driver, air, &events);
    let following = network.follow(|address| {
        tell(&events, address.map_or(Event::AddressLost, Event::Address));
        reach(address);
    });
    let mut radio = Handle { actions: &actions, events: &events };
    join3(station.drive(&actions), following, crate::run::run(controller, &mut radio)).await.2
}

type Actions = Channel<NoopRawMutex, Action, 1>;
type Events = Channel<NoopRawMutex, Event, EVENTS_MAX>;

/// Tells an event; one too many is lost, which costs the state machine time and nothing else.
fn tell(events: &Events, event: Event) {
    let _ = events.try_send(event);
}

/// The state machine's end.
struct Handle<'a> {
    actions: &'a Actions,
    events: &'a Events,
}

impl Radio for Handle<'_> {
    async fn act(&mut self, action: Action) {
        self.actions.send(action).await;
    }

    async fn event(&mut self) -> Event {
        self.events.receive().await
    }
}

/// A radio that does what the state machine wants, and tells what comes of it.
struct Adapter<'a, D, N, P> {
    driver: D,
    state: State<'a, N, P>,
    own: Option<AccessPoint>,
    joined: Option<Joined>,
}

/// What follows from what the driver tells.
struct State<'a, N, P> {
    air: AdapterContext<'a, N, P>,
    events: &'a Events,
    phase: StationLink,
    /// The network that the station wants to be in, and what it calls itself there.
    join: Option<Join>,
    clients: u8,
}

impl<'a, D: Driver, N: Network, P: Fn(Arguments<'_>) + Copy> Adapter<'a, D, N, P> {
    /// Nothing is on the air yet.
    fn new(driver: D, air: AdapterContext<'a, N, P>, events: &'a Events) -> Self {
        let state = State { air, events, phase: StationLink::Out, join: None, clients: 0 };
        Self { driver, state, own: None, joined: None }
    }

    async fn drive(&mut self, actions: &Actions) -> ! {
        loop {
            match self.listen(actions.receive()).await {
                Some(action) => self.act(action),
                None => self.tell_scanned(),
            }
        }
    }

    /// Takes what the driver tells until something else comes, or until a scan is over; then there is none. Between two
    /// calls the driver may tell what nobody hears, so nothing waits between them.
    async fn listen<T>(&mut self, other: impl Future<Output = T>) -> Option<T> {
        let (driver, state) = (&self.driver, RefCell::new(&mut self.state));
        let hear = |happening| {
            let state = &mut *state.borrow_mut();
            state.air.rssi.set(driver.rssi());
            state.hear(happening)
        };
        let check = async {
            loop {
                Timer::after(Duration::from_millis(CHECK_MS)).await;
                let state = &mut *state.borrow_mut();
                state.air.rssi.set(driver.rssi());
                state.check(driver.is_connected());
            }
        };
        match select3(driver.listen(hear), other, check).await {
            Either3::First(()) => None,
            Either3::Second(other) => Some(other),
            Either3::Third(never) => never,
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Configure(config) => self.set_power_save(config.power_save),
            Action::StartAp(config) => {
                let event = self.start_ap(&config);
                self.rejoin();
                self.state.tell(event);
            }
            Action::StopAp => {
                self.stop_ap();
                self.rejoin();
                self.state.tell(Event::ApStopped);
            }
            Action::Join(join) => self.join(join),
            Action::Leave => self.leave(),
            Action::Scan => {
                // What the scan hears is taken when it is over.
                if let Some(Err(_)) = begin(self.driver.scan()) {
                    self.state.tell(Event::ScanFailed);
                }
            }
        }
    }

    /// Sets the radio to what is wanted.
    fn configure(&mut self) -> Result<(), D::Error> {
        self.driver.configure(self.own.as_ref(), self.joined.as_ref())
    }

    /// A station that has dropped out because of another mode joins again. Apart from [`configure`](Self::configure), so
    /// that a program without a station has nothing of one.
    fn rejoin(&mut self) {
        if self.state.phase.is_in() && !self.driver.is_connected() {
            self.state.phase = StationLink::Rejoining;
            let _ = begin(self.driver.connect());
        }
    }

    fn set_power_save(&mut self, is_on: bool) {
        if let Err(error) = self.driver.set_power_save(is_on) {
            log::warn!("power saving: {error:?}");
        }
    }

    /// What came of it.
    fn start_ap(&mut self, config: &ApConfig) -> Event {
        let air = &self.state.air;
        let passphrase = match &config.security {
            ApSecurity::FactoryPassphrase => air.passphrase.clone(),
            ApSecurity::Passphrase(passphrase) => passphrase.clone(),
            ApSecurity::Open => Secret::default(),
        };
        // Nobody has asked for an open network where there is no passphrase.
        let is_meant = config.security == ApSecurity::Open || !passphrase.is_empty();
        self.own = is_meant.then(|| AccessPoint { ssid: config.ssid.clone(), passphrase });
        if self.own.is_none() || self.configure().is_err() {
            self.own = None;
            return Event::ApFailed;
        }
        let air = &self.state.air;
        air.network.set_own_address(Some((config.address, config.prefix_len)));
        let secret = self.own.as_ref().map(|own| own.passphrase.as_str()).filter(|secret| !secret.is_empty());
        air.console.access_point(&config.ssid, secret);
        (air.up)(config.address);
        Event::ApStarted
    }

    fn stop_ap(&mut self) {
        self.own = None;
        self.state.clients = 0;
        self.state.air.network.set_own_address(None);
        if let Err(error) = self.configure() {
            log::warn!("the radio's mode: {error:?}");
        }
    }

    fn join(&mut self, join: Join) {
        self.state.air.console.station(&join.network.ssid);
        self.state.phase = StationLink::Joining;
        self.joined = Some(join.network.clone());
        self.state.join = Some(join);
        let is_refused = self.configure().is_err() || matches!(begin(self.driver.connect()), Some(Err(_)));
        if is_refused {
            self.state.out(JoinError::Other);
        }
    }

    fn leave(&mut self) {
        let was = core::mem::replace(&mut self.state.phase, StationLink::Leaving);
        if was == StationLink::Out || matches!(begin(self.driver.disconnect()), Some(Err(_))) {
            self.state.out(JoinError::Other);
        }
    }

    fn tell_scanned(&mut self) {
        match self.driver.heard() {
            Ok(heard) => {
                heard.take(SCANNED_MAX).for_each(|heard| self.state.tell(Event::ScanResult(heard)));
                self.state.tell(Event::ScanDone);
            }
            Err(_) => self.state.tell(Event::ScanFailed),
        }
    }
}

impl<N: Network, P: Fn(Arguments<'_>) + Copy> State<'_, N, P> {
    fn tell(&self, event: Event) {
        tell(self.events, event);
    }

    /// Whether that was enough.
    fn hear(&mut self, happening: DriverEvent) -> bool {
        match happening {
            DriverEvent::Connected => self.check(true),
            DriverEvent::Disconnected(reason) => self.out(reason_code(reason)),
            DriverEvent::Client(mac, has_joined) => {
                self.air.console.client(mac, has_joined);
                let clients = self.clients;
                self.clients = if has_joined { clients.saturating_add(1) } else { clients.saturating_sub(1) };
                self.tell(Event::ApClients(self.clients));
            }
            DriverEvent::Scanned => return true,
        }
        false
    }

    /// Whether the station is in its network is told by the driver, and asked for too: what it tells can be lost.
    fn check(&mut self, is_connected: bool) {
        match (self.phase, is_connected) {
            (StationLink::Joining, true) => {
                self.phase = StationLink::Joined;
                self.tell(Event::Joined);
                if let Some(Join { network, host_name }) = &self.join {
                    self.air.console.joined(&network.ssid);
                    // Not before: a configured address would be there at once.
                    self.air.network.set_ip(Some((&network.ip, host_name)));
                }
            }
            (StationLink::Rejoining, true) => self.phase = StationLink::Joined,
            (StationLink::Joined, false) => self.out(JoinError::TimedOut),
            (StationLink::Leaving, false) => self.out(JoinError::Other),
            _ => {}
        }
    }

    /// The station is in no network any more, or in none yet.
    fn out(&mut self, error: JoinError) {
        self.air.network.set_ip(None);
        let was = core::mem::replace(&mut self.phase, StationLink::Out);
        if let (true, Some(join)) = (was.is_wanted(), &self.join) {
            self.air.console.join_failed(&join.network.ssid, &error);
        }
        match was {
            StationLink::Joining => self.tell(Event::JoinFailed(error)),
            StationLink::Joined | StationLink::Rejoining | StationLink::Leaving => self.tell(Event::Left),
            StationLink::Out => {}
        }
    }
}

/// Begins something whose outcome comes later; the outcome if it is there already.
fn begin<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
