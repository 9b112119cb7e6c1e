//! The adapter's calls, with a driver that writes them down. How it fares with a driver that has faults is tested in
//! `crates/sim-radio` and in the simulation.

use core::cell::RefCell;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use embassy_futures::block_on;
use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;
use embassy_time::Instant;
use sockeye_boot::BuildSettings;

use super::static_network::{access_point, join_of, start_ap, stay_joined, stay_ms};
use super::*;
use crate::credentials::Ip;
use crate::limits::{AP_CLIENTS_MAX, JOINS_MAX};
use crate::radio::ScanResult;
use crate::radio::{RadioConfig, Security};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0xab, 0xcd];
const HOME: &str = "home";

/// A driver and a stack, in one.
#[derive(Default)]
struct Fake {
    calls: RefCell<Vec<String>>,
    is_connected: Cell<bool>,
    fails: Cell<bool>,
    /// Configurations with a network to join are refused.
    refuses_networks: Cell<bool>,
    restarts_ap: Cell<bool>,
    /// A configuration drops the station out of its network.
    drops_out: Cell<bool>,
    clients: Cell<Option<u8>>,
    pending: Pending,
    address: Cell<Option<Ipv4Addr>>,
    rssi_dbm: Cell<Option<i8>>,
}

struct Pending(Channel<NoopRawMutex, DriverEvent, DRIVER_EVENTS_MAX>);

impl Default for Pending {
    fn default() -> Self {
        Self(Channel::new())
    }
}

impl Fake {
    fn call(&self, call: impl ToString) -> Result<(), ()> {
        self.calls.borrow_mut().push(call.to_string());
        if self.fails.get() { Err(()) } else { Ok(()) }
    }

    /// The calls since the last look.
    fn calls(&self) -> Vec<String> {
        self.calls.take()
    }

    /// The driver has this event, and answers accordingly.
    fn happen(&self, event: DriverEvent) {
        match event {
            DriverEvent::Connected => self.is_connected.set(true),
            DriverEvent::Disconnected(_) => self.is_connected.set(false),
            _ => {}
        }
        self.pending.0.try_send(event).unwrap();
    }

    async fn called(&self, call: &str) {
        while !self.calls.borrow().iter().any(|called| called == call) {
            yield_now().await;
        }
        self.calls.take();
    }
}

impl RadioDriver for &Fake {
    type Error = ();

    fn restarts_ap(&self) -> bool {
        self.restarts_ap.get()
    }

    fn configure(&mut self, own: Option<&AccessPoint>, joined: Option<&Joined>) -> Result<(), ()> {
        if self.drops_out.get() {
            self.happen(DriverEvent::Disconnected(LEFT_BY_STATION));
        }
        let own = own.map(|own| format!("own {} {:?}", own.ssid, own.passphrase.as_str())).unwrap_or_default();
        self.call(format!("{own}|{}", joined.map(|joined| joined.ssid.as_str()).unwrap_or_default()))?;
        if joined.is_some() && self.refuses_networks.get() { Err(()) } else { Ok(()) }
    }

    fn set_power_save(&mut self, is_on: bool) -> Result<(), ()> {
        self.call(format!("power save {is_on}"))
    }

    async fn connect(&mut self) -> Result<(), ()> {
        self.call("connect")?;
        core::future::pending().await
    }

    async fn disconnect(&mut self) -> Result<(), ()> {
        self.call("disconnect")?;
        core::future::pending().await
    }

    async fn scan(&mut self) -> Result<(), ()> {
        self.call("scan")?;
        core::future::pending().await
    }

    fn scan_results(&mut self) -> Result<impl Iterator<Item = ScanResult>, ()> {
        self.call("heard")?;
        let heard = ScanResult { ssid: HOME.try_into().unwrap(), rssi_dbm: -50, security: Security::Open };
        Ok(core::iter::repeat_n(heard, 100))
    }

    fn is_connected(&self) -> bool {
        self.is_connected.get()
    }

    fn rssi_dbm(&self) -> Option<i8> {
        Some(-60)
    }

    fn ap_clients(&self) -> Option<u8> {
        self.clients.get()
    }

    async fn next_event(&mut self) -> DriverEvent {
        self.pending.0.receive().await
    }
}

impl NetworkStack for Fake {
    fn set_ap_address(&self, address: Option<(Ipv4Addr, u8)>) {
        let _ = self.call(format!("AP address {address:?}"));
    }

    fn set_station_ip(&self, ip: Option<(&Ip, &str)>) {
        let _ = self.call(ip.map_or("no ip".to_string(), |(_, host_name)| format!("ip as {host_name}")));
    }

    async fn follow(&self, mut tell: impl FnMut(Option<Ipv4Addr>)) {
        let mut known = None;
        loop {
            if self.address.get() != known {
                known = self.address.get();
                tell(known);
            }
            yield_now().await;
        }
    }
}

type Lines = RefCell<Vec<String>>;

fn air<'a, P: Fn(Line<'_>) + Copy>(fake: &'a Fake, print: P) -> AdapterContext<'a, Fake, P> {
    let console = Boot::new(print, "device", "a test");
    let passphrase = Secret::new(b"correct horse").unwrap();
    AdapterContext { network: fake, console, up: &|_| (), passphrase, rssi_dbm: &fake.rssi_dbm }
}

/// Acts and happenings one after the other, each with the calls and the events that it is to lead to.
fn check(steps: &[(Step, &[&str], &[Event])]) {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    for (index, (step, calls, expected)) in steps.iter().enumerate() {
        match step {
            Step::Act(action) => station.act(action.clone()),
            Step::Hear(event) => {
                fake.happen(*event);
                station.take_events();
            }
            Step::Check(is_connected) => {
                fake.is_connected.set(*is_connected);
                station.check();
            }
            Step::Fail(fails) => fake.fails.set(*fails),
        }
        assert_eq!(fake.calls(), *calls, "step {index}");
        let told: Vec<Event> = core::iter::from_fn(|| events.try_receive().ok()).collect();
        assert_eq!(told, *expected, "step {index}");
    }
}

enum Step {
    Act(Action),
    Hear(DriverEvent),
    Check(bool),
    Fail(bool),
}
use Step::{Act, Check, Fail, Hear};

fn join() -> Action {
    Action::Join(join_of(MAC, HOME, Some("eight888")))
}

fn start(security: ApSecurity) -> Action {
    Action::StartAp(ApConfig { security, ..access_point(MAC, false) })
}

const JOIN: [&str; 2] = ["|home", "connect"];
const IP: &str = "ip as sockeye-ABCD";
const OWN: &str = "own sockeye-ABCD \"correct horse\"|";
const ADDRESS: &str = "AP address Some((192.168.1.1, 24))";

#[test]
fn a_station_joins_drops_out_and_joins_again() {
    check(&[
        (Act(Action::Configure(RadioConfig::default())), &["power save false"], &[]),
        (Act(join()), &JOIN, &[]),
        (Hear(DriverEvent::Connected), &[IP], &[Event::Joined]),
        (Check(true), &[], &[]),
        (Hear(DriverEvent::Disconnected(8)), &["no ip"], &[Event::Left]),
        (Check(false), &[], &[]),
        (Act(join()), &["connect"], &[]),
        (Hear(DriverEvent::Disconnected(15)), &["no ip"], &[Event::JoinFailed(JoinError::WrongPassword)]),
    ]);
}

#[test]
fn events_that_were_lost_are_made_up_for() {
    check(&[
        (Act(join()), &JOIN, &[]),
        (Check(false), &[], &[]),
        (Check(true), &[IP], &[Event::Joined]),
        (Check(false), &["no ip"], &[Event::Left]),
        (Act(join()), &["connect"], &[]),
        (Act(Action::Leave), &["disconnect"], &[]),
        (Check(false), &["no ip"], &[Event::Left]),
        // A station in a network that was not joined leaves it.
        (Check(true), &["disconnect"], &[]),
    ]);
}

#[test]
fn events_of_what_is_over_change_nothing() {
    check(&[
        (Act(join()), &JOIN, &[]),
        (Hear(DriverEvent::Disconnected(LEFT_BY_STATION)), &[], &[]),
        (Hear(DriverEvent::Connected), &[IP], &[Event::Joined]),
        (Hear(DriverEvent::Connected), &[], &[]),
        (Hear(DriverEvent::Scanned), &[], &[]),
        (Act(Action::Leave), &["disconnect"], &[]),
        (Hear(DriverEvent::Disconnected(LEFT_BY_STATION)), &["no ip"], &[Event::Left]),
        (Hear(DriverEvent::Disconnected(LEFT_BY_STATION)), &[], &[]),
    ]);
}

#[test]
fn the_driver_is_configured_only_with_what_has_changed() {
    let other = Action::Join(join_of(MAC, "barn", None));
    check(&[
        (Act(start(ApSecurity::FactoryPassphrase)), &[OWN, ADDRESS], &[Event::ApStarted]),
        (Act(join()), &["own sockeye-ABCD \"correct horse\"|home", "connect"], &[]),
        (Hear(DriverEvent::Disconnected(201)), &["no ip"], &[Event::JoinFailed(JoinError::NotFound)]),
        (Act(join()), &["connect"], &[]),
        (Hear(DriverEvent::Disconnected(201)), &["no ip"], &[Event::JoinFailed(JoinError::NotFound)]),
        (Act(start(ApSecurity::FactoryPassphrase)), &[ADDRESS], &[Event::ApStarted]),
        (Act(other), &["own sockeye-ABCD \"correct horse\"|barn", "connect"], &[]),
    ]);
}

#[test]
fn an_access_point_that_a_failing_driver_has_stopped_is_reported() {
    check(&[
        (Act(start(ApSecurity::FactoryPassphrase)), &[OWN, ADDRESS], &[Event::ApStarted]),
        (Fail(true), &[], &[]),
        (
            Act(join()),
            &["own sockeye-ABCD \"correct horse\"|home", "AP address None", "no ip"],
            &[Event::ApFailed, Event::JoinFailed(JoinError::Other)],
        ),
        (Fail(false), &[], &[]),
        (
            Act(start(ApSecurity::FactoryPassphrase)),
            &["own sockeye-ABCD \"correct horse\"|home", ADDRESS],
            &[Event::ApStarted],
        ),
    ]);
}

/// A driver that was stopped refuses every call until it is configured.
#[test]
fn a_driver_that_refuses_to_join_is_configured_anew() {
    const FAILED: [Event; 1] = [Event::JoinFailed(JoinError::Other)];
    check(&[
        (Act(join()), &JOIN, &[]),
        (Hear(DriverEvent::Connected), &[IP], &[Event::Joined]),
        (Hear(DriverEvent::Disconnected(200)), &["no ip"], &[Event::Left]),
        (Fail(true), &[], &[]),
        (Act(join()), &["connect", "no ip"], &FAILED),
        (Act(join()), &["|home", "no ip"], &FAILED),
        (Fail(false), &[], &[]),
        (Act(join()), &JOIN, &[]),
    ]);
}

/// A driver that has an outcome for each attempt and never joins is configured anew now and then. A client in the access
/// point is spared.
#[test]
fn a_driver_that_never_joins_is_configured_anew() {
    for has_client in [false, true] {
        let (fake, events) = (Fake::default(), Channel::new());
        let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
        station.act(start(ApSecurity::FactoryPassphrase));
        fake.happen(DriverEvent::Client(MAC, true));
        fake.happen(DriverEvent::Client(MAC, has_client));
        let configured = |fake: &Fake| fake.calls().iter().filter(|call| call.ends_with("|home")).count();
        for attempt in 0..3 * usize::from(JOINS_MAX) {
            station.act(join());
            let expected = attempt == 0 || !has_client && attempt % usize::from(JOINS_MAX) == 0;
            assert_eq!(configured(&fake), usize::from(expected), "attempt {attempt}");
            match attempt % 2 {
                0 => fake.happen(DriverEvent::Disconnected(2)),
                // The attempt has no outcome.
                _ => station.act(Action::Leave),
            }
            fake.happen(DriverEvent::Disconnected(LEFT_BY_STATION));
            station.take_events();
            assert_eq!(station.link, StationLink::Down);
            while events.try_receive().is_ok() {}
        }
        station.act(join());
        fake.happen(DriverEvent::Connected);
        fake.happen(DriverEvent::Disconnected(200));
        station.take_events();
        fake.calls();
        station.act(join());
        assert_eq!(configured(&fake), 0, "the station was in its network");
    }
}

/// A drop-out that is lost is never reported again: the state machine would take the station for online for ever.
#[test]
fn a_flood_of_events_loses_none_of_the_station() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    station.act(start(ApSecurity::FactoryPassphrase));
    station.act(join());
    fake.happen(DriverEvent::Connected);
    let clients = (0..AP_CLIENTS_MAX as u8).map(|last| [2, 0, 0, 0, 0, last]);
    clients.clone().for_each(|mac| fake.happen(DriverEvent::Client(mac, true)));
    station.take_events();
    station.act(Action::Scan);
    let told = || core::iter::from_fn(|| events.try_receive().ok()).collect::<Vec<Event>>();
    told();
    // The radio goes to another channel, and all leave at once.
    clients.for_each(|mac| fake.happen(DriverEvent::Client(mac, false)));
    fake.happen(DriverEvent::Scanned);
    fake.happen(DriverEvent::Disconnected(200));
    station.take_events();
    let told_at_once = told();
    assert!(told_at_once.contains(&Event::ScanDone) && told_at_once.contains(&Event::Left), "{told_at_once:?}");
    station.check();
    assert_eq!(
        [told_at_once, told()].concat().into_iter().rfind(|event| matches!(event, Event::ApClients(_))),
        Some(Event::ApClients(0))
    );
}

/// A network that the driver can't be configured for does not keep the access point off the air.
#[test]
fn a_network_that_the_driver_refuses_leaves_the_access_point() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    fake.refuses_networks.set(true);
    for _ in 0..3 {
        station.act(join());
        station.act(start(ApSecurity::FactoryPassphrase));
        let told: Vec<Event> = core::iter::from_fn(|| events.try_receive().ok()).collect();
        assert!(told.contains(&Event::JoinFailed(JoinError::Other)), "{told:?}");
        assert_eq!((told.last(), fake.calls().last().map(String::as_str)), (Some(&Event::ApStarted), Some(ADDRESS)));
    }
}

#[test]
fn leaving_has_one_outcome_whatever_there_is_to_leave() {
    check(&[
        (Act(Action::Leave), &["no ip"], &[Event::Left]),
        (Act(join()), &JOIN, &[]),
        (Hear(DriverEvent::Connected), &[IP], &[Event::Joined]),
        (Act(Action::Leave), &["disconnect"], &[]),
        (Hear(DriverEvent::Disconnected(8)), &["no ip"], &[Event::Left]),
    ]);
}

#[test]
fn a_driver_that_refuses_is_an_outcome_too() {
    check(&[
        (Fail(true), &[], &[]),
        (Act(join()), &["|home", "no ip"], &[Event::JoinFailed(JoinError::Other)]),
        (
            Act(start(ApSecurity::FactoryPassphrase)),
            &["own sockeye-ABCD \"correct horse\"|home", OWN, "AP address None"],
            &[Event::ApFailed],
        ),
        (Act(Action::Scan), &["scan"], &[Event::ScanFailed]),
        (Fail(false), &[], &[]),
        (Act(Action::Scan), &["scan"], &[]),
        (Fail(true), &[], &[]),
        (Hear(DriverEvent::Scanned), &["heard"], &[Event::ScanFailed]),
        (Act(Action::StopAp), &["AP address None", "|"], &[Event::ApStopped]),
    ]);
}

#[test]
fn the_access_point_counts_its_clients() {
    check(&[
        (Act(start(ApSecurity::FactoryPassphrase)), &[OWN, ADDRESS], &[Event::ApStarted]),
        (Hear(DriverEvent::Client(MAC, true)), &[], &[Event::ApClients(1)]),
        (Hear(DriverEvent::Client(MAC, true)), &[], &[]),
        (Hear(DriverEvent::Client(MAC, false)), &[], &[Event::ApClients(0)]),
        (Hear(DriverEvent::Client(MAC, false)), &[], &[]),
        (Hear(DriverEvent::Client(MAC, true)), &[], &[Event::ApClients(1)]),
        // Clients that the driver reports while it stops are counted, too.
        (Act(Action::StopAp), &["AP address None", "|"], &[Event::ApStopped, Event::ApClients(0)]),
    ]);
}

#[test]
fn a_restart_of_the_access_point_has_no_clients_whatever_the_driver_reports_of_it() {
    let (fake, events) = (Fake::default(), Channel::new());
    fake.restarts_ap.set(true);
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    station.act(start(ApSecurity::FactoryPassphrase));
    fake.happen(DriverEvent::Client(MAC, true));
    station.take_events();
    station.act(join());
    assert_eq!(station.clients.changed(None), None);
    let told: Vec<Event> = core::iter::from_fn(|| events.try_receive().ok()).collect();
    assert_eq!(told, [Event::ApStarted, Event::ApClients(1), Event::ApClients(0)]);
}

#[test]
fn a_driver_that_counts_its_clients_is_believed() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    station.act(start(ApSecurity::Open));
    fake.clients.set(Some(3));
    station.check();
    fake.clients.set(Some(0));
    station.act(Action::Configure(RadioConfig::default()));
    let told: Vec<Event> = core::iter::from_fn(|| events.try_receive().ok()).collect();
    assert_eq!(told, [Event::ApStarted, Event::ApClients(3), Event::ApClients(0)]);
}

#[test]
fn the_access_point_is_open_only_if_the_owner_has_it_open() {
    let other = ApSecurity::Passphrase(Secret::new(b"other horse").unwrap());
    check(&[
        (Act(start(ApSecurity::Open)), &["own sockeye-ABCD \"\"|", ADDRESS], &[Event::ApStarted]),
        (Act(start(other)), &["own sockeye-ABCD \"other horse\"|", ADDRESS], &[Event::ApStarted]),
    ]);
    let (fake, events) = (Fake::default(), Channel::new());
    let air = AdapterContext { passphrase: Secret::default(), ..air(&fake, |_: Line<'_>| ()) };
    let mut station = Adapter::new(&fake, air, &events);
    assert_eq!(station.start_ap(&access_point(MAC, false)), Event::ApFailed);
    assert_eq!((fake.calls(), station.config.ap), (Vec::from(["AP address None".to_string()]), None));
}

#[test]
fn a_change_of_the_mode_that_drops_the_station_out_brings_it_back() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    station.act(join());
    fake.happen(DriverEvent::Connected);
    station.take_events();
    fake.calls();
    fake.drops_out.set(true);
    station.act(start(ApSecurity::FactoryPassphrase));
    assert_eq!(fake.calls(), [&format!("{OWN}home"), ADDRESS, "connect"]);
    station.check();
    assert_eq!(
        station.link,
        StationLink::Reconnecting,
        "the event of the drop comes before the rejoin, and it has its time"
    );
    fake.happen(DriverEvent::Connected);
    station.take_events();
    assert_eq!(station.link, StationLink::Connected);
    fake.drops_out.set(false);
    station.act(Action::StopAp);
    assert_eq!(station.link, StationLink::Connected, "still connected");
}

#[test]
fn a_scan_tells_as_much_as_there_is_room_for() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    let actions = Channel::new();
    let asking = async {
        actions.send(Action::Scan).await;
        fake.called("scan").await;
        fake.happen(DriverEvent::Scanned);
        fake.called("heard").await;
        let heard = core::iter::from_fn(|| events.try_receive().ok()).collect::<Vec<_>>();
        assert_eq!((heard.len(), heard.last()), (SCANNED_MAX + 1, Some(&Event::ScanDone)));
    };
    block_on(select(station.drive(&actions), asking));
}

#[test]
fn signal_strength_is_measured_when_something_happens() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    station.act(join());
    fake.happen(DriverEvent::Connected);
    block_on(station.listen(yield_now()));
    assert_eq!(fake.rssi_dbm.get(), Some(-60));
    fake.happen(DriverEvent::Disconnected(8));
    block_on(station.listen(yield_now()));
    assert_eq!(fake.rssi_dbm.get(), None);
}

#[test]
fn a_fixed_network_is_joined_again_and_the_console_says_so() {
    let (fake, lines) = (Fake::default(), Lines::default());
    let print = |line: Line<'_>| lines.borrow_mut().push(line.to_string());
    let up = |address| print(Line::Notice(format_args!("up {address}")));
    let air = AdapterContext { up: &up, ..air(&fake, print) };
    let wanted = join_of(MAC, HOME, None);
    let staying = stay_joined(&fake, air, &wanted, || u32::MAX);
    let story = async {
        fake.called("connect").await;
        fake.happen(DriverEvent::Disconnected(201));
        fake.called("connect").await;
        fake.happen(DriverEvent::Connected);
        fake.called(IP).await;
        fake.address.set(Some(Ipv4Addr::new(10, 0, 0, 7)));
        while !lines.borrow().iter().any(|line| line.starts_with("up")) {
            yield_now().await;
        }
    };
    let begun = Instant::now();
    assert!(matches!(block_on(select(staying, story)), Either::Second(())));
    assert!(begun.elapsed().as_millis() >= 750, "it waits between two tries");
    let lines = lines.borrow();
    let said: Vec<_> = lines.iter().map(|line| line.split_once("] ").map_or(line.as_str(), |(_, rest)| rest)).collect();
    let joining = ["mode: station", "network: joining home"];
    assert_eq!(said[1..3], joining);
    assert_eq!(said[3], "starting the radio", "before the driver computes a key");
    assert_eq!(said[4..6], ["not in home: no such network was heard", "next try in 0.7 s"]);
    assert_eq!(said[6..8], joining);
    assert_eq!(said[8..], ["joined home, waiting for an address", "up 10.0.0.7"]);
}

#[test]
fn what_the_program_was_built_for_is_what_the_radio_is_told() {
    let print = |_: Line<'_>| ();
    let (fake, open) = (Fake::default(), BuildSettings::AccessPoint { open: true });
    let owning = StaticNetwork::<true>::run(&fake, air(&fake, print), open, MAC, || 0);
    block_on(select(owning, fake.called("own sockeye-ABCD \"\"|")));
    let (fake, barn) = (Fake::default(), BuildSettings::Station { ssid: "barn", password: None });
    let staying = StaticNetwork::<false>::run(&fake, air(&fake, print), barn, MAC, || 0);
    block_on(select(staying, fake.called("|barn")));
}

#[test]
fn a_router_that_never_answers_is_given_up() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Line<'_>| ()), &events);
    station.join(join_of(MAC, HOME, None));
    let leaving = async {
        fake.called("disconnect").await;
        fake.happen(DriverEvent::Disconnected(8));
        core::future::pending::<()>().await
    };
    let staying = stay_ms(&mut station, &events, Duration::from_millis(20));
    assert!(matches!(block_on(select(staying, leaving)), Either::First(0)));
    assert_eq!(station.link, StationLink::Down);
}

#[test]
fn a_fixed_access_point_is_started_again_if_it_fails() {
    let fake = Fake::default();
    fake.fails.set(true);
    let config = access_point(MAC, false);
    let owning = start_ap(&fake, air(&fake, |_: Line<'_>| ()), &config);
    let story = async {
        fake.called(OWN).await;
        fake.fails.set(false);
        fake.called(ADDRESS).await;
    };
    block_on(select(owning, story));
}
