//! The adapter between a chip's driver and the owner of the radio's actions. The owner is the device's Wi-Fi state
//! machine, or a program whose network was fixed when it was built.
//!
//! A chip implements [`RadioDriver`], and [`NetworkStack`] for its network stack. On them [`run`] carries out the state
//! machine's actions, and [`StaticNetwork`] keeps up a network that was fixed.
//!
//! An event of the driver is a hint, because an event can be lost, late or reported twice. The driver's answer to a
//! query is the truth. So the adapter queries the driver after each event, and also at intervals.

mod ap_clients;
mod radio_driver;
mod static_network;
mod station_link;
#[cfg(test)]
mod tests;

use core::cell::Cell;
use core::future::Future;
use core::net::Ipv4Addr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_futures::join::join3;
use embassy_futures::select::{Either3, select3};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_time::{Duration, Instant, Timer};
use sockeye_boot::{Boot, Line};

use crate::adapter::ap_clients::Clients;
use crate::adapter::station_link::StationLink;
use crate::credentials::{Network as Joined, Secret};
use crate::limits::{
    CHECK_MS, DRIVER_EVENTS_MAX, EVENTS_KEPT, EVENTS_MAX, JOINS_MAX, LEAVE_CHECK_MS, REJOIN_TIMEOUT_MS, SCANNED_MAX,
};
use crate::radio::{Action, ApConfig, ApSecurity, Event, Join, JoinError, Radio};
use crate::radio_loop::Controller;
use crate::reason_code::{LEFT_BY_STATION, reason_code};

pub use radio_driver::{AccessPoint, DriverEvent, NetworkStack, RadioDriver};
pub use static_network::{StaticNetwork, network_of};

/// The adapter's context besides the driver. A context is for one task.
pub struct AdapterContext<'a, N, P> {
    /// The network stack.
    pub network: &'a N,
    /// Prints what happens.
    pub console: Boot<P>,
    /// Is called with each address at which the device can be reached from then on.
    pub up: &'a dyn Fn(Ipv4Addr),
    /// The passphrase that the device came with.
    pub passphrase: Secret,
    /// Signal strength of the network that the station is in, as it was measured last, dBm; None while it is in none.
    pub rssi_dbm: &'a Cell<Option<i8>>,
}

impl<'a, N, P: Fn(Line<'_>) + Copy> AdapterContext<'a, N, P> {
    /// Prints the station's addresses.
    fn print_address(&self) -> impl Fn(Option<Ipv4Addr>) + use<'a, N, P> {
        let (console, up) = (self.console, self.up);
        move |address| address.map_or_else(|| console.network_down(), up)
    }
}

/// Runs the device's Wi-Fi on this driver, for ever.
pub async fn run<C, D, N, P>(controller: &C, driver: D, context: AdapterContext<'_, N, P>) -> !
where
    C: Controller,
    D: RadioDriver,
    N: NetworkStack,
    P: Fn(Line<'_>) + Copy,
{
    let (actions, events) = (Channel::new(), Channel::new());
    let (network, print_address) = (context.network, context.print_address());
    let restarts_ap = driver.restarts_ap();
    let mut adapter = Adapter::new(driver, context, &events);
    let following = network.follow(|address| {
        // There is room, as in `Adapter::report`.
        let _ = events.try_send(address.map_or(Event::AddressLost, Event::Address));
        print_address(address);
    });
    let mut radio = Handle { actions: &actions, events: &events, restarts_ap };
    join3(adapter.drive(&actions), following, crate::radio_loop::run(controller, &mut radio)).await.2
}

type Actions = Channel<NoopRawMutex, Action, 1>;
type Events = Channel<NoopRawMutex, Event, EVENTS_MAX>;

/// The state machine's end.
struct Handle<'a> {
    actions: &'a Actions,
    events: &'a Events,
    restarts_ap: bool,
}

impl Radio for Handle<'_> {
    fn restarts_ap(&self) -> bool {
        self.restarts_ap
    }

    async fn act(&mut self, action: Action) {
        self.actions.send(action).await;
    }

    async fn event(&mut self) -> Event {
        self.events.receive().await
    }
}

/// The configuration of a driver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct DriverConfig {
    ap: Option<AccessPoint>,
    station: Option<Joined>,
}

/// From actions to a driver's calls, and from its events to the radio's.
struct Adapter<'a, D, N, P> {
    driver: D,
    context: AdapterContext<'a, N, P>,
    events: &'a Events,
    config: DriverConfig,
    /// The driver has taken `config`. False before the first time, after a failure, and where the driver may no longer
    /// work as it was configured.
    is_configured: bool,
    /// Attempts to join that have failed since the driver was configured, or since the station was in a network.
    joins_failed: u8,
    /// The driver was configured before.
    has_started: bool,
    link: StationLink,
    /// Since when the station is in this state.
    since: Instant,
    /// The network to join, and the host name there; None before the first.
    join: Option<Join>,
    is_scanning: bool,
    clients: Clients,
}

impl<'a, D: RadioDriver, N: NetworkStack, P: Fn(Line<'_>) + Copy> Adapter<'a, D, N, P> {
    /// Nothing is on the air yet.
    fn new(driver: D, context: AdapterContext<'a, N, P>, events: &'a Events) -> Self {
        Self {
            driver,
            context,
            events,
            config: DriverConfig::default(),
            is_configured: false,
            joins_failed: 0,
            has_started: false,
            link: StationLink::Down,
            since: Instant::now(),
            join: None,
            is_scanning: false,
            clients: Clients::new(),
        }
    }

    async fn drive(&mut self, actions: &Actions) -> ! {
        loop {
            let action = self.listen(actions.receive()).await;
            self.act(action);
        }
    }

    /// Takes the driver's events, and asks it at intervals, until `other` is over.
    async fn listen<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        let mut asked = Instant::now();
        loop {
            let due = asked + Duration::from_millis(self.check_ms());
            match select3(self.driver.next_event(), other.as_mut(), Timer::at(due)).await {
                Either3::First(event) => self.on_event(event),
                Either3::Second(output) => return output,
                Either3::Third(()) => {
                    asked = Instant::now();
                    self.check();
                }
            }
        }
    }

    /// After how long the driver is asked again, milliseconds.
    fn check_ms(&self) -> u64 {
        if self.link == StationLink::Disconnecting { LEAVE_CHECK_MS } else { CHECK_MS }
    }

    /// Takes the events that are there already: those of a call that has just returned, or of the time before a call.
    fn take_events(&mut self) {
        for _ in 0..DRIVER_EVENTS_MAX {
            let Some(event) = begin(self.driver.next_event()) else { return };
            self.on_event(event);
        }
    }

    fn act(&mut self, action: Action) {
        self.take_events();
        match action {
            Action::Configure(config) => self.set_power_save(config.power_save),
            Action::StartAp(config) => {
                let event = self.start_ap(&config);
                self.rejoin();
                self.report(event);
            }
            Action::StopAp => {
                self.stop_ap();
                self.rejoin();
                self.report(Event::ApStopped);
            }
            Action::Join(join) => self.join(join),
            Action::Leave => self.leave(),
            Action::Scan => self.scan(),
        }
        self.take_events();
        self.count_clients();
    }

    /// Configures the driver, unless it has this configuration already. The events of the call are still to be taken: a
    /// station that the call has dropped is told to join again first, see [`rejoin`](Self::rejoin).
    fn configure(&mut self, config: DriverConfig) -> Result<(), ()> {
        if self.is_configured && self.config == config {
            return Ok(());
        }
        if !self.has_started {
            self.has_started = true;
            self.context.console.radio_starting();
        }
        let restarts_ap = self.driver.restarts_ap() || self.config.ap != config.ap;
        self.config = config;
        let configured = self.driver.configure(self.config.ap.as_ref(), self.config.station.as_ref());
        self.is_configured = configured.is_ok();
        self.joins_failed = 0;
        if restarts_ap || configured.is_err() {
            self.clients.clear();
        }
        configured.map_err(|error| log::warn!("the radio's configuration: {error:?}"))
    }

    /// Configures the driver with this access point. A driver that refuses is configured without a network to join, unless
    /// it has taken that network before. The network may be what it refuses, and the access point is the way back in.
    fn configure_ap(&mut self, ap: Option<AccessPoint>) -> Result<(), ()> {
        let configured = self.configure(DriverConfig { ap: ap.clone(), ..self.config.clone() });
        if configured.is_ok() || self.config.station.is_none() || self.link.is_wanted() {
            return configured;
        }
        self.configure(DriverConfig { ap, station: None })
    }

    /// A station that has dropped out because the access point was started or stopped joins again. Apart from
    /// [`configure`](Self::configure), so that the image of a program without a station has nothing of one.
    fn rejoin(&mut self) {
        if self.link.is_in() && !self.driver.is_connected() {
            self.set_link(StationLink::Reconnecting);
            self.connect();
        }
    }

    /// Tells the driver to join. A driver that refuses may have stopped, and is configured anew before the next attempt.
    fn connect(&mut self) {
        if let Some(Err(_)) = begin(self.driver.connect()) {
            self.is_configured = false;
            self.on_down(JoinError::Other);
        }
    }

    fn set_power_save(&mut self, is_on: bool) {
        if let Err(error) = self.driver.set_power_save(is_on) {
            log::warn!("power saving: {error:?}");
        }
    }

    /// Starts the access point, and returns the outcome.
    fn start_ap(&mut self, config: &ApConfig) -> Event {
        let passphrase = match &config.security {
            ApSecurity::FactoryPassphrase => self.context.passphrase.clone(),
            ApSecurity::Passphrase(passphrase) => passphrase.clone(),
            ApSecurity::Open => Secret::default(),
        };
        // Without a passphrase the network is open, which only the owner decides.
        let is_meant = config.security == ApSecurity::Open || !passphrase.is_empty();
        let ap = is_meant.then(|| AccessPoint { ssid: config.ssid.clone(), passphrase });
        if ap.is_none() || self.configure_ap(ap).is_err() {
            self.config.ap = None;
            self.is_configured = false;
            self.context.network.set_ap_address(None);
            return Event::ApFailed;
        }
        let AdapterContext { network, console, up, .. } = &self.context;
        network.set_ap_address(Some((config.address, config.prefix_len)));
        let secret = self.config.ap.as_ref().map(|ap| ap.passphrase.as_str()).filter(|secret| !secret.is_empty());
        console.access_point(&config.ssid, secret);
        up(config.address);
        Event::ApStarted
    }

    fn stop_ap(&mut self) {
        self.context.network.set_ap_address(None);
        let _ = self.configure(DriverConfig { ap: None, ..self.config.clone() });
        self.clients.clear();
    }

    /// The driver has failed, and may have stopped the access point too: it is started anew.
    fn fail_ap(&mut self) {
        if self.config.ap.take().is_some() {
            self.context.network.set_ap_address(None);
            self.report(Event::ApFailed);
        }
    }

    fn join(&mut self, join: Join) {
        self.context.console.station(&join.network.ssid);
        let config = DriverConfig { station: Some(join.network.clone()), ..self.config.clone() };
        self.join = Some(join);
        // A driver may report failures for ever that stopping and starting it ends. That drops clients.
        if self.joins_failed >= JOINS_MAX && self.clients.count(self.asked_clients()) == 0 {
            self.is_configured = false;
        }
        let configured = self.configure(config);
        // Events up to here are not of this attempt to join.
        self.take_events();
        self.set_link(StationLink::Connecting);
        if configured.is_err() {
            self.fail_ap();
            self.on_down(JoinError::Other);
        } else {
            self.connect();
        }
    }

    fn leave(&mut self) {
        let was = self.link;
        self.count_failed_join();
        self.set_link(StationLink::Disconnecting);
        if was == StationLink::Down || matches!(begin(self.driver.disconnect()), Some(Err(_))) {
            self.on_down(JoinError::Other);
        }
    }

    fn scan(&mut self) {
        self.is_scanning = true;
        // The scan's results are taken when the scan is over.
        if let Some(Err(_)) = begin(self.driver.scan()) {
            self.is_scanning = false;
            self.report(Event::ScanFailed);
        }
    }

    fn on_event(&mut self, event: DriverEvent) {
        match event {
            DriverEvent::Connected => self.check(),
            DriverEvent::Disconnected(reason) => self.on_disconnected(reason),
            DriverEvent::Client(mac, has_joined) => {
                self.context.console.client(mac, has_joined);
                self.clients.on_event(mac, has_joined);
                self.count_clients();
            }
            DriverEvent::Scanned if core::mem::take(&mut self.is_scanning) => self.report_scan(),
            DriverEvent::Scanned => {}
        }
    }

    /// The station has dropped out or could not join, unless the event is an old one.
    fn on_disconnected(&mut self, reason: u16) {
        let is_joining = matches!(self.link, StationLink::Connecting | StationLink::Reconnecting);
        let is_old = self.driver.is_connected() || is_joining && reason == LEFT_BY_STATION;
        if !is_old && self.link != StationLink::Down {
            self.on_down(reason_code(reason));
        }
    }

    /// Asks the driver: its events can be lost.
    fn check(&mut self) {
        let is_late = self.since.elapsed() >= Duration::from_millis(REJOIN_TIMEOUT_MS);
        match (self.link, self.driver.is_connected()) {
            (StationLink::Connecting, true) => self.on_joined(),
            (StationLink::Reconnecting, true) => self.set_link(StationLink::Connected),
            (StationLink::Reconnecting, false) if is_late => self.on_down(JoinError::TimedOut),
            (StationLink::Connected, false) => self.on_down(JoinError::TimedOut),
            (StationLink::Disconnecting, false) => self.on_down(JoinError::Other),
            // The station was ordered to leave, and is still joined.
            (StationLink::Down, true) => drop(begin(self.driver.disconnect())),
            _ => {}
        }
        let rssi_dbm = if self.link.is_in() { self.driver.rssi_dbm() } else { None };
        self.context.rssi_dbm.set(rssi_dbm);
        self.count_clients();
    }

    /// The attempt to join, if there is one, ends without the station in its network.
    fn count_failed_join(&mut self) {
        if self.link == StationLink::Connecting {
            self.joins_failed = self.joins_failed.saturating_add(1);
        }
    }

    fn on_joined(&mut self) {
        self.joins_failed = 0;
        self.set_link(StationLink::Connected);
        self.report(Event::Joined);
        if let Some(Join { network, host_name }) = &self.join {
            self.context.console.joined(&network.ssid);
            // Not before: a configured address would be there at once.
            self.context.network.set_station_ip(Some((&network.ip, host_name)));
        }
    }

    /// The station is in no network any more, or could not join one.
    fn on_down(&mut self, error: JoinError) {
        let was = self.link;
        self.count_failed_join();
        self.set_link(StationLink::Down);
        self.context.network.set_station_ip(None);
        self.context.rssi_dbm.set(None);
        if let (true, Some(join)) = (was.is_wanted(), &self.join) {
            self.context.console.join_failed(&join.network.ssid, &error);
        }
        match was {
            StationLink::Connecting => self.report(Event::JoinFailed(error)),
            StationLink::Connected | StationLink::Reconnecting | StationLink::Disconnecting => {
                self.report(Event::Left);
            }
            StationLink::Down => {}
        }
    }

    fn set_link(&mut self, link: StationLink) {
        (self.link, self.since) = (link, Instant::now());
    }

    fn report_scan(&mut self) {
        let events = self.events;
        let results = self.driver.scan_results().map(|results| {
            results.take(SCANNED_MAX).for_each(|result| {
                report_if_roomy(events, Event::ScanResult(result));
            });
        });
        self.report(if results.is_ok() { Event::ScanDone } else { Event::ScanFailed });
    }

    /// Reports how many clients are in the access point, if that has changed. Without room the next look reports it.
    fn count_clients(&mut self) {
        if let Some(count) = self.clients.changed(self.asked_clients())
            && report_if_roomy(self.events, Event::ApClients(count))
        {
            self.clients.reported(count);
        }
    }

    /// The driver's count of the access point's clients; None if the driver can't be asked, or has no access point.
    fn asked_clients(&self) -> Option<u8> {
        self.driver.ap_clients().filter(|_| self.config.ap.is_some())
    }

    /// Reports an event that nothing can make up for. There is room, see [`EVENTS_KEPT`].
    fn report(&self, event: Event) {
        let _ = self.events.try_send(event);
    }
}

/// Reports an event that may be lost, unless the room is needed for those that may not. False if it was not reported.
fn report_if_roomy(events: &Events, event: Event) -> bool {
    events.free_capacity() > EVENTS_KEPT && events.try_send(event).is_ok()
}

/// Begins something whose outcome comes later; Some if the outcome is there already.
fn begin<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
