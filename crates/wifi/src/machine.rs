//! The state machine: from what happened so far to what the radio is to do.
//!
//! `station` has the station's states, a line for each transition, and `ap` the access point's. This file is what both
//! work with: commands for the radio, scans, time. docs/wifi.md has the states as a table, made by running the machine.

use core::fmt;
use core::net::Ipv4Addr;

use heapless::{Deque, Vec};
use sockeye_backoff::Backoff;

use crate::ap::{Ap, ap_config};
use crate::credentials::{Network, Ssid};
use crate::limits::{COMMANDS_MAX, NETWORKS_MAX, SCAN_TIMEOUT_MS};
use crate::radio::{Action, Event, Join, JoinError, cut};
use crate::scan_results::Scan;
use crate::station::{Input, StationState};
use crate::wifi_settings::WifiSettings;

/// The inputs of the state machine at each call, besides its state.
#[derive(Debug, Clone, Copy)]
pub struct MachineInput<'a> {
    /// Milliseconds since boot.
    pub now_ms: u64,
    /// Any number; jitter is made of it.
    pub random: u32,
    /// The settings in force.
    pub settings: WifiSettings<'a>,
}

/// A command for the radio, without its arguments: they are looked up when the radio takes it, see
/// [`Wifi::next_action`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RadioCommand {
    Configure,
    StartAp,
    StopAp,
    Join,
    Leave,
    Scan,
}

/// Why the station is not in a network that it was in, or that it tried to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The station could not join.
    Join(JoinError),
    /// The station got no address within [`ADDRESS_TIMEOUT_MS`](crate::limits::ADDRESS_TIMEOUT_MS).
    NoAddress,
    /// The station dropped out of the network.
    Dropped,
    /// WIFI CONFIRM did not come in time.
    NotConfirmed,
    /// WIFI ABORT ended the trial.
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

/// The last failure.
#[derive(Debug)]
pub struct LastFailure {
    /// The failure.
    pub failure: Failure,
    /// The network.
    pub ssid: Ssid,
    /// When, milliseconds since boot.
    pub at_ms: u64,
}

/// A network that is tried before it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Seconds in which it must be confirmed, counted from the station's address.
    pub confirm_s: u16,
    /// When it must be confirmed, milliseconds since boot; None until the station has an address.
    pub until_ms: Option<u64>,
    /// The network is being stored: the trial can't end meanwhile.
    pub is_confirming: bool,
}

/// The state machine of the device's Wi-Fi. At most [`WIFI_SIZE_MAX`](crate::limits::WIFI_SIZE_MAX) bytes on a 32-bit
/// chip.
#[derive(Debug)]
pub struct Wifi {
    /// There is a radio, and [`run`](crate::run()) drives it.
    pub has_radio: bool,
    /// The radio restarts the access point, and so drops its clients, when the station joins another network.
    pub restarts_ap: bool,
    /// The station's state.
    pub state: StationState,
    /// Since when the station is in this state, milliseconds since boot.
    pub(crate) since_ms: u64,
    /// When the state ends by itself, milliseconds since boot; None if it doesn't.
    pub(crate) until_ms: Option<u64>,
    /// Since when the station is not online, milliseconds since boot.
    pub(crate) offline_ms: u64,
    /// The network that the state is about; empty if it is about none.
    pub ssid: Ssid,
    /// The station's address; None while it has none.
    pub address: Option<Ipv4Addr>,
    /// Indexes of the stored networks that are yet to be tried before the next pause, the next at the end.
    pub(crate) candidates: Vec<u8, NETWORKS_MAX, u8>,
    /// Only the network that the driver is configured for is tried, for the sake of a client in the access point.
    pub(crate) is_sparing: bool,
    /// Rounds of tries since all networks were tried.
    pub(crate) spared_rounds: u8,
    /// The network that the station joined last, or tried to: the driver is configured for it.
    pub(crate) configured: Ssid,
    /// All stored networks are tried at once, without a pause before.
    pub(crate) retry_now: bool,
    pub(crate) backoff: Backoff,
    /// How often all stored networks were tried in vain since the station was online.
    pub retries: u16,
    /// The last failure since boot; None if there was none.
    pub last_failure: Option<LastFailure>,

    /// The network that CONFIG SET staged and WIFI TRY tries; None if none is staged.
    pub staged: Option<Network>,
    /// The trial that runs; None while there is none.
    pub trial: Option<Trial>,
    /// Trials since boot; it may wrap.
    pub trials: u16,
    /// Why the last trial failed; None if it didn't.
    pub trial_failure: Option<Failure>,

    /// The results of the last scan.
    pub scan: Scan,
    is_scan_wanted: bool,
    /// When the scan that runs is given up, milliseconds since boot; None while none runs.
    scanning_until_ms: Option<u64>,
    /// Scans since boot that ended; it may wrap.
    pub scans: u16,
    /// The last scan failed.
    pub is_scan_failed: bool,

    /// The access point.
    pub ap: Ap,
    commands: Deque<RadioCommand, COMMANDS_MAX>,
}

#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Wifi>() <= crate::limits::WIFI_SIZE_MAX);

impl Wifi {
    /// Memory for a state machine, and not one that works: all of it is zero, so that a static of it takes no flash.
    /// `None` is not zero where another value of the type has room for it.
    pub const ZERO: Self = Self::with(
        Some(LastFailure { failure: Failure::Join(JoinError::NotFound), ssid: Ssid::new(), at_ms: 0 }),
        Some(Network::ZERO),
        Some(Trial { confirm_s: 0, until_ms: None, is_confirming: false }),
        Some(Failure::Join(JoinError::NotFound)),
    );

    /// No radio yet, and nothing has happened.
    #[expect(clippy::new_without_default, reason = "it is for constants")]
    pub const fn new() -> Self {
        Self::with(None, None, None, None)
    }

    const fn with(
        last_failure: Option<LastFailure>,
        staged: Option<Network>,
        trial: Option<Trial>,
        trial_failure: Option<Failure>,
    ) -> Self {
        Self {
            has_radio: false,
            restarts_ap: false,
            state: StationState::Off,
            since_ms: 0,
            until_ms: None,
            offline_ms: 0,
            ssid: Ssid::new(),
            address: None,
            candidates: Vec::new(),
            is_sparing: false,
            spared_rounds: 0,
            configured: Ssid::new(),
            retry_now: false,
            backoff: Backoff::new(),
            retries: 0,
            last_failure,
            staged,
            trial,
            trials: 0,
            trial_failure,
            scan: Scan::new(),
            is_scan_wanted: false,
            scanning_until_ms: None,
            scans: 0,
            is_scan_failed: false,
            ap: Ap::new(),
            commands: Deque::new(),
        }
    }

    /// Begins: there is a radio. `restarts_ap` is what [`Radio::restarts_ap`](crate::Radio::restarts_ap) returns.
    pub fn start(&mut self, restarts_ap: bool, env: &MachineInput<'_>) {
        (self.has_radio, self.restarts_ap) = (true, restarts_ap);
        self.offline_ms = env.now_ms;
        self.queue(RadioCommand::Configure);
        self.step(Input::NetworksChanged, env);
        self.settle(env);
    }

    /// The radio reports an event.
    pub fn event(&mut self, event: Event, env: &MachineInput<'_>) {
        match event {
            Event::Joined => self.step(Input::Joined, env),
            Event::JoinFailed(error) => self.step(Input::JoinFailed(error), env),
            Event::Left => self.step(Input::Left, env),
            Event::Address(address) => self.step(Input::Address(address), env),
            Event::AddressLost => self.step(Input::AddressLost, env),
            Event::ApStarted | Event::ApStopped | Event::ApFailed | Event::ApClients(_) => self.ap_event(&event, env),
            Event::ScanResult(heard) if self.is_scanning() => self.scan.add(heard),
            Event::ScanDone | Event::ScanFailed if self.is_scanning() => self.scanned(event == Event::ScanDone, env),
            Event::ScanResult(_) | Event::ScanDone | Event::ScanFailed => (),
        }
        self.settle(env);
    }

    /// Time has passed.
    pub fn tick(&mut self, env: &MachineInput<'_>) {
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
    pub fn request_scan(&mut self, env: &MachineInput<'_>) {
        self.is_scan_wanted |= !self.is_scanning();
        self.settle(env);
    }

    /// A client's command moves the station.
    pub fn command(&mut self, input: Input, env: &MachineInput<'_>) {
        self.step(input, env);
        self.settle(env);
    }

    /// The settings have changed from `old` to those of `env`.
    pub fn settings_changed(&mut self, old: &WifiSettings<'_>, env: &MachineInput<'_>) {
        let new = &env.settings;
        if old.radio != new.radio {
            self.queue(RadioCommand::Configure);
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
    pub fn next_ms(&self, env: &MachineInput<'_>) -> Option<u64> {
        let all = [self.state_until_ms(), self.scanning_until_ms, self.ap_next_ms(env)];
        all.into_iter().flatten().min()
    }

    /// The radio's next action; None if there is none.
    pub fn next_action(&mut self, env: &MachineInput<'_>) -> Option<Action> {
        while let Some(command) = self.take_command() {
            match self.action(command, env) {
                Some(action) => return Some(action),
                // The network to join has been forgotten since.
                None => self.event(Event::JoinFailed(JoinError::Other), env),
            }
        }
        None
    }

    pub(crate) fn take_command(&mut self) -> Option<RadioCommand> {
        self.commands.pop_front()
    }

    /// The action that a command is, with its arguments; None if the network to join is stored no more.
    fn action(&self, command: RadioCommand, env: &MachineInput<'_>) -> Option<Action> {
        let settings = &env.settings;
        Some(match command {
            RadioCommand::Configure => Action::Configure(settings.radio),
            RadioCommand::StartAp => Action::StartAp(ap_config(settings)),
            RadioCommand::StopAp => Action::StopAp,
            RadioCommand::Join => {
                let stored = || settings.networks.iter().find(|network| network.ssid == self.ssid);
                let network = if self.state == StationState::Trying { self.staged.as_ref() } else { stored() };
                Action::Join(Join { network: network?.clone(), host_name: cut(settings.name) })
            }
            RadioCommand::Leave => Action::Leave,
            RadioCommand::Scan => Action::Scan,
        })
    }

    /// Queues a command for the radio. Each command has an outcome or a time-out before the next of its kind, so there
    /// is room. Without room the command is dropped, and its time-out follows.
    pub(crate) fn queue(&mut self, command: RadioCommand) {
        let _ = self.commands.push_back(command);
    }

    pub(crate) fn is_scanning(&self) -> bool {
        self.scanning_until_ms.is_some()
    }

    /// Scans as soon as the radio is free.
    pub(crate) fn begin_scan(&mut self) {
        self.is_scan_wanted |= !self.is_scanning();
    }

    pub(crate) fn is_scan_wanted(&self) -> bool {
        self.is_scan_wanted
    }

    fn scanned(&mut self, is_done: bool, env: &MachineInput<'_>) {
        self.scanning_until_ms = None;
        self.scans = self.scans.wrapping_add(1);
        self.is_scan_failed = !is_done;
        self.step(Input::Scanned, env);
    }

    /// Does what follows from the state whatever led there: a scan that waits for the radio, and the access point.
    fn settle(&mut self, env: &MachineInput<'_>) {
        if !self.has_radio {
            return;
        }
        if self.is_scan_wanted && !self.is_scanning() && self.state.can_scan() {
            self.is_scan_wanted = false;
            self.scan.clear();
            self.scanning_until_ms = Some(env.now_ms + SCAN_TIMEOUT_MS);
            self.queue(RadioCommand::Scan);
        }
        self.ap_settle(env);
    }
}
