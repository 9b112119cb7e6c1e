//! docs/wifi.md has the table of states, which is made by running the machine.

use std::fmt::Write;
use std::path::Path;
use std::string::String;
use std::{format, vec};

use super::*;

/// A state as the table calls it, and how to get there.
type Place = (&'static str, fn() -> Rig);

fn places() -> [Place; 16] {
    let pausing = || {
        let mut rig = Rig::boot(&["home"]);
        rig.event(NOT_FOUND);
        rig
    };
    let joining = || Rig::boot(&["home"]);
    let trying = || {
        let mut rig = Rig::boot(&["home"]);
        rig.event(NOT_FOUND);
        rig.try_network();
        rig
    };
    [
        ("off", || Rig::boot(&[])),
        ("choosing", || Rig::boot(&["home", "work"])),
        ("joining", joining),
        ("joining, another is left", || {
            let mut rig = Rig::boot(&["home", "work"]);
            rig.event(Event::ScanDone);
            rig
        }),
        ("waiting-for-dhcp", || {
            let mut rig = Rig::boot(&["home"]);
            rig.event(Event::Joined);
            rig
        }),
        ("online", Rig::online),
        ("pausing", pausing),
        ("leave-delay, to try", || {
            let mut rig = Rig::online();
            rig.try_network();
            rig
        }),
        ("leaving, to try", || {
            let mut rig = Rig::boot(&["home"]);
            rig.try_network();
            rig
        }),
        ("leaving, after a try", || {
            let mut rig = Rig::boot(&["home"]);
            rig.event(NOT_FOUND);
            rig.try_network();
            rig.command(Input::Abort);
            rig
        }),
        ("leaving, none was left", || {
            let mut rig = Rig::boot(&["home"]);
            rig.wait(crate::limits::JOIN_TIMEOUT_MS);
            rig
        }),
        ("trying", trying),
        ("trying, none is stored", || {
            let mut rig = Rig::boot(&[]);
            rig.try_network();
            rig
        }),
        ("try-waiting-for-dhcp", || {
            let mut rig = Rig::boot(&["home"]);
            rig.event(NOT_FOUND);
            rig.try_network();
            rig.event(Event::Joined);
            rig
        }),
        ("try-waiting-for-dhcp, none is stored", || {
            let mut rig = Rig::boot(&[]);
            rig.try_network();
            rig.event(Event::Joined);
            rig
        }),
        ("awaiting-confirm", || {
            let mut rig = Rig::boot(&["home"]);
            rig.event(NOT_FOUND);
            rig.try_network();
            rig.events([Event::Joined, Event::Address(ADDRESS)]);
            rig
        }),
    ]
}

type Cause = (&'static str, fn(&mut Rig));

const CAUSES: [Cause; 11] = [
    ("joined", |rig| rig.event(Event::Joined)),
    ("could not join", |rig| rig.event(NOT_FOUND)),
    ("left, or dropped out", |rig| rig.event(Event::Left)),
    ("got an address", |rig| rig.event(Event::Address(ADDRESS))),
    ("lost the address", |rig| rig.event(Event::AddressLost)),
    ("the scan is over", |rig| rig.event(Event::ScanDone)),
    ("time", |rig| {
        if let Some(until_ms) = rig.wifi.state_until_ms() {
            rig.now_ms = until_ms;
            rig.with(|wifi, env| wifi.tick(env));
        }
    }),
    ("`WIFI TRY`", |rig| {
        // The command says no while one is being tried.
        if rig.wifi.trial.is_none() {
            rig.try_network();
        }
    }),
    ("`WIFI ABORT`", |rig| rig.command(Input::Abort)),
    ("`WIFI CONFIRM`, stored", |rig| {
        if rig.wifi.state == StationState::AwaitingConfirm {
            rig.store(&["home", "new"]);
            rig.command(Input::Confirmed);
        }
    }),
    ("all networks are forgotten", |rig| rig.store(&[])),
];

fn rows() -> String {
    let mut text = String::from("\n| state | what happens | next | the radio is told to |\n|---|---|---|---|\n");
    for (name, reach) in places() {
        for (cause, happen) in CAUSES {
            let mut rig = reach();
            let before = rig.wifi.state;
            assert!(name.starts_with(before.name()), "{name}: {before:?}");
            rig.orders.clear();
            happen(&mut rig);
            let orders = rig
                .ordered()
                .into_iter()
                .filter(|order| !matches!(order, RadioCommand::StartAp | RadioCommand::StopAp));
            let orders: vec::Vec<_> = orders.map(|order| format!("{order:?}").to_lowercase()).collect();
            let after = rig.wifi.state;
            if after != before || !orders.is_empty() {
                writeln!(text, "| {name} | {cause} | {} | {} |", after.name(), orders.join(", ")).unwrap();
            }
        }
    }
    text + "\n"
}

#[test]
fn wifi_md_has_the_table_of_states() {
    const BEGIN: &str = "<!-- The table of states begins. -->\n";
    const END: &str = "<!-- The table of states ends. -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wifi.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the document marks where the table begins");
    let (_, after) = rest.split_once(END).expect("the document marks where the table ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", rows());
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(text == expected, "docs/wifi.md is stale: run this test with SOCKEYE_BLESS=1");
}

#[test]
fn every_state_is_in_the_table() {
    use StationState::*;
    let all = [
        Off,
        Choosing,
        Joining,
        WaitingForDhcp,
        Online,
        Pausing,
        LeaveDelay,
        Leaving,
        Trying,
        TryWaitingForDhcp,
        AwaitingConfirm,
    ];
    for state in all {
        assert!(places().iter().any(|(_, reach)| reach().wifi.state == state), "{state:?}");
    }
}

/// The page says that one network is stored in each state, unless the state's name says otherwise.
#[test]
fn each_state_has_the_networks_that_the_page_says() {
    for (name, reach) in places() {
        let has_none = name == "off" || name.ends_with("none is stored");
        assert_eq!(reach().settings.networks.is_empty(), has_none, "{name}");
    }
}

/// With a radio that reports nothing but its access point, these rules hold from every state on, whatever the table
/// says. A trial is over within its bound, a state that waits ends by itself, and there is a way in.
#[test]
fn from_every_state_there_is_a_way_back_within_a_bound() {
    /// The longest outcome of WIFI TRY, and the time to confirm that the tests give.
    const TRIAL_MS: u64 = crate::limits::OUTCOME_S * 1_000 + 60_000;
    for (name, reach) in places() {
        let mut rig = reach();
        let rests = matches!(rig.wifi.state, StationState::Off | StationState::Online);
        let before = (rig.wifi.state, rig.wifi.since_ms);
        let end_ms = rig.now_ms + TRIAL_MS + crate::limits::AP_AFTER_MS;
        let (mut joined, mut has_changed) = (Vec::new(), false);
        while rig.now_ms < end_ms {
            for command in rig.ordered() {
                match command {
                    RadioCommand::StartAp => rig.event(Event::ApStarted),
                    RadioCommand::Join => joined.push(rig.wifi.ssid.clone()),
                    _ => (),
                }
            }
            rig.wait(100);
            has_changed |= (rig.wifi.state, rig.wifi.since_ms) != before;
        }
        assert!(rests || has_changed, "{name} never ends");
        assert!(rig.wifi.trial.is_none(), "{name}: the trial never ends");
        assert!(rig.wifi.ap.is_up() || rig.wifi.state == StationState::Online, "{name}: no way in");
        let is_stored = |ssid: &str| rig.settings.networks.iter().any(|network| network.ssid == ssid);
        let is_back = rig.settings.networks.is_empty() || joined.last().is_none_or(|ssid| is_stored(ssid));
        assert!(is_back, "{name}: {joined:?}");
    }
}
