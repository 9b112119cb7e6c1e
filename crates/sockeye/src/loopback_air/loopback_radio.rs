//! The surroundings of the simulated radio: the demo's networks, and loopback addresses for a network stack. The radio
//! and the adapter above it are the simulation's and the chips'.

use std::cell::{Cell, RefCell};
use std::fmt::Arguments;
use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::task::Poll;

use embassy_time::{Duration, Instant, Timer};
use futures_lite::future::{or, zip};
use sockeye_boot::{Boot, Line};
use sockeye_sim_radio::{Faults, SimRadio, Surroundings, Timings};
use sockeye_wifi::adapter::{self, AccessPoint, AdapterContext};
use sockeye_wifi::{Controller, Ip, Network as Joined, ScanResult, Secret, Security, Ssid};

use crate::loopback_air::links::{Links, Wakers};
use crate::loopback_air::{AP_ADDRESS, DemoNetwork, Flaw, address};
use crate::serve::print;

/// How long a router takes to give out an address.
const ADDRESS_TAKES: Duration = Duration::from_secs(1);
/// How long joining takes is a scan's time and half a second.
const TIMINGS: Timings =
    Timings { channel_ms: 110..115, join_ms: 500..501, leave_ms: 100..101, beacons_ms: 2_000..2_001, late_ms: 0..1 };

/// Reason codes with which joining fails (IEEE 802.11, 9.4.1.7; from 200 on those of the ESP32 family's radio).
mod reason {
    pub const HANDSHAKE_TIMEOUT: u16 = 15;
    pub const NO_NETWORK: u16 = 201;
}

/// The links of the demo's networks, and the function that prints their events.
pub struct Demo<'a> {
    /// The device's addresses.
    pub links: &'a Links,
    /// The networks of others.
    pub networks: &'static [DemoNetwork],
    /// The device's console.
    pub console: Boot<fn(Line<'_>)>,
    /// The passphrase that the device came with.
    pub passphrase: Secret,
}

impl Demo<'_> {
    /// Runs the device's Wi-Fi in this air, for ever.
    pub async fn run(self, controller: &impl Controller) {
        let Self { links, networks, console, passphrase } = self;
        let radio = SimRadio::new(LoopbackAir::new(networks), Faults::NONE, TIMINGS, fastrand::Rng::new());
        let stack = LoopbackStack { links, radio: radio.clone(), due: Cell::new(None), changed: Wakers::default() };
        let up = |address| console.network_up(address);
        let context = AdapterContext { network: &stack, console, up: &up, passphrase, rssi_dbm: &Cell::new(None) };
        let happening = zip(radio.run(), count_clients(links, &radio));
        zip(happening, adapter::run(controller, radio.driver(), context)).await;
    }
}

/// The networks of others, and in which of them the station is.
struct LoopbackAir {
    networks: &'static [DemoNetwork],
    /// The network that the station is in.
    joined: Cell<Option<usize>>,
    /// When routers that restart go off the air: after they were joined first.
    restarts: RefCell<Vec<(usize, Instant)>>,
}

impl LoopbackAir {
    fn new(networks: &'static [DemoNetwork]) -> Self {
        Self { networks, joined: Cell::new(None), restarts: RefCell::default() }
    }
}

impl Surroundings for LoopbackAir {
    fn scan(&self) -> Vec<ScanResult> {
        let on_air = self.networks.iter().enumerate().filter(|(index, _)| self.is_up(*index));
        let results = on_air.filter_map(|(_, network)| {
            let security = if network.password.is_some() { Security::Password } else { Security::Open };
            Some(ScanResult { ssid: Ssid::try_from(network.ssid).ok()?, rssi_dbm: network.rssi_dbm, security })
        });
        results.collect()
    }

    fn join(&self, network: &Joined) -> Result<usize, u16> {
        let ssid = network.ssid.as_str();
        let index = self.networks.iter().position(|network| network.ssid == ssid);
        let Some(index) = index.filter(|index| self.is_up(*index)) else {
            print(format_args!("air: no network {ssid} is here"));
            return Err(reason::NO_NETWORK);
        };
        if self.networks[index].password.unwrap_or_default() != network.password.as_str() {
            print(format_args!("air: {ssid} has another password"));
            return Err(reason::HANDSHAKE_TIMEOUT);
        }
        print(format_args!("air: joined {ssid}"));
        self.joined.set(Some(index));
        let mut restarts = self.restarts.borrow_mut();
        if let Flaw::Restart { after, .. } = self.networks[index].flaw
            && restarts.iter().all(|(known, _)| *known != index)
        {
            restarts.push((index, Instant::now() + after));
        }
        Ok(index)
    }

    fn leave(&self, router: usize) {
        print(format_args!("air: left {}", self.networks[router].ssid));
        self.joined.set(None);
    }

    fn is_up(&self, router: usize) -> bool {
        let restarts = self.restarts.borrow();
        let begun = restarts.iter().find(|(index, _)| *index == router).map(|(_, begun)| *begun);
        match (begun, &self.networks[router].flaw) {
            (Some(begun), Flaw::Restart { away, .. }) => !(begun..begun + *away).contains(&Instant::now()),
            _ => true,
        }
    }

    fn start_ap(&self, _ap: &AccessPoint) {}

    fn stop_ap(&self) {}

    /// Connections end with the address that they came through.
    fn drop_client(&self, _mac: [u8; 6]) {}

    fn listen_elsewhere(&self, _duration: Duration) {}

    fn note(&self, what: Arguments<'_>) {
        print(format_args!("radio: {what}"));
    }
}

/// The network stack: the device listens on an address of this machine for as long as it has one in a network.
struct LoopbackStack<'a> {
    links: &'a Links,
    radio: Rc<SimRadio<LoopbackAir>>,
    /// The station's address in its network, the one that stands for it here, and when it has it.
    due: Cell<Option<(Ipv4Addr, Ipv4Addr, Instant)>>,
    /// The wakers of those that follow the station's address.
    changed: Wakers,
}

impl LoopbackStack<'_> {
    fn open(&self, name: &str, here: Ipv4Addr) -> bool {
        match self.links.open(here) {
            Ok(()) => print(format_args!("air: address in {name}: {here}:{}", self.links.port())),
            Err(error) => {
                print(format_args!("air: can't listen on {here}: {error}"));
                return false;
            }
        }
        true
    }

    /// Waits until the address is another than this.
    async fn due_changed(&self, known: Option<(Ipv4Addr, Ipv4Addr, Instant)>) {
        poll_fn(|cx| {
            if self.due.get() != known {
                return Poll::Ready(());
            }
            self.changed.add(cx.waker());
            Poll::Pending
        })
        .await;
    }
}

impl adapter::NetworkStack for LoopbackStack<'_> {
    fn set_ap_address(&self, address: Option<(Ipv4Addr, u8)>) {
        match address {
            Some(_) => {
                self.open("the access point", AP_ADDRESS);
            }
            None => self.links.close(AP_ADDRESS),
        }
    }

    /// An address that was configured isn't this machine's, so its last number is taken.
    fn set_station_ip(&self, ip: Option<(&Ip, &str)>) {
        let joined = self.radio.surroundings().joined.get();
        self.due.set(ip.zip(joined).and_then(|((ip, _), index)| {
            let here = address(index);
            let told = match (&self.radio.surroundings().networks[index].flaw, ip) {
                (_, Ip::Static(ip)) => ip.address,
                (Flaw::NoAddress, Ip::Dhcp) => return None,
                (_, Ip::Dhcp) => here,
            };
            let [a, b, c, _] = here.octets();
            Some((told, Ipv4Addr::new(a, b, c, told.octets()[3]), Instant::now() + ADDRESS_TAKES))
        }));
        self.changed.wake();
    }

    async fn follow(&self, mut changed: impl FnMut(Option<Ipv4Addr>)) {
        loop {
            let due = self.due.get();
            let Some((told, here, at)) = due else {
                self.due_changed(due).await;
                continue;
            };
            or(Timer::at(at), self.due_changed(due)).await;
            if self.due.get() != due {
                continue;
            }
            let index = self.radio.surroundings().joined.get();
            let name = index.map_or("no network", |index| self.radio.surroundings().networks[index].ssid);
            let is_open = self.open(name, here);
            if is_open {
                changed(Some(told));
            }
            self.due_changed(due).await;
            if is_open {
                self.links.close(here);
                changed(None);
            }
        }
    }
}

/// A client that connects to the device's address in its access point is a client of the access point.
async fn count_clients(links: &Links, radio: &SimRadio<LoopbackAir>) {
    let mut count = 0;
    loop {
        let now = links.clients_changed(AP_ADDRESS, count).await;
        for number in count..now {
            radio.associate(mac(number));
        }
        (now..count).for_each(|number| radio.disassociate(mac(number)));
        count = now;
    }
}

/// The MAC address of the client with this number.
fn mac(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, number]
}
