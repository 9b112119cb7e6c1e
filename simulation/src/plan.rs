//! The plan of a run: the events around the device. The plan is made from the seed before the run begins. So a run that
//! fails can be described in a few lines, and made shorter.

use std::fmt;

use sockeye_parts::{Condition, SimulatedBoard};

use crate::air::RouterConfig;
use crate::ether::{LinkConditions, Place};

/// How long things happen, seconds.
const ACTIVE_S: std::ops::Range<u64> = 240..720;
/// Things that happen.
const STEPS: std::ops::Range<usize> = 6..30;
/// Routers there are.
pub const ROUTERS: usize = 5;
/// The names of the routers' networks. Two have the same name, as in one house.
pub const NAMES: [&str; ROUTERS] = ["home", "barn", "home", "attic", "shed"];

/// Names and specs of things that the owner wires. Some can't be beside each other, and the device refuses them. An empty
/// spec removes a thing.
pub const WIRES: [(&str, &str); 15] = [
    ("room", "bme280 sda=6 scl=7"),
    ("room", "bme280 sda=6 scl=7 period=2s"),
    ("room", ""),
    ("light", "bh1750 sda=6 scl=7 period=1s"),
    ("cellar", "ds18b20 pin=4 rom=28a051000000001a"),
    ("barn", "ds18b20 pin=4 rom=28a151000000002d period=3s"),
    ("cellar", ""),
    ("attic", "dht22 pin=5 period=2s"),
    ("attic", "input pin=5 pull=up"),
    ("tank", "adc pin=1 scale=0.05 offset=-20 unit=% decimals=1"),
    ("tank", ""),
    ("meter", "counter pin=3"),
    ("door", "input pin=10"),
    ("pump", "output pin=2 strapping=yes"),
    ("fan", "pwm pin=3 frequency=25000"),
];

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The ether changes.
    Conditions(LinkConditions),
    /// A router loses its power, or gets it back and has booted.
    Router { number: usize, is_up: bool },
    /// The device's power is cut now, for so long.
    PowerCut { off_ms: u64 },
    /// The device's power is cut in the middle of writing or erasing, when so many more bytes of flash have changed.
    PowerCutInFlash { after: u32, off_ms: u64 },
    /// A bit of flash falls over that was written.
    AgeWritten { bit: usize },
    /// Bits of flash fall over where nothing was written yet: as many as a chip at the end of its life has.
    AgeUnwritten { seed: u64, bits: u8 },
    /// The owner gives the device another name.
    Rename(String),
    /// The owner sets a token, so that the device can be configured over any network.
    Protect,
    /// The owner tries a network, with its password or another.
    TryNetwork { router: usize, is_right: bool, address: Address, then: Then, seconds: u32 },
    /// The owner looks which networks are here.
    Scan,
    /// The owner has the device forget a network.
    Forget { router: usize },
    /// The owner has the device forget everything.
    FactoryReset,
    /// The owner wires two things at once: places in [`WIRES`].
    Wire { first: usize, second: usize },
    /// The owner restarts the device.
    Restart,
    /// A part on the device's pins is in another condition.
    Part { name: &'static str, condition: Condition },
    /// Strangers come to a network that the device is in.
    Crowd { place: Place, clients: u8, habit: Habit },
}

/// The address that the owner gives the device in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// None: the router does.
    Dhcp,
    /// One of that network.
    Own,
    /// One of another network, with which nobody can reach it.
    Useless,
}

/// The owner's action when a network is being tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Leaves,
    /// Tries to confirm it when it is too late.
    ConfirmsLate,
    /// Confirms it from there.
    ConfirmsThere,
    /// Confirms it over the access point, if that is where it was asked for.
    ConfirmsHere,
    /// Ends it.
    Aborts,
}

/// A stranger's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Connects, and says nothing.
    Stalls,
    /// Sends half a request.
    Dawdles,
    /// Sends requests and takes no replies.
    Floods,
    /// Is out of reach in the middle of a conversation.
    Vanishes,
    /// Is out of reach in the middle of the handshake.
    HalfOpens,
    /// Comes, asks, and goes.
    Asks,
    /// Talks to the device as a browser would.
    Browses,
}

/// More often what leads somewhere.
const THENS: [Then; 7] = {
    use Then::{Aborts, ConfirmsHere, ConfirmsLate, ConfirmsThere, Leaves};
    [Leaves, ConfirmsLate, ConfirmsThere, ConfirmsThere, ConfirmsHere, ConfirmsHere, Aborts]
};

const CONDITIONS: [Condition; 6] = {
    use Condition::{Corrupts, Hangs, Short, Slow, Unplugged, Works};
    [Works, Unplugged, Corrupts, Short, Hangs, Slow]
};

const HABITS: [Habit; 7] =
    [Habit::Stalls, Habit::Dawdles, Habit::Floods, Habit::Vanishes, Habit::HalfOpens, Habit::Asks, Habit::Browses];

/// A whole run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The networks around the device. Those of the first `up` are on the air at the start.
    pub routers: Vec<RouterConfig>,
    /// How many of them are on the air at the start.
    pub up: usize,
    /// The steps and their times, milliseconds.
    pub steps: Vec<(u64, Step)>,
    /// When no more happens, milliseconds.
    pub calm_ms: u64,
    /// The device's radio has the faults of real ones; otherwise it has none.
    pub has_radio_faults: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let random = &mut fastrand::Rng::with_seed(seed);
        let routers = (0..ROUTERS).map(|number| router(random, number)).collect();
        let calm_ms = random.u64(ACTIVE_S) * 1_000;
        let mut steps: Vec<_> =
            (0..random.usize(STEPS)).map(|index| (random.u64(1_000..calm_ms), step(random, index))).collect();
        if random.u8(..6) == 0 {
            steps.extend(moving_in(random));
        }
        steps.sort_by_key(|(ms, _)| *ms);
        Self { routers, up: random.usize(1..=ROUTERS), steps, calm_ms, has_radio_faults: true }
    }

    /// The same without step `index`.
    pub fn without(&self, index: usize) -> Self {
        let mut plan = self.clone();
        plan.steps.remove(index);
        plan
    }
}

/// The steps of an owner who has the device join all networks, one after the other.
fn moving_in(random: &mut fastrand::Rng) -> Vec<(u64, Step)> {
    let mut steps = Vec::new();
    for number in [0, 1, 3, 4] {
        let at_ms = 2_000 + 40_000 * number as u64;
        steps.push((at_ms, Step::Router { number, is_up: true }));
        let address = [Address::Dhcp, Address::Own][random.usize(..2)];
        let then = Then::ConfirmsThere;
        steps.push((at_ms, Step::TryNetwork { router: number, is_right: true, address, then, seconds: 60 }));
    }
    steps
}

fn router(random: &mut fastrand::Rng, number: usize) -> RouterConfig {
    let ssid = NAMES[number].to_owned();
    let password = Some(format!("{ssid}'s password")).filter(|_| ssid != "barn" || random.bool());
    RouterConfig {
        ssid,
        password,
        rssi_dbm: random.i8(-90..-30),
        is_jealous: random.bool(),
        has_dhcp: random.u8(..8) > 0,
    }
}

fn step(random: &mut fastrand::Rng, index: usize) -> Step {
    let off_ms = random.u64(100..20_000);
    let number = random.usize(..ROUTERS);
    match random.u8(..28) {
        0..=1 => Step::Conditions(LinkConditions::FAIR),
        2..=3 => Step::Conditions(LinkConditions {
            loss: random.u16(..100),
            twice: random.u16(..50),
            latency_us_max: random.u32(1_000..60_000),
        }),
        4..=6 => Step::Router { number, is_up: random.bool() },
        7 => Step::PowerCut { off_ms },
        8 => Step::PowerCutInFlash { after: random.u32(..3_000), off_ms },
        9..=10 => Step::Rename(format!("device-{index}")),
        11..=15 => Step::TryNetwork {
            router: number,
            is_right: random.u8(..5) > 0,
            address: [Address::Dhcp, Address::Dhcp, Address::Own, Address::Useless][random.usize(..4)],
            then: THENS[random.usize(..THENS.len())],
            seconds: random.u32(10..120),
        },
        16 => [Step::Forget { router: number }, Step::Protect, Step::FactoryReset][random.usize(..3)].clone(),
        17 => Step::Scan,
        18..=19 => Step::AgeUnwritten { seed: random.u64(..), bits: random.u8(1..20) },
        20..=22 => Step::Wire { first: random.usize(..WIRES.len()), second: random.usize(..WIRES.len()) },
        23..=24 => Step::Part {
            name: SimulatedBoard::PARTS[random.usize(..SimulatedBoard::PARTS.len())],
            condition: CONDITIONS[random.usize(..CONDITIONS.len())],
        },
        25 => Step::Restart,
        _ => Step::Crowd {
            place: if random.bool() { Place::AccessPoint } else { Place::Router(number) },
            clients: random.u8(1..=14),
            habit: HABITS[random.usize(..HABITS.len())],
        },
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, router) in self.routers.iter().enumerate() {
            let RouterConfig { ssid, password, rssi_dbm, is_jealous, has_dhcp } = router;
            let state = if number < self.up { "up" } else { "down" };
            writeln!(
                f,
                "router {number}: {ssid:?}, {password:?}, {rssi_dbm} dBm, jealous: {is_jealous}, DHCP: {has_dhcp}, {state}"
            )?;
        }
        for (ms, step) in &self.steps {
            writeln!(f, "{:>5}.{:03} {step:?}", ms / 1_000, ms % 1_000)?;
        }
        writeln!(f, "{:>5}.{:03} calm", self.calm_ms / 1_000, self.calm_ms % 1_000)
    }
}
