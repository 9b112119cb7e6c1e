//! The radio: which networks are on the air, and what the device's own radio makes of what it is told.

mod hardware;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use embassy_time::{Duration, Instant};
use sockeye_wifi::{ApConfig, Event, JoinError, ScanResult, Security, Ssid};

use crate::air::{Air, Card, Place};
use crate::queue::Queue;
use crate::trace::Trace;

pub use hardware::{SimRadio, Wlan, start};

/// How long a router believes that a station is there which has gone without a word, seconds.
const REMEMBERED_S: u64 = 90;

/// A router's network.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Its name.
    pub ssid: String,
    /// Its password; none if it is open.
    pub password: Option<String>,
    /// Its signal at the device, dBm.
    pub rssi_dbm: i8,
    /// It turns a station away that it believes to be there already.
    pub is_jealous: bool,
    /// It gives out addresses.
    pub has_dhcp: bool,
}

struct RouterState {
    config: RouterConfig,
    card: Card,
    is_up: bool,
    /// The device is in its network.
    has_device: bool,
    /// It believes until then that the device is there.
    remembers_until: Instant,
}

struct Own {
    config: ApConfig,
    /// Who is in it, and from when on it will be missed if it is gone.
    clients: BTreeMap<Card, Option<Instant>>,
}

struct State {
    routers: Vec<RouterState>,
    /// The device's own network, while it is on the air.
    own: Option<Own>,
    /// When a network came, went, or got or lost the device.
    changed: Instant,
    /// Where the device's radio tells what happens.
    events: Option<Rc<Queue<Event>>>,
}

/// All networks. Clones are the same.
#[derive(Clone)]
pub struct Ether {
    state: Rc<RefCell<State>>,
    air: Air,
    trace: Trace,
}

impl Ether {
    /// No network yet.
    pub fn new(air: Air, trace: Trace) -> Self {
        let state = State { routers: Vec::new(), own: None, changed: Instant::MIN, events: None };
        Self { state: Rc::new(RefCell::new(state)), air, trace }
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

    /// Whether a router's network is on the air.
    pub fn is_up(&self, number: usize) -> bool {
        self.state.borrow().routers[number].is_up
    }

    /// Puts a router's network on the air, or takes it off.
    pub fn set_up(&self, number: usize, is_up: bool) {
        self.trace.note("router", format_args!("{number} is {}", if is_up { "up" } else { "down" }));
        let mut state = self.state.borrow_mut();
        state.changed = Instant::now();
        let router = &mut state.routers[number];
        router.is_up = is_up;
        // It forgets everything while it is off.
        router.remembers_until = Instant::MIN;
        self.air.set_place(router.card, is_up.then_some(Place::Router(number)));
    }

    /// Whether the device's own network is on the air.
    pub fn has_own(&self) -> bool {
        self.state.borrow().own.is_some()
    }

    /// The device's own network, while it is on the air.
    pub fn own(&self) -> Option<ApConfig> {
        self.state.borrow().own.as_ref().map(|own| own.config.clone())
    }

    /// The router whose network the device is in.
    pub fn device_router(&self) -> Option<usize> {
        self.state.borrow().routers.iter().position(|router| router.has_device)
    }

    /// When a network came, went, or got or lost the device.
    pub fn changed(&self) -> Instant {
        self.state.borrow().changed
    }

    /// A host joins the device's own network. False if there is none.
    pub fn join_own(&self, card: Card) -> bool {
        let mut state = self.state.borrow_mut();
        let Some(own) = &mut state.own else { return false };
        own.clients.insert(card, None);
        state.tell_clients();
        self.air.set_place(card, Some(Place::Own));
        true
    }

    /// A host leaves the device's own network, in order.
    pub fn leave_own(&self, card: Card) {
        let mut state = self.state.borrow_mut();
        if state.own.as_mut().is_some_and(|own| own.clients.remove(&card).is_some()) {
            state.tell_clients();
        }
        self.air.set_place(card, None);
    }

    /// A host is out of reach without a word; the device's radio misses it after a while.
    pub fn vanish_from_own(&self, card: Card, missed_after: Duration) {
        if let Some(own) = &mut self.state.borrow_mut().own
            && let Some(missed) = own.clients.get_mut(&card)
        {
            *missed = Some(Instant::now() + missed_after);
        }
        self.air.vanish(card);
    }

    /// The device's power is cut: nothing of it is on the air any more, and nobody is told.
    pub fn device_gone(&self) {
        let mut state = self.state.borrow_mut();
        self.end_own(&mut state);
        state.changed = Instant::now();
        state.events = None;
        for router in &mut state.routers {
            if std::mem::take(&mut router.has_device) {
                router.remembers_until = Instant::now() + Duration::from_secs(REMEMBERED_S);
            }
        }
    }

    fn end_own(&self, state: &mut State) {
        state.changed = Instant::now();
        if let Some(own) = state.own.take() {
            own.clients.into_keys().for_each(|card| self.air.set_place(card, None));
        }
    }

    fn begin_own(&self, config: ApConfig) {
        let mut state = self.state.borrow_mut();
        self.end_own(&mut state);
        state.changed = Instant::now();
        state.own = Some(Own { config, clients: BTreeMap::new() });
    }

    /// The device's radio has changed its channel, which its clients may not follow.
    fn drop_clients(&self) {
        let mut state = self.state.borrow_mut();
        if let Some(own) = &mut state.own
            && !own.clients.is_empty()
        {
            std::mem::take(&mut own.clients).into_keys().for_each(|card| self.air.set_place(card, None));
            state.tell_clients();
        }
    }

    /// The device's radio misses clients that have gone.
    fn miss_clients(&self) {
        let mut state = self.state.borrow_mut();
        if let Some(own) = &mut state.own {
            let before = own.clients.len();
            own.clients.retain(|_, missed| missed.is_none_or(|missed| missed > Instant::now()));
            if own.clients.len() != before {
                state.tell_clients();
            }
        }
    }

    /// What a scan hears.
    fn heard(&self) -> Vec<ScanResult> {
        let state = self.state.borrow();
        let on_air = state.routers.iter().filter(|router| router.is_up);
        let heard = on_air.filter_map(|router| {
            let security = if router.config.password.is_some() { Security::Password } else { Security::Open };
            let ssid = Ssid::try_from(router.config.ssid.as_str()).ok()?;
            Some(ScanResult { ssid, rssi_dbm: router.config.rssi_dbm, security })
        });
        heard.collect()
    }

    /// The strongest network of this name.
    fn find(&self, ssid: &str) -> Option<usize> {
        let state = self.state.borrow();
        let named = state.routers.iter().enumerate().filter(|(_, router)| router.is_up && router.config.ssid == ssid);
        named.max_by_key(|(_, router)| router.config.rssi_dbm).map(|(number, _)| number)
    }

    /// What a router answers to the device that wants to join.
    fn admit(&self, number: usize, password: &str) -> Result<(), JoinError> {
        let mut state = self.state.borrow_mut();
        state.changed = Instant::now();
        let router = &mut state.routers[number];
        if !router.is_up {
            return Err(JoinError::TimedOut);
        }
        if router.config.password.as_deref().unwrap_or_default() != password {
            return Err(JoinError::WrongPassword);
        }
        if router.config.is_jealous && Instant::now() < router.remembers_until {
            // Being asked again reminds it.
            router.remembers_until = Instant::now() + Duration::from_secs(REMEMBERED_S);
            return Err(JoinError::Refused);
        }
        router.has_device = true;
        Ok(())
    }

    /// The device has left a router's network and said so, or has lost it.
    fn part(&self, number: usize) {
        let mut state = self.state.borrow_mut();
        state.changed = Instant::now();
        state.routers[number].has_device = false;
    }
}

impl State {
    fn tell_clients(&self) {
        if let (Some(own), Some(events)) = (&self.own, &self.events) {
            events.push(Event::ApClients(own.clients.len() as u8));
        }
    }
}
