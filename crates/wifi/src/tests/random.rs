//! Anything at any time: the machine keeps its order towards the radio, and never stops trying.

use super::*;
use crate::limits::{AP_AFTER_MS, AP_CLIENT_PAUSE_MS};

/// Numbers that are the same again for the same seed (Steele and Vigna's SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// A radio that answers late, or not at all.
#[derive(Default)]
struct Radio {
    is_joining: bool,
    is_joined: bool,
    is_scanning: bool,
    is_ap_on: bool,
    pending: Vec<(u64, Event)>,
}

impl Radio {
    fn act(&mut self, now_ms: u64, order: RadioCommand, random: &mut Random) {
        let event = match order {
            RadioCommand::Configure => return,
            RadioCommand::StartAp => Event::ApStarted,
            RadioCommand::StopAp => Event::ApStopped,
            RadioCommand::Join => {
                assert!(!self.is_joining && !self.is_scanning && !self.is_joined, "join");
                self.is_joining = true;
                if random.below(2) == 0 { Event::Joined } else { NOT_FOUND }
            }
            RadioCommand::Leave => {
                self.pending.retain(|(_, event)| !matches!(event, Event::Joined | Event::JoinFailed(_)));
                Event::Left
            }
            RadioCommand::Scan => {
                assert!(!self.is_joining && !self.is_scanning, "scan");
                self.is_scanning = true;
                Event::ScanDone
            }
        };
        // Within its bounds, as the contract says: a radio that is later than that finds the machine gone on.
        self.pending.push((now_ms + random.below(3_500), event));
    }

    fn due(&mut self, now_ms: u64) -> Option<Event> {
        let index = self.pending.iter().position(|(at_ms, _)| *at_ms <= now_ms)?;
        let (_, event) = self.pending.remove(index);
        match event {
            Event::Joined => (self.is_joining, self.is_joined) = (false, true),
            Event::JoinFailed(_) => self.is_joining = false,
            Event::Left => (self.is_joining, self.is_joined) = (false, false),
            Event::ScanDone => self.is_scanning = false,
            Event::ApStarted => self.is_ap_on = true,
            Event::ApStopped => self.is_ap_on = false,
            _ => (),
        }
        Some(event)
    }
}

fn play(seed: u64) {
    let mut random = Random(seed);
    let mut rig = Rig::boot(&["home", "work", "car"][..random.below(4) as usize]);
    let mut radio = Radio::default();
    let mut way_in_ms = rig.now_ms;
    for _ in 0..1_500 {
        for (at_ms, order) in std::mem::take(&mut rig.orders) {
            radio.act(at_ms, order, &mut random);
        }
        if let Some(event) = radio.due(rig.now_ms) {
            rig.event(event);
        } else if random.below(4) > 0 {
            rig.wait(random.below(1_000));
        } else {
            match random.below(12) {
                0 if radio.is_joined => rig.event(Event::Address(ADDRESS)),
                1 if radio.is_joined => rig.event(Event::Address(ADDRESS)),
                2 if radio.is_joined => rig.event(Event::AddressLost),
                3 if radio.is_joined => {
                    radio.is_joined = false;
                    radio.pending.retain(|(_, event)| *event != Event::Left);
                    rig.event(Event::Left);
                }
                4 => rig.with(|wifi, env| wifi.request_scan(env)),
                5 if rig.wifi.trial.is_none() => rig.try_network(),
                6 => rig.command(Input::Abort),
                7 => rig.store(&["home", "work", "car"][..random.below(4) as usize]),
                8 if rig.wifi.state == StationState::AwaitingConfirm => {
                    rig.store(&["new"]);
                    rig.command(Input::Confirmed);
                    rig.wifi.staged = Some(Network::new(b"new").unwrap());
                }
                9 if radio.is_ap_on => rig.event(Event::ApClients(random.below(3) as u8)),
                _ => (),
            }
        }
        let has_way_in =
            rig.wifi.ap.is_up() || matches!(rig.wifi.state, StationState::Online | StationState::AwaitingConfirm);
        if has_way_in {
            way_in_ms = rig.now_ms;
        }
        // A trial comes on top: joining, an address, and leaving before and after.
        assert!(rig.now_ms - way_in_ms < AP_AFTER_MS + 60_000, "seed {seed}: no way in since {way_in_ms}");
        let rests = matches!(rig.wifi.state, StationState::Off | StationState::Online | StationState::Choosing);
        let until_ms = rig.wifi.state_until_ms();
        assert!(rests || until_ms.is_some_and(|until_ms| until_ms <= rig.now_ms + AP_CLIENT_PAUSE_MS + 600_000));
    }
}

#[test]
fn whatever_happens_there_is_a_way_in_and_the_radio_is_told_nothing_it_can_not_do() {
    (0..400).for_each(play);
}
