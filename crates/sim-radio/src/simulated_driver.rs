//! The radio, and the driver that the adapter calls.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;
use std::future::{Future, pending, poll_fn};
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use embassy_time::{Duration, Instant, Timer};
use sockeye_wifi::adapter::{AccessPoint, DriverEvent, RadioDriver};
use sockeye_wifi::{Network, ScanResult};

use crate::event_channel::{EventChannel, Subscription};
use crate::faults::{Faults, Timings};

/// Reason codes as a station of the ESP32 family reports them (IEEE 802.11, 9.4.1.7; from 200 on its own).
mod reason {
    pub const UNSPECIFIED: u16 = 1;
    pub const LEFT_BY_STATION: u16 = 8;
    pub const BEACON_TIMEOUT: u16 = 200;
}

/// How often the radio looks whether its router is there still, milliseconds.
const BEACON_MS: u64 = 500;

/// The surroundings of the radio: its networks and the frames. The implementation numbers the routers.
pub trait Surroundings {
    /// The networks that a scan hears.
    fn scan(&self) -> Vec<ScanResult>;
    /// A station joins the strongest router of this network: it is in the network then.
    ///
    /// # Errors
    /// The reason code with which the router, or the radio for want of one, refuses.
    fn join(&self, network: &Network) -> Result<usize, u16>;
    /// The station is no longer in this router's network.
    fn leave(&self, router: usize);
    /// Whether this router's network is on the air.
    fn is_up(&self, router: usize) -> bool;
    /// The access point is on the air, with this configuration and without clients.
    fn start_ap(&self, ap: &AccessPoint);
    /// The access point is off the air.
    fn stop_ap(&self);
    /// The access point has dropped this client.
    fn drop_client(&self, mac: [u8; 6]);
    /// The radio listens on another channel now, and hears nothing of the access point's for this long.
    fn listen_elsewhere(&self, duration: Duration);
    /// Something that a person who looks for a fault may need.
    fn note(&self, what: Arguments<'_>);
}

/// A call that the driver refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    Connecting,
    Connected(usize),
}

/// Something that happens later.
enum Job {
    /// The radio goes to the next channel.
    Channel {
        left: u8,
    },
    /// The attempt to join of this number has its outcome.
    Join(u32),
    /// A look at the router of this attempt.
    Beacon(u32),
    /// The station of this attempt is out, for this reason.
    Out(u32, u16),
    /// The scan of this number is over.
    Scan(u32),
    Event(DriverEvent),
}

struct State {
    random: fastrand::Rng,
    ap: Option<AccessPoint>,
    station: Option<Network>,
    /// The station joins no more until the next configuration.
    has_stopped: bool,
    link: Link,
    /// Counts attempts to join, so that what was begun for an older one has no effect.
    attempt: u32,
    clients: BTreeSet<[u8; 6]>,
    /// The scan that runs.
    scan: Option<u32>,
    scans: u32,
    results: Vec<ScanResult>,
    jobs: BTreeMap<(Instant, u64), Job>,
    jobs_begun: u64,
    events_lost: u32,
    events_late: u32,
    waker: Option<Waker>,
}

/// A radio in its surroundings.
pub struct SimRadio<S> {
    surroundings: S,
    faults: Cell<Faults>,
    timings: Timings,
    channel: EventChannel,
    state: RefCell<State>,
}

impl<S: Surroundings> SimRadio<S> {
    /// A radio with nothing on the air. [`run`](Self::run) must run beside the adapter.
    pub fn new(surroundings: S, faults: Faults, timings: Timings, random: fastrand::Rng) -> Rc<Self> {
        let state = State {
            random,
            ap: None,
            station: None,
            has_stopped: false,
            link: Link::Down,
            attempt: 0,
            clients: BTreeSet::new(),
            scan: None,
            scans: 0,
            results: Vec::new(),
            jobs: BTreeMap::new(),
            jobs_begun: 0,
            events_lost: 0,
            events_late: 0,
            waker: None,
        };
        let (faults, channel) = (Cell::new(faults), EventChannel::default());
        Rc::new(Self { surroundings, faults, timings, channel, state: RefCell::new(state) })
    }

    /// The driver, whose events are those from now on.
    pub fn driver(self: &Rc<Self>) -> SimDriver<S> {
        SimDriver { radio: self.clone(), subscription: self.subscribe() }
    }

    /// Subscribes to the driver's events from now on.
    pub fn subscribe(&self) -> Subscription {
        self.channel.subscribe()
    }

    /// The radio's surroundings.
    pub fn surroundings(&self) -> &S {
        &self.surroundings
    }

    /// From now on this goes wrong, and no more.
    pub fn set_faults(&self, faults: Faults) {
        self.faults.set(faults);
    }

    /// The access point that is on the air; None if there is none.
    pub fn ap(&self) -> Option<AccessPoint> {
        self.state.borrow().ap.clone()
    }

    /// Whether the station is in a network.
    pub fn is_connected(&self) -> bool {
        matches!(self.state.borrow().link, Link::Connected(_))
    }

    /// How many events were lost since the start.
    pub fn events_lost(&self) -> u32 {
        self.state.borrow().events_lost
    }

    /// How many events were late since the start.
    pub fn events_late(&self) -> u32 {
        self.state.borrow().events_late
    }

    /// How many clients are in the access point.
    pub fn clients(&self) -> usize {
        self.state.borrow().clients.len()
    }

    /// A client joins the access point. False if none is on the air.
    pub fn associate(&self, mac: [u8; 6]) -> bool {
        let state = &mut *self.state.borrow_mut();
        if state.ap.is_none() {
            return false;
        }
        state.clients.insert(mac);
        self.publish(state, DriverEvent::Client(mac, true));
        true
    }

    /// A client leaves the access point, or is missed there.
    pub fn disassociate(&self, mac: [u8; 6]) {
        let state = &mut *self.state.borrow_mut();
        if state.clients.remove(&mac) {
            self.publish(state, DriverEvent::Client(mac, false));
        }
    }

    /// Lets happen what is due, for ever.
    pub async fn run(&self) -> ! {
        loop {
            let next = self.state.borrow().jobs.first_key_value().map(|((at, _), _)| *at);
            let mut timer = pin!(async {
                match next {
                    Some(at) => Timer::at(at).await,
                    None => pending().await,
                }
            });
            poll_fn(|cx| {
                let state = &mut *self.state.borrow_mut();
                let first = state.jobs.first_key_value().map(|((at, _), _)| *at);
                if first != next {
                    return Poll::Ready(());
                }
                state.waker = Some(cx.waker().clone());
                timer.as_mut().poll(cx)
            })
            .await;
            self.happen_due();
        }
    }

    fn happen_due(&self) {
        let state = &mut *self.state.borrow_mut();
        while let Some(entry) = state.jobs.first_entry().filter(|entry| entry.key().0 <= Instant::now()) {
            let job = entry.remove();
            self.happen(state, job);
        }
    }

    fn happen(&self, state: &mut State, job: Job) {
        match job {
            Job::Channel { left } => {
                self.surroundings.listen_elsewhere(Duration::from_millis(self.timings.channel_ms.start - 10));
                if left > 1 {
                    state.after(self.timings.channel_ms.clone(), Job::Channel { left: left - 1 });
                }
            }
            Job::Join(attempt) if state.attempt == attempt && state.link == Link::Connecting => self.join(state),
            Job::Beacon(attempt) if state.attempt == attempt => {
                if let Link::Connected(router) = state.link {
                    if self.surroundings.is_up(router) {
                        state.after(BEACON_MS..BEACON_MS + 1, Job::Beacon(attempt));
                    } else {
                        state.after(self.timings.beacons_ms.clone(), Job::Out(attempt, reason::BEACON_TIMEOUT));
                    }
                }
            }
            Job::Out(attempt, reason) if state.attempt == attempt => self.out(state, reason),
            Job::Scan(scan) if state.scan == Some(scan) => {
                state.scan = None;
                state.results = self.surroundings.scan();
                self.publish(state, DriverEvent::Scanned);
            }
            Job::Event(event) => self.deliver(event),
            Job::Join(_) | Job::Beacon(_) | Job::Out(..) | Job::Scan(_) => {}
        }
    }

    fn join(&self, state: &mut State) {
        let network = state.station.clone().unwrap_or_default();
        state.has_stopped |= state.chance(self.faults.get().station_stops);
        let joined = match state.has_stopped || state.chance(self.faults.get().join_fails) {
            true => Err(reason::UNSPECIFIED),
            false => self.surroundings.join(&network),
        };
        match joined {
            Ok(router) => {
                state.link = Link::Connected(router);
                if state.chance(self.faults.get().moves_channel) {
                    self.drop_clients(state);
                }
                state.after(BEACON_MS..BEACON_MS + 1, Job::Beacon(state.attempt));
                self.publish(state, DriverEvent::Connected);
            }
            Err(reason) => {
                state.link = Link::Down;
                self.publish(state, DriverEvent::Disconnected(reason));
            }
        }
    }

    /// The station is in no network any more, and on the way into none.
    fn out(&self, state: &mut State, reason: u16) {
        let was = std::mem::replace(&mut state.link, Link::Down);
        state.attempt += 1;
        if let Link::Connected(router) = was {
            self.surroundings.leave(router);
        }
        if was != Link::Down {
            self.publish(state, DriverEvent::Disconnected(reason));
        }
    }

    fn drop_clients(&self, state: &mut State) {
        for mac in std::mem::take(&mut state.clients) {
            self.surroundings.drop_client(mac);
            self.publish(state, DriverEvent::Client(mac, false));
        }
    }

    fn stop_ap(&self, state: &mut State) {
        self.drop_clients(state);
        if state.ap.take().is_some() {
            self.surroundings.stop_ap();
        }
    }

    /// A change of the radio's mode, or another call, ends a scan without results.
    fn end_scan(&self, state: &mut State) {
        if state.scan.take().is_some() {
            state.results.clear();
            self.publish(state, DriverEvent::Scanned);
        }
    }

    fn publish(&self, state: &mut State, event: DriverEvent) {
        let faults = self.faults.get();
        let is_client = matches!(event, DriverEvent::Client(..));
        if is_client && !faults.counts_clients {
            return self.deliver(event);
        }
        if state.chance(faults.event_lost) {
            state.events_lost += 1;
            return self.surroundings.note(format_args!("loses {event:?}"));
        }
        // Of a client's events the last counts, so that they keep their order.
        let is_late = !is_client && state.chance(faults.event_late);
        let is_twice = !is_client && state.chance(faults.event_twice);
        state.events_late += u32::from(is_late);
        if is_late || is_twice {
            state.after(self.timings.late_ms.clone(), Job::Event(event));
            self.surroundings.note(format_args!("has {event:?} {}", if is_late { "late" } else { "twice" }));
        }
        if !is_late {
            self.deliver(event);
        }
    }

    fn deliver(&self, event: DriverEvent) {
        if !self.channel.publish(event) {
            self.surroundings.note(format_args!("has no room for {event:?}"));
        }
    }

    /// A call begins: it may fail, and the station may drop out right after it.
    fn call(&self, state: &mut State, name: &str) -> Result<(), Refused> {
        if state.chance(self.faults.get().call_fails) {
            self.surroundings.note(format_args!("fails to {name}"));
            return Err(Refused);
        }
        if state.link != Link::Down && state.chance(self.faults.get().drops_between_calls) {
            self.surroundings.note(format_args!("drops out after {name}"));
            state.after(0..1, Job::Out(state.attempt, reason::UNSPECIFIED));
        }
        Ok(())
    }
}

impl State {
    fn chance(&mut self, of_thousand: u16) -> bool {
        of_thousand > 0 && self.random.u16(..1_000) < of_thousand
    }

    fn after(&mut self, ms: Range<u64>, job: Job) {
        let due = Instant::now() + Duration::from_millis(self.random.u64(ms));
        self.jobs_begun += 1;
        self.jobs.insert((due, self.jobs_begun), job);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Listens on all channels, and returns how long that takes.
    fn sweep(&mut self, channel_ms: &Range<u64>) -> u64 {
        self.after(0..1, Job::Channel { left: Timings::CHANNELS });
        u64::from(Timings::CHANNELS) * channel_ms.end
    }
}

/// The adapter's driver of a simulated radio.
pub struct SimDriver<S> {
    radio: Rc<SimRadio<S>>,
    subscription: Subscription,
}

impl<S: Surroundings> SimDriver<S> {
    /// The radio.
    pub fn radio(&self) -> &Rc<SimRadio<S>> {
        &self.radio
    }
}

impl<S: Surroundings> RadioDriver for SimDriver<S> {
    type Error = Refused;

    fn restarts_ap(&self) -> bool {
        self.radio.faults.get().restarts_ap
    }

    fn configure(&mut self, ap: Option<&AccessPoint>, station: Option<&Network>) -> Result<(), Refused> {
        let radio = &*self.radio;
        let state = &mut *radio.state.borrow_mut();
        if let Err(error) = radio.call(state, "configure") {
            radio.end_scan(state);
            radio.out(state, reason::LEFT_BY_STATION);
            radio.stop_ap(state);
            state.station = None;
            return Err(error);
        }
        let is_other_mode = state.ap.is_some() != ap.is_some();
        if is_other_mode {
            radio.end_scan(state);
            radio.out(state, reason::LEFT_BY_STATION);
        }
        if state.ap.as_ref() != ap || radio.faults.get().restarts_ap {
            radio.stop_ap(state);
            if let Some(ap) = ap {
                state.ap = Some(ap.clone());
                radio.surroundings.start_ap(ap);
            }
        }
        (state.station, state.has_stopped) = (station.cloned(), false);
        Ok(())
    }

    fn set_power_save(&mut self, _is_on: bool) -> Result<(), Refused> {
        let state = &mut *self.radio.state.borrow_mut();
        self.radio.call(state, "set power saving")
    }

    async fn connect(&mut self) -> Result<(), Refused> {
        {
            let radio = &*self.radio;
            let state = &mut *radio.state.borrow_mut();
            radio.call(state, "connect")?;
            if state.link != Link::Down {
                return Err(Refused);
            }
            radio.end_scan(state);
            state.attempt += 1;
            state.link = Link::Connecting;
            let sweep_ms = state.sweep(&radio.timings.channel_ms);
            let Range { start, end } = radio.timings.join_ms;
            state.after(sweep_ms + start..sweep_ms + end, Job::Join(state.attempt));
        }
        pending().await
    }

    async fn disconnect(&mut self) -> Result<(), Refused> {
        {
            let radio = &*self.radio;
            let state = &mut *radio.state.borrow_mut();
            if state.link == Link::Down {
                return Err(Refused);
            }
            radio.call(state, "disconnect")?;
            if state.link == Link::Connecting {
                // The station can't be in the network any more, whatever the router answers.
                state.station = None;
            }
            state.after(radio.timings.leave_ms.clone(), Job::Out(state.attempt, reason::LEFT_BY_STATION));
        }
        pending().await
    }

    async fn scan(&mut self) -> Result<(), Refused> {
        {
            let radio = &*self.radio;
            let state = &mut *radio.state.borrow_mut();
            radio.call(state, "scan")?;
            if state.link == Link::Connecting {
                return Err(Refused);
            }
            radio.end_scan(state);
            state.scans += 1;
            state.scan = Some(state.scans);
            let sweep_ms = state.sweep(&radio.timings.channel_ms);
            if state.chance(radio.faults.get().scan_endless) {
                radio.surroundings.note(format_args!("scans without end"));
            } else {
                state.after(sweep_ms..sweep_ms + 1, Job::Scan(state.scans));
            }
        }
        pending().await
    }

    fn scan_results(&mut self) -> Result<impl Iterator<Item = ScanResult>, Refused> {
        let state = &mut *self.radio.state.borrow_mut();
        self.radio.call(state, "give the scan's results")?;
        Ok(std::mem::take(&mut state.results).into_iter())
    }

    fn is_connected(&self) -> bool {
        self.radio.is_connected()
    }

    fn rssi_dbm(&self) -> Option<i8> {
        let state = self.radio.state.borrow();
        let heard = state.station.as_ref().filter(|_| matches!(state.link, Link::Connected(_)))?;
        self.radio.surroundings.scan().iter().find(|result| result.ssid == heard.ssid).map(|result| result.rssi_dbm)
    }

    fn ap_clients(&self) -> Option<u8> {
        let count = self.radio.clients().min(u8::MAX.into()) as u8;
        self.radio.faults.get().counts_clients.then_some(count)
    }

    async fn next_event(&mut self) -> DriverEvent {
        self.subscription.next_event().await
    }
}
