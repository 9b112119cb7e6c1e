//! A radio's states, with a driver that writes down what it is told.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use embassy_futures::block_on;
use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;
use embassy_time::Instant;
use sockeye_boot::BuildSettings;

use super::static_network::{access_point, join_of, own as own_fixed, stay_joined, stay_ms};
use super::*;
use crate::radio::{RadioConfig, Security};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0xab, 0xcd];
const HOME: &str = "home";

/// A driver and a stack, in one.
#[derive(Default)]
struct Fake {
    calls: RefCell<Vec<String>>,
    is_connected: Cell<bool>,
    fails: Cell<bool>,
    happenings: Happenings,
    address: Cell<Option<Ipv4Addr>>,
    rssi: Cell<Option<i8>>,
}

struct Happenings(Channel<NoopRawMutex, DriverEvent, 8>);

impl Default for Happenings {
    fn default() -> Self {
        Self(Channel::new())
    }
}

impl Fake {
    fn call(&self, call: impl ToString) -> Result<(), ()> {
        self.calls.borrow_mut().push(call.to_string());
        if self.fails.get() { Err(()) } else { Ok(()) }
    }

    /// What was called since it was asked last.
    fn calls(&self) -> Vec<String> {
        self.calls.take()
    }

    fn happen(&self, happening: DriverEvent) {
        self.is_connected.set(happening == DriverEvent::Connected);
        self.happenings.0.try_send(happening).unwrap();
    }

    async fn called(&self, call: &str) {
        while !self.calls.borrow().iter().any(|called| called == call) {
            yield_now().await;
        }
        self.calls.take();
    }
}

impl Driver for &Fake {
    type Error = ();

    fn configure(&mut self, own: Option<&AccessPoint>, joined: Option<&Joined>) -> Result<(), ()> {
        let own = own.map(|own| format!("own {} {:?}", own.ssid, own.passphrase.as_str())).unwrap_or_default();
        self.call(format!("{own}|{}", joined.map(|joined| joined.ssid.as_str()).unwrap_or_default()))
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

    fn heard(&mut self) -> Result<impl Iterator<Item = ScanResult>, ()> {
        self.call("heard")?;
        let heard = ScanResult { ssid: HOME.try_into().unwrap(), rssi_dbm: -50, security: Security::Open };
        Ok(core::iter::repeat_n(heard, 100))
    }

    fn is_connected(&self) -> bool {
        self.is_connected.get()
    }

    fn rssi(&self) -> Option<i8> {
        Some(-60).filter(|_| self.is_connected.get())
    }

    async fn listen(&self, mut hear: impl FnMut(DriverEvent) -> bool) {
        while !hear(self.happenings.0.receive().await) {}
    }
}

impl Network for Fake {
    fn set_own_address(&self, address: Option<(Ipv4Addr, u8)>) {
        let _ = self.call(format!("own address {address:?}"));
    }

    fn set_ip(&self, ip: Option<(&Ip, &str)>) {
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

fn air<'a, P: Fn(Arguments<'_>) + Copy>(fake: &'a Fake, print: P) -> AdapterContext<'a, Fake, P> {
    let console = Boot::new(print, "device", "a test");
    let passphrase = Secret::new(b"correct horse").unwrap();
    AdapterContext { network: fake, console, up: &|_| (), passphrase, rssi: &fake.rssi }
}

/// Acts and happenings one after the other, each with the calls and the events that it is to lead to.
fn check(steps: &[(Step, &[&str], &[Event])]) {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Arguments<'_>| ()), &events);
    for (index, (step, calls, expected)) in steps.iter().enumerate() {
        match step {
            Step::Act(action) => station.act(action.clone()),
            Step::Hear(happening) => {
                fake.is_connected.set(*happening == DriverEvent::Connected);
                if station.state.hear(*happening) {
                    station.tell_scanned();
                }
            }
            Step::Check(is_connected) => {
                fake.is_connected.set(*is_connected);
                station.state.check(*is_connected);
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

fn own(security: ApSecurity) -> Action {
    Action::StartAp(ApConfig { security, ..access_point(MAC, false) })
}

const JOIN: [&str; 2] = ["|home", "connect"];
const IP: &str = "ip as sockeye-ABCD";
const OWN: &str = "own sockeye-ABCD \"correct horse\"|";
const ADDRESS: &str = "own address Some((192.168.1.1, 24))";

#[test]
fn a_station_joins_drops_out_and_joins_again() {
    check(&[
        (Act(Action::Configure(RadioConfig::default())), &["power save false"], &[]),
        (Act(join()), &JOIN, &[]),
        (Hear(DriverEvent::Connected), &[IP], &[Event::Joined]),
        (Check(true), &[], &[]),
        (Hear(DriverEvent::Disconnected(8)), &["no ip"], &[Event::Left]),
        (Check(false), &[], &[]),
        (Act(join()), &JOIN, &[]),
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
        (Act(join()), &JOIN, &[]),
        (Act(Action::Leave), &["disconnect"], &[]),
        (Check(false), &["no ip"], &[Event::Left]),
    ]);
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
        (Act(own(ApSecurity::FactoryPassphrase)), &["own sockeye-ABCD \"correct horse\"|home"], &[Event::ApFailed]),
        (Act(Action::Scan), &["scan"], &[Event::ScanFailed]),
        (Hear(DriverEvent::Scanned), &["heard"], &[Event::ScanFailed]),
        (Act(Action::StopAp), &["own address None", "|home"], &[Event::ApStopped]),
    ]);
}

#[test]
fn the_own_network_counts_its_clients() {
    check(&[
        (Act(own(ApSecurity::FactoryPassphrase)), &[OWN, ADDRESS], &[Event::ApStarted]),
        (Hear(DriverEvent::Client(MAC, true)), &[], &[Event::ApClients(1)]),
        (Hear(DriverEvent::Client(MAC, false)), &[], &[Event::ApClients(0)]),
        (Hear(DriverEvent::Client(MAC, false)), &[], &[Event::ApClients(0)]),
        (Act(Action::StopAp), &["own address None", "|"], &[Event::ApStopped]),
    ]);
}

#[test]
fn the_own_network_is_open_only_if_somebody_wants_it() {
    let other = ApSecurity::Passphrase(Secret::new(b"other horse").unwrap());
    check(&[
        (Act(own(ApSecurity::Open)), &["own sockeye-ABCD \"\"|", ADDRESS], &[Event::ApStarted]),
        (Act(own(other)), &["own sockeye-ABCD \"other horse\"|", ADDRESS], &[Event::ApStarted]),
    ]);
    let (fake, events) = (Fake::default(), Channel::new());
    let air = AdapterContext { passphrase: Secret::default(), ..air(&fake, |_: Arguments<'_>| ()) };
    let mut station = Adapter::new(&fake, air, &events);
    assert_eq!(station.start_ap(&access_point(MAC, false)), Event::ApFailed);
    assert!(fake.calls().is_empty() && station.own.is_none());
}

#[test]
fn a_change_of_the_mode_that_drops_the_station_out_brings_it_back() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Arguments<'_>| ()), &events);
    station.act(join());
    fake.is_connected.set(true);
    station.state.hear(DriverEvent::Connected);
    fake.calls();
    fake.is_connected.set(false);
    station.act(own(ApSecurity::FactoryPassphrase));
    assert_eq!(fake.calls(), [&format!("{OWN}home"), ADDRESS, "connect"]);
    station.state.check(false);
    assert_eq!(station.state.phase, StationLink::Rejoining, "it has its time");
    fake.is_connected.set(true);
    station.state.check(true);
    assert_eq!(station.state.phase, StationLink::Joined);
    station.act(Action::StopAp);
    assert_eq!(station.state.phase, StationLink::Joined, "still connected");
}

#[test]
fn a_scan_tells_as_much_as_there_is_room_for() {
    let (fake, events) = (Fake::default(), Channel::new());
    let mut station = Adapter::new(&fake, air(&fake, |_: Arguments<'_>| ()), &events);
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
    let mut station = Adapter::new(&fake, air(&fake, |_: Arguments<'_>| ()), &events);
    station.act(join());
    fake.happen(DriverEvent::Connected);
    block_on(station.listen(yield_now()));
    assert_eq!(fake.rssi.get(), Some(-60));
    fake.happen(DriverEvent::Disconnected(8));
    block_on(station.listen(yield_now()));
    assert_eq!(fake.rssi.get(), None);
}

#[test]
fn a_fixed_network_is_joined_again_and_the_console_says_so() {
    let (fake, lines) = (Fake::default(), Lines::default());
    let print = |line: Arguments<'_>| lines.borrow_mut().push(line.to_string());
    let up = |address| print(format_args!("up {address}"));
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
    assert_eq!(said[3..5], ["not in home: no such network was heard", "next try in 0.7 s"]);
    assert_eq!(said[5..7], joining);
    assert_eq!(said[7..], ["joined home, waiting for an address", "up 10.0.0.7"]);
}

#[test]
fn what_the_program_was_built_for_is_what_the_radio_is_told() {
    let print = |_: Arguments<'_>| ();
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
    let mut station = Adapter::new(&fake, air(&fake, |_: Arguments<'_>| ()), &events);
    station.join(join_of(MAC, HOME, None));
    let leaving = async {
        fake.called("disconnect").await;
        fake.happen(DriverEvent::Disconnected(8));
        core::future::pending::<()>().await
    };
    let staying = stay_ms(&mut station, &events, Duration::from_millis(20));
    assert!(matches!(block_on(select(staying, leaving)), Either::First(0)));
    assert_eq!(station.state.phase, StationLink::Out);
}

#[test]
fn a_fixed_network_of_its_own_is_begun_again_if_it_fails() {
    let fake = Fake::default();
    fake.fails.set(true);
    let config = access_point(MAC, false);
    let owning = own_fixed(&fake, air(&fake, |_: Arguments<'_>| ()), &config);
    let story = async {
        fake.called(OWN).await;
        fake.fails.set(false);
        fake.called(ADDRESS).await;
    };
    block_on(select(owning, story));
}
