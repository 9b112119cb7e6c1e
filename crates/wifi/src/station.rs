//! The station's states: joining, staying, and trying a network before it is stored.

use core::net::Ipv4Addr;

use sockeye_backoff::Backoff;

use crate::limits::{
    ADDRESS_TIMEOUT_MS, AP_CLIENT_PAUSE_MS, JOIN_PAUSES, JOIN_TIMEOUT_MS, LEAVE_DELAY_MS, LEAVE_TIMEOUT_MS,
    SPARED_ROUNDS_MAX, STEADY_MS,
};
use crate::machine::{Failure, LastFailure, MachineInput, RadioCommand, Trial, Wifi};
use crate::radio::JoinError;

/// The station's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StationState {
    /// Nothing: no network is stored.
    Off,
    /// Listening which of the stored networks are here.
    Choosing,
    /// Joining a stored network.
    Joining,
    /// In a stored network, waiting for an address.
    WaitingForDhcp,
    /// In a stored network, with an address.
    Online,
    /// Waiting until the next round of tries.
    Pausing,
    /// In a network that it is about to leave: replies go first.
    LeaveDelay,
    /// Leaving.
    Leaving,
    /// Joining the staged network.
    Trying,
    /// In the staged network, waiting for an address.
    TryWaitingForDhcp,
    /// In the staged network, waiting for WIFI CONFIRM.
    AwaitingConfirm,
}

impl StationState {
    /// As INFO and WIFI STATUS show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Choosing => "choosing",
            Self::Joining => "joining",
            Self::WaitingForDhcp => "waiting-for-dhcp",
            Self::Online => "online",
            Self::Pausing => "pausing",
            Self::LeaveDelay => "leave-delay",
            Self::Leaving => "leaving",
            Self::Trying => "trying",
            Self::TryWaitingForDhcp => "try-waiting-for-dhcp",
            Self::AwaitingConfirm => "awaiting-confirm",
        }
    }

    /// Whether the station is in a network.
    pub(crate) const fn is_in_network(self) -> bool {
        use StationState::{AwaitingConfirm, LeaveDelay, Online, TryWaitingForDhcp, WaitingForDhcp};
        matches!(self, WaitingForDhcp | Online | LeaveDelay | TryWaitingForDhcp | AwaitingConfirm)
    }

    /// Whether the radio is free for a scan.
    pub(crate) const fn can_scan(self) -> bool {
        matches!(self, Self::Off | Self::Choosing | Self::Pausing | Self::Online | Self::AwaitingConfirm)
    }
}

/// The inputs of the station's state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The station is in the network.
    Joined,
    /// The station could not join.
    JoinFailed(JoinError),
    /// The station is in no network any more.
    Left,
    /// The station has this address.
    Address(Ipv4Addr),
    /// The station has no address any more.
    AddressLost,
    /// A scan is over, whatever it heard.
    Scanned,
    /// The state's time is over.
    Timer,
    /// WIFI TRY, of what is staged.
    Try {
        /// Seconds in which it must be confirmed.
        confirm_s: u16,
    },
    /// WIFI ABORT.
    Abort,
    /// The network on trial is among the stored networks now.
    Confirmed,
    /// The stored networks are others now.
    NetworksChanged,
}

impl Wifi {
    /// One step: the table of states. An input that isn't here changes nothing.
    pub(crate) fn step(&mut self, input: Input, env: &MachineInput<'_>) {
        use StationState::{
            AwaitingConfirm, Choosing, Joining, LeaveDelay, Leaving, Off, Online, Pausing, TryWaitingForDhcp, Trying,
            WaitingForDhcp,
        };
        match (self.state, input) {
            // A stored network.
            (Choosing, Input::Scanned) => self.chosen(env),
            (Joining, Input::Joined) => self.enter(WaitingForDhcp, Some(ADDRESS_TIMEOUT_MS), env),
            (Joining, Input::JoinFailed(error)) => {
                self.miss(Failure::Join(error), env);
                self.next(env);
            }
            (Joining, Input::Timer) => {
                self.miss(Failure::Join(JoinError::TimedOut), env);
                self.leave(env);
            }
            (WaitingForDhcp | Online, Input::Address(address)) => self.online(address, env),
            (WaitingForDhcp, Input::Timer) => {
                self.miss(Failure::NoAddress, env);
                self.leave(env);
            }
            (Joining | WaitingForDhcp, Input::Left) => {
                self.miss(Failure::Dropped, env);
                self.next(env);
            }
            (Online, Input::AddressLost) => {
                self.end_stay(env);
                self.enter(WaitingForDhcp, Some(ADDRESS_TIMEOUT_MS), env);
            }
            (Online, Input::Left) => {
                self.end_stay(env);
                self.miss(Failure::Dropped, env);
                self.pause(env);
            }
            (Pausing, Input::Timer) => self.try_candidates(env),

            // On the way out.
            (LeaveDelay, Input::Timer) => self.leave(env),
            (LeaveDelay | Leaving, Input::Left) | (Leaving, Input::Timer) => self.next(env),

            // A network before it is stored.
            (_, Input::Try { confirm_s }) => self.begin_trial(confirm_s, env),
            (Trying, Input::Joined) => self.enter(TryWaitingForDhcp, Some(ADDRESS_TIMEOUT_MS), env),
            (Trying, Input::JoinFailed(error)) => {
                self.end_trial(Failure::Join(error), env);
                self.next(env);
            }
            (Trying, Input::Timer) => {
                self.end_trial(Failure::Join(JoinError::TimedOut), env);
                self.leave(env);
            }
            (TryWaitingForDhcp | AwaitingConfirm, Input::Address(address)) => self.prove(address, env),
            (TryWaitingForDhcp, Input::Timer) => {
                self.end_trial(Failure::NoAddress, env);
                self.leave(env);
            }
            (AwaitingConfirm, Input::AddressLost) => self.enter(TryWaitingForDhcp, Some(ADDRESS_TIMEOUT_MS), env),
            (Trying | TryWaitingForDhcp | AwaitingConfirm, Input::Left) => {
                self.end_trial(Failure::Dropped, env);
                self.next(env);
            }
            (AwaitingConfirm, Input::Timer) if self.is_confirming() => self.grant(env),
            (AwaitingConfirm, Input::Timer) => {
                self.end_trial(Failure::NotConfirmed, env);
                self.leave(env);
            }
            (Trying | TryWaitingForDhcp, Input::Abort) => {
                self.end_trial(Failure::Aborted, env);
                self.leave(env);
            }
            (AwaitingConfirm, Input::Abort) => {
                self.end_trial(Failure::Aborted, env);
                self.enter(LeaveDelay, Some(LEAVE_DELAY_MS), env);
            }
            (_, Input::Abort) => self.end_trial(Failure::Aborted, env),
            (AwaitingConfirm, Input::Confirmed) => self.kept(env),
            (_, Input::Confirmed) => self.forget_trial(),

            // Other networks.
            (Off | Pausing, Input::NetworksChanged) => {
                self.backoff.reset();
                self.try_candidates(env);
            }
            (Joining | WaitingForDhcp, Input::NetworksChanged) if !self.is_stored(env) => {
                self.retry_now = true;
                self.leave(env);
            }
            (Online, Input::NetworksChanged) if !self.is_stored(env) => {
                self.retry_now = true;
                self.enter(LeaveDelay, Some(LEAVE_DELAY_MS), env);
            }
            // Indexes of this round are those of the networks before.
            (_, Input::NetworksChanged) => self.candidates.clear(),

            _ => (),
        }
    }

    /// When the state ends by itself. A pause is longer while a client is in the access point.
    pub(crate) fn state_until_ms(&self) -> Option<u64> {
        let until_ms = self.until_ms?;
        let is_disturbing = self.state == StationState::Pausing && self.ap.clients > 0;
        Some(if is_disturbing { until_ms.max(self.since_ms + AP_CLIENT_PAUSE_MS) } else { until_ms })
    }

    /// The network that is tried is being stored.
    pub fn is_confirming(&self) -> bool {
        self.trial.is_some_and(|trial| trial.is_confirming)
    }

    fn enter(&mut self, state: StationState, after_ms: Option<u64>, env: &MachineInput<'_>) {
        if self.state == StationState::Online && state != StationState::Online {
            self.offline_ms = env.now_ms;
        }
        if !matches!(state, StationState::Online | StationState::AwaitingConfirm | StationState::LeaveDelay) {
            self.address = None;
        }
        self.state = state;
        self.since_ms = env.now_ms;
        self.until_ms = after_ms.map(|after_ms| env.now_ms + after_ms);
    }

    fn is_stored(&self, env: &MachineInput<'_>) -> bool {
        env.settings.networks.iter().any(|network| network.ssid == self.ssid)
    }

    /// Goes on with whatever is next while the station is in no network.
    fn next(&mut self, env: &MachineInput<'_>) {
        let networks = &env.settings.networks;
        if self.trial.is_some() {
            // A radio can't join while it listens.
            if self.is_scanning() {
                return self.enter(StationState::Choosing, None, env);
            }
            self.ssid = self.staged.as_ref().map(|staged| staged.ssid.clone()).unwrap_or_default();
            return self.join(StationState::Trying, env);
        }
        if networks.is_empty() {
            self.ssid.clear();
            return self.enter(StationState::Off, None, env);
        }
        if self.retry_now {
            return self.try_candidates(env);
        }
        if self.is_scanning() || self.is_scan_wanted() {
            return self.enter(StationState::Choosing, None, env);
        }
        match self.candidates.pop().and_then(|index| networks.get(usize::from(index))) {
            Some(network) => {
                self.ssid = network.ssid.clone();
                self.join(StationState::Joining, env);
            }
            None => {
                self.retries = self.retries.saturating_add(1);
                self.pause(env);
            }
        }
    }

    /// Tries all stored networks, the strongest first; where there is one only, no matter who is heard.
    fn try_candidates(&mut self, env: &MachineInput<'_>) {
        self.retry_now = false;
        self.is_sparing = self.restarts_ap && self.ap.clients > 0 && self.spared_rounds < SPARED_ROUNDS_MAX;
        self.rank(env);
        if self.is_sparing && !self.candidates.is_empty() {
            self.spared_rounds += 1;
            return self.next(env);
        }
        (self.is_sparing, self.spared_rounds) = (false, 0);
        self.rank(env);
        if env.settings.networks.len() > 1 {
            self.begin_scan();
        }
        self.next(env);
    }

    /// Puts the networks to try in order; while a client is spared, only the one that the driver is configured for.
    fn rank(&mut self, env: &MachineInput<'_>) {
        let networks = env.settings.networks;
        self.candidates = self.scan.rank(networks);
        if self.is_sparing {
            let configured = &self.configured;
            let is_configured = |index: &u8| networks.get(usize::from(*index)).is_some_and(|it| it.ssid == *configured);
            self.candidates.retain(is_configured);
        }
    }

    /// The network on trial is being stored. So the trial has a little longer, but only once, because the store may
    /// never finish.
    fn grant(&mut self, env: &MachineInput<'_>) {
        if let Some(trial) = &mut self.trial {
            trial.is_confirming = false;
        }
        self.until_ms = Some(env.now_ms + LEAVE_TIMEOUT_MS);
    }

    fn chosen(&mut self, env: &MachineInput<'_>) {
        self.retry_now = false;
        if self.trial.is_none() {
            self.rank(env);
        }
        self.next(env);
    }

    fn join(&mut self, state: StationState, env: &MachineInput<'_>) {
        self.queue(RadioCommand::Join);
        self.configured = self.ssid.clone();
        self.enter(state, Some(JOIN_TIMEOUT_MS), env);
    }

    fn leave(&mut self, env: &MachineInput<'_>) {
        self.queue(RadioCommand::Leave);
        self.enter(StationState::Leaving, Some(LEAVE_TIMEOUT_MS), env);
    }

    /// The station is no longer online. After a steady stay the next pause is short.
    fn end_stay(&mut self, env: &MachineInput<'_>) {
        if env.now_ms - self.since_ms >= STEADY_MS {
            self.backoff.reset();
        }
    }

    fn pause(&mut self, env: &MachineInput<'_>) {
        let pause_ms = join_pause_ms(&mut self.backoff, 0, env.random);
        self.enter(StationState::Pausing, Some(pause_ms), env);
    }

    fn online(&mut self, address: Ipv4Addr, env: &MachineInput<'_>) {
        self.address = Some(address);
        if self.state != StationState::Online {
            self.retries = 0;
            self.candidates.clear();
            self.enter(StationState::Online, None, env);
        }
    }

    fn miss(&mut self, failure: Failure, env: &MachineInput<'_>) {
        self.last_failure = Some(LastFailure { failure, ssid: self.ssid.clone(), at_ms: env.now_ms });
    }

    fn begin_trial(&mut self, confirm_s: u16, env: &MachineInput<'_>) {
        self.trials = self.trials.wrapping_add(1);
        self.trial_failure = None;
        self.trial = Some(Trial { confirm_s, until_ms: None, is_confirming: false });
        match self.state {
            // The reply goes first, because the access point restarts when the station joins.
            StationState::Off | StationState::Pausing if self.restarts_ap && self.ap.is_up() => {
                self.enter(StationState::LeaveDelay, Some(LEAVE_DELAY_MS), env);
            }
            StationState::Off | StationState::Pausing => self.next(env),
            StationState::Joining | StationState::WaitingForDhcp => self.leave(env),
            StationState::Online => self.enter(StationState::LeaveDelay, Some(LEAVE_DELAY_MS), env),
            // A scan or leaving is over soon, and then the trial is next.
            _ => (),
        }
    }

    fn prove(&mut self, address: Ipv4Addr, env: &MachineInput<'_>) {
        self.address = Some(address);
        let Some(trial) = &mut self.trial else {
            return;
        };
        let until_ms = *trial.until_ms.get_or_insert(env.now_ms + u64::from(trial.confirm_s) * 1_000);
        if self.state != StationState::AwaitingConfirm {
            self.enter(StationState::AwaitingConfirm, None, env);
            self.until_ms = Some(until_ms);
        }
    }

    /// The trial failed: what was stored is joined again, at once.
    fn end_trial(&mut self, failure: Failure, env: &MachineInput<'_>) {
        if self.trial.take().is_none() {
            return;
        }
        self.trial_failure = Some(failure);
        if let Some(staged) = &self.staged {
            self.last_failure = Some(LastFailure { failure, ssid: staged.ssid.clone(), at_ms: env.now_ms });
        }
        self.backoff.reset();
        self.retry_now = true;
    }

    fn forget_trial(&mut self) {
        self.trial = None;
        self.staged = None;
    }

    fn kept(&mut self, env: &MachineInput<'_>) {
        self.forget_trial();
        self.retries = 0;
        self.candidates.clear();
        self.enter(StationState::Online, None, env);
    }
}

/// How long to wait after `stay_ms` in a network, milliseconds; `stay_ms` is 0 if joining failed. A stay of
/// [`STEADY_MS`] makes pauses short again. `random` is any number.
pub(crate) fn join_pause_ms(backoff: &mut Backoff, stay_ms: u64, random: u32) -> u64 {
    if stay_ms >= STEADY_MS {
        backoff.reset();
    }
    backoff.next_ms(&JOIN_PAUSES, random).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_steady_stay_makes_pauses_short_again() {
        let mut backoff = Backoff::new();
        let pauses = [0, 0, STEADY_MS - 1, STEADY_MS, 0].map(|stay_ms| join_pause_ms(&mut backoff, stay_ms, 0));
        assert_eq!(pauses, [1_000, 2_000, 4_000, 1_000, 2_000]);
    }
}
