//! The purposes of the state machine, as tests.

use super::*;
use crate::limits::{
    ADDRESS_TIMEOUT_MS, AP_AFTER_MS, AP_CLIENT_PAUSE_MS, AP_HOLD_MS, AP_LINGER_MS, AP_RETRY_MS, AP_TIMEOUT_MS,
    JOIN_PAUSES, LEAVE_DELAY_MS, LEAVE_TIMEOUT_MS, STALE_MS,
};
use crate::machine::Failure;

/// In milliseconds.
const MINUTE: u64 = 60_000;

#[test]
fn without_a_network_it_makes_its_own() {
    let mut rig = Rig::boot(&[]);
    assert_eq!(rig.ordered(), [RadioCommand::StartAp]);
    rig.event(Event::ApStarted);
    rig.wait(1_000 * MINUTE);
    assert_eq!(rig.ordered(), []);
}

#[test]
fn an_own_network_that_does_not_start_is_started_again() {
    let mut rig = Rig::boot(&[]);
    rig.event(Event::ApFailed);
    rig.wait(AP_RETRY_MS);
    assert_eq!(rig.ordered(), [RadioCommand::StartAp, RadioCommand::StartAp]);
    // Not even an answer.
    rig.wait(AP_TIMEOUT_MS);
    assert_eq!(rig.ordered(), [RadioCommand::StartAp]);
    rig.events([Event::ApStarted, Event::ApFailed]);
    rig.wait(AP_RETRY_MS);
    assert_eq!(rig.ordered(), [RadioCommand::StartAp]);
}

/// Complaints 10 and 11: a wrong password, or a router that boots slower than the device.
#[test]
fn a_network_that_can_not_be_joined_brings_the_own_one_beside_it() {
    let mut rig = Rig::boot(&["home"]);
    let mut joins = Vec::new();
    let mut ap_ms = None;
    while rig.now_ms < 60 * MINUTE {
        for (at_ms, order) in std::mem::take(&mut rig.orders) {
            match order {
                RadioCommand::Join => {
                    joins.push(at_ms);
                    rig.event(Event::JoinFailed(JoinError::WrongPassword));
                }
                RadioCommand::StartAp => {
                    ap_ms = ap_ms.or(Some(at_ms));
                    rig.event(Event::ApStarted);
                }
                order => panic!("{order:?}"),
            }
        }
        rig.wait(100);
    }
    assert_eq!(ap_ms, Some(1_000 + AP_AFTER_MS));
    let pauses: Vec<_> = joins.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.is_sorted() && pauses[0] <= 1_100 && pauses.len() > 25, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= u64::from(JOIN_PAUSES.longest_ms)), "{pauses:?}");
    assert_eq!(rig.settings.networks.len(), 1, "nothing is forgotten");
}

/// Complaint 15: a router that believes for 90 s after each try that the station is still there.
#[test]
fn a_router_that_believes_the_station_is_there_is_outwaited() {
    let mut rig = Rig::boot(&["home"]);
    let mut believes_until_ms = rig.now_ms + STALE_MS;
    while rig.wifi.state != StationState::Online {
        assert!(rig.now_ms < 10 * MINUTE);
        for (at_ms, order) in std::mem::take(&mut rig.orders) {
            match order {
                RadioCommand::Join if at_ms < believes_until_ms => {
                    believes_until_ms = at_ms + STALE_MS;
                    rig.event(Event::JoinFailed(JoinError::Refused));
                }
                RadioCommand::Join => rig.events([Event::Joined, Event::Address(ADDRESS)]),
                _ => (),
            }
        }
        rig.wait(100);
    }
}

/// Complaint 12: the access point is of use while the station has none, and a forgotten client doesn't end the tries.
#[test]
fn a_client_in_the_own_network_is_disturbed_seldom_and_not_never() {
    let mut rig = Rig::boot(&["home"]);
    rig.event(NOT_FOUND);
    while rig.wifi.ap.state != crate::ap::ApState::On {
        rig.wait(100);
        for order in rig.ordered() {
            rig.event(if order == RadioCommand::Join { NOT_FOUND } else { Event::ApStarted });
        }
    }
    rig.event(Event::ApClients(1));
    let mut joins = Vec::new();
    for _ in 0..3_600 {
        rig.wait(1_000);
        for (at_ms, order) in std::mem::take(&mut rig.orders) {
            assert_eq!(order, RadioCommand::Join);
            joins.push(at_ms);
            rig.event(NOT_FOUND);
        }
    }
    let pauses: Vec<_> = joins.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let is_seldom = |pause: &u64| (AP_CLIENT_PAUSE_MS..AP_CLIENT_PAUSE_MS + 1_000).contains(pause);
    assert!(pauses.iter().all(is_seldom) && pauses.len() >= 10, "{pauses:?}");
    // The client leaves, and the station goes on at once.
    rig.wait(JOIN_PAUSES.longest_ms.into());
    rig.event(Event::ApClients(0));
    rig.wait(1);
    assert_eq!(rig.ordered(), [RadioCommand::Join]);
}

#[test]
fn the_own_network_goes_when_the_station_has_held_for_a_while() {
    for clients in [0, 1] {
        let mut rig = Rig::boot(&["home"]);
        rig.event(NOT_FOUND);
        rig.events([Event::Joined]);
        rig.wait(AP_AFTER_MS);
        // Whatever was tried meanwhile: it is off, and comes up now.
        assert!(rig.ordered().contains(&RadioCommand::StartAp));
        rig.events([Event::ApStarted, Event::ApClients(clients), Event::Joined, Event::Address(ADDRESS)]);
        assert_eq!(rig.wifi.state, StationState::Online);
        let hold_ms = if clients > 0 { AP_LINGER_MS } else { AP_HOLD_MS };
        rig.wait(hold_ms - 1);
        assert_eq!(rig.ordered(), []);
        rig.wait(1);
        assert_eq!(rig.ordered(), [RadioCommand::StopAp]);
        rig.event(Event::ApStopped);
        rig.wait(100 * MINUTE);
        assert_eq!(rig.ordered(), []);
    }
}

#[test]
fn an_own_network_that_is_always_wanted_stays() {
    let mut rig = Rig::boot(&["home"]);
    let old = rig.settings.clone();
    rig.settings.ap.is_always_on = true;
    rig.with(|wifi, env| wifi.settings_changed(&old.borrow(), env));
    rig.events([Event::ApStarted, Event::Joined, Event::Address(ADDRESS)]);
    rig.wait(100 * MINUTE);
    assert!(!rig.ordered().contains(&RadioCommand::StopAp));
}

#[test]
fn several_networks_are_tried_by_signal() {
    let mut rig = Rig::boot(&["hidden", "weak", "strong"]);
    assert_eq!(rig.ordered(), [RadioCommand::Scan]);
    rig.events([heard("weak", -80), heard("strong", -40), Event::ScanDone]);
    let mut tried = Vec::new();
    while rig.wifi.state == StationState::Joining {
        tried.push(rig.wifi.ssid.clone());
        rig.event(NOT_FOUND);
    }
    assert_eq!(tried, ["strong", "weak", "hidden"]);
    assert_eq!(rig.wifi.state, StationState::Pausing);
    rig.wait(1_000);
    assert_eq!(
        rig.ordered(),
        [RadioCommand::Join, RadioCommand::Join, RadioCommand::Join, RadioCommand::Scan],
        "and anew"
    );
    // A radio that can't scan is no reason not to join.
    rig.event(Event::ScanFailed);
    assert_eq!(rig.wifi.state, StationState::Joining);
}

#[test]
fn a_network_that_is_lost_is_joined_again_without_a_pause_that_a_person_notices() {
    let mut rig = Rig::online();
    rig.wait(100 * MINUTE);
    rig.event(Event::Left);
    rig.wait(1_000);
    assert_eq!(rig.ordered(), [RadioCommand::Join]);
}

#[test]
fn a_trial_that_fails_goes_back_at_once() {
    let reasons = [
        (Event::JoinFailed(JoinError::WrongPassword), Failure::Join(JoinError::WrongPassword)),
        (Event::Left, Failure::Dropped),
    ];
    for (event, failure) in reasons {
        let mut rig = Rig::online();
        rig.try_network();
        assert_eq!(rig.ordered(), [], "the reply goes first");
        rig.wait(LEAVE_DELAY_MS);
        rig.event(Event::Left);
        assert_eq!(rig.ordered(), [RadioCommand::Leave, RadioCommand::Join]);
        rig.event(event);
        assert_eq!((rig.ordered(), rig.wifi.ssid.as_str()), (Vec::from([RadioCommand::Join]), "home"));
        assert_eq!(rig.wifi.trial_failure, Some(failure));
        assert!(rig.wifi.staged.is_some(), "the password can be corrected");
    }
}

#[test]
fn a_trial_that_is_not_confirmed_goes_back() {
    let mut rig = Rig::online();
    rig.try_network();
    rig.wait(LEAVE_DELAY_MS);
    rig.events([Event::Left, Event::Joined, Event::Address(ADDRESS)]);
    assert_eq!(rig.wifi.state, StationState::AwaitingConfirm);
    // Renewing the address doesn't renew the time.
    rig.wait(30_000);
    rig.events([Event::AddressLost, Event::Address(ADDRESS), Event::ApStarted]);
    rig.ordered();
    rig.wait(29_999);
    assert_eq!(rig.wifi.state, StationState::AwaitingConfirm);
    rig.wait(1);
    rig.event(Event::Left);
    let orders = Vec::from([RadioCommand::Leave, RadioCommand::Join]);
    assert_eq!((rig.ordered(), rig.wifi.ssid.as_str()), (orders, "home"));
    assert_eq!(rig.wifi.trial_failure, Some(Failure::NotConfirmed));
}

#[test]
fn a_trial_without_an_address_or_any_answer_goes_back() {
    for joins in [true, false] {
        let mut rig = Rig::online();
        rig.try_network();
        rig.wait(LEAVE_DELAY_MS + LEAVE_TIMEOUT_MS);
        assert_eq!(rig.wifi.state, StationState::Trying, "a radio that doesn't say that it has left");
        if joins {
            rig.event(Event::Joined);
        }
        rig.wait(MINUTE / 2);
        assert!(rig.wifi.trial.is_none());
        assert_eq!(rig.wifi.ssid, "home");
    }
}

#[test]
fn a_trial_over_the_own_network_keeps_it() {
    let mut rig = Rig::boot(&[]);
    rig.events([Event::ApStarted, Event::ApClients(1)]);
    rig.try_network();
    rig.events([Event::Joined, Event::Address(ADDRESS)]);
    rig.wait(50_000);
    rig.store(&["new"]);
    rig.command(Input::Confirmed);
    assert_eq!(rig.wifi.state, StationState::Online);
    rig.wait(AP_HOLD_MS);
    assert_eq!(rig.ordered(), [RadioCommand::StartAp, RadioCommand::Join], "whoever confirmed is still there");
    rig.event(Event::ApClients(0));
    assert_eq!(rig.ordered(), [RadioCommand::StopAp]);
}

/// A network on trial may be unusable, such as one with an address of another network.
#[test]
fn a_trial_from_afar_brings_the_own_network_as_any_other_absence() {
    let mut rig = Rig::online();
    rig.command(Input::Try { confirm_s: 600 });
    rig.wait(LEAVE_DELAY_MS);
    rig.events([Event::Left, Event::Joined, Event::Address(ADDRESS)]);
    assert_eq!(rig.ordered(), [RadioCommand::Leave, RadioCommand::Join]);
    rig.wait(AP_AFTER_MS);
    assert_eq!((rig.ordered(), rig.wifi.state), (Vec::from([RadioCommand::StartAp]), StationState::AwaitingConfirm));
    rig.event(Event::ApStarted);
    rig.store(&["home", "new"]);
    rig.command(Input::Confirmed);
    rig.wait(AP_HOLD_MS);
    assert_eq!(rig.ordered(), [RadioCommand::StopAp]);
}

#[test]
fn storing_a_trial_has_a_little_time_and_no_more() {
    let mut rig = Rig::boot(&[]);
    rig.try_network();
    rig.events([Event::Joined, Event::Address(ADDRESS)]);
    rig.wifi.trial.as_mut().unwrap().is_confirming = true;
    rig.wait(MINUTE);
    assert_eq!(rig.wifi.state, StationState::AwaitingConfirm);
    rig.wait(LEAVE_TIMEOUT_MS);
    assert_eq!(rig.wifi.trial_failure, Some(Failure::NotConfirmed));
}

#[test]
fn forgetting_the_network_that_it_is_in_leaves_it() {
    let mut rig = Rig::online();
    rig.store(&[]);
    assert_eq!(rig.ordered(), [RadioCommand::StartAp], "first the other way in");
    rig.wait(LEAVE_DELAY_MS);
    rig.event(Event::Left);
    assert_eq!((rig.ordered(), rig.wifi.state), (Vec::from([RadioCommand::Leave]), StationState::Off));
}

#[test]
fn a_scan_waits_for_the_radio_and_the_radio_for_a_scan() {
    let mut rig = Rig::boot(&["home"]);
    rig.with(|wifi, env| wifi.request_scan(env));
    assert_eq!(rig.ordered(), [RadioCommand::Join]);
    rig.event(NOT_FOUND);
    assert_eq!(rig.ordered(), [RadioCommand::Scan]);
    rig.try_network();
    assert_eq!((rig.ordered(), rig.wifi.state), (Vec::new(), StationState::Choosing));
    rig.events([heard("new", -50), Event::ScanDone]);
    assert_eq!((rig.ordered(), rig.wifi.state), (Vec::from([RadioCommand::Join]), StationState::Trying));
    assert_eq!(rig.wifi.scan.networks().len(), 1);
}

/// Issue: each try of another network restarts the access point of some drivers, and drops whoever is there.
#[test]
fn a_client_is_spared_other_networks_for_a_while_where_they_restart_the_access_point() {
    let mut rig = Rig::boot(&["home", "barn"]);
    rig.wifi.restarts_ap = true;
    rig.events([heard("home", -50), heard("barn", -60), Event::ScanDone, NOT_FOUND, NOT_FOUND]);
    rig.wait(AP_AFTER_MS);
    rig.events([Event::ApStarted, Event::ApClients(1)]);
    let mut joined = Vec::new();
    for _ in 0..7_200 {
        for command in rig.ordered() {
            match command {
                RadioCommand::Join => {
                    joined.push(rig.wifi.ssid.as_str().to_owned());
                    rig.event(NOT_FOUND);
                }
                RadioCommand::Scan => rig.events([heard("home", -50), heard("barn", -60), Event::ScanDone]),
                _ => (),
            }
        }
        rig.wait(1_000);
    }
    let of = |name: &str| joined.iter().filter(|ssid| *ssid == name).count();
    assert!(of("barn") >= 3 * of("home") && of("home") >= 4, "{joined:?}");
}

/// A router that was off for long makes pauses long. Once the station was in the network for a while, the next pause is
/// short, whether the station drops out or only loses its address.
#[test]
fn a_lost_lease_after_a_long_stay_is_followed_by_a_short_pause() {
    let mut rig = Rig::boot(&["home"]);
    for _ in 0..10 {
        rig.event(NOT_FOUND);
        rig.wait(u64::from(JOIN_PAUSES.longest_ms));
    }
    rig.events([Event::Joined, Event::Address(ADDRESS)]);
    rig.wait(60 * MINUTE);
    rig.ordered();
    rig.event(Event::AddressLost);
    rig.wait(ADDRESS_TIMEOUT_MS);
    rig.event(Event::Left);
    assert_eq!(rig.ordered(), [RadioCommand::Leave]);
    rig.wait(u64::from(JOIN_PAUSES.first_ms));
    assert_eq!(rig.ordered(), [RadioCommand::Join]);
}
