//! The state machine without a radio: time and events come from the test.

mod behaviour;
mod random;
mod table;

use core::net::Ipv4Addr;
use std::vec::Vec;

use crate::machine::{MachineInput, RadioCommand, Wifi};
use crate::station::{Input, StationState};
use crate::{ApSettings, Event, JoinError, Network, RadioConfig, ScanResult, Security, WifiSettings};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);
const NOT_FOUND: Event = Event::JoinFailed(JoinError::NotFound);

/// The machine with what it works with.
struct Rig {
    wifi: Wifi,
    settings: Settings,
    now_ms: u64,
    /// The orders, and their times.
    orders: Vec<(u64, RadioCommand)>,
}

/// Settings as their owner keeps them.
#[derive(Clone, Default)]
struct Settings {
    networks: Vec<Network>,
    ap: ApSettings,
}

impl Settings {
    fn borrow(&self) -> WifiSettings<'_> {
        WifiSettings { name: "sockeye", networks: &self.networks, ap: &self.ap, radio: RadioConfig::default() }
    }
}

fn networks(names: &[&str]) -> Vec<Network> {
    assert!(names.len() <= crate::limits::NETWORKS_MAX);
    names.iter().map(|name| Network::new(name.as_bytes()).unwrap()).collect()
}

fn heard(name: &str, rssi_dbm: i8) -> Event {
    Event::ScanResult(ScanResult { ssid: name.try_into().unwrap(), rssi_dbm, security: Security::Password })
}

impl Rig {
    /// A device that boots with these networks stored.
    fn boot(names: &[&str]) -> Self {
        let settings = Settings { networks: networks(names), ..Settings::default() };
        let mut rig = Self { wifi: Wifi::new(), settings, now_ms: 1_000, orders: Vec::new() };
        rig.wifi.staged = Some(Network::new(b"new").unwrap());
        rig.with(|wifi, env| wifi.start(false, env));
        assert_eq!(rig.orders.remove(0).1, RadioCommand::Configure);
        rig
    }

    fn with(&mut self, happen: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let env = MachineInput { now_ms: self.now_ms, random: 1 << 31, settings: self.settings.borrow() };
        happen(&mut self.wifi, &env);
        while let Some(order) = self.wifi.take_command() {
            self.orders.push((self.now_ms, order));
        }
    }

    fn event(&mut self, event: Event) {
        self.with(|wifi, env| wifi.event(event, env));
    }

    fn events<const N: usize>(&mut self, events: [Event; N]) {
        events.into_iter().for_each(|event| self.event(event));
    }

    fn command(&mut self, input: Input) {
        self.with(|wifi, env| wifi.command(input, env));
    }

    fn try_network(&mut self) {
        self.command(Input::Try { confirm_s: 60 });
    }

    /// The settings get these networks.
    fn store(&mut self, names: &[&str]) {
        let old = self.settings.clone();
        self.settings.networks = networks(names);
        self.with(|wifi, env| wifi.settings_changed(&old.borrow(), env));
    }

    /// Lets time pass, and wakes the machine when it is due.
    fn wait(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while let Some(next_ms) = self.next_ms().filter(|next_ms| *next_ms <= end_ms) {
            self.now_ms = next_ms.max(self.now_ms);
            self.with(|wifi, env| wifi.tick(env));
            assert!(self.next_ms() != Some(next_ms), "it would spin at {next_ms} in {:?}", self.wifi.state);
        }
        self.now_ms = end_ms;
    }

    fn next_ms(&self) -> Option<u64> {
        let env = MachineInput { now_ms: self.now_ms, random: 0, settings: self.settings.borrow() };
        self.wifi.next_ms(&env)
    }

    /// The orders since the last look.
    fn ordered(&mut self) -> Vec<RadioCommand> {
        self.orders.drain(..).map(|(_, order)| order).collect()
    }

    /// A device that is online in `home`.
    fn online() -> Self {
        let mut rig = Self::boot(&["home"]);
        rig.events([Event::Joined, Event::Address(ADDRESS)]);
        assert_eq!((rig.wifi.state, rig.ordered()), (StationState::Online, Vec::from([RadioCommand::Join])));
        rig
    }
}
