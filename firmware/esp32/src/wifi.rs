//! The device's radio: does what the Wi-Fi state machine wants, and tells what comes of it.

use core::future::Future;
use core::pin::pin;
use core::task::Poll;

use embassy_futures::select::{Either3, select3};
use embassy_net::{ConfigV4, DhcpConfig, Ipv4Cidr, Stack, StaticConfigV4};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::{Channel, Receiver, Sender};
use embassy_time::{Duration, Timer};
use esp_radio::wifi::ap::{AccessPointConfig, AccessPointInfo};
use esp_radio::wifi::event::EventInfo;
use esp_radio::wifi::scan::{ScanConfig, ScanResults};
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{AuthenticationMethod, Config, PowerSaveMode, WifiController, WifiError};
use sockeye_board::join;
use sockeye_device::wifi::{
    Action, ApConfig, ApSecurity, Event, Heard, Ip, Join, JoinError, Radio, Secret, Security, Ssid,
};
use sockeye_hello::boot::PORT;

use crate::SLOTS;
use crate::console::Console;
use crate::radio;
use crate::services::Address;

/// Actions that wait for the radio, and events that wait for the state machine.
const ACTIONS: usize = 4;
const EVENTS: usize = 24;
/// Networks that a scan tells of at most; fewer than events that can wait.
const SCANNED: usize = 16;
/// How often the station asks whether it is still in the network, milliseconds: the radio's events can be lost.
const CHECK_MS: u64 = 5_000;

/// What passes between the state machine and the radio.
pub struct Channels {
    actions: Channel<NoopRawMutex, Action, ACTIONS>,
    events: Channel<NoopRawMutex, Event, EVENTS>,
}

impl Channels {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { actions: Channel::new(), events: Channel::new() }
    }

    /// Tells an event; one too many is lost, which costs the state machine time and nothing else.
    pub fn tell(&self, event: Event) {
        let _ = self.events.try_send(event);
    }
}

impl Default for Channels {
    fn default() -> Self {
        Self::new()
    }
}

/// The state machine's end.
pub struct Handle {
    actions: Sender<'static, NoopRawMutex, Action, ACTIONS>,
    events: Receiver<'static, NoopRawMutex, Event, EVENTS>,
}

impl Handle {
    /// The end of these channels.
    pub fn new(channels: &'static Channels) -> Self {
        Self { actions: channels.actions.sender(), events: channels.events.receiver() }
    }
}

impl Radio for Handle {
    async fn act(&mut self, action: Action) {
        self.actions.send(action).await;
    }

    async fn event(&mut self) -> Event {
        self.events.receive().await
    }
}

/// Where the station is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Out,
    Joining,
    Joined,
    /// In the network, as far as anybody knows, but for a change of the radio's mode.
    Rejoining,
    Leaving,
}

/// A network interface's address and stack.
pub struct Side {
    /// The listener's.
    pub interface: sockeye_tcp::Interface,
    /// embassy-net's.
    pub stack: Stack<'static>,
    /// For the services there.
    pub address: &'static Address,
}

/// What the radio does, and for whom.
pub struct State {
    channels: &'static Channels,
    console: Console,
    ap: Side,
    station: Stack<'static>,
    passphrase: Option<Secret>,
    own: Option<AccessPointConfig>,
    joined: StationConfig,
    name: Ssid,
    ip: ConfigV4,
    phase: Phase,
    clients: u8,
}

/// Something that only the controller can do.
enum Step {
    Act(Action),
    Scanned,
}

impl State {
    /// Nothing is on the air yet. `passphrase` is the one that the device came with.
    pub fn new(
        channels: &'static Channels,
        console: Console,
        ap: Side,
        station: Stack<'static>,
        passphrase: Option<Secret>,
    ) -> Self {
        let (own, joined, name) = (None, StationConfig::default(), Ssid::new());
        let ip = ConfigV4::None;
        Self { channels, console, ap, station, passphrase, own, joined, name, ip, phase: Phase::Out, clients: 0 }
    }

    /// Takes events until there is something that only the controller can do. While that is done an event can be lost,
    /// but nothing waits in between.
    async fn next(&mut self, controller: &WifiController<'_>) -> Step {
        let mut heard = loop {
            match controller.subscribe() {
                Ok(heard) => break heard,
                Err(_) => Timer::after(Duration::from_millis(CHECK_MS)).await,
            }
        };
        loop {
            let check = Timer::after(Duration::from_millis(CHECK_MS));
            match select3(heard.next_event_pure(), self.channels.actions.receive(), check).await {
                Either3::First(EventInfo::ScanDone { .. }) => return Step::Scanned,
                Either3::First(event) => self.hear(&event),
                Either3::Second(action) => return Step::Act(action),
                Either3::Third(()) => self.check(controller.is_connected()),
            }
            radio::measure_rssi(controller);
        }
    }

    fn hear(&mut self, event: &EventInfo) {
        match event {
            EventInfo::StationConnected { .. } => self.check(true),
            EventInfo::StationDisconnected { reason, .. } => self.out(join::error(*reason)),
            EventInfo::AccessPointStationConnected { mac, .. } => self.count(*mac, true),
            EventInfo::AccessPointStationDisconnected { mac, .. } => self.count(*mac, false),
            _ => {}
        }
    }

    fn check(&mut self, is_connected: bool) {
        match (self.phase, is_connected) {
            (Phase::Joining, true) => {
                self.console.joined(&self.name);
                self.channels.tell(Event::Joined);
                // Not before: a configured address would be there at once.
                self.station.set_config_v4(self.ip.clone());
                self.phase = Phase::Joined;
            }
            (Phase::Rejoining, true) => self.phase = Phase::Joined,
            (Phase::Joined, false) => self.out(JoinError::TimedOut),
            (Phase::Leaving, false) => self.out(JoinError::Other),
            _ => {}
        }
    }

    /// The station is in no network any more, or in none yet.
    fn out(&mut self, error: JoinError) {
        self.station.set_config_v4(ConfigV4::None);
        match core::mem::replace(&mut self.phase, Phase::Out) {
            Phase::Joining => {
                self.console.join_failed(&self.name, &error);
                self.channels.tell(Event::JoinFailed(error));
            }
            Phase::Joined | Phase::Rejoining => {
                self.console.join_failed(&self.name, &error);
                self.channels.tell(Event::Left);
            }
            Phase::Leaving => self.channels.tell(Event::Left),
            Phase::Out => {}
        }
    }

    fn count(&mut self, mac: [u8; 6], joined: bool) {
        self.console.client(mac, joined);
        self.clients = if joined { self.clients.saturating_add(1) } else { self.clients.saturating_sub(1) };
        self.channels.tell(Event::ApClients(self.clients));
    }

    fn act(&mut self, controller: &mut WifiController<'_>, action: Action) {
        match action {
            Action::Configure(config) => {
                // A radio that sleeps answers after 100 ms to 1 s, one that doesn't after 2 ms.
                let mode = if config.power_save { PowerSaveMode::Minimum } else { PowerSaveMode::None };
                if let Err(error) = controller.set_power_saving(mode) {
                    log::warn!("power saving: {error:?}");
                }
            }
            Action::StartAp(config) => self.start_ap(controller, &config),
            Action::StopAp => {
                self.own = None;
                self.ap.interface.set_address(None);
                self.ap.address.sender().send(None);
                self.clients = 0;
                if let Err(error) = self.apply(controller) {
                    log::warn!("the radio's mode: {error:?}");
                }
                self.channels.tell(Event::ApStopped);
            }
            Action::Join(join) => self.join(controller, &join),
            Action::Leave => self.leave(controller),
            Action::Scan => {
                // What the scan hears is taken when it is over.
                if let Some(Err(_)) = begin(controller.scan_async(&ScanConfig::default())) {
                    self.channels.tell(Event::ScanFailed);
                }
            }
        }
    }

    /// Sets the radio to what is wanted. Another mode drops the station out of its network, which it then joins again.
    fn apply(&mut self, controller: &mut WifiController<'_>) -> Result<(), WifiError> {
        let station = self.joined.clone();
        let config = match &self.own {
            Some(own) => Config::AccessPointStation(station, own.clone()),
            None => Config::Station(station),
        };
        controller.set_config(&config)?;
        if matches!(self.phase, Phase::Joined | Phase::Rejoining) && !controller.is_connected() {
            self.phase = Phase::Rejoining;
            let _ = begin(controller.connect_async());
        }
        Ok(())
    }

    fn start_ap(&mut self, controller: &mut WifiController<'_>, config: &ApConfig) {
        let secret = match &config.security {
            ApSecurity::Own => self.passphrase.clone(),
            ApSecurity::Passphrase(passphrase) => Some(passphrase.clone()),
            ApSecurity::Open => None,
        };
        let own = || -> Result<_, WifiError> {
            let authentication = radio::authentication(secret.as_ref().map(Secret::as_str))?;
            Ok(AccessPointConfig::default()
                .with_ssid(config.ssid.as_str().try_into()?)
                .with_authentication(authentication))
        };
        let is_known = secret.is_some() || config.security == ApSecurity::Open;
        self.own = own().ok().filter(|_| is_known);
        if self.own.is_none() || self.apply(controller).is_err() {
            self.own = None;
            return self.channels.tell(Event::ApFailed);
        }
        let address = Ipv4Cidr::new(config.address, config.prefix_len);
        let own = StaticConfigV4 { address, gateway: None, dns_servers: Default::default() };
        self.ap.stack.set_config_v4(ConfigV4::Static(own));
        self.ap.interface.set_address(Some(address));
        self.ap.address.sender().send(Some(config.address));
        self.console.access_point(&config.ssid, secret.as_ref().map(Secret::as_str));
        self.console.network_up(config.address);
        self.console.device_listening(PORT, SLOTS, (config.address, PORT).into());
        self.channels.tell(Event::ApStarted);
    }

    fn join(&mut self, controller: &mut WifiController<'_>, join: &Join) {
        let network = &join.network;
        let config = || -> Result<_, WifiError> {
            let password = Some(network.password.as_str()).filter(|password| !password.is_empty());
            let authentication = radio::authentication(password)?;
            Ok(StationConfig::default()
                .with_ssid(network.ssid.as_str().try_into()?)
                .with_authentication(authentication))
        };
        self.name = network.ssid.clone();
        self.phase = Phase::Joining;
        self.console.station(&self.name);
        self.ip = address(&network.ip, &join.host_name);
        let begun = config().and_then(|config| {
            self.joined = config;
            self.apply(controller)
        });
        let is_refused = begun.is_err() || matches!(begin(controller.connect_async()), Some(Err(_)));
        if is_refused {
            self.out(JoinError::Other);
        }
    }

    fn leave(&mut self, controller: &mut WifiController<'_>) {
        let was = core::mem::replace(&mut self.phase, Phase::Leaving);
        let is_out = was == Phase::Out || matches!(begin(controller.disconnect_async()), Some(Err(_)));
        if is_out {
            self.out(JoinError::Other);
        }
    }

    fn tell_scanned(&self, controller: &mut WifiController<'_>) {
        match ScanResults::new(controller) {
            Ok(results) => {
                results.filter_map(heard).take(SCANNED).for_each(|heard| self.channels.tell(Event::Heard(heard)));
                self.channels.tell(Event::ScanDone);
            }
            Err(_) => self.channels.tell(Event::ScanFailed),
        }
    }
}

/// Begins something whose outcome comes as an event too; the outcome if it is there already.
fn begin<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let cx = &mut core::task::Context::from_waker(core::task::Waker::noop());
    match future.as_mut().poll(cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// How the station gets its address.
fn address(ip: &Ip, host_name: &str) -> ConfigV4 {
    match ip {
        Ip::Dhcp => {
            let mut dhcp = DhcpConfig::default();
            dhcp.hostname = host_name.try_into().ok();
            ConfigV4::Dhcp(dhcp)
        }
        Ip::Static(ip) => ConfigV4::Static(StaticConfigV4 {
            address: Ipv4Cidr::new(ip.address, ip.prefix_len),
            gateway: ip.gateway,
            dns_servers: Default::default(),
        }),
    }
}

/// A network that the scan heard; none without a name that people can type.
fn heard(info: AccessPointInfo) -> Option<Heard> {
    let network = sockeye_device::wifi::Network::new(info.ssid.as_str().as_bytes()).ok()?;
    let security = match info.auth_method {
        None | Some(AuthenticationMethod::None) => Security::Open,
        Some(
            AuthenticationMethod::Wpa2Personal
            | AuthenticationMethod::WpaWpa2Personal
            | AuthenticationMethod::Wpa3Personal
            | AuthenticationMethod::Wpa2Wpa3Personal,
        ) => Security::Password,
        Some(_) => Security::Other,
    };
    Some(Heard { ssid: network.ssid, rssi_dbm: info.signal_strength, security })
}

/// Drives the radio for ever.
#[embassy_executor::task]
pub async fn drive(mut controller: WifiController<'static>, mut state: State) {
    loop {
        match state.next(&controller).await {
            Step::Act(action) => state.act(&mut controller, action),
            Step::Scanned => state.tell_scanned(&mut controller),
        }
    }
}
