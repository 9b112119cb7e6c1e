//! The access point: when it is on the air.

use crate::limits::{AP_AFTER_MS, AP_HOLD_MS, AP_LINGER_MS, AP_RETRY_MS, AP_TIMEOUT_MS, LEAVE_DELAY_MS};
use crate::machine::{MachineInput, RadioCommand, Wifi};
use crate::radio::{ApConfig, ApSecurity, Event, cut};
use crate::station::StationState;
use crate::wifi_settings::WifiSettings;

/// The access point's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApState {
    /// Off the air.
    Off,
    /// The radio was ordered to start it.
    Starting,
    /// On the air.
    On,
    /// The radio was ordered to stop it.
    Stopping,
}

/// The access point.
#[derive(Debug)]
pub struct Ap {
    /// Its state.
    pub state: ApState,
    /// When starting or stopping is given up, or when it may start again after a failure; milliseconds since boot.
    until_ms: u64,
    /// When it restarts with what was configured, milliseconds since boot: replies go first. None if nothing was.
    restart_ms: Option<u64>,
    /// How many clients are in it.
    pub clients: u8,
}

impl Ap {
    pub(crate) const fn new() -> Self {
        Self { state: ApState::Off, until_ms: 0, restart_ms: None, clients: 0 }
    }

    /// Whether it is on the air, or about to be.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, ApState::Starting | ApState::On)
    }

    fn off(&mut self, again_ms: u64) {
        (self.state, self.until_ms, self.clients) = (ApState::Off, again_ms, 0);
    }
}

impl Wifi {
    pub(crate) fn ap_event(&mut self, event: &Event, env: &MachineInput<'_>) {
        match (event, self.ap.state) {
            (Event::ApStarted, ApState::Starting) => self.ap.state = ApState::On,
            (Event::ApStopped, ApState::Stopping) => self.ap.off(env.now_ms),
            (Event::ApFailed, ApState::Starting | ApState::On) => self.ap.off(env.now_ms + AP_RETRY_MS),
            (Event::ApFailed, ApState::Stopping) => self.ap.off(env.now_ms),
            (Event::ApClients(clients), ApState::Starting | ApState::On) => self.ap.clients = *clients,
            _ => (),
        }
    }

    /// The access point's configuration has changed.
    pub(crate) fn ap_changed(&mut self, env: &MachineInput<'_>) {
        self.ap.restart_ms = Some(env.now_ms + LEAVE_DELAY_MS);
    }

    pub(crate) fn ap_tick(&mut self, env: &MachineInput<'_>) {
        if self.ap.until_ms > env.now_ms {
            return;
        }
        match self.ap.state {
            ApState::Starting => self.ap.off(env.now_ms),
            ApState::Stopping => self.ap.off(env.now_ms),
            ApState::Off | ApState::On => (),
        }
    }

    /// Puts it on the air or off it, as is wanted now.
    pub(crate) fn ap_settle(&mut self, env: &MachineInput<'_>) {
        let is_due = |at_ms: u64| at_ms <= env.now_ms;
        let is_wanted = self.is_ap_wanted(env);
        match self.ap.state {
            ApState::Off if is_wanted && is_due(self.ap.until_ms) => self.start_ap(env),
            ApState::On if !is_wanted => {
                self.queue(RadioCommand::StopAp);
                (self.ap.state, self.ap.until_ms) = (ApState::Stopping, env.now_ms + AP_TIMEOUT_MS);
            }
            ApState::On if self.ap.restart_ms.is_some_and(is_due) => self.start_ap(env),
            _ => (),
        }
    }

    fn start_ap(&mut self, env: &MachineInput<'_>) {
        self.ap.restart_ms = None;
        self.queue(RadioCommand::StartAp);
        (self.ap.state, self.ap.until_ms) = (ApState::Starting, env.now_ms + AP_TIMEOUT_MS);
    }

    /// Whether it should be on the air.
    fn is_ap_wanted(&self, env: &MachineInput<'_>) -> bool {
        if env.settings.ap.is_always_on || env.settings.networks.is_empty() {
            return true;
        }
        match self.ap_turn_ms() {
            Some(turn_ms) if turn_ms <= env.now_ms => self.state != StationState::Online,
            _ => self.ap.is_up(),
        }
    }

    /// When it changes if the station doesn't: it comes after a while without a network, and goes after a while in one.
    fn ap_turn_ms(&self) -> Option<u64> {
        match (self.state, self.ap.is_up()) {
            (StationState::Online, true) if self.ap.clients > 0 => Some(self.since_ms + AP_LINGER_MS),
            (StationState::Online, true) => Some(self.since_ms + AP_HOLD_MS),
            (StationState::Online, false) => None,
            (_, true) => None,
            (_, false) => Some(self.offline_ms + AP_AFTER_MS),
        }
    }

    /// When [`ap_tick`](Self::ap_tick) or [`ap_settle`](Self::ap_settle) has something to do.
    pub(crate) fn ap_next_ms(&self, env: &MachineInput<'_>) -> Option<u64> {
        let ahead = |at_ms: &u64| *at_ms > env.now_ms;
        let turn_ms = self.ap_turn_ms().filter(ahead);
        match self.ap.state {
            ApState::Starting | ApState::Stopping => Some(self.ap.until_ms),
            ApState::Off if self.is_ap_wanted(env) => Some(self.ap.until_ms),
            ApState::Off => turn_ms,
            ApState::On => turn_ms.into_iter().chain(self.ap.restart_ms).min(),
        }
    }
}

/// The access point's configuration for the radio.
pub(crate) fn ap_config(settings: &WifiSettings<'_>) -> ApConfig {
    let ap = settings.ap;
    let security = match (ap.is_open, ap.passphrase.is_empty()) {
        (true, _) => ApSecurity::Open,
        (false, true) => ApSecurity::FactoryPassphrase,
        (false, false) => ApSecurity::Passphrase(ap.passphrase.clone()),
    };
    ApConfig { ssid: cut(settings.name), security, address: ap.address.address, prefix_len: ap.address.prefix_len }
}
