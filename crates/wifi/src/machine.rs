//! The state machine: what is wanted of the radio, from what happened so far.
//!
//! `station` has its states, one line for each transition, and `ap` the device's own network's. This file is what both
//! work with: orders, scans, time. docs/wifi.md has the states as a table, made by running the machine.

use core::fmt;
use core::net::Ipv4Addr;

use heapless::{Deque, Vec};

use crate::limits::{NETWORKS_MAX, ORDERS_MAX, SCAN_TIMEOUT_MS};
use crate::settings::Settings;
use crate::wifi::ap::Ap;
use crate::wifi::backoff::BackOff;
use crate::wifi::network::{Network, Ssid};
use crate::wifi::radio::{Event, JoinError};
use crate::wifi::scan::Scan;
use crate::wifi::station::{Input, State};

/// What the machine decides with, each time that it is asked.
pub(crate) struct Env<'a> {
    /// Since boot.
    pub(crate) now_ms: u64,
    /// Any number.
    pub(crate) random: u32,
    pub(crate) settings: &'a Settings,
}

/// What the radio is to do; what it takes to do it is looked up when it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Configure,
    StartAp,
    StopAp,
    Join,
    Leave,
    Scan,
}

/// Why the device is not in a network that it was in, or wanted to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Join(JoinError),
    NoAddress,
    Dropped,
    NotConfirmed,
    Aborted,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(error) => error.fmt(f),
            Self::NoAddress => f.write_str("the network gave no address"),
            Self::Dropped => f.write_str("the connection was lost"),
            Self::NotConfirmed => f.write_str("WIFI CONFIRM did not come in time"),
            Self::Aborted => f.write_str("WIFI ABORT"),
        }
    }
}

/// A failure, and what of.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) failure: Failure,
    pub(crate) ssid: Ssid,
    pub(crate) at_ms: u64,
}

/// A network that is tried before it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    /// Seconds in which it must be confirmed.
    pub(crate) confirm_s: u16,
    /// When it must be confirmed, once the device has an address.
    pub(crate) until_ms: Option<u64>,
    /// It is being stored: it can't be over meanwhile.
    pub(crate) is_confirming: bool,
}

/// The device's Wi-Fi.
pub(crate) struct Wifi {
    /// There is a radio, and it is being run.
    pub(crate) has_radio: bool,
    pub(crate) state: State,
    /// Since when it is in this state, milliseconds since boot.
    pub(crate) since_ms: u64,
    /// When the state ends by itself, milliseconds since boot.
    pub(crate) until_ms: Option<u64>,
    /// Since when the station is not online, milliseconds since boot.
    pub(crate) offline_ms: u64,
    /// The network that the state is about.
    pub(crate) ssid: Ssid,
    pub(crate) address: Option<Ipv4Addr>,
    /// The stored networks that are yet to be tried before the next pause, the next at the end.
    pub(crate) round: Vec<u8, NETWORKS_MAX, u8>,
    /// A new round begins at once: no pause was earned.
    pub(crate) is_fresh: bool,
    pub(crate) back_off: BackOff,
    /// Rounds that failed since the station was online.
    pub(crate) retries: u16,
    pub(crate) missed: Option<Missed>,

    pub(crate) staged: Option<Network>,
    pub(crate) trial: Option<Trial>,
    /// Trials since boot; it may wrap.
    pub(crate) trials: u16,
    /// Why the last trial failed, if it did.
    pub(crate) trial_failure: Option<Failure>,

    pub(crate) scan: Scan,
    is_scan_wanted: bool,
    /// When the scan that runs is given up, milliseconds since boot.
    scanning_until_ms: Option<u64>,
    /// Scans since boot that ended; it may wrap.
    pub(crate) scans: u16,
    pub(crate) is_scan_failed: bool,

    pub(crate) ap: Ap,
    orders: Deque<Order, ORDERS_MAX>,
}

impl Wifi {
    pub(crate) const fn new() -> Self {
        Self {
            has_radio: false,
            state: State::Off,
            since_ms: 0,
            until_ms: None,
            offline_ms: 0,
            ssid: Ssid::new(),
            address: None,
            round: Vec::new(),
            is_fresh: false,
            back_off: BackOff::new(),
            retries: 0,
            missed: None,
            staged: None,
            trial: None,
            trials: 0,
            trial_failure: None,
            scan: Scan::new(),
            is_scan_wanted: false,
            scanning_until_ms: None,
            scans: 0,
            is_scan_failed: false,
            ap: Ap::new(),
            orders: Deque::new(),
        }
    }

    /// There is a radio: begins.
    pub(crate) fn start(&mut self, env: &Env<'_>) {
        self.has_radio = true;
        self.offline_ms = env.now_ms;
        self.order(Order::Configure);
        self.step(Input::NetworksChanged, env);
        self.settle(env);
    }

    /// The radio tells something.
    pub(crate) fn event(&mut self, event: Event, env: &Env<'_>) {
        match event {
            Event::Joined => self.step(Input::Joined, env),
            Event::JoinFailed(error) => self.step(Input::JoinFailed(error), env),
            Event::Left => self.step(Input::Left, env),
            Event::Address(address) => self.step(Input::Address(address), env),
            Event::AddressLost => self.step(Input::AddressLost, env),
            Event::ApStarted | Event::ApStopped | Event::ApFailed | Event::ApClients(_) => self.ap_event(&event, env),
            Event::Heard(heard) if self.is_scanning() => self.scan.add(heard),
            Event::ScanDone | Event::ScanFailed if self.is_scanning() => self.scanned(event == Event::ScanDone, env),
            Event::Heard(_) | Event::ScanDone | Event::ScanFailed => (),
        }
        self.settle(env);
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, env: &Env<'_>) {
        let is_over = |until_ms: Option<u64>| until_ms.is_some_and(|until_ms| until_ms <= env.now_ms);
        if is_over(self.scanning_until_ms) {
            self.scanned(false, env);
        }
        if is_over(self.state_until_ms()) {
            self.step(Input::Timer, env);
        }
        self.ap_tick(env);
        self.settle(env);
    }

    /// A client asks for a scan.
    pub(crate) fn want_scan(&mut self, env: &Env<'_>) {
        self.is_scan_wanted |= !self.is_scanning();
        self.settle(env);
    }

    /// A client wants something of the station.
    pub(crate) fn command(&mut self, input: Input, env: &Env<'_>) {
        self.step(input, env);
        self.settle(env);
    }

    /// The settings are others now.
    pub(crate) fn settings_changed(&mut self, old: &Settings, env: &Env<'_>) {
        let new = env.settings;
        if old.radio != new.radio {
            self.order(Order::Configure);
        }
        if old.ap != new.ap || old.name != new.name {
            self.ap_changed(env);
        }
        if old.networks != new.networks {
            self.step(Input::NetworksChanged, env);
        }
        self.settle(env);
    }

    /// When [`tick`](Self::tick) has something to do, if nothing happens before; milliseconds since boot.
    pub(crate) fn next_ms(&self, env: &Env<'_>) -> Option<u64> {
        let all = [self.state_until_ms(), self.scanning_until_ms, self.ap_next_ms(env)];
        all.into_iter().flatten().min()
    }

    pub(crate) fn take_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Each order has an outcome or a time-out before the next of its kind, so there is room; and if there were none,
    /// a time-out would come of it.
    pub(crate) fn order(&mut self, order: Order) {
        let _ = self.orders.push_back(order);
    }

    pub(crate) fn is_scanning(&self) -> bool {
        self.scanning_until_ms.is_some()
    }

    /// Listens for networks as soon as the radio is free.
    pub(crate) fn begin_scan(&mut self) {
        self.is_scan_wanted |= !self.is_scanning();
    }

    pub(crate) fn is_scan_wanted(&self) -> bool {
        self.is_scan_wanted
    }

    fn scanned(&mut self, is_done: bool, env: &Env<'_>) {
        self.scanning_until_ms = None;
        self.scans = self.scans.wrapping_add(1);
        self.is_scan_failed = !is_done;
        self.step(Input::Scanned, env);
    }

    /// What follows from the state whatever led there: a scan that waits for the radio, and the own network.
    fn settle(&mut self, env: &Env<'_>) {
        if !self.has_radio {
            return;
        }
        if self.is_scan_wanted && !self.is_scanning() && self.state.can_scan() {
            self.is_scan_wanted = false;
            self.scan.clear();
            self.scanning_until_ms = Some(env.now_ms + SCAN_TIMEOUT_MS);
            self.order(Order::Scan);
        }
        self.ap_settle(env);
    }
}
