//! The radio: does what it is told, and takes about as long as one of a chip.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future::or;
use sockeye_wifi::{Action, Event, Ip, Join, JoinError, Radio, ScanResult, Security, Ssid};

use crate::air::links::Links;
use crate::air::{Flaw, Network, OWN_ADDRESS, address};
use crate::serve::print;

/// How long things take.
const AP_TAKES: Duration = Duration::from_millis(300);
const JOIN_TAKES: Duration = Duration::from_secs(2);
const ADDRESS_TAKES: Duration = Duration::from_secs(1);
const LEAVE_TAKES: Duration = Duration::from_millis(100);
const SCAN_TAKES: Duration = Duration::from_millis(1_500);

/// Something that is about to happen.
enum Happening {
    ApUp,
    ApDown,
    Join(Join),
    Address(usize, Ipv4Addr),
    Left,
    Heard,
    ScanDone,
    /// The router of this network goes away, and comes back.
    Away(usize),
    Back(usize),
}

/// Where the station is.
struct Stay {
    index: usize,
    /// Its address on this machine, once it has one.
    address: Option<Ipv4Addr>,
}

/// The radio of a device in an air of `networks`.
pub struct DemoRadio<'a> {
    links: &'a Links,
    networks: &'a [Network],
    /// What is about to happen, by when and in the order in which it was begun.
    due: BTreeMap<(Instant, u32), Happening>,
    begun: u32,
    stay: Option<Stay>,
    /// Routers that are away, or were: each goes once.
    away: Vec<usize>,
    been_away: Vec<usize>,
    is_ap_up: bool,
    clients: u8,
    /// Networks that the scan under way is yet to tell.
    unheard: Vec<usize>,
}

impl<'a> DemoRadio<'a> {
    /// A radio whose networks are reached through `links`.
    pub fn new(links: &'a Links, networks: &'a [Network]) -> Self {
        Self {
            links,
            networks,
            due: BTreeMap::new(),
            begun: 0,
            stay: None,
            away: Vec::new(),
            been_away: Vec::new(),
            is_ap_up: false,
            clients: 0,
            unheard: Vec::new(),
        }
    }

    fn after(&mut self, time: Duration, happening: Happening) {
        self.begun += 1;
        self.due.insert((Instant::now() + time, self.begun), happening);
    }

    fn happen(&mut self, happening: Happening) -> Option<Event> {
        match happening {
            Happening::ApUp => Some(self.ap_up()),
            Happening::ApDown => {
                self.ap_down();
                Some(Event::ApStopped)
            }
            Happening::Join(join) => Some(self.join(&join)),
            Happening::Address(index, told) => self.address(index, told),
            Happening::Left => {
                self.leave();
                Some(Event::Left)
            }
            Happening::Heard => self.heard(),
            Happening::ScanDone => Some(Event::ScanDone),
            Happening::Away(index) => {
                self.away.push(index);
                print(format_args!("air: {} is off the air", self.networks[index].ssid));
                let is_here = self.stay.as_ref().is_some_and(|stay| stay.index == index);
                is_here.then(|| {
                    self.leave();
                    Event::Left
                })
            }
            Happening::Back(index) => {
                self.away.retain(|away| *away != index);
                print(format_args!("air: {} is back", self.networks[index].ssid));
                None
            }
        }
    }

    fn ap_up(&mut self) -> Event {
        if let Err(error) = self.links.open(OWN_ADDRESS) {
            print(format_args!("air: can't listen on {OWN_ADDRESS}: {error}"));
            return Event::ApFailed;
        }
        self.is_ap_up = true;
        print(format_args!("air: own network on, {OWN_ADDRESS}:{}", self.links.port()));
        Event::ApStarted
    }

    fn ap_down(&mut self) {
        self.links.close(OWN_ADDRESS);
        self.is_ap_up = false;
        print(format_args!("air: own network off"));
    }

    fn join(&mut self, join: &Join) -> Event {
        let ssid = join.network.ssid.as_str();
        let index = self.networks.iter().position(|network| network.ssid == ssid);
        let Some(index) = index.filter(|index| !self.away.contains(index)) else {
            print(format_args!("air: no network {ssid} is here"));
            return Event::JoinFailed(JoinError::NotFound);
        };
        if self.networks[index].password.unwrap_or_default() != join.network.password.as_str() {
            print(format_args!("air: {ssid} wants another password"));
            return Event::JoinFailed(JoinError::WrongPassword);
        }
        self.stay = Some(Stay { index, address: None });
        print(format_args!("air: joined {ssid}"));
        match (&self.networks[index].flaw, join.network.ip) {
            (_, Ip::Static(ip)) => self.after(ADDRESS_TAKES, Happening::Address(index, ip.address)),
            (Flaw::NoAddress, Ip::Dhcp) => {}
            (_, Ip::Dhcp) => self.after(ADDRESS_TAKES, Happening::Address(index, address(index))),
        }
        if let Flaw::Restart { after, away } = self.networks[index].flaw
            && !self.been_away.contains(&index)
        {
            self.been_away.push(index);
            self.after(after, Happening::Away(index));
            self.after(after + away, Happening::Back(index));
        }
        Event::Joined
    }

    /// The station gets its address; one that was configured isn't this machine's, so its last number is taken.
    fn address(&mut self, index: usize, told: Ipv4Addr) -> Option<Event> {
        let stay = self.stay.as_mut().filter(|stay| stay.index == index)?;
        let [a, b, c, _] = address(index).octets();
        let here = Ipv4Addr::new(a, b, c, told.octets()[3]);
        if let Err(error) = self.links.open(here) {
            print(format_args!("air: can't listen on {here}: {error}"));
            return None;
        }
        stay.address = Some(here);
        print(format_args!("air: address in {}: {here}:{}", self.networks[index].ssid, self.links.port()));
        Some(Event::Address(told))
    }

    fn leave(&mut self) {
        if let Some(stay) = self.stay.take() {
            print(format_args!("air: left {}", self.networks[stay.index].ssid));
            stay.address.into_iter().for_each(|address| self.links.close(address));
        }
    }

    fn heard(&mut self) -> Option<Event> {
        let network = &self.networks[self.unheard.pop()?];
        let security = if network.password.is_some() { Security::Password } else { Security::Open };
        let ssid = Ssid::try_from(network.ssid).ok()?;
        Some(Event::ScanResult(ScanResult { ssid, rssi_dbm: network.rssi_dbm, security }))
    }
}

impl Radio for DemoRadio<'_> {
    async fn act(&mut self, action: Action) {
        match action {
            Action::Configure(_) => {}
            Action::StartAp(_) => self.after(AP_TAKES, Happening::ApUp),
            Action::StopAp => self.after(AP_TAKES, Happening::ApDown),
            Action::Join(join) => self.after(JOIN_TAKES, Happening::Join(join)),
            Action::Leave => {
                // What was under way there is over.
                self.due.retain(|_, happening| !matches!(happening, Happening::Join(_) | Happening::Address(..)));
                self.after(LEAVE_TAKES, Happening::Left);
            }
            Action::Scan => {
                self.unheard = (0..self.networks.len()).filter(|index| !self.away.contains(index)).collect();
                for _ in 0..self.unheard.len() {
                    self.after(SCAN_TAKES, Happening::Heard);
                }
                self.after(SCAN_TAKES, Happening::ScanDone);
            }
        }
    }

    async fn event(&mut self) -> Event {
        loop {
            let next = self.due.first_key_value().map(|((at, _), _)| *at);
            let timer = async {
                match next {
                    Some(at) => drop(Timer::at(at).await),
                    None => pending().await,
                }
                None
            };
            let clients = async { Some(self.links.clients_changed(OWN_ADDRESS, self.clients).await) };
            // Nothing is waited for from here on, so that no event is taken and lost.
            if let Some(clients) = or(clients, timer).await {
                self.clients = clients;
                return Event::ApClients(clients);
            }
            if let Some((_, happening)) = self.due.pop_first()
                && let Some(event) = self.happen(happening)
            {
                return event;
            }
        }
    }
}
