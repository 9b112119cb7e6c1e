//! The air: which Wi-Fi networks are on it, and who is in which. The air implements the surroundings of the device's
//! simulated radio.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::rc::Rc;

use embassy_time::{Duration, Instant, Timer};
use sockeye_sim_radio::{SimRadio, Surroundings};
use sockeye_wifi::adapter::AccessPoint;
use sockeye_wifi::{Network, ScanResult, Security, Ssid};

use crate::ether::{Card, Ether, Place};
use crate::trace::Trace;

/// How long a router believes that a station is there which has gone without a word, seconds.
const REMEMBERED_S: u64 = 90;
/// How often the device's radio looks for clients that have gone without a word, seconds.
const CLIENTS_CHECK_S: u64 = 5;

/// Reason codes with which joining fails (IEEE 802.11, 9.4.1.7; from 200 on those of the ESP32 family's radio).
mod reason {
    pub const HANDSHAKE_TIMEOUT: u16 = 15;
    pub const TOO_MANY_STATIONS: u16 = 5;
    pub const NO_NETWORK: u16 = 201;
}

/// A router's network.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Its name.
    pub ssid: String,
    /// Its password; none if it is open.
    pub password: Option<String>,
    /// Its signal at the device, dBm.
    pub rssi_dbm: i8,
    /// The router turns a station away that it holds for connected.
    pub is_jealous: bool,
    /// The router gives out addresses.
    pub has_dhcp: bool,
}

struct RouterState {
    config: RouterConfig,
    card: Card,
    is_up: bool,
    /// The device is in its network.
    has_device: bool,
    /// Until then the router holds the device for connected.
    remembers_until: Instant,
}

/// The device's two network cards: the access point's, and the station's.
#[derive(Debug, Clone, Copy)]
pub struct DeviceCards {
    /// The access point's.
    pub ap: Card,
    /// The station's.
    pub station: Card,
}

struct State {
    routers: Vec<RouterState>,
    /// The device's radio, while it has power.
    radio: Option<(Rc<SimRadio<Air>>, DeviceCards)>,
    /// The clients in the device's access point, and when a client that is gone will be noticed.
    clients: BTreeMap<[u8; 6], (Card, Option<Instant>)>,
    /// When a network came, went, or got or lost the device.
    changed: Instant,
}

/// All networks. Clones are the same.
#[derive(Clone)]
pub struct Air {
    state: Rc<RefCell<State>>,
    ether: Ether,
    trace: Trace,
}

impl Air {
    /// No network yet.
    pub fn new(ether: Ether, trace: Trace) -> Self {
        let state = State { routers: Vec::new(), radio: None, clients: BTreeMap::new(), changed: Instant::MIN };
        Self { state: Rc::new(RefCell::new(state)), ether, trace }
    }

    /// Adds a router, which is off.
    pub fn add_router(&self, config: RouterConfig, card: Card) {
        let remembers_until = Instant::MIN;
        let router = RouterState { config, card, is_up: false, has_device: false, remembers_until };
        self.state.borrow_mut().routers.push(router);
    }

    /// A router's network, as it was made.
    pub fn router(&self, number: usize) -> RouterConfig {
        self.state.borrow().routers[number].config.clone()
    }

    /// Puts a router's network on the air, or takes it off.
    pub fn set_up(&self, number: usize, is_up: bool) {
        self.trace.note("router", format_args!("{number} is {}", if is_up { "up" } else { "down" }));
        let mut state = self.state.borrow_mut();
        state.changed = Instant::now();
        let router = &mut state.routers[number];
        router.is_up = is_up;
        // A router forgets everything while it is off.
        router.remembers_until = Instant::MIN;
        self.ether.set_place(router.card, is_up.then_some(Place::Router(number)));
    }

    /// Whether a router's network is on the air.
    pub fn is_router_up(&self, number: usize) -> bool {
        self.state.borrow().routers[number].is_up
    }

    /// The device's radio has power.
    pub fn device_here(&self, radio: Rc<SimRadio<Self>>, cards: DeviceCards) {
        self.state.borrow_mut().radio = Some((radio, cards));
    }

    /// The device's power is cut: nothing of it is on the air any more, and nobody is told.
    pub fn device_gone(&self) {
        let mut state = self.state.borrow_mut();
        let clients = std::mem::take(&mut state.clients);
        clients.into_values().for_each(|(card, _)| self.ether.set_place(card, None));
        state.changed = Instant::now();
        state.radio = None;
        for router in &mut state.routers {
            if std::mem::take(&mut router.has_device) {
                router.remembers_until = Instant::now() + Duration::from_secs(REMEMBERED_S);
            }
        }
    }

    /// Whether the device's access point is on the air.
    pub fn has_ap(&self) -> bool {
        self.radio().is_some_and(|radio| radio.ap().is_some())
    }

    /// The router whose network the device is in.
    pub fn device_router(&self) -> Option<usize> {
        self.state.borrow().routers.iter().position(|router| router.has_device)
    }

    /// When a network came, went, or got or lost the device.
    pub fn changed(&self) -> Instant {
        self.state.borrow().changed
    }

    /// A host joins the device's access point. False if there is none.
    pub fn join_ap(&self, card: Card) -> bool {
        let mac = self.ether.mac(card);
        if !self.radio().is_some_and(|radio| radio.associate(mac)) {
            return false;
        }
        self.state.borrow_mut().clients.insert(mac, (card, None));
        self.ether.set_place(card, Some(Place::AccessPoint));
        true
    }

    /// A host leaves the device's access point, in order.
    pub fn leave_ap(&self, card: Card) {
        let mac = self.ether.mac(card);
        let was = self.state.borrow_mut().clients.remove(&mac);
        if let (Some(_), Some(radio)) = (was, self.radio()) {
            radio.disassociate(mac);
        }
        self.ether.set_place(card, None);
    }

    /// A host is out of reach without a word; the device's radio misses it after a while.
    pub fn vanish_from_ap(&self, card: Card, missed_after: Duration) {
        if let Some((_, missed)) = self.state.borrow_mut().clients.get_mut(&self.ether.mac(card)) {
            *missed = Some(Instant::now() + missed_after);
        }
        self.ether.vanish(card);
    }

    /// Lets the device's radio miss clients that have gone, for ever.
    pub async fn miss_clients(self) {
        loop {
            Timer::after(Duration::from_secs(CLIENTS_CHECK_S)).await;
            let now = Instant::now();
            let is_missed = |missed: &Option<Instant>| missed.is_some_and(|missed| missed <= now);
            let mut state = self.state.borrow_mut();
            let gone = state.clients.extract_if(.., |_, (_, missed)| is_missed(missed)).map(|(mac, _)| mac);
            let gone: Vec<_> = gone.collect();
            drop(state);
            if let Some(radio) = self.radio() {
                gone.into_iter().for_each(|mac| radio.disassociate(mac));
            }
        }
    }

    fn radio(&self) -> Option<Rc<SimRadio<Self>>> {
        self.state.borrow().radio.as_ref().map(|(radio, _)| radio.clone())
    }

    fn cards(&self) -> Option<DeviceCards> {
        self.state.borrow().radio.as_ref().map(|(_, cards)| *cards)
    }
}

impl Surroundings for Air {
    fn scan(&self) -> Vec<ScanResult> {
        let state = self.state.borrow();
        let on_air = state.routers.iter().filter(|router| router.is_up);
        let heard = on_air.filter_map(|router| {
            let security = if router.config.password.is_some() { Security::Password } else { Security::Open };
            let ssid = Ssid::try_from(router.config.ssid.as_str()).ok()?;
            Some(ScanResult { ssid, rssi_dbm: router.config.rssi_dbm, security })
        });
        heard.collect()
    }

    fn join(&self, network: &Network) -> Result<usize, u16> {
        let mut state = self.state.borrow_mut();
        let named = state.routers.iter().enumerate().filter(|(_, router)| router.is_up);
        let named = named.filter(|(_, router)| router.config.ssid == network.ssid.as_str());
        let strongest = named.max_by_key(|(_, router)| router.config.rssi_dbm).map(|(number, _)| number);
        let number = strongest.ok_or(reason::NO_NETWORK)?;
        state.changed = Instant::now();
        let router = &mut state.routers[number];
        if router.config.password.as_deref().unwrap_or_default() != network.password.as_str() {
            return Err(reason::HANDSHAKE_TIMEOUT);
        }
        if router.config.is_jealous && Instant::now() < router.remembers_until {
            // Being asked again reminds it.
            router.remembers_until = Instant::now() + Duration::from_secs(REMEMBERED_S);
            return Err(reason::TOO_MANY_STATIONS);
        }
        router.has_device = true;
        if let Some((_, cards)) = &state.radio {
            self.ether.set_place(cards.station, Some(Place::Router(number)));
        }
        Ok(number)
    }

    fn leave(&self, router: usize) {
        let mut state = self.state.borrow_mut();
        state.changed = Instant::now();
        state.routers[router].has_device = false;
        if let Some((_, cards)) = &state.radio {
            self.ether.set_place(cards.station, None);
        }
    }

    fn is_up(&self, router: usize) -> bool {
        self.is_router_up(router)
    }

    fn start_ap(&self, _ap: &AccessPoint) {
        self.state.borrow_mut().changed = Instant::now();
        if let Some(cards) = self.cards() {
            self.ether.set_place(cards.ap, Some(Place::AccessPoint));
        }
    }

    fn stop_ap(&self) {
        self.state.borrow_mut().changed = Instant::now();
        if let Some(cards) = self.cards() {
            self.ether.set_place(cards.ap, None);
        }
    }

    fn drop_client(&self, mac: [u8; 6]) {
        if let Some((card, _)) = self.state.borrow_mut().clients.remove(&mac) {
            self.ether.set_place(card, None);
        }
    }

    fn listen_elsewhere(&self, duration: Duration) {
        self.ether.go_away(Place::AccessPoint, duration);
    }

    fn note(&self, what: Arguments<'_>) {
        self.trace.note("radio", what);
    }
}
