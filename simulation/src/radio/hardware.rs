//! The device's radio: it takes its time, fails now and then, and forgets to tell.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use embassy_net::{ConfigV4, DhcpConfig, Stack};
use embassy_time::{Duration, Timer};
use sockeye_wifi::{Action, ApConfig, Event, Ip, Join, JoinError, Radio};

use super::Ether;
use crate::air::{Air, Card, Place};
use crate::executor::{Executor, Group};
use crate::mutation::Mutation;
use crate::queue::Queue;
use crate::router::static_config;
use crate::trace::Trace;

/// Attempts of a thousand that fail for no reason, and outcomes that are never told.
const FAILURES: u16 = 20;
const LOST: u16 = 5;

/// One of the device's two network interfaces.
#[derive(Clone, Copy)]
pub struct Wlan {
    /// Its card in the air.
    pub card: Card,
    /// Its network stack.
    pub stack: Stack<'static>,
}

/// The device's end.
pub struct SimRadio {
    actions: Rc<Queue<Action>>,
    events: Rc<Queue<Event>>,
    mutation: Mutation,
    /// The network that a radio without a way back was told to join first.
    stuck: Option<Join>,
}

impl Radio for SimRadio {
    async fn act(&mut self, action: Action) {
        self.actions.push(match (self.mutation, action) {
            (Mutation::NoRollback, Action::Join(join)) => Action::Join(self.stuck.get_or_insert(join).clone()),
            (Mutation::NoRollback, Action::StartAp(_)) if self.stuck.is_some() => return,
            (_, action) => action,
        });
    }

    async fn event(&mut self) -> Event {
        self.events.pop().await
    }
}

impl SimRadio {
    /// Tells that the station's address has changed.
    pub fn teller(&self) -> impl Fn(Event) + use<> {
        let events = self.events.clone();
        move |event| events.push(event)
    }
}

/// Switches the radio on.
pub fn start(
    (executor, group): (&Executor, Group),
    ether: Ether,
    (own, station): (Wlan, Wlan),
    random: fastrand::Rng,
    mutation: Mutation,
) -> SimRadio {
    let radio = SimRadio { actions: Rc::default(), events: Rc::default(), mutation, stuck: None };
    ether.state.borrow_mut().events = Some(radio.events.clone());
    let hardware = Rc::new(Hardware {
        executor: executor.clone(),
        group,
        air: ether.air.clone(),
        trace: ether.trace.clone(),
        ether,
        own,
        station,
        events: radio.events.clone(),
        random: RefCell::new(random),
        stay: Cell::new(0),
        joined: Cell::new(None),
    });
    executor.spawn(group, hardware.clone().run(radio.actions.clone()));
    executor.spawn(group, async move {
        loop {
            Timer::after(Duration::from_secs(5)).await;
            hardware.ether.miss_clients();
        }
    });
    radio
}

struct Hardware {
    executor: Executor,
    group: Group,
    ether: Ether,
    air: Air,
    trace: Trace,
    own: Wlan,
    station: Wlan,
    events: Rc<Queue<Event>>,
    random: RefCell<fastrand::Rng>,
    /// Changes with each join and leave: what began before has nothing to say any more.
    stay: Cell<u32>,
    /// The router whose network the station is in.
    joined: Cell<Option<usize>>,
}

impl Hardware {
    async fn run(self: Rc<Self>, actions: Rc<Queue<Action>>) {
        loop {
            let action = actions.pop().await;
            self.trace.note("radio", format_args!("{action:?}"));
            match action {
                Action::Configure(_) => {}
                Action::StartAp(config) => self.start_ap(config).await,
                Action::StopAp => self.stop_ap().await,
                Action::Join(join) => {
                    let stay = self.new_stay();
                    self.executor.spawn(self.group, self.clone().join(join, stay));
                }
                Action::Leave => self.leave().await,
                Action::Scan => self.executor.spawn(self.group, self.clone().scan()),
            }
        }
    }

    fn tell(&self, event: Event) {
        self.trace.note("radio", format_args!("tells {event:?}"));
        self.events.push(event);
    }

    /// Tells the outcome of an action, mostly.
    fn tell_outcome(&self, event: Event) {
        if self.chance(LOST) {
            self.trace.note("radio", format_args!("does not tell {event:?}"));
        } else {
            self.tell(event);
        }
    }

    fn chance(&self, of_thousand: u16) -> bool {
        self.random.borrow_mut().u16(..1_000) < of_thousand
    }

    async fn pause(&self, ms: std::ops::Range<u64>) {
        let ms = self.random.borrow_mut().u64(ms);
        Timer::after(Duration::from_millis(ms)).await;
    }

    async fn start_ap(&self, config: ApConfig) {
        self.pause(50..400).await;
        if self.chance(FAILURES) {
            return self.tell_outcome(Event::ApFailed);
        }
        let address = static_config(config.address, config.prefix_len);
        self.ether.begin_own(config);
        self.air.set_place(self.own.card, Some(Place::Own));
        self.own.stack.set_config_v4(ConfigV4::Static(address));
        self.tell_outcome(Event::ApStarted);
    }

    async fn stop_ap(&self) {
        self.pause(10..100).await;
        self.ether.end_own(&mut self.ether.state.borrow_mut());
        self.air.set_place(self.own.card, None);
        self.own.stack.set_config_v4(ConfigV4::None);
        self.tell_outcome(Event::ApStopped);
    }

    /// Listening on other channels keeps the radio from its own.
    async fn sweep(&self) {
        for _ in 0..13 {
            self.air.go_away(Place::Own, Duration::from_millis(100));
            self.pause(110..180).await;
        }
    }

    async fn scan(self: Rc<Self>) {
        self.sweep().await;
        if self.chance(FAILURES) {
            return self.tell_outcome(Event::ScanFailed);
        }
        self.ether.heard().into_iter().for_each(|heard| self.events.push(Event::ScanResult(heard)));
        self.tell_outcome(Event::ScanDone);
    }

    fn new_stay(&self) -> u32 {
        self.stay.set(self.stay.get() + 1);
        self.stay.get()
    }

    async fn join(self: Rc<Self>, join: Join, stay: u32) {
        self.sweep().await;
        let outcome = self.try_join(&join).await;
        if self.stay.get() != stay {
            // It was told to leave meanwhile.
            outcome.into_iter().for_each(|number| self.ether.part(number));
            return;
        }
        match outcome {
            Err(error) => self.tell_outcome(Event::JoinFailed(error)),
            Ok(number) => {
                self.joined.set(Some(number));
                if self.chance(500) {
                    self.ether.drop_clients();
                }
                self.tell_outcome(Event::Joined);
                self.air.set_place(self.station.card, Some(Place::Router(number)));
                self.station.stack.set_config_v4(match join.network.ip {
                    Ip::Static(ip) => ConfigV4::Static(static_config(ip.address, ip.prefix_len)),
                    Ip::Dhcp => ConfigV4::Dhcp(DhcpConfig::default()),
                });
                self.stay_joined(number, stay).await;
            }
        }
    }

    async fn try_join(&self, join: &Join) -> Result<usize, JoinError> {
        let number = self.ether.find(&join.network.ssid).ok_or(JoinError::NotFound)?;
        self.pause(100..2_000).await;
        if self.chance(FAILURES) {
            return Err(JoinError::Other);
        }
        self.ether.admit(number, join.network.password.as_str())?;
        Ok(number)
    }

    /// Until the router is gone, which shows after its beacons have been missing for a while.
    async fn stay_joined(&self, number: usize, stay: u32) {
        loop {
            Timer::after(Duration::from_millis(500)).await;
            if self.stay.get() != stay {
                return;
            }
            if !self.ether.is_up(number) {
                self.pause(2_000..6_000).await;
                if self.stay.get() == stay {
                    self.new_stay();
                    self.drop_out();
                    self.tell(Event::Left);
                }
                return;
            }
        }
    }

    async fn leave(&self) {
        self.new_stay();
        self.pause(10..100).await;
        self.drop_out();
        self.tell_outcome(Event::Left);
    }

    fn drop_out(&self) {
        if let Some(number) = self.joined.take() {
            self.ether.part(number);
        }
        self.air.set_place(self.station.card, None);
        self.station.stack.set_config_v4(ConfigV4::None);
    }
}
