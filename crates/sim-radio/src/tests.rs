//! The radio by itself: whom its events reach, and what a configuration does.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

use std::future::Future;

use super::*;
use embassy_time::Duration;
use sockeye_wifi::adapter::{AccessPoint, DriverEvent, RadioDriver};
use sockeye_wifi::limits::DRIVER_EVENTS_MAX;
use sockeye_wifi::{Network, ScanResult};

/// Surroundings without a network.
#[derive(Default)]
struct Nothing(RefCell<Vec<[u8; 6]>>);

impl Surroundings for Nothing {
    fn scan(&self) -> Vec<ScanResult> {
        Vec::new()
    }

    fn join(&self, _network: &Network) -> Result<usize, u16> {
        Err(201)
    }

    fn leave(&self, _router: usize) {}

    fn is_up(&self, _router: usize) -> bool {
        false
    }

    fn start_ap(&self, _ap: &AccessPoint) {}

    fn stop_ap(&self) {}

    fn drop_client(&self, mac: [u8; 6]) {
        self.0.borrow_mut().push(mac);
    }

    fn listen_elsewhere(&self, _duration: Duration) {}

    fn note(&self, _what: std::fmt::Arguments<'_>) {}
}

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn ap() -> AccessPoint {
    AccessPoint { ssid: "sockeye".try_into().unwrap(), passphrase: Default::default() }
}

fn radio(faults: Faults) -> std::rc::Rc<SimRadio<Nothing>> {
    SimRadio::new(Nothing::default(), faults, Timings::CHIP, fastrand::Rng::with_seed(1))
}

/// The events that can be read now.
fn events(subscription: &Subscription) -> Vec<DriverEvent> {
    let next = || {
        let polled = std::pin::pin!(subscription.next_event()).poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(event) = polled { Some(event) } else { None }
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn events_go_to_those_who_are_subscribed_at_that_moment() {
    let radio = radio(Faults::NONE);
    let mut driver = radio.driver();
    driver.configure(Some(&ap()), None).unwrap();
    let early = radio.subscribe();
    assert!(radio.associate(MAC));
    let late = radio.subscribe();
    assert_eq!((events(&early), events(&late)), (vec![DriverEvent::Client(MAC, true)], Vec::new()));
}

#[test]
fn a_full_queue_loses_the_newest_event() {
    let radio = radio(Faults::NONE);
    radio.driver().configure(Some(&ap()), None).unwrap();
    let subscription = radio.subscribe();
    for number in 0..20 {
        radio.associate([number; 6]);
    }
    let events = events(&subscription);
    assert_eq!(events.len(), DRIVER_EVENTS_MAX);
    assert_eq!(events[0], DriverEvent::Client([0; 6], true));
}

#[test]
fn a_configuration_restarts_the_access_point_where_the_driver_can_not_do_otherwise() {
    let home = Network::new(b"home").unwrap();
    for restarts_ap in [true, false] {
        let radio = radio(Faults { restarts_ap, ..Faults::NONE });
        let mut driver = radio.driver();
        driver.configure(Some(&ap()), None).unwrap();
        radio.associate(MAC);
        let subscription = radio.subscribe();
        driver.configure(Some(&ap()), Some(&home)).unwrap();
        let expected = if restarts_ap { vec![DriverEvent::Client(MAC, false)] } else { Vec::new() };
        assert_eq!((radio.clients(), events(&subscription)), (usize::from(!restarts_ap), expected));
    }
}

#[test]
fn a_configuration_that_fails_stops_everything() {
    let radio = radio(Faults::NONE);
    let mut driver = radio.driver();
    driver.configure(Some(&ap()), None).unwrap();
    radio.associate(MAC);
    radio.set_faults(Faults { call_fails: 1_000, ..Faults::NONE });
    assert_eq!(driver.configure(Some(&ap()), None), Err(Refused));
    assert_eq!((radio.ap(), radio.clients(), radio.surroundings().0.take()), (None, 0, vec![MAC]));
}
