//! The owner: wants things of the device, one after the other, and knows what it was told.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use sockeye_wiring::Wiring;

use crate::check::Known;
use crate::ether::Place;
use crate::owned::{self, Owned};
use crate::phone::{Answer, Buffers, Failure, Phone, Session};
use crate::plan::{Address, Step, Then, WIRES};
use crate::queue::Queue;
use crate::router;
use crate::world::World;

/// How long the owner waits for a network to be there, seconds.
const PATIENCE_S: u64 = 60;
/// How long for the outcome of a trial: what joining and getting an address may take, and a scan before.
const TRIAL_S: u64 = 60;
/// How long it takes to change networks, and to type, seconds.
const CHANGE_S: u64 = 3;
/// From a router's address to one that its owner gives to the device, outside of what the router gives out.
const OWN_HOST: u32 = 9;

/// Does what the plan has the owner wish for, until it is over.
pub async fn own(world: Rc<World>, wishes: Rc<Queue<Step>>) {
    let owner = Owner { phone: world.phone(), world: world.clone() };
    while let Ok(wish) = with_timeout(world.calm.saturating_duration_since(Instant::now()), wishes.pop()).await {
        if Instant::now() >= world.calm {
            // Wishes that took longer than the plan: nothing is begun that the end would come into.
            return;
        }
        match wish {
            Step::Rename(name) => owner.rename(&name).await,
            Step::Protect => owner.protect().await,
            Step::TryNetwork { router, is_right, address, then, seconds } => {
                owner.try_network(router, (is_right, address), then, seconds).await;
            }
            Step::Scan => owner.scan().await,
            Step::Forget { router } => owner.forget(router).await,
            Step::FactoryReset => owner.factory_reset().await,
            Step::Wire { first, second } => owner.wire([first, second]).await,
            Step::Restart => owner.restart().await,
            _ => {}
        }
        owner.phone.leave();
    }
}

struct Owner {
    world: Rc<World>,
    phone: Phone,
}

impl Owner {
    /// Joins the device's access point, or else the one that it is in, and gives the device's address there.
    async fn approach(&self) -> Option<(Place, Ipv4Addr)> {
        let end = Instant::now() + Duration::from_secs(PATIENCE_S);
        let place = *self.world.places().first()?;
        if !self.phone.join(place, end).await {
            return None;
        }
        Some((place, self.world.address(place)?))
    }

    /// Asks on a connection of its own, after logging in if there may be something to log in to.
    async fn ask(&self, device: Ipv4Addr, request: &[&str], patience_s: u64) -> Result<Answer, Failure> {
        let mut buffers = Buffers::default();
        let mut session = self.phone.connect(&mut buffers, device).await?;
        let answer = self.ask_on(&mut session, request, patience_s).await;
        session.close().await;
        let request = request[..2.min(request.len())].join(" ");
        match &answer {
            Ok(answer) => self.world.trace.note("owner", format_args!("{request}: {answer}")),
            Err(failure) => self.world.trace.note("owner", format_args!("{request}: nothing, {failure:?}")),
        }
        answer
    }

    async fn ask_on(&self, session: &mut Session<'_>, request: &[&str], patience_s: u64) -> Result<Answer, Failure> {
        if self.world.owned.token.borrow().may_be(&true) {
            session.request(&["AUTH", TOKEN]).await?;
        }
        session.send(request).await?;
        match select(session.answer(Duration::from_secs(patience_s)), self.dropped()).await {
            Either::First(answer) => answer,
            Either::Second(()) => Err(Failure::Gone("the network".to_owned())),
        }
    }

    /// Waits until the phone is in no network any more, which its owner sees.
    async fn dropped(&self) {
        while self.phone.place().is_some() {
            Timer::after(Duration::from_secs(1)).await;
        }
    }

    /// Asks for a change of a setting, and remembers what came of it: whether it was acknowledged or refused, if it was
    /// answered.
    async fn change<T: Clone + PartialEq + std::fmt::Debug>(
        &self,
        device: Ipv4Addr,
        request: &[&str],
        known: &RefCell<Known<T>>,
        change: impl Fn(&T) -> T,
    ) -> Option<bool> {
        known.borrow_mut().asked(&change);
        // A new token ends other sessions, and a new name is that of the access point too.
        self.world.disturb();
        match self.ask(device, request, 10).await {
            Ok(answer) if answer.is_ok() => {
                known.borrow_mut().acknowledged(change);
                Some(true)
            }
            Ok(_) => {
                known.borrow_mut().refused();
                Some(false)
            }
            Err(_) => None,
        }
    }

    async fn rename(&self, name: &str) {
        let Some((_, device)) = self.approach().await else { return };
        let request = ["CONFIG", "SET", "device.name", name];
        self.change(device, &request, &self.world.owned.name, |_| name.to_owned()).await;
    }

    async fn protect(&self) {
        let Some((_, device)) = self.approach().await else { return };
        self.change(device, &["CONFIG", "SET", "auth.token", TOKEN], &self.world.owned.token, |_| true).await;
    }

    async fn scan(&self) {
        let Some((_, device)) = self.approach().await else { return };
        self.world.disturb();
        let _ = self.ask(device, &["WIFI", "SCAN"], TRIAL_S).await;
    }

    async fn forget(&self, router: usize) {
        let Some((_, device)) = self.approach().await else { return };
        let ssid = self.world.parts.air.router(router).ssid;
        self.change(device, &["WIFI", "FORGET", &ssid], &self.world.owned.networks, |old| without(old, &ssid)).await;
    }

    /// All of it is forgotten, or nothing.
    async fn factory_reset(&self) {
        let Some((_, device)) = self.approach().await else { return };
        let Owned { name, networks, token, wiring } = &self.world.owned;
        name.borrow_mut().asked(|_| String::new());
        networks.borrow_mut().asked(|_| Vec::new());
        wiring.borrow_mut().asked(|_| owned::factory());
        match self.change(device, &["CONFIG", "FACTORYRESET"], token, |_| false).await {
            Some(true) => {
                name.borrow_mut().acknowledged(|_| String::new());
                networks.borrow_mut().acknowledged(|_| Vec::new());
                wiring.borrow_mut().acknowledged(|_| owned::factory());
            }
            Some(false) => {
                name.borrow_mut().refused();
                networks.borrow_mut().refused();
                wiring.borrow_mut().refused();
            }
            None => {}
        }
    }

    /// Both things are wired, or neither.
    async fn wire(&self, things: [usize; 2]) {
        let Some((_, device)) = self.approach().await else { return };
        let [(first, spec), (second, other)] = things.map(|thing| WIRES[thing % WIRES.len()]);
        let names = [first, second].map(|name| format!("wiring.{name}"));
        let request = ["CONFIG", "SET", &names[0], spec, &names[1], other];
        // A device takes a name once in a request.
        let request = if first == second { &request[..4] } else { &request[..] };
        let wire = |old: &Wiring| {
            let mut new = old.clone();
            for words in request[2..].chunks_exact(2) {
                let name = words[0].strip_prefix("wiring.").unwrap_or_default();
                // The device refuses a thing without room, too.
                let _ = new.set(name, words[1]);
            }
            new
        };
        self.change(device, request, &self.world.owned.wiring, wire).await;
    }

    async fn restart(&self) {
        let Some((_, device)) = self.approach().await else { return };
        self.world.disturb();
        let _ = self.ask(device, &["RESTART"], 10).await;
    }

    async fn try_network(&self, number: usize, (is_right, address): (bool, Address), then: Then, seconds: u32) {
        let Some((place, device)) = self.approach().await else { return };
        let router = self.world.parts.air.router(number);
        let password = router.password.unwrap_or_default();
        let password = if is_right { &password } else { "a wrong password" };
        let ip = match address {
            Address::Dhcp => "dhcp".to_owned(),
            Address::Own => Ipv4Addr::from_bits(router::address(number).to_bits() + OWN_HOST).to_string() + "/24",
            Address::Useless => "10.9.9.9/24".to_owned(),
        };
        let stage = ["CONFIG", "SET", "wifi.ssid", &router.ssid, "wifi.password", password, "wifi.ip", &ip];
        if !self.ask(device, &stage, 10).await.is_ok_and(|answer| answer.is_ok()) {
            return;
        }
        self.world.disturb();
        let answer = self.ask(device, &["WIFI", "TRY", &seconds.to_string()], TRIAL_S).await;
        // Without an answer it may have worked: the radio changes its channel, and not every phone follows.
        if matches!(answer, Ok(Answer::Error(_))) {
            return;
        }
        let end = Instant::now() + Duration::from_secs(u64::from(seconds) + TRIAL_S);
        match then {
            Then::Leaves => {}
            Then::ConfirmsLate => {
                Timer::after(Duration::from_secs(u64::from(seconds) + CHANGE_S)).await;
                self.confirm(device, (&router.ssid, &ip)).await;
            }
            Then::Aborts => {
                self.world.disturb();
                let _ = self.ask(device, &["WIFI", "ABORT"], 10).await;
            }
            Then::ConfirmsHere if place == Place::AccessPoint => {
                let is_confirmed = self.phone.join(place, end).await && self.confirm(device, (&router.ssid, &ip)).await;
                if is_confirmed {
                    self.world.trace.note("owner", "has confirmed over the access point");
                } else {
                    self.confirm_there(place, (&router.ssid, &ip), end).await;
                }
            }
            Then::ConfirmsHere | Then::ConfirmsThere => self.confirm_there(place, (&router.ssid, &ip), end).await,
        }
    }

    /// Follows the device into the network that it tries, and confirms from there.
    async fn confirm_there(&self, from: Place, network: (&str, &str), end: Instant) {
        while Instant::now() < end {
            Timer::after(Duration::from_secs(CHANGE_S)).await;
            let number = self.world.parts.air.device_router();
            let Some(number) = number.filter(|number| self.world.parts.air.router(*number).ssid == network.0) else {
                continue;
            };
            let place = Place::Router(number);
            let Some(device) = self.world.address(place).filter(|_| place != from) else { continue };
            if self.phone.join(place, end).await {
                self.confirm(device, network).await;
            }
            return;
        }
    }

    /// Whether the network, with its address, is stored for sure.
    async fn confirm(&self, device: Ipv4Addr, (ssid, ip): (&str, &str)) -> bool {
        let with = |old: &Vec<String>| {
            let mut new = without(old, ssid);
            new.push(owned::network(ssid, ip));
            new.sort_unstable();
            new
        };
        self.change(device, &["WIFI", "CONFIRM"], &self.world.owned.networks, with).await == Some(true)
    }
}

/// The networks but for one.
fn without(networks: &[String], ssid: &str) -> Vec<String> {
    let is_other = |network: &&String| network.split(' ').next() != Some(ssid);
    networks.iter().filter(is_other).cloned().collect()
}

const TOKEN: &str = "the owner's token";
